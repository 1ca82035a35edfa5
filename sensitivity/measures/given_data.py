"""Importance from configurations of any design, without a model of the loss: PAWN and delta."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.cells import inactive
from sensitivity.measures.forest import constant
from sensitivity.measures.losses import Array, Losses, losses, note
from sensitivity.measures.magnitudes import exponent_of
from sensitivity.measures.noise import NOISE, noise_of
from sensitivity.measures.resampling import interval

if TYPE_CHECKING:
    from sensitivity.results.results import Results

COLUMNS = ["task", "variant", "effect", "order", "value", "low", "high", "n", "note"]
SLICES = 10
LEAST = 50
"""Fewest configurations for which slices are thick enough to compare distributions."""


def pawn(results: Results, *, slices: int = SLICES, draws: int = 200, seed: int = 0) -> pd.DataFrame:
    r"""Return PAWN: the change of the distribution of the loss when a hyperparameter is known.

    .. math:: P_i = \mathrm{median}_s \; \max_y \left| F(y) - F(y \mid x_i \in I_s) \right|

    over slices :math:`I_s` of equally many configurations (one a level, where a hyperparameter has fewer
    levels), of the capped loss, mean over seeds. PAWN also detects effects that do not change the variance.
    It is never 0: the noise of a slice of m configurations is about .8 / sqrt(m). The point equals SALib's,
    which itself fails for 6, 9 and other numbers of slices, because its quantiles sum up to more than 1. The
    interval is a bootstrap over configurations (95% percentile), which raises the index as noise does.

    Args:
        results: Results of a study.
        slices: Most slices of a hyperparameter.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap, and of the order of equal values.

    Source: Pianosi & Wagener, Environmental Modelling & Software 67 (2015) and 108 (2018).
    """

    def analysed(x: Array, y: Array, rng: np.random.Generator) -> tuple[float, float, float]:
        count, (rank, parts) = len(y), _sliced(x, slices, rng)
        value = float(distances(np.ones((1, count)), rank, y, parts)[0])
        weights = rng.multinomial(count, np.full(count, 1 / count), size=draws)
        low, high = interval(distances(weights, rank, y, parts))
        return value, min(low, value), max(high, value)

    return _by_hyperparameter(results, analysed, seed)


def delta(results: Results, *, resamples: int = 30, seed: int = 0) -> pd.DataFrame:
    r"""Return delta: half the mean area between the densities of the loss without and with a known value.

    .. math:: \delta_i = \tfrac12 E_{x_i} \int |p(y) - p(y \mid x_i)| \, dy

    of the capped loss, mean over seeds; between 0 (no effect) and 1. Densities are Gaussian kernel estimates
    (Silverman's bandwidth) within classes of equally many configurations. The point is corrected for its bias
    by the bootstrap, :math:`2 \hat\delta` less the mean over resamples.

    Args:
        results: Results of a study.
        resamples: Number of bootstrap draws over configurations (95% normal interval).
        seed: Seed of the bootstrap, and of the order of equal values.

    Sources: Borgonovo, Reliability Engineering & System Safety 92 (2007); Plischke, Borgonovo & Smith,
    European Journal of Operational Research 226 (2013), equations 26 and 30, for the estimator.
    """

    from scipy.special import ndtri

    def analysed(x: Array, y: Array, rng: np.random.Generator) -> tuple[float, float, float]:
        rank, _ = _sliced(x, SLICES, rng)
        observed = area(rank, y)
        chosen = rng.integers(len(y), size=(resamples, len(y)))
        redrawn = np.array([area(rank[places], y[places]) for places in chosen if np.ptp(y[places]) > 0])
        if len(redrawn) < 2:
            return observed, 0.0, 1.0
        value, half = 2 * observed - float(redrawn.mean()), float(ndtri(0.975) * redrawn.std(ddof=1))
        return float(np.clip(value, 0.0, 1.0)), max(0.0, value - half), min(1.0, value + half)

    return _by_hyperparameter(results, analysed, seed)


def area(x: Array, y: Array) -> float:
    """Return half the mean area between the density of losses and their densities within classes.

    Args:
        x: Values of the hyperparameter that defines the classes, ``[n]``; equal values are ordered by their
            place.
        y: Losses, ``[n]``, not all equal. A class of equal losses, which has no density, adds nothing.
    """
    count = len(y)
    y = np.ldexp(y, -exponent_of(y))
    y = (y - y.min()) / np.ptp(y)
    grid = np.linspace(0, 1, 100)
    exponent = 2.0 / (7.0 + np.tanh((1500.0 - count) / 500.0))
    edges = np.linspace(0, count, round(min(math.ceil(count**exponent), 48)) + 1)
    ordered = y[np.argsort(x, kind="stable")]
    starts = np.searchsorted(np.arange(1, count + 1), edges[:-1], side="right")
    sizes = np.diff(np.append(starts, count))
    starts, sizes = starts[sizes > 0], sizes[sizes > 0]
    widths = np.array(
        [_bandwidth(ordered[start : start + size]) for start, size in zip(starts, sizes, strict=True)]
    )
    spread = np.repeat(np.where(widths > 0, widths, 1.0), sizes)[:, None]
    within = np.add.reduceat(_kernel(grid, ordered[:, None], spread), starts, axis=0) / sizes[:, None]
    whole = _kernel(grid, y[:, None], _bandwidth(y)).mean(axis=0)
    areas = np.trapezoid(np.abs(within - whole), grid, axis=1)
    return float((areas * sizes)[widths > 0].sum() / (2 * count))


def _kernel(grid: Array, centre: Array, width: Any) -> Array:
    return np.asarray(np.exp(-0.5 * ((grid - centre) / width) ** 2) / (width * math.sqrt(2 * math.pi)))


def _bandwidth(y: Array) -> float:
    """Return Silverman's bandwidth; 0 for equal losses."""
    return float(y.std(ddof=1) * (0.75 * len(y)) ** -0.2) if np.ptp(y) > 0 else 0.0


def distances(weights: Any, rank: Array, y: Array, parts: int) -> Array:
    """Return PAWN's index of weighted configurations.

    Args:
        weights: Weights, ``[draws, n]``.
        rank: Ranks of the hyperparameter's values, ``[n]``.
        y: Losses, ``[n]``.
        parts: Number of slices.

    Returns:
        ``[draws]``.
    """
    order = np.argsort(y, kind="stable")
    last = np.append(
        np.diff(y[order]) > 0, True
    )  # among equal losses, the last has the value of the distribution function
    count = len(y)
    edges = np.quantile(rank, np.linspace(0, 1, parts + 1))
    sorted_weights, ranks = weights[:, order], rank[order]
    whole = np.cumsum(sorted_weights, axis=1)[:, last] / count
    distance = np.full((parts, len(weights)), np.nan)
    for s in range(parts):
        part = np.cumsum(np.where((ranks >= edges[s]) & (ranks < edges[s + 1]), sorted_weights, 0), axis=1)[
            :, last
        ]
        size = part[:, -1:]
        share = np.divide(part, size, out=np.full(part.shape, np.nan), where=size > 0)
        distance[s] = np.abs(share - whole).max(axis=1)
    return np.asarray(np.nanmedian(distance, axis=0))


def _sliced(x: Array, slices: int, rng: np.random.Generator) -> tuple[Array, int]:
    """Return ranks of a coordinate, equal values in random order, and the number of slices for them."""
    rank = np.empty(len(x))
    rank[np.lexsort([rng.random(len(x)), x])] = np.arange(len(x))
    return rank, max(2, min(slices, len(np.unique(x))))


def _by_hyperparameter(
    results: Results,
    analysed: Callable[[Array, Array, np.random.Generator], tuple[float, float, float]],
    seed: int,
) -> pd.DataFrame:
    """Return a measure of every hyperparameter alone, and the seed noise."""
    rows: list[dict[str, Any]] = []
    for task, variant in results.groups:
        group = losses(results, task, variant)
        count = len(group.loss)
        remarks = [note(group)]
        if count < LEAST:
            remarks.append(f"{count} configurations are too few to compare distributions (at least {LEAST})")
        keys = {"task": task, "variant": variant, "n": count, "note": "; ".join(filter(None, remarks))}
        rng = np.random.default_rng(seed)
        points = np.where(inactive(group), rng.random(group.units.shape), group.units)
        for j, name in enumerate(group.names):
            index = _one(group, points[:, j], analysed, rng)
            rows.append(
                {
                    **keys,
                    "effect": name,
                    "order": "main",
                    **dict(zip(("value", "low", "high"), index, strict=True)),
                }
            )
        noise = noise_of(group, seed=seed)
        rows.append({**keys, "effect": NOISE, "order": "noise", **noise})
    return pd.DataFrame(rows, columns=COLUMNS)


def _one(group: Losses, x: Array, analysed: Any, rng: np.random.Generator) -> tuple[float, float, float]:
    if len(x) < LEAST:
        return (float("nan"),) * 3
    if constant(group):
        return 0.0, 0.0, 0.0
    result: tuple[float, float, float] = analysed(x, group.mean, rng)
    return result
