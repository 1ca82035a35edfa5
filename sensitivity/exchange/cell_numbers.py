"""Numbers in the cells of a table: seeds, epochs, and durations with their units."""

from __future__ import annotations

import math
from typing import Literal

import pandas as pd

from sensitivity.exchange.columns import Column, is_missing
from trainables.names import InputError

Empty = Literal["diverged", "failed"]

UNITS = {
    "minutes": 60.0,
    "minute": 60.0,
    "min": 60.0,
    "hours": 3600.0,
    "hour": 3600.0,
    "ms": 0.001,
    "milliseconds": 0.001,
}
"""Seconds by the word of a column's name."""


def numbers_of(column: Column) -> list[float | None]:
    """Return a column as floats, None for an empty cell.

    Raises:
        InputError: a cell holds text; the message names the row.
    """
    numbers: list[float | None] = []
    for row, cell in enumerate(column.cells, 1):
        try:
            numbers.append(None if cell is None or cell is pd.NA or cell in ("None", "") else float(cell))
        except (TypeError, ValueError):
            raise InputError(f"column {column.name!r} must hold numbers, got {cell!r} in row {row}") from None
    return numbers


def whole_number_of(column: Column, row: int) -> int:
    """Return the whole number in a cell.

    Args:
        column: of the cell.
        row: counted from 0.

    Raises:
        InputError: the cell holds anything else.
    """
    cell = column.cells[row]
    if isinstance(cell, int):
        return int(cell)
    number = (
        numbers_of(Column(column.name, [cell]))[0]
        if not isinstance(cell, str)
        else _number_in_text(column, row)
    )
    if number is None or not float(number).is_integer():  # nor is NaN or infinity
        raise InputError(
            f"column {column.name!r} must hold whole numbers, got {cell if number is None else number!r} in "
            f"row {row + 1}"
        )
    return int(number)


def seconds_of(column: Column) -> list[float]:
    """Return durations in seconds, NaN for an empty cell.

    Numbers are in the unit of the column's name; text is as pandas writes it.

    >>> seconds_of(Column("duration", ["0 days 00:01:30.5", None])), seconds_of(Column("minutes", [2]))
    ([90.5, nan], [120.0])
    """
    unit = next((UNITS[token] for token in column.tokens if token in UNITS), 1.0)
    durations = []
    for cell in column.cells:
        if is_missing(cell):
            durations.append(math.nan)
        elif isinstance(cell, (int, float)):
            durations.append(float(cell) * unit)
        else:
            try:
                durations.append(float(pd.to_timedelta(cell).total_seconds()))
            except (TypeError, ValueError):
                durations.append(math.nan)
    return durations


def _number_in_text(column: Column, row: int) -> float:
    try:
        return float(column.cells[row])
    except ValueError:
        raise InputError(
            f"column {column.name!r} must hold numbers, got {column.cells[row]!r} in row {row + 1}"
        ) from None
