"""The studies that the service runs: a queue, and a process for each that trains."""

from __future__ import annotations

import errno
import os
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from sensitivity.service import specs
from sensitivity.service.conflicts import ACTIVE, check_name, check_same
from sensitivity.service.degraded import Degraded, cause_of
from sensitivity.service.exit_codes import ENDED
from sensitivity.service.problems import Conflict
from sensitivity.service.run_ends import ATTEMPTS, ended_run
from sensitivity.service.run_folders import (
    LOCK,
    RUN,
    SPEC,
    Damaged,
    Run,
    RunFolders,
    lock,
    read_mapping,
)
from sensitivity.service.study_process import start_process
from sensitivity.store.rows import now
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.service.settings import Settings
    from sensitivity.service.study_process import Launch
    from sensitivity.study.study import Study

__all__ = ["ATTEMPTS", "LOCK", "RUN", "SPEC", "Run", "Runs"]
LOOK_EVERY = 0.5
"""Seconds between two looks at the processes."""
GRACE = 20.0
"""Seconds after SIGINT, in which Ray ends its workers, and again after SIGTERM."""
EXIT_TIMEOUT = 5.0
"""Seconds to wait for a process to exit once it has released its lock."""
PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT)
"""Errors of a machine that lacks something just now: a study waits for it."""
FOLDER_REMOVED = "its folder was removed; what it reported is in the store"


