"""Choice of a configuration without the test data: what it is worth by the test metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensitivity.figures.settings import selection_gaps
from sensitivity.questions.fixed_settings import NOTHING_VARIES, something_varies
from sensitivity.questions.leads import named
from sensitivity.questions.quantities import interval, several
from sensitivity.questions.question import (
    Drawing,
    Question,
    nothing_learned,
    of_task,
    refusal,
    rows,
    tables,
)
from sensitivity.text.quantities import of_quantities
from sensitivity.text.wording import listed

if TYPE_CHECKING:
    from sensitivity.measures import Measured


@of_quantities
def clear_gaps(measured: Measured, task: str) -> list[str]:
    """Return the variants of which the choice clearly loses something."""
    table = rows(measured.selection, task)
    lost = [row["variant"] for row in table if row["gap_low"] > 0]
    if not lost:
        return []
    select, report = table[0]["select"], table[0]["report"]
    return [f"Choosing a configuration by {select} clearly costs {report} for {named(lost, len(table))}."]


@of_quantities
def _gaps(measured: Measured, task: str) -> list[str]:
    """Return what the choice loses: the variants of which it clearly loses something, or none."""
    table = rows(measured.selection, task)
    select, report = table[0]["select"], table[0]["report"]
    lost = [row for row in table if row["gap_low"] > 0]
    if not lost:
        unknown = all(row["gap_high"] != row["gap_high"] for row in table)
        sure = "as far as one seed tells" if unknown else "that these seeds show"
        return [f"Choosing a configuration by {select} costs nothing in {report} {sure}."]
    words = [f"{row['variant']} {interval('selection', row, 'gap')}" for row in lost]
    rest = [row["variant"] for row in table if row not in lost]
    more = f" It costs {listed(rest)} nothing that these seeds show." if rest and len(rest) <= 8 else ""
    return [f"Choosing a configuration by {select} instead of {report} costs: {several(words)}.{more}"]


def _why_not(measured: Measured, task: str) -> str:
    if not something_varies(measured):
        return NOTHING_VARIES
    nothing = nothing_learned(measured, task) or refusal(measured.selection)
    if nothing:
        return nothing
    table = of_task(measured.selection, task)
    return "" if table["value"].notna().any() else "The other metric is not known of any trial of this task."


CHOOSING = Question(
    "choosing",
    "Does the choice hold on test data?",
    (clear_gaps, _gaps),
    (
        Drawing(
            selection_gaps,
            "The test metric of the configuration that is chosen without it, beside that of the best "
            "configuration.",
            "selection",
        ),
    ),
    tables("selection"),
    _why_not,
)
