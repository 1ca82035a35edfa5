"""A figure on a page: drawn off the request path, kept while it stays the same, and read when a reader points at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import dcc, html

from sensitivity.dashboard import shell
from sensitivity.dashboard.brushing import axes
from sensitivity.dashboard.filters import the_task
from sensitivity.figures.words import plain
from sensitivity.questions import QUESTIONS, Drawing, Question

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from sensitivity.dashboard.source import Source
    from sensitivity.dashboard.view import View
    from sensitivity.measures import Measured

CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtonsToAdd": ["select2d"], "modeBarButtonsToRemove": ["lasso2d"]}
CURVES = ("learning_curves",)
"""Figures that need every epoch."""


def card(question: Question, drawing: Drawing) -> html.Figure:
    """The place of a figure, with words on how to read it."""
    name = f"{question.key}:{drawing.name}"
    return html.Figure(
        [
            html.Div(shell.MEASURING, id={"type": "note", "name": name}),
            dcc.Store(id={"type": "drawn", "name": name}),
            dcc.Store(id={"type": "held", "name": name}),
            html.Div(
                dcc.Graph(id={"type": "graph", "name": name}, config=CONFIG),
                role="group",
                **{"aria-label": f"figure: {drawing.name.replace('_', ' ')}"},
            ),
            html.Figcaption(drawing.words),
            dcc.Interval(id={"type": "figure tick", "name": name}, interval=shell.POLL, disabled=True),
        ],
        className="card waiting",
        id={"type": "card", "name": name},
    )


def drawn(source: Source, view: View, name: str) -> tuple[str, str | None, dict[str, str]]:
    """What a figure is known by while it stays the same, the figure as JSON, and its axes; None where these results have no such figure.

    Raises: Pending while it is being measured.
    """
    key, _, function = name.partition(":")
    question = next(each for each in QUESTIONS if each.key == key)
    drawing = next(each for each in question.figures if each.name == function)
    kept = source.kept(view)
    if kept.usable.empty:
        return "nothing", None, {}
    task = the_task(kept, view)

    def made(measured: Measured) -> tuple[str | None, dict[str, str]]:
        if question.why_not(measured, task) or not drawing.needs(measured, task):
            return None, {}
        figure = drawing(measured, task)
        figure.update_layout(uirevision=plain(f"{view.name} {name} {task} {view.metric} {view.scale}"), clickmode="event")
        scaled(figure, view.scale)
        return str(figure.to_json()), axes(figure, measured.results)

    text, of = source.measured(view, made, (name, task, view.scale), curves=function in CURVES)
    return repr((source.key(view), name, task, view.scale)), text, of


def scaled(figure: go.Figure, scale: str) -> None:
    """Put the loss on a ``log`` or ``linear`` axis; the figure's own way for anything else."""
    title = str(figure.layout.yaxis.title.text or "")
    if scale in ("log", "linear") and "loss" in title:
        figure.update_yaxes(type=scale, tickvals=None, ticktext=None, tickmode="auto", range=None, autorange=True)