class Runs:
    """The studies of a data folder, one folder each, which another service finds again.

    Every change is on the disk before it counts. A process is alive as long as it holds the lock of its
    folder. A study with which something is wrong fails, or waits, with the reason; the others go on.

    Args:
        settings: of the service.
        launch: starts the process of a study: its folder, the settings, the locked file that it inherits.
        ended: is called with the name of a study that has ended, before that is said.
        degraded: is told of what does not work.
    Raises: InputError for a folder that cannot be written, or that another service uses.
    """

    def __init__(
        self,
        settings: Settings,
        launch: Launch | None = None,
        ended: Callable[[str], None] = lambda name: None,
        degraded: Degraded | None = None,
    ) -> None:
        self._settings, self._launch, self._has_ended = settings, launch or start_process, ended
        self.degraded = degraded or Degraded()
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock_files: dict[str, int] = {}
        """Open lock files of the studies that train, which tell of a process also after its folder was
        removed."""
        self._cancelled: dict[str, float] = {}
        """When a study was cancelled, by a clock that nobody sets back."""
        self._service_lock: int | None = None
        try:
            self._folders = RunFolders(settings.data.absolute() / "studies", self.degraded)
            service_lock = os.open(settings.data / "service.lock", os.O_RDWR | os.O_CREAT, 0o600)
            if not lock(service_lock):
                os.close(service_lock)
                raise InputError(f"--data {str(settings.data)!r} is in use by another service")
            self._service_lock = service_lock
            self._runs, self._newer = self._folders.read()
        except OSError as error:
            self.close()
            raise InputError(f"--data {str(settings.data)!r} cannot be written: {error.strerror}") from None
        self._thread = threading.Thread(target=self._tending, name="runs", daemon=True)

    def start(self) -> None:
        """Look after the processes from now on."""
        self._thread.start()

    def close(self) -> None:
        """Release the data folder; the processes continue."""
        self._stop.set()
        if (thread := getattr(self, "_thread", None)) is not None and thread.is_alive():
            thread.join()
        for name in list(self._lock_files):
            os.close(self._lock_files.pop(name))
        if self._service_lock is not None:
            os.close(self._service_lock)
            self._service_lock = None

    def all(self) -> dict[str, Run]:
        """Return every study that was given to the service, in the order in which they were."""
        with self._lock:
            return dict(self._runs)

    def folder(self, name: str) -> pathlib.Path:
        """Return where the files of a study are."""
        return self._folders[name]

    def spec(self, name: str) -> dict[str, Any] | None:
        """Return the specification of a study as it was given.

        None for a study that was not given here, or whose file is damaged.
        """
        with suppress(Damaged):
            return self._folders.spec(name) if name in self._runs else None
        return None

    def check(self, study: Study, known: Mapping[str, Any] | None, *, extend: bool = False) -> bool:
        """Check that a study can be given; return True if its margin alone differs from what is there.

        Raises: Conflict (:mod:`sensitivity.service.conflicts`).
        """
        check_name(study.name, self._runs, self._newer)
        run = self._runs.get(study.name)
        there = self.spec(study.name)
        return check_same(study, there, known, run.state if run else None, extend=extend)

    def submit(
        self, study: Study, trials: int, known: Mapping[str, Any] | None, *, extend: bool = False
    ) -> bool:
        """Queue a study, unless it waits, trains or has ended well already.

        Returns whether it is new. An extended study is queued again behind those that wait; one that waits
        keeps its place.

        Args:
            study: that was given.
            trials: how many it has.
            known: its specification in the store, where it is there.
            extend: True for the study that is there, with more seeds.
        Raises: Conflict as :meth:`check` does.
        """
        with self._lock:
            other_margin = self.check(study, known, extend=extend)
            run, is_new = self._runs.get(study.name), self.spec(study.name) is None and known is None
            if run is None or run.state in ("failed", "cancelled") or other_margin or extend:
                waits = run is not None and run.state == "queued"
                queued = Run(study.name, "queued", run.asked if run and waits else now(), trials)
                self._folders.make(queued, specs.plain(study))
                if not waits:
                    self._runs.pop(study.name, None)
                self._runs[study.name] = queued
                self.degraded.clear(_part(study.name))
                self.tend()
            return is_new

    def rename(self, name: str, new_name: str, in_store: Callable[[], None]) -> None:
        """Give a study that has ended another name.

        Args:
            name: of the study.
            new_name: that no other study has.
            in_store: renames the study in the store.
        Raises: Conflict while it waits or trains, and for a name that is taken, or looks like another.
        """
        with self._lock:
            run = self._runs.get(name)
            if run is not None and run.state in ACTIVE:
                raise Conflict(f"study {name!r} is {run.state}; cancel it first")
            if new_name in self._runs:
                raise Conflict(f"study {new_name!r} is there already; choose another name")
            check_name(name, (), self._newer)
            check_name(new_name, self._runs.keys() - {name}, self._newer)
            in_store()
            if run is not None:
                renamed = replace(run, name=new_name)
                self._folders.rename(name, renamed)
                runs = [renamed if old is run else old for old in self._runs.values()]
                self._runs = {old.name: old for old in runs}
                self.degraded.clear(_part(name))

    def cancel(self, name: str) -> None:
        """Stop a study; what it reported stays.

        Raises: Conflict where it is not running.
        """
        with self._lock:
            run = self._runs.get(name)
            if run is None or run.state not in ACTIVE:
                raise Conflict(
                    f"study {name!r} is not running here: it is {run.state if run else 'not of this service'}"
                )
            cancelled = (
                replace(run, state="cancelled")
                if run.state == "queued"
                else replace(run, cancelled=run.cancelled or time.time())
            )
            with self.degraded.isolated(_part(name)):  # also on a full disk: perhaps this study has filled it
                self._folders.update(cancelled)
            self._runs[name] = cancelled
            if run.state == "running" and run.cancelled is None:
                self._cancelled[name] = time.monotonic()
                self._signal(name, signal.SIGINT)

    def forget(self, name: str) -> None:
        """Delete the files of a study.

        Raises: Conflict while it waits or trains.
        """
        with self._lock:
            run = self._runs.get(name)
            if run is not None and run.state in ACTIVE:
                raise Conflict(f"study {name!r} is {run.state}; cancel it first")
            if run is not None:
                self._folders.remove(name)
                del self._runs[name]
                self._newer.pop(name, None)
                self.degraded.clear(_part(name))

    def tend(self) -> None:
        """Note ended processes, signal processes that should stop, and start queued studies."""
        with self._lock:
            for run in [run for run in self._runs.values() if run.state == "running"]:
                with self.degraded.isolated(_part(run.name)):
                    self._look(run)
            free = self._settings.max_studies - sum(run.state == "running" for run in self._runs.values())
            for run in [run for run in self._runs.values() if run.state == "queued"]:
                if free <= 0:
                    break
                with self.degraded.isolated(_part(run.name)):
                    free -= self._begin(run)

    def _tending(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            with self.degraded.isolated("the queue of studies"):
                self.tend()

    def _begin(self, run: Run) -> bool:
        """Start a study; return True if it takes a place among the studies that train.

        Raises: OSError where the machine lacks something just now.
        """
        folder = self.folder(run.name)
        if not folder.is_dir():
            self._damaged(run, FOLDER_REMOVED)
        try:
            read_mapping(folder / SPEC)
        except Damaged as damage:
            self._damaged(run, str(damage))
        inherited = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not lock(inherited):  # its process has not let go yet
                return True
            self._lock_file(run.name, folder)
            (folder / ENDED).unlink(missing_ok=True)
            self._update(replace(run, state="running", attempts=run.attempts + 1))
            self._start(run, folder, inherited)
        finally:
            os.close(inherited)  # the process has it too
        return True

    def _start(self, run: Run, folder: pathlib.Path, inherited: int) -> None:
        try:
            process = self._launch(folder, self._settings, inherited)
        except Exception as error:
            self._close_lock_file(run.name)
            if isinstance(error, OSError) and error.errno in PASSING:
                self._update(run)
                raise
            self._damaged(run, f"its process could not be started: {cause_of(error)}")
        if process is not None:
            self._processes[run.name] = process
            os.ftruncate(inherited, 0)
            os.pwrite(inherited, f"{process.pid}\n".encode(), 0)

    def _look(self, run: Run) -> None:
        folder = self.folder(run.name)
        if run.name not in self._lock_files and not folder.is_dir():
            self._damaged(run, FOLDER_REMOVED)
        if not lock(self._lock_file(run.name, folder)):
            if run.cancelled is not None:
                waited = time.monotonic() - self._cancelled.setdefault(run.name, time.monotonic())
                if waited > GRACE:
                    self._signal(run.name, signal.SIGKILL if waited > 2 * GRACE else signal.SIGTERM)
            return
        self._close_lock_file(run.name)
        self._cancelled.pop(run.name, None)
        if process := self._processes.pop(run.name, None):
            with suppress(subprocess.TimeoutExpired):
                process.wait(EXIT_TIMEOUT)
        if not folder.is_dir() and run.cancelled is None:
            self._damaged(run, FOLDER_REMOVED)
        try:
            ended = ended_run(run, self._folders)
        except Damaged as damage:
            self._damaged(run, str(damage))
        if ended.state not in ACTIVE:
            self._has_ended(run.name)
        self._update(ended)

    def _damaged(self, run: Run, reason: str) -> NoReturn:
        """Fail a study, and tell why.

        Raises: Damaged, always.
        """
        self._close_lock_file(run.name)
        self._has_ended(run.name)
        self._update(replace(run, state="failed", error=reason))
        raise Damaged(reason)

    def _signal(self, name: str, number: signal.Signals) -> None:
        with suppress(OSError, ValueError):
            pid = int(os.pread(self._lock_file(name, self.folder(name)), 100, 0))
            if number == signal.SIGINT:
                os.kill(pid, number)
            else:
                os.killpg(pid, number)  # its session is its own

    def _lock_file(self, name: str, folder: pathlib.Path) -> int:
        """Return the open lock file of a study, apart from the one that its process inherits."""
        if name not in self._lock_files:
            self._lock_files[name] = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        return self._lock_files[name]

    def _close_lock_file(self, name: str) -> None:
        if (descriptor := self._lock_files.pop(name, None)) is not None:
            os.close(descriptor)

    def _update(self, run: Run) -> None:
        self._folders.update(run)
        self._runs[run.name] = run


def _part(name: str) -> str:
    return f"study {name!r}"
