"""Combinations: all products of levels of the active hyperparameters, and removal of equal configurations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from search_spaces.conditions import holds
from search_spaces.hyperparameters import Hyperparameter
from search_spaces.values import whole
from trainables.names import InputError

MOST = 1_000_000
"""Largest number of configurations of a design; a typing error is refused before it fills memory."""


def count(name: str, value: object) -> int:
    """Return a value that is an integer from 1 to :data:`MOST`, and refuse any other.

    Args:
        name: name of the argument, for the error message.
        value: the value to check.

    Raises:
        InputError: the value is not an integer in that range.
    """
    number = whole(name, value, at_least=1)
    if number > MOST:
        raise InputError(f"{name} must be at most {MOST:,}, got {number:,}")
    return number


def combine(
    hyperparameters: Sequence[Hyperparameter], levels: Mapping[str, Sequence[Any]]
) -> list[dict[str, Any]]:
    """Return every combination of levels of the active hyperparameters, without duplicates.

    The last hyperparameter changes fastest.

    Args:
        hyperparameters: hyperparameters in order, parents before children.
        levels: levels of each hyperparameter, by name.

    Raises:
        InputError: there are more than :data:`MOST` combinations.
    """
    if not any(hyperparameter.when for hyperparameter in hyperparameters):
        names = [hyperparameter.name for hyperparameter in hyperparameters]
        _check_count(math.prod(len(levels[name]) for name in names))
        products = itertools.product(*(levels[name] for name in names))
        return distinct(dict(zip(names, values, strict=True)) for values in products)
    rows: list[dict[str, Any]] = [{}]
    for hyperparameter in hyperparameters:
        name = hyperparameter.name
        active = [holds(hyperparameter.when, row) for row in rows]
        _check_count(len(rows) + sum(active) * (len(levels[name]) - 1))
        rows = [
            longer
            for row, is_active in zip(rows, active, strict=True)
            for longer in ([{**row, name: level} for level in levels[name]] if is_active else [row])
        ]
    return distinct(rows)


def count_combinations(
    hyperparameters: Sequence[Hyperparameter],
    size: Callable[[Hyperparameter], int],
    levels: Callable[[Hyperparameter], Sequence[Any]],
    most: int = MOST,
) -> int:
    """Return the number of rows that :func:`combine` makes before it removes equal ones, without making them.

    Args:
        hyperparameters: hyperparameters in order, parents before children.
        size: function that returns the number of levels of a hyperparameter.
        levels: function that returns the levels of a hyperparameter; called only for parents.
        most: limit at which counting stops; a result above it is a lower bound.
    """
    parents = {parent for hyperparameter in hyperparameters for parent in hyperparameter.when}
    branches: list[tuple[dict[str, Any], int]] = [({}, 1)]  # values of the active parents, number of rows
    for hyperparameter in hyperparameters:
        active = [holds(hyperparameter.when, values) for values, _ in branches]
        factor = size(hyperparameter)
        total = sum(
            rows * (factor if is_active else 1) for (_, rows), is_active in zip(branches, active, strict=True)
        )
        if total > most:
            return total  # the number of rows of a branch never decreases
        following: list[tuple[dict[str, Any], int]] = []
        for (values, rows), is_active in zip(branches, active, strict=True):
            if not is_active:
                following.append((values, rows))
            elif hyperparameter.name in parents:
                following += [
                    ({**values, hyperparameter.name: level}, rows) for level in levels(hyperparameter)
                ]
            else:
                following.append((values, rows * factor))
        branches = following
    return sum(rows for _, rows in branches)


def distinct(configurations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the configurations in order without duplicates; True and 1 count as different values.

    >>> distinct([{"a": 1}, {"a": True}, {"a": 1}])
    [{'a': 1}, {'a': True}]
    """
    unique: dict[tuple[tuple[str, type, Any], ...], dict[str, Any]] = {}
    for configuration in configurations:
        key = tuple((name, type(value), value) for name, value in configuration.items())
        unique.setdefault(key, dict(configuration))
    return list(unique.values())


def _check_count(count: int) -> None:
    if count > MOST:
        raise InputError(
            f"a grid must have at most {MOST:,} configurations, got {count:,}; use fewer points or a sobol "
            "design"
        )
