"""Course of the run: times of the trials, number of parallel trials, and failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sensitivity.figures.timeline import ran, timeline
from sensitivity.figures.words import counted
from sensitivity.questions.quantities import cell, count, several
from sensitivity.questions.question import Drawing, Question, for_all
from sensitivity.results.results import records
from sensitivity.study.trial import STATUSES
from sensitivity.text.quantities import of_quantities, quantity

if TYPE_CHECKING:
    from sensitivity.measures import Measured


def course(measured: Measured, task: str) -> pd.DataFrame:
    """Return the trials that have reported, by status.

    Columns: status, n, seconds (sum of the training time), begin and end (UTC).
    """
    spans = ran(measured.results.all_trials)
    rows = [
        {
            "status": status,
            "n": len(part),
            "seconds": part["seconds"].sum(),
            "begin": part["begin"].min(),
            "end": part["end"].max(),
        }
        for status in STATUSES
        if len(part := spans[spans["status"] == status])
    ]
    return pd.DataFrame(rows, columns=["status", "n", "seconds", "begin", "end"])


def failures(measured: Measured, task: str) -> pd.DataFrame:
    """Return the errors of failed trials, the most frequent first.

    Columns: error, n, key (of the first trial with the error).
    """
    trials = measured.results.all_trials
    failed = trials[trials["status"] == "failed"]
    by_error = failed.fillna({"error": "no reason given"}).groupby("error", sort=False)
    table = by_error.agg(n=("key", "size"), key=("key", "first")).reset_index()
    return table.sort_values("n", ascending=False, kind="stable", ignore_index=True)


@of_quantities
def sentences(measured: Measured, task: str) -> list[str]:
    """Return begin and end, number of parallel trials, and the errors, in sentences."""
    spans = ran(measured.results.all_trials)
    begin, end = spans["begin"].min(), spans["end"].max()
    took = (end - begin).total_seconds()
    mean = (spans["end"] - spans["begin"]).dt.total_seconds().sum() / took if took else len(spans)
    first, last = (
        quantity(f"{time:%Y-%m-%d %H:%M}", "count", "course", end)
        for end, time in (("begin", begin), ("end", end))
    )
    trials = quantity(counted(len(spans), "trial"), "count", "ran")
    lanes = count(int(spans["lane"].max()) + 1, "lanes")
    average = quantity(f"{mean:.1f}", "count", "mean_lanes")
    text = [f"From {first} to {last} UTC {trials} ran, up to {lanes} at a time, {average} on average."]
    errors = [
        f"{cell(_first_line(row['error']), 'failures', row, 'error')} "
        f"({cell(counted(row['n'], 'trial'), 'failures', row, 'n')})"
        for row in records(failures(measured, task))
    ]
    return [
        *text,
        f"Errors, which no measure counts: {several(errors, 3)}." if errors else "No trial failed.",
    ]


def _first_line(error: str) -> str:
    return error.partition("\n")[0][:120]


def _why_not(measured: Measured, task: str) -> str:
    return "When these trials ran is not known." if ran(measured.results.all_trials).empty else ""


COURSE = Question(
    "course",
    "How did the run go?",
    (sentences,),
    (
        Drawing(
            for_all(timeline),
            "When each trial trained, and how it ended: gaps are waiting, and trials that failed together "
            "may share a cause.",
            "course",
        ),
    ),
    (("course", course), ("failures", failures)),
    _why_not,
    once=True,
)
