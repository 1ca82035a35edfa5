"""Tables for readers: a value and its interval in one cell, four digits, no empty column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.questions.question import of_task
from sensitivity.questions.summary import best_title, best_words, expected_words, has_finite
from sensitivity.results.capping import cap_of
from sensitivity.results.results import records
from sensitivity.text.wording import DASH, number, setting, with_interval

if TYPE_CHECKING:
    from sensitivity.measures import Measured

HOW_TO_READ = (
    "Intervals are 95% intervals (divergence: Wilson). Sensitivity: mean excess of the loss over "
    "the best, in units of the loss and capped at {cap}, over {what} (Wortsman et al. 2023)."
)
EXPECTED = "expected on a rerun"
"""Title of the column of results that are corrected for the luck of choosing the best."""
ROBUST = " Robust width: decades of learning rate within 10% of the best loss."


def how_to_read(measured: Measured) -> str:
    """Return the explanation of the numbers of :func:`overview`."""
    over = {"lr": "the range of learning rates"}.get(measured.compared_over or "", "all configurations")
    cap = cap_of(measured.results).replace("that ended", "that any trial of the task ended with")
    return HOW_TO_READ.format(what=over, cap=cap) + (ROBUST if measured.compared_over == "lr" else "")


def overview(measured: Measured, task: str) -> pd.DataFrame:
    """Return one row a variant: best result, measured and expected, sensitivity, robust width, divergence."""
    table = of_task(measured.overview, task)
    wide = bool(table["robust_width"].notna().any())
    of_what = f"{measured.compared_over} sensitivity" if measured.compared_over else "sensitivity"
    rows = []
    for row in records(table):
        learned = row["learned"]
        cells = {
            "variant": row["variant"],
            best_title(measured.results): best_words(measured.results, row).strip(","),
            EXPECTED: expected_words(measured.results, row) or DASH,
            "at": setting(row["configuration"]) if has_finite(measured.results, row) else DASH,
            of_what: _sensitivity_in_words(measured, row),
            "robust width (decades)": with_interval(row, "robust_width") if learned else DASH,
            "diverged": with_interval(row, "divergence_rate", form=".0%"),
            "trials": str(row["n"]),
        }
        rows.append({name: cell for name, cell in cells.items() if wide or not name.startswith("robust")})
    shown = pd.DataFrame(rows)
    expected = len(shown) and (shown[EXPECTED] != DASH).any()
    return shown if expected else shown.drop(columns=EXPECTED, errors="ignore")


def _sensitivity_in_words(measured: Measured, row: Mapping[str, Any]) -> str:
    """Return the sensitivity of a variant as text; "" if none of its hyperparameters varies."""
    if not measured.results.varied(row["variant"]):
        return DASH
    return with_interval(row, "sensitivity") if row["learned"] else "did not learn"


def shares(measured: Measured, task: str) -> pd.DataFrame:
    """Return shares of the variance of the loss, one row a variant and one column an effect."""
    table = of_task(measured.main_effects, task)
    effects = list(dict.fromkeys(table["effect"]))
    rows = []
    for variant, part in table.groupby("variant", sort=False):
        by_effect = {row["effect"]: with_interval(row, form=".0%") for row in records(part)}
        rows.append({"variant": str(variant), **{effect: by_effect.get(effect, DASH) for effect in effects}})
    return pd.DataFrame(rows)


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """Return a measure's table of one task for reading, with each value and its interval in one cell.

    >>> row = {"task": "t", "variant": "adam", "value": 0.5, "low": 0.25, "high": 1.0, "n": 8, "note": ""}
    >>> in_words(pd.DataFrame([row])).to_dict("records")
    [{'variant': 'adam', 'value (interval)': '0.5 (0.25 to 1)', 'n': '8'}]
    """
    names = [str(name) for name in table.columns]
    spans = {
        name: (f"{name}_low", f"{name}_high")
        for name in names
        if {f"{name}_low", f"{name}_high"} <= set(names)
    }
    if {"value", "low", "high"} <= set(names):
        spans["value"] = ("low", "high")
    ends = {end for pair in spans.values() for end in pair}
    shown: dict[str, list[str]] = {}
    for name in names:
        column = list(table[name])
        if name in ends or (name == "task" and len(set(column)) == 1) or all(text == "" for text in column):
            continue
        if name in spans:
            low, high = (list(table[end]) for end in spans[name])
            cells = [{"value": a, "low": b, "high": c} for a, b, c in zip(column, low, high, strict=True)]
            shown[f"{name} (interval)".replace("_", " ")] = [with_interval(row, form=".4g") for row in cells]
        else:
            shown[name.replace("_", " ")] = [cell(value) for value in column]
    return pd.DataFrame(shown)


def cell(value: Any) -> str:
    """Return a cell as text.

    >>> cell(float("nan")), cell(True), cell({"lr": 0.1}), cell(None)
    ('–', 'yes', 'lr 0.1', '–')
    """
    if value is None:
        return DASH
    if isinstance(value, Mapping):
        return setting(value)
    if isinstance(value, (bool,)) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    return number(value)
