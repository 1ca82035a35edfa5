"""Dominated sums: sums over the points of a plane that are neither right of a place nor above it."""

from __future__ import annotations

import numpy as np

from sensitivity.measures.forest import Integers
from sensitivity.measures.losses import Array


def dominated_sums(
    rows: Integers, columns: Integers, weights: Array, at_rows: Integers, at_columns: Integers
) -> Array:
    """Return the weight of all points whose row and column are at most those of each place.

    Points are ordered by row, so that those of a place come first; then bit by bit of their columns, the
    highest first: where a place's bit is 1, the points of its range whose bit is 0 count in full, and the
    search goes on among the points whose bit is 1 (a wavelet matrix). That takes n log n, where a table of
    all rows and columns takes n squared.

    Args:
        rows: Rows of the points, from 0.
        columns: Columns of the points, from 0.
        weights: Weights of the points.
        at_rows: Rows of the places.
        at_columns: Columns of the places.

    Returns:
        One sum for each place.

    Source: Claude, Navarro & Ordóñez, "The wavelet matrix", Information Systems 47 (2015).

    >>> points = np.array([0, 1, 2]), np.array([0, 2, 1]), np.array([1.0, 10.0, 100.0])
    >>> dominated_sums(*points, np.array([2, 1]), np.array([1, 2]))
    array([101.,  11.])
    """
    order = np.argsort(rows, kind="stable")
    column, weight = columns[order], weights[order]
    first = np.zeros(len(at_rows), dtype=np.int64)
    last = np.searchsorted(rows[order], at_rows, side="right")
    total = np.zeros(len(at_rows))
    bound = at_columns + 1  # columns below the bound count
    for bit in reversed(range(int(max(columns.max(initial=0), bound.max(initial=0))).bit_length())):
        low = (column >> bit) & 1 == 0
        before = np.append(0, np.cumsum(low))  # points with bit 0 among the first so many
        sums = np.append(0.0, np.cumsum(np.where(low, weight, 0.0)))
        goes_right = (bound >> bit) & 1 == 1
        total += np.where(goes_right, sums[last] - sums[first], 0.0)
        first, last = (
            np.where(goes_right, before[-1] + index - before[index], before[index]) for index in (first, last)
        )
        parted = np.concatenate([np.flatnonzero(low), np.flatnonzero(~low)])
        column, weight = column[parted], weight[parted]
    return total
