"""Integers between two inclusive bounds (Integer)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

from search_spaces.domains import ALWAYS, LARGEST, Domain, check_bounds, check_step
from search_spaces.numeric import Float
from search_spaces.scales import place
from search_spaces.values import whole_number
from trainables.names import InputError


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
        when: conditions, as in :class:`search_spaces.numeric.Float`.

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
            check_step(self.name, self.low, self.high, self.step, self.scale)
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
