"""Divergence: its share over the hyperparameters, and the region where the seed decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.axes import Axis, Levels, cells
from sensitivity.figures.palette import DIVERGED, FAINT, colours
from sensitivity.figures.panels import below, drawn, few, of_task, panels
from sensitivity.figures.style import BAR, arms, band, one_legend, styled
from sensitivity.figures.words import about, between, counted, plain
from sensitivity.measures.divergence import configurations_of, weights
from sensitivity.measures.losses import FIXED
from sensitivity.measures.stability import ALWAYS_DIVERGED, NOTHING_DIVERGED, repeated_rates
from sensitivity.results.results import PREFIX, records
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.measures import Measured

SHARE = {"colorscale": [[0, "#D5DCE3"], [1, DIVERGED]], "cmin": 0, "cmax": 1}
BOUNDARY = "#0072B2"


@drawn("Where training diverges")
def divergence_map(measured: Measured, task: str) -> go.Figure:
    """Draw the share of diverged trials over lr and the hyperparameter that interacts with it most.

    One panel a variant, with the stability boundary; over lr alone if no other hyperparameter varies.
    """
    results = measured.results
    rates = of_task(measured.divergence_rate, task)
    over = {variant: main_pair(measured, task, variant) for variant in rates["variant"]}
    having = [variant for variant, names in over.items() if names]
    if not having:
        raise InputError("no variant varies a hyperparameter")
    variants, less = few(having, measured, task)
    titles = [
        f"{variant}" + (f": {' x '.join(over[variant])}" if len(over[variant]) > 1 else "")
        for variant in variants
    ]
    figure, places, height = panels(titles, shared=False)
    for variant, place, lowest in zip(variants, places, below(places), strict=True):
        trials = results.group(task, variant)
        first = Axis.of(results, over[variant][0])
        second = Axis.of(results, over[variant][1]) if len(over[variant]) > 1 else None
        weight = weights(configurations_of(results, trials, variant))
        x, y, z, count = shares(trials, first, second, weight, keep=results.design_of(variant) in FIXED)
        figure.add_trace(
            go.Heatmap(
                x=cells(first, x),
                y=cells(second, y),
                z=z,
                customdata=count,
                coloraxis="coloraxis",
                xgap=1,
                ygap=1,
                hovertemplate="%{z:.0%} diverged, %{customdata} trials<extra>" + plain(variant) + "</extra>",
            ),
            **place,
        )
        if first.name == "lr":
            add_boundary(figure, measured, task, variant, second, place, BOUNDARY)
        figure.update_xaxes(**first.layout(first.places(trials[f"{PREFIX}{first.name}"].dropna())), **place)
        if second is not None:
            figure.update_yaxes(title_text=plain(second.name), **second.layout(y), **place)
        else:
            figure.update_yaxes(tickvals=[0], ticktext=["all"], **place)
        if lowest or first.name != "lr":
            figure.update_xaxes(
                title_text=plain("learning rate" if first.name == "lr" else first.name), **place
            )
    one_legend(figure)
    figure.update_layout(
        coloraxis={**SHARE, "colorbar": {"title": {"text": "diverged"}, "tickformat": ".0%", **BAR}}
    )
    return styled(
        figure,
        _rates(rates),
        f"{about(results, task)}; share that diverged; line: the stability boundary{less}",
        height,
    )


def main_pair(measured: Measured, task: str, variant: str) -> tuple[str, ...]:
    """Return lr (or the most important hyperparameter) and the one with the largest interaction."""
    varied = measured.results.varied(variant)
    table = measured.variance_shares
    sizes: dict[str, float] = {}
    if not table.empty:
        totals = table[(table["task"] == task) & (table["variant"] == variant) & (table["order"] == "total")]
        sizes = dict(zip(totals["effect"], totals["value"].fillna(0.0), strict=True))
    ranked = sorted(varied, key=lambda name: (name != "lr", -sizes.get(name, 0.0)))
    return tuple(ranked[:2])


def shares(
    trials: pd.DataFrame, first: Axis, second: Axis | None, weight: Any, *, keep: bool = False
) -> tuple[Any, Any, Any, Any]:
    """Return the divergence rate of configurations over one axis or two.

    Args:
        trials: of one variant.
        first: axis of the columns.
        second: axis of the rows; None for a single row.
        weight: of each trial.
        keep: the values are levels of the design.

    Returns:
        The coordinates of columns and rows, the rate ``[rows, columns]`` (NaN for an empty cell), and the
            number of trials of each cell.
    """
    bins = int(min(12, max(4, (len(trials) / 2) ** 0.5)))
    columns = Levels.of(first, trials[f"{PREFIX}{first.name}"], bins=bins, keep=keep)
    rows = (
        Levels.of(second, trials[f"{PREFIX}{second.name}"], bins=6, keep=keep) if second is not None else None
    )
    width, depth = len(columns.centres), len(rows.centres) if rows is not None else 1
    inside = (columns.place >= 0) & (rows.place >= 0 if rows is not None else True)
    cell = (rows.place if rows is not None else 0) * width + columns.place
    count = np.bincount(cell[inside], minlength=width * depth)
    whole = np.bincount(cell[inside], weight[inside], width * depth)
    bad = np.bincount(cell[inside], (weight * (trials["status"] == "diverged"))[inside], width * depth)
    share = np.divide(bad, whole, out=np.full(width * depth, np.nan), where=count > 0)
    y = rows.centres if rows is not None else np.array([0.0])
    return columns.centres, y, share.reshape(depth, width), count.reshape(depth, width)


def add_boundary(
    figure: go.Figure,
    measured: Measured,
    task: str,
    variant: str,
    other: Axis | None,
    place: dict[str, int],
    shade: str,
) -> None:
    """Draw the stability boundary over the levels of another hyperparameter.

    Nothing is drawn unless some trials diverged and some did not.

    A boundary needs both diverged and completed trials.
    """
    table = measured.stability_boundary
    name = other.name if other is not None else ""
    part = table[(table["task"] == task) & (table["variant"] == variant) & (table["other"] == name)]
    part = part[~part["note"].isin((NOTHING_DIVERGED, ALWAYS_DIVERGED))]
    if part.empty:
        return
    y = other.places(part["level"]) if other is not None else np.zeros(len(part))
    part = part.assign(y=y).dropna(subset=["y"]).sort_values("y")
    figure.add_trace(
        go.Scatter(
            x=part["value"],
            y=part["y"],
            error_x=arms(part["value"], part["low"], part["high"], color=shade, width=4),
            mode="lines+markers",
            line={"color": shade, "width": 2},
            marker={"color": shade, "size": 6, "symbol": "square"},
            name="largest stable learning rate",
            legendgroup="boundary",
            hovertemplate="stable up to %{x:.3g}<extra>" + plain(variant) + "</extra>",
        ),
        **place,
    )


def _rates(rates: pd.DataFrame) -> str:
    if not (rates["value"] > 0).any():
        return "No trial diverged"
    ordered = records(rates.sort_values("value", ascending=False))
    if len(ordered) > 1 and f"{ordered[0]['value']:.0%}" == f"{ordered[-1]['value']:.0%}":
        of = "of its configurations" if any(row["note"] for row in ordered) else "of its trials"
        return f"Every variant diverges in {ordered[0]['value']:.0%} {of}"
    of = "its configurations" if ordered[0]["note"] else counted(ordered[0]["n"], "trial")
    title = f"{plain(ordered[0]['variant'])} diverges most: {ordered[0]['value']:.0%} of {of}"
    return (
        title
        if len(ordered) == 1
        else f"{title}; {plain(ordered[-1]['variant'])} least: {ordered[-1]['value']:.0%}"
    )


def _nowhere(repeated: Mapping[str, int]) -> str:
    """Return the sentence for variants whose seeds never disagree on divergence.

    Args:
        repeated: number of learning rates with at least two seeds, by variant.
    """
    fewest, most = min(repeated.values(), default=0), max(repeated.values(), default=0)
    if most < 2:
        return "One learning rate with two seeds: whether the seed decides is unknown"
    return (
        f"At none of {between(fewest, most, '')} learning rates with at least two seeds did the seed decide"
    )


@drawn("Where the seed decides")
def danger_zone(measured: Measured, task: str) -> go.Figure:
    """Draw the divergence rate against lr, and the share of configurations with mixed seeds.

    Both have intervals. Seeds are mixed if some diverged and some did not.
    """
    table = of_task(measured.danger_zone, task)
    shades = colours(measured.results.spaces)
    variants, less = few(table["variant"], measured, task)
    figure, places, height = panels(variants, row=160)
    axis = Axis.of(measured.results, "lr")
    for variant, place, lowest in zip(variants, places, below(places), strict=True):
        part = table[table["variant"] == variant].sort_values("lr")
        x, shade = list(part["lr"]), shades[variant]
        figure.add_trace(
            band(
                x,
                part["diverged_low"],
                part["diverged_high"],
                shade,
                0.2,
                legendgroup="band",
                name="95% interval",
            ),
            **place,
        )
        figure.add_trace(
            go.Scatter(
                x=x,
                y=part["diverged"],
                mode="lines",
                line={"color": shade, "width": 2.5},
                name="share that diverged",
                legendgroup="diverged",
                customdata=part["trials"],
                hovertemplate="lr %{x:.3g}: %{y:.0%} diverged, %{customdata} trials<extra>"
                + plain(variant)
                + "</extra>",
            ),
            **place,
        )
        known = part[part["n"] > 0]
        figure.add_trace(
            go.Scatter(
                x=known["lr"],
                y=known["value"],
                error_y=arms(known["value"], known["low"], known["high"], color=FAINT),
                mode="markers",
                marker={"color": DIVERGED, "size": 7, "symbol": "diamond"},
                name="configurations where the seed decides",
                legendgroup="mixed",
                customdata=known["n"],
                hovertemplate="lr %{x:.3g}: the seed decides for %{y:.0%} of %{customdata} "
                "configurations<extra>" + plain(variant) + "</extra>",
            ),
            **place,
        )
        figure.update_xaxes(**axis.layout(x), **place)
        if lowest:
            figure.update_xaxes(title_text="learning rate", **place)
    figure.update_yaxes(range=[-0.04, 1.04], tickformat=".0%", tickvals=[0, 0.5, 1])
    one_legend(figure)
    if table["n"].sum() == 0:
        title = "One seed: whether the seed decides is unknown"
    elif (table["value"] > 0).any():
        row = records(table.sort_values("value", ascending=False, kind="stable"))[0]
        title = (
            f"The seed decides most for {plain(row['variant'])}: at lr {row['lr']:.2g} for "
            f"{row['value']:.0%} of its configurations"
        )
    else:
        title = _nowhere(repeated_rates(measured.results, task))
    return styled(
        figure, title, f"{about(measured.results, task)}; shares with Wilson's 95% intervals{less}", height
    )
