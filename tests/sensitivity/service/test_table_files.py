"""The cache of tables: each file once, one at a time, ended with its readers, bounded on the disk, and never
half."""

from __future__ import annotations

import asyncio
import errno
import os
import pathlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO

import pytest

from sensitivity.readers.cache import Pending
from sensitivity.service import table_files
from sensitivity.service.problems import Later, Missing
from sensitivity.service.study_table import Table, Write
from sensitivity.service.table_files import Cancelled, TableFiles
from sensitivity.store.databases import Unreachable
from tests.sensitivity.service.served import until

EPOCHS = Table("a", "epochs", "parquet", "1")


@dataclass
class Writer:
    """Writes a file of so many bytes, once it may."""

    size: int = 10
    may: threading.Event = field(default_factory=threading.Event)
    began: threading.Event = field(default_factory=threading.Event)
    written: int = 0
    at_once: int = 0
    most_at_once: int = 0

    def __call__(self, file: IO[bytes], check: Callable[[], None]) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            file.write(b"x" * self.size)
            self.began.set()
            while not self.may.wait(0.01):
                check()
            self.written += 1
        finally:
            self.at_once -= 1


@pytest.fixture
def files(tmp_path: pathlib.Path) -> Iterator[TableFiles]:
    made = TableFiles(tmp_path / "tables", most_bytes=100)
    yield made
    made.close()
    assert not (tmp_path / "tables").exists()


@pytest.fixture
def writer() -> Iterator[Writer]:
    made = Writer()
    yield made
    made.may.set()


async def read(
    files: TableFiles,
    table: Table,
    write: Write,
    then: asyncio.Event | None = None,
    *,
    wait_seconds: float = 60,
) -> bytes:
    async with files.reading(table, write, wait_seconds) as (descriptor, size):
        if then is not None:
            await then.wait()
        return os.pread(descriptor, size + 1, 0)


def names(files: TableFiles) -> list[str]:
    return sorted(path.name for path in files.folder.iterdir()) if files.folder.exists() else []


def test_a_file_is_written_once_for_all_readers(files: TableFiles, writer: Writer) -> None:
    async def visit() -> None:
        reading = [asyncio.create_task(read(files, EPOCHS, writer)) for _ in range(5)]
        reading += [asyncio.create_task(read(files, replace(EPOCHS, format="csv"), writer))]
        await asyncio.to_thread(writer.began.wait)
        writer.may.set()
        assert await asyncio.gather(*reading) == [b"x" * 10] * 6
        assert await read(files, EPOCHS, writer) == b"x" * 10

    asyncio.run(visit())
    assert (writer.written, writer.most_at_once) == (2, 1)
    assert len(names(files)) == 2


def test_a_newer_revision_replaces_the_file_and_readers_read_on(files: TableFiles, writer: Writer) -> None:
    writer.may.set()

    async def visit() -> None:
        go_on = asyncio.Event()
        slow = asyncio.create_task(read(files, EPOCHS, writer, go_on))
        await asyncio.sleep(0)
        while not names(files) or names(files)[0].endswith(".new"):
            await asyncio.sleep(0.01)
        await read(files, replace(EPOCHS, revision="2"), writer)
        assert len(names(files)) == 1
        assert files.size == 20
        go_on.set()
        assert await slow == b"x" * 10

    asyncio.run(visit())
    assert files.size == 10


def test_a_file_that_nobody_waits_for_is_not_written_to_its_end(files: TableFiles, writer: Writer) -> None:
    async def visit() -> None:
        two = [asyncio.create_task(read(files, EPOCHS, writer)) for _ in range(2)]
        queued = asyncio.create_task(read(files, replace(EPOCHS, study="b"), writer))
        await asyncio.to_thread(writer.began.wait)
        two[0].cancel()
        await asyncio.sleep(0.05)
        assert names(files) == ["table-0.new"]  # one reader is left
        for task in (two[1], queued):
            task.cancel()
        await asyncio.gather(*two, queued, return_exceptions=True)

    asyncio.run(visit())
    until(lambda: not names(files))
    assert writer.written == 0


