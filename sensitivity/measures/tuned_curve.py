"""The loss along one hyperparameter, the others tuned at each of its levels, with draws of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.axes import Axis, axis_of, levels_of
from sensitivity.measures.estimates import Estimate
from sensitivity.measures.losses import Array, Losses
from sensitivity.measures.magnitudes import deviation_of, exponent_of
from sensitivity.results.results import Results

PARTS = 12
"""Number of parts of an axis where the design has no levels."""
BANDWIDTH = 0.25
"""Bandwidth in decades of the smoother where the design has no levels."""
CAPPED = 1e-9
"""Relative distance from the initial loss within which a trial counts as diverged or capped."""

LEVERAGE = 0.8
"""Largest share of its own fitted loss that a point is taken to have: one that stands alone has all."""
FEWEST = 20
"""Fewest simulated studies from which the optimism of a curve is taken."""
LIKELY = 0.05
"""Share of the simulated studies whose middle, at either end, is too unlikely to be that of the study."""


@dataclass(frozen=True)
class TunedCurve:
    """The loss of one variant along one hyperparameter.

    Attributes:
        x: Levels on the logarithm of the scale, increasing, ``[levels]``.
        value: True loss of the best configuration of each level as it is expected, ``[levels]``.
        draws: Draws of the true best loss of each level, ``[draws, levels]``.
        capped: Share of the trials that are at the cap, ``[levels]`` (:func:`_capped_share`).
        trained: Mean loss of the trials of the best configuration that are below the cap; the cap where
            there is none, ``[levels]``.
        initial: Loss at the cap.
        simulated: Curves that simulated studies give, ``[studies, levels]``.
        reference: Their true curve, ``[levels]``.
        backwards: True if the hyperparameter falls as x grows (a scale of 1 - x).
    """

    x: Array
    value: Array
    draws: Array
    capped: Array
    trained: Array
    initial: float
    simulated: Array
    reference: Array
    backwards: bool = False

    @property
    def widest(self) -> float:
        """Largest distance between neighbouring levels."""
        return float(np.diff(self.x).max()) if len(self.x) > 1 else math.inf

    @cached_property
    def errors(self) -> Array:
        """Standard error of each level, ``[levels]``; 0 where the noise is not known."""
        low, high = np.quantile(self.draws, [0.16, 0.84], axis=0)
        return np.asarray(np.nan_to_num((high - low) / 2))

    @cached_property
    def middle(self) -> float:
        """Middle of the levels around the lowest that are within one standard error of it."""
        return middle_of(self.x, self.value, self.errors)

    @cached_property
    def _middles(self) -> list[float]:
        """Middles of the simulated curves, ``[studies]``."""
        errors = self.errors
        return [middle_of(self.x, curve, errors) for curve in self.simulated]

    def doubt(self, step: float) -> float:
        """Return the share of capped trials at the worst place to which a step from the middle may lead.

        The middle is an estimate. Where trials diverge at random a step from it has a value only if the
        middle happens to be far enough away from them, and values that luck chooses are wrong more often
        than intervals say.

        Returns:
            The largest share where a step from the middle of more than :data:`LIKELY` of the simulated
            studies on either side leads to a place of which only bounds are known; 0 if there is none.
        """
        if not len(self.simulated):
            return 0.0
        low, high = np.quantile(self._middles, [LIKELY, 1 - LIKELY])
        places = [centre + step for centre in {*self._middles} if low <= centre <= high]
        found = [self.at(x) for x in places if self.x[0] - 1e-6 <= x <= self.x[-1] + 1e-6]
        return max((capped for value, _, _, capped in found if math.isnan(value)), default=0.0)

    def optimism(self, step: float) -> tuple[float, float]:
        """Return by how much a loss at a distance from :attr:`middle`, less that at the middle, is too large.

        The middle is where the curve happens to be lowest, so that its loss is too small wherever levels are
        nearly equal, and too large where the levels beside it happen to be as low as the lowest. It is the
        mean error of the difference in simulated studies, whose true curve is known: between that of all, if
        above 0, and that of those with the same middle.

        Returns:
            The middle of the two and their half distance; 0 for one of which there are fewer than
            :data:`FEWEST` studies.
        """
        centres = np.array(self._middles)
        there = (self.x[0] - 1e-6 <= centres + step) & (centres + step <= self.x[-1] + 1e-6)
        curves, centres = (self.simulated - self.reference)[there], centres[there]
        every = _along(self.x, curves, centres + step) - _along(self.x, curves, centres)
        same = every[np.abs(centres - self.middle) < 1e-6]
        found = [float(np.mean(errors)) if len(errors) >= FEWEST else 0.0 for errors in (every, same)]
        found[0] = max(0.0, found[0])
        return (found[0] + found[1]) / 2, abs(found[0] - found[1]) / 2

    def costs(self, step: float) -> Array:
        """Return what a miss to either side costs in simulated studies, each from the middle that it finds.

        Args:
            step: Distance from the middle, to both sides.

        Returns:
            Costs in units of the loss, ``[studies]``; without those of which a side is outside the levels.
        """
        centres = np.array(self._middles)
        places = [centres, centres - step, centres + step]
        there = np.all([(self.x[0] - 1e-6 <= x) & (x <= self.x[-1] + 1e-6) for x in places], axis=0)
        middle, below, above = (_along(self.x, self.simulated, x) for x in places)
        return np.asarray(((below + above) / 2 - middle)[there])

    def at(self, x: float) -> tuple[float, Array, Array, float]:
        """Return the loss at a place, linear between levels.

        Where some trials of a level are at the cap and others are not, few seeds do not tell the mean: the
        loss then lies between that of the trials that trained and the cap.

        Returns:
            The loss (NaN where only bounds are known), its draws, its bounds ``[2]`` and the share of capped
            trials of the worse level.
        """
        right = int(np.clip(np.searchsorted(self.x, x - 1e-9), 1, len(self.x) - 1))
        left = right - 1
        if abs(self.x[right] - x) < 1e-6 or abs(self.x[left] - x) < 1e-6:
            left = right = right if abs(self.x[right] - x) < 1e-6 else left
        share = 0.0 if left == right else float((x - self.x[left]) / (self.x[right] - self.x[left]))
        levels, weights = [left, right], np.array([1 - share, share])
        capped = self.capped[levels]
        if capped.max() == 0 or capped.min() == 1:
            value = float(weights @ self.value[levels])
            return value, self.draws[:, levels] @ weights, np.array([value, value]), float(capped.max())
        least = self.value[levels][capped == 0]
        least = float(least[0]) if len(least) else float(weights @ self.trained[levels])
        bounds = np.array([min(least, self.initial), self.initial])
        return math.nan, np.full(len(self.draws), np.nan), bounds, float(capped.max())


def _along(x: Array, curves: Array, places: Array) -> Array:
    """Return each of ``[curves, levels]`` at its place of ``[curves]``, as ``np.interp`` does for one."""
    number = np.arange(len(curves))
    left = np.clip(np.searchsorted(x, places, side="right") - 1, 0, len(x) - 2)
    start = curves[number, left]
    slope = (curves[number, left + 1] - start) / (x[left + 1] - x[left])
    ends = curves[:, [0, -1]]
    inside = slope * (places - x[left]) + start
    return np.where(places <= x[0], ends[:, 0], np.where(places >= x[-1], ends[:, 1], inside))


def middle_of(x: Array, curve: Array, errors: Array) -> float:
    """Return the middle of the levels around the lowest of a curve that are within one standard error."""
    place = int(np.argmin(curve))
    within = curve <= curve[place] + errors[place]
    low, high = place, place
    while low > 0 and within[low - 1]:
        low -= 1
    while high < len(x) - 1 and within[high + 1]:
        high += 1
    return float(x[low] + x[high]) / 2


def tuned_curve(results: Results, one: Estimate, name: str) -> TunedCurve | None:
    """Return the curve of a variant along a numeric hyperparameter, or None where it has fewer than two
    levels.

    Where the design has no levels, the axis is cut into even parts; each level then stands in the middle of
    its part.
    """
    group = one.group
    axis = axis_of(results, group, name)
    if not axis.numeric:
        return None
    if not group.fixed and len(group.names) == 1 and len(np.unique(axis.x)) > PARTS:
        return _smoothed(one, axis)
    levels, places = levels_of(group, axis, max(2, min(PARTS, len(group.loss) // 3)))
    found = [level for level in range(len(levels)) if (places == level).any()]
    if len(found) < 2:
        return None
    parts = [np.flatnonzero(places == level) for level in found]
    chosen = [part[np.argmin(group.mean[part])] for part in parts]
    at_cap = _at_cap(group)
    known = np.isfinite(group.loss)
    capped = [_capped_share(at_cap, known, part, place) for part, place in zip(parts, chosen, strict=True)]
    trained = [_trained(group, at_cap, place) for place in chosen]
    value = np.array([_expected(one, part) for part in parts])
    draws = np.stack([one.known.truth[:, part].min(axis=1) for part in parts], axis=1)
    draws = draws - draws.mean(axis=0) + value
    simulated, reference = (
        np.stack([means[:, part].min(axis=1) for part in parts], axis=1)
        for means in (one.known.simulated_shrunk, one.known.mean[None])
    )
    rows = np.vstack([value, capped, trained, reference[0]])
    return _in_order(axis, np.array(levels)[found], rows, draws, simulated, group.initial)


def _at_cap(group: Losses) -> NDArray[np.bool_]:
    """Return True for each trial that diverged or ended no better than it began, ``[configurations,
    seeds]``."""
    return np.asarray(group.loss >= group.initial - CAPPED * abs(group.initial))


def _trained(group: Losses, at_cap: NDArray[np.bool_], place: int) -> float:
    """Return the mean loss of the trials of a configuration below the cap; the cap where there is none."""
    below = group.loss[place][np.isfinite(group.loss[place]) & ~at_cap[place]]
    return float(below.mean()) if len(below) else group.initial


def _capped_share(
    at_cap: NDArray[np.bool_], known: NDArray[np.bool_], part: NDArray[np.int64], place: int
) -> float:
    """Return the share of capped trials of the best configuration of a level.

    The best of several may be the one that was lucky not to diverge. Where it has no capped trial, but
    another of the level diverged with some seeds and not with others, it is the share over the level.

    Args:
        at_cap: True for each trial at the cap, ``[configurations, seeds]``.
        known: True for each trial with a result, ``[configurations, seeds]``.
        part: Configurations of the level.
        place: The best of them.
    """
    shares = np.array([at_cap[one][known[one]].mean() for one in (place, *part)])
    by_chance = ((shares > 0) & (shares < 1)).any()
    return float(shares[0] if shares[0] > 0 else shares[1:].mean() if by_chance else 0.0)


def _expected(one: Estimate, part: NDArray[np.int64]) -> float:
    r"""Return the best loss of a level: of the smooth surface where it was fitted, so that a plateau is flat.

    Elsewhere the means are shrunk towards that of the level,
    :math:`\hat\mu_c = \bar\mu + \hat\tau^2 / (\hat\tau^2 + s_c^2) \, (\overline{\ell_c} - \bar\mu)`,
    with the variance :math:`\hat\tau^2` that they have beyond noise.

    Source: Efron & Morris, JASA 68 (1973).
    """
    near = part[one.known.near[part]]
    if len(near):
        return float(one.known.mean[near].min())
    observed = one.known.observed[part]
    spread = deviation_of(observed) if len(part) > 1 else 0.0
    if spread == 0:
        return float(observed.min())
    noise = np.array([deviation_of(one.known.again[:, place]) / spread for place in part]) ** 2
    beyond = max(0.0, 1.0 - float(noise.mean()))
    share = beyond / (beyond + noise) if beyond > 0 else np.zeros(len(part))
    return float((observed.mean() + share * (observed - observed.mean())).min())


def _smoothed(one: Estimate, axis: Axis) -> TunedCurve:
    """Return the curve of a variant that varies nothing else, by local linear regression.

    What a point is off its curve counts as if the curve had been fitted without it.

    Source: MacKinnon & White, "Some Heteroskedasticity-Consistent Covariance Matrix Estimators", Journal of
    Econometrics 29 (1985), HC3.
    """
    group = one.group
    known = np.isfinite(axis.x)
    x, loss = axis.x[known], group.mean[known]
    levels = np.arange(x.min(), x.max() + 1e-9, BANDWIDTH / 2)
    weights = local_linear(x, levels, BANDWIDTH)
    draws = one.known.truth[:, known] @ weights.T
    fitted = loss @ weights.T
    smoother = local_linear(x, x, BANDWIDTH)
    rest = (loss - smoother @ loss) / (1 - np.minimum(np.diag(smoother), LEVERAGE))
    draws = fitted + (draws - draws.mean(axis=0))
    exponent = exponent_of(rest)
    scatter = np.ldexp(np.sqrt((weights**2) @ np.ldexp(rest, -exponent) ** 2), exponent)
    draws = draws + scatter * np.random.default_rng((3, one.seed)).standard_normal(draws.shape)
    there = np.isfinite(group.loss[known])
    at_cap = (_at_cap(group)[known] & there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    near = np.abs(x[None] - levels[:, None]) <= BANDWIDTH / 2
    capped = [at_cap[row].mean() if row.any() else 0.0 for row in near]
    below = np.where(at_cap < 1, loss, np.nan)
    trained = [np.nanmin(below[row]) if np.isfinite(below[row]).any() else group.initial for row in near]
    simulated = one.known.simulated[: len(draws) // 2, known] @ weights.T
    simulated += scatter * np.random.default_rng((43, one.seed)).standard_normal(simulated.shape)
    rows = np.vstack([fitted, capped, trained, one.known.mean[known] @ weights.T])
    return _in_order(axis, levels, rows, draws, simulated, group.initial)


def local_linear(x: Array, levels: Array, bandwidth: float) -> Array:
    """Return the weights of local linear regression with a normal kernel, ``[levels, points]``.

    Source: Fan & Gijbels, "Local Polynomial Modelling and Its Applications" (1996), section 3.2.
    """
    distance = x[None] - levels[:, None]
    kernel = np.exp(-0.5 * (distance / bandwidth) ** 2) + 1e-12
    first = (kernel * distance).sum(axis=1, keepdims=True)
    second = (kernel * distance**2).sum(axis=1, keepdims=True)
    weights = kernel * (second - distance * first)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _in_order(
    axis: Axis, levels: Array, rows: Array, draws: Array, simulated: Array, initial: float
) -> TunedCurve:
    """Return the curve with its levels in order.

    Args:
        axis: The hyperparameter.
        levels: Its levels, ``[levels]``.
        rows: Values, capped shares, trained means and the true curve of simulated studies, ``[4, levels]``.
        draws: Draws of the curve, ``[draws, levels]``.
        simulated: Curves of simulated studies, ``[studies, levels]``.
        initial: Loss at the cap.
    """
    order: NDArray[np.intp] = np.argsort(levels)
    value, capped, trained, reference = rows[:, order]
    return TunedCurve(
        levels[order],
        value,
        draws[:, order],
        capped,
        trained,
        initial,
        simulated[:, order],
        reference,
        axis.domain.scale == "log1m",
    )
