"""Losses as curves: against the learning rate, or by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.axes import loss_axis, lr_axis
from sensitivity.figures.columns import LR, METRIC
from sensitivity.figures.palette import DIVERGED, FAINT, colours, dash, faded
from sensitivity.figures.panels import MOST_BANDS, below, drawn, few, of_task, panels, thinned
from sensitivity.figures.selecting import selectable
from sensitivity.figures.style import band, one_legend, styled
from sensitivity.figures.words import METRIC_NAMES, Outcome, about, counted, plain, setting_words, trial_words
from sensitivity.measures.guard import REFUSED
from sensitivity.measures.learning_rate import WITHIN
from sensitivity.measures.valley import SHARE
from sensitivity.results.capping import INITIAL, cap_of
from sensitivity.results.results import IMPORTED, PREFIX, records
from sensitivity.text.wording import known

if TYPE_CHECKING:
    from sensitivity.measures import Measured
    from sensitivity.results.results import Results

MANY = 100
"""Trials of a variant beyond which a band holds the middle 90% of them, not all."""


@drawn("Loss against learning rate")
def lr_curves(measured: Measured, task: str) -> go.Figure:
    """Draw loss against learning rate, one panel a variant.

    A panel has every trial, the tuned curve with its seed band, the losses that are as good as its best
    (within a tenth of what can be won, or 10% of the best where that is not known), and diverged trials at
    the initial loss.
    """
    results, curves = measured.results, of_task(measured.lr_curve, task)
    outcome, shades = Outcome.of(results), colours(results.spaces)
    variants, remark = few(curves["variant"], measured, task)
    figure, places, height = panels(variants)
    trials = results.usable[(results.usable["task"] == task) & results.usable["variant"].isin(variants)]
    few_trials, thin = thinned(trials)
    initial = outcome.sign * trials["initial_loss"].mean()
    valleys, unit = _valleys(measured, task, variants)
    for variant, place, lowest in zip(variants, places, below(places), strict=True):
        curve = curves[curves["variant"] == variant]
        _lr_panel(
            figure,
            few_trials[few_trials["variant"] == variant],
            curve,
            variant,
            shades[variant],
            outcome,
            place,
        )
        best = float(curve["value"].min())
        room = WITHIN * abs(best) if valleys is None else SHARE * unit
        ends = {"y0": outcome.sign * best, "y1": outcome.sign * (best + room)}
        figure.add_hrect(**ends, fillcolor=faded(FAINT, 0.25), line_width=0, layer="below", **place)
        figure.add_hline(y=initial, line={"color": FAINT, "width": 1, "dash": "dot"}, **place)
        figure.update_xaxes(**lr_axis(curve["lr"]), **place)
        if lowest:
            figure.update_xaxes(title_text="learning rate", **place)
    figure.update_yaxes(**loss_axis(outcome.sign * trials["loss"]))
    figure.update_yaxes(title_text=outcome.name, col=1)
    one_legend(figure)
    close = "10% of the best" if valleys is None else "a tenth of what can be won"
    styled(
        figure,
        _widths(valleys) if valleys else _basins(measured, task),
        f"{about(results, task)}; grey: within {close}, dotted: what diverged trials count as{remark}{thin}",
        height,
    )
    return selectable(figure, LR, METRIC, variants)


def _valleys(
    measured: Measured, task: str, variants: Sequence[str]
) -> tuple[list[dict[str, Any]] | None, float]:
    """Return the valleys of the variants that learned, and what can be won.

    It is None where the valley of a variant is not known.
    """
    table, regrets = measured.table_named("valley"), measured.regret
    if REFUSED in table.attrs or REFUSED in regrets.attrs:
        return None, math.nan
    found = [row for row in records(table) if row["task"] == task and row["variant"] in variants]
    of_the_task = [row for row in records(regrets) if row["task"] == task]
    if not of_the_task or {row["variant"] for row in found if known(row["value"])} != set(variants):
        return None, math.nan
    unit = float(of_the_task[0]["initial"] - of_the_task[0]["best"])
    learned = {row["variant"] for row in of_the_task if row["learned"]}
    return ([row for row in found if row["variant"] in learned], unit) if unit > 0 else (None, math.nan)


def _widths(valleys: list[dict[str, Any]]) -> str:
    """Name the variants with the widest and the narrowest valley, as a title."""
    order = sorted(valleys, key=lambda row: -row["value"])
    widths = [f"{'at least ' if row['at_least'] else ''}{row['value']:.2g}" for row in order]
    first, last = order[0], order[-1]
    if len(order) == 1:
        return f"The good range of {plain(first['variant'])} is {widths[0]} decades of learning rate"
    if widths[0] == widths[-1]:
        return f"The good range is {widths[0]} decades of learning rate for every variant"
    widest = f"The good range is {widths[0]} decades of learning rate for {plain(first['variant'])}"
    return f"{widest}, {widths[-1]} for {plain(last['variant'])}"


def _basins(measured: Measured, task: str) -> str:
    """Name the variants with the widest and the narrowest range within 10% of the best, as a title."""
    table = measured.robust_width
    table = table[(table["task"] == task) & (table["value"] > 0)].sort_values("value", ascending=False)
    if table.empty:
        return "No variant got better at any learning rate"
    first, last = table.iloc[0], table.iloc[-1]
    if len(table) > 1 and f"{first['value']:.1f}" == f"{last['value']:.1f}":
        return f"Every variant is within 10% of its best over {first['value']:.1f} decades of learning rate"
    title = (
        f"{plain(first['variant'])} is within 10% of its best over {first['value']:.1f} decades of learning "
        "rate"
    )
    return title if len(table) == 1 else f"{title}, {plain(last['variant'])} over {last['value']:.1f}"


def _lr_panel(
    figure: go.Figure,
    trials: pd.DataFrame,
    curve: pd.DataFrame,
    variant: str,
    shade: str,
    outcome: Outcome,
    place: dict[str, int],
) -> None:
    names = [name for name in trials.columns if name.startswith(PREFIX)]
    for diverged, marker in (
        (False, {"size": 5, "opacity": 0.35, "color": shade}),
        (True, {"size": 7, "symbol": "x-thin-open"}),
    ):
        part = trials[(trials["status"] == "diverged") == diverged]
        figure.add_trace(
            go.Scatter(
                x=part[f"{PREFIX}lr"],
                y=outcome.sign * part["loss"],
                mode="markers",
                marker={"color": DIVERGED, **marker} if diverged else marker,
                name="diverged trial" if diverged else "trial",
                legendgroup="diverged" if diverged else "trial",
                text=[trial_words(row, names, outcome.sign) for row in records(part)],
                customdata=part["key"],
                hovertemplate="%{text}<extra>" + plain(variant) + "</extra>",
            ),
            **place,
        )
    x = list(curve["lr"])
    low, high = (outcome.sign * curve[end] for end in ("low", "high"))
    figure.add_trace(band(x, low, high, shade, 0.22, name="range of the seeds", legendgroup="band"), **place)
    figure.add_trace(
        go.Scatter(
            x=x,
            y=outcome.sign * curve["value"],
            mode="lines+markers",
            line={"color": shade, "width": 2.5},
            marker={"size": 6},
            name="the others tuned, mean of the seeds",
            legendgroup="curve",
            text=[setting_words(configuration) for configuration in curve["configuration"]],
            hovertemplate="%{y:.4g}<br>%{text}<extra>" + plain(variant) + "</extra>",
        ),
        **place,
    )


@drawn("Learning curves")
def learning_curves(measured: Measured, task: str) -> go.Figure:
    """Draw the metric by epoch of each variant's best configuration.

    The mean of the seeds is drawn with their range, or past :data:`MANY` trials with the middle 90%.
    """
    results, best = measured.results, of_task(measured.best_loss, task)
    shades, outcome = colours(results.spaces), Outcome.of(results)
    figure, ends, lines = go.Figure(), [], []
    banded = few(best["variant"], measured, task, MOST_BANDS)[0]
    every, most = [], 0
    for row in records(best):
        curves = _curves(results, task, row)
        if curves.empty:
            continue
        variant, x, mean = row["variant"], list(curves.index), curves.mean(axis=1)
        most = max(most, curves.shape[1])
        low, high = curves.quantile(0.05, axis=1), curves.quantile(0.95, axis=1)
        if curves.shape[1] <= MANY:
            low, high = curves.min(axis=1), curves.max(axis=1)
        if variant in banded and curves.shape[1] > 1:
            figure.add_trace(band(x, low, high, shades[variant], 0.15, legendgroup=variant))
        lines.append(
            go.Scatter(
                x=x,
                y=mean,
                mode="lines+markers" if len(x) <= 30 else "lines",
                name=plain(variant),
                legendgroup=variant,
                line={"color": shades[variant], "dash": dash(variant), "width": 2.5},
                text=[setting_words(row["configuration"])] * len(x),
                hovertemplate="epoch %{x}: %{y:.4g}<br>%{text}<extra>" + plain(variant) + "</extra>",
            )
        )
        every += [*low, *high]
        ends.append((outcome.sign * float(mean.iloc[-1]), float(mean.iloc[-1]), variant, int(x[-1])))
    figure.add_traces(lines)
    figure.update_xaxes(
        title_text="epoch", tickformat="d", dtick=1 if results.epochs["epoch"].max() <= 12 else None
    )
    figure.update_yaxes(title_text=outcome.name, **loss_axis(every))
    known = [end for end in ends if np.isfinite(end[0])]
    title = "No best configuration kept a finite loss"
    if known:
        _, value, variant, last = min(known)
        title = (
            f"{plain(variant)} ends {'lowest' if outcome.sign > 0 else 'highest'}, at {value:.3g} after "
            f"{counted(last, 'epoch')}"
        )
    spread = "range" if most <= MANY else "middle 90%"
    words = (
        plain(results.metric)
        if IMPORTED in results.spec
        else METRIC_NAMES.get(results.metric, plain(results.metric))
    )
    subtitle = (
        f"{plain(task)}, {words} by epoch of each variant's best configuration; mean and {spread} of its "
        "seeds"
    )
    return styled(figure, title, subtitle, 320)


def _curves(results: Results, task: str, row: dict[str, Any]) -> pd.DataFrame:
    """Return the metric of the trials of a configuration, one row an epoch and one column a trial."""
    trials = results.group(task, row["variant"])
    for name, value in row["configuration"].items():
        trials = trials[trials[f"{PREFIX}{name}"] == value]
    epochs = results.epochs[results.epochs["key"].isin(trials["key"])]
    if epochs.empty or results.metric not in epochs:
        return pd.DataFrame()
    curves = epochs.pivot(index="epoch", columns="key", values=results.metric)
    curves = curves.where(np.isfinite(curves))
    if (
        results.metric == "train_loss_end" and cap_of(results, task) == INITIAL
    ):  # it is the same measure, before the first epoch
        curves.loc[0] = trials.set_index("key")["initial_loss"]
    return curves.sort_index()
