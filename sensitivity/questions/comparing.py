"""Comparison of variants: every pair, with a test corrected for the number of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sensitivity.figures import differences, verdict_pairs
from sensitivity.measures.verdicts import EQUIVALENT, UNDECIDED
from sensitivity.questions.decided import won
from sensitivity.questions.fixed_settings import NOTHING_VARIES, something_varies
from sensitivity.questions.leads import decided_pairs
from sensitivity.questions.quantities import cell, constant, count, several
from sensitivity.questions.question import Drawing, Question, nothing_learned, of_task, refusal, rows, tables
from sensitivity.text.quantities import of_quantities
from sensitivity.text.wording import known, with_interval

if TYPE_CHECKING:
    from sensitivity.measures import Measured

QUANTITIES = {
    "regret": "The loss of an untuned configuration",
    "miss": "The cost of a learning rate that is wrong by a factor of " + constant(3, "factor"),
}
"""What the verdicts of a study are about, in words."""


@of_quantities
def sentences(measured: Measured, task: str) -> list[str]:
    """Return the verdicts on all pairs in sentences: told apart, equivalent, undecided."""
    table = rows(measured.verdicts, task)
    if not table:
        return []
    what = QUANTITIES[table[0]["by"]]
    better = sorted((row for row in table if row["better"]), key=lambda row: -abs(row["value"]))
    text = []
    if better:
        words, level = several([_told_apart(row) for row in better], 5), constant("95%", "level")
        text.append(f"{what}, {_unit(measured, task, better)}: {words} (simultaneous {level} intervals).")
    equal = [f"{row['a']} with {row['b']}" for row in table if row["verdict"] == EQUIVALENT]
    if equal:
        margin = cell(f"{table[0]['margin']:.3g}", "verdicts", table[0], "margin")
        text.append(f"Equivalent within {margin}: {several(equal, 5)}.")
    open_pairs = [f"{row['a']} against {row['b']}" for row in table if row["verdict"] == UNDECIDED]
    if open_pairs:
        noun = "pair" if len(table) == 1 else "pairs"
        text.append(f"Not decided, of {count(len(table), 'pairs', task)} {noun}: {several(open_pairs, 5)}.")
    return text


def _told_apart(row: dict[str, Any]) -> str:
    worse = row["b"] if row["better"] == row["a"] else row["a"]
    name, form = ("share", ".0%") if known(row["share"]) else ("value", ".3g")
    low, high = ("share_low", "share_high") if name == "share" else ("low", "high")
    ends = sorted((abs(row[low]), abs(row[high])))
    size = with_interval({"value": abs(row[name]), "low": ends[0], "high": ends[1]}, form=form)
    return f"{row['better']} is better than {worse} by {cell(size, 'verdicts', row, name, 'size')}"


def _unit(measured: Measured, task: str, pairs: list[dict[str, Any]]) -> str:
    return f"as a share of {won(measured, task)}" if known(pairs[0]["share"]) else "in units of the loss"


def _why_not(measured: Measured, task: str) -> str:
    variants = [variant for place, variant in measured.results.groups if place == task]
    if len(variants) < 2:
        return "There is one variant: nothing to compare it with."
    if not something_varies(measured):
        return NOTHING_VARIES
    nothing = nothing_learned(measured, task)
    if nothing:
        return nothing
    refused = refusal(measured.verdicts)
    return refused or ("" if len(of_task(measured.verdicts, task)) else "No two variants can be compared.")


COMPARING = Question(
    "comparing",
    "Is one variant less sensitive than another?",
    (decided_pairs, sentences),
    (
        Drawing(
            verdict_pairs,
            "The difference of every two variants in what the verdicts are about. A pair is told apart where "
            "its interval leaves out 0; all intervals hold together.",
            "verdicts",
        ),
    ),
    tables("verdicts", "ranks", "comparisons", "differences"),
    _why_not,
    by_name=(
        Drawing(
            differences,
            "The difference of every two variants in their distance from their own best. A variant that is "
            "worse everywhere may have the smaller distance: which is better, the verdicts say.",
            "comparisons",
        ),
    ),
)
