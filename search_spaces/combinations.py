"""Combinations: every choice of one level of each active hyperparameter, and configurations that are given once."""

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
"""Configurations that a design gives at most: a slip of the pen should be an error, not an hour of memory."""


def count(name: str, value: object) -> int:
    """A whole number from 1 to :data:`MOST`. Raises: InputError."""
    number = whole(name, value, at_least=1)
    if number > MOST:
        raise InputError(f"{name} must be at most {MOST:,}, got {number:,}")
    return number


def combine(
    hyperparameters: Sequence[Hyperparameter], levels: Mapping[str, Sequence[Any]]
) -> list[dict[str, Any]]:
    """Every combination of the levels, each once, the last hyperparameter changing fastest; only what is active takes part.

    Raises: InputError for more than :data:`MOST`.
    """
    if not any(each.when for each in hyperparameters):
        _check_count(math.prod(len(levels[each.name]) for each in hyperparameters))
        names = [each.name for each in hyperparameters]
        return distinct(
            dict(zip(names, values, strict=True))
            for values in itertools.product(*(levels[name] for name in names))
        )
    made: list[dict[str, Any]] = [{}]
    for each in hyperparameters:
        active = [holds(each.when, row) for row in made]
        _check_count(len(made) + sum(active) * (len(levels[each.name]) - 1))
        made = [
            grown
            for row, takes_part in zip(made, active, strict=True)
            for grown in ([{**row, each.name: level} for level in levels[each.name]] if takes_part else [row])
        ]
    return distinct(made)


def count_combinations(
    hyperparameters: Sequence[Hyperparameter],
    size: Callable[[Hyperparameter], int],
    levels: Callable[[Hyperparameter], Sequence[Any]],
    most: int = MOST,
) -> int:
    """How many rows :func:`combine` would make, before it drops equal ones: only what conditions name is told apart.

    Args: size, levels: of a hyperparameter, how many levels and which. most: beyond it any larger number may be given, at once.
    """
    parents = {parent for each in hyperparameters for parent in each.when}
    branches: list[tuple[dict[str, Any], int]] = [
        ({}, 1)
    ]  # values of the active parents, and how many rows have them
    for each in hyperparameters:
        active = [holds(each.when, values) for values, _ in branches]
        factor = size(each)
        total = sum(
            rows * (factor if takes_part else 1)
            for (_, rows), takes_part in zip(branches, active, strict=True)
        )
        if total > most:
            return total  # every branch keeps at least one row, so that it only grows
        grown: list[tuple[dict[str, Any], int]] = []
        for (values, rows), takes_part in zip(branches, active, strict=True):
            if not takes_part:
                grown.append((values, rows))
            elif each.name in parents:
                grown += [({**values, each.name: level}, rows) for level in levels(each)]
            else:
                grown.append((values, rows * factor))
        branches = grown
    return sum(rows for _, rows in branches)


def distinct(configurations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each configuration once, in order; True and 1 are two values.

    >>> distinct([{"a": 1}, {"a": True}, {"a": 1}])
    [{'a': 1}, {'a': True}]
    """
    found: dict[tuple[tuple[str, type, Any], ...], dict[str, Any]] = {}
    for each in configurations:
        found.setdefault(tuple((name, type(value), value) for name, value in each.items()), dict(each))
    return list(found.values())


def _check_count(count: int) -> None:
    if count > MOST:
        raise InputError(
            f"a grid must have at most {MOST:,} configurations, got {count:,}; use fewer points or a sobol design"
        )
