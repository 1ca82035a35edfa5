"""Trials that lack a hyperparameter although no other hyperparameter explains the gap.

They are left out and counted, filled with a default, or refused with a question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search_spaces.conditions import holds
from search_spaces.inferred import plain_configuration
from search_spaces.inferred_conditions import condition_of, with_conditions
from search_spaces.spaces import SearchSpace
from search_spaces.values import NONE, choice_of, read_value
from sensitivity.study.trial import DONE
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.exchange.trial import Imported

DECISIVE = (*DONE, "stopped")
"""Statuses of trials that decide domains and conditions.

A trial that failed or runs may lack a part of its configuration.
"""
FEW_NUMBERS = 2
"""Beside so few numbers, None is a choice also where another hyperparameter tells when it is chosen."""

Domains = Callable[[Sequence["Imported"]], Mapping[str, "Hyperparameter"]]


def decisive(trials: Sequence[Imported]) -> list[Imported]:
    """Return the trials that decide domains and conditions."""
    return [trial for trial in trials if trial.status in DECISIVE]


def with_defaults(trials: Sequence[Imported], defaults: Mapping[str, Any]) -> list[Imported]:
    """Return the trials with missing hyperparameters filled in.

    A hyperparameter is missing if another trial of the variant has it.

    Args:
        trials: as they were read.
        defaults: values by hyperparameter.

    Raises:
        InputError: no trial has a hyperparameter of that name.
    """
    names: dict[str, set[str]] = {}
    for trial in trials:
        names.setdefault(trial.variant, set()).update(trial.configuration)
    for name in defaults:
        if not any(name in of_variant for of_variant in names.values()):
            known = dict.fromkeys(known for trial in trials for known in trial.configuration)
            raise unknown("hyperparameter in defaults (--default)", name, known)
    return [
        replace(trial, configuration={**_of(defaults, names[trial.variant]), **trial.configuration})
        if trial.configuration
        else trial
        for trial in trials
    ]


def _of(defaults: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in defaults.items() if name in names}


def without_inactive_nones(
    trials: Sequence[Imported], domains: Domains, names: Sequence[str]
) -> list[Imported]:
    """Return the trials without the None that marks a hyperparameter as inactive.

    None beside numbers is such a mark where another hyperparameter explains it: ``nu`` is None exactly where
    ``rule`` is ``sgd``. Anywhere else it is the choice ``None``.

    Args:
        trials: of one variant.
        domains: the domains of trials, by hyperparameter.
        names: of the hyperparameters that nothing but their values describes.
    """
    for name in names:
        values = {
            read_value(choice_of(trial.configuration[name]))
            for trial in decisive(trials)
            if name in trial.configuration
        }
        numbers = [
            value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)
        ]
        if NONE not in values or len(numbers) <= FEW_NUMBERS or len(numbers) + 1 < len(values):
            continue
        active = [_without_none(trial, name) for trial in trials]
        decided = domains(decisive(active))
        parents = [
            domain
            for other, domain in decided.items()
            if other != name and domain.cardinality is not None and domain.cardinality > 1
        ]
        if (
            condition_of(
                name,
                parents,
                [plain_configuration(trial.configuration, decided) for trial in decisive(active)],
            )
            is not None
        ):
            trials = active
    return list(trials)


def _without_none(trial: Imported, name: str) -> Imported:
    if choice_of(trial.configuration.get(name, "")) != NONE:
        return trial
    return replace(
        trial, configuration={other: value for other, value in trial.configuration.items() if other != name}
    )


def without_holes(
    trials: Sequence[Imported], domains: Domains, where: str, total: int
) -> tuple[list[Imported], list[str]]:
    """Return the trials that have every hyperparameter which no condition makes inactive.

    Sentences that count the trials left out are returned too.

    Args:
        trials: of one variant, all decisive.
        domains: the domains of trials, by hyperparameter.
        where: the trials come from, for sentences.
        total: trials of the variant, also those that failed or run.

    Raises:
        InputError: half of the trials or more would be left out; the message names the options.
    """
    remaining, notes = list(trials), list[str]()
    while True:
        decided = domains(remaining)
        _, unexplained = with_conditions(
            decided, [plain_configuration(trial.configuration, decided) for trial in remaining]
        )
        if not unexplained:
            return remaining, notes
        name = min(unexplained, key=lambda name: sum(name not in trial.configuration for trial in remaining))
        complete = [trial for trial in remaining if name in trial.configuration]
        notes.append(_left_out(name, len(remaining) - len(complete), trials, complete, where, total))
        remaining = complete


def complete_in(
    space: SearchSpace, trials: Sequence[Imported], where: str
) -> tuple[list[Imported], list[str]]:
    """Return the trials that have every active hyperparameter of a space.

    Sentences that count the trials left out are returned too.

    Args:
        space: of the trials' variant.
        trials: of one variant.
        where: the trials come from, for sentences.

    Raises:
        InputError: as :func:`without_holes`.
    """
    domains = {domain.name: domain for domain in space}
    remaining = [_within(trial, domains) for trial in trials]
    deciding, notes = decisive(remaining), []
    for domain in space:
        lacking = {id(trial) for trial in decisive(remaining) if _lacks(trial, domain, domains)}
        if lacking:
            remaining = [trial for trial in remaining if id(trial) not in lacking]
            notes.append(
                _left_out(domain.name, len(lacking), deciding, decisive(remaining), where, len(trials))
            )
    return remaining, notes


def _within(trial: Imported, domains: Mapping[str, Hyperparameter]) -> Imported:
    """Return the trial without the None of a hyperparameter that does not have it as a choice."""
    for name, domain in domains.items():
        if NONE not in getattr(domain, "choices", getattr(domain, "levels", ())):
            trial = _without_none(trial, name)
    return trial


def _lacks(trial: Imported, domain: Hyperparameter, domains: Mapping[str, Hyperparameter]) -> bool:
    return domain.name not in trial.configuration and holds(
        domain.when, plain_configuration(trial.configuration, domains)
    )


def _left_out(
    name: str, count: int, trials: Sequence[Imported], complete: Sequence[Imported], where: str, total: int
) -> str:
    if 2 * len(complete) <= len(trials):
        absent = sum(name not in trial.configuration for trial in trials)
        raise InputError(
            f"{name} has no value in {absent} of {len(trials)} trials{where}, and no other hyperparameter "
            f"tells in which; give the value that they had (defaults=, --default {name}=VALUE), or leave "
            f"{name} out (ignore=, --leave-out {name})"
        )
    return (
        f"Left out, having no {name} while no other hyperparameter tells why: {count} of {total} "
        f"trials{where}; if they had one, give it (defaults=, --default {name}=VALUE)."
    )
