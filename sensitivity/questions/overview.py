"""The table of variants that a reader sees first, in the order of the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.measures.levels import printed_level
from sensitivity.measures.verdicts import FACTOR
from sensitivity.questions.decided import has_regret, recommended, won
from sensitivity.questions.quantities import cell, constant, interval, setting, share
from sensitivity.questions.question import of_task, rows
from sensitivity.questions.summary import best_title, best_words, expected_words, has_finite
from sensitivity.results.capping import cap_of
from sensitivity.results.results import records
from sensitivity.text.quantities import END, Text, marked
from sensitivity.text.wording import DASH, known, percent

if TYPE_CHECKING:
    from sensitivity.measures import Measured

THREE = constant(f"{FACTOR:.0f}", "factor")
OWN_BEST = (
    "Sensitivity: mean excess of the loss over the variant's own best, in units of the loss and capped at "
    "{cap}, over {what} (Wortsman et al. " + constant(2023, "year") + ")."
)
REGRET = (
    "Rank: the places that a variant can have when tuned, all pairs tested together. Behind: how far its "
    "best configuration (tuned) and the mean of all (untuned) are from the best of all variants, in "
    "percent of {won}; losses are capped at {cap}."
)
DEFAULTED = " At default: how far the default setting is behind; it is no part of the mean."
MISS = (
    f" Factor {THREE}: what a learning rate that is wrong by a factor of {THREE} costs, in percent of "
    "{won}."
)
VALLEY = " Good range: decades of learning rate within a tenth of {won} of the variant's own best."
EXPECTED = "expected on a rerun"
"""Title of the column of results that are corrected for the luck of choosing the best."""
ROBUST = f" Robust width: decades of learning rate within {constant('10%', 'robust')} of the best loss."
INTERVALS = "Intervals hold the truth in {level} of studies (divergence: Wilson). "
RANK, TUNED, UNTUNED, DEFAULT = "rank when tuned", "behind when tuned", "behind untuned", "behind at default"
MISSED, GOOD, WIDTH = "factor 3 costs", "good range (decades)", "robust width (decades)"
ENDS = ("first", "last")
"""Columns of the ranks that a variant can have."""
BRIEF = (RANK, TUNED, UNTUNED, DEFAULT, MISSED, "lr sensitivity", "sensitivity", "diverged")
"""Columns of numbers that a terminal shows, where they exist."""


def how_to_read(measured: Measured, task: str) -> str:
    """Return the explanation of the numbers of :func:`overview`."""
    cap = cap_of(measured.results, task).replace("that ended", "that any trial of the task ended with")
    intervals = INTERVALS.format(level=constant(printed_level(measured.results, task), "level"))
    if _ranked(measured, task):
        unit = won(measured, task)
        shown = overview(measured, task)
        columns = ((DEFAULT, DEFAULTED), (MISSED, MISS), (GOOD, VALLEY))
        more = "".join(text.format(won=unit) for name, text in columns if name in shown)
        return Text(intervals + REGRET.format(won=unit, cap=cap) + more)
    over = {"lr": "the range of learning rates"}.get(measured.compared_over or "", "all configurations")
    words = intervals + OWN_BEST.format(what=over, cap=cap)
    return Text(words + (ROBUST if measured.compared_over == "lr" else ""))


def _ranked(measured: Measured, task: str) -> bool:
    """Return True if the regret is measured; False where it cannot be, or fails."""
    return measured.attempt("overview", partial(has_regret, measured, task), False)


def overview(measured: Measured, task: str) -> pd.DataFrame:
    """Return one row a variant: best result, measured and expected, what it loses, divergence.

    Where the regret is measured, the variants are in the order of the verdict: the one to use, then by the
    places that they can have when tuned, then by what they lose untuned, those that did not learn last.
    Elsewhere the least sensitive is first.
    """
    ranked = _ranked(measured, task)
    losses = _losses(measured, task) if ranked else {}
    table = records(of_task(measured.overview, task))
    if ranked:
        order = list(losses)
        table.sort(key=lambda row: order.index(row["variant"]) if row["variant"] in losses else len(order))
    shown = []
    for row in table:
        cells = {
            "variant": row["variant"],
            best_title(measured.results): marked(best_words(measured.results, row)).strip(","),
            "at": setting(row["configuration"], "overview", row)
            if has_finite(measured.results, row)
            else DASH,
            **(losses.get(row["variant"], {}) if ranked else _own_best(measured, row)),
            "diverged": share("overview", row, "divergence_rate"),
            EXPECTED: _expected(marked(expected_words(measured.results, row))),
            "trials": cell(row["n"], "overview", row, "n"),
        }
        shown.append({name: Text(words) for name, words in cells.items()})
    return _without_empty(pd.DataFrame(shown, dtype=object).fillna(DASH))  # another type has no quantities


def _expected(words: str) -> str:
    """Return an estimate with its interval in brackets, as the other columns have it."""
    value, comma, ends = words.partition(", ")
    return f"{value} ({ends.removesuffix(END)}){END}" if comma else words or DASH


def _without_empty(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without columns of measures that no variant has."""
    optional = [name for name in (EXPECTED, RANK, DEFAULT, GOOD, MISSED, WIDTH) if name in table]
    return table.drop(columns=[name for name in optional if (table[name] == DASH).all()])


