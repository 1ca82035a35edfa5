"""The conditions of hyperparameters that only some configurations have, inferred from the configurations."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from search_spaces.hyperparameters import Float, Hyperparameter, Integer
from search_spaces.values import Scalar

MOST_PARENTS = 2
"""Hyperparameters whose values a condition can name at once."""
MOST_NUMBERS = 12
"""Distinct numbers of a parent; where a parent has more, one of them tells a configuration from the rest by chance."""


def with_conditions(
    domains: Mapping[str, Hyperparameter], configurations: Sequence[Mapping[str, Any]]
) -> tuple[list[Hyperparameter], list[str]]:
    """Return the hyperparameters with the conditions that explain where they have a value, parents first, and the names without one.

    Args:
        domains: hyperparameters without conditions, by name.
        configurations: each with the values of its active hyperparameters.

    >>> from search_spaces.hyperparameters import Categorical, Float
    >>> domains = {"rule": Categorical("rule", ("adam", "sgd")), "nu": Float("nu", 0.9, 0.99)}
    >>> with_conditions(domains, [{"rule": "sgd"}, {"rule": "adam", "nu": 0.9}, {"rule": "adam", "nu": 0.99}])[0][1].when
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
    """Return values of as few parents as possible with which a hyperparameter has a value and without which it has none.

    The numbers of a parent are an interval of the numbers that it has (units_2 with 3 layers or more): other sets of numbers, and numbers
    of which there are many, tell any configuration from the rest by chance.

    Args:
        name: of the hyperparameter.
        parents: discrete hyperparameters, which a condition can name.
        configurations: each with the values of its active hyperparameters.

    Returns: values by parent; None where no values of :data:`MOST_PARENTS` parents explain it.
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
    """Return whether a condition can name these values of a parent: any choices or levels, but of numbers only an interval of few."""
    if not isinstance(parent, (Float, Integer)):
        return True
    numbers = sorted(
        {configuration[parent.name] for configuration in configurations if parent.name in configuration}
    )
    within = [number for number in numbers if min(values) <= number <= max(values)]
    return len(numbers) <= MOST_NUMBERS and len(within) == len(values)


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value
