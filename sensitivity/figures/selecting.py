"""Notes in a figure of trials: the columns that a box in it bounds, and the variant of each panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from sensitivity.study.trial import DONE

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.results.results import Results

AXES, VARIANTS = "columns of axes", "variants of panels"
"""Keys of the notes in ``layout.meta``; ``x`` and ``y3`` are axes, and ``x3`` is a panel."""


def selectable(figure: go.Figure, x: str | Sequence[str], y: str, variants: Sequence[str] = ()) -> go.Figure:
    """Note in a figure whose points are trials which columns of the table of trials its axes are.

    Args:
        figure: is changed and returned; each panel has the points of all trials within its axes.
        x: column of the horizontal axes, or the columns panel by panel.
        y: column of the vertical axes.
        variants: variant of each panel; empty if the panels have those of all variants.
    """
    panels = sum(1 for name in figure.layout.to_plotly_json() if name.startswith("xaxis"))
    columns = [x] * panels if isinstance(x, str) else list(x)
    numbers = ["" if panel == 0 else str(panel + 1) for panel in range(panels)]
    axes = {f"x{number}": column for number, column in zip(numbers, columns, strict=True)}
    axes |= {f"y{number}": y for number in numbers}
    shown = {f"x{number}": variant for number, variant in zip(numbers, variants, strict=False)}
    figure.layout.meta = {**(figure.layout.meta or {}), AXES: axes, VARIANTS: shown}
    return figure


def ended_trials(results: Results, task: str) -> pd.DataFrame:
    """Return the trials of a task that have a result, those of default settings included."""
    trials = results.all_trials
    return trials[(trials["task"] == task) & trials["status"].isin(DONE)]


def noted(figure: go.Figure) -> tuple[dict[str, str], dict[str, str]]:
    """Return the column of each axis and the variant of each panel; empty for a figure without notes."""
    meta: dict[str, Any] = figure.layout.meta or {}
    return dict(meta.get(AXES, {})), dict(meta.get(VARIANTS, {}))
