"""A store as a folder of Parquet files, one for each table: small enough to send or to commit."""

from __future__ import annotations

import contextlib
import json
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from sensitivity.store.store import Store
from sensitivity.store.tables import ANNOTATIONS, EPOCHS, RUNS, STUDIES, STUDY_TRIALS, TRIALS, VERSION
from trainables.names import InputError

if TYPE_CHECKING:
    import pyarrow

FILED = (STUDIES, RUNS, TRIALS, STUDY_TRIALS, EPOCHS, ANNOTATIONS)
"""Tables that a folder has, each in a file of its name."""
MARK = b"sensitivity_version"
"""Key of a file's metadata that holds the version of the tables."""
NO_HOST = "localhost"


def is_folder(place: str | pathlib.Path) -> bool:
    """Return True for a place that ends with a slash, or is a folder that has a store.

    >>> is_folder("results/"), is_folder("results.sqlite"), is_folder("postgresql+psycopg://host/")
    (True, False, False)
    """
    text = str(place)
    if "://" in text:
        return False
    try:
        return text.endswith("/") or (pathlib.Path(text).expanduser() / f"{STUDIES.name}.parquet").is_file()
    except OSError:  # an invalid file name
        return False


@contextlib.contextmanager
def folder_store(folder: str | pathlib.Path, *, write: bool = False) -> Iterator[Store]:
    """Open a folder as a store, which is in a temporary file meanwhile.

    Args:
        folder: the folder.
        write: True to write the store back at the end; the folder is then made if it is missing.

    Raises:
        InputError: the folder has no store, files that cannot be read, or files of a newer release.
    """
    path = pathlib.Path(folder).expanduser()
    first = path / f"{STUDIES.name}.parquet"
    if (missing := not first.is_file()) and not write:
        raise InputError(f"folder {str(folder)!r} is no store: it has no {first.name}")
    with temporary_folder() as place, contextlib.closing(Store(place / "folder.sqlite")) as store:
        if not missing:
            fill(store, path)
        store.place = str(folder)
        yield store
        if write:
            write_folder(store, path)


@contextlib.contextmanager
def temporary_folder(name: str = "store") -> Iterator[pathlib.Path]:
    """Make a folder that is removed at the end.

    Args:
        name: part of the name of the folder, after ``sensitivity-``.

    Raises:
        InputError: there is no folder for temporary files.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix=f"sensitivity-{name}-")
    except OSError as error:
        raise InputError(f"no folder for temporary files: {error.strerror}; set TMPDIR to one") from None
    with made as place:
        yield pathlib.Path(place)


def fill(store: Store, folder: pathlib.Path) -> None:
    """Add the rows of a folder to a store.

    Args:
        store: the store.
        folder: the folder; a file that it lacks has no rows.

    Raises:
        InputError: a file cannot be read, or is of a newer release.
    """
    rows = {table.name: rows_of(folder, table) for table in FILED}
    with store.database.transaction(writing=True) as writing:
        for table in FILED:
            store.database.insert(writing, table, rows[table.name])


def rows_of(folder: pathlib.Path, table: sql.Table) -> list[dict[str, Any]]:
    """Return the rows of one table of a folder, by column name.

    Args:
        folder: the folder.
        table: a table of the store.

    Raises:
        InputError: the file cannot be read, or is of a newer release.
    """
    import pyarrow as pa
    import pyarrow.parquet

    path = folder / f"{table.name}.parquet"
    if not path.is_file():
        return []
    try:
        read = pyarrow.parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{str(path)!r} cannot be read: {str(error).splitlines()[0]}") from None
    version = int((read.schema.metadata or {}).get(MARK, VERSION))
    if version > VERSION:
        raise InputError(
            f"{str(path)!r} has version {version}, this program reads up to {VERSION}; install a newer "
            "release"
        )
    lacks = [
        column.name for column in table.c if not column.nullable and column.name not in read.column_names
    ]
    if lacks:
        raise InputError(f"{str(path)!r} is no table of a store: it has no column {lacks[0]!r}")
    known = [name for name in read.column_names if name in table.c]
    rows: list[dict[str, Any]] = read.select(known).to_pylist()
    return rows


def write_folder(store: Store, folder: str | pathlib.Path) -> None:
    """Write every study of a store as a folder of Parquet files, without the names of machines.

    Rows are in the order of their keys, so the same store makes the same files. Optuna's state of an
    adaptive study is left out: its trials can be read, and not continued.

    Args:
        store: the store.
        folder: the folder, made if missing; its files are replaced.

    Raises:
        InputError: the folder cannot be written.
    """
    import pyarrow.parquet

    path = pathlib.Path(folder).expanduser()
    with store.database.transaction() as reading:
        tables = {table.name: _table(reading, table) for table in FILED}
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            part = path / f"{name}.parquet.part"
            pyarrow.parquet.write_table(table, part, compression="zstd")
            part.replace(path / f"{name}.parquet")
    except OSError as error:
        raise InputError(f"folder {str(folder)!r} cannot be written: {error}") from None


def _table(reading: sql.Connection, table: sql.Table) -> pyarrow.Table:
    import pyarrow as pa

    query = sql.select(table).order_by(*table.primary_key)
    rows = [_without_hosts(row) for row in reading.execute(query).mappings()]
    kinds = {
        sql.Integer: pa.int64(),
        sql.BigInteger: pa.int64(),
        sql.Double: pa.float64(),
        sql.Boolean: pa.bool_(),
    }
    schema = [(column.name, kinds.get(type(column.type), pa.string())) for column in table.c]
    return pa.Table.from_pylist(rows, pa.schema(schema, metadata={MARK: str(VERSION)}))


def _without_hosts(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row with the names of machines in its environment replaced."""
    if "environment" not in row:
        return dict(row)
    environment = json.loads(row["environment"])
    hosts = [NO_HOST] * len(environment.get("hosts", ()))
    return {**row, "environment": json.dumps({**environment, "hosts": hosts})}
