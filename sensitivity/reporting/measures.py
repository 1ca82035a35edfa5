"""Every measure beside the report, as CSV and Parquet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from sensitivity.questions import QUESTIONS
from sensitivity.questions.question import refusal
from sensitivity.results.results import of_one_type
from sensitivity.text.csv_text import csv_text

if TYPE_CHECKING:
    import pathlib

    from sensitivity.measures import Measured

NOT_MEASURES = ("trials",)
"""Tables of questions that lie elsewhere already."""


def save_measures(measured: Measured, folder: pathlib.Path) -> None:
    """Write the table of every measure, of all tasks, as CSV and Parquet.

    ``refused.csv`` lists the measures that could not be computed, with the reasons.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tasks = list(dict.fromkeys(task for task, _ in measured.results.groups))
    refused = []
    for question in QUESTIONS:
        for name, _ in question.tables:
            if name in NOT_MEASURES:
                continue
            parts = [question.table(name, measured, task) for task in (tasks[:1] if question.once else tasks)]
            filled = [part for part in parts if not part.empty]
            if not filled:
                reason = (
                    refusal(parts[0]) or question.reason_against(measured, tasks[0]) or "Nothing to measure."
                )
                refused.append({"measure": name, "reason": reason})
                continue
            table = _plain(pd.concat(filled, ignore_index=True))
            (folder / f"{name}.csv").write_text(csv_text(table), encoding="utf-8", newline="")
            (folder / f"{name}.parquet").write_bytes(table.to_parquet(index=False))
    if refused:
        (folder / "refused.csv").write_text(csv_text(pd.DataFrame(refused)), encoding="utf-8", newline="")


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with configurations as JSON: a column of text opens everywhere."""
    plain_columns = {
        name: column
        for name, column in table.items()
        if column.map(lambda value: isinstance(value, dict)).any()
    }
    text = {
        str(name): column.map(lambda value: json.dumps(value, default=str))
        for name, column in plain_columns.items()
    }
    typed = of_one_type(table.assign(**text))
    typed.attrs = {}
    return typed
