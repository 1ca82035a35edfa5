"""New names for hyperparameters: those that a user gives, and ``lr`` for the learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sensitivity.exchange.learning_rate_names import LR, could_be_rates, learning_rate_in
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.exchange.trial import Imported


def renaming(
    values: Mapping[str, Sequence[Any]], rename: Mapping[str, str] | None = None
) -> tuple[dict[str, str], list[str]]:
    """Return the new names of hyperparameters by their old ones, and the sentence that says so.

    Args:
        values: of every hyperparameter, by name.
        rename: new names by old ones, as the user gives them. A hyperparameter renamed to itself keeps its
            name.

    Raises:
        InputError: rename names an unknown hyperparameter, or two hyperparameters would have one name.

    >>> renaming({"learning_rate": [0.1, 0.01], "depth": [1, 2]})[0], renaming({"eta": [2, 3]})[0]
    ({'learning_rate': 'lr'}, {})
    """
    wanted = dict(rename or {})
    for name in wanted:
        if name not in values:
            raise unknown("hyperparameter in rename (--rename)", name, values)
    notes: list[str] = []
    if LR not in wanted.values():
        rate = learning_rate_in(name for name, column in values.items() if could_be_rates(name, column))
        if rate is not None and rate != LR and rate not in wanted and LR not in values:
            wanted[rate] = LR
            notes.append(
                f"{rate} is the learning rate, and is called lr from here on (--rename {rate}={rate} keeps "
                "its name)."
            )
    changed = {name: new for name, new in wanted.items() if name != new}
    result = [changed.get(name, name) for name in values]
    twice = next((name for name in result if result.count(name) > 1), None)
    if twice is not None:
        sources = " and ".join(repr(name) for name in values if changed.get(name, name) == twice)
        raise InputError(f"rename (--rename) gives {sources} one name, {twice!r}")
    return changed, notes


def values_by_name(trials: Sequence[Imported]) -> dict[str, list[Any]]:
    """Return the values of every hyperparameter over all trials, in the order of the trials."""
    values: dict[str, list[Any]] = {}
    for trial in trials:
        for name, value in trial.configuration.items():
            values.setdefault(name, []).append(value)
    return values


def renamed_trials(trials: Sequence[Imported], names: Mapping[str, str]) -> list[Imported]:
    """Return the trials with new names in their configurations.

    Args:
        trials: as they were read.
        names: new ones by old ones.
    """
    return [
        replace(
            trial, configuration={names.get(name, name): value for name, value in trial.configuration.items()}
        )
        for trial in trials
    ]


def renamed_domain(domain: Hyperparameter, names: Mapping[str, str]) -> Hyperparameter:
    """Return a hyperparameter under its new name, also where its condition names another.

    Args:
        domain: of one hyperparameter.
        names: new ones by old ones.
    """
    return replace(
        domain,
        name=names.get(domain.name, domain.name),
        when={names.get(name, name): value for name, value in domain.when.items()},
    )
