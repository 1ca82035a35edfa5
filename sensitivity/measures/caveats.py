"""Reasons to doubt a result, for the reader of a report."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from search_spaces.class_defaults import default_outside
from search_spaces.hyperparameters import Float, Integer
from sensitivity.measures import forest as forests
from sensitivity.measures.edges import advice
from sensitivity.measures.factorial import is_replicated_grid
from sensitivity.measures.losses import FIXED, groups, scaled
from sensitivity.measures.outliers import outliers
from sensitivity.measures.verdicts import SPAN
from sensitivity.results.capping import reference
from sensitivity.results.repeats import seeds_in_words
from sensitivity.results.results import ASSUMED_ADAPTIVE, IMPORTED
from sensitivity.text.wording import listed, number, several

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.results.results import Results

FEWEST, EACH = 8, 5
"""Configurations that a variant should have: the minimum, and the number for each varied hyperparameter."""
KINDS = (
    "failed", "stopped", "unfinished", "one seed", "adaptive", "few trials", "outlier", "poor surrogate",
    "constraints", "unequal ranges", "default outside", "never learned", "constant", "edge",
)  # fmt: skip


def caveats(results: Results) -> pd.DataFrame:
    """Return one row for each reason to doubt a result.

    The columns are ``kind`` (one of :data:`KINDS`) and ``text``, with ``task`` and ``variant`` where the
    reason concerns one. The kinds:

    ``failed``, ``stopped``, ``unfinished``: trials without a result. ``one seed``: every configuration (of
    some variants) has one seed, so that seed noise is unknown. ``adaptive``: an optimizer chose the
    configurations. ``few trials``: fewer than 8 configurations, or than 5 for each hyperparameter.
    ``outlier``: one trial, or a few far out, carry most of the variance
    (:mod:`sensitivity.measures.outliers`). ``poor surrogate``: effects are read from a random forest whose
    out-of-bag R2 is under .5. ``constraints``: effects are read from a random forest, and constraints leave a
    part of the space out. ``unequal ranges``: variants search ranges of different width of the same
    hyperparameter. ``default outside``: a range leaves out the default of the optimizer's class.
    ``never learned``: no configuration is better than the initial loss. ``constant``: all
    losses are equal. ``edge``: the best value of a numeric hyperparameter is at the end of the values tried,
    by more than noise (:func:`sensitivity.measures.edges.edges`), once a variant, with the range of the same
    width to try next within its natural bounds.

    Source: the checklist of Godbole et al., "Deep Learning Tuning Playbook" (2023), for ends of ranges; the
    rest is this package's.
    """
    general = [
        *_unmeasured(results),
        *_design(results),
        *_few(results),
        *_surrogates(results),
        *_constraints(results),
        *_ranges(results),
        *_defaults(results),
    ]
    rows = [("", "", kind, text) for kind, text in general]
    every = groups(results)
    for group in every:
        where = f"{group.variant} on {group.task}"
        if not group.learned:
            text = (
                f"{where} never did better than {reference(results, group.task)}: its numbers say nothing "
                "about its hyperparameters."
            )
            rows.append((group.task, group.variant, "never learned", text))
        elif len(group.loss) > 1 and forests.constant(group):
            text = (
                f"{where} has the same loss at every configuration: none of its hyperparameters has an "
                "effect that this study could see."
            )
            rows.append((group.task, group.variant, "constant", text))
    learned = [group for group in every if group.learned]
    rows += [(task, variant, "outlier", text) for task, variant, text in outliers(results, learned)]
    rows += [(task, variant, "edge", text) for task, variant, text in advice(results, learned)]
    rows.sort(key=lambda row: KINDS.index(row[2]))
    return pd.DataFrame(rows, columns=["task", "variant", "kind", "text"])


def _unmeasured(results: Results) -> list[tuple[str, str]]:
    status, total = results.all_trials["status"], len(results.all_trials)
    failed, stopped = int((status == "failed").sum()), int((status == "stopped").sum())
    unfinished = int(status.isin(("pending", "running")).sum())
    sentences = []
    if failed:
        sentences.append(
            ("failed", f"{failed} of {total} trials failed and {_are(failed)} left out{_reasons(results)}.")
        )
    if stopped:
        verb, they = ("was", "it has") if stopped == 1 else ("were", "they have")
        text = (
            f"{stopped} of {total} trials {verb} stopped early and {_are(stopped)} left out: {they} no "
            "result at the full budget."
        )
        sentences.append(("stopped", text))
    if unfinished:
        hint = "" if IMPORTED in results.spec else "; run the study again to complete it"
        have = "has" if unfinished == 1 else "have"
        sentences.append(("unfinished", f"{unfinished} of {total} trials {have} not finished{hint}."))
    return sentences


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _reasons(results: Results) -> str:
    """Return the place of the reasons of failed trials; imported results may have none."""
    if IMPORTED not in results.spec:
        return "; `sensitivity trials --status failed` shows why"
    errors = results.all_trials.loc[results.all_trials["status"] == "failed", "error"].notna()
    if not errors.any():
        return ""
    return "; trials.csv says why" if errors.all() else f"; trials.csv says why of {int(errors.sum())}"


def _design(results: Results) -> list[tuple[str, str]]:
    sentences = []
    every = groups(results)
    single = [group for group in every if not (np.isfinite(group.loss).sum(axis=1) > 1).any()]
    if single and len(single) == len(every):
        sentences.append(("one seed", "One seed: differences may be luck, and seed noise is unknown."))
    elif single:
        names = several([f"{group.variant} on {group.task}" for group in single])
        sentences.append(
            (
                "one seed",
                f"One seed for {names}: the noise of these results is unknown ({seeds_in_words(results)} in "
                "all).",
            )
        )
    variants = list(dict.fromkeys(variant for _, variant in results.groups))
    adaptive = [name for name in variants if results.design_of(name) == "adaptive"]
    if adaptive:
        of = "" if adaptive == variants else f" of {listed(adaptive)}"
        crowded = "sensitivities and shares describe where it looked, not the range"
        text = (
            f"If an optimizer chose the configurations{of}, it crowds near the best: {crowded}."
            if ASSUMED_ADAPTIVE in results.notes
            else f"The configurations{of} were chosen by an optimizer, which crowds near the best: "
            f"{crowded}. Use a grid, random or sobol "
            "design to measure sensitivity."
        )
        sentences.append(("adaptive", text))
    return sentences


def _few(results: Results) -> list[tuple[str, str]]:
    """Return one sentence for all variants that have equally many configurations on the same task."""
    few: dict[tuple[str, int, int], list[str]] = {}
    for group in groups(results):
        count, needed = int(np.isfinite(group.loss).any(axis=1).sum()), max(FEWEST, EACH * len(group.names))
        if group.names and count < needed:
            few.setdefault((group.task, count, needed), []).append(group.variant)
    sentences = []
    for (task, count, needed), variants in few.items():
        have = "has" if len(variants) == 1 else "have"
        configurations = f"{count} configuration{'' if count == 1 else 's'}"
        sentences.append(
            (
                "few trials",
                f"{several(variants)} {have} only {configurations} on {task}; {needed} are needed.",
            )
        )
    return sentences


def _surrogates(results: Results) -> list[tuple[str, str]]:
    """Return one sentence a task for all its variants."""
    poor: dict[str, list[str]] = {}
    for group in groups(results):
        if group.learned and not is_replicated_grid(results, group.task, group.variant):
            r2 = forests.surrogate_r_squared(scaled(group), results.spaces[group.variant])
            if r2 < forests.POOR:
                poor.setdefault(group.task, []).append(f"{group.variant} {r2:.2f}")
    return [
        (
            "poor surrogate",
            f"The forest from which effects on {task} are read predicts unseen configurations badly "
            f"(out-of-bag R2 under {forests.POOR}: {listed(words)}): do not rely on their shares. More "
            "configurations help, and more seeds where the loss is noisy.",
        )
        for task, words in poor.items()
    ]


def _constraints(results: Results) -> list[tuple[str, str]]:
    """Return one sentence for all variants with constraints whose effects a forest predicts."""
    found: dict[str, list[str]] = {}
    for group in groups(results):
        constraints = results.spaces[group.variant].constraints
        if constraints and not is_replicated_grid(results, group.task, group.variant):
            found.setdefault(group.variant, [f"'{constraint}'" for constraint in constraints])
    if not found:
        return []
    limits = list(dict.fromkeys(limit for of_one in found.values() for limit in of_one))
    text = (
        f"Effects of {several(list(found))} are averaged over their whole space, also over what "
        f"{listed(limits)} leaves out, where nothing was trained."
    )
    return [("constraints", text)]


def _ranges(results: Results) -> list[tuple[str, str]]:
    searched: dict[str, dict[str, list[str]]] = {}
    for variant in dict.fromkeys(variant for _, variant in results.groups):
        for hyperparameter in results.spaces[variant]:
            if hyperparameter.cardinality != 1:
                searched.setdefault(hyperparameter.name, {}).setdefault(_domain(hyperparameter), []).append(
                    variant
                )
    sentences = []
    for name, domains in searched.items():
        if len(domains) > 1 and not _of_one_range(results, name) and not _of_one_width(results, name):
            words = [f"{domain} for {listed(variants)}" for domain, variants in domains.items()]
            text = (
                f"The ranges of {name} differ, so what is measured over them does, too: {'; '.join(words)}."
            )
            sentences.append(("unequal ranges", text))
    return sentences


def _defaults(results: Results) -> list[tuple[str, str]]:
    sentences = []
    for variant in dict.fromkeys(variant for _, variant in results.groups):
        domains = {domain.name: domain for domain in results.spaces[variant] if domain.cardinality != 1}
        for name, default in default_outside(variant, domains):
            text = (
                f"The default {name} of {variant}, {number(default)}, lies outside of the range that was "
                f"searched, {_domain(domains[name])}."
            )
            sentences.append(("default outside", text))
    return sentences


def _of_one_width(results: Results, name: str) -> bool:
    """Return True if all ranges are equally many decades: each variant has a range around its own rate."""
    variants = dict.fromkeys(variant for _, variant in results.groups)
    domains = [results.spaces[variant][name] for variant in variants if name in results.spaces[variant].names]
    spans = [
        math.log10(domain.high / domain.low)
        for domain in domains
        if isinstance(domain, Float) and domain.scale == "log" and domain.cardinality != 1
    ]
    return len(spans) == len(domains) and max(spans) - min(spans) <= SPAN


def _of_one_range(results: Results, name: str) -> bool:
    """Return True if ranges read off random configurations differ by no more than draws from one range do.

    Of n draws, none lies in the last 4/n of the range at one end in at most 2% of samples.
    """
    counts = {group.variant: len(group.loss) for group in groups(results) if name in group.names}
    drawn = all(results.design_of(variant) not in FIXED for variant in counts)
    domains = [results.spaces[variant][name] for variant in counts]
    ranges = [domain for domain in domains if isinstance(domain, Float | Integer)]
    if (
        IMPORTED not in results.spec
        or not drawn
        or len({domain.scale for domain in domains}) > 1
        or len(ranges) < len(domains)
    ):
        return False
    low, high = min(domain.low for domain in ranges), max(domain.high for domain in ranges)
    whole = Float(name, low, high, ranges[0].scale)
    gap = max(max(whole.to_unit(domain.low), 1 - whole.to_unit(domain.high)) for domain in ranges)
    return bool(gap <= 4 / min(counts.values()))


def _domain(hyperparameter: Hyperparameter) -> str:
    if hyperparameter.scale in ("ordinal", "categorical"):
        return listed(
            [
                number(value)
                for value in getattr(hyperparameter, "levels", ()) or getattr(hyperparameter, "choices", ())
            ]
        )
    zero = "0 or " if getattr(hyperparameter, "zero", None) is not None else ""
    return f"{zero}{number(hyperparameter.low)} to {number(hyperparameter.high)} ({hyperparameter.scale})"  # type: ignore[union-attr]
