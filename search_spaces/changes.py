"""Changes of search spaces: hyperparameters fixed, left out, renamed, merged and compared."""

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
    """The hyperparameters with a single value for each name given, and the conditions that this decides resolved.

    Raises: InputError for an unknown name; a value outside its domain; a name that the other values make inactive.
    """
    for name in values:
        if name not in hyperparameters:
            raise unknown("hyperparameter", name, list(hyperparameters))
    kept: dict[str, Hyperparameter] = {}
    for name, each in hyperparameters.items():
        when = dict(each.when)
        never = next(
            (
                parent
                for parent, needed in when.items()
                if parent not in kept or not _possible(kept[parent], needed)
            ),
            None,
        )
        if never is not None:
            if name in values:
                reason = f"{never} to be {either(when[never])}"
                raise InputError(
                    f"{name} cannot be fixed at {values[name]!r}: it needs {reason}, which the other values rule out"
                )
            continue
        # A parent that is always active and always has one of the values decides nothing.
        undecided = {
            parent: needed
            for parent, needed in when.items()
            if kept[parent].when or not _certain(kept[parent], needed)
        }
        still = {
            parent: tuple(value for value in needed if _holds(kept[parent], value))
            for parent, needed in undecided.items()
        }
        rest = replace(each, when=still) if still != when else each
        kept[name] = single(rest, values[name]) if name in values else rest
    return list(kept.values())


def single(hyperparameter: Hyperparameter, value: Any) -> Hyperparameter:
    """The hyperparameter with a value as its whole domain. Raises: InputError for a value outside it."""
    value = hyperparameter.check(value)
    if isinstance(hyperparameter, (Float, Integer)):
        return replace(hyperparameter, low=value, high=value, default=value)
    if isinstance(hyperparameter, Ordinal):
        return replace(hyperparameter, levels=(value,), default=value)
    return replace(hyperparameter, choices=(value,), default=value)


def restricted(hyperparameters: Iterable[Hyperparameter], names: Sequence[str]) -> list[Hyperparameter]:
    """Those with the names. Raises: InputError for one whose condition names what would be left out."""
    kept = [each for each in hyperparameters if each.name in names]
    for each in kept:
        for parent in each.when:
            if parent not in names:
                raise InputError(
                    f"{each.name} is active only when {condition(each.when)}, so {parent} cannot be left out; fix it first"
                )
    return kept


def renamed(hyperparameters: Iterable[Hyperparameter], names: Mapping[str, str]) -> list[Hyperparameter]:
    """Each with its new name, in conditions too."""
    return [
        replace(
            each,
            name=names.get(each.name, each.name),
            when={names.get(parent, parent): each.when[parent] for parent in each.when},
        )
        for each in hyperparameters
    ]


def merged(first: Iterable[Hyperparameter], second: Iterable[Hyperparameter]) -> list[Hyperparameter]:
    """The first, then what the second adds. Raises: InputError for a name that both have with different domains."""
    kept = {each.name: each for each in first}
    for each in second:
        if each.name in kept and kept[each.name] != each:
            differs = "; ".join(differences([kept[each.name]], [each]))
            raise InputError(f"spaces to be merged must agree on {each.name}, got {differs}")
        kept.setdefault(each.name, each)
    return list(kept.values())


def differences(first: Sequence[Hyperparameter], second: Sequence[Hyperparameter]) -> list[str]:
    """A sentence for each thing that differs."""
    ours, theirs = ({each.name: each for each in each_side} for each_side in (first, second))
    found = []
    for name in dict.fromkeys((*ours, *theirs)):
        if name not in theirs:
            found.append(f"{name}: only in the first")
        elif name not in ours:
            found.append(f"{name}: only in the second")
        elif type(ours[name]) is not type(theirs[name]):
            found.append(f"{name}: {ours[name].kind} in the first, {theirs[name].kind} in the second")
        else:
            for field in fields(ours[name]):
                mine, other = getattr(ours[name], field.name), getattr(theirs[name], field.name)
                if repr(mine) != repr(other):
                    words = (_words(mine), _words(other))
                    found.append(f"{name}: {field.name} is {words[0]} in the first, {words[1]} in the second")
    shared = [[name for name in side if name in ours and name in theirs] for side in (ours, theirs)]
    if shared[0] != shared[1]:
        found.append(f"order: {', '.join(shared[0])} in the first, {', '.join(shared[1])} in the second")
    return found


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return condition(value) or "always"
    return "none" if value is None else repr(value)


def _possible(parent: Hyperparameter, needed: Sequence[Any]) -> bool:
    """Whether the parent can have one of the values."""
    return any(_holds(parent, value) for value in needed)


def _certain(parent: Hyperparameter, needed: Sequence[Any]) -> bool:
    """Whether the parent has one of the values whenever it is active."""
    return parent.cardinality == 1 and position_of(parent.default_value(), tuple(needed)) >= 0


def _holds(parent: Hyperparameter, value: Any) -> bool:
    try:
        parent.check(value)
    except InputError:
        return False
    return True
