"""Measures as files, so that a finished study which comes with the package need not be measured again."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
from typing import TYPE_CHECKING

import pandas as pd

from sensitivity.measures.guard import guarded_table
from sensitivity.measures.measured import Measured

if TYPE_CHECKING:
    from sensitivity.results.results import Results

DIGEST = "digest.txt"
"""File that tells by which code the tables were measured."""
AS_JSON = "columns as JSON"
"""Key in the attributes of a stored table: its columns of Python objects."""


def code_digest() -> str:
    """Return a hash of the sources of all measures."""
    digest = hashlib.sha256()
    for path in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current(folder: pathlib.Path) -> bool:
    """Return True if the tables of a folder were measured by the present code."""
    file = folder / DIGEST
    return file.exists() and file.read_text(encoding="utf-8").strip() == code_digest()


def save_tables(measured: Measured, folder: pathlib.Path) -> None:
    """Write every table as Parquet, with its attributes.

    Args:
        measured: the measures.
        folder: is created if missing; its earlier tables are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.parquet"):
        path.unlink()
    for name in _names():
        (folder / f"{name}.parquet").write_bytes(to_bytes(measured.table_named(name)))
    (folder / DIGEST).write_text(f"{code_digest()}\n", encoding="utf-8")


def with_stored_tables(results: Results, folder: pathlib.Path) -> Measured:
    """Return the measures of results: the tables of a folder, or none of them if the code has changed since.

    Args:
        results: what the tables were measured from.
        folder: of :func:`save_tables`.
    """
    measured = Measured(results)
    if is_current(folder):
        for name in _names():
            vars(measured)[name] = from_bytes((folder / f"{name}.parquet").read_bytes())
    return measured


def to_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as a Parquet file, a column of Python objects as JSON.

    >>> table = pd.DataFrame({"configuration": [{"lr": 0.1}], "value": [2.0]})
    >>> from_bytes(to_bytes(table)).equals(table)
    True
    """
    objects = [str(name) for name, column in table.items() if column.dtype == object]
    texts = {name: table[name].map(json.dumps).astype("str") for name in objects}
    plain = table.assign(**texts)
    plain.attrs = {**table.attrs, AS_JSON: objects}
    content: bytes = plain.to_parquet(index=False)
    return content


def from_bytes(content: bytes) -> pd.DataFrame:
    """Return the table of :func:`to_bytes`."""
    table = pd.read_parquet(io.BytesIO(content))
    for name in table.attrs.pop(AS_JSON):
        table[name] = pd.Series(list(map(json.loads, table[name])), index=table.index, dtype=object)
    return table


def _names() -> list[str]:
    return [name for name, attribute in vars(Measured).items() if isinstance(attribute, guarded_table)]
