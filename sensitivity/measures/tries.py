"""Regret by tries: the regret of the best of k random configurations, and its mean over log k."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.budget import INSTEAD, budgets_of, least_known, note_at
from sensitivity.measures.designs import joined, refuse_adaptive
from sensitivity.measures.estimates import Estimate, Stakes, ends, estimates, stakes
from sensitivity.measures.incumbents import curve, curve_draws, known
from sensitivity.measures.losses import Array, groups, keeping_losses
from sensitivity.measures.magnitudes import deviation_of
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

COLUMNS = [
    "task", "variant", "k", "value", "low", "high", "area", "area_low", "area_high", "n", "note",
]  # fmt: skip


def regret_by_tries(
    results: Results,
    *,
    most: int | None = None,
    reference: float | Mapping[str, float] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""Return the regret of the best of k random configurations, on the common reference.

    .. math:: R_w(k) = \frac{\hat L_w(k) - B}{\ell_0 - B}, \qquad
        A_w(K) = \frac{1}{\log_2 K} \int_0^{\log_2 K} R_w(2^u) \, du

    with :math:`\hat L_w(k)` of :func:`sensitivity.measures.budget.expected_best`: the mean, over all subsets
    of k of the configurations that were tried, without replacement, of the loss of the best of them, which
    the other seeds choose and each seed in turn measures. B and :math:`\ell_0` are those of
    :func:`sensitivity.measures.regret.regret`. ``area`` is the mean over :math:`\log_2 k`, so that the first
    try counts as much as every doubling after it; between the k of the table R is linear in
    :math:`\log_2 k`. It is the same in all rows of a variant, and R(1) where there is one configuration.

    :math:`R_w(1)` is the regret of an untuned configuration, with its interval. At the number of
    configurations it is the tuned regret as the seeds measure it without luck in the choice; with two or
    three seeds, of which one measures, the choice is a little worse than that of all seeds together, whose
    rerun ``tuned`` of regret expects. With one seed the two are equal, and there is no interval.

    Intervals are percentiles of draws of the curve and of B, or 1.96 standard deviations, the wider
    (:func:`sensitivity.measures.incumbents.around`). The draws of the two are independent, which makes the
    intervals of the variant that sets B a little too wide.

    Args:
        results: Results of a study.
        most: Largest k; None for the smallest number of configurations of the task's variants, so that areas
            compare. A variant with fewer configurations has no row.
        reference: Loss to reach instead of the best of all variants, for all tasks or by task.
        level: Level of the intervals, between 0 and 1.

    Raises:
        InputError: for an adaptive design, or ``most`` below 1 or above the configurations of all variants.

    Sources: Tang et al., "Showing Your Work Doesn't Always Work", ACL 2020 (arXiv:2004.13705), for the
    curve; Sivaprasad et al., "Optimizer Benchmarking Needs to Account for Hyperparameter Tuning", ICML 2020
    (arXiv:1910.11758), for a mean over budgets.
    """
    refuse_adaptive(results, "regret_by_tries", INSTEAD)
    results = keeping_losses(results)
    goals, every_group, rows = stakes(results, reference=reference), groups(results), []
    most_known = max(map(known, every_group), default=1)
    if most is not None and not (isinstance(most, int) and most is not True and 1 <= most <= most_known):
        raise InputError(
            f"most must be a whole number from 1 to {most_known}, the configurations tried, got {most!r}"
        )
    for task, every in estimates(results).items():
        largest = least_known(every_group, task) if most is None else most
        for one in every:
            if known(one.group) >= largest:
                rows += _rows(results, one, goals[task], largest, level)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(results: Results, one: Estimate, goal: Stakes, largest: int, level: float) -> list[dict[str, Any]]:
    """Return the rows of one variant, by k."""
    group, refused = one.group, goal.refused
    budgets = budgets_of(None, [group], largest)
    points = [(math.nan,) * 3] * len(budgets)
    area = (math.nan,) * 3
    if not refused:
        losses = curve(group.loss[None], budgets)[0]
        losses[0] = one.mean
        drawn = _curves(one, budgets, len(goal.draws))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            values = (losses - goal.best) / goal.unit
            shares = (drawn - goal.draws[:, None]) / (goal.initial - goal.draws)[:, None]
        points = [
            goal.share(one.mean, one.mean_draws, level),
            *(_interval(*point, level) for point in zip(values[1:], shares.T[1:], strict=True)),
        ]
        weight = log_weights(budgets)
        area = _interval(float(values @ weight), shares @ weight, level)
    return [
        {
            "task": group.task, "variant": one.variant, "k": k,
            "value": value, "low": low, "high": high,
            "area": area[0], "area_low": area[1], "area_high": area[2],
            "n": group.trials, "note": joined(note_at(results, group, k), refused),
        }
        for k, (value, low, high) in zip(budgets, points, strict=True)
    ]  # fmt: skip


def log_weights(budgets: list[int]) -> Array:
    r"""Return the weights of a mean over :math:`\log_2 k` of what is linear between budgets, ``[budgets]``.

    >>> log_weights([1, 2, 4]).tolist(), log_weights([1]).tolist()
    ([0.25, 0.5, 0.25], [1.0])
    """
    if len(budgets) == 1:
        return np.ones(1)
    widths = np.diff(np.log2(np.asarray(budgets, dtype=float)))
    both = np.concatenate([widths, [0.0]]) + np.concatenate([[0.0], widths])
    return np.asarray(both / both.sum())


def _curves(one: Estimate, budgets: list[int], draws: int) -> Array:
    """Return draws of the expected best, ``[draws, budgets]``; NaN where the noise is not known.

    Noise that all configurations of a variant share is in all budgets alike.
    """
    group = one.group
    if not np.isfinite(one.mean_draws).all():
        return np.full((draws, len(budgets)), np.nan)
    drawn = curve_draws(group, budgets, draws, one.seed)
    if not (group.fixed and math.isfinite(one.freedom)):
        return drawn
    common = one.error * math.sqrt(max(0.0, 1 - one.inflation**-2))
    shift = common * np.random.default_rng((13, one.seed)).standard_t(one.degrees, draws)
    return np.asarray(np.minimum(drawn + shift[:, None], group.initial))


def _interval(value: float, draws: Array, level: float) -> tuple[float, float, float]:
    """Return a value with its interval: the wider of percentiles and standard deviations of its draws."""
    from scipy.special import ndtri

    value = float(value)
    if not np.isfinite(draws).all():
        return value, math.nan, math.nan
    low, high = ends(value, draws, level)
    half = float(ndtri((1 + level) / 2)) * deviation_of(draws)
    return value, min(low, value - half), max(high, value + half)
