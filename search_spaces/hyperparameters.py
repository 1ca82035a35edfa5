"""Hyperparameters: a name, an inclusive domain, a scale (:mod:`search_spaces.scales`) and a default."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, ClassVar, Literal, TypeVar

from search_spaces.scales import SCALES, Transform, bin_of, place
from search_spaces.values import Scalar, distinct_values, finite_number, listed, number_of, pick, position_of, whole_number, write_value
from trainables.names import InputError, unknown

LARGEST = 2**40
"""Integers beyond this have no place of their own on a log axis of floats."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Float:
    """A real number between two bounds, both inclusive.

    Args:
        name: how configurations call it. low, high: the bounds; equal bounds are a single value.
        scale: ``linear``, ``log`` (low above 0) or ``log1m`` (high below 1). default: a value of the domain, or None.

    Raises: InputError for an argument outside what is stated above.

    >>> Float("lr", 1e-4, 1, "log").grid(5)
    (0.0001, 0.001, 0.01, 0.1, 1.0)
    >>> Float("nu", 0.9, 0.999, "log1m").from_unit(0.5)
    0.99
    """

    name: str
    low: float
    high: float
    scale: Literal["linear", "log", "log1m"] = "linear"
    default: float | None = None
    kind: ClassVar[str] = "float"

    def __post_init__(self) -> None:
        _check_name(self.name)
        for bound in ("low", "high"):
            object.__setattr__(self, bound, finite_number(f"{bound} of {self.name}", getattr(self, bound)))
        _check_bounds(self, tuple(SCALES))
        _check_default(self)

    def check(self, value: object) -> float:
        """The value as a float. Raises: InputError for what is no number (nan, a bool, a string) or out of bounds."""
        number = number_of(self.name, value)
        if not self.low <= number <= self.high:
            raise InputError(f"{self.name} must be between {self.low!r} and {self.high!r}, got {value!r}")
        return number

    def to_unit(self, value: object) -> float:
        """The value's place u in [0, 1], exactly 0 at low and 1 at high; 0.5 of a single value. Raises: as :meth:`check`."""
        x = self.check(value)
        if x in (self.low, self.high):
            return 0.5 if self.low == self.high else float(x == self.high)
        start, width, forward, _ = self._axis()
        return min(max((forward(x) - start) / width, 0.0), 1.0) if width > 0 else 0.5

    def from_unit(self, u: float) -> float:
        """The value at place u, exactly low at 0 or below, exactly high at 1 or above. Raises: InputError for nan."""
        u = place(self.name, u)
        if u in (0.0, 1.0):
            return self.high if u else self.low
        start, width, _, backward = self._axis()
        return min(max(backward(start + u * width), self.low), self.high)

    def grid(self, n: int) -> tuple[float, ...]:
        """``n`` levels equally spaced on the scale, the bounds among them, the others rounded to be read (12 digits).

        One level is the default, or the middle. Levels that rounding makes equal are given once. Raises: InputError for n < 1.
        """
        return _levels(self, [self._readable(u) for u in _even(self, n)])

    def middle(self) -> float:
        """The middle of the scale, rounded to be read."""
        return self._readable(0.5)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`search_spaces.reading.from_dict` reads it."""
        return plain(self)

    def _axis(self) -> tuple[float, float, Transform, Transform]:
        forward, backward = SCALES[self.scale]
        start = forward(self.low)
        return start, forward(self.high) - start, forward, backward

    def _readable(self, u: float) -> float:
        x = self.from_unit(u)
        if x in (self.low, self.high):
            return x
        # What is read in 12 digits: the number, its distance from 1, or its distance from the neighbouring levels.
        size = {"log": x, "log1m": 1 - x, "linear": self.high - self.low}[self.scale]
        significant = 12
        if self.scale == "log1m":  # 1 - high has lost the digits that high spends on its nines: 0.999999 holds 1e-6 to 9 digits, not 15
            significant = min(12, max(1, math.floor(15 + math.log10(1 - self.high))))
        digits = significant - 1 - math.floor(math.log10(size))
        return min(max(round(x, digits) + 0.0, self.low), self.high)


@dataclass(frozen=True)
class Integer:
    """A whole number between two bounds, both inclusive.

    On ``linear`` every number has an equal share of [0, 1]; on ``log`` (low at least 1) the share of i is as wide as
    log(i + 1/2) - log(i - 1/2).

    Args: as :class:`Float`; bounds are within +-2**40.

    >>> [Integer("depth", 1, 4).to_unit(each) for each in (1, 2, 3, 4)]
    [0.125, 0.375, 0.625, 0.875]
    """

    name: str
    low: int
    high: int
    scale: Literal["linear", "log"] = "linear"
    default: int | None = None
    kind: ClassVar[str] = "integer"

    def __post_init__(self) -> None:
        _check_name(self.name)
        for bound in ("low", "high"):
            value = whole_number(f"{bound} of {self.name}", getattr(self, bound))
            if abs(value) > LARGEST:
                raise InputError(f"{bound} of {self.name} must be within +-2**40, got {value}")
            object.__setattr__(self, bound, value)
        _check_bounds(self, ("linear", "log"))
        _check_default(self)

    def check(self, value: object) -> int:
        """The value as an int; a float that is whole is taken. Raises: InputError for anything else, or out of bounds."""
        number = whole_number(self.name, value)
        if not self.low <= number <= self.high:
            raise InputError(f"{self.name} must be between {self.low} and {self.high}, got {value!r}")
        return number

    def to_unit(self, value: object) -> float:
        """The middle of the value's bin. Raises: as :meth:`check`."""
        number = self.check(value)
        if self.scale == "linear" or self.low == self.high:
            return (number - self.low + 0.5) / (self.high - self.low + 1)
        start, width = self._log_axis()
        return (math.log(number) - start) / width

    def from_unit(self, u: float) -> int:
        """The number in whose bin u is, u below 0 and above 1 taken as 0 and 1. Raises: InputError for nan."""
        u = place(self.name, u)
        if self.scale == "linear" or self.low == self.high:
            return min(self.low + math.floor(u * (self.high - self.low + 1)), self.high)
        start, width = self._log_axis()
        return min(max(math.floor(math.exp(start + u * width) + 0.5), self.low), self.high)

    def grid(self, n: int) -> tuple[int, ...]:
        """At most ``n`` numbers, the bounds among them, as equally spaced on the scale as whole numbers can be.

        One level is the default, or the middle. Raises: InputError for n < 1.
        """
        line = Float(self.name, self.low, self.high, self.scale)
        return _levels(self, [round(line.from_unit(u)) for u in _even(self, n)])

    def middle(self) -> int:
        """The middle of the scale."""
        return self.from_unit(0.5)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`search_spaces.reading.from_dict` reads it."""
        return plain(self)

    def _log_axis(self) -> tuple[float, float]:
        start = math.log(self.low - 0.5)
        return start, math.log(self.high + 0.5) - start


@dataclass(frozen=True)
class Ordinal:
    """One of several levels that have an order: numbers (inf too) or strings, not both.

    Args:
        name: how configurations call it. levels: in order; numbers need not rise evenly, but each is given once.
        default: one of the levels, or None.

    Raises: InputError for no levels, a level given twice, or a string that reads as a number (files cannot tell the two apart).

    >>> Ordinal("p", (1, 2, float("inf"))).from_unit(0.9)
    inf
    """

    name: str
    levels: tuple[Scalar, ...]
    default: Scalar | None = None
    scale: ClassVar[Literal["ordinal"]] = "ordinal"
    kind: ClassVar[str] = "ordinal"

    def __post_init__(self) -> None:
        _check_name(self.name)
        object.__setattr__(self, "levels", distinct_values(f"levels of {self.name}", self.levels))
        if any(isinstance(each, bool) for each in self.levels) or len({isinstance(each, str) for each in self.levels}) > 1:
            raise InputError(f"levels of {self.name} must be all numbers or all strings, got {listed(self.levels)}")
        _check_default(self)

    def check(self, value: object) -> Scalar:
        """The level that equals the value. Raises: InputError when none does."""
        return pick(self.name, value, self.levels)

    def to_unit(self, value: object) -> float:
        """The middle of the level's bin. Raises: as :meth:`check`."""
        return (self.levels.index(self.check(value)) + 0.5) / len(self.levels)

    def from_unit(self, u: float) -> Scalar:
        """The level in whose bin u is, u below 0 and above 1 taken as 0 and 1. Raises: InputError for nan."""
        return bin_of(self.levels, place(self.name, u))

    def grid(self, n: int) -> tuple[Scalar, ...]:
        """At most ``n`` levels, the first and the last among them, as evenly spread as they can be.

        One level is the default, or the middle. Raises: InputError for n < 1.
        """
        last = len(self.levels) - 1
        return _levels(self, [self.levels[math.floor(u * last + 0.5)] for u in _even(self, n)])

    def middle(self) -> Scalar:
        """The level in the middle; the later of two."""
        return self.from_unit(0.5)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`search_spaces.reading.from_dict` reads it."""
        return plain(self)


@dataclass(frozen=True)
class Categorical:
    """One of several choices without an order.

    Args:
        name: how configurations call it. choices: strings, bools or numbers, each given once. default: one of them, or None.

    Raises: InputError for no choices, a choice given twice, or a string that reads as a number (files cannot tell the two apart).

    >>> Categorical("nesterov", (False, True)).to_unit(True)
    0.75
    """

    name: str
    choices: tuple[Scalar, ...]
    default: Scalar | None = None
    scale: ClassVar[Literal["categorical"]] = "categorical"
    kind: ClassVar[str] = "categorical"

    def __post_init__(self) -> None:
        _check_name(self.name)
        object.__setattr__(self, "choices", distinct_values(f"choices of {self.name}", self.choices))
        _check_default(self)

    def check(self, value: object) -> Scalar:
        """The choice that equals the value; True is not 1. Raises: InputError when none does."""
        return pick(self.name, value, self.choices)

    def to_unit(self, value: object) -> float:
        """The middle of the choice's bin. Raises: as :meth:`check`."""
        return (position_of(self.check(value), self.choices) + 0.5) / len(self.choices)

    def from_unit(self, u: float) -> Scalar:
        """The choice in whose bin u is, u below 0 and above 1 taken as 0 and 1. Raises: InputError for nan."""
        return bin_of(self.choices, place(self.name, u))

    def grid(self, n: int) -> tuple[Scalar, ...]:
        """Every choice, whatever ``n`` above 1 is, as no choice lies between others.

        One level is the default, or the middle. Raises: InputError for n < 1.
        """
        return self.choices if _even(self, n) else (default_value(self),)

    def middle(self) -> Scalar:
        """The first choice: categories have no middle."""
        return self.choices[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`search_spaces.reading.from_dict` reads it."""
        return plain(self)


Hyperparameter = Float | Integer | Ordinal | Categorical


def plain(hyperparameter: Hyperparameter) -> dict[str, Any]:
    """Plain data for JSON and YAML."""
    data: dict[str, Any] = {"name": hyperparameter.name, "type": hyperparameter.kind}
    for field in fields(hyperparameter)[1:]:
        value = getattr(hyperparameter, field.name)
        if isinstance(value, tuple):
            data[field.name] = [write_value(each) for each in value]
        elif value is not None:
            data[field.name] = write_value(value)
    return data


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name:
        raise InputError(f"name of a hyperparameter must be a string that is not empty, got {name!r}")


def _check_bounds(domain: Float | Integer, scales: Sequence[str]) -> None:
    name, low, high = domain.name, domain.low, domain.high
    if domain.scale not in scales:
        raise unknown(f"scale of {name}", domain.scale, scales)
    if low > high:
        raise InputError(f"low of {name} must be at most high, got low {low!r} and high {high!r}")
    if domain.scale == "log" and low <= 0:
        raise InputError(f"low of {name} must be above 0 on a log scale, got {low!r}")
    if domain.scale == "log1m" and high >= 1:
        raise InputError(f"high of {name} must be below 1 on a log1m scale, got {high!r}")
    if not math.isfinite(high - low):
        raise InputError(f"{name} must span less than the largest float, got low {low!r} and high {high!r}")


def _check_default(hyperparameter: Hyperparameter) -> None:
    if hyperparameter.default is None:
        return
    try:
        object.__setattr__(hyperparameter, "default", hyperparameter.check(hyperparameter.default))
    except InputError as error:
        raise InputError(f"default of {error}") from None


def _even(hyperparameter: Hyperparameter, n: object) -> list[float]:
    """``n`` places from 0 to 1, equally spaced; none when n is 1."""
    if isinstance(n, bool) or not isinstance(n, Integral) or int(n) < 1:
        raise InputError(f"points of {hyperparameter.name} must be a whole number of at least 1, got {n!r}")
    return [k / (int(n) - 1) for k in range(int(n))] if int(n) > 1 else []


def default_value(hyperparameter: Hyperparameter) -> Any:
    """The default, or the middle of the scale when it has none."""
    return hyperparameter.middle() if hyperparameter.default is None else hyperparameter.default


def _levels(hyperparameter: Hyperparameter, levels: Iterable[_T]) -> tuple[_T, ...]:
    """The levels, each once; when there are none, the default or the middle."""
    return tuple(dict.fromkeys(levels)) or (default_value(hyperparameter),)
