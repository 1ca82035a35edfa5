"""The best metric so far, while the trials of a study end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.axes import loss_axis
from sensitivity.figures.columns import checked
from sensitivity.figures.palette import DIVERGED, colours, dash
from sensitivity.figures.panels import MOST_BANDS, MOST_POINTS, drawn, few, thinned
from sensitivity.figures.scatter import trial_summary
from sensitivity.figures.selecting import ended_trials
from sensitivity.figures.style import one_legend, styled
from sensitivity.figures.words import Outcome, about, counted, plain
from sensitivity.results.results import Results, records

if TYPE_CHECKING:
    from sensitivity.measures import Measured

TRIALS, TIME = "trials", "time"
"""What the history is drawn along: the number of ended trials of a variant, or the time."""


@drawn("The best so far")
def best_so_far(measured: Measured, task: str, along: str = TRIALS) -> go.Figure:
    """Draw the best metric so far as a step line for each variant, with all trials as faint points.

    Args:
        measured: of the study.
        task: of the trials.
        along: ``trials`` for the number of the variant's trials that have ended, ``time`` for the time (UTC).

    Raises:
        InputError: ``along`` is unknown.
    """
    checked("along", along, (TRIALS, TIME))
    results, outcome = measured.results, Outcome.of(measured.results)
    table = history(results, task)
    timed = table["finished"].notna().all()
    column = "finished" if along == TIME and timed else "number"
    variants, less = few(table["variant"], measured, task, MOST_BANDS)
    table = table[table["variant"].isin(variants)]
    shades, figure = colours(results.spaces), go.Figure()
    points, thin = thinned(table, MOST_POINTS)
    for diverged in (False, True):
        figure.add_trace(_points(points, column, shades, results, diverged=diverged))
    for variant in variants:
        rows = table[table["variant"] == variant]
        figure.add_trace(
            go.Scatter(
                x=rows[column],
                y=outcome.sign * rows["best"],
                mode="lines" if len(rows) > 1 else "lines+markers",
                line={"color": shades[variant], "width": 2.5, "dash": dash(variant), "shape": "hv"},
                name=plain(variant),
                legendgroup=plain(variant),
                text=[f"after {counted(number, 'trial')}" for number in rows["number"]],
                hovertemplate="best so far %{y:.4g}<br>%{text}<extra>" + plain(variant) + "</extra>",
            )
        )
    if column == "finished":
        figure.update_xaxes(title_text="time (UTC)", type="date")
    else:
        figure.update_xaxes(title_text="trials of the variant that have ended", type="linear", tickformat="d")
        if table["number"].max() <= 12:
            figure.update_xaxes(dtick=1)
    figure.update_yaxes(title_text=outcome.name, **loss_axis(outcome.sign * table["loss"]))
    one_legend(figure)
    order = "" if timed else "; when trials ended is not known, so they are in the order of the table"
    subtitle = f"{about(results, task)}; lines are the best so far, faint points trials{order}{less}{thin}"
    return styled(figure, _title(table, outcome), subtitle, 340)


def history(results: Results, task: str) -> pd.DataFrame:
    """Return the trials of a task with a result, in the order in which they ended, with number and best.

    ``number`` counts the trials of the variant from 1; ``best`` is the lowest loss of these so far. Where the
    end of a trial is not known, the order is that of the table.
    """
    trials = ended_trials(results, task)
    if trials["finished"].notna().all():
        trials = trials.sort_values("finished", kind="stable")
    by_variant = trials.groupby("variant", sort=False)
    table = trials.assign(number=by_variant.cumcount() + 1, best=by_variant["loss"].cummin())
    return table.reset_index(drop=True)


def _points(
    trials: pd.DataFrame, column: str, shades: dict[str, str], results: Results, *, diverged: bool
) -> go.Scatter:
    part = trials[(trials["status"] == "diverged") == diverged]
    marker: dict[str, Any] = (
        {"color": DIVERGED, "symbol": "x-thin-open", "size": 6, "opacity": 0.7}
        if diverged
        else {"color": [shades[name] for name in part["variant"]], "size": 5, "opacity": 0.35}
    )
    return go.Scatter(
        x=part[column],
        y=Outcome.of(results).sign * part["loss"],
        mode="markers",
        marker=marker,
        name="diverged trial" if diverged else "trial",
        legendgroup="diverged trial" if diverged else "",
        showlegend=False,
        customdata=part["key"],
        text=[trial_summary(row, results) for row in records(part)],
        hovertemplate="%{text}<extra></extra>",
    )


def _title(table: pd.DataFrame, outcome: Outcome) -> str:
    """Return a title with the variant that reached the best metric, and after how many of its trials."""
    ended = table[table["status"] != "diverged"].dropna(subset=["loss"])
    if ended.empty:
        return f"All {len(table):,} trials diverged"
    best = records(ended.nsmallest(1, "loss", keep="first"))[0]
    every = int((table["variant"] == best["variant"]).sum())
    which = f"{'lowest' if outcome.sign > 0 else 'highest'} {outcome.name}"
    where = f"with trial {int(best['number']):,} of {every:,}"
    value = f"{outcome.sign * best['loss']:.3g}"
    return f"{plain(best['variant'])} reached the {which} of one trial, {value}, {where}"
