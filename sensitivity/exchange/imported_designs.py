"""The kind of design of configurations that something else chose: a grid, a grid with holes, or draws."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.hyperparameters import Float
from sensitivity.text.wording import listed, percent

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace

Row = tuple[Any, ...]
MOST_GRID = 0.5
"""Largest number of levels of a grid, as a share of its configurations.

In a random design, nearly every value is distinct.
"""
FILLED = 0.5
"""Share of its combinations from which on a grid with holes is one, whatever its levels."""
MOST_VARIANTS = 3
"""Variants with holes that are spoken of one by one."""
FEWEST = 8
"""Configurations of a grid with holes."""
MOST_LEVELS, REPEATS = 12, 3
"""Most levels of a real hyperparameter in an incomplete grid, and least repeats of each level."""


def is_grid(rows: Collection[Row], space: SearchSpace) -> bool:
    """Return True for configurations that are a grid, or one with holes.

    Args:
        rows: distinct configurations, with a value for each hyperparameter in the order of the space and None
            for an inactive one.
        space: of the configurations.
    """
    columns = [[value for value in column if value is not None] for column in zip(*rows, strict=True)]
    if not any(columns):
        return bool(rows)
    if any(len(set(values)) > max(2, MOST_GRID * len(values)) for values in columns):
        # a single hyperparameter: levels are even, draws are not
        return len(_patterns(rows)) == 1 and filled_share(rows)[0] == 1 and _is_even(rows, space)
    share, _ = filled_share(rows)
    if share == 1:
        return True
    if len(rows) < FEWEST:
        return False
    return share >= FILLED or _has_few_levels(rows, space)


def filled_share(rows: Collection[Row]) -> tuple[float, int]:
    """Return the share of a grid's combinations that are there, and the number of all combinations.

    Inactive hyperparameters have no levels.

    >>> filled_share([(1, "a"), (1, "b"), (2, "a")])
    (0.75, 4)
    """
    total = sum(math.prod(levels) for levels in _patterns(rows))
    return len(rows) / total if total else 0.0, total


def about_holes(rows: Mapping[str, Mapping[str, Collection[Row]]]) -> list[str]:
    """Return the sentence on grids with holes.

    Args:
        rows: distinct configurations by variant and task, of the variants with a grid.
    """
    shares: dict[str, tuple[float, int]] = {}
    for variant, tasks in rows.items():
        union = {row for configurations in tasks.values() for row in configurations}
        share, total = filled_share(union)
        share_there = sum(map(len, tasks.values())) / len(union) / len(tasks) * share if union else 1.0
        if share_there < 1:
            shares[variant] = (share_there, total)
    if not shares:
        return []
    if len(shares) > MOST_VARIANTS:
        low, high = (_words(end(share for share, _ in shares.values())) for end in (min, max))
        return [
            f"Grids with holes: {listed(list(shares))} have {low if low == high else f'{low} to {high}'} of "
            "their combinations."
        ]
    holes = [
        f"{variant} has {_words(share)} of {total:,} combinations"
        for variant, (share, total) in shares.items()
    ]
    return [f"{'Grids' if len(holes) > 1 else 'A grid'} with holes: {listed(holes)}."]


def _words(share: float) -> str:
    return percent(share) if share < 0.995 else "over 99%"


def _patterns(rows: Collection[Row]) -> list[list[int]]:
    """Return the numbers of levels of the active hyperparameters.

    The result has one list for every set of hyperparameters that are active together.
    """
    groups: defaultdict[tuple[bool, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(value is None for value in row)].append(row)
    patterns = []
    for inactive, members in groups.items():
        columns = [
            column
            for column, missing in zip(zip(*members, strict=True), inactive, strict=True)
            if not missing
        ]
        patterns.append([len(set(column)) for column in columns] or [1])
    return patterns


def _is_even(rows: Collection[Row], space: SearchSpace) -> bool:
    """Return True if the places of the configurations along each hyperparameter are equally far apart."""
    units = np.sort(space.encode([dict(zip(space.names, row, strict=True)) for row in rows]), axis=0)
    return bool(np.ptp(np.diff(units, axis=0), axis=0).max(initial=0.0) < 0.01)


def _has_few_levels(rows: Collection[Row], space: SearchSpace) -> bool:
    """Return True if real hyperparameters have levels that come again and again, as draws do not."""
    columns = dict(zip(space.names, zip(*rows, strict=True), strict=True))
    real = [
        [value for value in columns[name] if value is not None]
        for name in space.names
        if isinstance(space[name], Float)
    ]
    varied = [values for values in real if len(set(values)) > 1]
    return bool(varied) and all(
        len(set(values)) <= MOST_LEVELS and len(values) >= REPEATS * len(set(values)) for values in varied
    )
