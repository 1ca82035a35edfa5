"""Every trial over any two of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.columns import (
    METRIC,
    VARIANT,
    Colouring,
    Column,
    checked,
    first_column,
    hyperparameter_columns,
    untitled_bar,
)
from sensitivity.figures.palette import DIVERGED, FAINT, colours, faded
from sensitivity.figures.panels import MOST_BANDS, MOST_POINTS, below, drawn, few, panels, thinned
from sensitivity.figures.selecting import ended_trials, selectable
from sensitivity.figures.style import one_legend, styled
from sensitivity.figures.words import Outcome, about, plain, setting_words
from sensitivity.results.results import PREFIX, Results, records
from sensitivity.study.trial import DONE
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.measures import Measured

OTHERS = "other variants"
UNENDED = "without a result"


@drawn("Every trial")
def trial_scatter(
    measured: Measured, task: str, x: str | None = None, y: str = METRIC, colour: str | None = None
) -> go.Figure:
    """Draw every trial over two columns: a slice for a hyperparameter and the metric, else a map of points.

    Coloured by variant, the trials share a panel; by another column, each variant has a panel. Diverged
    trials are crosses; their metric is what they count as. The trials of default settings are among them.

    Args:
        measured: of the study.
        task: of the trials.
        x: column of the horizontal axis, ``config/NAME`` or ``loss`` for the metric; None for the learning
            rate.
        y: column of the vertical axis.
        colour: column of the colours, or ``variant``; None for the variant if an axis is the metric, else the
            metric.

    Raises:
        InputError: a column is unknown.
    """
    results = measured.results
    columns = [*hyperparameter_columns(results), METRIC]
    across = checked("x", x or first_column(results), columns)
    checked("y", y, columns)
    colour = checked("colour", colour or scatter_colour(across, y), [*columns, VARIANT])
    trials = results.all_trials
    trials = trials[trials["task"] == task].reset_index(drop=True)
    first, second = (Column.of(results, trials, name) for name in (across, y))
    placed = trials[np.isfinite(first.places(trials)) & np.isfinite(second.places(trials))]
    if placed.empty:
        raise InputError(f"no trial has both {first.axis.name} and {second.axis.name}")
    by_variant = colour == VARIANT
    variants, less = few(placed["variant"], measured, task)
    if by_variant:
        less = ""
    else:
        placed = placed[placed["variant"].isin(variants)]
    points, thin = thinned(placed, MOST_POINTS)
    figure, places, height = panels(
        [] if by_variant else variants, row=360 if by_variant or len(variants) == 1 else 240
    )
    if by_variant:
        named = few(placed["variant"], measured, task, MOST_BANDS)[0]
        _by_variant(figure, points, (first, second), colours(results.spaces), named, results)
    else:
        colouring = Colouring.of(Column.of(results, trials, colour), placed[placed["status"] != "diverged"])
        for variant, place in zip(variants, places, strict=True):
            part = points[points["variant"] == variant]
            _panel(figure, part, (first, second), colouring, results, place)
        figure.update_layout(coloraxis=colouring.axis())
    for place, lowest in zip(places, below(places), strict=True):
        figure.update_xaxes(**first.layout(placed), **place)
        figure.update_yaxes(**second.layout(placed), **place)
        if lowest:
            figure.update_xaxes(title_text=first.label, **place)
    if len(places) > 1:
        figure.update_xaxes(matches="x")
    figure.update_yaxes(title_text=second.label, col=1)
    one_legend(figure)
    subtitle = f"{about(results, task)}; {_reading(placed, by_variant, colour, results)}{less}{thin}"
    untitled_bar(styled(figure, _title(measured, task, first, second), subtitle, height))
    figure.update_layout(dragmode="select")
    return selectable(figure, across, y, [] if by_variant else variants)


def scatter_colour(x: str, y: str) -> str:
    """Return the column that colours a scatter of two columns if none is chosen."""
    return VARIANT if METRIC in (x, y) else METRIC


def _reading(trials: pd.DataFrame, by_variant: bool, colour: str, results: Results) -> str:
    """Return how to read the marks."""
    shade = (
        "variant"
        if by_variant
        else Outcome.of(results).name
        if colour == METRIC
        else plain(colour.removeprefix(PREFIX))
    )
    diverged = int((trials["status"] == "diverged").sum())
    crosses = f", red crosses are the {diverged:,} diverged trials" if diverged else ""
    return f"each point a trial, the better on top; colour: {shade}{crosses}"


def _ordered(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials from the worst to the best, which is drawn last and lies on top."""
    return trials.sort_values("loss", ascending=False, kind="stable", na_position="first")


