"""Settings in pictures: what to tune first, which setting forgives errors, and what a choice loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.palette import FAINT, colours, faded
from sensitivity.figures.panels import drawn, of_task
from sensitivity.figures.style import arms, styled
from sensitivity.figures.words import Outcome, about, plain, setting_words, short
from sensitivity.results.results import records
from sensitivity.study.metric_names import direction_in
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.measures import Measured

LINE = 44
"""Pixels of the row of a variant."""
SHADES = (1.0, 0.65, 0.4, 0.25)
"""Opacity of the bar of each step; later steps have the last."""
LEAST_NAMED = 0.07
"""Share of the longest bar from which a step has its name inside."""


@drawn("What to tune first")
def tuning_order(measured: Measured, task: str) -> go.Figure:
    """Draw what tuning one hyperparameter after another gains: a bar a variant, a part a step."""
    table = of_task(measured.tuning_order, task)
    table = table[table["value"].notna()]
    if table.empty:
        raise InputError("no variant has a full grid around its default")
    shades, figure = colours(measured.results.spaces), go.Figure()
    longest = float(table.groupby("variant")["value"].sum().max()) or 1.0
    for row in records(table):
        place = min(int(row["step"]), len(SHADES)) - 1
        figure.add_trace(
            go.Bar(
                y=[plain(row["variant"])],
                x=[row["value"]],
                orientation="h",
                marker={"color": faded(shades[row["variant"]], SHADES[place]), "line": {"width": 0}},
                text=[plain(row["effect"]) if row["value"] >= LEAST_NAMED * longest else ""],
                textposition="inside",
                insidetextanchor="middle",
                hovertemplate=(
                    f"<b>{plain(row['variant'])}</b>, step {row['step']:.0f}: {plain(row['effect'])}<br>"
                    f"gains %{{x:.3g}} ({row['low']:.3g} to {row['high']:.3g})<extra></extra>"
                ),
                showlegend=False,
            )
        )
    names = list(dict.fromkeys(table["variant"]))
    figure.update_layout(barmode="stack", bargap=0.35)
    _rows_of(figure, names)
    figure.update_xaxes(title_text="gain over the default, in units of the metric", rangemode="tozero")
    first = table[(table["step"] == 1) & (table["low"] > 0)]
    title = "No hyperparameter alone clearly improves on the default"
    if len(first) and first["effect"].nunique() == 1:
        title = f"Tune {plain(first['effect'].iloc[0])} first"
        title += f" for {_some(list(first['variant']))}" if len(first) < len(names) else ""
    elif len(first):
        title = "The hyperparameter to tune first differs between variants"
    subtitle = f"{about(measured.results, task)}; bars from left to right are the steps, first to last"
    return styled(figure, title, subtitle, max(120, LINE * len(names)))


@drawn("A setting that forgives errors")
def robust_settings(measured: Measured, task: str) -> go.Figure:
    """Draw the loss when all hyperparameters are off, at the best and at the robust setting."""
    table = of_task(measured.robust_setting, task)
    table = table[table["value"].notna()]
    if table.empty:
        raise InputError("no variant has a robust setting with a known loss")
    ends = table.assign(other=table["value"] + table["cost"])
    title = "The best setting also forgives errors best"
    worse = table[table["cost_low"] > 0]
    if (table["configuration"] != table["best_configuration"]).any():
        title = "No setting is seen to forgive errors better than the best"
    if len(worse):
        title = f"Another setting than the best forgives errors better for {_some(list(worse['variant']))}"
    return _pairs(
        measured,
        task,
        ends,
        ("the robust setting", "the best setting"),
        title,
        f"{about(measured.results, task)}; expected when every number is off by up to a factor of 2; filled: "
        "the robust setting with its 95% interval, open: the best setting",
    )


@drawn("What a choice by another metric loses")
def selection_gaps(measured: Measured, task: str) -> go.Figure:
    """Draw the test loss of the configuration that the training loss chooses, beside the best one."""
    table = of_task(measured.selection, task)
    table = table[table["value"].notna()]
    if table.empty:
        raise InputError("the other metric is not known of any trial")
    select, report = table["select"].iloc[0], table["report"].iloc[0]
    lost = table[table["gap_low"] > 0]
    title = f"Choosing by {plain(select)} shows no cost in {plain(report)}"
    if len(lost):
        title = f"Choosing by {plain(select)} costs {plain(report)} for {_some(list(lost['variant']))}"
    return _pairs(
        measured,
        task,
        table.assign(other=table["best"]),
        (f"chosen by {select}", f"best by {report}"),
        title,
        f"{plain(task)}; filled: chosen by {plain(select)}, with its 95% interval, open: the best one, "
        "expected on a rerun",
        Outcome(-1 if direction_in(report) == "max" else 1, plain(report)),
    )


def _pairs(
    measured: Measured,
    task: str,
    table: pd.DataFrame,
    names: tuple[str, str],
    title: str,
    subtitle: str,
    judged: Outcome | None = None,
) -> go.Figure:
    """Draw two values a variant: ``value`` with its interval, and ``other``."""
    shades, figure = colours(measured.results.spaces), go.Figure()
    outcome = judged or Outcome.of(measured.results)
    for row in records(table):
        shade, y = shades[row["variant"]], [plain(row["variant"])]
        value, low, high = outcome.ends(row)
        other = outcome.sign * row["other"]
        where = setting_words(row["configuration"]) if isinstance(row["configuration"], dict) else ""
        figure.add_trace(
            go.Scatter(
                x=[value, other],
                y=y * 2,
                mode="lines",
                line={"color": FAINT, "width": 1},
                hoverinfo="skip",
                showlegend=False,
            )
        )
        figure.add_trace(
            go.Scatter(
                x=[other],
                y=y,
                mode="markers",
                marker={"size": 13, "symbol": "circle-open", "color": shade, "line": {"width": 2}},
                hovertemplate=f"%{{y}}: {plain(names[1])} %{{x:.3g}}<extra></extra>",
                showlegend=False,
            )
        )
        figure.add_trace(
            go.Scatter(
                x=[value],
                y=y,
                mode="markers",
                marker={"size": 9, "color": shade},
                error_x={**arms(*(pd.Series([number]) for number in (value, low, high))), "color": shade},
                hovertemplate=f"%{{y}}: {plain(names[0])} %{{x:.3g}}<br>{where}<extra></extra>",
                showlegend=False,
            )
        )
    variants = list(dict.fromkeys(table["variant"]))
    _rows_of(figure, variants)
    figure.update_xaxes(title_text=f"{outcome.name} ({outcome.better} is better)", nticks=8)
    return styled(figure, title, subtitle, max(120, LINE * len(variants)))


def _rows_of(figure: go.Figure, variants: list[str]) -> None:
    names = [plain(name) for name in variants]
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=names[::-1],
        tickvals=names,
        ticktext=[short(name) for name in variants],
        range=[-0.6, len(names) - 0.4],
    )


def _some(names: list[str]) -> str:
    """Return up to three names as text.

    >>> _some(["adam", "sgd"]), _some(["a", "b", "c", "d"])
    ('adam and sgd', '4 variants')
    """
    if len(names) > 3:
        return f"{len(names)} variants"
    shown = [short(name, 18) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
