"""A smooth curve through points, each predicted by the others: the shape of a main effect without steps."""

from __future__ import annotations

import numpy as np

from sensitivity.measures.losses import Array

LEVELS = 12
"""Number of distinct places up to which each has a mean of its own instead of a curve through all."""
SEGMENTS = 12
PENALTIES = np.logspace(-4, 6, 21)


def leave_one_out(x: Array, y: Array) -> Array:
    r"""Return a prediction of each point from the other points.

    The curve is a penalised spline: cubic B-splines on even knots, with a penalty :math:`\lambda` on second
    differences of their coefficients, so that large penalties give a straight line. The fit is linear in y,
    :math:`\hat y = H y`, so the prediction without a point is :math:`(\hat y_i - H_{ii} y_i) / (1 - H_{ii})`;
    :math:`\lambda` is chosen for the smallest squared error of these predictions. Where x has at most 12
    distinct values (a grid, an ordinal or categorical hyperparameter), the prediction is the mean of the
    other points at the same value.

    Args:
        x: Places in [0, 1], ``[n]``.
        y: Values, ``[n]``.

    Returns:
        ``[n]``.

    Source: Eilers & Marx, "Flexible Smoothing with B-splines and Penalties", Statistical Science 11 (1996).
    """
    places, at, counts = np.unique(np.round(x, 10), return_inverse=True, return_counts=True)
    at = at.reshape(-1)
    if len(places) <= LEVELS:
        others = np.bincount(at, weights=y)[at] - y
        rest = (y.sum() - y) / max(1, len(y) - 1)
        return np.asarray(np.where(counts[at] > 1, others / np.maximum(counts[at] - 1, 1), rest))
    from scipy.interpolate import BSpline

    step = 1 / SEGMENTS
    knots = np.arange(-3, SEGMENTS + 4) * step
    basis = BSpline.design_matrix(np.clip(x, 0.0, 1.0), knots, 3).toarray()
    bend = np.diff(np.eye(basis.shape[1]), 2, axis=0)
    square, bend, toward = basis.T @ basis, bend.T @ bend, basis.T @ y
    best, least = y, np.inf
    for penalty in PENALTIES:
        inverse = np.linalg.inv(square + penalty * bend + 1e-9 * np.eye(len(square)))
        leverage = np.minimum(np.einsum("ij,jk,ik->i", basis, inverse, basis), 1 - 1e-9)
        without = (basis @ (inverse @ toward) - leverage * y) / (1 - leverage)
        error = float(((without - y) ** 2).mean())
        if error < least:
            best, least = without, error
    return np.asarray(best)
