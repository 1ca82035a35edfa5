"""Any one table of a study, with its intervals drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from dash import dcc, html

from sensitivity.dashboard import shell, words
from sensitivity.dashboard.filters import the_task
from sensitivity.dashboard.trials_page import download
from sensitivity.figures.intervals import intervals
from sensitivity.measures.measured import REFUSED
from sensitivity.questions import QUESTIONS

if TYPE_CHECKING:
    from sensitivity.dashboard.source import Source
    from sensitivity.dashboard.view import View
    from sensitivity.measures import Measured

TABLES = {name: question.key for question in QUESTIONS for name, _ in question.tables}
"""The question of each table."""
NEED_CURVES = ("learning_curves", "late_gains")


def chosen(view: View) -> str:
    """The table of a view; the first for one that does not exist."""
    return view.measure if view.measure in TABLES else next(iter(TABLES))


def found(source: Source, view: View, name: str) -> pd.DataFrame:
    """A table of the trials that a view keeps. Raises: Pending."""
    question = next(each for each in QUESTIONS if each.key == TABLES[name])
    task = the_task(source.kept(view), view)

    def made(measured: Measured) -> pd.DataFrame:
        return question.table(name, measured, task)

    return source.measured(view, made, ("table", name, task), curves=name in NEED_CURVES)


def table(source: Source, view: View, question: str, name: str) -> Any:
    """A table and its CSV; why there is none where the measure refuses."""
    if source.kept(view).usable.empty:
        return html.P("No trial has ended yet.", className="what")
    made = found(source, view, name)
    if made.empty:
        return shell.notice("Not measured", str(made.attrs.get(REFUSED, "nothing in these results has it")), kind="refused")
    return [html.P(html.A("CSV", href=download(view, name), download="")), words.frame(made, caption=name.replace("_", " "))]


def shown(source: Source, view: View) -> list[Any]:
    """The choice of a measure, its intervals as a figure, and its table."""
    name = chosen(view)
    options = [
        {"label": f"{each.replace('_', ' ')} ({question.title})", "value": each} for question in QUESTIONS for each, _ in question.tables
    ]
    pick = dcc.Dropdown(id={"type": "control", "name": "measure"}, options=options, value=name, clearable=False)
    head = [html.H2(name.replace("_", " ")), html.Div(html.Label([html.Span("Measure", className="label"), pick]), className="field")]
    if source.kept(view).usable.empty:
        return head
    made = found(source, view, name)
    if made.empty or not {"value", "low", "high"} <= set(made.columns):
        return [*head, table(source, view, TABLES[name], name)]
    figure = intervals(made, name.replace("_", " "), source.results(view).spaces)
    return [*head, *graph("measure", figure.to_json()), table(source, view, TABLES[name], name)]


def graph(name: str, drawn: str) -> list[Any]:
    """A figure that is there already."""
    return [
        dcc.Store(id={"type": "drawn", "name": name}, data=drawn),
        dcc.Graph(id={"type": "graph", "name": name}, config={"displaylogo": False}, responsive=True),
    ]
