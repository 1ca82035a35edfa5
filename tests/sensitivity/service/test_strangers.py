"""Strangers against the real service with 200 descriptors: half-sent heads, and streams of events that nobody
reads."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import pytest

from sensitivity.service.run_folders import LOCK, RUN, SPEC
from tests.sensitivity.ray_head import ROOT, free_port
from tests.sensitivity.service.conftest import made
from tests.sensitivity.service.served import SPEC as SMALL
from tests.sensitivity.service.served import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DESCRIPTORS = 200
HEADS, STREAMS = 400, 1_000
HALF_A_HEAD = b"GET /api/v1/studies HTTP/1.1\r\nHost: localhost\r\nX-Half:"
LISTEN = b"GET /api/v1/studies/small/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass(frozen=True)
class Service:
    """The process of a service."""

    pid: int
    port: int
    log: pathlib.Path

    def ask(self, path: str = "/api/v1/studies") -> httpx.Response:
        """Ask on a connection of its own, as a reader who has just come."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=20)

    def descriptors(self) -> int:
        return len(list(pathlib.Path(f"/proc/{self.pid}/fd").iterdir()))

    def memory(self) -> float:
        """The largest resident memory so far, in mebibytes."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.fixture
def service(tmp_path: pathlib.Path) -> Iterator[Service]:
    """A service with the study ``watched``, and with ``small``, which trains as long as this process holds
    its lock."""
    made(tmp_path)
    folder = tmp_path / "service" / "studies" / "small"
    folder.mkdir(parents=True)
    (folder / SPEC).write_text(json.dumps(SMALL))
    (folder / RUN).write_text(
        json.dumps({"name": "small", "state": "running", "asked": "2026-01-01T00:00:00+00:00", "trials": 2})
    )
    port, log = free_port(), tmp_path / "service.log"
    command = [
        "bash",
        "-c",
        f'ulimit -n {DESCRIPTORS} && exec "$@"',
        "bash",
        sys.executable,
        "-m",
        "sensitivity.command.main",
        "serve",
    ]
    command += ["--store", "results.sqlite", "--port", str(port)]
    with (folder / LOCK).open("w") as lock, log.open("wb") as errors:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
            found = Service(process.pid, port, log)
            assert (
                found.ask("/api/v1/studies/watched/trials").status_code == 200
            )  # all that it imports is there: memory is compared later
            yield found
        finally:
            process.terminate()
            process.communicate(timeout=60)


@contextmanager
def strangers(service: Service, number: int, sent: bytes, addresses: Sequence[str]) -> Iterator[None]:
    """Connect so often, all at once, and send the same each time; nothing is read until the end."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for place, stranger in enumerate(sockets):
            stranger.bind((addresses[place % len(addresses)], 0))
            stranger.setblocking(False)
            stranger.connect_ex(("127.0.0.1", service.port))
        for stranger in sockets:
            stranger.setblocking(True)
            stranger.settimeout(5)
            try:
                stranger.sendall(sent)
            except OSError:  # refused
                continue
        yield


def addresses(number: int) -> list[str]:
    return [f"127.0.1.{place}" for place in range(1, number + 1)]


def lines(log: pathlib.Path) -> list[str]:
    return log.read_text().splitlines()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (["127.0.0.1"], "connections of 127.0.0.1: more than 100 at once; the rest is refused"),
        (addresses(40), "connections: more than 136 at once; the rest is refused"),
    ],
    ids=["from the reader's own address", "from forty addresses"],
)
def test_half_sent_heads_leave_room_for_readers(service: Service, where: list[str], said: str) -> None:
    with strangers(service, HEADS, HALF_A_HEAD, where):
        for _ in range(20):
            assert service.ask().status_code == 200
            assert service.descriptors() < DESCRIPTORS
    assert said in lines(service.log)
    assert len(lines(service.log)) <= 3 + len(where), (
        "a line for each kind and address, not for each connection"
    )
    until(lambda: service.descriptors() < 60)


@pytest.mark.parametrize("where", [addresses(1), addresses(20)], ids=["from one address", "from twenty"])
def test_streams_that_nobody_reads_leave_room_for_readers(service: Service, where: list[str]) -> None:
    before = service.memory()
    with strangers(service, STREAMS, LISTEN, where):
        for _ in range(20):
            assert service.ask().status_code == 200
        assert service.ask("/api/v1/studies/watched/trials").status_code == 200
        assert service.memory() < before + 200
        assert (
            "streams of events: 50 streams of events at once, half of them from one address, are the most"
            in lines(service.log)
        )
        assert "Traceback" not in service.log.read_text()
    until(lambda: service.descriptors() < 60)
    until(lambda: "sensitivity_requests_open 1.0" in service.ask("/metrics").text)
    with httpx.stream(
        "GET", f"http://127.0.0.1:{service.port}/api/v1/studies/small/events", timeout=20
    ) as answer:
        assert answer.status_code == 200
        assert next(answer.iter_lines()) == "event: progress"
