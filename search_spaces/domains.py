"""Base class of hyperparameters: name, bounds, default, equally spaced levels and plain data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from numbers import Integral
from typing import Any, ClassVar, TypeVar

from search_spaces.conditions import Conditions
from search_spaces.values import write_value
from trainables.names import InputError, unknown

LARGEST = 2**40
"""Largest magnitude of an integer bound: neighbouring integers beyond it coincide on a log axis of floats."""

ALWAYS = Conditions("a hyperparameter")
"""Empty conditions of a hyperparameter that is always active."""

_T = TypeVar("_T")


class Domain:
    """Name, default and conditions of a hyperparameter; subclasses are frozen dataclasses with a domain."""

    name: str
    when: Mapping[str, Any]
    default: Any
    kind: ClassVar[str]

    def __repr__(self) -> str:
        """Return the constructor call, without keyword-only arguments that have their default."""
        shown = [
            field.name
            for field in fields(self)  # type: ignore[arg-type]
            if not field.kw_only or getattr(self, field.name) not in (None, ALWAYS)
        ]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def check(self, value: object) -> Any:
        """Return a value in the domain's type.

        Raises:
            InputError: the value is outside the domain.
        """
        raise NotImplementedError

    def middle(self) -> Any:
        """Return the value in the middle of the scale."""
        raise NotImplementedError

    def default_value(self) -> Any:
        """Return the default, or the middle of the scale if there is no default."""
        return self.middle() if self.default is None else self.default

    @property
    def cardinality(self) -> int | None:
        """Number of values; None for a continuous domain."""
        raise NotImplementedError

    def grid_size(self, n: int) -> int:
        """Return an upper bound of the number of levels in a grid of ``n``, without making the grid."""
        return n if self.cardinality is None else min(n, self.cardinality)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON and YAML, the inverse of :func:`search_spaces.reading.from_dict`."""
        data: dict[str, Any] = {"name": self.name, "type": self.kind}
        for field in fields(self)[1:]:  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, Conditions):
                data |= {field.name: value.to_dict()} if value else {}
            elif isinstance(value, tuple):
                data[field.name] = [write_value(level) for level in value]
            elif value is not None:
                data[field.name] = write_value(value)
        return data

    def _check_name_and_condition(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(
                f"name of a hyperparameter must be a string that is not empty, got {self.name!r}"
            )
        object.__setattr__(self, "when", Conditions(self.name, self.when))

    def _check_default(self) -> None:
        if self.default is None:
            return
        try:
            object.__setattr__(self, "default", self.check(self.default))
        except InputError as error:
            raise InputError(f"default of {error}") from None

    def _even(self, n: object) -> list[float]:
        """Return ``n`` equally spaced coordinates from 0 to 1; an empty list if ``n`` is 1."""
        if isinstance(n, bool) or not isinstance(n, Integral) or int(n) < 1:
            raise InputError(f"points of {self.name} must be a whole number of at least 1, got {n!r}")
        return [k / (int(n) - 1) for k in range(int(n))] if int(n) > 1 else []

    def _levels(self, levels: Iterable[_T]) -> tuple[_T, ...]:
        """Return the distinct levels in order; the default value alone if there are none."""
        return tuple(dict.fromkeys(levels)) or (self.default_value(),)


def check_bounds(name: str, low: float, high: float, scale: str, scales: Sequence[str]) -> None:
    """Check that bounds are in order and valid on their scale.

    Args:
        name: name of the hyperparameter, for the error message.
        low: lower bound, inclusive; above 0 on a log scale.
        high: upper bound, inclusive; below 1 on a log1m scale.
        scale: name of the scale.
        scales: valid names of scales.

    Raises:
        InputError: the scale is unknown, or a bound is invalid.
    """
    if scale not in scales:
        raise unknown(f"scale of {name}", scale, scales)
    if low > high:
        raise InputError(f"low of {name} must be at most high, got low {low!r} and high {high!r}")
    if scale == "log" and low <= 0:
        raise InputError(f"low of {name} must be above 0 on a log scale, got {low!r}")
    if scale == "log1m" and high >= 1:
        raise InputError(f"high of {name} must be below 1 on a log1m scale, got {high!r}")
    if not math.isfinite(high - low):
        raise InputError(f"{name} must span less than the largest float, got low {low!r} and high {high!r}")


def check_step(name: str, low: float, high: float, step: float, scale: str) -> None:
    """Check that a step is positive, on a linear scale, and divides the range of the domain.

    Args:
        name: name of the hyperparameter, for the error message.
        low: lower bound.
        high: upper bound.
        step: difference of two neighbouring values.
        scale: name of the scale.

    Raises:
        InputError: the step is invalid.
    """
    if scale != "linear":
        raise InputError(
            f"step of {name} needs a linear scale, got {scale!r}; an ordinal can list the levels"
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