def _kinds(trials: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the trials that have a value, those that diverged, and those without a result."""
    diverged = trials["status"] == "diverged"
    ended = trials["status"].isin(DONE)
    return _ordered(trials[ended & ~diverged]), trials[diverged], trials[~ended]


def _by_variant(
    figure: go.Figure,
    trials: pd.DataFrame,
    columns: tuple[Column, Column],
    shades: dict[str, str],
    named: list[str],
    results: Results,
) -> None:
    """Draw all trials in one panel, a colour a variant; variants beyond the named are faint."""
    completed, diverged, unended = _kinds(trials)
    others = completed[~completed["variant"].isin(named)]
    groups = [(UNENDED, unended, _HOLLOW), (OTHERS, others, {"color": FAINT, "size": 5, "opacity": 0.4})]
    groups += [
        (name, completed[completed["variant"] == name], {"color": shades[name], "size": 6, "opacity": 0.6})
        for name in named
    ]
    for name, part, marker in [*groups, ("diverged trial", diverged, _CROSS)]:
        if len(part):
            figure.add_trace(_marks(part, columns, plain(name), marker, results))


_CROSS = {"color": DIVERGED, "symbol": "x-thin-open", "size": 7}
_HOLLOW = {"color": FAINT, "symbol": "circle-open", "size": 6}


def _panel(
    figure: go.Figure,
    trials: pd.DataFrame,
    columns: tuple[Column, Column],
    colouring: Colouring,
    results: Results,
    place: dict[str, int],
) -> None:
    """Draw the trials of a variant by the colours of a column."""
    completed, diverged, unended = _kinds(trials)
    line = colouring.column.line(completed)
    known = np.isfinite(line)
    edge = {"line": {"color": faded(FAINT, 0.7), "width": 0.5}}
    scaled = {"color": line[known], "coloraxis": "coloraxis", "size": 8, **edge}
    lacking = f"without {plain(colouring.column.axis.name)}"
    for name, part, marker in (
        (UNENDED, unended, _HOLLOW),
        (lacking, completed[~known], {"color": FAINT, "size": 6, "opacity": 0.5}),
        ("trial", completed[known], scaled),
        ("diverged trial", diverged, _CROSS),
    ):
        if len(part):
            mark = _marks(part, columns, name, marker, results)
            figure.add_trace(mark.update(showlegend=False) if name == "trial" else mark, **place)
    if not len(trials):
        figure.add_trace(go.Scatter(x=[], y=[], hoverinfo="skip", showlegend=False), **place)


def _marks(
    trials: pd.DataFrame, columns: tuple[Column, Column], name: str, marker: dict[str, Any], results: Results
) -> go.Scatter:
    """Return trials as marks that have their keys and say what they are."""
    first, second = columns
    return go.Scatter(
        x=first.places(trials),
        y=second.places(trials),
        mode="markers",
        marker=marker,
        name=name,
        legendgroup="" if name == "trial" else name,
        text=[trial_summary(row, results) for row in records(trials)],
        customdata=trials["key"],
        hovertemplate="%{text}<extra></extra>",
    )


def trial_summary(row: dict[str, Any], results: Results) -> str:
    """Return a trial, also one without a result, as text for hovering."""
    outcome = Outcome.of(results)
    configuration = {
        name: row[f"{PREFIX}{name}"]
        for name in results.spaces[row["variant"]].names
        if pd.notna(row.get(f"{PREFIX}{name}"))
    }
    ended = row["status"] in DONE and row["status"] != "diverged"
    result = f"{outcome.name} {outcome.sign * row['loss']:.4g}" if ended else str(row["status"])
    if row["status"] == "diverged":
        result += f" in epoch {row['epochs_done']}"
    return "<br>".join(
        [
            result,
            plain(row["variant"]),
            setting_words(configuration),
            f"seed {row['seed']}, trial {plain(row['key'])}",
        ]
    )


def _title(measured: Measured, task: str, first: Column, second: Column) -> str:
    """Return a title with the best trial's place on the axes."""
    results = measured.results
    trials = results.all_trials
    trials = trials[(trials["task"] == task) & (trials["status"] == "completed")].dropna(subset=["loss"])
    names = [column for column in (first, second) if column.name != METRIC]
    if trials.empty or not names:
        ended = len(ended_trials(results, task))
        return (
            f"No trial of {ended:,} kept a finite {Outcome.of(results).name}"
            if trials.empty
            else (f"Every trial by its {Outcome.of(results).name}")
        )
    best = trials.loc[[trials["loss"].idxmin()]]
    outcome = Outcome.of(results)
    where = " and ".join(
        f"{plain(column.axis.name)} {column.axis.words(float(column.places(best)[0]))}"
        for column in dict.fromkeys(names)
        if np.isfinite(column.places(best)[0])
    )
    reached = f"{outcome.sign * best['loss'].iloc[0]:.3g}, by {plain(best['variant'].iloc[0])}"
    which = "lowest" if outcome.sign > 0 else "highest"
    return f"The {which} {outcome.name} of one trial is {reached}{f' at {where}' if where else ''}"
