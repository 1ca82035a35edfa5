"""Figures for a paper: at the width of a column, without a title, which the caption has there."""

from __future__ import annotations

import copy

import plotly.graph_objects as go
import plotly.io

from sensitivity.figures.style import narrowed, template
from sensitivity.figures.words import wrapped

COLUMN = 336
"""Width of a column of 3.5 inches, in CSS pixels of 1/96 inch."""
NAME, PAPER = "sensitivity", "sensitivity_paper"
"""Names of the templates among Plotly's: ``figure.update_layout(template="sensitivity_paper")``."""
SERIF = "'Times New Roman', Times, 'Liberation Serif', serif"
INK = "#000000"
SIZE, TICKS = 11, 10
"""Pixels of text and of ticks: 8.25 and 7.5 points."""
LETTER = 5.2
"""Mean width of a letter, pixels."""
ABOVE = 6
"""Pixels of the margin above a figure without a title."""


def paper_template() -> go.layout.Template:
    """Return the template of figures in a column of a paper: white, black serif text of a caption's size."""
    made = copy.deepcopy(template("light"))
    made.layout.update(
        font={"family": SERIF, "size": SIZE, "color": INK},
        annotationdefaults={"font": {"family": SERIF, "size": SIZE, "color": INK}},
    )
    for axis in (made.layout.xaxis, made.layout.yaxis):
        axis.update(
            tickfont={"size": TICKS},
            title={"font": {"size": SIZE}},
            linecolor=INK,
            linewidth=1,
            showline=True,
        )
    return made


def register_templates() -> None:
    """Add the templates to Plotly's, for figures of the reader's own."""
    plotly.io.templates[NAME] = template("light")
    plotly.io.templates[PAPER] = paper_template()


def in_column(figure: go.Figure) -> go.Figure:
    """Return a figure as it fits a column of a paper.

    Args:
        figure: One of :mod:`sensitivity.figures`, which has a layout for narrow pages; it is not changed.
    """
    meta = figure.layout.meta or {}
    narrow = narrowed(copy.deepcopy(figure)) if meta.get("narrow") else copy.deepcopy(figure)
    top = narrow.layout.margin.t or 0
    height = (narrow.layout.height or 450) - top + ABOVE
    narrow.update_layout(
        template=paper_template(),
        title=None,
        width=COLUMN,
        height=height,
        margin={"t": ABOVE, "l": 4, "r": min(narrow.layout.margin.r or 0, COLUMN // 3)},
    )
    for title in narrow.layout.annotations:
        title.font.size = SIZE
    across = COLUMN - 50 - narrow.layout.margin.r
    for axis in narrow.select_xaxes():
        if axis.title.text:
            axis.title.text = wrapped(axis.title.text, int(across / LETTER))
    return narrow
