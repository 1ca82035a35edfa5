"""Activity of hyperparameters: checks of conditions, required values of parents, number of configurations."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces.conditions import Conditions, either, holds
from search_spaces.hyperparameters import Hyperparameter
from search_spaces.values import Scalar, position_of
from trainables.names import InputError, unknown

_OTHER = object()
"""Stands for every value of a parent that no condition names."""


def checked_conditions(hyperparameters: Sequence[Hyperparameter]) -> tuple[Hyperparameter, ...]:
    """Return the hyperparameters with the values of their conditions in the parents' types and order.

    Args:
        hyperparameters: hyperparameters with distinct names.

    Raises:
        InputError: a condition names an unknown hyperparameter, its own or a later one, is part of a cycle,
            requires a value outside the parent's domain, or can never hold.
    """
    if not any(hyperparameter.when for hyperparameter in hyperparameters):
        return tuple(hyperparameters)
    parents = {hyperparameter.name: tuple(hyperparameter.when) for hyperparameter in hyperparameters}
    checked: dict[str, Hyperparameter] = {}
    for hyperparameter in hyperparameters:
        name = hyperparameter.name
        when: dict[str, tuple[Scalar, ...]] = {}
        for parent, values in hyperparameter.when.items():
            _check_parent(name, parent, parents, checked)
            when[parent] = _of_parent(name, checked[parent], values)
        checked[name] = dataclasses.replace(hyperparameter, when=when) if when else hyperparameter
        requirements(name, checked)
    return tuple(checked.values())


def _check_parent(
    name: str, parent: str, parents: Mapping[str, Sequence[str]], checked: Mapping[str, Hyperparameter]
) -> None:
    """Raise InputError unless a parent is another hyperparameter, listed before its child."""
    if parent == name:
        raise InputError(f"condition of {name} must name another hyperparameter, got itself")
    if parent not in parents:
        raise unknown(
            f"hyperparameter in the condition of {name}", parent, [key for key in parents if key != name]
        )
    if parent not in checked:
        cycle = _cycle(parents, name, parent)
        if cycle:
            raise InputError(f"conditions must not be circular, got {' -> '.join(cycle)}")
        raise InputError(
            f"condition of {name} must name an earlier hyperparameter, got {parent}; put {parent} before "
            f"{name}"
        )


def requirements(name: str, hyperparameters: Mapping[str, Hyperparameter]) -> dict[str, tuple[Scalar, ...]]:
    """Return the values that each ancestor of a hyperparameter must have for the hyperparameter to be active.

    Args:
        name: name of the hyperparameter.
        hyperparameters: hyperparameters by name, parents before children.

    Raises:
        InputError: no configuration satisfies all conditions of the hyperparameter and its ancestors.
    """
    needed: dict[str, tuple[Scalar, ...]] = {}
    waiting, seen = [name], {name}
    while waiting:
        for parent, values in hyperparameters[waiting.pop()].when.items():
            before = needed.get(parent, values)
            needed[parent] = tuple(value for value in before if position_of(value, values) >= 0)
            if not needed[parent]:
                both = f"{parent} to be {either(before)} and to be {either(values)}"
                raise InputError(f"{name} can never be active: its conditions need {both}")
            # The number of paths to an ancestor can grow exponentially with depth: visit each ancestor once.
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return {ancestor: needed[ancestor] for ancestor in hyperparameters if ancestor in needed}


def count(hyperparameters: Sequence[Hyperparameter]) -> float:
    """Return the number of configurations; infinity if an active hyperparameter is continuous.

    >>> from search_spaces import Categorical, Integer
    >>> count([Categorical("a", ("x", "y")), Integer("n", 1, 3, when={"a": "y"})])
    4
    """
    named: dict[str, tuple[Scalar, ...]] = {}
    for hyperparameter in hyperparameters:
        for parent, values in hyperparameter.when.items():
            named[parent] = tuple(dict.fromkeys((*named.get(parent, ()), *values)))
    # Values of the active parents, and the number of configurations that have these values.
    states: dict[tuple[tuple[str, Any], ...], float] = {(): 1}
    for hyperparameter in hyperparameters:
        following: dict[tuple[tuple[str, Any], ...], float] = {}
        branches = _branches(hyperparameter, named.get(hyperparameter.name, ()))
        for state, ways in states.items():
            if not holds(hyperparameter.when, dict(state)):
                following[state] = following.get(state, 0) + ways
                continue
            for item, size in branches:
                extended = (*state, *item)
                following[extended] = following.get(extended, 0) + ways * size
        states = following
    total = sum(states.values())
    return total if math.isinf(total) else int(total)


def _branches(
    hyperparameter: Hyperparameter, mentioned: Sequence[Scalar]
) -> list[tuple[tuple[tuple[str, Any], ...], float]]:
    """Return the values that conditions distinguish, each with the number of values that it stands for."""
    size = math.inf if hyperparameter.cardinality is None else hyperparameter.cardinality
    if not mentioned:
        return [((), size)]
    branches: list[tuple[tuple[tuple[str, Any], ...], float]] = [
        (((hyperparameter.name, value),), 1.0) for value in mentioned
    ]
    if size > len(mentioned):
        branches.append((((hyperparameter.name, _OTHER),), size - len(mentioned)))
    return branches


def _of_parent(name: str, parent: Hyperparameter, values: Sequence[Scalar]) -> tuple[Scalar, ...]:
    """Return the values of a condition in the parent's type and order."""
    try:
        known = [parent.check(value) for value in values]
    except InputError as error:
        raise InputError(f"condition of {name}: {error}") from None
    for position, value in enumerate(known):
        if position_of(value, known) < position:
            raise InputError(
                f"values of {parent.name} in the condition of {name} must differ, got {value!r} twice"
            )
    return tuple(sorted(known, key=parent.to_unit))


def _cycle(parents: Mapping[str, Sequence[str]], start: str, first: str) -> list[str]:
    """Return a path of conditions from ``start`` through ``first`` back to ``start``; empty if none."""
    seen: set[str] = set()
    waiting = [[start, first]]
    while waiting:
        path = waiting.pop()
        for parent in parents.get(path[-1], ()):
            if parent == start:
                return [*path, start]
            if parent not in seen:
                seen.add(parent)
                waiting.append([*path, parent])
    return []


def unmet(when: Conditions | Mapping[str, tuple[Scalar, ...]], active: Mapping[str, Any]) -> str:
    """Describe the first condition that does not hold, for error messages.

    Args:
        when: valid values of each parent.
        active: values of the active hyperparameters.
    """
    for parent, values in when.items():
        if parent not in active:
            return f"it needs {parent} to be {either(values)}, and {parent} is inactive"
        if position_of(active[parent], values) < 0:
            return f"it needs {parent} to be {either(values)}, got {active[parent]!r}"
    return "its conditions hold"
