"""Conditions: values of earlier hyperparameters for which a hyperparameter is active."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from search_spaces.values import Scalar, distinct_values, listed, position_of, write_value
from trainables.names import InputError


class Conditions(Mapping[str, tuple[Scalar, ...]]):
    """Valid values of each parent hyperparameter; a hyperparameter is active if all its parents have one.

    Immutable: conditions can be compared, hashed and pickled.

    Args:
        owner: name of the hyperparameter that the conditions belong to, for error messages.
        when: parent names to one value or several values; None for no condition.

    Raises:
        InputError: ``when`` is not a mapping, or one of its names is not a string or has no values.

    >>> Conditions("slope", {"activation": "leaky_relu", "depth": [1, 2]})
    {'activation': ('leaky_relu',), 'depth': (1, 2)}
    """

    __slots__ = ("_values",)

    def __init__(self, owner: str, when: object = None) -> None:
        if when is not None and not isinstance(when, Mapping):
            example = "{adaptive: [mean, sum]}"
            raise InputError(
                f"condition of {owner} must be a mapping of names to values such as {example}, got {when!r}"
            )
        self._values: dict[str, tuple[Scalar, ...]] = {}
        for parent, values in (when or {}).items():
            if not isinstance(parent, str) or not parent:
                raise InputError(f"condition of {owner} must name hyperparameters, got {parent!r}")
            scalar = (
                not isinstance(values, Iterable)
                or isinstance(values, (str, Mapping))
                or getattr(values, "ndim", 1) == 0
            )
            label = f"values of {parent} in the condition of {owner}"
            self._values[parent] = distinct_values(label, (values,) if scalar else values)

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
        """Return the conditions as plain data: a single value as a scalar, several as a list."""
        written = {parent: [write_value(value) for value in values] for parent, values in self.items()}
        return {parent: values[0] if len(values) == 1 else values for parent, values in written.items()}


def holds(when: Mapping[str, tuple[Scalar, ...]], active: Mapping[str, Any]) -> bool:
    """Return True if every condition holds.

    Args:
        when: valid values of each parent.
        active: values of the active hyperparameters; a parent that is missing is inactive.

    >>> when = Conditions("slope", {"activation": "leaky_relu"})
    >>> holds(when, {"activation": "leaky_relu"}), holds(when, {"activation": "relu"}), holds(when, {})
    (True, False, False)
    """
    return all(
        parent in active and position_of(active[parent], values) >= 0 for parent, values in when.items()
    )


def either(values: tuple[Scalar, ...]) -> str:
    """Join the values of a condition by commas and "or": ``'mean' or 'sum'``."""
    return listed(values) if len(values) < 2 else f"{listed(values[:-1])} or {values[-1]!r}"
