"""Sensitivity of each variant: to its learning rate, over its whole space, and at its stability limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sensitivity.figures import (
    danger_zone,
    divergence_map,
    lr_curves,
    parallel_coordinates,
    performance_sensitivity,
    slices,
    tuned_and_missed,
)
from sensitivity.figures.words import counted
from sensitivity.measures.stability import ALWAYS_DIVERGED, NOTHING_DIVERGED, repeated_rates
from sensitivity.measures.verdicts import FACTOR
from sensitivity.questions.decided import has_regret, not_ranked, recommendation, standing, tried_beside
from sensitivity.questions.fixed_settings import settings_compared, something_varies
from sensitivity.questions.leads import costly_rates
from sensitivity.questions.quantities import cell, constant, count, interval, several, share, uncut
from sensitivity.questions.question import Drawing, Question, nothing_learned, of_task, rows, tables, trials
from sensitivity.results.capping import counted_as, reference
from sensitivity.results.results import records
from sensitivity.text.quantities import marked, of_quantities
from sensitivity.text.wording import known, number, percent

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.measures import Measured

OWN_BEST = (
    "How good a variant can be against how far an untuned setting is from that variant's own best. A "
    "bad variant may be near its own best everywhere, so the vertical axis comes first. Overlapping "
    "bars decide nothing: the verdicts say which variants are told apart."
)
"""How to read the distance of variants from their own best."""
SAME = 1e-3
"""Share below which the difference of two sensitivities is ignored."""


@of_quantities
def ranking(measured: Measured, task: str) -> list[str]:
    """Return which variants lead, tuned and untuned, and those that never learned.

    Without a common reference, the sentences are on the distance of each variant from its own best.
    """
    if not something_varies(measured):
        return [
            "No hyperparameter varies, so there is no sensitivity to measure.",
            *map(marked, settings_compared(measured, task)),
        ]
    if refused := not_ranked(measured, task):
        return refused
    table = of_task(measured.overview, task)
    ranked = table[table["learned"] & table["sensitivity"].notna()].sort_values("sensitivity")
    over_lr = measured.compared_over == "lr"
    to, over = (
        ("its learning rate", "the range searched") if over_lr else ("its hyperparameters", "the space")
    )
    alone = list(table.loc[table["learned"] & table["sensitivity"].isna(), "variant"])
    level = "one learning rate" if over_lr else "one configuration"
    missing = [f"No sensitivity is measured of {several(alone)}: {level} has results."] if alone else []
    if len(ranked) > 1 and has_regret(measured, task):
        return [*map(marked, standing(measured, task)), *missing]
    text = []
    if len(ranked) == 1:
        one = ranked.iloc[0]
        text.append(
            f"A random {one['variant']} configuration costs on average {_excess(one)} over its best, over "
            f"{over}."
        )
    elif len(ranked) > 1:
        least, most = ranked.iloc[0], ranked.iloc[-1]
        text.append(
            f"Least sensitive to {to}: {least['variant']}, whose loss is on average {_excess(least)} above "
            f"its best over {over}; most sensitive: {most['variant']}, {_excess(most)}."
        )
        text += _ties(measured, task, str(least["variant"]), set(ranked["variant"]))
    text += missing
    idle = list(table.loc[~table["learned"], "variant"])
    if idle:
        text.append(f"Never better than {reference(measured.results, task)}, so not ranked: {several(idle)}.")
    return text


def _excess(row: pd.Series) -> str:
    return interval("overview", row, "sensitivity")


def _ties(measured: Measured, task: str, least: str, ranked: set[str]) -> list[str]:
    pairs = measured.differences
    pairs = pairs[
        (pairs["task"] == task)
        & ((pairs["a"] == least) | (pairs["b"] == least))
        & (pairs["low"] <= 0)
        & (pairs["high"] >= 0)
    ]
    others = [row["b"] if row["a"] == least else row["a"] for row in records(pairs)]
    others = [name for name in others if name in ranked]
    if not others:
        return []
    return [f"The sensitivities of {several([least, *others])} cannot be told apart."]


@of_quantities
def _untuned(measured: Measured, task: str) -> list[str]:
    if measured.compared_over is None:  # the ranking already shows this table
        return []
    rate = {row["variant"]: row["value"] for row in rows(measured.lr_sensitivity, task)}
    learned = set(of_task(measured.overview, task).query("learned")["variant"])
    chosen = [row for row in rows(measured.excess_loss, task) if row["variant"] in learned]
    if all(
        abs(row["value"] - rate.get(row["variant"], row["value"])) <= SAME * abs(row["value"])
        for row in chosen
    ):
        return []
    words = [f"{row['variant']} {interval('excess_loss', row)}" for row in chosen]
    return [
        f"Over the whole space, an untuned configuration costs on average, over the best: {several(words)}."
    ]


@of_quantities
def _tuned(measured: Measured, task: str) -> list[str]:
    """Return the cost of a wrong learning rate where other hyperparameters vary with it."""
    learned = of_task(measured.overview, task).query("learned")["variant"]
    more = {variant for variant in learned if tried_beside(measured, task, variant)}
    chosen = [row for row in rows(measured.tuned_lr_sensitivity, task) if row["variant"] in more]
    if not chosen:
        return []
    words = [f"{row['variant']} {interval('tuned_lr_sensitivity', row)}" for row in chosen]
    return [f"With the rest tuned, a wrong learning rate costs on average: {several(words)}."]


@of_quantities
def _robust(measured: Measured, task: str) -> list[str]:
    """Return the range within 10% of the best, where the first table has no good range."""
    if has_regret(measured, task) and any(
        known(row["value"]) for row in rows(measured.table_named("valley"), task)
    ):
        return []
    learned = set(of_task(measured.overview, task).query("learned")["variant"])
    chosen = [row for row in rows(measured.robust_width, task) if row["variant"] in learned]
    if not chosen:
        return []
    cut = [row["variant"] for row in chosen if "wider than the range shows" in row["note"]]
    more = f" At least that for {several(cut)}, whose valley goes on beyond the range." if cut else ""
    words = [f"{row['variant']} over {interval('robust_width', row, form='.2g')}" for row in chosen]
    near = constant("10%", "robust")
    return [f"Within {near} of its best loss, in decades of learning rate: {several(words)}.{more}"]


@of_quantities
def _good(measured: Measured, task: str) -> list[str]:
    if not something_varies(measured):
        return []
    learned = set(of_task(measured.overview, task).query("learned")["variant"])
    chosen = [row for row in rows(measured.robust_share, task) if row["variant"] in learned]
    words = [f"{row['variant']} {share('robust_share', row)}" for row in chosen]
    near = constant("10%", "robust")
    return [f"Share of all configurations within {near} of the best: {several(words)}."] if words else []


@of_quantities
def diverged(measured: Measured, task: str) -> list[str]:
    """Return the number of diverged trials, and the loss that they count as."""
    rates = [row for row in rows(measured.divergence_rate, task) if row["diverged"]]
    if not rates:
        return ["No trial diverged."]
    words = [f"{row['variant']} {_of_trials(row)}" for row in rates]
    return [f"Diverged trials, counted {counted_as(measured.results, task)}: {several(words)}."]


def _of_trials(row: dict[str, Any]) -> str:
    """Return the number of trials, and the share with equal weights of configurations where it differs."""
    diverged, trials = (uncut("divergence_rate", row, name) for name in ("diverged", "n"))
    of_space, of_trials = percent(row["value"]), percent(row["diverged"] / row["n"])
    share_of_space = cell(of_space, "divergence_rate", row, "value")
    more = f" ({share_of_space} with every configuration weighted alike)" if of_space != of_trials else ""
    return f"{diverged} of {trials}{more}"


@of_quantities
def _boundary(measured: Measured, task: str) -> list[str]:
    if not of_task(measured.divergence_rate, task)["diverged"].any():
        return []
    if not any("lr" in measured.results.varied(variant) for _, variant in measured.results.groups):
        return ["No learning rate varies, so there is no boundary of stability to find along it."]
    whole = rows(measured.stability_boundary, task, other="")
    chosen = [row for row in whole if row["note"] not in (NOTHING_DIVERGED, ALWAYS_DIVERGED)]
    if not chosen:
        return []
    words = [f"{row['variant']} {interval('stability_boundary', row)}" for row in chosen]
    return [f"Highest stable learning rate (no divergence; all diverge): {several(words)}."]


@of_quantities
def _danger(measured: Measured, task: str) -> list[str]:
    table = rows(measured.danger_zone, task)
    if not table or not of_task(measured.divergence_rate, task)["diverged"].any():
        return []
    if not any(row["n"] for row in table):
        return [
            "With one seed of each configuration, whether the seed decides between training and divergence "
            "is unknown."
        ]
    mixed = [row for row in table if row["value"] > 0]
    if not mixed:
        return _undecided(repeated_rates(measured.results, task))
    worst: dict[str, dict[str, Any]] = {}
    for row in sorted(mixed, key=lambda row: -row["value"]):
        worst.setdefault(row["variant"], row)
    words = [
        f"{name} at {cell(number(row['lr']), 'danger_zone', row, 'lr')}, {share('danger_zone', row)} of "
        f"{cell(counted(row['n'], 'configuration'), 'danger_zone', row, 'n')}"
        for name, row in worst.items()
    ]
    return [f"Learning rates where the seed decides between training and divergence: {several(words, 5)}."]


def _undecided(repeated: Mapping[str, int]) -> list[str]:
    """Return that the seed decided at none of the learning rates with two seeds.

    The text is empty for one learning rate, which shows nothing.
    """
    enough = {variant: rates for variant, rates in repeated.items() if rates > 1}
    if not enough:
        return []
    counts = set(enough.values())
    alike = enough.keys() == repeated.keys() and len(counts) == 1
    many = f"{count(counts.pop(), 'repeated_rates')} " if alike else ""
    words = [f"{variant} {count(rates, 'repeated_rates', variant)}" for variant, rates in enough.items()]
    names = "" if alike else f" ({several(words)})"
    return [
        f"At none of the {many}learning rates with at least two seeds{names} did the seed decide between "
        "training and divergence."
    ]


def has_rates(measured: Measured, task: str) -> bool:
    """Return True if a variant varies its learning rate on this task."""
    return bool((measured.lr_curve["task"] == task).any())


def _some_sensitivity(measured: Measured, task: str) -> bool:
    return bool(of_task(measured.overview, task)["sensitivity"].notna().any()) and not nothing_learned(
        measured, task
    )


def _some_missed(measured: Measured, task: str) -> bool:
    """Return True if the cost of a miss is known, or has bounds, for a variant that learned."""
    if not has_regret(measured, task):
        return False
    learned = {row["variant"] for row in rows(measured.regret, task) if row["learned"]}
    return any(
        row["variant"] in learned and row["factor"] == FACTOR and known(row["low"]) and known(row["high"])
        for row in rows(measured.table_named("miss_cost"), task)
    )


def _own_best_only(measured: Measured, task: str) -> bool:
    return _some_sensitivity(measured, task) and not _some_missed(measured, task)


def _some_diverged(measured: Measured, task: str) -> bool:
    return bool(of_task(measured.divergence_rate, task)["diverged"].any())


def _some_diverged_along_lr(measured: Measured, task: str) -> bool:
    return _some_diverged(measured, task) and has_rates(measured, task)


def _several_vary(measured: Measured, task: str) -> bool:
    return any(
        len(measured.results.varied(variant)) > 1
        for place, variant in measured.results.groups
        if place == task
    )


def _has_others(measured: Measured, task: str) -> bool:
    return not has_rates(measured, task) and something_varies(measured)


SENSITIVE = Question(
    "sensitive",
    "How sensitive is each variant?",
    (recommendation, ranking, diverged, costly_rates, _tuned, _untuned, _robust, _good, _boundary, _danger),
    (
        Drawing(
            lr_curves,
            "The line is the best that the other hyperparameters can make of each learning rate; dots are "
            "single trials. A flat, wide valley is a tolerant variant; red crosses are trials that diverged, "
            "drawn at the loss that they count as (dotted).",
            "lr_curve",
            has_rates,
        ),
        Drawing(
            tuned_and_missed,
            "Good is lower left. Overlapping bars decide nothing: the verdicts say which variants are told "
            "apart. A bar without a mark gives bounds, where some trials diverge.",
            "miss_cost",
            _some_missed,
        ),
        Drawing(
            slices,
            "Every trial along every hyperparameter, on its own scale; red crosses are trials that diverged, "
            "drawn at the loss that they count as.",
            "trials",
            _has_others,
        ),
        Drawing(performance_sensitivity, OWN_BEST, "overview", _own_best_only),
        Drawing(
            divergence_map,
            "Where trials diverge, over the learning rate and what interacts with it most; the line is the "
            "largest stable learning rate.",
            "stability_boundary",
            _some_diverged,
        ),
        Drawing(
            danger_zone,
            "At which learning rates training and divergence are a matter of luck: there the outcome depends "
            "on the seed.",
            "danger_zone",
            _some_diverged_along_lr,
        ),
        Drawing(
            parallel_coordinates,
            "Every trial as a line through its hyperparameters; drag along an axis to keep those that pass "
            "there.",
            "trials",
            _several_vary,
        ),
    ),
    (
        *tables(
            "overview", "lr_curve", "lr_sensitivity", "tuned_lr_sensitivity", "excess_loss", "robust_width"
        ),
        *tables("miss_cost", "robust_share", "divergence_rate", "stability_boundary", "danger_zone"),
        ("trials", trials),
    ),
    by_name=(Drawing(performance_sensitivity, OWN_BEST, "overview", _some_sensitivity),),
)
