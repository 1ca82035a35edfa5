"""Which hyperparameters of a space take part: conditions that are well formed, what each one needs, how many configurations there are."""

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
    """The hyperparameters with their conditions' values as the parents hold them, in the parents' order.

    Raises: InputError for a condition on an unknown name (with the nearest), on itself, on a later name, in a circle, on a value outside
    the parent's domain, or that can never hold.
    """
    if not any(each.when for each in hyperparameters):
        return tuple(hyperparameters)
    names = [each.name for each in hyperparameters]
    parents = {each.name: tuple(each.when) for each in hyperparameters}
    checked: dict[str, Hyperparameter] = {}
    for each in hyperparameters:
        when: dict[str, tuple[Scalar, ...]] = {}
        for parent, values in each.when.items():
            if parent == each.name:
                raise InputError(f"condition of {each.name} must name another hyperparameter, got itself")
            if parent not in names:
                raise unknown(
                    f"hyperparameter in the condition of {each.name}",
                    parent,
                    [name for name in names if name != each.name],
                )
            if parent not in checked:
                circle = _circle(parents, each.name, parent)
                if circle:
                    raise InputError(f"conditions must not be circular, got {' -> '.join(circle)}")
                raise InputError(
                    f"condition of {each.name} must name an earlier hyperparameter, got {parent}; put {parent} before {each.name}"
                )
            when[parent] = _of_parent(each.name, checked[parent], values)
        checked[each.name] = dataclasses.replace(each, when=when) if when else each
        requirements(each.name, checked)
    return tuple(checked.values())


def requirements(name: str, hyperparameters: Mapping[str, Hyperparameter]) -> dict[str, tuple[Scalar, ...]]:
    """The values that every ancestor must have for a hyperparameter to be active: its conditions, its parents' and so on.

    Raises: InputError when no configuration has them all.
    """
    needed: dict[str, tuple[Scalar, ...]] = {}
    waiting, seen = [name], {name}
    while waiting:
        for parent, values in hyperparameters[waiting.pop()].when.items():
            before = needed.get(parent, values)
            needed[parent] = tuple(each for each in before if position_of(each, values) >= 0)
            if not needed[parent]:
                both = f"{parent} to be {either(before)} and to be {either(values)}"
                raise InputError(f"{name} can never be active: its conditions need {both}")
            if (
                parent not in seen
            ):  # many ways may lead to it: as many as Fibonacci's numbers where each has two parents
                seen.add(parent)
                waiting.append(parent)
    return {each: needed[each] for each in hyperparameters if each in needed}


def count(hyperparameters: Sequence[Hyperparameter]) -> float:
    """How many configurations there are, infinity where one of them is continuous.

    >>> from search_spaces import Categorical, Integer
    >>> count([Categorical("a", ("x", "y")), Integer("n", 1, 3, when={"a": "y"})])
    4
    """
    named: dict[str, tuple[Scalar, ...]] = {}
    for each in hyperparameters:
        for parent, values in each.when.items():
            named[parent] = tuple(dict.fromkeys((*named.get(parent, ()), *values)))
    states: dict[tuple[tuple[str, Any], ...], float] = {
        (): 1
    }  # values of the active parents -> configurations that have them
    for each in hyperparameters:
        following: dict[tuple[tuple[str, Any], ...], float] = {}
        for state, ways in states.items():
            if not holds(each.when, dict(state)):
                following[state] = following.get(state, 0) + ways
                continue
            size = math.inf if each.cardinality is None else each.cardinality
            mentioned = named.get(each.name, ())
            branches = [((each.name, value), 1.0) for value in mentioned] + [
                ((each.name, _OTHER), size - len(mentioned))
            ]
            for item, share in branches if mentioned else [(None, size)]:
                if share > 0:
                    kept = (*state, item) if item is not None else state
                    following[kept] = following.get(kept, 0) + ways * share
        states = following
    total = sum(states.values())
    return total if math.isinf(total) else int(total)


def _of_parent(name: str, parent: Hyperparameter, values: Sequence[Scalar]) -> tuple[Scalar, ...]:
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


def _circle(parents: Mapping[str, Sequence[str]], start: str, first: str) -> list[str]:
    """The way from a name along conditions back to itself, through a given parent; empty when there is none."""
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
    """Why a hyperparameter is inactive, for errors: the first condition that does not hold and what there is instead."""
    for parent, values in when.items():
        if parent not in active:
            return f"it needs {parent} to be {either(values)}, and {parent} is inactive"
        if position_of(active[parent], values) < 0:
            return f"it needs {parent} to be {either(values)}, got {active[parent]!r}"
    return "its conditions hold"
