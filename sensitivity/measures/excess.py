"""Excess loss: the cost of an untuned configuration, as its mean distance from the best loss."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.measures.cross_fitting import best, best_draws
from sensitivity.measures.designs import joined
from sensitivity.measures.losses import Array, Losses, groups, note, row
from sensitivity.measures.resampling import DRAWS, around, interval, resampled
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.results.results import Results

COLUMNS = ["task", "variant", "value", "low", "high", "n", "note"]


BINS = 12
"""Number of parts of a scale where the design has no levels."""


def excess_loss(
    results: Results,
    *,
    over: str | None = None,
    tuned: bool = False,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Return the mean excess of the capped loss over the best: the expected regret without tuning.

    .. math:: \mathbb{E}_{x} \left[ \min(\ell(x), \ell_0) - \ell^* \right]

    In units of the loss; 0 is a variant that needs no tuning. The mean is over the configurations of the
    design, which are uniform on the scales of the space. With ``over`` it is over the levels of that
    hyperparameter, each with equal weight (over configurations where the design has no levels), and at each
    level over the other hyperparameters and the seeds. ``tuned`` takes the best loss at each level instead of
    the mean, so that only the hyperparameter itself costs (levels where the design has none: up to 12 even
    parts of its scale). :math:`\ell^*` is :func:`sensitivity.measures.cross_fitting.best`. Variants without
    the hyperparameter have no row, and configurations in which a condition makes it inactive do not count.
    One configuration, or one level, has no value.

    Args:
        results: Results of a study.
        over: Hyperparameter; None for the whole space.
        tuned: Take the best loss at each level of ``over``.
        level: Level of the interval (:func:`sensitivity.measures.resampling.around`), between 0 and 1.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: for a hyperparameter that no variant has; for ``tuned`` without a hyperparameter.

    Source: Wortsman et al., arXiv:2309.14322, section 2.2, for the learning rate.
    """
    known = list(dict.fromkeys(name for variant in results.spaces for name in results.varied(variant)))
    if over is not None and over not in known:
        raise unknown("hyperparameter", over, known)
    if tuned and over is None:
        raise InputError("tuned=True needs over=, the hyperparameter at whose levels the others are tuned")
    rows = []
    for group in groups(results, over):
        if not _varies(group, over):
            rows.append(
                row(group, np.nan, np.nan, np.nan)
                | {"note": joined(note(group), f"one {over or 'configuration'} with a result")}
            )
            continue
        if tuned and over is not None:
            value, drawn = _tuned(group, over, draws, seed)
        else:
            value, drawn = excess(group, over), excess_draws(group, over, draws, seed)
        low, high = around(value, drawn, group, level)
        rows.append(row(group, value, max(0.0, low), high))
    return pd.DataFrame(rows, columns=COLUMNS)


def best_loss(results: Results, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Return the best loss with its bootstrap interval, and the configuration with the smallest mean.

    The best loss is :func:`sensitivity.measures.cross_fitting.best`.

    Args:
        results: Results of a study.
        level: Level of the interval, between 0 and 1.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.
    """
    rows = []
    for group in groups(results):
        value = best(group)
        low, high = around(value, best_draws(group, resampled(group, draws=draws, seed=seed)), group, level)
        low = max(0.0, low) if np.nanmin(group.loss) >= 0 else low
        rows.append(
            row(
                group,
                value,
                low,
                min(high, group.initial),
                configuration=group.configurations[int(np.argmin(group.mean))],
            )
        )
    return pd.DataFrame(rows, columns=[*COLUMNS, "configuration"])


def excess_differences(
    results: Results, *, over: str | None = None, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """Return the difference of :func:`excess_loss` between every two variants on a task, ``a`` minus ``b``.

    The two variants are resampled independently. An interval that encloses 0 is a difference that this study
    cannot tell from noise.

    Args:
        results: Results of a study.
        over: Hyperparameter; None for the whole space.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.
    """
    varying = [group for group in groups(results, over) if _varies(group, over)]
    drawn = [excess_draws(group, over, draws, seed + i) for i, group in enumerate(varying)]
    values = [excess(group, over) for group in varying]
    rows = []
    for i, j in itertools.combinations(range(len(varying)), 2):
        a, b = varying[i], varying[j]
        if a.task == b.task:
            value, (low, high) = values[i] - values[j], interval(drawn[i] - drawn[j])
            both = {
                "value": value,
                "low": min(low, value),
                "high": max(high, value),
                "n": a.trials + b.trials,
                "note": "",
            }
            rows.append({"task": a.task, "a": a.variant, "b": b.variant, **both})
    return pd.DataFrame(rows, columns=["task", "a", "b", "value", "low", "high", "n", "note"])


def _varies(group: Losses, over: str | None) -> bool:
    """Return True for two levels of a hyperparameter with a result; without one, for two configurations."""
    return len(group.loss if over is None else np.unique(group.units[:, group.names.index(over)])) > 1


def excess(group: Losses, over: str | None) -> float:
    """Return :func:`excess_loss` of one variant on one task."""
    return max(0.0, float(mean_over(group, group.mean[None], over)[0]) - best(group))


def excess_draws(group: Losses, over: str | None, draws: int, seed: int) -> Array:
    """Return bootstrap draws of :func:`excess`, ``[draws]``."""
    drawn = resampled(group, draws=draws, seed=seed)
    # Means of drawn configurations already include seed noise; means of fixed configurations get it here.
    means = drawn.mean if group.fixed else group.mean[drawn.chosen]
    return mean_over(group, means, over) - best_draws(group, drawn)


def _tuned(group: Losses, over: str, draws: int, seed: int) -> tuple[float, Array]:
    """Return the mean over the levels of the best loss at each, less the best of all; and draws of it."""
    units = group.units[:, group.names.index(over)]
    levels, places = np.unique(units, return_inverse=True)
    if not group.fixed and len(levels) > BINS:
        bins = max(2, min(BINS, len(units) // 3))
        places = np.minimum((units * bins).astype(int), bins - 1)
    drawn = resampled(group, draws=draws, seed=seed)
    parts = [np.flatnonzero(places.reshape(-1) == level) for level in np.unique(places)]
    at_each = [
        replace(group, loss=group.loss[part], units=group.units[part], lr=group.lr[part]) for part in parts
    ]
    again = np.mean(
        [best_draws(subgroup, drawn.of(part)) for subgroup, part in zip(at_each, parts, strict=True)], axis=0
    )
    return max(
        0.0, float(np.mean([best(subgroup) for subgroup in at_each])) - best(group)
    ), again - best_draws(group, drawn)


def mean_over(group: Losses, means: Array, over: str | None) -> Array:
    """Return the mean over the levels of the mean within each, or over configurations.

    Args:
        group: Losses of one variant on one task.
        means: Mean losses, ``[draws, configurations]``.
        over: Hyperparameter with the levels; None for all configurations.

    Returns:
        ``[draws]``.
    """
    if not group.fixed or over is None:
        return np.asarray(means.mean(axis=1))
    _, places, counts = np.unique(
        group.units[:, group.names.index(over)], return_inverse=True, return_counts=True
    )
    return np.asarray(means @ (1 / (counts[places.reshape(-1)] * len(counts))))
