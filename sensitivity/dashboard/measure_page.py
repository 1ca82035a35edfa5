"""Any one table of a study, with its intervals drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
from dash import dcc, html

from sensitivity.dashboard import shell, words
from sensitivity.dashboard.drawing import PLAIN, untitled
from sensitivity.dashboard.trials_page import download
from sensitivity.figures.intervals import intervals
from sensitivity.measures.guard import REFUSED, Guard
from sensitivity.questions import QUESTIONS
from sensitivity.readers.filters import the_task
from sensitivity.text.csv_text import csv_text
from trainables.names import InputError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from sensitivity.measures import Measured
    from sensitivity.readers.source import Source
    from sensitivity.readers.view import View

TABLES = {name: question.key for question in QUESTIONS for name, _ in question.tables}
"""The question of each table."""
PATIENCE = 120.0
"""Seconds that a download waits."""


def chosen(view: View) -> str:
    """Return the table of a view; the first for one that does not exist."""
    return view.measure if view.measure in TABLES else next(iter(TABLES))


def measured_table(source: Source, view: View, name: str) -> pd.DataFrame:
    """Return a table of the trials that a view keeps.

    Raises: Pending.
    """
    question = next(candidate for candidate in QUESTIONS if candidate.key == TABLES[name])
    task = the_task(source.filtered_results(view), view)

    def compute(measured: Measured) -> pd.DataFrame:
        return question.table(name, measured, task)

    return source.measured(view, compute, ("table", name, task))


def table(view: View, name: str, measure: pd.DataFrame) -> list[Any]:
    """Return a table and its CSV; the reason where the measure refuses."""
    if measure.empty:
        return [
            shell.notice(
                "Not measured",
                str(measure.attrs.get(REFUSED, "nothing in these results has it")),
                kind="refused",
            )
        ]
    return [
        html.P(html.A("CSV", href=download(view, name), download="")),
        words.frame(measure, caption=name.replace("_", " ")),
    ]


def csv(source: Source, view: View, name: str) -> str:
    """Return a table as CSV, however long it takes."""
    task = the_task(source.filtered_results(view), view)
    question = next(candidate for candidate in QUESTIONS if candidate.key == TABLES[name])

    def compute(measured: Measured) -> str:
        return csv_text(question.table(name, measured, task))

    return source.measured(view, compute, ("csv", name, task), patience=PATIENCE)


def shown(source: Source, view: View) -> list[Any]:
    """Return the menu of measures, the intervals of the chosen measure as a figure, and its table."""
    name = chosen(view)
    head = [html.H2(name.replace("_", " ")), *menu(view)]
    if source.filtered_results(view).usable.empty:
        return [*head, shell.notice("No trial has ended yet", "There is nothing to measure.")]
    measure = measured_table(source, view, name)
    if (
        measure.empty
        or not {"value", "low", "high"} <= set(measure.columns)
        or not measure["value"].notna().any()
    ):
        return [*head, *table(view, name, measure)]
    draw = partial(intervals, measure, name.replace("_", " "), source.results(view).spaces)
    return [*head, *graph("measure", draw), *table(view, name, measure)]


def menu(view: View) -> list[Any]:
    """Return every table, by the question that it answers."""
    rows = []
    for question in QUESTIONS:
        links = [
            html.Li(shell.link(name.replace("_", " "), view.but(measure=name), current=name == chosen(view)))
            for name, _ in question.tables
        ]
        rows.append(html.Div([html.P(question.title, className="what"), html.Ul(links)]))
    return [html.Nav(rows, className="menu", **{"aria-label": "measures"})]


def graph(name: str, draw: Callable[[], go.Figure]) -> list[Any]:
    """Return a figure of what is computed already, without its own title; the reason where it fails."""
    guard = Guard()
    try:
        figure = guard.required(f"figure {name}", draw)
        untitled(figure)
        data = guard.required(f"figure {name}", figure.to_json)
    except InputError as failure:
        return [shell.notice("Not drawn", str(failure), kind="refused")]
    return [
        dcc.Store(id={"type": "static", "name": name}, data=data),
        dcc.Graph(id={"type": "static graph", "name": name}, config=PLAIN),
    ]
