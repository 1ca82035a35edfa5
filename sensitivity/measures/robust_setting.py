"""Robust setting: the setting that loses least when every numerical hyperparameter is off by a factor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.best import UNCERTAIN
from sensitivity.measures.designs import UNEVEN, joined, refuse_adaptive
from sensitivity.measures.estimates import Estimate, ends, estimates
from sensitivity.measures.losses import Array, keeping_losses, note
from sensitivity.measures.neighbourhoods import LocalMeans, local_means, reaches
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

COLUMNS = [
    "task", "variant", "value", "low", "high", "configuration", "best_configuration",
    "cost", "cost_low", "cost_high", "n", "note",
]  # fmt: skip
FIRST = 64
"""Number of settings, those of least expected loss, among which luck may choose."""


def robust_setting(results: Results, *, factor: float = 2.0, level: float = 0.95) -> pd.DataFrame:
    r"""Return the setting that loses least when all its numerical hyperparameters are off by up to a factor.

    .. math:: F(c) = \mathbb{E}_\delta \, \mu(c + \delta), \quad
        \delta_i \sim \mathcal{U}(-h_i, h_i), \qquad
        c_r = \arg\min_c F(c), \qquad \text{cost} = F(c^*) - F(c_r)

    with the true mean losses :math:`\mu`, the errors :math:`\delta` of all numerical hyperparameters at once,
    independent of each other, and the best setting :math:`c^*`. On a logarithmic scale :math:`h_i` is the
    logarithm of the factor, on a scale of 1 - x the factor is of 1 - x, and on a linear scale :math:`h_i` is
    the share of the range that the factor is of three decades: a tenth of it for a factor of 2, and errors
    stop at the bounds of the space. Categorical and ordinal hyperparameters stay, and so do those whose next
    value is further away than the factor (a depth), or that have one level.

    ``value`` is :math:`F(c_r)`, in units of the loss (a metric that is maximised counts with the opposite
    sign), and ``configuration`` is :math:`c_r`, a configuration of the design; ``best_configuration`` is
    :math:`c^*`. ``cost`` is what the best setting loses more than the robust one when both are off.

    On a grid F is the integral of the surface that is linear between levels. Between levels at which every
    trial trained and levels at which some diverged nothing is interpolated: F lies between the loss of the
    levels that trained and the cap, a setting counts by the upper bound, ``value`` or ``cost`` is NaN, and
    their ends are bounds. Of a random, Sobol or Latin hypercube design F is the mean of the configurations
    within the factor, ten or more, of which diverged ones count the cap. A setting that is nearer to an end
    of what was searched than the factor has no F. There is no robust setting where levels are further apart
    than the factor; the note says how many would do.

    The least of several means is too small where luck chooses: ``value`` is it less its optimism in simulated
    studies, as a best loss is (:class:`sensitivity.measures.best.Best`).

    Args:
        results: Results of a study.
        factor: Factor by which hyperparameters may be off, above 1.
        level: Level of the intervals, between 0 and 1.

    Raises:
        InputError: for a factor of at most 1, a level outside 0 to 1, or an adaptive design.

    Sources: Tsutsui & Ghosh, "Genetic Algorithms with a Robust Solution Searching Scheme", IEEE Transactions
    on Evolutionary Computation 1 (1997); Beyer & Sendhoff, "Robust Optimization - A Comprehensive Survey",
    Computer Methods in Applied Mechanics and Engineering 196 (2007), section 2.
    """
    if not (isinstance(factor, int | float) and factor > 1 and math.isfinite(factor)):
        raise InputError(f"factor must be above 1, got {factor!r}")
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level!r}")
    refuse_adaptive(results, "robust_setting", "its trials crowd where the optimizer looked")
    results = keeping_losses(results)
    rows = [
        _row(results, one, float(factor), level) for every in estimates(results).values() for one in every
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(results: Results, one: Estimate, factor: float, level: float) -> dict[str, Any]:
    group = one.group
    row: dict[str, Any] = dict.fromkeys(COLUMNS, math.nan)
    row |= {
        "task": group.task, "variant": group.variant, "n": group.trials, "configuration": {},
        "best_configuration": group.configurations[one.best.place],
    }  # fmt: skip
    design = results.design_of(group.variant)
    if not group.fixed and design in UNEVEN:
        reason = f"configurations of the design {design!r} do not fill the space evenly"
        return row | {"note": joined(note(group), reason)}
    means = local_means(group, one.known.mean, reaches(results, group, factor))
    if not np.isfinite(means.upper).any():
        reason = means.reason or "every setting is too near an end of what was searched"
        return row | {"note": joined(note(group), reason)}
    robust = _least(means, one.best.place)
    tied = one.known.observed[robust] <= one.best.observed
    best = robust if tied else one.best.place
    drawn = _Drawn(one, means)
    remarks = [note(group), means.reason]
    value = {"value": math.nan, "low": float(means.lower[robust]), "high": float(means.upper[robust])}
    if means.bounded[robust]:
        remarks.append("the robust setting is beside settings that diverge: bounds, no interval")
    else:
        expected = float(means.upper[robust]) - drawn.optimism
        draws = drawn.widened(drawn.of(robust) - drawn.optimism)
        value = dict(zip(value, (expected, *ends(expected, draws, level)), strict=True))
    cost, remark = _cost(means, drawn, best, robust, level)
    return row | value | {
        "configuration": group.configurations[robust],
        "best_configuration": group.configurations[best],
        **dict(zip(("cost", "cost_low", "cost_high"), cost, strict=True)),
        "note": joined(*remarks, remark),
    }  # fmt: skip


def _least(means: LocalMeans, best: int) -> int:
    """Return the setting whose mean, or upper bound of it, is least; the best one where it is as good."""
    known = np.flatnonzero(np.isfinite(means.upper))
    upper = means.upper[known]
    place = int(known[np.argmin(upper)])
    least = float(upper.min())
    as_good = means.upper[best] - least <= 1e-12 * (abs(least) + float(np.ptp(upper)))  # False for NaN
    return best if as_good else place


def _cost(
    means: LocalMeans, drawn: _Drawn, best: int, robust: int, level: float
) -> tuple[tuple[float, float, float], str]:
    """Return what the best setting loses more than the robust one, with its ends, and a remark."""
    if best == robust:
        return (0.0, 0.0, 0.0), ""
    if not np.isfinite(means.upper[best]):
        return (
            math.nan,
        ) * 3, "the best setting is too near an end of what was searched, or has no neighbours"
    low = float(means.lower[best] - means.upper[robust])
    high = float(means.upper[best] - means.lower[robust])
    if low < high:
        return (math.nan, low, high), "the best setting is beside settings that diverge: bounds of its cost"
    cost = max(0.0, high + drawn.optimism)
    return (cost, *ends(cost, drawn.widened(drawn.of(best) - drawn.of(robust) + drawn.optimism), level)), ""


class _Drawn:
    r"""Draws of the mean losses of neighbourhoods.

    Where the design is drawn, other configurations might have been: the Bayesian bootstrap, whose variance of
    a mean of n is times (n + 1) / (n - 1), with the tails of Student's t.

    Source: Rubin, "The Bayesian Bootstrap", Annals of Statistics 9 (1981).
    """

    def __init__(self, one: Estimate, means: LocalMeans) -> None:
        self._means = means
        truth = one.known.truth
        self._unknown = one.group.fixed and not one.known.repeated
        self._portions = np.ones((1, truth.shape[1]))
        self._sampled = not one.group.fixed
        if self._sampled:
            self._portions = np.random.default_rng((31, one.seed)).exponential(size=truth.shape)
        self._losses = self._portions * truth
        self.optimism = self._optimism(one)

    def of(self, place: int) -> Array:
        """Return draws of the mean loss of a configuration's neighbourhood, ``[draws]``; NaN if unknown."""
        if self._unknown:
            return np.full(len(self._losses), np.nan)
        weights = self._means.weights(place)
        members = np.flatnonzero(weights)
        portions = self._portions[:, members] @ weights[members]
        draws = np.asarray(self._losses[:, members] @ weights[members] / portions)
        if not self._sampled or len(members) < 2:
            return draws
        count = len(members)
        spread = (count + 1) / np.random.default_rng(37).chisquare(count - 1, len(draws))
        return np.asarray(draws.mean() + np.sqrt(spread) * (draws - draws.mean()))

    def widened(self, draws: Array) -> Array:
        """Return draws with the uncertainty of the optimism, as those of a best loss have it."""
        if self._unknown or not (spread := float(np.subtract(*np.quantile(draws, [0.975, 0.025]))) / 2) > 0:
            return draws
        stretch = math.hypot(spread, UNCERTAIN * self.optimism) / spread
        return np.asarray(draws.mean() + stretch * (draws - draws.mean()))

    def _optimism(self, one: Estimate) -> float:
        """Return the amount, negative, by which the least mean of a neighbourhood is too small.

        Luck chooses among settings that are nearly equal, in simulated studies as in this one.
        """
        if self._unknown:
            return 0.0
        upper = np.where(np.isfinite(self._means.upper), self._means.upper, np.inf)
        first = np.argsort(upper)[: min(FIRST, int(np.isfinite(upper).sum()))]
        if self._sampled:
            again, truth = np.stack([self.of(int(place)) for place in first], axis=1), upper[first]
        else:
            weights = np.stack([self._means.weights(int(place)) for place in first], axis=1)
            again, truth = one.known.simulated_shrunk @ weights, one.known.mean @ weights
        chosen = again.argmin(axis=1)
        return min(0.0, float((again[np.arange(len(again)), chosen] - truth[chosen]).mean()))
