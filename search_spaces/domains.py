"""What all hyperparameters share: names, bounds, defaults, equally spaced levels and plain data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from numbers import Integral
from typing import Any, ClassVar, TypeVar

from search_spaces.conditions import Conditions
from search_spaces.values import write_value
from trainables.names import InputError, unknown

LARGEST = 2**40
"""Integers beyond this have no place of their own on a log axis of floats."""

ALWAYS = Conditions("a hyperparameter")
"""No condition: always active."""

_T = TypeVar("_T")


class Domain:
    """The part of a hyperparameter that does not depend on its domain. Each one is a frozen dataclass with its own fields."""

    name: str
    when: Mapping[str, Any]
    default: Any
    kind: ClassVar[str]

    def __repr__(self) -> str:
        """As the class is called, without the arguments that are rarely given."""
        given = [
            each.name
            for each in fields(self)
            if not each.kw_only or getattr(self, each.name) not in (None, ALWAYS)
        ]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in given)})"

    def check(self, value: object) -> Any:
        """The value as the domain holds it. Raises: InputError when it is outside."""
        raise NotImplementedError

    def middle(self) -> Any:
        """The middle of the scale."""
        raise NotImplementedError

    def default_value(self) -> Any:
        """The default, or the middle of the scale when it has none."""
        return self.middle() if self.default is None else self.default

    @property
    def cardinality(self) -> int | None:
        """How many values there are; None when there is no end of them."""
        raise NotImplementedError

    def grid_size(self, n: int) -> int:
        """At most how many levels a grid of ``n`` has, without making one."""
        return n if self.cardinality is None else min(n, self.cardinality)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`search_spaces.reading.from_dict` reads it."""
        data: dict[str, Any] = {"name": self.name, "type": self.kind}
        for each in fields(self)[1:]:  # type: ignore[arg-type]
            value = getattr(self, each.name)
            if isinstance(value, Conditions):
                data |= {each.name: value.to_dict()} if value else {}
            elif isinstance(value, tuple):
                data[each.name] = [write_value(level) for level in value]
            elif value is not None:
                data[each.name] = write_value(value)
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
        """``n`` places from 0 to 1, equally spaced; none when n is 1."""
        if isinstance(n, bool) or not isinstance(n, Integral) or int(n) < 1:
            raise InputError(f"points of {self.name} must be a whole number of at least 1, got {n!r}")
        return [k / (int(n) - 1) for k in range(int(n))] if int(n) > 1 else []

    def _levels(self, levels: Iterable[_T]) -> tuple[_T, ...]:
        """The levels, each once; when there are none, the default or the middle."""
        return tuple(dict.fromkeys(levels)) or (self.default_value(),)


def check_bounds(name: str, low: float, high: float, scale: str, scales: Sequence[str]) -> None:
    """The bounds are in order and inside the scale. Raises: InputError."""
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
