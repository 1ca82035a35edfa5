"""Neighbourhoods: mean losses of settings whose numerical hyperparameters are off by up to a factor."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.hyperparameters import Float, Integer
from sensitivity.measures.axes import axis_of
from sensitivity.measures.lattices import Lattice, interval_shares
from sensitivity.measures.losses import Array, Losses
from sensitivity.measures.miss import TOLERANCE
from sensitivity.measures.tuned_curve import CAPPED

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.results.results import Results

DECADES = 3.0
"""Decades that the range of a linear scale counts as: a factor of 2 is a tenth of the range."""
FEWEST = 10
"""Configurations of a drawn design that a neighbourhood must have."""
SNAP = 0.02
"""Share of the largest error within which the end of a neighbourhood is a level: levels a factor of 2 apart
are 10 a three decades, by custom."""
SPARSE = 4
"""Cells of a grid for each configuration from which a design is no grid."""


@dataclass(frozen=True)
class Reach:
    """A hyperparameter that may be off.

    Attributes:
        name: Name of the hyperparameter.
        scale: Its scale.
        factor: Factor by which it may be off.
        half: Largest error, on the logarithm of the scale or in units of a linear one.
        x: Place of each configuration on that axis, NaN where it is inactive, ``[configurations]``.
        low: Lower bound of the space on that axis.
        high: Upper bound of the space on that axis.
    """

    name: str
    scale: str
    factor: float
    half: float
    x: Array
    low: float
    high: float

    def ends(self, x: Array) -> tuple[Array, Array]:
        """Return the ends of the neighbourhoods of places; errors stop at the bounds of a linear scale."""
        low, high = x - self.half, x + self.half
        return (
            (np.maximum(low, self.low), np.minimum(high, self.high))
            if self.scale == "linear"
            else (low, high)
        )

    def ends_at(self, levels: Array) -> tuple[Array, Array]:
        """Return the ends of the neighbourhoods of levels, moved to a level that is next to nothing away."""
        low, high = ((end, levels[np.abs(end[:, None] - levels).argmin(axis=1)]) for end in self.ends(levels))
        near = SNAP * self.half
        return (
            np.where(np.abs(low[0] - low[1]) <= near, low[1], low[0]),
            np.where(np.abs(high[0] - high[1]) <= near, high[1], high[0]),
        )

    def inside(self, x: Array, first: float, last: float) -> NDArray[np.bool_]:
        """Return True for each place whose neighbourhood lies between two places, up to a tolerance."""
        low, high = self.ends(x)
        slack = (TOLERANCE - 1) * self.half
        return np.asarray((low >= first - slack) & (high <= last + slack))

    def distance(self, x: float) -> str:
        """Return a distance on the axis in words."""
        if self.scale == "linear":
            return f"{x:.3g}"
        return f"a factor of {10**x:.2g}" + (f" (of 1 - {self.name})" if self.scale == "log1m" else "")

    def too_coarse(self, levels: Array) -> str:
        """Return the reason against levels that are too wide apart or too few; empty where there is none."""
        widest = float(np.diff(levels).max())
        if widest > TOLERANCE * self.half + 1e-9:
            count = math.ceil(float(levels[-1] - levels[0]) / (TOLERANCE * self.half) - 1e-9) + 1
            return (
                f"the levels of {self.name} are {self.distance(widest)} apart, and it may be off by "
                f"{self.distance(self.half)} only: {count} even levels would do"
            )
        if not self.inside(levels, float(levels[0]), float(levels[-1])).any():
            return (
                f"no level of {self.name} is {self.distance(self.half)} from both ends: "
                "search a wider range of it"
            )
        return ""


@dataclass(frozen=True)
class LocalMeans:
    """Mean losses near the configurations of one variant on one task.

    The neighbourhood of a configuration is all settings whose numerical hyperparameters are off from it by up
    to a factor.

    Attributes:
        lower: Mean loss, or its lower bound, NaN where it is not known, ``[configurations]``.
        upper: The same, or its upper bound, ``[configurations]``.
        weights: Returns the weights ``[configurations]`` of the mean of a configuration's neighbourhood.
        reason: Reason why no mean is known, or a remark on those that are not; empty without one.
    """

    lower: Array
    upper: Array
    weights: Callable[[int], Array]
    reason: str = ""

    @property
    def bounded(self) -> NDArray[np.bool_]:
        """True for each configuration of which only bounds are known."""
        return np.asarray(self.lower < self.upper)


def half_width(domain: Hyperparameter, factor: float) -> float:
    """Return the largest error of a hyperparameter on its axis; 0 where it stays as it is.

    Categorical and ordinal ones stay, and so does one whose next value is further away than the factor.
    """
    if not isinstance(domain, Float | Integer):
        return 0.0
    half = math.log10(factor)
    if domain.scale == "linear":
        half *= (float(domain.high) - float(domain.low)) / DECADES
    gap = 0.0
    if isinstance(domain, Integer) and domain.scale == "log":
        gap = math.log10((domain.low + 1) / domain.low)
    elif isinstance(domain, Integer) or domain.step is not None:
        gap = float(domain.step or 1)
    return half if gap <= TOLERANCE * half else 0.0


def reaches(results: Results, group: Losses, factor: float) -> list[Reach]:
    """Return the hyperparameters of a group that may be off."""
    found = []
    for name in group.names:
        axis = axis_of(results, group, name)
        half = half_width(axis.domain, factor)
        if half > 0 and isinstance(axis.domain, Float | Integer):
            forward: Callable[[float], float] = {
                "linear": float, "log": math.log10, "log1m": lambda value: math.log10(1 - value)
            }[axis.domain.scale]  # fmt: skip
            low, high = sorted((forward(axis.domain.low), forward(axis.domain.high)))
            found.append(Reach(name, axis.domain.scale, factor, half, axis.x, low, high))
    return found


def local_means(group: Losses, loss: Array, off: Sequence[Reach]) -> LocalMeans:
    """Return the mean losses of neighbourhoods: integrals on a grid, means of a sample of a drawn design.

    Args:
        group: Losses of one variant on one task.
        loss: True mean losses as they are expected, ``[configurations]``.
        off: Hyperparameters that may be off.
    """
    blocks = _blocks(group, off)
    return _on_grid(group, loss, off, blocks) if group.fixed else _in_sample(loss, off, blocks)


def _blocks(group: Losses, off: Sequence[Reach]) -> list[NDArray[np.int64]]:
    """Return the configurations that become one another when hyperparameters are off."""
    places = {reach.name: reach.x for reach in off}
    blocks: dict[tuple[Any, ...], list[int]] = {}
    for place, configuration in enumerate(group.configurations):
        key = tuple(
            bool(np.isfinite(places[name][place])) if name in places else configuration.get(name)
            for name in group.names
        )
        blocks.setdefault(key, []).append(place)
    return [np.array(block) for block in blocks.values()]


def _on_grid(
    group: Losses, loss: Array, off: Sequence[Reach], blocks: Sequence[NDArray[np.int64]]
) -> LocalMeans:
    nothing = np.full(len(loss), np.nan)
    at_cap = (group.loss >= group.initial - CAPPED * abs(group.initial)).astype(int).max(axis=1) > 0
    lower, upper = nothing.copy(), nothing.copy()
    lattices, reasons, moved, missing = [], [], set(), 0
    for block in blocks:
        levels = {reach.name: np.unique(np.round(reach.x[block], 10), return_inverse=True) for reach in off}
        axes = [reach for reach in off if len(levels[reach.name][0]) > 1]
        moved |= {reach.name for reach in axes}
        shape = [len(levels[reach.name][0]) for reach in axes]
        if math.prod(shape) > SPARSE * len(block):
            reasons.append("its configurations are no full grid")
            continue
        coarse = [reach.too_coarse(levels[reach.name][0]) for reach in axes]
        reasons += filter(None, coarse)
        if any(coarse):
            continue
        places = np.full(shape, -1)
        places[tuple(levels[reach.name][1].reshape(-1) for reach in axes)] = block if axes else block[0]
        missing += int((places < 0).sum())
        shares, inside = [], []
        for reach in axes:
            x = levels[reach.name][0]
            shares.append(interval_shares(x, *reach.ends_at(x)))
            inside.append(reach.inside(x, float(x[0]), float(x[-1])))
        lattice = Lattice(places, shares, inside)
        lattices.append(lattice)
        there = places >= 0
        low, high = lattice.means(loss, at_cap, group.initial)
        lower[places[there]], upper[places[there]] = low[there], high[there]
    if not moved:
        reasons = ["no numerical hyperparameter has two levels"]
    if reasons:
        return LocalMeans(nothing, nothing, lambda place: nothing, "; ".join(dict.fromkeys(reasons)))
    remarks = [f"{reach.name} has one level and stays" for reach in off if reach.name not in moved]
    if missing:
        several = "configurations" if missing > 1 else "configuration"
        remarks.append(f"settings beside {missing} {several} without a result are left out")

    def weights(place: int) -> Array:
        lattice = next(one for one in lattices if (one.places == place).any())
        return lattice.around(place, len(loss))

    return LocalMeans(lower, upper, weights, "; ".join(remarks))


def _in_sample(loss: Array, off: Sequence[Reach], blocks: Sequence[NDArray[np.int64]]) -> LocalMeans:
    """Return the mean losses of the drawn configurations that lie in each neighbourhood."""
    means, counts = np.full(len(loss), np.nan), np.zeros(len(loss), np.int64)
    within = np.ones(len(loss), bool)
    for reach in off:
        active = np.isfinite(reach.x)
        within[active] &= reach.inside(reach.x[active], reach.low, reach.high)
    block_of = np.empty(len(loss), np.int64)
    for number, block in enumerate(blocks):
        block_of[block] = number

    def weights(place: int) -> Array:
        members = block_of == block_of[place]
        for reach in off:
            if math.isfinite(reach.x[place]):
                members &= np.abs(reach.x - reach.x[place]) <= reach.half
        return np.asarray(members / members.sum())

    for place in np.flatnonzero(within):
        row = weights(int(place))
        counts[place] = np.count_nonzero(row)
        means[place] = float(row @ loss)
    means[counts < FEWEST] = np.nan
    reason = ""
    if not off:
        means[:], reason = np.nan, "no numerical hyperparameter varies"
    elif not within.any():
        reason = (
            f"no configuration is {' and '.join(reach.distance(reach.half) for reach in off)} from the bounds"
        )
    elif counts.max() < FEWEST:
        needed = math.ceil(len(loss) * FEWEST / max(1, int(counts.max())))
        reason = (
            f"at most {counts.max()} configurations lie so near one another: about {needed} of them would do"
        )
    return LocalMeans(means, means, weights, reason)
