"""The loss along one hyperparameter, the others tuned at each of its levels, with draws of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.axes import Axis, axis_of, levels_of
from sensitivity.measures.best import best_of
from sensitivity.measures.estimates import Estimate
from sensitivity.measures.losses import Array
from sensitivity.measures.magnitudes import exponent_of
from sensitivity.results.results import Results

PARTS = 12
"""Number of parts of an axis where the design has no levels."""
BANDWIDTH = 0.25
"""Bandwidth in decades of the smoother where the design has no levels."""
CAPPED = 1e-9
"""Relative distance from the initial loss within which a trial counts as diverged or capped."""


@dataclass(frozen=True)
class TunedCurve:
    """The loss of one variant along one hyperparameter.

    Attributes:
        x: Levels on the logarithm of the scale, increasing, ``[levels]``.
        value: True loss of the best configuration of each level as it is expected, ``[levels]``.
        draws: Draws of the true best loss of each level, ``[draws, levels]``.
        capped: Share of the trials of that configuration that are at the cap, ``[levels]``.
        initial: Loss at the cap.
        backwards: True if the hyperparameter falls as x grows (a scale of 1 - x).
    """

    x: Array
    value: Array
    draws: Array
    capped: Array
    initial: float
    backwards: bool = False

    @property
    def widest(self) -> float:
        """Largest distance between neighbouring levels."""
        return float(np.diff(self.x).max()) if len(self.x) > 1 else math.inf

    @property
    def errors(self) -> Array:
        """Standard error of each level, ``[levels]``; 0 where the noise is not known."""
        low, high = np.quantile(self.draws, [0.16, 0.84], axis=0)
        return np.asarray(np.nan_to_num((high - low) / 2))

    @property
    def middle(self) -> float:
        """Middle of the levels around the lowest that are within one standard error of it."""
        place = int(np.argmin(self.value))
        within = self.value <= self.value[place] + self.errors[place]
        low, high = place, place
        while low > 0 and within[low - 1]:
            low -= 1
        while high < len(self.x) - 1 and within[high + 1]:
            high += 1
        return float(self.x[low] + self.x[high]) / 2

    def at(self, x: float) -> tuple[float, Array, Array, float]:
        """Return the loss at a place, linear between levels.

        Between a level at which all trials trained and one at which some were capped nothing is known: the
        loss lies between that of the one that trained and the cap.

        Returns:
            The loss (NaN where only bounds are known), its draws, its bounds ``[2]`` and the share of capped
            trials of the worse level.
        """
        right = int(np.clip(np.searchsorted(self.x, x - 1e-9), 1, len(self.x) - 1))
        left = right - 1
        if abs(self.x[right] - x) < 1e-6 or abs(self.x[left] - x) < 1e-6:
            left = right = right if abs(self.x[right] - x) < 1e-6 else left
        share = 0.0 if left == right else float((x - self.x[left]) / (self.x[right] - self.x[left]))
        draws = (1 - share) * self.draws[:, left] + share * self.draws[:, right]
        value = float((1 - share) * self.value[left] + share * self.value[right])
        ends = self.capped[left], self.capped[right]
        if left != right and min(ends) == 0 < max(ends):
            stable = left if self.capped[left] == 0 else right
            bounds = np.array([self.value[stable], self.initial])
            return math.nan, np.full(len(draws), np.nan), bounds, float(max(ends))
        return value, draws, np.array([value, value]), float(max(ends))


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
    at_cap = group.loss >= group.initial - CAPPED * abs(group.initial)
    capped = [float(at_cap[place][np.isfinite(group.loss[place])].mean()) for place in chosen]
    value = np.array([_expected(one, part) for part in parts])
    draws = np.stack([one.known.truth[:, part].min(axis=1) for part in parts], axis=1)
    draws = draws - draws.mean(axis=0) + value
    return _in_order(axis, np.array(levels)[found], value, draws, np.array(capped), group.initial)


def _expected(one: Estimate, part: NDArray[np.int64]) -> float:
    """Return the best loss of a level: of the smooth surface where it was fitted, so that a plateau is
    flat."""
    near = part[one.known.near[part]]
    return float(one.known.mean[near].min()) if len(near) else best_of(one.group, one.known, part).value


def _smoothed(one: Estimate, axis: Axis) -> TunedCurve:
    """Return the curve of a variant that varies nothing else, by local linear regression."""
    group = one.group
    known = np.isfinite(axis.x)
    x, loss = axis.x[known], group.mean[known]
    levels = np.arange(x.min(), x.max() + 1e-9, BANDWIDTH / 2)
    weights = local_linear(x, levels, BANDWIDTH)
    draws = one.known.truth[:, known] @ weights.T
    fitted = loss @ weights.T
    rest = loss - loss @ local_linear(x, x, BANDWIDTH).T
    draws = fitted + (draws - draws.mean(axis=0))
    exponent = exponent_of(rest)
    scatter = np.ldexp(np.sqrt((weights**2) @ np.ldexp(rest, -exponent) ** 2), exponent)
    draws = draws + scatter * np.random.default_rng(3).standard_normal(draws.shape)
    at_cap = (group.loss[known] >= group.initial - CAPPED * abs(group.initial)).astype(float).mean(axis=1)
    near = np.abs(x[None] - levels[:, None]) <= BANDWIDTH / 2
    capped = np.array([at_cap[row].mean() if row.any() else 0.0 for row in near])
    return _in_order(axis, levels, fitted, draws, capped, group.initial)


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
    axis: Axis, levels: Array, value: Array, draws: Array, capped: Array, initial: float
) -> TunedCurve:
    order: NDArray[np.intp] = np.argsort(levels)
    backwards = axis.domain.scale == "log1m"
    return TunedCurve(levels[order], value[order], draws[:, order], capped[order], initial, backwards)
