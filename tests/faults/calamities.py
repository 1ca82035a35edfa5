"""What happens to a study from outside: its processes are killed, its database goes away, its disk is full."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from tests.postgres import Server
from tests.sensitivity.clusters import Nodes

KILLS = ("kill a worker", "kill a node", "kill the driver", "restart the head")
"""What may happen to any study."""
STOP, FILL = "stop the database", "fill the disk"
"""What may happen to a study in PostgreSQL, and to one on a small disk."""
ENDING = ("kill the driver", "restart the head", FILL)
"""After these the driver may end before its study, and the same command is given again."""
LONGEST = 1800.0
"""Seconds of a study, at most; a busy machine takes minutes."""
OUTAGE = 20.0
"""Seconds that a database is down or a disk full, at most."""
SMALL = "2m"


def may_mount() -> bool:
    """Whether a small disk can be made here."""
    return os.geteuid() == 0 and sys.platform.startswith("linux")


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

    Args: cluster. folder: the working directory of the driver. arguments: of ``sensitivity run``. server: of the database, where it is
        PostgreSQL. evaluations: the file with a line for each. drawn: picks victims and durations.
    """

    def __init__(
        self,
        cluster: Nodes,
        folder: pathlib.Path,
        arguments: list[str],
        server: Server | None,
        evaluations: pathlib.Path,
        drawn: random.Random,
    ) -> None:
        self.cluster, self.folder, self.arguments, self.server = cluster, folder, arguments, server
        self.evaluations, self.drawn = evaluations, drawn
        self.repairs: list[tuple[float, Callable[[], None]]] = []
        self.given_again = False
        self.injected: list[str] = []
        self.said: list[str] = []
        self._start()

    def _start(self) -> None:
        self.driver = self.cluster.run(self.folder, *self.arguments, "--workers", "2")

    def _ended(self) -> None:
        self.said.append(f"exit code {self.driver.wait()}: {self.driver.communicate()[1][-1500:]}")

    def inject(self, kind: str) -> bool:
        """Do it; False where there is nothing to do it to at this moment."""
        if kind == "kill a worker":
            workers = self.cluster.workers()
            if not workers:
                return False
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.drawn.choice(workers), signal.SIGKILL)
        elif kind == "kill a node":
            self.cluster.kill()
            self.cluster.add()
        elif kind == "kill the driver":
            self.driver.kill()
        elif kind == "restart the head":
            self.cluster.restart()
        elif kind == STOP:
            assert self.server is not None
            self.server.stop()
            self.repairs.append((time.monotonic() + self.drawn.uniform(1, OUTAGE), self.server.start))
        else:
            filler = fill(self.folder)
            self.repairs.append((time.monotonic() + OUTAGE, filler.unlink))
        self.given_again = self.given_again or kind in ENDING
        return True

    def repair(self, *, now: bool = False) -> None:
        """Start what was stopped and make room, when it is time to."""
        for each in [each for each in self.repairs if now or each[0] <= time.monotonic()]:
            self.repairs.remove(each)
            each[1]()

    def run(self, moments: list[tuple[int, str]]) -> str:
        """Run it to its end. Args: moments: how many evaluations have begun when what is injected. Returns: what the drivers said."""
        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline:
            self.repair()
            if self.driver.poll() is not None:
                self._ended()
                self.repair(now=True)
                if not self.given_again:
                    break
                self.given_again = False
                self._start()
            elif moments and self._begun() >= moments[0][0] and self.inject(moments[0][1]):
                self.injected.append(moments.pop(0)[1])
            time.sleep(0.05)
        else:
            self.driver.kill()
            self.said.append(f"not at its end after {LONGEST:g} seconds")
            self._ended()
            self.repair(now=True)
        if moments:
            self.said.append(f"the study ended before {moments} could be injected")
        return "\n".join(self.said)

    def _begun(self) -> int:
        return self.evaluations.read_bytes().count(b"\n") if self.evaluations.exists() else 0
