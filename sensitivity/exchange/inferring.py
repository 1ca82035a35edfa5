"""Search spaces of imported trials: specified, known from the source, or inferred."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from search_spaces.hyperparameters import Float, Integer
from search_spaces.inferred import domain_of, inferred_space, plain_configuration, scale_of
from search_spaces.listing import condition
from search_spaces.spaces import SearchSpace
from search_spaces.validity import is_valid
from sensitivity.exchange.fixed_settings import with_fixed_settings
from sensitivity.exchange.holes import (
    DECISIVE,
    Domains,
    complete_in,
    decisive,
    with_defaults,
    without_holes,
    without_inactive_nones,
)
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.exchange.trial import Imported

MOST_LEVELS = 1000
Spaces = SearchSpace | Mapping[str, SearchSpace] | None
"""As a user gives them: one for every variant, one for each, or none."""


class Inferred(NamedTuple):
    """Return value of :func:`spaces_of`.

    spaces: by variant.
    trials: those that are not left out.
    notes: what was inferred and left out, in words.
    """

    spaces: dict[str, SearchSpace]
    trials: list[Imported]
    notes: list[str]


def spaces_of(
    trials: Sequence[Imported],
    order: Sequence[str],
    fixed: Spaces,
    scales: Mapping[str, str],
    known: Mapping[str, Mapping[str, Hyperparameter]],
    defaults: Mapping[str, Any],
) -> Inferred:
    """Return the space of each variant, and the trials that fit into it.

    A trial is left out if it lacks a hyperparameter and no condition explains it.

    Holes are told from conditions in :mod:`sensitivity.exchange.holes`.

    Args:
        trials: as they were read.
        order: names of hyperparameters, as the spaces shall have them.
        fixed: spaces, which are not inferred then.
        scales: by hyperparameter, instead of the inferred ones.
        known: by variant, hyperparameters whose domain the source tells.
        defaults: of hyperparameters, for the trials that lack them.

    Raises:
        InputError: no space holds the trials that ended. What failed or runs decides nothing.
    """
    filled, words = with_defaults(trials, defaults), list[str]()
    if fixed is None:
        filled, words = with_fixed_settings(filled)
    by_variant: dict[str, list[Imported]] = {}
    for trial in filled:
        by_variant.setdefault(trial.variant, []).append(trial)
    if fixed is not None:
        spaces, remaining, notes = _given(by_variant, fixed)
    else:
        spaces, remaining, notes = _inferred(by_variant, order, scales, _wide_enough(known, defaults))
    places = {trial.key: place for place, trial in enumerate(trials)}
    return Inferred(spaces, sorted(remaining, key=lambda trial: places[trial.key]), words + notes)


def _wide_enough(
    known: Mapping[str, Mapping[str, Hyperparameter]], defaults: Mapping[str, Any]
) -> dict[str, dict[str, Hyperparameter]]:
    """Return the known domains that hold the default of their hyperparameter.

    Other domains are inferred from the values, with the default among them.
    """
    return {
        variant: {
            name: domain
            for name, domain in domains.items()
            if name not in defaults
            or is_valid(SearchSpace(domain), plain_configuration({name: defaults[name]}, {name: domain}))
        }
        for variant, domains in known.items()
    }


def _given(
    by_variant: Mapping[str, Sequence[Imported]], fixed: SearchSpace | Mapping[str, SearchSpace]
) -> Inferred:
    spaces = dict.fromkeys(by_variant, fixed) if isinstance(fixed, SearchSpace) else fixed
    for name in spaces:
        if name not in by_variant:
            raise unknown("variant in spaces", name, by_variant)
    by_name: dict[str, SearchSpace] = {}
    remaining: list[Imported] = []
    notes: list[str] = []
    for variant, rows in by_variant.items():
        if variant in spaces:
            complete, words = complete_in(spaces[variant], rows, _where(variant, by_variant))
            by_name[variant] = spaces[variant]
            remaining += complete
            notes += words
        elif decisive(rows):
            raise InputError(
                f"spaces lacks {variant!r}; give the space of every variant ({', '.join(by_variant)}), or "
                "none"
            )
        else:
            notes.append(_none_ended(variant, rows))
    return Inferred(by_name, remaining, notes)


def _inferred(
    by_variant: Mapping[str, Sequence[Imported]],
    order: Sequence[str],
    scales: Mapping[str, str],
    known: Mapping[str, Mapping[str, Hyperparameter]],
) -> Inferred:
    everything = [trial for rows in by_variant.values() for trial in rows]
    hyperparameters = dict.fromkeys(name for trial in everything for name in trial.configuration)
    names = list(dict.fromkeys([*(name for name in order if name in hyperparameters), *hyperparameters]))
    for name in scales:
        if name not in names:
            raise unknown("hyperparameter in scales", name, names)
    deciding: dict[str, list[Imported]] = {}
    remaining: list[Imported] = []
    notes: list[str] = []
    for variant, rows in by_variant.items():
        described = known.get(variant, {})
        domains = partial(_domains, names=names, scales=scales, known=described)
        if not decisive(rows):
            deciding[variant] = _most_complete(rows, domains)
            remaining += rows if deciding[variant] else []
            notes += [] if deciding[variant] else [_none_ended(variant, rows)]
            continue
        active = without_inactive_nones(rows, domains, [name for name in names if name not in described])
        deciding[variant], words = without_holes(
            decisive(active), domains, _where(variant, by_variant), len(rows)
        )
        complete = {id(trial) for trial in deciding[variant]}
        remaining += [trial for trial in active if trial.status not in DECISIVE or id(trial) in complete]
        notes += words
    deciding = {variant: rows for variant, rows in deciding.items() if rows}
    shared = _scales(deciding, names, scales, known)
    spaces = {
        variant: inferred_space(
            [trial.configuration for trial in rows], names=names, scales=shared, known=known.get(variant)
        )
        for variant, rows in deciding.items()
    }
    guessed = [name for name in shared if name not in scales]
    return Inferred(spaces, remaining, [*notes, *_inferred_words(spaces, guessed)])


def _domains(
    trials: Sequence[Imported],
    *,
    names: Sequence[str],
    scales: Mapping[str, str],
    known: Mapping[str, Hyperparameter],
) -> dict[str, Hyperparameter]:
    """Return the domains of the trials' hyperparameters, without conditions."""
    domains: dict[str, Hyperparameter] = {}
    for name in names:
        values = [trial.configuration[name] for trial in trials if name in trial.configuration]
        if values:
            domains[name] = known[name] if name in known else domain_of(name, values, scales.get(name))
    return domains


