"""A figure on a page.

It is drawn off the request path and cached while it stays the same.
"""

from __future__ import annotations

import html as html_text
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from dash import dcc, html

from sensitivity.dashboard import shell, words
from sensitivity.dashboard.brushing import axes, panel_variants
from sensitivity.dashboard.exploring import KEY, exploring, settings_of
from sensitivity.figures.columns import METRIC
from sensitivity.figures.selecting import noted
from sensitivity.figures.words import plain
from sensitivity.questions import QUESTIONS, Drawing, Question
from sensitivity.readers.filters import the_task

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from sensitivity.measures import Measured
    from sensitivity.readers.source import Source
    from sensitivity.readers.view import View

PLAIN = {"displaylogo": False, "responsive": True, "showSendToCloud": False, "plotlyServerURL": ""}
"""Of every figure: Plotly's own button would send what it shows to a server of theirs."""
CONFIG = {**PLAIN, "modeBarButtonsToAdd": ["select2d"], "modeBarButtonsToRemove": ["lasso2d"]}
"""Of figures in which trials can be selected."""
HEADROOM = 36
"""Pixels above a figure without title: for the titles of its panels."""


def card(question: Question, drawing: Drawing, config: Mapping[str, Any] = CONFIG) -> html.Figure:
    """Return the place of a figure, with words on how to read it.

    Args:
        question: The question of the figure.
        drawing: The figure.
        config: Plotly's configuration of the graph.
    """
    name = f"{question.key}:{drawing.name}"
    return html.Figure(
        [
            html.Div(id={"type": "title", "name": name}),
            html.Div(shell.MEASURING, id={"type": "note", "name": name}),
            dcc.Store(id={"type": "drawn", "name": name}),
            dcc.Store(id={"type": "held", "name": name}),
            html.Div(
                dcc.Graph(id={"type": "graph", "name": name}, config=dict(config)),
                role="group",
                **{"aria-label": f"figure: {drawing.name.replace('_', ' ')}"},
            ),
            html.Figcaption(
                drawing.words, **words.numbered(drawing.words, "figure", drawing.name, "caption")
            ),
            dcc.Interval(id={"type": "figure tick", "name": name}, interval=shell.POLL, disabled=True),
        ],
        className="card waiting",
        id={"type": "card", "name": name},
    )


@dataclass(frozen=True)
class Drawn:
    """A figure as the browser gets it.

    Args:
        text: JSON of the figure; None if these results have no such figure.
        title: Title as words of the page.
        subtitle: Subtitle as words of the page.
        axes: Columns of the table of trials of the axes.
        panels: Variants of the panels, by their horizontal axes.
    """

    text: str | None = None
    title: str = ""
    subtitle: str = ""
    axes: Mapping[str, str] = field(default_factory=dict)
    panels: Mapping[str, str] = field(default_factory=dict)


def drawn(source: Source, view: View, name: str) -> tuple[str, Drawn]:
    """Return a key that stays the same as long as a figure does, and the figure.

    Raises: Pending while the figure is being measured.
    """
    key, _, function = name.partition(":")
    questions = (*QUESTIONS, exploring(view))
    question = next(candidate for candidate in questions if candidate.key == key)
    settings = settings_of(view, function) if key == KEY else ()
    drawings = (*question.figures, *question.by_name)
    drawing = next(figure_drawing for figure_drawing in drawings if figure_drawing.name == function)
    results = source.filtered_results(view)
    if results.usable.empty:
        return "nothing", Drawn()
    task = the_task(results, view)

    def draw_figure(measured: Measured) -> Drawn:
        return measured.required(f"figure {drawing.name}", partial(draw, measured))

    def draw(measured: Measured) -> Drawn:
        if not question.applies(measured, task) or not measured.required(
            f"figure {drawing.name}", partial(drawing.needs, measured, task)
        ):
            return Drawn()
        figure = drawing(measured, task)
        looked_at = [view.name, name, task, view.metric, view.scale, *settings]
        figure.update_layout(uirevision=plain(" ".join(looked_at)), clickmode="event")
        columns, panels = axes(figure, measured.results), panel_variants(figure, measured.results)
        scaled(figure, view.scale)
        title, subtitle = untitled(figure)
        return Drawn(str(figure.to_json()), title, subtitle, columns, panels)

    depends = (name, task, view.scale, *settings)
    return repr((source.key(view), *depends)), source.measured(view, draw_figure, depends)


def heading(figure: Drawn, name: str) -> list[Any]:
    """Return the title and the subtitle of a figure as elements of the page.

    Args:
        figure: The figure.
        name: Name of the figure.
    """
    return [
        html.H3(figure.title, **words.numbered(figure.title, "figure", name, "title")),
        html.P(
            figure.subtitle,
            className="what",
            **words.numbered(figure.subtitle, "figure", name, "subtitle"),
        ),
    ]


def untitled(figure: go.Figure) -> tuple[str, str]:
    """Take the title off a figure, and the room that the title took.

    The page shows the title instead, and breaks its lines.

    Returns: The title and the subtitle.
    """
    layout = figure.layout
    texts = [
        html_text.unescape(str(text or "").replace("<br>", " "))
        for text in (layout.title.text, layout.title.subtitle.text)
    ]
    less = max(0, (layout.margin.t or 0) - HEADROOM)
    narrow = {
        name: value
        for name, value in (layout.meta or {}).get("narrow", {}).items()
        if not name.startswith("title")
    }
    if "margin.t" in narrow:
        lower = max(0, narrow["margin.t"] - HEADROOM)
        narrow |= {"margin.t": narrow["margin.t"] - lower, "height": narrow["height"] - lower}
    figure.update_layout(
        title=None, height=(layout.height or 450) - less, margin={"t": (layout.margin.t or 0) - less}
    )
    figure.layout.meta = {"narrow": narrow}
    return texts[0], texts[1]


def scaled(figure: go.Figure, scale: str) -> None:
    """Put the loss on a ``log`` or ``linear`` axis; any other scale leaves the figure as it is."""
    title = str(figure.layout.yaxis.title.text or "")
    if noted(figure)[0].get("y", METRIC) != METRIC:
        return
    if scale in ("log", "linear") and "loss" in title:
        figure.update_yaxes(
            type=scale, tickvals=None, ticktext=None, tickmode="auto", range=None, autorange=True
        )
