"""Parzen densities on a grid, of the best configurations and of all, as PED-ANOVA compares them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.losses import Array

STEPS = 50
"""Number of cells of the grid of a hyperparameter that has an order."""
NARROWEST = 0.5 / 1.64
"""Least standard deviation of a kernel, in cells: 90% of the kernel lie in its own cell."""
FLOOR = 1e-12
Counts = NDArray[np.int64]


def cells(units: Array, choices: int | None) -> Counts:
    """Return the cell of the grid in which each value lies.

    Args:
        units: Values in [0, 1].
        choices: Number of choices of a hyperparameter without an order, one cell each; None for one with an
            order.
    """
    if choices is not None:
        return np.clip(np.floor(units * choices), 0, choices - 1).astype(np.int64)
    return np.clip(np.ceil(units * (STEPS - 1) - 0.5), 0, STEPS - 1).astype(np.int64)


def density(counts: Counts, *, ordered: bool) -> Array:
    """Return the Parzen density of observations on a grid, with the prior as a kernel of weight one.

    Kernels of a hyperparameter with an order are normal, truncated to the grid, with Scott's bandwidth.
    Kernels of one without an order give most of their weight to their own cell.

    Args:
        counts: Number of observations in each cell, ``[cells]``.
        ordered: True if the hyperparameter has an order.
    """
    from scipy.special import ndtr

    size = len(counts)
    observed = np.flatnonzero(counts)
    weights = np.append(counts[observed], 1.0)
    weights = weights / weights.sum()
    if not ordered:
        kernels = np.full((len(weights), size), 1 / len(weights))
        kernels[np.arange(len(observed)), observed] += 1
        return np.asarray(weights @ (kernels / kernels.sum(axis=1, keepdims=True)))
    centre = np.append(observed, (size - 1) / 2)[:, None]
    width = np.append(np.full(len(observed), max(_scott(observed, counts[observed]), NARROWEST)), size)[
        :, None
    ]
    edges = (np.arange(size + 1) - 0.5 - centre) / width
    # Differences of the distribution function are taken in the tail where it is small.
    below, above = ndtr(edges), ndtr(-edges)
    mass = np.where(edges[:, :-1] > 0, above[:, :-1] - above[:, 1:], below[:, 1:] - below[:, :-1])
    return np.asarray(weights @ (mass / (below[:, -1:] - below[:, :1])))


def divergence(best: Counts, every: Counts, *, ordered: bool) -> float:
    """Return Pearson's divergence of the density of the best configurations from that of all.

    Args:
        best: Counts of the best configurations, as for :func:`density`.
        every: Counts of all configurations, as for :func:`density`.
        ordered: True if the hyperparameter has an order.
    """
    top, whole = (density(counts, ordered=ordered) + FLOOR for counts in (best, every))
    return float(whole @ (top / whole - 1) ** 2)


def _scott(observed: Counts, weights: Counts) -> float:
    """Return Scott's bandwidth of weighted observations in ascending order.

    The spread is the lesser of standard deviation and interquartile range.
    """
    total, cumulated = int(weights.sum()), np.cumsum(weights)
    mean = float(observed @ weights) / total
    deviation = float(np.sqrt(((observed - mean) ** 2 @ weights) / max(1, total - 1)))
    first = int(np.searchsorted(cumulated, total // 4, side="left"))
    third = int(np.searchsorted(cumulated, total * 3 // 4, side="right"))
    between = float(observed[min(len(observed) - 1, third)] - observed[first])
    return 1.059 * min(between / 1.34, deviation) / math.pow(total, 0.2)
