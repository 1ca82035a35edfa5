"""Figures for a paper, and the templates among Plotly's."""

from __future__ import annotations

import plotly.graph_objects as go
import plotly.io

from sensitivity.figures import in_column, lr_curves
from sensitivity.figures.column import COLUMN, INK, PAPER
from sensitivity.measures import Measured
from tests.sensitivity.tables import bowl, results


def test_a_figure_in_a_column_has_no_title_and_leaves_the_figure_as_it_was() -> None:
    figure = lr_curves(Measured(results(bowl, variants=("adam", "cm"))), "autoencoder/digits")
    before = figure.to_json()
    column = in_column(figure)
    assert figure.to_json() == before
    assert column.layout.width == COLUMN
    assert column.layout.title.text is None
    assert column.layout.height < figure.layout.meta["narrow"]["height"]
    assert column.layout.template.layout.font.color == INK
    assert len(column.data) == len(figure.data)


def test_any_figure_may_use_the_templates() -> None:
    assert {"sensitivity", "sensitivity_paper"} <= set(plotly.io.templates)
    other = go.Figure(go.Scatter(x=[1, 2], y=[1, 2]))
    other.update_layout(template=PAPER)
    assert in_column(other).layout.width == COLUMN
