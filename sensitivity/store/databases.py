"""The database of a store: connections, transactions, and errors in one line."""

from __future__ import annotations

import fcntl
import os
import pathlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import sqlalchemy as sql
from sqlalchemy import exc

from sensitivity.store.addresses import (
    EXAMPLE,
    HIDDEN,
    SECRET,
    check_file,
    file_path,
    sqlite_url,
    without_password,
)
from sensitivity.store.bulk import FEWEST, copied, may_copy
from sensitivity.store.opened_file import OpenedFile
from sensitivity.store.tables import TABLES
from trainables.names import InputError

BUSY_SECONDS = 30
"""Seconds that a writer waits for another writer of the same SQLite file."""
PATIENCE = {"connect_timeout": 10, "tcp_user_timeout": 10_000}
"""Timeouts of PostgreSQL: seconds for a connection, milliseconds for unacknowledged data."""
SCHEMA_LOCK = 0x73656E73
"""Number of the PostgreSQL advisory lock of :meth:`Database.schema_lock`."""
PASSING = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.InternalError,
    exc.ProgrammingError,
    exc.TimeoutError,
)
"""Errors that may pass: an unreachable database, a full disk, dropped tables."""


class Unreachable(InputError):
    """The database cannot be reached or written now; the same call may succeed later."""


class Lost(Unreachable):
    """The database file was deleted, truncated or damaged, and does not come back by itself."""


