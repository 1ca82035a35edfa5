"""Excess loss: the cost of an untuned configuration, as its mean distance from the best loss."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.measures.best import common_noise
from sensitivity.measures.designs import joined
from sensitivity.measures.losses import Array, Losses, note, row
from sensitivity.measures.parts import Part, parts
from sensitivity.measures.resampling import DRAWS, around, interval
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
    parts of its scale). :math:`\ell^*` is the loss that the best is expected to have on a rerun
    (:class:`sensitivity.measures.best.Best`). Variants without the hyperparameter have no row, and
    configurations in which a condition makes it inactive do not count. One configuration, or one level, has
    no value.

    The interval is of draws of the true losses, and of the configurations where the design drew them. Fixed
    configurations with one seed each have none.

    Args:
        results: Results of a study.
        over: Hyperparameter; None for the whole space.
        tuned: Take the best loss at each level of ``over``.
        level: Level of the interval (:func:`sensitivity.measures.resampling.around`), between 0 and 1.
        draws: Number of draws.
        seed: Seed of the draws.

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
    for part in parts(results, over, draws=draws, seed=seed):
        group = part.group
        if not _varies(group, over):
            rows.append(
                row(group, np.nan, np.nan, np.nan)
                | {"note": joined(note(group), f"one {over or 'configuration'} with a result")}
            )
            continue
        if tuned and over is not None:
            value, drawn = _tuned(part, over)
        else:
            value, drawn = excess(part, over), excess_draws(part, over)
        low, high = around(value, drawn, group, level)
        rows.append(row(group, value, float(np.maximum(0.0, low)), high))
    return pd.DataFrame(rows, columns=COLUMNS)


def best_loss(results: Results, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Return the loss that the best configuration of each variant is expected to have on a rerun.

    ``value`` is the smallest mean less its optimism (:class:`sensitivity.measures.best.Best`), ``low`` and
    ``high`` its interval. ``configuration`` is that with the smallest mean, ``observed`` the mean that was
    measured at it, over ``seeds`` seeds. With one seed of each configuration nothing is known of the noise:
    the value is the observed minimum, and there is no interval.

    Args:
        results: Results of a study.
        level: Level of the interval, between 0 and 1.
        draws: Number of draws.
        seed: Seed of the draws.
    """
    rows = []
    for part in parts(results, draws=draws, seed=seed):
        group, best = part.group, part.best
        lowest = 0.0 if np.nanmin(group.loss) >= 0 else -np.inf
        drawn = np.clip(best.draws + common_noise(group, best.known), lowest, group.initial)
        low, high = interval(drawn, level)
        measured = {
            "observed": best.observed,
            "seeds": int(np.isfinite(group.loss[best.place]).sum()),
            "configuration": group.configurations[best.place],
        }
        rows.append(row(group, best.value, min(low, best.value), max(high, best.value), **measured))
    return pd.DataFrame(rows, columns=[*COLUMNS, "observed", "seeds", "configuration"])


def excess_differences(
    results: Results, *, over: str | None = None, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """Return the difference of :func:`excess_loss` between every two variants on a task, ``a`` minus ``b``.

    The draws of the two variants are independent. An interval that encloses 0 is a difference that this study
    cannot tell from noise.

    Args:
        results: Results of a study.
        over: Hyperparameter; None for the whole space.
        draws: Number of draws.
        seed: Seed of the draws.
    """
    found = [part for part in parts(results, over, draws=draws, seed=seed) if _varies(part.group, over)]
    varying = [part.group for part in found]
    drawn = [excess_draws(part, over) for part in found]
    values = [excess(part, over) for part in found]
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


def excess(part: Part, over: str | None) -> float:
    """Return :func:`excess_loss` of one variant on one task."""
    mean = float(mean_over(part.group, part.group.mean[None], over)[0])
    return max(0.0, mean - part.best.value)


def excess_draws(part: Part, over: str | None) -> Array:
    """Return draws of :func:`excess`, ``[draws]``."""
    # Means of drawn configurations already include seed noise; for fixed ones the true means are drawn.
    means = part.true_means if part.group.fixed else part.group.mean[part.chosen]
    return mean_over(part.group, means, over) - part.best_draws


def _tuned(part: Part, over: str) -> tuple[float, Array]:
    """Return the mean over the levels of the best loss at each, less the best of all; and draws of it."""
    group = part.group
    units = group.units[:, group.names.index(over)]
    levels, places = np.unique(units, return_inverse=True)
    if not group.fixed and len(levels) > BINS:
        bins = max(2, min(BINS, len(units) // 3))
        places = np.minimum((units * bins).astype(int), bins - 1)
    places = places.reshape(-1)
    at_each = [part.best_among(np.flatnonzero(places == level)) for level in np.unique(places)]
    value = float(np.mean([best.value for best in at_each])) - part.best.value
    return max(0.0, value), np.mean([best.draws for best in at_each], axis=0) - part.best.draws


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
