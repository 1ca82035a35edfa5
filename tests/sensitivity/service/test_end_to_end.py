"""A real service and real studies, seen through ``sensitivity.Client`` only: nothing is lost or doubled when
it is restarted."""

from __future__ import annotations

import doctest
import os
import pathlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sensitivity import Client, Store, Study
from sensitivity.measures import Measured
from sensitivity.store.upkeep import problems
from tests.sensitivity.ray_head import ROOT, free_port
from tests.sensitivity.service.served import ASK_AGAIN, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
GIVEN = {
    "tasks": ["mlp/digits"],
    "default_setting": False,
    "design": {"kind": "grid", "points": {"lr": 3}},
    "seeds": 2,
}
KEPT = Study(name="kept", variants=["sgd", "adam"], epochs=2, **GIVEN)
STOPPED = Study(name="stopped", variants=["sgd"], epochs=10**4, **GIVEN)


@contextmanager
def serving(folder: pathlib.Path, port: int) -> Iterator[None]:
    """A service of the command, ended as a supervisor of services ends it."""
    command = [
        sys.executable,
        "-m",
        "sensitivity.command.main",
        "serve",
        "--port",
        str(port),
        "--store",
        "s.sqlite",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "service.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def session() -> list[str]:
    """The lines of the Python session of docs/service.md, whose study has the trials of ``kept``."""
    page = (ROOT / "docs/service.md").read_text()
    return [
        each.source
        for each in doctest.DocTestParser().get_examples(page.partition("```pycon")[2].partition("```")[0])
    ]


def test_studies_outlive_the_service(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    client = Client(f"http://127.0.0.1:{port}")
    seen: list[int] = []
    ended: list[str] = []
    with serving(tmp_path, port):
        client.submit(STOPPED)
        client.submit(KEPT)
        waiting = threading.Thread(
            target=lambda: ended.append(
                client.wait("kept", progress=lambda each: seen.append(each["counts"]["pending"]))["state"]
            )
        )
        waiting.start()
        until(lambda: client.study("stopped")["counts"]["running"], 240, rarest=ASK_AGAIN)
        client.cancel("stopped")
        assert client.wait("stopped")["state"] == "cancelled"
        until(lambda: seen and seen[-1] < 12, 240)
    with serving(tmp_path, port):
        again = client.submit(KEPT)
        assert again["state"] in ("running", "completed")
        waiting.join(300)
        assert ended == ["completed"]
        assert seen[0] == 12
        assert seen == sorted(seen, reverse=True)
        results = client.results("kept")
        assert len(results.trials) == len(results.usable) == 12
        table = client.measure("kept", "overview")
        assert table["variant"].tolist() == Measured(results).overview["variant"].tolist()
        assert client.figure("kept", "lr_curves").data
        assert "kept" in client.report("kept", tmp_path / "report.md").read_text()
        assert not (tmp_path / "service/studies/kept/report").exists()
        client.delete("stopped")
        assert [each["name"] for each in client.studies()] == ["kept"]
        monkeypatch.chdir(tmp_path)
        names: dict[str, Any] = {}
        for line in session():
            exec(line.replace("http://127.0.0.1:8050", f"http://127.0.0.1:{port}"), names)
        names["client"].close()
        assert (tmp_path / "three.html").exists()
        assert (tmp_path / "report.html").exists()
    client.close()
    store = Store(tmp_path / "s.sqlite")
    assert problems(store) == []
    store.close()
    assert (tmp_path / "service.log").read_text() == ""
