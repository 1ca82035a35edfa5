"""The rows of a table that a person made or exported: titles above it, blank rows, percent signs, dashes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

Row = TypeVar("Row", bound=Sequence[Any])

PERCENT = re.compile(r"([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*%")
DASHES = ("-", "--", "\N{EN DASH}", "\N{EM DASH}")
"""Texts that mark an empty cell among numbers."""
STARTS_AS_NUMBER = re.compile(r"[+-]?[.,]?\d")


def is_blank(cell: Any) -> bool:
    """Return True for a cell that holds nothing, or blanks only."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def without_titles(rows: Sequence[Row]) -> list[Row]:
    """Return rows without the blank ones, and without lines of text above the header.

    A title is a single cell above a wider row of names.

    >>> without_titles([["My sweep", ""], ["", ""], ["lr", "loss"], ["0.1", "2.5"], ["", ""]])
    [['lr', 'loss'], ['0.1', '2.5']]
    """
    filled = [row for row in rows if not all(is_blank(cell) for cell in row)]
    start = 0
    while start + 2 < len(filled) and _is_title(filled[start]):
        start += 1
    return filled[start:] if start and _names_columns(filled[start]) else filled


def _is_title(row: Sequence[Any]) -> bool:
    return not is_blank(row[0]) and all(is_blank(cell) for cell in row[1:])


def _names_columns(row: Sequence[Any]) -> bool:
    names = [cell for cell in row if not is_blank(cell)]
    return len(names) > 1 and all(
        isinstance(cell, str) and not STARTS_AS_NUMBER.match(cell.strip()) for cell in names
    )


def used_columns(header: Sequence[Any], rows: Sequence[Sequence[Any]]) -> list[int]:
    """Return the places of the columns that have a name, or a filled cell.

    >>> used_columns(["lr", "", ""], [["0.1", "", "x"], ["0.2"]])
    [0, 2]
    """
    return [
        place
        for place, name in enumerate(header)
        if not is_blank(name) or any(place < len(row) and not is_blank(row[place]) for row in rows)
    ]


def without_percents(cells: Sequence[str], empty: Sequence[str]) -> list[str]:
    """Return the texts of a column without their percent signs, if every number has one.

    Args:
        cells: texts.
        empty: texts of cells that hold no number.

    >>> without_percents(["80%", "", "81.5 %"], [""]), without_percents(["80%", "0.5"], [""])
    (['80', '', '81.5'], ['80%', '0.5'])
    """
    matches = {cell: PERCENT.fullmatch(cell.strip()) for cell in set(cells)}
    others = [cell for cell, match in matches.items() if match is None and cell.strip() not in empty]
    if others or not any(matches.values()):
        return list(cells)
    return [match[1] if (match := matches[cell]) else cell for cell in cells]
