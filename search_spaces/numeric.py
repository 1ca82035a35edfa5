"""Numeric hyperparameters: real numbers (Float) and integers (Integer) between two inclusive bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Literal

from search_spaces.domains import ALWAYS, LARGEST, Domain, check_bounds
from search_spaces.scales import SCALES, Transform, place
from search_spaces.values import finite_number, number_of, whole_number
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
    """

    name: str
    low: float
    high: float
    scale: Literal["linear", "log", "log1m"] = "linear"
    default: float | None = None
    step: float | None = field(default=None, kw_only=True)
    when: Any = field(default=ALWAYS, kw_only=True)
    kind: ClassVar[str] = "float"

    def __post_init__(self) -> None:
        self._check_name_and_condition()
        for bound in ("low", "high"):
            object.__setattr__(self, bound, finite_number(f"{bound} of {self.name}", getattr(self, bound)))
        check_bounds(self.name, self.low, self.high, self.scale, tuple(SCALES))
        if self.step is not None:
            object.__setattr__(self, "step", finite_number(f"step of {self.name}", self.step))
            _check_step(self)
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
        if not self.low <= number <= self.high:
            raise InputError(f"{self.name} must be between {self.low!r} and {self.high!r}, got {value!r}")
        return number if self.step is None else self._level(self._step_of(number, value))

    def to_unit(self, value: object) -> float:
        """Return the coordinate of a value in [0, 1]: 0 for low, 1 for high; 0.5 if low equals high.

        With a step, return the middle of the value's bin.

        Raises:
            InputError: the value is not in the domain.
        """
        if self.step is not None:
            return (self._step_of(self.check(value), value) + 0.5) / (self._steps + 1)
        x = self.check(value)
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
        if u == 0.0 or u == 1.0:
            return self.high if u else self.low
        start, width, _, backward = self._axis
        return min(max(backward(start + u * width), self.low), self.high)

    def grid(self, n: int) -> tuple[float, ...]:
        """Return ``n`` levels equally spaced on the scale, the bounds included, rounded to at most 12 digits.

        Levels that rounding makes equal are returned once. For ``n`` = 1, return the default value.

        Raises:
            InputError: ``n`` is below 1.
        """
        if self.step is not None:
            return self._levels([self._level(math.floor(u * self._steps + 0.5)) for u in self._even(n)])
        return self._levels([self._readable(u) for u in self._even(n)])

    def middle(self) -> float:
        """Return the middle of the scale, rounded to at most 12 digits."""
        return self.from_unit(0.5) if self.step is not None else self._readable(0.5)

    @cached_property
    def _axis(self) -> tuple[float, float, Transform, Transform]:
        forward, backward = SCALES[self.scale]
        start = forward(self.low)
        return start, forward(self.high) - start, forward, backward

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


