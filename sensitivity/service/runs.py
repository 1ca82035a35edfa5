"""The studies that the service runs: a queue, and a process for each that trains."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from sensitivity.import_path import ROOT, is_installed
from sensitivity.rows import now
from sensitivity.service import specs
from sensitivity.service.problems import Conflict
from sensitivity.service.runner import ENDED, KILLED
from sensitivity.terminal import folder_name
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.service.settings import Settings
    from sensitivity.study import Study

State = Literal["queued", "running", "completed", "failed", "cancelled"]
ACTIVE: tuple[State, ...] = ("queued", "running")
LOOK_EVERY = 0.5
"""Seconds between two looks at the processes."""
GRACE = 20.0
"""Seconds after SIGINT, in which Ray ends its workers, and again after SIGTERM."""
LAST = 5.0
"""Seconds that a process which has let go of its lock may take to end."""
ATTEMPTS = 3
"""How often a study is started whose process was killed, as by a restart of the machine."""
SPEC, RUN, LOCK, LOG, REPORT = "study.json", "run.json", "lock", "log.txt", "report"


@dataclass(frozen=True)
class Run:
    """A study that was given to the service. asked: when. trials: how many it has. attempts: how often it was started.

    cancelled: the time of the request to stop it. error: why it failed, in one line.
    """

    name: str
    state: State
    asked: str
    trials: int
    attempts: int = 0
    cancelled: float | None = None
    error: str | None = None


Launch = Callable[[pathlib.Path, "Settings", int], "subprocess.Popen[bytes] | None"]


class Runs:
    """The studies of a data folder, one folder each, which another service finds again.

    Every change is on the disk before it counts. A process is alive as long as it holds the lock of its folder.

    Args: launch: starts the process of a study: its folder, the settings, the locked file that it inherits. ended: is called with the
        name of a study that has ended, before that is said.
    Raises: InputError for a folder that cannot be written, or that another service uses.
    """

    def __init__(self, settings: Settings, launch: Launch | None = None, ended: Callable[[str], None] = lambda name: None) -> None:
        self._settings, self._launch, self._has_ended = settings, launch or start_process, ended
        self._root = settings.data.absolute() / "studies"
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            self._own = _locked(settings.data / "service.lock")
        except OSError as error:
            raise InputError(f"--data {str(settings.data)!r} cannot be written: {error.strerror}") from None
        if self._own is None:
            raise InputError(f"--data {str(settings.data)!r} is in use by another service")
        found = [Run(**json.loads(each.read_text())) for each in self._root.glob(f"*/{RUN}") if each.stat().st_size]
        self._runs = {each.name: each for each in sorted(found, key=lambda run: run.asked)}
        self._thread = threading.Thread(target=self._tending, name="runs", daemon=True)

    def start(self) -> None:
        """Look after the processes from now on."""
        self._thread.start()

    def close(self) -> None:
        """Let go of the data folder. The processes go on."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._own is not None:
            os.close(self._own)
            self._own = None

    def all(self) -> dict[str, Run]:
        """Every study that was given to the service, in the order in which they were."""
        with self._lock:
            return dict(self._runs)

    def folder(self, name: str) -> pathlib.Path:
        """Where the files of a study are."""
        return self._root / folder_name(name)

    def spec(self, name: str) -> dict[str, Any] | None:
        """The specification of a study as it was given."""
        with suppress(FileNotFoundError, ValueError):  # nothing, or what a full disk left
            found: dict[str, Any] = json.loads((self.folder(name) / SPEC).read_text())
            return found
        return None

    def submit(self, study: Study, trials: int, known: Mapping[str, Any] | None) -> bool:
        """Queue a study, unless it waits, trains or has ended well already. Returns whether it is new.

        Args: trials: how many it has. known: its specification in the store, where it is there. Raises: Conflict for another study of
        the same name.
        """
        with self._lock:
            there = self.spec(study.name)
            compared = (there, specs.plain(study)) if there is not None else (known, specs.stored(study))
            if compared[0] is not None and (differing := specs.differences(dict(compared[0]), compared[1])):
                raise Conflict(f"study {study.name!r} is there already and differs: {'; '.join(differing)}")
            run = self._runs.get(study.name)
            if run is None or run.state in ("failed", "cancelled"):
                folder = self.folder(study.name)
                folder.mkdir(exist_ok=True)
                _write(folder / SPEC, specs.plain(study))
                self._keep(Run(study.name, "queued", now(), trials))
                self.tend()
            return compared[0] is None

    def cancel(self, name: str) -> None:
        """Stop a study; what it reported stays. Raises: Conflict where it is not running."""
        with self._lock:
            run = self._runs.get(name)
            if run is None or run.state not in ACTIVE:
                raise Conflict(f"study {name!r} is not running here: it is {run.state if run else 'not of this service'}")
            if run.state == "queued":
                self._keep(replace(run, state="cancelled"))
            elif run.cancelled is None:
                self._keep(replace(run, cancelled=time.time()))
                self._signal(name, signal.SIGINT)

    def forget(self, name: str) -> None:
        """Delete the files of a study. Raises: Conflict while it waits or trains."""
        with self._lock:
            run = self._runs.get(name)
            if run is not None and run.state in ACTIVE:
                raise Conflict(f"study {name!r} is {run.state}; cancel it first")
            if run is not None:
                del self._runs[name]
                shutil.rmtree(self.folder(name), ignore_errors=True)

    def tend(self) -> None:
        """Note which processes have ended, press those that were to stop, and start what waits."""
        with self._lock:
            for run in [each for each in self._runs.values() if each.state == "running"]:
                self._look(run)
            free = self._settings.max_studies - sum(each.state == "running" for each in self._runs.values())
            for run in [each for each in self._runs.values() if each.state == "queued"][: max(free, 0)]:
                self._begin(run)

    def _tending(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            try:
                self.tend()
            except Exception:  # such as a disk that is full: the next look may do better
                logging.getLogger(__name__).exception("studies could not be looked after")

    def _begin(self, run: Run) -> None:
        folder = self.folder(run.name)
        lock = _locked(folder / LOCK)
        if lock is None:  # its process has not let go yet
            return
        try:
            (folder / ENDED).unlink(missing_ok=True)
            self._keep(replace(run, state="running", attempts=run.attempts + 1))
            process = self._launch(folder, self._settings, lock)
            if process is not None:
                os.ftruncate(lock, 0)
                os.pwrite(lock, f"{process.pid}\n".encode(), 0)
                self._processes[run.name] = process
        finally:
            os.close(lock)  # the process has it too

    def _look(self, run: Run) -> None:
        with _unlocked(self.folder(run.name) / LOCK) as dead:
            if not dead:
                if run.cancelled is not None and time.time() - run.cancelled > GRACE:
                    late = time.time() - run.cancelled > 2 * GRACE
                    self._signal(run.name, signal.SIGKILL if late else signal.SIGTERM)
                return
        if process := self._processes.pop(run.name, None):
            with suppress(subprocess.TimeoutExpired):
                process.wait(LAST)
        run = self._ended(run)
        if run.state not in ACTIVE:
            self._has_ended(run.name)
        self._keep(run)

    def _ended(self, run: Run) -> Run:
        """What has become of a study whose process is gone."""
        try:
            code = json.loads((self.folder(run.name) / ENDED).read_text())["code"]
        except FileNotFoundError:
            code = None
        if run.cancelled is not None and code not in (0, 1):
            return replace(run, state="cancelled")
        if code == 0:
            return replace(run, state="completed")
        killed = code is None or code == KILLED  # by SIGKILL, or by SIGTERM as when a machine shuts down
        if killed and run.attempts < ATTEMPTS:
            return replace(run, state="queued")
        reason = f"its process was killed {ATTEMPTS} times" if killed else self._last_line(run.name)
        return replace(run, state="failed", error=reason)

    def _last_line(self, name: str) -> str:
        """The last line of a log: what the command says when it fails."""
        lines = (self.folder(name) / LOG).read_text(errors="replace").split("\n") if (self.folder(name) / LOG).exists() else []
        said = [each for each in lines if each.strip()]
        return said[-1].removeprefix("Error: ")[:500] if said else "it said nothing"

    def _signal(self, name: str, number: signal.Signals) -> None:
        with suppress(OSError, ValueError):
            pid = int((self.folder(name) / LOCK).read_text())
            if number == signal.SIGINT:
                os.kill(pid, number)
            else:
                os.killpg(pid, number)  # its session is its own

    def _keep(self, run: Run) -> None:
        _write(self.folder(run.name) / RUN, asdict(run))
        self._runs[run.name] = run


def start_process(folder: pathlib.Path, settings: Settings, lock: int) -> subprocess.Popen[bytes]:
    """``sensitivity run`` of a folder's study, in a session of its own that the end of the service does not touch."""
    store = settings.store if "://" in settings.store else str(pathlib.Path(settings.store).absolute())
    workers = max(1, (os.cpu_count() or 1) // settings.max_studies)
    arguments = ["run", SPEC, "--out", REPORT, "--gpus-per-worker", str(settings.gpus_per_worker)]
    arguments += ["--address", settings.address] if settings.address is not None else ["--workers", str(workers)]
    arguments += ["--data-root", str(pathlib.Path(settings.data_root or "data").absolute())]
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH", ""), *([] if is_installed() else [ROOT])]))
    # The store is named in the environment, where no list of processes shows its password.
    environment = {**os.environ, "PYTHONPATH": path, "SENSITIVITY_STORE": store}
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "sensitivity.service.runner",
             str(lock), str(pathlib.Path.cwd()), ",".join(settings.modules), *arguments],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=[lock],
        )  # fmt: skip


def _write(file: pathlib.Path, content: Any) -> None:
    """A file as JSON, whole or as it was, also after the machine lost its power."""
    written = file.with_suffix(".new")
    with written.open("w") as opened:
        json.dump(content, opened)
        opened.flush()
        os.fsync(opened.fileno())
    written.replace(file)


def _locked(path: pathlib.Path) -> int | None:
    """The file, open and locked; None where another process has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


@contextmanager
def _unlocked(path: pathlib.Path) -> Iterator[bool]:
    """Whether no process holds the lock of a file."""
    file = _locked(path)
    try:
        yield file is not None
    finally:
        if file is not None:
            os.close(file)
