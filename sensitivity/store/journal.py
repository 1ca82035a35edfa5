"""Journal files: reports that wait for an unreachable store."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sensitivity.store.databases import Unreachable
from sensitivity.store.locked_file import open_locked
from sensitivity.store.rows import now
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.store.store import Store

ASIDE = "damaged-"
"""Prefix of a waiting file whose contents cannot be read."""


class Damaged(InputError):
    """A waiting file whose contents cannot be read, or not all of them."""


class Journal:
    """A file of reports for one store, one batch a line; a line is on disk when :meth:`append` returns.

    The file is locked while it is open, which tells the journal of a running process from the journal of a
    killed one. A line that cannot be read does not stop the lines after it.

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
        self.reports = sum(len(batch["reports"]) for batch in map(_batch, whole) if batch is not None)
        """Number of reports in the file."""
        self._unread = 0

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

        Raises: Unreachable while the store is unreachable; undelivered reports stay in the file. Damaged,
        after the other lines were delivered, if a line cannot be read; the file stays.
        """
        self._file.seek(self._delivered)
        for line in self._file.read(self._end - self._delivered).splitlines(keepends=True):
            batch = _batch(line)
            try:
                if batch is None:
                    self._unread += 1
                else:
                    store.keep(batch["reports"], at=batch["at"], whole=True)
            except Unreachable:
                raise
            except (LookupError, TypeError, ValueError):  # values that no run reports
                self._unread += 1
            self._delivered += len(line)
        if self._unread:
            raise Damaged(f"{self._unread} lines of {str(self.path)!r} cannot be read")
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close the file and leave it for the next run; an empty file is deleted."""
        if self._end == 0:
            self.path.unlink(missing_ok=True)
        self._file.close()


def _batch(line: bytes) -> dict[str, Any] | None:
    """Return the batch of a line; None for a line that holds none."""
    try:
        batch = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(batch, dict) and isinstance(batch.get("at"), str)
    return batch if whole and isinstance(batch.get("reports"), list) else None


def journal_path(store: Store, folder: pathlib.Path) -> pathlib.Path:
    """Return the path of a new journal of a store."""
    return folder / f"{_name(store)}-{uuid.uuid4().hex[:8]}.jsonl"


def rescue_path(store: Store, folder: pathlib.Path) -> pathlib.Path:
    """Return the path of a new copy of a store whose file was deleted."""
    return folder / f"{_name(store)}-{uuid.uuid4().hex[:8]}.sqlite"


def rescued(store: Store, folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the copies that were saved when the store's file was deleted, oldest first."""
    return _oldest_first(folder.glob(f"{_name(store)}-*.sqlite"))


def left_behind(store: Store, folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the journals in a folder, oldest first: files of reports that could not be stored in their time.

    Args:
        store: for which the reports wait.
        folder: the working directory of the runs that reported.
    """
    return _oldest_first(folder.glob(f"{_name(store)}-*.jsonl"))


def _oldest_first(paths: Iterable[pathlib.Path]) -> list[pathlib.Path]:
    """Return the paths of files by their age, without those that another run has just brought in."""
    ages = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            ages[path] = path.stat().st_mtime_ns
    return sorted(ages, key=lambda path: ages[path])


def _name(store: Store) -> str:
    return f"sensitivity-waiting-{hashlib.sha256(os.fsencode(store.place)).hexdigest()[:8]}"


def bring_in(store: Store, folder: pathlib.Path, note: Callable[[str], None] = lambda words: None) -> int:
    """Deliver the rescued copies and journals of earlier runs in a folder; return the number of reports.

    One bad file does not stop the others. A damaged file is renamed, and what it held is trained again.

    Args:
        store: receives the reports.
        folder: has the files.
        note: called with one line for each damaged file.

    Raises: Unreachable while the store is unreachable; InputError, after the others were delivered, for files
    that cannot be opened now.
    """
    brought, unopened = 0, []
    for path in [*rescued(store, folder), *left_behind(store, folder)]:
        try:
            brought += _take_in(store, path) if path.suffix == ".sqlite" else _deliver(store, path)
        except (BlockingIOError, FileNotFoundError):  # of an active run, or brought in by one
            continue
        except Damaged as damage:
            aside = path.with_name(ASIDE + path.name)
            path.rename(aside)
            note(f"{damage}; set aside as {str(aside)!r}: what it held and the store lacks is trained again")
        except OSError as error:
            unopened.append(f"{str(path)!r}: {error.strerror}")
    if unopened:
        raise InputError(f"reports of an earlier run cannot be brought in: {'; '.join(unopened)}")
    return brought


def _deliver(store: Store, path: pathlib.Path) -> int:
    """Deliver a journal, and return the number of its reports.

    Raises: BlockingIOError for the journal of an active run; Damaged.
    """
    journal = Journal(path)
    try:
        journal.deliver(store)
    finally:
        journal.close()
    return journal.reports


def _take_in(store: Store, path: pathlib.Path) -> int:
    """Merge a rescued copy into a store, and delete the copy; it counts as no report.

    Raises: Damaged; InputError for a copy that this program cannot take.
    """
    from sensitivity.store.copying import copy
    from sensitivity.store.store import Store

    _check_copy(path)
    with contextlib.closing(Store(path, create=False)) as copied:
        copy(copied, store, merge=True)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return 0


def _check_copy(path: pathlib.Path) -> None:
    """Read a rescued copy once.

    Raises: Damaged if it is not whole; OSError if it cannot be opened.
    """
    path.open("rb").close()
    try:
        with contextlib.closing(sqlite3.connect(path)) as copied:
            whole = copied.execute("PRAGMA quick_check").fetchone() == ("ok",)
            if whole and copied.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return
            reason = "it is not whole" if not whole else "it is empty"
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise OSError(errno.EIO, str(error)) from None
        reason = str(error)
    raise Damaged(f"{str(path)!r} cannot be read: {reason}")
