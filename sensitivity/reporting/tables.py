"""Tables for readers: a value and its interval in one cell, four digits, no empty column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.questions.question import of_task
from sensitivity.results.results import records
from sensitivity.text.wording import DASH, number, setting, with_interval

if TYPE_CHECKING:
    from sensitivity.measures import Measured


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
