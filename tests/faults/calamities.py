"""Faults of a study from outside: its processes are killed or suspended, its database or its file goes away,
others write too."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from tests.faults import writers
from tests.postgres import Server
from tests.sensitivity.clusters import Nodes
from tests.sensitivity.lost_files import delete, replace
from tests.sensitivity.processes import command_of, descendants

CLOCK, SECOND = "turn the clock back", "run it twice"
KILLS = (
    "kill a worker",
    "kill a node",
    "kill the driver",
    "restart the head",
    "kill the GCS",
    "suspend a worker",
    "suspend the driver",
    SECOND,
    CLOCK,
)
"""What may happen to any study."""
STOP, FILL, DELETE, REPLACE, WRITE = (
    "stop the database",
    "fill the disk",
    "delete the store",
    "replace the store",
    "8 writers",
)
STORES = (FILL, STOP, DELETE, REPLACE, WRITE)
"""What may happen to a store, one of them in a study: to one in PostgreSQL, on a small disk, and in a
file."""
ENDING = ("kill the driver", "restart the head", "kill the GCS", FILL, DELETE, REPLACE)
"""After these the driver may end before its study, and the same command is given again."""
LONGEST = 1800.0
"""Seconds of a study, at most; a busy machine takes minutes."""
OUTAGE = 20.0
"""Seconds that a database is down or a disk full, at most."""
SMALL = "2m"
SUSPENDED = 60.0
"""Seconds after which a suspended worker goes on that nobody has killed."""
BACK = 3600.0
"""Seconds by which the clock goes back."""


def may_mount() -> bool:
    """Whether a small disk can be made here."""
    return os.geteuid() == 0 and sys.platform.startswith("linux")


def may_compile() -> bool:
    """True if a clock can be compiled here that goes back."""
    return shutil.which("cc") is not None and sys.platform.startswith("linux")


def backward_clock(folder: pathlib.Path, marker: pathlib.Path) -> dict[str, str]:
    """Compile a clock that goes back once a marker is there. Returns: the environment of a process that has
    it."""
    library = folder / "backward_clock.so"
    if not library.exists():
        source = pathlib.Path(__file__).with_name("backward_clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "BACKWARD_CLOCK": str(marker)}


@contextlib.contextmanager
def small_disk(place: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder that is a disk of two megabytes."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: pathlib.Path) -> pathlib.Path:
    """A file that takes what room there is."""
    place = disk / "filler"
    with place.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 512)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return place


class Siege:
    """A study under way, and what is done to it.

    Args:
        cluster: where it is trained.
        folder: the working directory of the driver.
        arguments: of ``sensitivity run``.
        store: a path or URL.
        timeout: seconds of silence after which the driver kills a worker.
        server: of the database, where it is PostgreSQL.
        evaluations: the file with a line for each.
        drawn: picks victims and durations.
        environment: of the driver, added to this process's.
    """

    def __init__(
        self,
        cluster: Nodes,
        folder: pathlib.Path,
        arguments: list[str],
        *,
        store: str,
        timeout: float,
        server: Server | None,
        evaluations: pathlib.Path,
        drawn: random.Random,
        environment: dict[str, str],
    ) -> None:
        self.cluster, self.folder, self.server = cluster, folder, server
        self.arguments = [*arguments, "--store", store, "--trial-timeout", str(timeout), "--workers", "2"]
        self.store, self.timeout = store, timeout
        self.evaluations, self.drawn, self.environment = evaluations, drawn, environment
        self.repairs: list[tuple[float, Callable[[], None]]] = []
        self.others: list[tuple[str, subprocess.Popen[str]]] = []
        """Other processes that use the store: second runs and writers."""
        self.given_again = False
        self.injected: list[str] = []
        self.said: list[str] = []
        self.driver = self._start()
        self.inject_by_kind: dict[str, Callable[[], bool | None]] = {
            "kill a worker": lambda: self._signal(self._worker(), signal.SIGKILL),
            "kill a node": self._kill_node,
            "kill the driver": lambda: self.driver.kill(),
            "restart the head": cluster.restart,
            "kill the GCS": self._kill_gcs,
            "suspend a worker": self._suspend_worker,
            "suspend the driver": self._suspend_driver,
            SECOND: lambda: self.others.append((SECOND, self._start())),
            CLOCK: lambda: pathlib.Path(environment["BACKWARD_CLOCK"]).touch(),
            STOP: self._stop_database,
            FILL: lambda: self._later(OUTAGE, fill(self.folder).unlink),
            DELETE: lambda: self._spoil(delete),
            REPLACE: lambda: self._spoil(replace),
            WRITE: lambda: self.others.extend((WRITE, writer) for writer in writers.start(self.store)),
        }

    def _start(self) -> subprocess.Popen[str]:
        return self.cluster.run(self.folder, *self.arguments, environment=self.environment)

    def _ended(self) -> None:
        self.said.append(f"exit code {self.driver.wait()}: {self.driver.communicate()[1][-1500:]}")

    def inject(self, kind: str) -> bool:
        """Do it; False where there is nothing to do it to at this moment."""
        if self.inject_by_kind[kind]() is False:
            return False
        self.given_again = self.given_again or kind in ENDING
        return True

    def _later(self, seconds: float, mend: Callable[[], None]) -> None:
        self.repairs.append((time.monotonic() + seconds, mend))

    def _worker(self) -> int | None:
        workers = self.cluster.workers()
        return self.drawn.choice(workers) if workers else None

    def _signal(self, pid: int | None, number: signal.Signals) -> bool:
        with contextlib.suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, number)
        return pid is not None

    def _kill_node(self) -> None:
        self.cluster.kill()
        self.cluster.add()

    def _kill_gcs(self) -> None:
        for pid in descendants(os.getpid()):
            if re.search(rb"gcs_server", command_of(pid)):
                self._signal(pid, signal.SIGKILL)
        self._later(OUTAGE, self.cluster.restart)

    def _suspend_worker(self) -> bool:
        pid = self._worker()
        self._later(SUSPENDED, lambda: self._signal(pid, signal.SIGCONT) and None)
        return self._signal(pid, signal.SIGSTOP)

    def _suspend_driver(self) -> None:
        driver = self.driver
        driver.send_signal(signal.SIGSTOP)
        self._later(self.timeout + self.drawn.uniform(2, 8), lambda: driver.send_signal(signal.SIGCONT))

    def _stop_database(self) -> None:
        assert self.server is not None
        self.server.stop()
        self._later(self.drawn.uniform(1, OUTAGE), self.server.start)

    def _spoil(self, happen: Callable[[pathlib.Path], None]) -> bool:
        place = pathlib.Path(self.store)
        if place.exists():
            happen(place)
            return True
        return False

    def repair(self, *, now: bool = False) -> None:
        """Start what was stopped and make room, when it is time to."""
        for each in [each for each in self.repairs if now or each[0] <= time.monotonic()]:
            self.repairs.remove(each)
            each[1]()

    def run(self, moments: list[tuple[int, str]]) -> str:
        """Run it to its end. Args: moments: how many evaluations have begun when what is injected. Returns:
        what the drivers said."""
        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline:
            self.repair()
            if self.driver.poll() is not None:
                self._ended()
                self.repair(now=True)
                if not self.given_again:
                    break
                self.given_again = False
                self.driver = self._start()
            elif moments and self._begun() >= moments[0][0] and self.inject(moments[0][1]):
                self.injected.append(moments.pop(0)[1])
            time.sleep(0.05)
        else:
            self.driver.kill()
            self.said.append(f"not at its end after {LONGEST:g} seconds")
            self._ended()
            self.repair(now=True)
        for kind, process in self.others:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 1))
            process.kill()
            said = process.communicate()[1]
            if process.returncode:
                self.said.append(f"{kind}: exit code {process.returncode}: {said[-1500:]}")
        if moments:
            self.said.append(f"the study ended before {moments} could be injected")
        return "\n".join(self.said)

    def _begun(self) -> int:
        return self.evaluations.read_bytes().count(b"\n") if self.evaluations.exists() else 0
