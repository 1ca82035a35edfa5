"""Losses as curves: against the learning rate, and by epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sensitivity.figures.style import (
    COLUMNS,
    FAINT,
    METRIC_NAMES,
    about,
    colours,
    dash,
    faded,
    loss_axis,
    lr_axis,
    one_legend,
    setting_words,
    styled,
    trial_words,
)
from sensitivity.figures.thinning import thinned
from sensitivity.results import records

if TYPE_CHECKING:
    from sensitivity.measures import Measured


def lr_curves(measured: Measured, task: str) -> go.Figure:
    """Loss against learning rate, one panel a variant: every trial, the tuned curve with its seed band, diverged trials at the
    initial loss.
    """
    results, curves = measured.results, measured.lr_curve
    shades = colours(results.spaces)
    curves = curves[curves["task"] == task]
    variants = list(dict.fromkeys(curves["variant"]))
    rows = max(1, math.ceil(len(variants) / COLUMNS))
    columns = min(COLUMNS, max(1, len(variants)))
    shown, left_out = thinned(results.usable[results.usable["task"] == task])
    figure = make_subplots(
        rows, columns, subplot_titles=variants, shared_yaxes=True, horizontal_spacing=0.03, vertical_spacing=min(0.16, 0.4 / rows)
    )
    initial = results.usable.loc[results.usable["task"] == task, "initial_loss"].mean()
    for position, variant in enumerate(variants):
        place = {"row": position // columns + 1, "col": position % columns + 1}
        curve = curves[curves["variant"] == variant]
        _lr_panel(figure, shown[shown["variant"] == variant], curve, variant, shades[variant], initial, place)
        figure.update_xaxes(**lr_axis(curve["lr"]), **place)
        if position + columns >= len(variants):
            figure.update_xaxes(title_text="learning rate", **place)
    losses = results.usable.loc[results.usable["task"] == task, "loss"]
    figure.update_yaxes(matches="y", **loss_axis(losses))
    figure.update_yaxes(title_text="loss", col=1)
    one_legend(figure)
    return styled(figure, "How the loss depends on the learning rate", about(results, task) + left_out, 110 + 250 * rows)


def _lr_panel(
    figure: go.Figure, trials: pd.DataFrame, curve: pd.DataFrame, variant: str, shade: str, initial: float, place: dict[str, int]
) -> None:
    names = [name for name in trials.columns if name.startswith("config/")]
    for diverged, marker in ((False, {"size": 5, "opacity": 0.35, "color": shade}), (True, {"size": 7, "symbol": "x-thin-open"})):
        part = trials[(trials["status"] == "diverged") == diverged]
        words = [trial_words(row, names) for row in records(part)]
        figure.add_trace(
            go.Scatter(
                x=part["config/lr"],
                y=part["loss"],
                mode="markers",
                marker={"color": "#B00020", **marker} if diverged else marker,
                name="diverged trial (drawn at the loss that it counts as)" if diverged else "trial",
                legendgroup="diverged" if diverged else "trial",
                text=words,
                hovertemplate="%{text}<extra>" + variant + "</extra>",
            ),
            **place,
        )
    x = list(curve["lr"])
    figure.add_trace(
        go.Scatter(
            x=[*x, *reversed(x)],
            y=[*curve["high"], *reversed(list(curve["low"]))],
            fill="toself",
            fillcolor=faded(shade, 0.22),
            mode="lines",
            line={"width": 0},
            hoverinfo="skip",
            name="range of the seeds",
            legendgroup="band",
        ),
        **place,
    )
    figure.add_trace(
        go.Scatter(
            x=x,
            y=curve["value"],
            mode="lines+markers",
            line={"color": shade, "width": 2.5},
            marker={"size": 6},
            name="best of the other hyperparameters, mean of the seeds",
            legendgroup="curve",
            text=[setting_words(each) for each in curve["configuration"]],
            hovertemplate="loss %{y:.4g}<br>%{text}<extra>" + variant + "</extra>",
        ),
        **place,
    )
    figure.add_hline(y=initial, line={"color": FAINT, "width": 1, "dash": "dot"}, **place)


def learning_curves(measured: Measured, task: str) -> go.Figure:
    """Training loss by epoch of each variant's best configuration: mean of the seeds and their range."""
    figure = go.Figure()
    results, best = measured.results, measured.best_loss
    shades = colours(results.spaces)
    lows: list[float] = []
    for row in records(best[best["task"] == task]):
        variant = row["variant"]
        trials = results.group(task, variant)
        chosen = np.logical_and.reduce([trials[f"config/{name}"] == each for name, each in row["configuration"].items()])
        trials = trials[chosen]
        curves = results.epochs[results.epochs["key"].isin(trials["key"])].pivot(index="epoch", columns="key", values=results.metric)
        if results.metric == "train_loss_end":  # the initial loss is the same measure, before the first epoch
            curves.loc[0] = trials.set_index("key")["initial_loss"]
        curves = curves.sort_index()
        x, mean = list(curves.index), curves.mean(axis=1)
        figure.add_trace(
            go.Scatter(
                x=[*x, *reversed(x)],
                y=[*curves.max(axis=1), *reversed(list(curves.min(axis=1)))],
                fill="toself",
                fillcolor=faded(shades[variant], 0.15),
                mode="lines",
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                legendgroup=variant,
            )
        )
        figure.add_trace(
            go.Scatter(
                x=x,
                y=mean,
                mode="lines+markers",
                name=variant,
                legendgroup=variant,
                line={"color": shades[variant], "dash": dash(variant), "width": 2.5},
                text=[setting_words(row["configuration"])] * len(x),
                hovertemplate="epoch %{x}: %{y:.4g}<br>%{text}<extra>" + variant + "</extra>",
            )
        )
        lows.append(float(curves.min().min()))
    figure.update_xaxes(title_text="epoch", tickformat="d", dtick=1 if results.epochs["epoch"].max() <= 12 else None)
    figure.update_yaxes(
        title_text="loss" if "loss" in results.metric else results.metric, **loss_axis([*lows, results.usable["initial_loss"].max()])
    )
    figure.update_layout(legend={"orientation": "v", "x": 1.02, "y": 1, "xanchor": "left", "yanchor": "top"})
    named = METRIC_NAMES.get(results.metric, f"{results.metric} after each epoch").replace(" the last epoch", " each epoch")
    about = f"{task}, {named}; mean and range of the seeds"
    return styled(figure, "Learning curves of each variant's best configuration", about, 420)
