"""A search space: every hyperparameter on its scale, with the sampled values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from search_spaces.hyperparameters import Categorical, Hyperparameter, Ordinal
from sensitivity.figures.palette import COLOURS, FAINT
from sensitivity.figures.style import styled
from sensitivity.figures.words import plain, short
from sensitivity.text.wording import number

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace

STOPS = 3
"""Values that are written under a continuous range."""
MOST_TRIED = 2000


def ranges(space: SearchSpace, tried: np.ndarray[Any, Any] | None = None) -> go.Figure:
    """Draw a line for each hyperparameter over its range, with its default and the sampled values.

    Args:
        space: the search space.
        tried: configurations in the unit cube of the space ``[trials, hyperparameters]``, NaN if inactive.
    """
    figure = go.Figure()
    names = list(space.names)
    for place, hyperparameter in enumerate(space):
        y = len(names) - 1 - place
        stops = _stops(hyperparameter)
        x = [hyperparameter.to_unit(value) for value in stops]
        figure.add_trace(
            go.Scatter(
                x=x,
                y=[y] * len(x),
                mode="lines+markers+text",
                line={"color": FAINT, "width": 3},
                marker={"symbol": "line-ns-open", "size": 11, "color": FAINT},
                text=[short(number(value)) for value in stops],
                textposition=["bottom right", *["bottom center"] * (len(x) - 2), "bottom left"]
                if len(x) > 1
                else "bottom center",
                hoverinfo="skip",
                showlegend=False,
            )
        )
        if tried is not None and len(tried):
            column = tried[:MOST_TRIED, place]
            column = np.unique(np.round(column[np.isfinite(column)], 4))
            figure.add_trace(
                go.Scatter(
                    x=column,
                    y=[y + 0.2] * len(column),
                    mode="markers",
                    marker={"symbol": "line-ns-open", "size": 8, "color": COLOURS["adam"], "opacity": 0.6},
                    text=[plain(number(hyperparameter.from_unit(float(u)))) for u in column],
                    hovertemplate="tried %{text}<extra></extra>",
                    name="tried",
                    legendgroup="tried",
                    showlegend=place == 0,
                )
            )
        if hyperparameter.default is not None:
            figure.add_trace(
                go.Scatter(
                    x=[hyperparameter.to_unit(hyperparameter.default)],
                    y=[y],
                    mode="markers",
                    marker={"symbol": "diamond", "size": 11, "color": COLOURS["nag"]},
                    hovertemplate=f"default {plain(number(hyperparameter.default))}<extra></extra>",
                    name="default",
                    legendgroup="default",
                    showlegend=not any(trace.name == "default" for trace in figure.data),
                )
            )
    figure.update_xaxes(range=[-0.04, 1.04], visible=False)
    labels = [f"{short(hyperparameter.name)}  <i>{hyperparameter.scale}</i>" for hyperparameter in space][
        ::-1
    ]
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=labels,
        range=[-0.7, len(names) - 0.5],
        showgrid=False,
        automargin=True,
    )
    return styled(
        figure,
        "Ranges and scales",
        "each line from the low to the high end of its own scale",
        52 * len(names),
    )


def _stops(domain: Hyperparameter) -> list[Any]:
    if isinstance(domain, Categorical):
        return list(domain.choices)
    return list(domain.levels) if isinstance(domain, Ordinal) else list(dict.fromkeys(domain.grid(STOPS)))
