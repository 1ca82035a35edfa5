"""Repetitions in a table: columns whose values tell the rows of one configuration apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensitivity.exchange.columns import Column, is_missing

Numbers = NDArray[np.int64]
SHARED, DISJOINT = 0.8, 0.2
"""Least share of common values under every seed of a hyperparameter, and largest share of a result."""
MOST_LEVELS = 12
CHOSEN_TOKENS = frozenset(
    {
        "lr", "learning", "eta", "weight", "decay", "momentum", "dropout", "beta", "beta1", "beta2", "eps",
        "epsilon", "alpha", "gamma", "lambda", "tau", "temperature",
    }
)  # fmt: skip
"""Words of numbers that are chosen, also where each row has another."""
FEWEST_ROWS = 6
"""Of a grid that tells measured numbers."""


def group_numbers(columns: Sequence[Column]) -> Numbers:
    """Return a number for every row, equal where the rows agree in all of the columns."""
    if not columns:
        return np.zeros(0, dtype=np.int64)
    codes = np.stack([_codes(column) for column in columns], axis=1)
    return np.asarray(np.unique(codes, axis=0, return_inverse=True)[1]).reshape(-1)


def number_repetitions(column: Column, groups: Numbers) -> bool:
    """Return True if the values of a column number the rows of each group, and most groups have several rows.

    Args:
        column: of whole numbers.
        groups: a number for each row, of its configuration.
    """
    size = len(column.cells)
    if len(groups) != size or not column.is_whole or len(column.values) < size or 2 * column.distinct > size:
        return False
    _, number, counts = np.unique(groups, return_inverse=True, return_counts=True)
    pairs = np.stack([groups, _codes(column)], axis=1)
    return bool(2 * (counts[number.reshape(-1)] > 1).sum() >= size and len(np.unique(pairs, axis=0)) == size)


def cross_hyperparameters(column: Column, groups: Numbers) -> bool:
    """Return True if configurations are repeated with other values of a column.

    The configurations share those values, as they share epochs or budgets.

    Args:
        column: of numbers.
        groups: a number for each row, of its configuration and seed.
    """
    size = len(column.cells)
    if len(groups) != size or len(column.values) < size or not 2 <= column.distinct <= size / 2:
        return False
    frame = pd.DataFrame({"group": groups, "value": _codes(column)}).drop_duplicates()
    several = frame.groupby("group")["value"].transform("size") > 1
    shared = frame.groupby("value").size() > 1
    return bool(several.sum() >= 0.2 * len(frame) and 2 * shared.sum() >= len(shared))


def is_factor(column: Column, groups: Numbers) -> bool:
    """Return True if a column is a factor of a grid.

    It has few levels, and most configurations occur at all levels.

    Args:
        column: of numbers.
        groups: a number for each row, of its configuration.
    """
    size = len(column.cells)
    if len(groups) != size or not 2 <= column.distinct <= min(MOST_LEVELS, size / 4):
        return False
    levels = pd.DataFrame({"group": groups, "value": _codes(column)}).groupby("group")["value"].nunique()
    return bool((levels == column.distinct).mean() >= SHARED)


def differ_between_seeds(
    candidates: Sequence[Column], seed: Column, context: Sequence[Column]
) -> list[Column]:
    """Return the columns of numbers that differ from seed to seed of one configuration, as results do.

    Args:
        candidates: columns that could be hyperparameters.
        seed: column of the seed.
        context: columns of variant and task.
    """
    size = len(seed.cells)
    seeds = _codes(seed)
    if not 2 <= seed.distinct <= size / 3:
        return []
    share = {column.name: _shared(column, seeds) for column in candidates}
    base = [column for column in candidates if share[column.name] >= SHARED]
    if not base or len(np.unique(group_numbers([*base, *context, seed]))) < 0.9 * size:
        return []
    return [
        column
        for column in candidates
        if column.is_number and share[column.name] <= DISJOINT and column.distinct > 0.8 * len(column.values)
    ]


def measured_on_grid(candidates: Sequence[Column], context: Sequence[Column]) -> list[Column]:
    """Return the columns of real numbers that differ in every row, where the others are a full grid.

    A grid that holds every combination once leaves nothing to choose: such numbers were measured.

    Args:
        candidates: columns that could be hyperparameters.
        context: columns of variant, task and seed.
    """
    measured = [
        column
        for column in candidates
        if column.is_number
        and not column.is_whole
        and column.is_unique
        and len(column.values) == len(column.cells)
        and not column.tokens & CHOSEN_TOKENS
    ]
    grid = [column for column in candidates if column not in measured and not column.is_constant]
    if not measured or not grid or len(measured[0].cells) < FEWEST_ROWS:
        return []
    combinations = math.prod(column.distinct for column in (*grid, *context))
    rows = len(measured[0].cells)
    is_full = combinations == rows == len(np.unique(group_numbers([*grid, *context])))
    return measured if is_full and all(len(column.values) == rows for column in grid) else []


def _shared(column: Column, seeds: Numbers) -> float:
    sets: dict[int, set[str]] = {}
    for seed, cell in zip(seeds, column.cells, strict=True):
        sets.setdefault(int(seed), set()).add(repr(cell))
    largest = max(len(values) for values in sets.values())
    return len(set.intersection(*sets.values())) / largest


def _codes(column: Column) -> Numbers:
    texts = [
        "" if is_missing(cell) else repr(float(cell)) if isinstance(cell, int) else repr(cell)
        for cell in column.cells
    ]
    return np.asarray(pd.factorize(np.array(texts, dtype=object))[0], dtype=np.int64)
