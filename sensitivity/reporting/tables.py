"""Tables for readers: a value and its interval in one cell, four digits, no empty column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.questions.quantities import KEYS, PLACE, share
from sensitivity.questions.question import of_task
from sensitivity.results.results import records
from sensitivity.text.quantities import Text, quantity_id, quoted
from sensitivity.text.wording import DASH, number, setting, with_interval

if TYPE_CHECKING:
    from sensitivity.measures import Measured


def shares(measured: Measured, task: str) -> pd.DataFrame:
    """Return shares of the variance of the loss, one row a variant and one column an effect."""
    table = of_task(measured.main_effects, task)
    effects = list(dict.fromkeys(table["effect"]))
    rows = []
    for variant, part in table.groupby("variant", sort=False):
        by_effect = {row["effect"]: Text(share("main_effects", row)) for row in records(part)}
        rows.append({"variant": str(variant), **{effect: by_effect.get(effect, DASH) for effect in effects}})
    return pd.DataFrame(rows, dtype=object)  # another type has no quantities


def in_words(table: pd.DataFrame, of: str = "") -> pd.DataFrame:
    """Return a measure's table of one task for reading, with each value and its interval in one cell.

    Args:
        table: The table.
        of: Its name, with which every cell has the id of its quantity; empty for cells without ids.

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
    keys = _keys(table, of) if of else []
    shown: dict[str, list[str]] = {}
    for name in names:
        column = list(table[name])
        if name in ends or (name == "task" and len(set(column)) == 1) or all(text == "" for text in column):
            continue
        title = f"{name} (interval)" if name in spans else name
        if name in spans:
            low, high = (list(table[end]) for end in spans[name])
            cells = [{"value": a, "low": b, "high": c} for a, b, c in zip(column, low, high, strict=True)]
            texts = [with_interval(row, form=".4g") for row in cells]
        else:
            texts = [cell(value) for value in column]
        if of:
            texts = [Text.of(text, f"{key}/{quoted(name)}") for text, key in zip(texts, keys, strict=True)]
        shown[title.replace("_", " ")] = texts
    return pd.DataFrame(shown, dtype=object)  # another type has no quantities


def _keys(table: pd.DataFrame, name: str) -> list[str]:
    """Return the ids of the rows of a table."""
    columns = [list(table[column]) for column in KEYS.get(name, PLACE) if column in table.columns]
    return [quantity_id(name, *values) for values in zip(*columns, strict=True)]


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
