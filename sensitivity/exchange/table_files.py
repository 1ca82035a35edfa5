"""Tables from files, with one line of what is wrong with a file that is none."""

from __future__ import annotations

import io
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sensitivity.exchange.delimited_files import EMPTY, read_delimited, read_text, typed
from sensitivity.exchange.nested_cells import flattened
from sensitivity.exchange.table_rows import DASHES, used_columns, without_percents, without_titles
from trainables.names import InputError

DELIMITED = {".csv": ",", ".tsv": "\t"}
JSON = (".json", ".jsonl", ".ndjson")
PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm")
SUFFIXES = (*DELIMITED, *JSON, *PARQUET, *EXCEL)
WRAPPERS = ("trials", "data", "runs", "results", "rows", "records")
"""Names of the one entry of a JSON document that holds the rows."""


def is_table(path: str | pathlib.Path) -> bool:
    """Return True if a file's name is that of a table."""
    return _kind(pathlib.Path(path)) in SUFFIXES


def nulls_are_nan(path: str | pathlib.Path) -> bool:
    """Return True for a format in which pandas writes NaN and an empty cell alike, and reads both as NaN."""
    return _kind(pathlib.Path(path)) in PARQUET


def read_frame(path: str | pathlib.Path) -> pd.DataFrame:
    """Return the table of a delimited, JSON, Excel or Parquet file; text and JSON also as ``.gz``.

    Nested entries are columns ``outer.inner``.

    Raises:
        InputError: the file is not there, cannot be read, is none of these, or has a column twice.
    """
    place = pathlib.Path(path).expanduser()
    kind = _kind(place)
    if kind not in SUFFIXES:
        raise InputError(f"a table ends with {', '.join(SUFFIXES)} (or .gz); got {str(path)!r}")
    try:
        if kind in PARQUET:
            source = (
                place if place.is_dir() else io.BytesIO(place.read_bytes())
            )  # Arrow takes paths in UTF-8 only
            return flattened(pd.read_parquet(source))
        if kind in EXCEL:
            return _read_excel(place)
        if kind in JSON:
            return flattened(
                pd.DataFrame(_columns(_records(read_text(place), lines=kind != ".json")), dtype=object)
            )
        return flattened(read_delimited(place, DELIMITED[kind]))
    except (
        OSError,
        EOFError,
        UnicodeError,
        ValueError,
        RecursionError,
    ) as error:  # pandas' and Arrow's own errors are ValueErrors
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read the table {str(path)!r}: {_reason(error)}") from None


def _kind(place: pathlib.Path) -> str:
    suffix = place.suffix.casefold()
    if suffix != ".gz":
        return suffix
    inner = pathlib.Path(place.stem).suffix.casefold()
    return inner if inner in (*DELIMITED, *JSON) else suffix


def _records(text: str, *, lines: bool) -> list[Mapping[str, Any]]:
    """Return the rows of a JSON text.

    Layouts: a row a line, a list of rows, columns of lists, or any that pandas' ``to_json`` writes.
    """
    if lines:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    else:
        document = json.loads(text)
        rows = document if isinstance(document, list) else _of_document(document)
    if not all(isinstance(row, Mapping) for row in rows):
        raise ValueError("a row of the table is no JSON object")
    return rows


def _of_document(document: Any) -> list[Any]:
    if not isinstance(document, Mapping):
        raise ValueError("it holds no rows")
    columns, data = document.get("columns"), document.get("data")
    if isinstance(columns, list) and isinstance(data, list):
        return [dict(zip(map(str, columns), row, strict=True)) for row in data]
    inner = [document[name] for name in WRAPPERS if isinstance(document.get(name), list)]
    if len(inner) == 1 and all(isinstance(row, Mapping) for row in inner[0]):
        return list(inner[0])
    values = list(document.values())
    if values and all(isinstance(value, list) for value in values):
        if len({len(value) for value in values}) > 1:
            raise ValueError("its columns differ in length")
        return [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)]
    if values and all(isinstance(value, Mapping) for value in values):
        if all(str(name).isdigit() for name in document):
            return values
        keys = dict.fromkeys(key for value in values for key in value)
        return [{name: column.get(key) for name, column in document.items()} for key in keys]
    raise ValueError("it holds no rows: give a list of objects, or a list for every column")


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return rows as columns, with None where a row lacks an entry."""
    names = dict.fromkeys(str(name) for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _read_excel(place: pathlib.Path) -> pd.DataFrame:
    """Return the first sheet of a workbook that holds a table."""
    try:
        import openpyxl
    except ImportError:
        raise InputError(f"reading {str(place)!r} takes openpyxl: pip install openpyxl") from None
    try:
        book = openpyxl.load_workbook(place, read_only=True, data_only=True)
    except (KeyError, AttributeError, TypeError, openpyxl.utils.exceptions.InvalidFileException) as error:
        raise ValueError(f"it is no workbook ({type(error).__name__})") from None
    except Exception as error:  # a file that is no archive: zipfile.BadZipFile is an Exception of its own
        if isinstance(error, (OSError, ValueError)):
            raise
        raise ValueError(f"it is no workbook ({error})") from None
    try:
        sheets = [[list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets]
    finally:
        book.close()
    rows = next((rows for rows in map(without_titles, map(_filled_part, sheets)) if rows), [])
    if not rows:
        raise ValueError("its sheets are empty")
    used = used_columns(rows[0], rows[1:])
    header = ["" if rows[0][i] is None else str(rows[0][i]).strip() for i in used]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{str(place)!r} has the column {twice!r} twice")
    return flattened(
        pd.DataFrame(
            {
                name: _of_sheet([row[i] if i < len(row) else None for row in rows[1:]])
                for name, i in zip(header, used, strict=True)
            }
        )
    )


def _filled_part(sheet: list[list[Any]]) -> list[list[Any]]:
    """Return the rows of a sheet from its first filled column on."""
    filled = [i for row in sheet for i, cell in enumerate(row) if cell is not None]
    return [row[min(filled) :] for row in sheet] if filled else []


def _of_sheet(cells: list[Any]) -> pd.Series[Any]:
    """Return a column of a sheet: texts of numbers are numbers, as in a text file."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    others = [cell for cell in cells if cell is not None and not isinstance(cell, (str, int, float))]
    if texts and not others and not any(isinstance(cell, bool) for cell in cells):
        written = [
            EMPTY[0] if cell is None else cell if isinstance(cell, str) else repr(cell) for cell in cells
        ]
        return typed(without_percents(written, (*EMPTY, *DASHES)))
    return (
        pd.Series(cells, dtype=object).infer_objects()
        if all(cell is not None for cell in cells)
        else pd.Series(cells, dtype=object)
    )


def _reason(error: Any) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return " ".join(str(words).split())
