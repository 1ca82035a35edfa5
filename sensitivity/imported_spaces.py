"""The search spaces of trials that something else ran: given, known from their source, or inferred, and then said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from search_spaces.hyperparameters import Float, Integer
from search_spaces.inferred import inferred_space, scale_of
from search_spaces.listing import condition
from search_spaces.spaces import SearchSpace
from sensitivity.planning import DONE
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.imported import Imported

MOST_LEVELS = 1000
Spaces = SearchSpace | Mapping[str, SearchSpace] | None
"""As a user gives them: one for every variant, one for each, or none."""


def spaces_of(
    trials: Sequence[Imported],
    order: Sequence[str],
    given: Spaces,
    scales: Mapping[str, str],
    known: Mapping[str, Mapping[str, Hyperparameter]],
) -> tuple[dict[str, SearchSpace], list[str]]:
    """The space of each variant, and what was inferred, in words."""
    variants = list(dict.fromkeys(each.variant for each in trials))
    if isinstance(given, SearchSpace):
        return dict.fromkeys(variants, given), []
    if given is not None:
        for name in given:
            if name not in variants:
                raise unknown("variant in spaces", name, variants)
        for name in variants:
            if name not in given:
                raise InputError(f"spaces lacks {name!r}; give the space of every variant ({', '.join(variants)}), or none")
        return {name: given[name] for name in variants}, []
    there = dict.fromkeys(name for each in trials for name in each.configuration)
    names = list(dict.fromkeys([*(name for name in order if name in there), *there]))
    for name in scales:
        if name not in names:
            raise unknown("hyperparameter in scales", name, names)
    # A trial that failed may have failed before it had all of its configuration.
    done = [each for each in trials if each.status in (*DONE, "stopped")]
    whole = {(each.variant, *sorted(each.configuration)) for each in done or trials}
    searched = [each for each in trials if (each.variant, *sorted(each.configuration)) in whole]
    shared, guessed = dict(scales), []
    for name in names:
        values = [each.configuration[name] for each in searched if name in each.configuration and name not in known.get(each.variant, {})]
        if values and name not in shared:
            shared[name] = scale_of(name, values)  # of all variants together: one that each has a scale of its own for cannot be compared
            guessed.append(name)
    made = {}
    for variant in variants:
        own = [each.configuration for each in searched if each.variant == variant] or [
            each.configuration for each in trials if each.variant == variant
        ]
        made[variant] = inferred_space(own, names=names, scales=shared, known=known.get(variant))
    return made, _inferred_words(made, guessed, known)


def check_measurable(made: Mapping[str, SearchSpace], source: str) -> None:
    """Every variant has hyperparameters, and what is called lr is a learning rate: its axis is logarithmic in measures and figures."""
    for variant, space in made.items():
        if not len(space):
            raise InputError(f"variant {variant!r} of {source} has no hyperparameters")
        if "lr" in space and not all(isinstance(each, (int, float)) and 0 < each < math.inf for each in space["lr"].grid(MOST_LEVELS)):
            raise InputError(f"a hyperparameter called 'lr' must hold numbers above 0, got {space['lr']!r}; call it something else")


def _inferred_words(
    made: Mapping[str, SearchSpace], guessed: Sequence[str], known: Mapping[str, Mapping[str, Hyperparameter]]
) -> list[str]:
    words = {name: shared for name in guessed for shared in [_domain_words(name, made)] if shared}
    conditions = dict.fromkeys(f"{each.name} when {condition(each.when)}" for space in made.values() for each in space.conditional)
    found = [f"Conditions were inferred from which values are there: {'; '.join(conditions)}."] if conditions else []
    if not words:
        return found
    how = "give scales (--scale NAME=SCALE) or spaces to say otherwise"
    return [
        f"Scales and ranges were inferred from the values: {'; '.join(words.values())}. If that is not how they were searched, {how}.",
        *found,
    ]


def _domain_words(name: str, made: Mapping[str, SearchSpace]) -> str:
    """The scale and the range of a hyperparameter over all variants; nothing where it has a single value."""
    domains = [space[name] for space in made.values() if name in space]
    if all(each.cardinality == 1 for each in domains):
        return ""
    scale = domains[0].scale
    ends = [(each.low, each.high) for each in domains if isinstance(each, (Float, Integer))]
    return f"{name} {scale}" + (f" {min(low for low, _ in ends):.4g} to {max(high for _, high in ends):.4g}" if ends else "")
