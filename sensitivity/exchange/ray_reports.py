"""Reports of a Ray Tune trial.

Files: ``result.json`` with a report a line, else ``progress.csv`` with a report a row.
"""

from __future__ import annotations

import csv
import json
import math
import pathlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.values import read_value
from trainables.names import InputError

RESULTS, PROGRESS = "result.json", "progress.csv"
NAN = ("null", "nan")
"""Texts that Ray's JSON encoder and loggers write for NaN."""
TENSOR = re.compile(r"tensor\(\s*([-+.\w]+)\s*[,)]")
"""A tensor as Ray's JSON encoder writes it, which falls back to its text."""
BOOLS = {"True": True, "False": False}


@dataclass(frozen=True)
class Reports:
    """Return value of :func:`read_reports`.

    rows: the reports, nested entries under the names ``outer/inner``.
    unreadable: lines or rows that are no report, as after a crash.
    first: the first of them, as ``line 3: reason``; None where there is none.
    """

    rows: list[dict[str, Any]]
    unreadable: int = 0
    first: str | None = None


def number_in(value: Any) -> float | None:
    """Return the number in a cell of a report, None if the cell holds none.

    NaN is returned for the texts that Ray writes for NaN.

    >>> (number_in("null"), number_in("-inf"), number_in("0.5"), number_in("tensor(0.25)"),
    ... number_in(None), number_in("bad"))
    (nan, -inf, 0.5, 0.25, None, None)
    """
    if isinstance(value, str):
        text = value.strip()
        tensor = TENSOR.match(text)
        text = tensor[1] if tensor else text
        if text.casefold() in NAN:
            return math.nan
        value = text
    elif not isinstance(value, (bool, int, float)) and not hasattr(value, "__float__"):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        return None


def leaves(
    nested: Mapping[str, Any], *, stop: Callable[[Mapping[str, Any]], bool] = lambda _: False
) -> dict[str, Any]:
    """Return nested entries by the names that Ray Tune gives them: ``outer/inner``.

    Args:
        nested: mapping of mappings.
        stop: tells that a mapping is a value.

    >>> leaves({"a": {"b": 1}, "c": 2})
    {'a/b': 1, 'c': 2}
    """
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping) and value and not stop(value):
            flat |= {f"{name}/{inner}": leaf for inner, leaf in leaves(value, stop=stop).items()}
        else:
            flat[str(name)] = value
    return flat


def read_reports(folder: pathlib.Path) -> Reports:
    """Return the reports of a trial: of its ``result.json``, or of its ``progress.csv`` where that has none.

    Args:
        folder: of the trial, which may be absent.

    Raises:
        InputError: a file cannot be opened.
    """
    results = _read_lines(folder / RESULTS)
    if results.rows or not (folder / PROGRESS).is_file():
        return results
    progress = _read_rows(folder / PROGRESS)
    return Reports(progress.rows, results.unreadable + progress.unreadable, results.first or progress.first)


def _read_lines(path: pathlib.Path) -> Reports:
    rows: list[dict[str, Any]] = []
    wrong: list[str] = []
    for number, line in enumerate(_text(path).split("\n"), 1):
        text = line.strip().strip("\0")
        if not text and "\0" not in line:
            continue
        try:
            report = json.loads(text)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            continue
        if isinstance(report, dict):
            rows.append(leaves(report))
        else:
            wrong.append(f"line {number} is no report")
    return Reports(rows, len(wrong), wrong[0] if wrong else None)


def _read_rows(path: pathlib.Path) -> Reports:
    rows: list[dict[str, Any]] = []
    wrong: list[str] = []
    reader = csv.reader(_text(path).replace("\0", "").splitlines())
    header = next(reader, [])
    for cells in reader:
        if len(cells) == len(header):
            rows.append(
                {
                    name: BOOLS.get(cell, read_value(cell))
                    for name, cell in zip(header, cells, strict=True)
                    if cell != ""
                }
            )
        elif cells:
            wrong.append(f"line {reader.line_num} has {len(cells)} of {len(header)} cells")
    return Reports(rows, len(wrong), wrong[0] if wrong else None)


def _text(path: pathlib.Path) -> str:
    if not path.is_file():
        return ""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from None
