"""The fewest seeds, or configurations, with which a study decides."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sensitivity.deciding.noises import Noise
from sensitivity.deciding.power import critical_value, power_apart, power_equal, upper_factor

UPPER = 0.8
"""Confidence of the bound at which a pilot's variance is taken."""
APART, EQUAL = "told apart", "shown equal"


@dataclass(frozen=True)
class Goal:
    """A decision that a study should reach for any pair of its variants.

    Attributes:
        what: :data:`APART` or :data:`EQUAL`.
        size: Difference that is told apart, or margin, in the unit of the noise.
    """

    what: str
    size: float


@dataclass(frozen=True)
class Need:
    """The units that a goal needs.

    Attributes:
        units: Fewest units that reach the power; None if even the most that were tried do not.
        power: Power with these units (with the most, if None), for the noisiest pair.
        before: Power with one unit fewer.
    """

    units: int | None
    power: float
    before: float


def power_of(goal: Goal, noises: Sequence[Noise], units: int, *, level: float = 0.95) -> float:
    """Return the power of a goal for the noisiest pair, each variance at its upper confidence bound.

    Args:
        goal: What is decided.
        noises: Noise of every variant, at least two.
        units: Number of seeds or configurations, at least 2.
        level: Level of all intervals together, between 0 and 1.
    """
    fewest = min(noise.freedom(units) for noise in noises)
    critical = critical_value(len(noises), fewest, units=units, level=level)
    power = power_apart if goal.what == APART else power_equal
    return min(
        power(
            goal.size,
            math.sqrt(_bound(a, b) / units),
            critical,
            _together(a, b, a.freedom(units), b.freedom(units)),
        )
        for a, b in itertools.combinations(noises, 2)
    )


def _bound(a: Noise, b: Noise) -> float:
    """Return the upper confidence bound of the variance of a difference with one unit."""
    return (a.variance + b.variance) * upper_factor(_together(a, b, a.degrees, b.degrees), UPPER)


def _together(a: Noise, b: Noise, one: float, other: float) -> float:
    """Return the degrees of freedom of a sum of variances (Welch and Satterthwaite)."""
    if a.common or b.common:
        return min(one, other)
    if math.isinf(one) and math.isinf(other):
        return math.inf
    total = a.variance + b.variance
    parts = a.variance**2 / one + b.variance**2 / other
    return total**2 / parts if parts > 0 else min(one, other)


def need_of(goal: Goal, noises: Sequence[Noise], *, power: float, most: int, level: float = 0.95) -> Need:
    """Return the fewest units with which a goal is reached.

    Args:
        goal: What is decided.
        noises: Noise of every variant, at least two.
        power: Chance that the goal is reached, between 0 and 1.
        most: Number of units above which the search stops.
        level: Level of all intervals together, between 0 and 1.
    """
    known: dict[int, float] = {}

    def reached(units: int) -> float:
        if units not in known:
            known[units] = power_of(goal, noises, units, level=level) if units > 1 else 0.0
        return known[units]

    units = _fewest(lambda count: reached(count) >= power, most)
    if units is None:
        return Need(None, reached(most), reached(most - 1))
    return Need(units, reached(units), reached(units - 1))


def _fewest(enough: Callable[[int], bool], most: int) -> int | None:
    """Return the smallest number from 2 to ``most`` that is enough, if more is better; None if none is."""
    low, high = 1, 2
    while not enough(high):
        if high == most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    while high > 2 and enough(high - 1):  # a critical value is simulated, so more is not always better
        high -= 1
    return high