def test_who_waits_too_long_asks_again(files: TableFiles, writer: Writer) -> None:

    async def visit() -> None:
        for _ in range(2):
            with pytest.raises(Pending):
                await read(files, EPOCHS, writer, wait_seconds=0.05)
        writer.may.set()
        while not files.size:
            await asyncio.sleep(0.01)
        assert await read(files, EPOCHS, writer) == b"x" * 10

    asyncio.run(visit())
    assert writer.written == 1


def test_who_does_not_ask_again_is_not_waited_for(
    files: TableFiles, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_files, "ASK_AGAIN_SECONDS", 0.1)
    with pytest.raises(Pending):
        asyncio.run(read(files, EPOCHS, writer, wait_seconds=0.05))
    until(lambda: not names(files))
    assert writer.written == 0


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), Unreachable("store 's.sqlite': away")],
    ids=["disk full", "store away"],
)
def test_a_fault_reaches_every_reader_and_leaves_no_half_file(
    files: TableFiles, writer: Writer, error: Exception
) -> None:
    def fails(file: IO[bytes], check: Callable[[], None]) -> None:
        file.write(b"half")
        raise error

    async def visit() -> None:
        found = await asyncio.gather(*(read(files, EPOCHS, fails) for _ in range(2)), return_exceptions=True)
        assert found == [error, error]
        writer.may.set()
        assert await read(files, EPOCHS, writer) == b"x" * 10

    asyncio.run(visit())
    assert len(names(files)) == 1


def test_the_folder_has_at_most_so_many_bytes(files: TableFiles, writer: Writer) -> None:
    """The files that were asked for longest ago go first; those that are being read stay, and then no new one
    is written."""
    writer.size = 40
    writer.may.set()
    tables = [replace(EPOCHS, study=str(number)) for number in range(4)]

    async def visit() -> None:
        for table in (*tables[:2], tables[0], tables[2]):
            await read(files, table, writer)
        assert files.size == 80
        await read(files, tables[0], writer)
        assert writer.written == 3  # it was there
        go_on = asyncio.Event()
        slow = [asyncio.create_task(read(files, table, writer, go_on)) for table in tables[:3]]
        while files.size < 120:
            await asyncio.sleep(0.01)
        with pytest.raises(Later, match="take 120 bytes, at most 100 are allowed"):
            await read(files, tables[3], writer)
        go_on.set()
        await asyncio.gather(*slow)

    asyncio.run(visit())
    assert files.size == 80


def test_a_study_that_is_deleted_leaves_no_file(files: TableFiles, writer: Writer) -> None:
    async def visit() -> None:
        waiting = asyncio.create_task(read(files, replace(EPOCHS, name="trials"), writer))
        await asyncio.to_thread(writer.began.wait)
        files.forget("a")
        with pytest.raises(Missing, match="study 'a' was deleted"):
            await waiting
        writer.may.set()
        await read(files, EPOCHS, writer)
        files.forget("b")
        assert len(names(files)) == 1
        files.forget("a")

    asyncio.run(visit())
    assert names(files) == []


def test_files_that_somebody_removed_are_written_again(files: TableFiles, writer: Writer) -> None:
    writer.may.set()
    asyncio.run(read(files, EPOCHS, writer))
    for path in files.folder.iterdir():
        path.unlink()
    files.folder.rmdir()
    assert asyncio.run(read(files, EPOCHS, writer)) == b"x" * 10


def test_a_service_that_stops_waits_for_no_file(tmp_path: pathlib.Path, writer: Writer) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "table-0.new").write_text("of a service that was killed")
    (tmp_path / "tables" / "mine.csv").write_text("of nobody knows whom")
    files = TableFiles(tmp_path / "tables")
    assert names(files) == ["mine.csv"]

    async def visit() -> None:
        waiting = [
            asyncio.create_task(read(files, replace(EPOCHS, study=str(number)), writer))
            for number in range(2)
        ]
        await asyncio.to_thread(writer.began.wait)
        files.stop()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(error) for error in found] == [Cancelled, Cancelled]
        with pytest.raises(Cancelled):
            await read(files, EPOCHS, writer)

    asyncio.run(visit())
    files.close()
    assert names(files) == ["mine.csv"]
