"""Journal files: reports that wait for an unreachable store."""

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
    """A file of reports for one store, one batch a line; a line is on disk when :meth:`append` returns.

    The file is locked while it is open, which tells the journal of a running process from the journal of a
    killed one.

    Args:
        path: path of the file; created if missing.

    Raises: OSError if the file cannot be opened; BlockingIOError if another process has it open.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self._file: Any = open_locked(path)
        lines = self._file.read().splitlines(keepends=True)
        # A killed run may leave an incomplete line, whose reports were not confirmed.
        whole = [line for line in lines if line.endswith(b"\n")]
        self._delivered, self._end = 0, sum(map(len, whole))
        self.reports = sum(len(json.loads(line)["reports"]) for line in whole)
        """Number of reports in the file."""

    def append(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """Append a batch of reports.

        Raises: OSError, such as for a full disk; earlier batches stay.
        """
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
        """Write all reports to the store in order, and delete the file; repeated delivery changes nothing.

        Raises: Unreachable while the store is unreachable; undelivered reports stay in the file.
        """
        self._file.seek(self._delivered)
        for line in self._file.read(self._end - self._delivered).splitlines(keepends=True):
            batch = json.loads(line)
            store.keep(batch["reports"], at=batch["at"], whole=True)
            self._delivered += len(line)
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close the file and leave it for the next run; an empty file is deleted."""
        if self._end == 0:
            self.path.unlink(missing_ok=True)
        self._file.close()


def journal_path(store: Store, folder: pathlib.Path) -> pathlib.Path:
    """Return the path of a new journal of a store."""
    return folder / f"{_name(store)}-{uuid.uuid4().hex[:8]}.jsonl"


def rescue_path(store: Store, folder: pathlib.Path) -> pathlib.Path:
    """Return the path of a new copy of a store whose file was deleted."""
    return folder / f"{_name(store)}-{uuid.uuid4().hex[:8]}.sqlite"


def rescued(store: Store, folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the copies that were saved when the store's file was deleted, oldest first."""
    return sorted(folder.glob(f"{_name(store)}-*.sqlite"), key=lambda path: path.stat().st_mtime_ns)


def _take_in(store: Store, path: pathlib.Path) -> None:
    """Merge a rescued copy into a store, and delete the copy.

    Raises: InputError if the copy cannot be read.
    """
    from sensitivity.store.copying import copy
    from sensitivity.store.store import Store

    with contextlib.closing(Store(path, create=False)) as copied:
        copy(copied, store, merge=True)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def left_behind(store: Store, folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the journals of a store in a folder, oldest first."""
    return sorted(folder.glob(f"{_name(store)}-*.jsonl"), key=lambda path: path.stat().st_mtime_ns)


def _name(store: Store) -> str:
    return f"sensitivity-waiting-{hashlib.sha256(os.fsencode(store.place)).hexdigest()[:8]}"


def bring_in(store: Store, folder: pathlib.Path) -> int:
    """Deliver the rescued copies and journals of earlier runs in a folder; return the number of reports."""
    brought = 0
    for path in rescued(store, folder):
        _take_in(store, path)
    for path in left_behind(store, folder):
        try:
            journal = Journal(path)
        except BlockingIOError:  # the journal of an active run
            continue
        try:
            journal.deliver(store)
            brought += journal.reports
        finally:
            journal.close()
    return brought
