"""A store of a million epochs: every GET, and a hundred readers of the largest table, within bounded
memory."""

from __future__ import annotations

import asyncio
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from sensitivity.study.planning import trials as planned
from tests.benchmarks.made_store import fill_in_database, made_study
from tests.sensitivity.processes import descendants
from tests.sensitivity.ray_head import ROOT, free_port
from tests.sensitivity.service.served import answered, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
TRIALS, EPOCHS = 200, 5_000
READERS = 100
MOST_MEBIBYTES = 1_500.0
STUDY = "/api/v1/studies/made"


@dataclass(frozen=True)
class Service:
    """The process of a service, a client of it, and the folder of its tables."""

    pid: int
    client: httpx.Client
    tables: pathlib.Path

    def peaks(self) -> dict[int, float]:
        """The largest resident memory so far in mebibytes: of the service, and of the process that computes
        for it."""
        found = {}
        for pid in (self.pid, *descendants(self.pid)):
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            found[pid] = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder, port = tmp_path_factory.mktemp("large"), free_port()
    study = made_study(TRIALS, epochs=EPOCHS)
    fill_in_database(folder / "made.sqlite", study, planned(study))
    command = [
        sys.executable,
        "-m",
        "sensitivity.command.main",
        "serve",
        "--store",
        "made.sqlite",
        "--port",
        str(port),
    ]
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            yield Service(process.pid, client, folder / "service" / "tables")
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert (folder / "service.log").read_text() == ""


async def _download(client: httpx.AsyncClient, path: str) -> tuple[str, int]:
    """Read a table to its end: its ETag, and its size in bytes."""
    while True:
        async with client.stream("GET", path) as answer:
            if answer.status_code == 202:
                await answer.aread()
                await asyncio.sleep(1)
                continue
            assert answer.status_code == 200
            size = 0
            async for chunk in answer.aiter_raw():
                size += len(chunk)
            assert size == int(answer.headers["content-length"])
            return answer.headers["etag"], size


async def _crowd(url: str, path: str) -> set[tuple[str, int]]:
    limits = httpx.Limits(max_connections=READERS)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        return set(await asyncio.gather(*(_download(client, path) for _ in range(READERS))))


def test_a_hundred_readers_of_every_epoch_have_one_file(service: Service) -> None:
    found = asyncio.run(_crowd(str(service.client.base_url), f"{STUDY}/tables/epochs"))
    assert len(found) == 1
    assert service.peaks()[service.pid] < MOST_MEBIBYTES


def test_nothing_outlives_its_reader(service: Service) -> None:
    """The file of a reader who leaves is not written to its end."""
    with (
        httpx.Client(base_url=service.client.base_url, timeout=1.0) as leaving,
        pytest.raises(httpx.ReadTimeout),
    ):
        leaving.get(f"{STUDY}/tables/epochs", params={"format": "csv"})
    until(lambda: not list(service.tables.glob("*.new")))
    assert not list(service.tables.glob("*.csv"))


def test_every_get_is_answered_within_bounded_memory(service: Service) -> None:
    document = service.client.get("/openapi.json").json()
    values = {"name": "made", "measure": "overview", "figure": "learning_curves"}
    values["key"] = service.client.get(f"{STUDY}/trials", params={"limit": 1}).json()["trials"][0]["key"]
    asked = 0
    for path, methods in document["paths"].items():
        if "get" not in methods or path.endswith("/log"):
            continue
        for table in ("trials", "epochs") if "{table}" in path else ("",):
            for query in ("?format=parquet", "?format=csv") if table else ("",):
                answer = answered(service.client, path.format(**values, table=table) + query)
                assert answer.status_code == 200, path
                asked += 1
                assert max(service.peaks().values()) < MOST_MEBIBYTES, path
    assert asked > 20