class Database:
    """SQLite in a file, or PostgreSQL by URL. No error message contains a password.

    Args:
        place: a path, or a URL such as ``postgresql+psycopg://host/name``.
        create: True to create a missing file.

    Raises: InputError for a place that cannot be a database.
    """

    def __init__(self, place: str | pathlib.Path, *, create: bool = True) -> None:
        text = str(place)
        self._passwords: tuple[str, ...] = ()
        self.options: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS}, "pool_pre_ping": True}
        """Options of the engine, also of Optuna's: stale connections are replaced after a restart of the
        database."""
        self.path = (
            None
            if "://" in text and not text.startswith("sqlite:///")
            else file_path(text.removeprefix("sqlite:///"))
        )
        self.file: OpenedFile | None = None
        """The SQLite file that was opened."""
        self._pinned = False
        if self.path is not None:
            check_file(self.path, create)
            self.shown, self.url = str(self.path), sqlite_url(self.path)
            self.engine = sql.create_engine(sql.URL.create("sqlite", database=str(self.path)), **self.options)
            sql.event.listen(self.engine, "connect", _durable)
            sql.event.listen(self.engine, "begin", _begin)
            self.file = OpenedFile(self.path, self._refused)
            self.file.attach(self.engine)
        else:
            self.shown, self.url = without_password(text), text
            self.engine = self._postgresql(text)

    @property
    def is_file(self) -> bool:
        """True if the database is SQLite."""
        return self.path is not None

    def _postgresql(self, text: str) -> sql.Engine:
        try:
            url = sql.make_url(text)
        except (exc.SQLAlchemyError, ValueError):
            raise InputError(f"store {self.shown!r} cannot be opened: a URL looks like {EXAMPLE}") from None
        self._passwords = tuple(
            str(secret) for secret in (url.password, *(url.query.get(name) for name in SECRET)) if secret
        )
        try:
            if url.get_backend_name() != "postgresql" or url.get_dialect().is_async:
                raise InputError(f"store {self.shown!r} cannot be opened: give a SQLite file, or {EXAMPLE}")
            self.options["connect_args"] = {
                name: seconds for name, seconds in PATIENCE.items() if name not in url.query
            }
            return sql.create_engine(url, **self.options, hide_parameters=True)
        except ModuleNotFoundError as error:
            more = f"{error}; pip install 'optimizer-sensitivity[postgres]'"
            raise InputError(f"store {self.shown!r} cannot be opened: {more}") from None
        except exc.SQLAlchemyError as error:
            raise self.in_words(error) from None

    @contextmanager
    def transaction(self, *, writing: bool = False, snapshot: bool = False) -> Iterator[sql.Connection]:
        """Begin a transaction, and commit it at the end.

        Args:
            writing: True to take the write lock at the start, if the database has one writer at a time.
            snapshot: True if every query must see the state of the first query, as in every transaction of
                SQLite.

        Raises: Unreachable while the database is away; InputError for a statement that the database refuses
        for good.
        """
        self.check(writing=writing)
        options: dict[str, Any] = (
            {"isolation_level": "REPEATABLE READ"} if snapshot and not self.is_file else {}
        )
        try:
            with (
                self.engine.connect().execution_options(writing=writing, **options) as connection,
                connection.begin(),
            ):
                yield connection
        except exc.SQLAlchemyError as error:
            raise self.in_words(error) from None
        if writing:
            self.check(writing=True)  # a write into a deleted file succeeds, and is lost

    @property
    def lost(self) -> bool:
        """True if the SQLite file that was opened cannot come back."""
        return self.file is not None and bool(self.file.lost)

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """Stay with the SQLite file that is open; without this context a replaced file is reopened."""
        before, self._pinned = self._pinned, True
        try:
            yield
        finally:
            self._pinned = before

    def check(self, *, writing: bool = False) -> None:
        """Check that the SQLite file at the path is the file that was opened.

        Args:
            writing: True before a write.

        Raises: Unreachable if the file differs, cannot be used or is damaged; Lost if the opened file cannot
        come back.
        """
        if self.file is None:
            return
        reason = self.file.fault(writing=writing)
        if (
            reason
            and not self._pinned
            and self.path is not None
            and self.path.is_file()
            and self.path.stat().st_size
        ):
            self.engine.dispose()
            self.file.forget()
            reason = ""
        if reason:
            raise self._refused(reason)

    def _refused(self, reason: str) -> Unreachable:
        return (Lost if self.lost else Unreachable)(f"store {self.shown!r}: {reason}")

    def rescue(self, target: pathlib.Path) -> bool:
        """Save the contents of the opened SQLite file after it was deleted, truncated or moved away.

        A file that cannot come back is copied into a new file and closed. For a file that can come back, the
        write-ahead log is written into the file. Neither leaves a log that SQLite would apply to another file
        at the same path.

        Args:
            target: path of the new file, which is there once it is complete.

        Returns: True if the new file is complete; otherwise no file is left.
        """
        if self.file is None or not self.file.fault():
            return False
        copied, unfinished = False, target.with_name(f"{target.name}.new")
        try:
            with closing(self.engine.raw_connection()) as source:
                assert source.driver_connection is not None
                if not self.lost:
                    source.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    return False
                copied = _copied(source.driver_connection, unfinished)
            if copied:
                unfinished.rename(target)
        except (sqlite3.Error, exc.SQLAlchemyError, OSError, InputError):
            # There is no open connection, or no room for the copy.
            copied = False
        if not copied:
            unfinished.unlink(missing_ok=True)
        if self.lost:
            self.engine.dispose()
        return copied

    @contextmanager
    def schema_lock(self) -> Iterator[None]:
        """Lock under which tables are created, one process at a time.

        Optuna's own table creation is not safe when two processes start at once.
        """
        if self.path is None:
            with self.transaction() as connection:
                connection.execute(sql.select(sql.func.pg_advisory_xact_lock(SCHEMA_LOCK)))
                yield
            return
        # Closing the file itself would release SQLite's own locks.
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network file systems have no locks
                fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def insert(self, connection: sql.Connection, table: sql.Table, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert the rows whose primary key is missing, and return their number.

        Rows are sorted by key, so that two writers never deadlock.
        """
        from sqlalchemy.dialects import postgresql, sqlite

        if not rows:
            return 0
        key = [column.name for column in table.primary_key]
        ordered = sorted(rows, key=lambda row: [row[name] for name in key])
        if not self.is_file and len(ordered) >= FEWEST and may_copy(connection):
            return copied(connection, table, ordered)
        insert = (sqlite if self.is_file else postgresql).insert(table).on_conflict_do_nothing()
        return max(connection.execute(insert, ordered).rowcount, 0)

    def vacuum(self) -> None:
        """Return the disk space of deleted rows."""
        engine = sql.create_engine(
            self.engine.url, **self.options, isolation_level="AUTOCOMMIT", hide_parameters=True
        )
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(
                    "VACUUM" if self.is_file else f"VACUUM ANALYZE {', '.join(TABLES.tables)}"
                )
        except exc.SQLAlchemyError as error:
            raise self.in_words(error) from None
        finally:
            engine.dispose()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def in_words(self, error: exc.SQLAlchemyError) -> InputError:
        """Return a database error as one line without a password; Unreachable if a retry may succeed."""
        text = " ".join(str(getattr(error, "orig", None) or error).split())
        for password in self._passwords:
            text = text.replace(password, HIDDEN)
        if isinstance(error, exc.DatabaseError) and type(error.orig) is sqlite3.DatabaseError:
            return Lost(f"store {self.shown!r}: {text}")
        if (
            self.path is not None
            and "unable to open" in text
            and not os.access(folder := self.path.parent, os.W_OK)
        ):
            text += f"; SQLite has to write beside it, and the folder {str(folder)!r} is not writable"
        passing = isinstance(error, PASSING)
        return (Unreachable if passing else InputError)(f"store {self.shown!r}: {text}")


def _copied(source: Any, target: pathlib.Path) -> bool:
    """Copy a database into a new file.

    Returns: True if the copy is intact and not empty.
    """
    with closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        whole = copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return bool(whole and copy.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _durable(connection: Any, _record: Any) -> None:
    """Set WAL mode: readers do not wait for the writer, and a commit survives a killed process."""
    connection.isolation_level = None  # transactions begin explicitly, in _begin
    cursor = connection.cursor()
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin(connection: sql.Connection) -> None:
    """Begin a transaction, with the write lock at once if it writes.

    SQLite refuses a transaction that reads first and writes later if another process has written in between.
    """
    connection.exec_driver_sql(
        "BEGIN IMMEDIATE" if connection.get_execution_options().get("writing") else "BEGIN"
    )