@dataclass(frozen=True, repr=False)
class Integer(Domain):
    """An integer between two inclusive bounds.

    On a ``linear`` scale every integer has an equal share of [0, 1]. On a ``log`` scale (low at least 1) the
    share of i is proportional to log(i + 1/2) - log(i - 1/2).

    Args:
        name: key of the hyperparameter in configurations.
        low: lower bound, at least -2**40; at least 1 on a log scale.
        high: upper bound, from ``low`` to 2**40.
        scale: ``linear`` or ``log``.
        default: a value of the domain, or None.
        step: if set, the values are low, low + step, ... high. Requires a linear scale, and ``high - low``
            must be a multiple of ``step``.
        when: conditions, as in :class:`Float`.

    Raises:
        InputError: an argument is invalid.

    >>> [Integer("depth", 1, 4).to_unit(depth) for depth in (1, 2, 3, 4)]
    [0.125, 0.375, 0.625, 0.875]
    >>> Integer("width", 16, 64, step=16).grid(9)
    (16, 32, 48, 64)
    """

    name: str
    low: int
    high: int
    scale: Literal["linear", "log"] = "linear"
    default: int | None = None
    step: int | None = field(default=None, kw_only=True)
    when: Any = field(default=ALWAYS, kw_only=True)
    kind: ClassVar[str] = "integer"

    def __post_init__(self) -> None:
        self._check_name_and_condition()
        for bound in ("low", "high"):
            value = whole_number(f"{bound} of {self.name}", getattr(self, bound))
            if abs(value) > LARGEST:
                raise InputError(f"{bound} of {self.name} must be within +-2**40, got {value}")
            object.__setattr__(self, bound, value)
        check_bounds(self.name, self.low, self.high, self.scale, ("linear", "log"))
        if self.step is not None:
            object.__setattr__(self, "step", whole_number(f"step of {self.name}", self.step))
            _check_step(self)
        self._check_default()

    @property
    def cardinality(self) -> int:
        """Number of values."""
        return (self.high - self.low) // (self.step or 1) + 1

    def check(self, value: object) -> int:
        """Return a value as an int; a float without a fraction is accepted.

        Raises:
            InputError: the value is not a whole number, or is out of bounds or between two steps.
        """
        number = whole_number(self.name, value)
        if not self.low <= number <= self.high:
            raise InputError(f"{self.name} must be between {self.low} and {self.high}, got {value!r}")
        if self.step is not None and (number - self.low) % self.step:
            nearest = min(self.low + round((number - self.low) / self.step) * self.step, self.high)
            raise InputError(
                f"{self.name} must be {self.low} plus a whole number of steps of {self.step}, got {value!r}; "
                f"nearest {nearest}"
            )
        return number

    def to_unit(self, value: object) -> float:
        """Return the middle of a value's bin in [0, 1].

        Raises:
            InputError: the value is not in the domain.
        """
        number = self.check(value)
        if self.scale == "linear" or self.low == self.high:
            return ((number - self.low) // (self.step or 1) + 0.5) / self.cardinality
        start, width = self._log_axis
        return (math.log(number) - start) / width

    def from_unit(self, u: float) -> int:
        """Return the integer whose bin contains ``u``, which is clipped to [0, 1].

        Raises:
            InputError: ``u`` is NaN.
        """
        u = place(self.name, u)
        if self.scale == "linear" or self.low == self.high:
            return min(self.low + math.floor(u * self.cardinality) * (self.step or 1), self.high)
        start, width = self._log_axis
        return min(max(math.floor(math.exp(start + u * width) + 0.5), self.low), self.high)

    def grid(self, n: int) -> tuple[int, ...]:
        """Return at most ``n`` integers, as equally spaced on the scale as possible, bounds included.

        For ``n`` = 1, return the default value.

        Raises:
            InputError: ``n`` is below 1.
        """
        if self.step is not None:
            last = self.cardinality - 1
            return self._levels([self.low + math.floor(u * last + 0.5) * self.step for u in self._even(n)])
        line = Float(self.name, self.low, self.high, self.scale)
        return self._levels([round(line.from_unit(u)) for u in self._even(n)])

    def middle(self) -> int:
        """Return the middle of the scale."""
        return self.from_unit(0.5)

    @cached_property
    def _log_axis(self) -> tuple[float, float]:
        start = math.log(self.low - 0.5)
        return start, math.log(self.high + 0.5) - start


def _check_step(domain: Float | Integer) -> None:
    """Check that a step is positive, on a linear scale, and divides the range of the domain.

    Raises:
        InputError: the step is invalid.
    """
    name, low, high, step = domain.name, domain.low, domain.high, domain.step
    assert step is not None
    if domain.scale != "linear":
        raise InputError(
            f"step of {name} needs a linear scale, got {domain.scale!r}; an ordinal can list the levels"
        )
    if step <= 0:
        raise InputError(f"step of {name} must be above 0, got {step!r}")
    exact_low, exact_high, exact_step = (Decimal(repr(number)) for number in (low, high, step))
    if (exact_high - exact_low) / exact_step > LARGEST:
        raise InputError(
            f"step of {name} must make at most 2**40 values, got {step!r} from {low!r} to {high!r}"
        )
    steps = int((exact_high - exact_low) / exact_step + Decimal("1e-9"))
    last = exact_low + steps * exact_step
    if abs(exact_high - last) > exact_step * Decimal("1e-9"):
        upper = type(low)(last)
        raise InputError(
            f"high of {name} must be low plus a whole number of steps of {step!r}, got {high!r}; nearest "
            f"below {upper!r}"
        )
