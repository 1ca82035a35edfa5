"""The SQLite file that a store has opened, compared with the file that is now at its path."""

from __future__ import annotations

import os
import pathlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from sqlalchemy import exc

if TYPE_CHECKING:
    from collections.abc import Callable

Identity = tuple[int, int]
"""Device and inode of a file."""
DESCRIPTORS = pathlib.Path("/dev/fd")
PAGE_SIZE, PAGE_COUNT, HEADER = slice(16, 18), slice(28, 32), 100
"""Positions in the header of a SQLite file, and the length of the header."""


class OpenedFile:
    """The identity of a SQLite file since it was opened.

    SQLite continues to write into a file that was deleted or replaced, and those writes are lost. This class
    never opens the file itself: closing it would release SQLite's own locks.

    Args:
        path: path of the file.
        refused: makes the exception for a reason.
    """

    def __init__(self, path: pathlib.Path, refused: Callable[[str], Exception]) -> None:
        self.path, self._refused = path, refused
        self.identity: Identity | None = None
        """None before the first connection."""
        self.lost = ""
        """The reason why the file cannot come back; empty while it can."""
        self._size = 0
        self._log_identity: Identity | None = None

    def attach(self, engine: sql.Engine) -> None:
        """Refuse new connections of an engine to any other file.

        Connections whose write-ahead log was deleted are replaced.
        """
        sql.event.listen(engine, "do_connect", self._before_connecting)
        sql.event.listen(engine, "connect", self._connected)
        sql.event.listen(engine, "checkout", self._checked_out)

    def forget(self) -> None:
        """Accept the file that the next connection opens."""
        self.identity, self.lost, self._size = None, "", 0

    def drop_log(self) -> None:
        """Delete the write-ahead log of a deleted file; SQLite would apply it to a new file at the path."""
        if (
            self._log_identity is not None
            and self._log() == self._log_identity
            and _identity(self.path) != self.identity
        ):
            for suffix in ("-wal", "-shm"):
                with suppress(OSError):
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def fault(self, *, writing: bool = False) -> str:
        """Return the reason why the store's file cannot be used now; empty if it can.

        Args:
            writing: True before a write.
        """
        if self.lost or self.identity is None:
            return self.lost
        try:
            status = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return self._away("")
        except OSError as error:
            return error.strerror or str(error)
        if (status.st_dev, status.st_ino) != self.identity:
            return self._away("; another file is at its path")
        if status.st_size < self._size and self._is_cut(status.st_size):
            self.lost = "the file was truncated"
            return self.lost
        self._size = status.st_size
        if not os.access(self.path, os.R_OK | os.W_OK if writing else os.R_OK):
            return "there is no permission to use the file"
        return ""

    def _away(self, instead: str) -> str:
        """Return the reason why the opened file is not at its path.

        The reason is final if no folder has the opened file any more.

        Args:
            instead: description of the file at the path.
        """
        descriptor = self._descriptor()
        if descriptor is None:
            return f"the file is not at its path any more{instead}"
        if os.fstat(descriptor).st_nlink:
            return f"the file was moved away{instead}"
        self.lost = f"the file was deleted{instead}"
        self.drop_log()
        return self.lost

    def _is_cut(self, size: int) -> bool:
        """Return True if the file is shorter than its header says.

        VACUUM shortens the file too, but updates the header.
        """
        descriptor = self._descriptor()
        if size < HEADER or descriptor is None:
            return size < HEADER
        header = os.pread(descriptor, HEADER, 0)
        page_size = int.from_bytes(header[PAGE_SIZE])
        return size < int.from_bytes(header[PAGE_COUNT]) * (65536 if page_size == 1 else page_size)

    def _descriptor(self) -> int | None:
        """Return a file descriptor of the opened file from this process's connections."""
        with suppress(OSError):
            for path in DESCRIPTORS.iterdir():
                with suppress(OSError, ValueError):
                    status = os.fstat(int(path.name))
                    if (status.st_dev, status.st_ino) == self.identity:
                        return int(path.name)
        return None

    def _before_connecting(self, *_arguments: Any) -> None:
        """Refuse a connection to a missing file, which SQLite would create empty."""
        if reason := self.fault():
            raise self._refused(reason)

    def _connected(self, connection: Any, record: Any) -> None:
        # The write-ahead log is open only after the first query.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if self.identity is None:
            self.identity = _identity(self.path)
        self._log_identity = record.info["log"] = self._log()

    def _checked_out(self, connection: Any, record: Any, _proxy: Any) -> None:
        """Replace a connection whose write-ahead log was deleted, after saving its writes."""
        if _identity(self.path) != self.identity:
            return
        log, before = self._log(), record.info.get("log")
        if before is not None and log != before:
            connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
            raise exc.DisconnectionError("its write-ahead log was deleted")
        self._log_identity = record.info["log"] = log

    def _log(self) -> Identity | None:
        return _identity(self.path.with_name(f"{self.path.name}-wal"))


def _identity(path: pathlib.Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
