"""Conditions of hyperparameters that only some configurations contain, inferred from the configurations."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from search_spaces.hyperparameters import Float, Hyperparameter, Integer
from search_spaces.values import Scalar

MOST_PARENTS = 2
"""Largest number of parents of an inferred condition."""
MOST_NUMBERS = 12
"""Largest number of values of a numeric parent; with more, a condition fits by chance."""


def with_conditions(
    domains: Mapping[str, Hyperparameter], configurations: Sequence[Mapping[str, Any]]
) -> tuple[list[Hyperparameter], list[str]]:
    """Infer the conditions that explain which configurations contain each hyperparameter.

    Args:
        domains: hyperparameters without conditions, by name.
        configurations: configurations with the values of their active hyperparameters.

    Returns:
        The hyperparameters with conditions, parents before children; and the names that no condition
        explains.

    >>> from search_spaces.hyperparameters import Categorical, Float
    >>> domains = {"rule": Categorical("rule", ("adam", "sgd")), "nu": Float("nu", 0.9, 0.99)}
    >>> rows = [{"rule": "sgd"}, {"rule": "adam", "nu": 0.9}, {"rule": "adam", "nu": 0.99}]
    >>> with_conditions(domains, rows)[0][1].when
    {'rule': ('adam',)}
    """
    placed = {
        name: domain
        for name, domain in domains.items()
        if all(name in configuration for configuration in configurations)
    }
    waiting = [name for name in domains if name not in placed]
    while waiting:
        parents = [
            domain for domain in placed.values() if domain.cardinality is not None and domain.cardinality > 1
        ]
        conditions = ((name, condition_of(name, parents, configurations)) for name in waiting)
        name, condition = next(
            ((name, condition) for name, condition in conditions if condition is not None), ("", None)
        )
        if condition is None:
            break
        placed[name] = dataclasses.replace(domains[name], when=condition)
        waiting.remove(name)
    return list(placed.values()), waiting


def condition_of(
    name: str, parents: Sequence[Hyperparameter], configurations: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[Scalar, ...]] | None:
    """Return values of as few parents as possible that a hyperparameter's presence coincides with.

    Configurations with these values contain the hyperparameter, all others do not. The values of a numeric
    parent form an interval (units_2 with 3 or more layers): other sets of numbers, and large ones, fit any
    configurations by chance.

    Args:
        name: name of the hyperparameter.
        parents: discrete hyperparameters that a condition can name.
        configurations: configurations with the values of their active hyperparameters.

    Returns:
        Values by parent; None if no values of up to :data:`MOST_PARENTS` parents explain the presence.
    """
    active = [configuration for configuration in configurations if name in configuration]
    inactive = [configuration for configuration in configurations if name not in configuration]
    able = [parent for parent in parents if all(parent.name in configuration for configuration in active)]
    for count in range(1, MOST_PARENTS + 1):
        for chosen in itertools.combinations(able, count):
            needed = {
                parent.name: {configuration[parent.name] for configuration in active} for parent in chosen
            }
            if any(_all_among(needed, configuration) for configuration in inactive):
                continue
            if all(_is_set_of_values(parent, needed[parent.name], configurations) for parent in chosen):
                return {parent: tuple(sorted(values, key=_order)) for parent, values in needed.items()}
    return None


def _all_among(needed: Mapping[str, Collection[Any]], configuration: Mapping[str, Any]) -> bool:
    return all(
        parent in configuration and configuration[parent] in values for parent, values in needed.items()
    )


def _is_set_of_values(
    parent: Hyperparameter, values: Collection[Any], configurations: Sequence[Mapping[str, Any]]
) -> bool:
    """Return True if the parent is discrete or the values are an interval of its numbers."""
    if not isinstance(parent, (Float, Integer)):
        return True
    numbers = sorted(
        {configuration[parent.name] for configuration in configurations if parent.name in configuration}
    )
    within = [number for number in numbers if min(values) <= number <= max(values)]
    return len(numbers) <= MOST_NUMBERS and len(within) == len(values)


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value
