"""Comparison of variants: every pair, with a test corrected for the number of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensitivity.figures import differences
from sensitivity.questions.fixed_settings import NOTHING_VARIES, something_varies
from sensitivity.questions.question import Drawing, Question, nothing_learned, of_task, refusal, rows, tables
from sensitivity.text.wording import several, with_interval

if TYPE_CHECKING:
    from sensitivity.measures import Measured

LEVEL = 0.05
"""Significance level of the tests."""


def sentences(measured: Measured, task: str) -> list[str]:
    """Return the pairs that differ by more than noise, and the detectable difference, in sentences."""
    table = rows(measured.comparisons, task)
    if not table:
        return []
    to = "lr sensitivity" if measured.compared_over == "lr" else "sensitivity"
    different = sorted((row for row in table if row["p_holm"] < LEVEL), key=lambda row: row["p_holm"])
    count = f"{len(table)} pair{'s' if len(table) > 1 else ''}"
    if different:
        words = []
        for row in different:
            less, more = (row["a"], row["b"]) if row["value"] < 0 else (row["b"], row["a"])
            ends = sorted((abs(row["low"]), abs(row["high"])))
            size = with_interval({"value": abs(row["value"]), "low": ends[0], "high": ends[1]})
            words.append(f"{less} less sensitive than {more} by {size}, p {_p(row['p_holm'])}")
        text = [
            f"Differences in {to} beyond noise, of {count} (p with Holm's correction): {several(words, 5)}."
        ]
    else:
        least = min(table, key=lambda row: row["p"])
        none = (
            f"{least['a']} and {least['b']} do not differ"
            if len(table) == 1
            else f"No pair of {len(table)} differs"
        )
        nearest = "" if len(table) == 1 else "nearest to it: "
        text = [
            f"{none} in {to} by more than noise at 5% (Holm's correction); {nearest}{least['a']} minus "
            f"{least['b']}, {with_interval(least)}, p {_p(least['p_holm'])}."
        ]
    seen = [row["detectable"] for row in table]
    size = (
        f"{min(seen):.3g}" if len(seen) == 1 else f"{min(seen):.3g} to {max(seen):.3g}, depending on the pair"
    )
    return [
        *text,
        f"Smallest difference that this study detects with 80% power: {size}.",
    ]


def _p(value: float) -> str:
    """Word a p-value.

    >>> _p(0.0312), _p(0.00002), _p(1.0)
    ('= 0.031', '< 0.001', '= 1')
    """
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def _why_not(measured: Measured, task: str) -> str:
    variants = [variant for place, variant in measured.results.groups if place == task]
    if len(variants) < 2:
        return "There is one variant: nothing to compare it with."
    if not something_varies(measured):
        return NOTHING_VARIES
    nothing = nothing_learned(measured, task)
    if nothing:
        return nothing
    refused = refusal(measured.comparisons)
    return refused or (
        ""
        if len(of_task(measured.comparisons, task))
        else "No two variants have a hyperparameter to compare over."
    )


COMPARING = Question(
    "comparing",
    "Is one variant less sensitive than another?",
    (sentences,),
    (
        Drawing(
            differences,
            "The difference of every two variants; a difference inside the grey bar is too small for this "
            "study to detect.",
            "comparisons",
        ),
    ),
    tables("comparisons", "differences"),
    _why_not,
)
