"""The lock of a study in the store: one run at a time, on any machine.

A SQLite file that is deleted or replaced takes its locks with it. A run of a study in a file therefore locks
a file on this machine too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import sqlalchemy as sql

from sensitivity.store.locked_file import open_locked
from sensitivity.store.rows import now
from sensitivity.store.tables import LOCKS
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.store.store import Store

BEAT_EVERY = 10.0
"""Seconds between two heartbeats."""
STALE_AFTER = 60.0
"""Seconds without a heartbeat, by the waiting process's clock, after which a run counts as dead."""
LOOK_EVERY = 1.0
"""Seconds between two checks of another run's lock."""
_LIVE: set[str] = set()
"""Tokens of the runs of this process."""
_DEAD_STATES = ("Z", "X", "")
"""States in /proc of a process that has ended: zombie, dead, or no entry."""
_SUSPENDED_STATES = ("T", "t")
"""States in /proc of a process stopped by SIGSTOP, a terminal or a debugger."""


@dataclasses.dataclass(frozen=True)
class Holder:
    """The run that holds a lock.

    Args:
        token: identifies the run.
        host: host name, for messages.
        machine: identifies a boot of a machine and its process namespace.
        pid: id of the run's process.
        process_start: start time of the process in the machine's units; empty if unknown.
        since: time at which the run took the lock.
        beats: number of heartbeats.
        last_beat: time of the last heartbeat, by the clock of the run's machine.
    """

    token: str
    host: str
    machine: str
    pid: int
    process_start: str
    since: str
    beats: int
    last_beat: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}, last heartbeat {self.last_beat}"

    @property
    def is_dead(self) -> bool:
        """True if the run's process was on this machine and has ended; False if that cannot be known."""
        if (self.machine, self.pid) == (machine(), os.getpid()):
            return self.token not in _LIVE
        return (
            bool(self.process_start)
            and self.machine == machine()
            and process_start(self.pid) != self.process_start
        )

    @property
    def is_suspended(self) -> bool:
        """True if the process that holds the lock is on this machine and suspended by a signal (SIGSTOP)."""
        return self.machine == machine() and process_state(self.pid) in _SUSPENDED_STATES


