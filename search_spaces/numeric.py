"""Real numbers between two inclusive bounds (Float), and 0 beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Literal

from search_spaces.domains import ALWAYS, Domain, check_bounds, check_step
from search_spaces.scales import SCALES, Transform, place
from search_spaces.values import finite_number, number_of
from trainables.names import InputError


@dataclass(frozen=True, repr=False)
class Float(Domain):
    """A real number between two inclusive bounds.

    Args:
        name: key of the hyperparameter in configurations.
        low: lower bound; above 0 on a log scale.
        high: upper bound, at least ``low``; below 1 on a log1m scale.
        scale: ``linear``, ``log`` or ``log1m``; see :mod:`search_spaces.scales`.
        default: a value of the domain, or None.
        step: if set, the values are low, low + step, ... high, each with an equal share of [0, 1]. Requires a
            linear scale, and ``high - low`` must be a multiple of ``step``.
        zero: if set, 0 is a value too, with this share of [0, 1] below ``low``, above 0 and at most 0.9.
            Requires a log scale, and another name than ``lr``: without a rate nothing is learned.
        when: values of earlier hyperparameters for which this one is active; see
            :class:`search_spaces.conditions.Conditions`.

    Raises:
        InputError: an argument is invalid.

    >>> Float("lr", 1e-4, 1, "log").grid(5)
    (0.0001, 0.001, 0.01, 0.1, 1.0)
    >>> Float("nu", 0.9, 0.999, "log1m").from_unit(0.5)
    0.99
    >>> Float("dropout", 0, 0.5, step=0.1).grid(10)
    (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    >>> Float("weight_decay", 1e-4, 0.1, "log", zero=0.2).grid(5)
    (0.0, 0.0001, 0.001, 0.01, 0.1)
    """

    name: str
    low: float
    high: float
    scale: Literal["linear", "log", "log1m"] = "linear"
    default: float | None = None
    step: float | None = field(default=None, kw_only=True)
    zero: float | None = field(default=None, kw_only=True)
    when: Any = field(default=ALWAYS, kw_only=True)
    kind: ClassVar[str] = "float"

    def __post_init__(self) -> None:
        self._check_name_and_condition()
        for bound in ("low", "high"):
            object.__setattr__(self, bound, finite_number(f"{bound} of {self.name}", getattr(self, bound)))
        check_bounds(self.name, self.low, self.high, self.scale, tuple(SCALES))
        if self.step is not None:
            object.__setattr__(self, "step", finite_number(f"step of {self.name}", self.step))
            check_step(self.name, self.low, self.high, self.step, self.scale)
        if self.zero is not None:
            object.__setattr__(self, "zero", _checked_zero(self))
        self._check_default()

    @property
    def cardinality(self) -> int | None:
        """Number of values; None for a continuous domain."""
        return self._steps + 1 if self.step is not None else 1 if self.low == self.high else None

    def check(self, value: object) -> float:
        """Return a value as a float.

        Raises:
            InputError: the value is not a number (NaN, a bool, a string), or is out of bounds or between two
                steps.
        """
        number = number_of(self.name, value)
        if self.zero is not None and number == 0:
            return 0.0
        if not self.low <= number <= self.high:
            zero = "" if self.zero is None else "0 or "
            raise InputError(
                f"{self.name} must be {zero}between {self.low!r} and {self.high!r}, got {value!r}"
            )
        return number if self.step is None else self._level(self._step_of(number, value))

    def to_unit(self, value: object) -> float:
        """Return the coordinate of a value in [0, 1]: 0 for low, 1 for high; 0.5 if low equals high.

        With a step, return the middle of the value's bin; with a share of 0, low has the coordinate of its
        end, and 0 that of its middle.

        Raises:
            InputError: the value is not in the domain.
        """
        if self.step is not None:
            return (self._step_of(self.check(value), value) + 0.5) / (self._steps + 1)
        x = self.check(value)
        if self.zero is not None and x in (0.0, self.low):
            return self.zero if x else self.zero / 2
        if x == self.low or x == self.high:
            return 0.5 if self.low == self.high else float(x == self.high)
        start, width, forward, _ = self._axis
        return min(max((forward(x) - start) / width, 0.0), 1.0) if width > 0 else 0.5

    def from_unit(self, u: float) -> float:
        """Return the value at ``u``, which is clipped to [0, 1]: exactly low at 0, exactly high at 1.

        Raises:
            InputError: ``u`` is NaN.
        """
        u = place(self.name, u)
        if self.step is not None:
            return self._level(min(math.floor(u * (self._steps + 1)), self._steps))
        if self.zero is not None and u < self.zero:
            return 0.0
        if u == 0.0 or u == 1.0:
            return self.high if u else self.low
        start, width, _, backward = self._axis
        return min(max(backward(start + u * width), self.low), self.high)

    def grid(self, n: int) -> tuple[float, ...]:
        """Return ``n`` levels equally spaced on the scale, the bounds included, rounded to at most 12 digits.

        Levels that rounding makes equal are returned once. For ``n`` = 1, return the default value. 0 is the
        first level where it is a value.

        Raises:
            InputError: ``n`` is below 1.
        """
        if self.zero is not None and len(self._even(n)) > 1:
            return 0.0, *(self._positive.grid(n - 1) if n > 2 else (self.high,))
        if self.step is not None:
            return self._levels([self._level(math.floor(u * self._steps + 0.5)) for u in self._even(n)])
        return self._levels([self._readable(u) for u in self._even(n)])

    def middle(self) -> float:
        """Return the middle of the scale, rounded to at most 12 digits; 0 does not count."""
        if self.zero is not None:
            return self._positive.middle()
        return self.from_unit(0.5) if self.step is not None else self._readable(0.5)

    @property
    def lowest(self) -> float:
        """Lower end of a log axis on which 0 has its share of the length: ``low`` where 0 is no value."""
        return self.low if self.zero is None else math.exp(self._axis[0])

    def above_zero(self, value: float) -> float:
        """Return what a log axis shows for a value: for 0 the middle of its share, below ``low``.

        >>> round(Float("weight_decay", 1e-4, 1e-1, "log", zero=0.25).above_zero(0), 8)
        3.162e-05
        """
        if self.zero is None or value != 0:
            return float(value)
        start, width, _, backward = self._axis
        return backward(start + width * self.zero / 2)

    def from_above_zero(self, number: float) -> float:
        """Return the value that a number on a log axis from :attr:`lowest` means: 0 below ``low``."""
        return 0.0 if self.zero is not None and number < self.low else number

    @cached_property
    def _positive(self) -> Float:
        default = None if self.default == 0 else self.default
        return replace(self, zero=None, default=default)

    @cached_property
    def _axis(self) -> tuple[float, float, Transform, Transform]:
        forward, backward = SCALES[self.scale]
        start, end = forward(self.low), forward(self.high)
        width = (end - start) / (1 - (self.zero or 0.0))
        return end - width if self.zero else start, width, forward, backward

    @cached_property
    def _steps(self) -> int:
        assert self.step is not None
        return round(float((Decimal(repr(self.high)) - Decimal(repr(self.low))) / Decimal(repr(self.step))))

    def _level(self, k: int) -> float:
        """Return low + k step, computed in decimal digits, so that .1 + 2 * .1 is .3."""
        if k >= self._steps:
            return self.high
        return float(Decimal(repr(self.low)) + k * Decimal(repr(self.step))) + 0.0

    def _step_of(self, number: float, value: object) -> int:
        assert self.step is not None
        k = min(max(round((number - self.low) / self.step), 0), self._steps)
        # Accept the rounding error of arithmetic such as low + k * step.
        if abs(number - self._level(k)) > max(
            1e-9 * self.step, 4 * math.ulp(max(abs(self.low), abs(self.high)))
        ):
            raise InputError(
                f"{self.name} must be {self.low!r} plus a whole number of steps of {self.step!r}, got "
                f"{value!r}; nearest {self._level(k)!r}"
            )
        return k

    def _readable(self, u: float) -> float:
        x = self.from_unit(u)
        if x in (self.low, self.high):
            return x
        # Magnitude to which the significant digits refer: x, its distance from 1, or the range.
        size = {"log": x, "log1m": 1 - x, "linear": self.high - self.low}[self.scale]
        significant = 12
        if (
            self.scale == "log1m"
        ):  # 1 - high loses the nines of high: 0.999999 stores 1e-6 to 9 digits, not 15
            significant = min(12, max(1, math.floor(15 + math.log10(1 - self.high))))
        digits = significant - 1 - math.floor(math.log10(size))
        return min(max(round(x, digits) + 0.0, self.low), self.high)


def _checked_zero(domain: Float) -> float:
    """Return the share of 0 as a float.

    Raises:
        InputError: it is outside its range, or the domain has no place for it.
    """
    name, share = domain.name, finite_number(f"zero of {domain.name}", domain.zero)
    if not 0 < share <= 0.9:
        raise InputError(f"zero of {name} must be a share above 0 and at most 0.9, got {share!r}")
    if name == "lr":
        raise InputError("zero of lr cannot be set: a learning rate of 0 trains nothing; leave it out")
    if domain.scale != "log":
        raise InputError(f"zero of {name} needs a log scale, got {domain.scale!r}; use low: 0")
    if domain.low == domain.high:
        raise InputError(
            f"zero of {name} needs low below high, got {domain.low!r} for both; an ordinal can list "
            "the levels"
        )
    return share
