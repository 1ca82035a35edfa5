"""Every trial along every hyperparameter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sensitivity.figures.style import (
    COLUMNS,
    about,
    colours,
    loss_axis,
    styled,
    trial_words,
)
from sensitivity.figures.thinning import FEWEST, POINTS, thinned
from sensitivity.results import records

if TYPE_CHECKING:
    from sensitivity.measures import Measured


def slices(measured: Measured, task: str) -> go.Figure:
    """Loss against every hyperparameter, one panel each on its own scale: every trial, coloured by variant, diverged ones as crosses."""
    results = measured.results
    shades = colours(results.spaces)
    scales = {each.name: each for space in results.spaces.values() for each in space}
    rows, columns = max(1, math.ceil(len(scales) / COLUMNS)), min(COLUMNS, max(1, len(scales)))
    figure = make_subplots(rows, columns, subplot_titles=list(scales), shared_yaxes=True, horizontal_spacing=0.03)
    trials, left_out = thinned(results.usable[results.usable["task"] == task], max(FEWEST, POINTS // max(1, len(scales))))
    for position, (name, hyperparameter) in enumerate(scales.items()):
        place = {"row": position // columns + 1, "col": position % columns + 1}
        for variant, part in trials.dropna(subset=[f"config/{name}"]).groupby("variant", sort=False):
            diverged = part["status"] == "diverged"
            numeric = hyperparameter.scale in ("linear", "log", "log1m")
            figure.add_trace(
                go.Scatter(
                    x=part[f"config/{name}"] if numeric else part[f"config/{name}"].astype(str),
                    y=part["loss"],
                    mode="markers",
                    name=str(variant),
                    legendgroup=str(variant),
                    showlegend=position == 0 and len(results.spaces) > 1,
                    marker={
                        "color": np.where(diverged, "#B00020", shades[str(variant)]),
                        "symbol": np.where(diverged, "x-thin-open", "circle"),
                        "size": 6,
                        "opacity": 0.6,
                    },
                    text=[trial_words(row, [each for each in part.columns if each.startswith("config/")]) for row in records(part)],
                    hovertemplate="%{text}<extra>" + str(variant) + "</extra>",
                ),
                **place,
            )
        figure.update_xaxes(type="log" if hyperparameter.scale == "log" else None, **place)
    figure.update_yaxes(**loss_axis(trials["loss"]))
    figure.update_yaxes(title_text="loss", col=1)
    return styled(figure, "How the loss depends on each hyperparameter", about(results, task) + left_out, 110 + 250 * rows)
