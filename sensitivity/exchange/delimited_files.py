"""Delimited text as a table.

Separator, encoding and decimal mark are detected. An empty cell is read as an empty text, not as NaN.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import math
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from sensitivity.exchange.table_rows import DASHES, used_columns, without_percents, without_titles
from sensitivity.text.csv_text import original
from trainables.names import InputError

SEPARATORS = (",", ";", "\t")
EMPTY = ("", "NA", "N/A", "#N/A", "null", "NULL", "<NA>")
"""Texts of an empty cell. ``None`` is not among them: it is a choice of many a hyperparameter."""
NOT_A_NUMBER = ("nan", "-nan", "#num!", "#div/0!", "1.#qnan", "1.#ind", "-1.#ind")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
INTEGER = re.compile(r"[+-]?\d+")
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
LEADING_ZERO = re.compile(r"[+-]?0,\d+([eE][+-]?\d+)?")
LARGEST_INTEGER = 2**63 - 1
SAMPLE = 200
"""Rows from which the separator is recognised."""
WESTERN = "cp1252"
"""The encoding in which Windows writes text, where it is not UTF-8."""
MOST_ACCENTS = 0.1
"""Largest share of letters outside ASCII in such a text."""
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_delimited(place: pathlib.Path, separator: str) -> pd.DataFrame:
    """Return the table of a delimited text file, gzip or not, in UTF-8 or UTF-16.

    An empty cell is None, the text ``nan`` is NaN. Commas are decimal marks where numbers have them and no
    number has a point. Blank rows, unnamed empty columns and titles above the header are passed over.

    Args:
        place: of the file.
        separator: by the file's name; the one that its rows agree on wins.

    Raises:
        InputError: a column is there twice.
        ValueError: the file is no such table.
    """
    text = read_text(place)
    first, _, rest = text.partition("\n")
    if first.strip().casefold().startswith("sep=") and len(first.strip()) == 5:
        separator, text = first.strip()[4], rest
    else:
        separator = separator_of(text, separator)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        body = without_titles(list(rows))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if not body:
        raise ValueError("it is empty")
    names, body = body[0], body[1:]
    for number, row in enumerate(body, 1):
        if len(row) > len(names) and any(cell.strip() for cell in row[len(names) :]):
            raise ValueError(f"row {number} has {len(row)} cells, and there are {len(names)} columns")
    used = used_columns(names, body)
    header = [original(names[i].strip()) for i in used]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{str(place)!r} has the column {twice!r} twice")
    columns = [[row[i] if i < len(row) else "" for row in body] for i in used]
    if any(name != name.strip() for name in names):  # names and cells in line, filled up with blanks
        columns = [[cell.strip() for cell in column] for column in columns]
    columns = [without_percents(column, (*EMPTY, *DASHES)) for column in columns]
    if has_decimal_commas(columns, separator):
        columns = [
            [cell.replace(",", ".") if DECIMAL_COMMA.fullmatch(cell.strip()) else cell for cell in column]
            for column in columns
        ]
    return pd.DataFrame({name: typed(column) for name, column in zip(header, columns, strict=True)})


def read_text(place: pathlib.Path) -> str:
    """Return the text of a file, gzip or not, in UTF-8 or UTF-16 with or without a byte order mark.

    A text with a few letters that are not UTF-8 is what Windows writes in Western languages.

    Raises:
        UnicodeError: the file holds no text.
    """
    content = place.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            return content.decode(encoding)
    if len(content) > 3 and content[:4].count(0) == 2 and not content[1::2].strip(b"\0"):
        return content.decode("utf-16-le")
    if b"\0" in content[:1000]:
        raise ValueError("it holds no text")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        if sum(byte > 127 for byte in content) > MOST_ACCENTS * len(content):
            raise
        return content.decode(WESTERN)


def separator_of(text: str, default: str) -> str:
    r"""Return the separator on which the first rows agree best; the default where none splits the header.

    >>> separator_of("lr;loss\n0,1;2,5\n", ","), separator_of("lr,loss\n1,2\n", ",")
    (';', ',')
    """
    lines = text.split("\n", SAMPLE + 1)[: SAMPLE + 1]
    best, most = default, (0.0, 0, False)
    for separator in SEPARATORS:
        try:
            text_rows = csv.reader(io.StringIO("\n".join(lines[:SAMPLE]), newline=""), delimiter=separator)
            rows = without_titles(list(text_rows))
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        if width < 2 or any(len(row) > width for row in rows):
            continue
        agreement = (sum(len(row) == width for row in rows) / len(rows), width, separator == default)
        if agreement > most:
            best, most = separator, agreement
    return best


def has_decimal_commas(columns: Sequence[Sequence[str]], separator: str) -> bool:
    """Return True if numbers have decimal commas.

    Some numbers have a comma, none has a point, and quoted numbers begin with ``0,``.

    >>> (has_decimal_commas([["0,1", "1"], ["adam", "sgd"]], ";"),
    ... has_decimal_commas([["64,64"], ["0.5"]], ";"))
    (True, False)
    """
    cells = {cell.strip() for column in columns for cell in column}
    if any(DECIMAL_POINT.fullmatch(cell) for cell in cells):
        return False
    return any((LEADING_ZERO if separator == "," else DECIMAL_COMMA).fullmatch(cell) for cell in cells)


def typed(texts: Sequence[str]) -> pd.Series[Any]:
    """Return a column of texts as numbers, bools or texts; None where a cell is empty, NaN where it says so.

    >>> (list(typed(["1", "2.5", "inf"])), list(typed(["0.1", "", "nan"])), list(typed(["a", "2"])),
    ... list(typed(["True", "false"])))
    ([1.0, 2.5, inf], [0.1, None, nan], ['a', '2'], [True, False])
    """
    distinct = {text: _cell(text) for text in dict.fromkeys(texts)}
    known = [value for value in distinct.values() if value is not None and value == value]
    numbers = [value for value in known if not isinstance(value, str)]
    if numbers and all(value.strip() in DASHES for value in known if isinstance(value, str)):
        distinct = {text: None if isinstance(value, str) else value for text, value in distinct.items()}
        known = numbers
    if any(isinstance(value, str) for value in known):
        if all(isinstance(value, str) and value.casefold() in ("true", "false") for value in known):
            distinct = {
                text: value.casefold() == "true" if isinstance(value, str) else value
                for text, value in distinct.items()
            }
        else:
            distinct = {
                text: original(text) if value is not None and value == value else value
                for text, value in distinct.items()
            }
        return pd.Series([distinct[text] for text in texts], dtype=object).infer_objects()
    values = [distinct[text] for text in texts]
    if any(value is None or (isinstance(value, int) and abs(value) > LARGEST_INTEGER) for value in values):
        return pd.Series(values, dtype=object)
    return pd.Series(
        values, dtype=int if all(isinstance(value, int) for value in values) and values else float
    )


def _cell(text: str) -> Any:
    stripped = text.strip()
    if stripped in EMPTY:
        return None
    if stripped.casefold() in NOT_A_NUMBER:
        return math.nan
    if INTEGER.fullmatch(stripped) and len(stripped) < 300:
        return int(stripped)
    return float(stripped) if NUMBER.fullmatch(stripped) or INFINITE.fullmatch(stripped) else text
