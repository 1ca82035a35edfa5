"""Reports that wait in a file for a store that cannot be reached."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sensitivity.store.locked_file import open_locked
from sensitivity.store.rows import now

if TYPE_CHECKING:
    from sensitivity.store.store import Store


class Journal:
    """A file of reports for one store, one batch a line, in their order. A line is on the disk when
    :meth:`append` returns.

    It is locked while it is open, so that what a living run still writes is not taken for what a killed one
    left.

    Args: path: made when it is not there. Raises: OSError where it cannot be opened; BlockingIOError where
    another process has it open.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self._file: Any = open_locked(path)
        lines = self._file.read().splitlines(keepends=True)
        whole = [
            line for line in lines if line.endswith(b"\n")
        ]  # a killed run may leave a part of one, whose reports it had not kept
        self._delivered, self._end = 0, sum(map(len, whole))
        self.reports = sum(len(json.loads(line)["reports"]) for line in whole)
        """How many reports it has held."""

    def append(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """Keep a batch of reports. Raises: OSError, such as for a full disk; what was kept before stays."""
        line = json.dumps({"at": now(), "reports": [dict(report) for report in reports]}).encode() + b"\n"
        self._file.truncate(self._end)
        try:
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(self._end)
            raise
        self._end += len(line)
        self.reports += len(reports)

    def deliver(self, store: Store) -> None:
        """Give the store what waits, in order, and delete the file. What the store has already changes
        nothing there.

        Raises: Unreachable where the store is still away; what it has not taken stays in the file.
        """
        self._file.seek(self._delivered)
        for line in self._file.read(self._end - self._delivered).splitlines(keepends=True):
            batch = json.loads(line)
            store.keep(batch["reports"], at=batch["at"], whole=True)
            self._delivered += len(line)
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Leave the file as it is, for the next run; none where nothing waits."""
        if self._end == 0:
            self.path.unlink(missing_ok=True)
        self._file.close()


def journal_path(store: Store, folder: pathlib.Path) -> pathlib.Path:
    """A new file for a journal of a store."""
    return folder / f"{_name(store)}-{uuid.uuid4().hex[:8]}.jsonl"


def rescue_path(store: Store, folder: pathlib.Path) -> pathlib.Path:
    """A new file for a copy of a store whose own file was deleted."""
    return folder / f"{_name(store)}-{uuid.uuid4().hex[:8]}.sqlite"


def rescued(store: Store, folder: pathlib.Path) -> list[pathlib.Path]:
    """The copies of a store in a folder that were saved when its file was deleted, oldest first."""
    return sorted(folder.glob(f"{_name(store)}-*.sqlite"), key=lambda path: path.stat().st_mtime_ns)


def _take_in(store: Store, path: pathlib.Path) -> None:
    """Copy a rescued store into a store, and delete the copy. Raises: InputError for a copy that cannot be
    read."""
    from sensitivity.store.copying import copy
    from sensitivity.store.store import Store

    with contextlib.closing(Store(path, create=False)) as copied:
        copy(copied, store, merge=True)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def left_behind(store: Store, folder: pathlib.Path) -> list[pathlib.Path]:
    """The journals of a store in a folder, oldest first."""
    return sorted(folder.glob(f"{_name(store)}-*.jsonl"), key=lambda path: path.stat().st_mtime_ns)


def _name(store: Store) -> str:
    return f"sensitivity-waiting-{hashlib.sha256(os.fsencode(store.place)).hexdigest()[:8]}"


def bring_in(store: Store, folder: pathlib.Path) -> int:
    """Deliver what runs that were killed or gave up left in a folder, rescued stores before reports; how many
    reports."""
    brought = 0
    for path in rescued(store, folder):
        _take_in(store, path)
    for path in left_behind(store, folder):
        try:
            journal = Journal(path)
        except BlockingIOError:  # of a run that is under way
            continue
        try:
            journal.deliver(store)
            brought += journal.reports
        finally:
            journal.close()
    return brought
