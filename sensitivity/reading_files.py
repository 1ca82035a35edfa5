"""Tables from files, with one line of what is wrong with a file that is none."""

from __future__ import annotations

import csv
import io
import pathlib
import warnings
from typing import Any

import pandas as pd

from sensitivity.csv_text import by_cell, original
from trainables.names import InputError

SEPARATORS = {".csv": ",", ".tsv": "\t"}
PARQUET = (".parquet", ".pq")
EMPTY = ("", "nan", "NaN", "NAN", "-nan", "NA", "N/A", "#N/A", "null", "NULL", "<NA>")
"""What an empty cell is written as. ``None`` is not among them: it is a choice of many a hyperparameter."""


def is_table(path: str | pathlib.Path) -> bool:
    """Whether a file's name is that of a table."""
    return pathlib.Path(path).suffix.casefold() in (*SEPARATORS, *PARQUET)


def read_frame(path: str | pathlib.Path) -> pd.DataFrame:
    """The table of a CSV (``.csv``), tab-separated (``.tsv``) or Parquet (``.parquet``, ``.pq``) file.

    Raises: InputError for a file that is not there, cannot be read, is none of these, or has a column twice.
    """
    place = pathlib.Path(path).expanduser()
    kind = place.suffix.casefold()
    if kind not in (*SEPARATORS, *PARQUET):
        raise InputError(f"a table ends with {', '.join((*SEPARATORS, *PARQUET))}; got {str(path)!r}")
    try:
        if kind in PARQUET:
            return pd.read_parquet(place if place.is_dir() else io.BytesIO(place.read_bytes()))  # Arrow takes paths in UTF-8 only
        _check_header(place, SEPARATORS[kind])
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows that are longer than the header
            read = pd.read_csv(
                place,
                sep=SEPARATORS[kind],
                encoding="utf-8-sig",
                index_col=False,
                low_memory=False,
                keep_default_na=False,
                na_values=list(EMPTY),
            )
            return by_cell(read, original)
    except (OSError, UnicodeError, ValueError, pd.errors.ParserWarning) as error:  # pandas' and Arrow's own errors are ValueErrors
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read the table {str(path)!r}: {_reason(error)}") from None


def _check_header(place: pathlib.Path, separator: str) -> None:
    """Names differ: pandas would rename the second."""
    with place.open(encoding="utf-8-sig", newline="") as file:
        try:
            header = next(csv.reader(file, delimiter=separator), [])
        except csv.Error as error:
            raise InputError(f"cannot read the table {str(place)!r}: {error}") from None
    for name in header:
        if header.count(name) > 1:
            raise InputError(f"{str(place)!r} has the column {name!r} twice")


def _reason(error: Any) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return " ".join(str(words).split())