class RunLock:
    """The lock of a study in a store; a thread sends a heartbeat while it is locked.

    Args:
        store: has the lock.
        study: the name of the study.
        say: called with one line for each event.
    """

    def __init__(self, store: Store, study: str, say: Callable[[str], None]) -> None:
        self._store, self._study, self._say = store, study, say
        self._of_study = LOCKS.c.study == study
        self._token = uuid.uuid4().hex
        self._taken_by: Holder | None = None
        self._file: BinaryIO | None = None
        self._predecessor_may_train = True

    @contextlib.contextmanager
    def locked(self, *, force: bool = False) -> Iterator[None]:
        """Lock the study, after waiting for the run that holds the lock.

        Args:
            force: True to continue without the lock if another run holds it.

        Raises: InputError if the store cannot be read.
        """
        _LIVE.add(self._token)
        try:
            if not self._acquire(force):
                yield
                return
            done = threading.Event()
            beating = threading.Thread(target=self._beat, args=(done,), name="heartbeat", daemon=True)
            beating.start()
            try:
                self._lock_or_wait(force)
                yield
            finally:
                done.set()
                beating.join()
                self._unlock_machine()
                # Unreachable store: the next run sees that this process has ended.
                with contextlib.suppress(InputError):
                    self._release()
        finally:
            _LIVE.discard(self._token)

    def check(self) -> None:
        """Raise InputError if another run took the lock, as after this process was suspended for a minute."""
        if self._taken_by is not None:
            raise InputError(
                f"study {self._study!r} was taken over by another run ({self._taken_by}), as this one had no "
                f"heartbeat for {STALE_AFTER:.0f} s; this run stops, everything reported is kept"
            )

    def _acquire(self, force: bool) -> bool:
        """Wait for the lock.

        Returns: False if the run continues without the lock.
        """
        observed: Holder | None = None
        changed = told = 0.0
        while True:
            holder = self.holder()
            if holder is None:
                if self._insert():
                    break
                continue
            if (holder.token, holder.beats) != (
                observed.token if observed else "",
                observed.beats if observed else -1,
            ):
                observed, changed = holder, time.monotonic()
            silent = time.monotonic() - changed
            if holder.is_dead or silent > STALE_AFTER:
                if self._take_over(holder):
                    why = (
                        "whose process has ended"
                        if holder.is_dead
                        else f"without a heartbeat for {silent:.0f} s"
                    )
                    self._predecessor_may_train = not (holder.is_dead or holder.is_suspended)
                    self._say(f"study {self._study!r}: takes over from a run {why} ({holder})")
                    break
                continue
            if force:
                self._say(
                    f"study {self._study!r} is run by {holder} too; --force: both may train the same trials"
                )
                return False
            if not told:
                told = time.monotonic()
                self._say(
                    f"study {self._study!r} is run by {holder}; waits until that run ends, then trains what "
                    "is left (--force runs beside it, Ctrl-C stops waiting)"
                )
            time.sleep(LOOK_EVERY)
        if told:
            self._say(f"study {self._study!r}: goes on after {time.monotonic() - told:.0f} s")
        return True

    def _lock_or_wait(self, force: bool) -> None:
        """Lock the study's file on this machine, after waiting for a run that still has it locked.

        Such a run no longer has the lock of the store, whose file was deleted or replaced.

        Args:
            force: True to continue without waiting.
        """
        if self._lock_machine() or force or not self._predecessor_may_train:
            return
        start = time.monotonic()
        self._say(
            f"study {self._study!r} is run by another process on this machine, whose store was deleted or "
            "replaced; waits until that run ends, then trains what is left (--force runs beside it, Ctrl-C "
            "stops waiting)"
        )
        while not self._lock_machine():
            time.sleep(LOOK_EVERY)
        self._say(f"study {self._study!r}: goes on after {time.monotonic() - start:.0f} s")

    def _lock_machine(self) -> bool:
        """Lock the study's file on this machine.

        Returns: False if another run has it locked.
        """
        if not self._store.database.is_file:
            return True
        try:
            self._file = open_locked(machine_lock_path(self._store.place, self._study))
        except BlockingIOError:
            return False
        except OSError:  # no folder for the file: use the store's lock only
            pass
        return True

    def _unlock_machine(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                pathlib.Path(self._file.name).unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def holder(self) -> Holder | None:
        """Return the run that holds the lock, dead or alive; None if the lock is free."""
        columns = [LOCKS.c[field.name] for field in dataclasses.fields(Holder)]
        with self._store.database.transaction() as connection:
            row = connection.execute(sql.select(*columns).where(self._of_study)).first()
        return Holder(*row) if row is not None else None

    def _row(self) -> dict[str, Any]:
        moment = now()
        return {
            "token": self._token,
            "host": socket.gethostname(),
            "machine": machine(),
            "pid": os.getpid(),
            "process_start": process_start(os.getpid()),
            "since": moment,
            "beats": 0,
            "last_beat": moment,
        }

    def _insert(self) -> bool:
        with self._store.database.transaction(writing=True) as connection:
            self._store.database.insert(connection, LOCKS, [{"study": self._study, **self._row()}])
            token = connection.execute(sql.select(LOCKS.c.token).where(self._of_study)).scalar_one_or_none()
            return token == self._token

    def _take_over(self, holder: Holder) -> bool:
        """Take the lock of a dead run, unless another run was faster or the run is alive after all."""
        same = (self._of_study, LOCKS.c.token == holder.token, LOCKS.c.beats == holder.beats)
        with self._store.database.transaction(writing=True) as connection:
            return connection.execute(LOCKS.update().where(*same).values(**self._row())).rowcount == 1

    def _release(self) -> None:
        with self._store.database.transaction(writing=True) as connection:
            connection.execute(LOCKS.delete().where(self._of_study, LOCKS.c.token == self._token))

    def _beat(self, done: threading.Event) -> None:
        mine = (self._of_study, LOCKS.c.token == self._token)
        while not done.wait(BEAT_EVERY) and self._taken_by is None:
            with contextlib.suppress(InputError):  # unreachable store: the next heartbeat may succeed
                with self._store.database.transaction(writing=True) as connection:
                    beat = LOCKS.update().where(*mine).values(beats=LOCKS.c.beats + 1, last_beat=now())
                    ours = connection.execute(beat).rowcount == 1
                # The study and its lock were deleted, or another run has the lock.
                if not ours and not self._insert():
                    self._taken_by = self.holder()


def machine_lock_path(store: str, study: str) -> pathlib.Path:
    """Return the path of the file that a run locks on this machine, in the folder for temporary files.

    Args:
        store: path of the SQLite file, which need not exist.
        study: name of the study.

    Raises: OSError if the machine has no folder for temporary files.
    """
    name = hashlib.sha256(os.fsencode(f"{os.path.realpath(store)}\n{study}")).hexdigest()[:16]
    return pathlib.Path(tempfile.gettempdir()) / f"sensitivity-run-{os.getuid()}-{name}.lock"


def machine() -> str:
    """Return an identifier of this boot of the machine and of the namespace of its process ids."""
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {pathlib.Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{socket.gethostname()} {uuid.getnode():x}"


def process_start(pid: int) -> str:
    """Return a process's start time in ticks since boot; empty if it has ended or /proc is missing."""
    fields = _process_fields(pid)
    return "" if fields[0] in _DEAD_STATES else fields[19]


def process_state(pid: int) -> str:
    """Return a process's state letter of /proc; empty if there is no such process or no /proc."""
    return _process_fields(pid)[0]


def _process_fields(pid: int) -> list[str]:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [""]
