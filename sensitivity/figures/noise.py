"""Seed noise: the share and the deviation of the loss between seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.axes import Axis, Levels, loss_axis
from sensitivity.figures.palette import colours, dash
from sensitivity.figures.panels import drawn, of_task, panels
from sensitivity.figures.style import arms, styled
from sensitivity.figures.words import about, plain
from sensitivity.measures.losses import losses
from sensitivity.measures.magnitudes import exponent_of
from sensitivity.measures.noise import NOISE
from sensitivity.results.results import records
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.measures import Measured


@drawn("Seed noise")
def seed_noise(measured: Measured, task: str) -> go.Figure:
    """Draw the share of the variance of the loss between seeds, and their deviation against lr.

    Shares have intervals.
    """
    table = of_task(measured.main_effects, task)
    table = table[(table["effect"] == NOISE) & table["value"].notna()].sort_values("value", ignore_index=True)
    if table.empty:
        raise InputError("it takes at least two seeds of two configurations")
    shades = colours(measured.results.spaces)
    curves = {variant: deviation(measured, task, variant) for variant in table["variant"]}
    curves = {variant: curve for variant, curve in curves.items() if len(curve)}
    titles = ["share of the variance", "deviation between seeds"][: 1 + bool(curves)]
    figure, places, height = panels(titles, columns=2, row=max(240, 30 * len(table)), shared=False)
    figure.add_trace(
        go.Scatter(
            x=table["value"],
            y=[plain(name) for name in table["variant"]],
            mode="markers",
            marker={"size": 10, "color": [shades[name] for name in table["variant"]]},
            error_x=arms(table["value"], table["low"], table["high"]),
            showlegend=False,
            customdata=table[["low", "high"]].to_numpy(),
            hovertemplate="%{y}: %{x:.0%} (%{customdata[0]:.0%} to %{customdata[1]:.0%})<extra></extra>",
        ),
        **places[0],
    )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero", **places[0])
    figure.update_yaxes(type="category", **places[0])
    for variant, curve in curves.items():
        figure.add_trace(
            go.Scatter(
                x=curve["lr"],
                y=curve["value"],
                mode="lines+markers",
                name=plain(variant),
                line={"color": shades[variant], "width": 2, "dash": dash(variant)},
                customdata=curve["n"],
                hovertemplate="lr %{x:.3g}: %{y:.3g}, %{customdata} configurations<extra>"
                + plain(variant)
                + "</extra>",
            ),
            **places[1],
        )
    if curves:
        every = pd.concat(list(curves.values()))
        figure.update_xaxes(title_text="learning rate", **Axis("lr", "log").layout(every["lr"]), **places[1])
        figure.update_yaxes(**loss_axis(every["value"]), **places[1])
    low, high = records(table)[0], records(table)[-1]
    title = f"The seed makes {low['value']:.0%} of the variance for {plain(low['variant'])}"
    title += f", {high['value']:.0%} for {plain(high['variant'])}" if len(table) > 1 else ""
    if len(table) > 1 and f"{low['value']:.0%}" == f"{high['value']:.0%}":
        title = f"The seed makes {high['value']:.0%} of the variance for every variant"
    subtitle = (
        f"{about(measured.results, task)}; one-way random effects, bars are 95% intervals; deviations are "
        "pooled over configurations"
    )
    return styled(figure, title, subtitle, height)


def deviation(measured: Measured, task: str, variant: str) -> pd.DataFrame:
    r"""Return the standard deviation between seeds at each learning rate.

    The formula is :math:`\sqrt{\overline{s_c^2}}` over the configurations at the learning rate.

    Columns lr, value, n (configurations with at least two seeds); no rows without a varied learning rate.
    Zeros, where no seed differs (all at the cap), have no place on a logarithmic axis and are left out.
    """
    group = losses(measured.results, task, variant)
    repeated = np.isfinite(group.loss).sum(axis=1) >= 2
    if "lr" not in group.names or not repeated.any():
        return pd.DataFrame(columns=["lr", "value", "n"], dtype=float)
    axis = Axis("lr", measured.results.spaces[variant]["lr"].scale)
    levels = Levels.of(axis, group.lr[repeated], keep=group.fixed)
    exponent = exponent_of(group.loss)
    variance = np.nanvar(np.ldexp(group.loss[repeated], -exponent), axis=1, ddof=1)
    value = np.ldexp(np.sqrt(levels.means(variance)), exponent)
    table = pd.DataFrame(
        {"lr": levels.centres, "value": value, "n": np.bincount(levels.place, minlength=len(value))}
    )
    return table[table["value"] > 0].reset_index(drop=True)
