"""The learning curve of every trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.axes import loss_axis
from sensitivity.figures.columns import (
    METRIC,
    Colouring,
    Column,
    checked,
    first_column,
    hyperparameter_columns,
    untitled_bar,
)
from sensitivity.figures.palette import DIVERGED, FAINT
from sensitivity.figures.panels import MOST_TRACES, below, drawn, few, panels, thinned
from sensitivity.figures.scatter import trial_summary
from sensitivity.figures.selecting import ended_trials
from sensitivity.figures.style import one_legend, styled
from sensitivity.figures.words import Outcome, about, counted, plain
from sensitivity.results.results import PREFIX, Results, records
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.measures import Measured

MOST_LINES = 300
"""Trials that are drawn, in all panels together."""
MOST_REPORTS = 30_000
"""Epochs that are drawn, in all panels together."""
FEWEST_LINES = 30
MOST_VARIANTS = 6
"""Variants that have a panel: the best ones."""
MOST_SHADES = 12
"""Colours of a panel's lines."""
BEYOND = 2.0
"""Times the initial loss above which a curve leaves its panel."""


@drawn("Every learning curve")
def trial_curves(measured: Measured, task: str, colour: str | None = None) -> go.Figure:
    """Draw the metric of every trial by epoch, one panel a variant, coloured by a column.

    Crosses mark the last finite report of diverged trials, at the edge of the panel if it is beyond. Of many
    trials, a random part is drawn.

    Args:
        measured: of the study.
        task: of the trials.
        colour: column of the colours, ``config/NAME`` or ``loss`` for the metric; None for the learning rate.

    Raises:
        InputError: the column is unknown, or no trial has reported an epoch.
    """
    results = measured.results
    colour = checked("colour", colour or first_column(results), [*hyperparameter_columns(results), METRIC])
    trials = ended_trials(results, task)
    reports = finite_reports(results, trials)
    reported = trials[trials["key"].isin(reports["key"])]
    if reported.empty:
        raise InputError(f"no trial has reported a finite {results.metric} by epoch")
    unreported = len(trials) - len(reported)
    variants, less = few(reported["variant"], measured, task, MOST_VARIANTS)
    reported = reported[reported["variant"].isin(variants)]
    lengths = reports[reports["key"].isin(reported["key"])].groupby("key").size()
    lines, thin = thinned(reported, int(np.clip(MOST_REPORTS / lengths.mean(), FEWEST_LINES, MOST_LINES)))
    reports = reports[reports["key"].isin(lines["key"])]
    colouring = Colouring.of(Column.of(results, trials, colour), reported)
    figure, places, height = panels(variants, row=230 if len(variants) > 1 else 340)
    most = min(MOST_SHADES, (MOST_TRACES - 1) // len(variants) - 2)
    top = _top(reports, lines, results)
    shades, parts = colouring.parts(lines, most)
    lines = lines.assign(shade=np.where(np.isfinite(parts), parts, -1).astype(int))
    for variant, place, lowest in zip(variants, places, below(places), strict=True):
        of_variant = lines[lines["variant"] == variant]
        for shade, part in of_variant.groupby("shade"):
            colour_of_part = shades[int(str(shade))] if int(str(shade)) >= 0 else FAINT
            figure.add_trace(_lines(part, reports, colour_of_part, variant, results), **place)
        figure.add_trace(_ends(of_variant, reports, top, results), **place)
        if lowest:
            figure.update_xaxes(title_text="epoch", **place)
    figure.add_trace(_bar(), **places[0])
    figure.update_layout(coloraxis=colouring.axis())
    last = int(reports["epoch"].max())
    figure.update_xaxes(tickformat="d", dtick=1 if last <= 12 else None)
    drawn_values = reports[results.metric].clip(upper=top)
    figure.update_yaxes(**loss_axis(drawn_values), **_range(drawn_values, reports[results.metric], top))
    figure.update_yaxes(title_text=Outcome.of(results).name, col=1)
    one_legend(figure)
    bad = reported["status"] == "diverged"
    marked = f", red crosses are where {int(bad.sum()):,} trials diverged" if bad.any() else ""
    without = f"; {counted(unreported, 'trial')} without a finite epoch" if unreported else ""
    subtitle = (
        f"{about(results, task)}; each line a trial, colour: {_named(colouring.column)}{marked}{without}"
        f"{less}{thin}"
    )
    return untitled_bar(styled(figure, _title(reported), subtitle, height))


def finite_reports(results: Results, trials: pd.DataFrame) -> pd.DataFrame:
    """Return key, epoch and metric of the epochs of trials at which the metric is finite, in order."""
    epochs = results.epochs
    if results.metric not in epochs.columns:
        return pd.DataFrame(columns=["key", "epoch", results.metric])
    reports = epochs.loc[epochs["key"].isin(trials["key"]), ["key", "epoch", results.metric]]
    finite = np.isfinite(pd.to_numeric(reports[results.metric], errors="coerce").to_numpy(float))
    ordered: pd.DataFrame = reports[finite].sort_values(["key", "epoch"], kind="stable")
    return ordered


def _named(column: Column) -> str:
    return column.label if column.name == METRIC else plain(column.name.removeprefix(PREFIX))


def _lines(
    trials: pd.DataFrame, reports: pd.DataFrame, shade: str, variant: str, results: Results
) -> go.Scatter:
    """Return the curves of trials of one colour as one trace, with gaps between them."""
    x: list[Any] = []
    y: list[Any] = []
    keys: list[Any] = []
    texts: list[Any] = []
    by_key = dict(tuple(reports[reports["key"].isin(trials["key"])].groupby("key")))
    for row in records(trials):
        part = by_key[row["key"]]
        x += [*part["epoch"].tolist(), None]
        y += [*part[results.metric].tolist(), None]
        keys += [row["key"]] * (len(part) + 1)
        texts += [trial_summary(row, results)] * (len(part) + 1)
    points = sum(place is not None for place in x) == len(trials)
    return go.Scatter(
        x=x,
        y=y,
        mode="markers" if points else "lines",
        line={"color": shade, "width": 1},
        marker={"color": shade, "size": 5},
        opacity=0.75,
        connectgaps=False,
        showlegend=False,
        customdata=keys,
        text=texts,
        hovertemplate="epoch %{x}: %{y:.4g}<br>%{text}<extra></extra>",
        name=plain(variant),
    )


def _ends(trials: pd.DataFrame, reports: pd.DataFrame, top: float, results: Results) -> go.Scatter:
    """Return a cross at the last finite report of each diverged trial."""
    diverged = trials[trials["status"] == "diverged"]
    last = reports[reports["key"].isin(diverged["key"])].groupby("key").tail(1).set_index("key")
    rows = records(diverged[diverged["key"].isin(last.index)])
    return go.Scatter(
        x=[int(last.loc[row["key"], "epoch"]) for row in rows],
        y=[min(float(last.loc[row["key"], results.metric]), top) for row in rows],
        mode="markers",
        marker={"color": DIVERGED, "symbol": "x-thin-open", "size": 7},
        name="where it diverged",
        legendgroup="diverged",
        customdata=[row["key"] for row in rows],
        text=[trial_summary(row, results) for row in rows],
        hovertemplate="%{text}<extra></extra>",
    )


def _bar() -> go.Scatter:
    """Return a trace without a point: the colour bar of the lines."""
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        marker={"color": [0.0], "coloraxis": "coloraxis"},
        hoverinfo="skip",
        showlegend=False,
    )


def _top(reports: pd.DataFrame, trials: pd.DataFrame, results: Results) -> float:
    """Return the highest value that a panel shows; infinite where curves stay near the initial loss."""
    highest = float(reports[results.metric].max())
    initial = float(trials["initial_loss"].max())
    if results.direction == "max" or not np.isfinite(initial) or initial <= 0:
        return np.inf
    return BEYOND * initial if highest > BEYOND * initial else np.inf


def _range(drawn_values: pd.Series[float], values: pd.Series[float], top: float) -> dict[str, Any]:
    """Return the range of the vertical axis that ends at the top; empty if Plotly may choose it."""
    if not np.isfinite(top):
        return {}
    low = float(values.min())
    if low > 0:
        return {"range": [np.log10(low) - 0.05, np.log10(top) + 0.02]}
    return {"range": [low, top]}


def _title(trials: pd.DataFrame) -> str:
    """Return a title with the number of curves and how they ended."""
    diverged = int((trials["status"] == "diverged").sum())
    all_or_some = "all" if diverged == len(trials) else f"{diverged:,}"
    ended = f"; {all_or_some} diverged" if diverged else ""
    return f"The learning curves of {counted(len(trials), 'trial')}{ended}"
