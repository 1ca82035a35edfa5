"""Settings that forgive errors: the setting that loses least when every hyperparameter is off at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sensitivity.figures.settings import robust_settings
from sensitivity.questions.fixed_settings import NOTHING_VARIES, something_varies
from sensitivity.questions.leads import named
from sensitivity.questions.quantities import cell, constant, setting, several
from sensitivity.questions.question import (
    Drawing,
    Question,
    nothing_learned,
    of_task,
    refusal,
    rows,
    tables,
)
from sensitivity.results.results import records
from sensitivity.text.quantities import of_quantities
from sensitivity.text.wording import known, listed

if TYPE_CHECKING:
    from sensitivity.measures import Measured


TWO = constant(2, "off_by")


@of_quantities
def safer(measured: Measured, task: str) -> list[str]:
    """Return for which variants another setting than the best clearly loses less when numbers are off."""
    table = [row for row in records(of_task(measured.robust_setting, task)) if row["configuration"]]
    clear = [row["variant"] for row in table if row["cost_low"] > 0]
    if clear:
        return [
            f"Another setting than the best clearly forgives errors better for {named(clear, len(table))}."
        ]
    return ["No setting is seen to forgive errors better than the best."]


@of_quantities
def _settings(measured: Measured, task: str) -> list[str]:
    """Return the robust setting of each variant, and what the best setting loses more than it."""
    table = [row for row in records(of_task(measured.robust_setting, task)) if row["configuration"]]
    same = [row["variant"] for row in table if row["configuration"] == row["best_configuration"]]
    text = []
    if same:
        whose = f"of {listed(same)} " if len(same) < len(table) or len(table) > 1 else ""
        text.append(
            f"The best setting {whose}also loses least when every number is off by a factor of {TWO}."
        )
    for start, is_clear in (("Safer", True), ("Not clearly safer", False)):
        words = [
            f"{row['variant']} {setting(row['configuration'], 'robust_setting', row)}"
            + (f" (the best setting loses {_cost(row)} more)" if row["cost"] > 0 else "")
            for row in table
            if row["variant"] not in same and (row["cost_low"] > 0) == is_clear
        ]
        if words:
            text.append(
                f"{start} than the best setting when every number is off by a factor of {TWO}: "
                f"{several(words)}."
            )
    bounded = [row["variant"] for row in table if not known(row["value"])]
    if bounded:
        text.append(f"Some settings beside it diverge, so that only bounds are known, for {listed(bounded)}.")
    return text


def _cost(row: dict[str, Any]) -> str:
    return cell(f"{row['cost']:.3g}", "robust_setting", row, "cost")


def _why_not(measured: Measured, task: str) -> str:
    if not something_varies(measured):
        return NOTHING_VARIES
    nothing = nothing_learned(measured, task) or refusal(measured.robust_setting)
    if nothing:
        return nothing
    table = records(of_task(measured.robust_setting, task))
    if any(row["configuration"] for row in table):
        return ""
    notes = dict.fromkeys(row["note"].split("; ")[-1] for row in table)
    reason = next(iter(notes), "") or "no variant has such a setting"
    return f"{reason[0].upper()}{reason[1:]}."


def _some(measured: Measured, task: str) -> bool:
    return bool(rows(measured.robust_setting, task))


ROBUST = Question(
    "robust",
    "Which setting forgives errors?",
    (safer, _settings),
    (
        Drawing(
            robust_settings,
            "The loss that is expected when every number is off by up to a factor of 2 at once, at the "
            "setting that then loses least and at the best setting.",
            "robust_setting",
            _some,
        ),
    ),
    tables("robust_setting"),
    _why_not,
)
