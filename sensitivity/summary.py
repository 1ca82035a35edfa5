"""What the study found, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.measures.caveats import caveats as _caveats
from sensitivity.planning import METRICS
from sensitivity.questions.effects import leading
from sensitivity.questions.question import nothing_learned, of_task
from sensitivity.questions.sensitive import diverged, ranking
from sensitivity.questions.tuning import within
from sensitivity.wording import setting, several, with_interval

if TYPE_CHECKING:
    from sensitivity.measures import Measured
    from sensitivity.results import Results


MOST_EDGES = 5
"""Ranges with the best at an end that are told of."""


def summary(measured: Measured, task: str) -> list[str]:
    """Sentences on one task: best, least and most sensitive, what cannot be told apart, what matters, what diverged."""
    table = of_task(measured.overview, task)
    if table.empty:
        return ["No trial has ended yet."]
    best = table.sort_values("best_loss").iloc[0]
    title = best_title(measured.results)
    first = f"{title[0].upper()}{title[1:]}: {best['variant']}, {best_words(measured.results, best)} at {setting(best['configuration'])}."
    if nothing_learned(measured, task):
        return [*ranking(measured, task), *diverged(measured, task)]
    return [
        first,
        *ranking(measured, task),
        *leading(measured, task),
        *within(measured, task),
        *diverged(measured, task),
    ]


def caveats(measured: Measured) -> list[str]:
    """What the reader should not believe without a second look, and what was assumed of results that were read from elsewhere."""
    table = _caveats(measured.results)
    edges = table[table["kind"] == "edge"]
    folded = edges.iloc[MOST_EDGES:]
    more = []
    if len(folded):
        noun = "range" if len(folded) == 1 else "ranges"
        names = several(list(dict.fromkeys(folded["variant"])))
        more = [f"And {len(folded)} more {noun} with the best at an end, of {names}: the measure `caveats` lists all."]
    return [*table.drop(index=folded.index)["text"], *more, *measured.results.notes]


def best_words(results: Results, row: Mapping[str, Any] | pd.Series) -> str:
    """The best of a row of the overview, as the metric itself: what is maximised is measured by its negative."""
    if results.direction == "min":
        return with_interval(row, "best_loss")
    ends = {"": -row["best_loss"], "_low": -row["best_loss_high"], "_high": -row["best_loss_low"]}
    return with_interval({f"best{end}": each for end, each in ends.items()}, "best")


def best_title(results: Results) -> str:
    """What a column of :func:`best_words` is called."""
    return "best loss" if results.metric in METRICS else f"best {results.metric}"
