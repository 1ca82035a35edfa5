"""The files of tables that readers download.

Each file is written once per revision of its study, one at a time, in a folder of bounded size.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import pathlib
import re
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from sensitivity.readers.cache import Pending
from sensitivity.service.problems import Later, Missing
from sensitivity.service.study_table import Table, Write

FOLDER = "tables"
NAME = re.compile(r"table-\d+\.(parquet|csv|new)")
"""Names of the files; ``new`` is the ending of a file that is being written."""
MOST_BYTES = 2_000_000_000
"""Bytes of all files together; a larger table exists while it has readers."""
WAIT_SECONDS = 20.0
"""Seconds for which a request waits for a file by default; then the answer is to ask again."""
LONGEST_WAIT_SECONDS = 600.0
"""Seconds for which a request may wait, at most."""
ASK_AGAIN_SECONDS = 20.0
"""Seconds in which a reader has to ask again; otherwise writing the file is cancelled."""
STOPPING = "the service is being stopped"


class Cancelled(Later):
    """No reader waits for a file any more, or the service is being stopped."""


@dataclass(eq=False)
class _File:
    """A file that is written or there.

    Args:
        path: of the file; there is none before it is written to its end.
        readers: that wait for it or read it.
        wanted_until: by the monotonic clock, for a reader who was told to ask again.
        size: bytes.
        descriptor: open while there are readers.
        error: the reason for readers, where the file is not to be written to its end.
    """

    path: pathlib.Path
    readers: int = 0
    wanted_until: float = 0.0
    size: int = 0
    descriptor: int | None = None
    error: Exception | None = None
    written: Future[None] = field(default_factory=Future)

    @property
    def is_wanted(self) -> bool:
        """True while there are readers, or one may come back."""
        return self.readers > 0 or time.monotonic() < self.wanted_until


class TableFiles:
    """A cache of tables on the disk.

    Args:
        folder: of the files; those that an earlier service left are removed. It is made with the first file.
        most_bytes: of all files together.
    """

    def __init__(self, folder: pathlib.Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder, self._most_bytes = folder, most_bytes
        self._files: dict[Table, _File] = {}
        """The least recently asked for first."""
        self._outdated: list[_File] = []
        """Removed, but readers have them open yet."""
        self._numbers = itertools.count()
        self._lock = threading.RLock()
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="table")
        self._empty()

    @asynccontextmanager
    async def reading(
        self, table: Table, write: Write, wait_seconds: float = WAIT_SECONDS
    ) -> AsyncIterator[tuple[int, int]]:
        """Have the file of a table: its descriptor and its size.

        The file is written if it does not exist yet.

        Args:
            table: Table with its revision.
            write: Writes the table.
            wait_seconds: Seconds for which the reader waits for the file.
        Raises: Pending where it takes longer; Later where there is no room; what writing raises.
        """
        file = self._join(table, write)
        try:
            if not await _is_done(file.written, wait_seconds):
                file.wanted_until = time.monotonic() + ASK_AGAIN_SECONDS
                raise Pending
            file.written.result()
            assert file.descriptor is not None
            yield file.descriptor, file.size
        finally:
            self._leave(table, file)

    @property
    def size(self) -> int:
        """Bytes of all files, those included that are removed and still being read."""
        return sum(file.size for file in (*self._files.values(), *self._outdated))

    def forget(self, study: str) -> None:
        """Remove the tables of a study that was deleted."""
        with self._lock:
            for table in [table for table in self._files if table.study == study]:
                self._remove(table, Missing(f"study {study!r} was deleted"))

    def stop(self) -> None:
        """Write no more; who waits is told so.

        It does not wait.
        """
        with self._lock:
            for table in list(self._files):
                self._remove(table, Cancelled(STOPPING))
            self._writing.shutdown(wait=False)  # what waits for its turn ends as soon as it has it

    def close(self) -> None:
        """Remove every file."""
        self.stop()
        self._writing.shutdown(wait=True)
        self._empty()

    def _empty(self) -> None:
        """Remove every file that a service has written; whatever else is in the folder stays."""
        with suppress(OSError):
            for path in self.folder.iterdir():
                if NAME.fullmatch(path.name):
                    path.unlink()
            self.folder.rmdir()

    def _join(self, table: Table, write: Write) -> _File:
        with self._lock:
            file = self._files.get(table)
            if file is not None and file.written.done():
                try:
                    _open(file)
                except FileNotFoundError:  # somebody has emptied the folder
                    self._remove(table)
                    file = None
            if file is None:
                file = self._begin(table, write)
            self._files[table] = self._files.pop(table, file)  # the one that was asked for last is the last
            file.readers += 1
            return file

    def _begin(self, table: Table, write: Write) -> _File:
        for other, file in list(self._files.items()):
            if replace(other, revision=table.revision) == table and file.written.done():
                self._remove(other)  # an earlier revision
        self._make_room()
        if self.size >= self._most_bytes:
            allowed = f"at most {self._most_bytes:,} are allowed"
            raise Later(
                f"the tables that others are reading just now take {self.size:,} bytes, {allowed}; ask again"
            )
        file = _File(self.folder / f"table-{next(self._numbers)}.{table.format}")
        try:
            self._writing.submit(self._write, table, file, write)
        except RuntimeError:
            raise Cancelled(STOPPING) from None
        return file

    def _write(self, table: Table, file: _File, write: Write) -> None:
        unfinished = file.path.with_suffix(".new")

        def check() -> None:
            with self._lock:
                if file.error is None and not file.is_wanted:
                    self._remove(table, Cancelled("the reader has gone"))
                if file.error is not None:
                    raise file.error

        try:
            check()
            self.folder.mkdir(parents=True, exist_ok=True)
            with unfinished.open("xb") as opened:
                write(opened, check)
            with self._lock:
                check()
                file.size = unfinished.stat().st_size
                unfinished.replace(file.path)
                if file.readers:
                    _open(file)
                file.written.set_result(None)
                self._make_room(file)
        except BaseException as error:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            with self._lock:
                if self._files.get(table) is file:
                    del self._files[table]
            file.written.set_exception(error)

    def _leave(self, table: Table, file: _File) -> None:
        with self._lock:
            file.readers -= 1
            if file.readers:
                return
            if file.descriptor is not None:
                os.close(file.descriptor)
                file.descriptor = None
            if file in self._outdated:
                self._outdated.remove(file)
            elif not file.written.done() and not file.is_wanted and file.error is None:
                self._remove(table, Cancelled("the reader has gone"))
            else:
                self._make_room()

    def _make_room(self, latest: _File | None = None) -> None:
        """Remove files without readers, the least recently requested first, to stay within the limit."""
        for table, file in list(self._files.items()):
            if self.size <= self._most_bytes:
                return
            if file is not latest and file.written.done() and not file.is_wanted:
                self._remove(table)

    def _remove(self, table: Table, error: Exception | None = None) -> None:
        """Remove a file.

        Readers who have it open read on; those who wait for it are told the error.
        """
        file = self._files.pop(table)
        if not file.written.done():
            file.error = error
            return
        with suppress(OSError):
            file.path.unlink()
        if file.readers:
            self._outdated.append(file)


def _open(file: _File) -> None:
    if file.descriptor is None:
        file.descriptor = os.open(file.path, os.O_RDONLY)


async def _is_done(future: Future[None], seconds: float) -> bool:
    """Wait for a future without a thread, and without cancelling it for others.

    False where it is not done in time.
    """
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def wake(_: Future[None]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(woken.set)

    future.add_done_callback(wake)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()
    return future.done()
