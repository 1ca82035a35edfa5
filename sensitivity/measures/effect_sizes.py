"""Sizes of the effects of a forest, as shares of the variance: over its trees, or in the losses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sensitivity.measures import forest as forests
from sensitivity.measures.anova import effects, total_variances, variances, without
from sensitivity.measures.cells import inactive
from sensitivity.measures.losses import Array, Losses
from sensitivity.measures.smooth import leave_one_out

FILLS = 3
"""Number of places that a configuration stands for where a hyperparameter is inactive."""
BLOCK = 100
"""Number of bootstrap draws at a time."""


@dataclass(frozen=True)
class Request:
    pairs: bool
    totals: bool
    corrected: bool
    trees: int
    draws: int
    seed: int


def shares_of_trees(
    forest: forests.Forest, group: Losses, predicted: Array, request: Request
) -> tuple[Array, Array]:
    """Return means over the trees of their shares, and the shares of each tree."""
    parts = variances(forest, pairs=request.pairs)
    shares = [parts.main, parts.pair, *([total_variances(forest)] if request.totals else [])]
    varies = parts.whole > 0
    drawn = np.column_stack(shares)[varies] / parts.whole[varies, None]
    return (
        (drawn.mean(axis=0), drawn)
        if len(drawn)
        else (np.zeros(drawn.shape[1]), np.zeros((1, drawn.shape[1])))
    )


def shares_of_losses(
    forest: forests.Forest, group: Losses, predicted: Array, request: Request
) -> tuple[Array, Array]:
    """Return shares of the variance of the losses that each effect explains, and bootstrap draws of them.

    The loss is the same everywhere along an inactive hyperparameter, so there a configuration stands for
    several places, drawn at random.
    """
    rng = np.random.default_rng(request.seed)
    idle = inactive(group)
    fills = FILLS if idle.any() else 1
    points = np.tile(group.units, (fills, 1))
    points = np.where(np.tile(idle, (fills, 1)), rng.random(points.shape), points)
    filled = replace(forest, out=np.tile(forest.out, fills))
    shapes = [
        shape for kind in effects(filled, points, pairs=request.pairs) for shape in filled.out_of_bag(kind)
    ]
    told = np.tile(predicted, fills)
    if request.totals:
        shapes += [told - filled.out_of_bag(without(filled, points, j)) for j in range(forest.dimensions)]
    known = np.isfinite(predicted)
    shape, loss = np.array(shapes).reshape(len(shapes), fills, -1)[:, :, known], group.mean[known]
    left = loss - predicted[known] + shape  # losses less the other effects
    for j in np.flatnonzero(~idle.any(axis=0)):
        shape[j] = _smoother(group.units[known, j], shape[j], left[j])
    count = len(loss)
    parts = len(shapes) - (forest.dimensions if request.totals else 0)
    value = _explained(np.ones((1, count)), shape, left, loss, parts)[0]
    weights = rng.multinomial(count, np.full(count, 1 / count), size=request.draws)
    blocks = [
        _explained(weights[i : i + BLOCK], shape, left, loss, parts) for i in range(0, request.draws, BLOCK)
    ]
    return value, np.concatenate(blocks) if blocks else value[None]


def _smoother(x: Array, shape: Array, left: Array) -> Array:
    """Return the shape of a main effect: the forest's, or a smooth curve, whichever predicts better.

    The curve goes through the losses less the other effects.

    Args:
        x: Places, ``[n]``.
        shape: The forest's shape, ``[fills, n]``.
        left: Losses less the other effects, ``[fills, n]``.

    Returns:
        ``[fills, n]``.
    """
    y, steps = left.mean(axis=0) - left.mean(), shape.mean(axis=0) - shape.mean()
    curve = leave_one_out(x, y)
    return (
        np.broadcast_to(curve, shape.shape)
        if ((y - curve) ** 2).mean() < ((y - steps) ** 2).mean()
        else shape
    )


def _explained(weights: Any, shape: Array, left: Array, loss: Array, parts: int) -> Array:
    """Return shares of the variance of the loss that effects explain; 0 where the correlation is negative.

    Each effect explains the losses less the other effects. The variance is that of the first ``parts``
    effects, which do not overlap, and of the residuals: by chance they are correlated in the drawn
    configurations, but not over the space.

    Args:
        weights: Weights of the configurations, ``[draws, n]``.
        shape: Shapes of the effects, ``[effects, fills, n]``.
        left: Losses less the other effects, ``[effects, fills, n]``.
        loss: Losses, ``[n]``.
        parts: Number of effects that do not overlap.

    Returns:
        ``[draws, effects]``.
    """
    total = weights.sum(axis=1)[:, None]
    y, left = loss - loss.mean(), left - left.mean(axis=(1, 2), keepdims=True)
    x = shape - shape.mean(axis=(1, 2), keepdims=True)
    scale = np.sqrt((x**2).mean(axis=(1, 2), keepdims=True))
    x = np.divide(x, scale, out=np.zeros_like(x), where=scale > 1e-12 * max(1e-300, float(np.abs(y).max())))
    square, product, x, left = (term.mean(axis=1) for term in (x**2, x * left, x, left))
    mean = weights @ x.T / total
    covariance = np.maximum(0.0, weights @ product.T / total - mean * (weights @ left.T / total))
    spread = weights @ square.T / total - mean**2
    slope = np.divide(covariance, spread, out=np.zeros_like(covariance), where=spread > 1e-12)
    explained = slope * covariance
    rest = y - slope[:, :parts] @ x[:parts]
    unexplained = (weights * rest**2).sum(axis=1) / total[:, 0] - (
        (weights * rest).sum(axis=1) / total[:, 0]
    ) ** 2
    whole = (explained[:, :parts].sum(axis=1) + np.maximum(0.0, unexplained))[:, None]
    return np.asarray(np.divide(explained, whole, out=np.zeros_like(explained), where=whole > 0))
