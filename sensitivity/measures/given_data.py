"""Importance from any configurations whatever, without a model of the loss: PAWN, and delta by SALib."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.cells import inactive
from sensitivity.measures.forest import constant
from sensitivity.measures.losses import Array, Losses, interval, losses, note
from sensitivity.measures.noise import NOISE, noise_of

if TYPE_CHECKING:
    from sensitivity.results import Results

COLUMNS = ["task", "variant", "effect", "order", "value", "low", "high", "n", "note"]
SLICES = 10
LEAST = 50
"""Configurations below which slices are too thin to compare distributions."""


def pawn(results: Results, *, slices: int = SLICES, draws: int = 200, seed: int = 0) -> pd.DataFrame:
    r"""PAWN: how much the distribution of the loss changes when a hyperparameter is known.

    .. math:: P_i = \mathrm{median}_s \; \max_y \left| F(y) - F(y \mid x_i \in I_s) \right|

    over slices :math:`I_s` of equally many configurations (one a level, where a hyperparameter has fewer levels), of the capped loss, mean
    over seeds. It sees effects that are no variance. It is never 0: the noise of a slice of m configurations is about .8 / sqrt(m).
    The point equals SALib's, which itself fails for 6, 9 and other numbers of slices: its quantiles sum up to more than 1. The interval is
    a bootstrap over configurations (95% percentile), which raises the index as noise does.

    Args:
        slices: most slices of a hyperparameter.
        draws: of the bootstrap.
        seed: of the bootstrap, and of the order of equal values.

    Source: Pianosi & Wagener, Environmental Modelling & Software 67 (2015) and 108 (2018).
    """

    def analysed(x: Array, y: Array, rng: np.random.Generator) -> tuple[float, float, float]:
        count, (rank, parts) = len(y), _sliced(x, slices, rng)
        value = float(distances(np.ones((1, count)), rank, y, parts)[0])
        weights = rng.multinomial(count, np.full(count, 1 / count), size=draws)
        low, high = interval(distances(weights, rank, y, parts))
        return value, min(low, value), max(high, value)

    return _each(results, analysed, seed)


def delta(results: Results, *, resamples: int = 30, seed: int = 0) -> pd.DataFrame:
    r"""Delta: half the mean area between the density of the loss and its density when a hyperparameter is known.

    .. math:: \delta_i = \tfrac12 E_{x_i} \int |p(y) - p(y \mid x_i)| \, dy

    of the capped loss, mean over seeds; between 0 (no effect) and 1. By SALib, with its correction of the bias by the bootstrap.

    Args: resamples, seed: of the bootstrap (normal interval).
    Sources: Borgonovo, Reliability Engineering & System Safety 92 (2007); Plischke, Borgonovo & Smith, European Journal of Operational
    Research 226 (2013), for the estimator.
    """

    def analysed(x: Array, y: Array, rng: np.random.Generator) -> tuple[float, float, float]:
        from SALib.analyze import delta as analysis

        rank, _ = _sliced(x, SLICES, rng)
        problem = {"num_vars": 1, "names": ["x"], "bounds": [[0, 1]]}
        with _undisturbed():
            found = analysis.analyze(
                problem, rank[:, None] + 1.0, y, num_resamples=resamples, seed=int(rng.integers(1, 2**31)), method="delta"
            )
        # From 1.6 SALib tells apart what it calls raw, the estimator of 2013, and others of its own.
        name = "delta_raw" if "delta_raw" in found else "delta"
        value, half = max(0.0, float(found[name][0])), float(found[f"{name}_conf"][0])
        return value, max(0.0, value - half), min(1.0, value + half)

    return _each(results, analysed, seed)


def distances(weights: Any, rank: Array, y: Array, parts: int) -> Array:
    """PAWN's index of weighted configurations. ``[draws, n]`` with ranks and losses ``[n]`` to ``[draws]``."""
    order = np.argsort(y, kind="stable")
    last = np.append(np.diff(y[order]) > 0, True)  # of equal losses the last has the distribution function's value
    count = len(y)
    edges = np.quantile(rank, np.linspace(0, 1, parts + 1))
    sorted_weights, ranks = weights[:, order], rank[order]
    whole = np.cumsum(sorted_weights, axis=1)[:, last] / count
    found = np.full((parts, len(weights)), np.nan)
    for s in range(parts):
        part = np.cumsum(np.where((ranks >= edges[s]) & (ranks < edges[s + 1]), sorted_weights, 0), axis=1)[:, last]
        size = part[:, -1:]
        share = np.divide(part, size, out=np.full(part.shape, np.nan), where=size > 0)
        found[s] = np.abs(share - whole).max(axis=1)
    return np.asarray(np.nanmedian(found, axis=0))


def _sliced(x: Array, slices: int, rng: np.random.Generator) -> tuple[Array, int]:
    """Ranks of a coordinate, equal values in random order, and how many slices to cut them into."""
    rank = np.empty(len(x))
    rank[np.lexsort([rng.random(len(x)), x])] = np.arange(len(x))
    return rank, max(2, min(slices, len(np.unique(x))))


def _each(results: Results, analysed: Callable[[Array, Array, np.random.Generator], tuple[float, float, float]], seed: int) -> pd.DataFrame:
    """A measure of every hyperparameter on its own, and the seed noise."""
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
            found = _one(group, points[:, j], analysed, rng)
            rows.append({**keys, "effect": name, "order": "main", **dict(zip(("value", "low", "high"), found, strict=True))})
        noise = noise_of(group, seed=seed)
        rows.append({**keys, "effect": NOISE, "order": "noise", **noise})
    return pd.DataFrame(rows, columns=COLUMNS)


def _one(group: Losses, x: Array, analysed: Any, rng: np.random.Generator) -> tuple[float, float, float]:
    if len(x) < LEAST:
        return (float("nan"),) * 3
    if constant(group):
        return 0.0, 0.0, 0.0
    found: tuple[float, float, float] = analysed(x, group.mean, rng)
    return found


@contextmanager
def _undisturbed() -> Iterator[None]:
    """SALib's delta seeds NumPy for all, sets filters of warnings and how they look; afterwards everything is as it was.

    One thread, since its thousands of tiny systems of equations wait for each other on more (6 ms each on a busy machine).
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    state, look = np.random.get_state(), warnings.formatwarning
    with warnings.catch_warnings(record=True), threadpool_limits(1):
        try:
            yield
        finally:
            np.random.set_state(state)
            warnings.formatwarning = look
