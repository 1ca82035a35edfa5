"""Changes of search spaces: hyperparameters fixed, removed, renamed, merged and compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from search_spaces.conditions import either
from search_spaces.hyperparameters import Float, Hyperparameter, Integer, Ordinal
from search_spaces.listing import condition
from search_spaces.values import position_of
from trainables.names import InputError, unknown


def fixed(hyperparameters: Mapping[str, Hyperparameter], values: Mapping[str, Any]) -> list[Hyperparameter]:
    """Return the hyperparameters with some fixed to a single value, and decided conditions resolved.

    Args:
        hyperparameters: hyperparameters by name, parents before children.
        values: value of each hyperparameter to fix, by name.

    Raises:
        InputError: a name is unknown, a value is outside its domain, or the other values make a name
            inactive.
    """
    for name in values:
        if name not in hyperparameters:
            raise unknown("hyperparameter", name, list(hyperparameters))
    resolved: dict[str, Hyperparameter] = {}
    for name, hyperparameter in hyperparameters.items():
        never = _impossible_parent(hyperparameter, resolved)
        if never is None:
            hyperparameter = _with_open_conditions(hyperparameter, resolved)
            resolved[name] = single(hyperparameter, values[name]) if name in values else hyperparameter
        elif name in values:
            reason = f"{never} to be {either(hyperparameter.when[never])}"
            raise InputError(
                f"{name} cannot be fixed at {values[name]!r}: it needs {reason}, which the other values rule "
                "out"
            )
    return list(resolved.values())


def _impossible_parent(hyperparameter: Hyperparameter, resolved: Mapping[str, Hyperparameter]) -> str | None:
    """Return the first parent that can have none of its required values; None if there is none."""
    for parent, needed in hyperparameter.when.items():
        if parent not in resolved or not _possible(resolved[parent], needed):
            return str(parent)
    return None


def _with_open_conditions(
    hyperparameter: Hyperparameter, resolved: Mapping[str, Hyperparameter]
) -> Hyperparameter:
    """Return a hyperparameter without conditions that always hold and values that no parent can have."""
    when = {
        parent: tuple(value for value in needed if _holds(resolved[parent], value))
        for parent, needed in hyperparameter.when.items()
        if resolved[parent].when or not _certain(resolved[parent], needed)
    }
    return replace(hyperparameter, when=when) if when != dict(hyperparameter.when) else hyperparameter


def single(hyperparameter: Hyperparameter, value: Any) -> Hyperparameter:
    """Return a hyperparameter whose domain is a single value.

    Raises:
        InputError: the value is outside the hyperparameter's domain.
    """
    value = hyperparameter.check(value)
    if isinstance(hyperparameter, Float) and hyperparameter.zero is not None:
        base = hyperparameter if value else replace(hyperparameter, scale="linear", zero=None, default=None)
        return replace(base, low=value, high=value, default=value, zero=None)
    if isinstance(hyperparameter, (Float, Integer)):
        return replace(hyperparameter, low=value, high=value, default=value)
    if isinstance(hyperparameter, Ordinal):
        return replace(hyperparameter, levels=(value,), default=value)
    return replace(hyperparameter, choices=(value,), default=value)


def restricted(hyperparameters: Iterable[Hyperparameter], names: Sequence[str]) -> list[Hyperparameter]:
    """Return the hyperparameters with these names.

    Raises:
        InputError: a condition names a hyperparameter that would be removed.
    """
    remaining = [hyperparameter for hyperparameter in hyperparameters if hyperparameter.name in names]
    for hyperparameter in remaining:
        for parent in hyperparameter.when:
            if parent not in names:
                raise InputError(
                    f"{hyperparameter.name} is active only when {condition(hyperparameter.when)}, so "
                    f"{parent} cannot be left out; fix it first"
                )
    return remaining


def renamed(hyperparameters: Iterable[Hyperparameter], names: Mapping[str, str]) -> list[Hyperparameter]:
    """Return the hyperparameters with new names, in their conditions too.

    Args:
        hyperparameters: hyperparameters in order.
        names: new name by old name.
    """
    return [
        replace(
            hyperparameter,
            name=names.get(hyperparameter.name, hyperparameter.name),
            when={names.get(parent, parent): needed for parent, needed in hyperparameter.when.items()},
        )
        for hyperparameter in hyperparameters
    ]


def merged(first: Iterable[Hyperparameter], second: Iterable[Hyperparameter]) -> list[Hyperparameter]:
    """Return the first hyperparameters, followed by those of the second whose names are new.

    Raises:
        InputError: both contain a name with different domains.
    """
    union = {hyperparameter.name: hyperparameter for hyperparameter in first}
    for hyperparameter in second:
        name = hyperparameter.name
        if name in union and union[name] != hyperparameter:
            differs = "; ".join(differences([union[name]], [hyperparameter]))
            raise InputError(f"spaces to be merged must agree on {name}, got {differs}")
        union.setdefault(name, hyperparameter)
    return list(union.values())


def differences(first: Sequence[Hyperparameter], second: Sequence[Hyperparameter]) -> list[str]:
    """Return one sentence for each difference between two lists of hyperparameters."""
    ours = {hyperparameter.name: hyperparameter for hyperparameter in first}
    theirs = {hyperparameter.name: hyperparameter for hyperparameter in second}
    sentences = []
    for name in dict.fromkeys((*ours, *theirs)):
        if name not in theirs:
            sentences.append(f"{name}: only in the first")
        elif name not in ours:
            sentences.append(f"{name}: only in the second")
        else:
            sentences += _field_differences(ours[name], theirs[name])
    shared = [[name for name in side if name in ours and name in theirs] for side in (ours, theirs)]
    if shared[0] != shared[1]:
        sentences.append(f"order: {', '.join(shared[0])} in the first, {', '.join(shared[1])} in the second")
    return sentences


def _field_differences(first: Hyperparameter, second: Hyperparameter) -> list[str]:
    """Return one sentence for each field that differs between two hyperparameters of one name."""
    name = first.name
    if type(first) is not type(second):
        return [f"{name}: {first.kind} in the first, {second.kind} in the second"]
    sentences = []
    for field in fields(first):
        mine, other = getattr(first, field.name), getattr(second, field.name)
        if repr(mine) != repr(other):
            sentences.append(
                f"{name}: {field.name} is {_words(mine)} in the first, {_words(other)} in the second"
            )
    return sentences


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return condition(value) or "always"
    return "none" if value is None else repr(value)


def _possible(parent: Hyperparameter, needed: Sequence[Any]) -> bool:
    """Return True if the parent's domain contains one of the values."""
    return any(_holds(parent, value) for value in needed)


def _certain(parent: Hyperparameter, needed: Sequence[Any]) -> bool:
    """Return True if the parent has one of the values whenever it is active."""
    return parent.cardinality == 1 and position_of(parent.default_value(), tuple(needed)) >= 0


def _holds(parent: Hyperparameter, value: Any) -> bool:
    """Return True if the parent's domain contains a value."""
    try:
        parent.check(value)
    except InputError:
        return False
    return True
