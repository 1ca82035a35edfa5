"""Every trial along every hyperparameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.axes import Axis, Levels, loss_axis
from sensitivity.figures.columns import METRIC
from sensitivity.figures.palette import DIVERGED, colours, dash, faded
from sensitivity.figures.panels import MOST_TRACES, best_first, drawn, panels, thinned
from sensitivity.figures.selecting import selectable
from sensitivity.figures.style import arms, one_legend, styled
from sensitivity.figures.words import Outcome, about, plain
from sensitivity.measures.losses import FIXED
from sensitivity.results.results import PREFIX

if TYPE_CHECKING:
    from sensitivity.measures import Measured

BINS = 10
"""Parts of a hyperparameter without levels."""
MOST_DRAWN = 12000
"""Points in all panels together."""


@drawn("Loss along every hyperparameter")
def slices(measured: Measured, task: str) -> go.Figure:
    """Draw loss against every hyperparameter, one panel each on its scale.

    A panel has every trial by variant, the partial dependence with its 95% interval, and a rug of diverged
    trials.
    """
    results = measured.results
    shades, outcome = colours(results.spaces), Outcome.of(results)
    names = list(dict.fromkeys(name for variant in results.spaces for name in results.varied(variant)))
    trials = results.usable[results.usable["task"] == task]
    figure, places, height = panels(names)
    shown, thin = thinned(trials, MOST_DRAWN // max(4, len(names)))
    lined = best_first(measured, task)[: max(1, MOST_TRACES // max(1, len(names)) - 2)]
    for name, place in zip(names, places, strict=True):
        axis = Axis.of(results, name)
        _points(figure, shown.dropna(subset=[f"{PREFIX}{name}"]), axis, shades, outcome, place)
        for variant in lined:
            table = dependence(measured, task, variant, axis)
            figure.add_trace(
                go.Scatter(
                    x=table["place"],
                    y=outcome.sign * table["value"],
                    error_y=arms(*outcome.ends(table), color=faded(shades[variant], 0.6)),
                    mode="lines+markers",
                    name=plain(variant),
                    legendgroup=variant,
                    line={"color": shades[variant], "width": 2, "dash": dash(variant)},
                    marker={"size": 6, "color": shades[variant]},
                    text=[axis.words(place) for place in table["place"]],
                    hovertemplate="mean %{y:.4g} at %{text}<extra>" + plain(variant) + "</extra>",
                ),
                **place,
            )
        figure.update_xaxes(**axis.layout(axis.places(trials[f"{PREFIX}{name}"].dropna())), **place)
    figure.update_yaxes(**loss_axis(outcome.sign * trials["loss"]))
    figure.update_yaxes(title_text=outcome.name, col=1)
    one_legend(figure)
    best = "" if len(lined) >= trials["variant"].nunique() else f" of the {len(lined)} best variants"
    subtitle = (
        f"{about(results, task)}; lines are means over all else{best} with 95% intervals, red marks are "
        f"diverged trials{thin}"
    )
    styled(figure, _title(measured, task, names), subtitle, height)
    return selectable(figure, [f"{PREFIX}{name}" for name in names], METRIC)


def dependence(measured: Measured, task: str, variant: str, axis: Axis) -> pd.DataFrame:
    r"""Return the mean capped loss at each level of a hyperparameter, the marginal of the design.

    Columns place (on the axis), value, low, high, n; low and high are :math:`\bar\ell \pm 1.96 \, s / \sqrt
    n`.
    """
    trials = measured.results.group(task, variant)
    column = f"{PREFIX}{axis.name}"
    trials = (
        trials[trials[column].notna()]
        if column in trials and axis.name in measured.results.varied(variant)
        else trials.iloc[:0]
    )
    if trials.empty:
        return pd.DataFrame(columns=["place", "value", "low", "high", "n"], dtype=float)
    keep = measured.results.design_of(variant) in FIXED
    levels = Levels.of(axis, trials[column], bins=min(BINS, max(2, len(trials) // 6)), keep=keep)
    grouped = trials["loss"].astype(float).groupby(levels.place).agg(["mean", "std", "size"])
    half = 1.96 * grouped["std"].fillna(0.0) / np.sqrt(grouped["size"])
    ends = {"low": grouped["mean"] - half, "high": grouped["mean"] + half}
    return pd.DataFrame(
        {"place": levels.centres[grouped.index], "value": grouped["mean"], **ends, "n": grouped["size"]}
    )


def _points(
    figure: go.Figure,
    trials: pd.DataFrame,
    axis: Axis,
    shades: dict[str, str],
    outcome: Outcome,
    place: dict[str, int],
) -> None:
    for diverged in (False, True):
        part = trials[(trials["status"] == "diverged") == diverged]
        look = {
            "color": DIVERGED,
            "symbol": "line-ns-open" if diverged else "circle",
            "size": 9 if diverged else 5,
        }
        figure.add_trace(
            go.Scatter(
                x=axis.places(part[f"{PREFIX}{axis.name}"]),
                y=outcome.sign * part["loss"],
                mode="markers",
                marker=look
                if diverged
                else look | {"color": [shades[name] for name in part["variant"]], "opacity": 0.4},
                name="diverged trial" if diverged else "trial",
                legendgroup="diverged" if diverged else "",
                showlegend=False,
                text=part["key"].map(plain) + "<br>" + part["variant"].map(plain),
                customdata=part["key"],
                hovertemplate=("diverged" if diverged else "%{y:.4g}") + "<br>%{text}<extra></extra>",
            ),
            **place,
        )


def _title(measured: Measured, task: str, names: list[str]) -> str:
    """Return a title with the hyperparameter along which the mean loss of the best variant differs most."""
    results = measured.results
    variant = best_first(measured, task)[0]
    spans = {}
    for name in names:
        table = dependence(measured, task, variant, Axis.of(results, name))
        if len(table) > 1:
            spans[name] = float(np.ptp(table["value"]))
    if not spans or max(spans.values()) <= 0:
        return "The loss does not change along any hyperparameter"
    name = max(spans, key=spans.__getitem__)
    return (
        f"The mean of {plain(variant)} changes most along {plain(name)}: by {spans[name]:.3g} from one level "
        "to another"
    )
