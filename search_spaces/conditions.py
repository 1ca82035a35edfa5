"""Conditions: the values of earlier hyperparameters with which a hyperparameter takes part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from search_spaces.values import Scalar, distinct_values, listed, position_of, write_value
from trainables.names import InputError


class Conditions(Mapping[str, tuple[Scalar, ...]]):
    """For each earlier hyperparameter the values it may have; all of them have to hold. A value: it can be compared, hashed and pickled.

    Args: owner: the hyperparameter whose conditions these are, for errors. when: names to a value or several values.
    Raises: InputError for what is no mapping, a name that is no string, or no values.

    >>> Conditions("slope", {"activation": "leaky_relu", "depth": [1, 2]})
    {'activation': ('leaky_relu',), 'depth': (1, 2)}
    """

    __slots__ = ("_values",)

    def __init__(self, owner: str, when: object = None) -> None:
        if when is not None and not isinstance(when, Mapping):
            raise InputError(
                f"condition of {owner} must be a mapping of names to values such as {{adaptive: [mean, sum]}}, got {when!r}"
            )
        self._values: dict[str, tuple[Scalar, ...]] = {}
        for parent, values in (when or {}).items():
            if not isinstance(parent, str) or not parent:
                raise InputError(f"condition of {owner} must name hyperparameters, got {parent!r}")
            several = (
                isinstance(values, Iterable)
                and not isinstance(values, (str, Mapping))
                and getattr(values, "ndim", 1) > 0
            )
            self._values[parent] = distinct_values(
                f"values of {parent} in the condition of {owner}", values if several else (values,)
            )

    def __getitem__(self, parent: str) -> tuple[Scalar, ...]:
        return self._values[parent]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return repr(self._values)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML: a value on its own where there is one, a list where there are several."""
        written = {parent: [write_value(each) for each in values] for parent, values in self.items()}
        return {parent: values[0] if len(values) == 1 else values for parent, values in written.items()}


def holds(when: Mapping[str, tuple[Scalar, ...]], active: Mapping[str, Any]) -> bool:
    """Whether every condition holds. Args: active: the values of the active hyperparameters; what is not among them is inactive.

    >>> when = Conditions("slope", {"activation": "leaky_relu"})
    >>> holds(when, {"activation": "leaky_relu"}), holds(when, {"activation": "relu"}), holds(when, {})
    (True, False, False)
    """
    return all(
        parent in active and position_of(active[parent], values) >= 0 for parent, values in when.items()
    )


def either(values: tuple[Scalar, ...]) -> str:
    """Values as a condition reads: ``'mean' or 'sum'``."""
    return listed(values) if len(values) < 2 else f"{listed(values[:-1])} or {values[-1]!r}"
