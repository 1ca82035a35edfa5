"""Cells: parts of the unit cube in which the same hyperparameters are active."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.conditions import holds
from search_spaces.hyperparameters import Integer
from search_spaces.values import position_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search_spaces.hyperparameters import Hyperparameter
    from search_spaces.spaces import SearchSpace
    from sensitivity.measures.losses import Losses

MOST = 256
"""Number of cells beyond which conditions are ignored: each cell is one more copy of the forest."""
LEVELS = 4096
"""Number of values beyond which a parent counts as continuous."""


@dataclass(frozen=True)
class Cell:
    """A box of the cube, and the hyperparameters that are inactive in it.

    Attributes:
        low: Lower faces, ``[hyperparameters]``.
        high: Upper faces, ``[hyperparameters]``.
        inactive: True for each inactive hyperparameter, ``[hyperparameters]``.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    inactive: NDArray[np.bool_]

    @classmethod
    def whole(cls, dimensions: int) -> Cell:
        """Return the whole cube, in which every hyperparameter is active."""
        return cls(np.zeros(dimensions), np.ones(dimensions), np.zeros(dimensions, bool))


def cells(space: SearchSpace, varied: tuple[str, ...]) -> list[Cell]:
    """Return boxes that fill the cube of the varied hyperparameters, one for each combination of conditions.

    A continuous parent (or one of more than :data:`LEVELS` values) takes its condition's value only in a
    slice without volume, so its children count as always active.

    Returns:
        The boxes; an empty list where nothing is conditional, or where there would be more than :data:`MOST`.
    """
    continuous = {
        hyperparameter.name
        for hyperparameter in space
        if hyperparameter.cardinality is None or hyperparameter.cardinality > LEVELS
    }
    parents = [
        hyperparameter
        for hyperparameter in space
        if hyperparameter.name not in continuous and any(hyperparameter.name in child.when for child in space)
    ]
    pieces = {parent.name: _pieces(parent, space) for parent in parents}
    if not parents or math.prod(map(len, pieces.values())) > MOST:
        return []
    boxes = []
    for chosen in itertools.product(*pieces.values()):
        values = {name: value for name, (value, _, _) in zip(pieces, chosen, strict=True)}
        active: dict[str, Any] = {}
        for hyperparameter in space:
            when = {
                parent: needed for parent, needed in hyperparameter.when.items() if parent not in continuous
            }
            if holds(when, active):
                active[hyperparameter.name] = values.get(hyperparameter.name)
        cell = Cell.whole(len(varied))
        for name, (_, low, high) in zip(pieces, chosen, strict=True):
            if name in varied:
                cell.low[varied.index(name)], cell.high[varied.index(name)] = low, high
        cell.inactive[:] = [name not in active for name in varied]
        boxes.append(cell)
    return boxes


def inactive(group: Losses) -> NDArray[np.bool_]:
    """Return True for each inactive hyperparameter, ``[configurations, hyperparameters]``."""
    rows = [[name not in configuration for name in group.names] for configuration in group.configurations]
    return np.array(rows, bool).reshape(len(group.configurations), len(group.names))


def settled(points: NDArray[np.float64], parts: Sequence[Cell]) -> NDArray[np.float64]:
    """Return points of the cube with 0.5 along every inactive hyperparameter.

    Args:
        points: Points, ``[points, hyperparameters]``.
        parts: Cells of the cube.
    """
    result = points.copy()
    for cell in parts:
        inside = ((points > cell.low) | (cell.low == 0)) & ((points <= cell.high) | (cell.high == 1))
        rows = inside.all(axis=1)
        result[rows] = np.where(cell.inactive, 0.5, result[rows])
    return result


def _pieces(parent: Hyperparameter, space: SearchSpace) -> list[tuple[Any, float, float]]:
    """Return runs of neighbouring values of a parent that all its children treat alike.

    Returns:
        A value of each run, and the run's share of the scale.
    """
    count = parent.cardinality
    assert count is not None
    values = [parent.from_unit(_middle(parent, k, count)) for k in range(count)]
    children = [
        hyperparameter.when[parent.name] for hyperparameter in space if parent.name in hyperparameter.when
    ]
    alike = [[position_of(value, needed) >= 0 for needed in children] for value in values]
    edges = [0.0, *(_edge(parent, a, b) for a, b in itertools.pairwise(values)), 1.0]
    runs: list[tuple[Any, float, float]] = []
    for i, value in enumerate(values):
        if i and alike[i] == alike[i - 1]:
            runs[-1] = (runs[-1][0], runs[-1][1], edges[i + 1])
        else:
            runs.append((value, edges[i], edges[i + 1]))
    return runs


def _middle(parent: Hyperparameter, k: int, count: int) -> float:
    if isinstance(parent, Integer) and parent.scale == "log":
        return parent.to_unit(parent.low + k)
    return (k + 0.5) / count


def _edge(parent: Hyperparameter, a: Any, b: Any) -> float:
    """Return the border between the bins of two neighbouring values, by bisection."""
    low, high = parent.to_unit(a), parent.to_unit(b)
    first = low
    for _ in range(60):
        middle = (low + high) / 2
        if parent.to_unit(parent.from_unit(middle)) <= first:
            low = middle
        else:
            high = middle
    return (low + high) / 2