def _losses(measured: Measured, task: str) -> dict[str, dict[str, str]]:
    """Return the cells of what each variant loses, in the order of the verdict."""
    ranks = {row["variant"]: row for row in rows(measured.table_named("tuned_ranks"), task)}
    costs = records(of_task(measured.table_named("miss_cost"), task))
    missed = {row["variant"]: row for row in costs if row["factor"] == FACTOR}
    valleys = {row["variant"]: row for row in rows(measured.table_named("valley"), task)}
    regrets, first_named = records(of_task(measured.regret, task)), recommended(measured, task)
    regrets.sort(
        key=lambda row: (
            not row["learned"],
            row["variant"] != first_named,
            ranks.get(row["variant"], {"first": len(regrets)})["first"],
            row["value"] if known(row["value"]) else row["tuned"],
        )
    )
    cells = {}
    for row in regrets:
        variant = row["variant"]
        place = "not ranked: did not learn" if not row["learned"] else DASH
        if variant in ranks:
            first, last = (cell(ranks[variant][end], "tuned_ranks", ranks[variant], end) for end in ENDS)
            place = first if ranks[variant]["first"] == ranks[variant]["last"] else f"{first} to {last}"
        cells[variant] = {
            RANK: place,
            TUNED: share("regret", row, "tuned"),
            UNTUNED: share("regret", row),
            DEFAULT: share("regret", row, "default"),
            MISSED: _missed(missed.get(variant)),
            GOOD: _good(valleys.get(variant)),
        }
    return cells


def _missed(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return DASH
    if known(row["value"]):
        return share("miss_cost", row)
    if known(row["low"]) and known(row["high"]):
        low, high = (cell(percent(row[end]), "miss_cost", row, end) for end in ("low", "high"))
        return f"{low} to {high}"
    for side, way in (("below", "too small"), ("above", "too large")):
        if known(row[side]):
            return f"{way}: {share('miss_cost', row, side)}"
    return DASH


def _good(row: Mapping[str, Any] | None) -> str:
    if row is None or not known(row["value"]):
        return DASH
    return f"{'at least ' if row['at_least'] else ''}{interval('valley', row, form='.2g')}"


def _own_best(measured: Measured, row: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of distances from the variant's own best."""
    of_what = f"{measured.compared_over} sensitivity" if measured.compared_over else "sensitivity"
    value = DASH
    if measured.results.varied(row["variant"]):
        value = interval("overview", row, "sensitivity") if row["learned"] else "did not learn"
    return {of_what: value, WIDTH: interval("overview", row, "robust_width") if row["learned"] else DASH}