def _most_complete(trials: Sequence[Imported], domains: Domains) -> list[Imported]:
    """Return the trials with the most hyperparameters, of a variant in which no trial ended."""
    most = max(len(trial.configuration) for trial in trials)
    complete = [trial for trial in trials if len(trial.configuration) == most]
    try:
        return complete if most and not without_holes(complete, domains, "", len(complete))[1] else []
    except InputError:
        return []


def _scales(
    deciding: Mapping[str, Sequence[Imported]],
    names: Sequence[str],
    scales: Mapping[str, str],
    known: Mapping[str, Mapping[str, Hyperparameter]],
) -> dict[str, str]:
    """Return the scales of the hyperparameters, shared by all variants.

    Variants with different scales of a hyperparameter could not be compared.
    """
    shared = dict(scales)
    for name in names:
        values = [
            trial.configuration[name]
            for variant, rows in deciding.items()
            for trial in rows
            if name in trial.configuration and name not in known.get(variant, {})
        ]
        if values and name not in shared:
            shared[name] = scale_of(name, values)
    return shared


def _where(variant: str, variants: Collection[str]) -> str:
    return f" of {variant}" if len(variants) > 1 else ""


def _none_ended(variant: str, trials: Sequence[Imported]) -> str:
    return f"Left out: variant {variant!r}, of whose {len(trials)} trials none ended with a result."


def check_measurable(space_of: Mapping[str, SearchSpace], source: str) -> None:
    """Check that every variant has hyperparameters, and that lr has positive values.

    The axis of lr is logarithmic in measures and figures.

    Args:
        space_of: search space by variant.
        source: of the trials, for messages.

    Raises:
        InputError: one of the checks fails.
    """
    for variant, space in space_of.items():
        if not len(space):
            raise InputError(f"variant {variant!r} of {source} has no hyperparameters")
        if "lr" in space and not all(
            isinstance(level, (int, float)) and 0 < level < math.inf
            for level in space["lr"].grid(MOST_LEVELS)
        ):
            raise InputError(
                f"a hyperparameter called 'lr' must hold numbers above 0, got {space['lr']!r}; call it "
                "something else"
            )


def _inferred_words(space_of: Mapping[str, SearchSpace], guessed: Sequence[str]) -> list[str]:
    words = {name: shared for name in guessed for shared in [_domain_words(name, space_of)] if shared}
    conditions = dict.fromkeys(
        f"{hyperparameter.name} when {condition(hyperparameter.when)}"
        for space in space_of.values()
        for hyperparameter in space.conditional
    )
    descriptions = (
        [f"Conditions were inferred from which values are there: {'; '.join(conditions)}."]
        if conditions
        else []
    )
    if not words:
        return descriptions
    how = "give scales (--scale NAME=SCALE) or spaces to say otherwise"
    return [
        f"Scales and ranges were inferred from the values: {'; '.join(words.values())}. If that is not how "
        f"they were searched, {how}.",
        *descriptions,
    ]


def _domain_words(name: str, space_of: Mapping[str, SearchSpace]) -> str:
    """Return the scale and the range of a hyperparameter over all variants; "" for a single value."""
    domains = [space[name] for space in space_of.values() if name in space]
    if all(domain.cardinality == 1 for domain in domains):
        return ""
    scale = domains[0].scale
    ends = [(domain.low, domain.high) for domain in domains if isinstance(domain, (Float, Integer))]
    return f"{name} {scale}" + (
        f" {min(low for low, _ in ends):.4g} to {max(high for _, high in ends):.4g}" if ends else ""
    )
