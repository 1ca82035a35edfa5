"""Figures across tasks: transfer of configurations, shared configurations, performance profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.comparisons import dots
from sensitivity.figures.palette import colours, dash
from sensitivity.figures.panels import MOST_BANDS, MOST_PANELS, drawn, of_task, panels
from sensitivity.figures.style import BAR, band, styled
from sensitivity.figures.words import about, counted, plain, setting_words
from sensitivity.measures.guard import REFUSED
from sensitivity.results.results import records
from sensitivity.text.wording import with_interval

if TYPE_CHECKING:
    from sensitivity.measures import Measured


@drawn("What carries over between tasks")
def transfer_matrix(measured: Measured) -> go.Figure:
    """Draw the loss on one task (across) with the best configuration of another (down).

    The loss is a share of the gain from tuning on the task itself. One panel a variant.
    """
    table = of_task(measured.transfer_regret, None)
    variants = list(dict.fromkeys(table["variant"]))
    tasks = [
        task
        for task in dict.fromkeys(task for task, _ in measured.results.groups)
        if task in {*table["source"], *table["target"]}
    ]
    shown = variants
    if len(variants) > MOST_PANELS:
        shown = list(table.groupby("variant")["share"].mean().sort_values().index[:MOST_PANELS])
    figure, places, height = panels(shown, shared=True, row=max(120, 40 * len(tasks)), gap=110)
    for variant, place in zip(shown, places, strict=True):
        part = table[table["variant"] == variant]
        z, words = (
            np.full((len(tasks), len(tasks)), np.nan),
            np.full((len(tasks), len(tasks)), "", dtype=object),
        )
        for row in records(part):
            i, j = tasks.index(row["source"]), tasks.index(row["target"])
            z[i, j] = row["share"]
            words[i, j] = f"{with_interval(row)}<br>{setting_words(row['configuration'])}"
        names = [plain(name) for name in tasks]
        figure.add_trace(
            go.Heatmap(
                x=names,
                y=names,
                z=z,
                customdata=words,
                texttemplate="%{z:.0%}" if len(tasks) <= 6 else None,
                coloraxis="coloraxis",
                xgap=1,
                ygap=1,
                hoverongaps=False,
                hovertemplate="the best of %{y} loses %{customdata} on %{x}<extra>"
                + plain(variant)
                + "</extra>",
            ),
            **place,
        )
    figure.update_xaxes(showgrid=False, type="category", ticks="")
    figure.update_yaxes(showgrid=False, type="category", autorange="reversed")
    figure.update_yaxes(title_text="best of", col=1)
    colorbar = {"title": {"text": "lost"}, "tickformat": ".0%", **BAR}
    figure.update_layout(coloraxis={"colorscale": "Oranges", "cmin": 0, "cmax": 1, "colorbar": colorbar})
    worst = records(table.sort_values("share", ascending=False))[0]
    title = (
        f"A best configuration loses at most {worst['share']:.0%} of the gain elsewhere: "
        f"{plain(worst['variant'])}, "
    )
    title += f"from {plain(worst['source'])} to {plain(worst['target'])}"
    less = (
        f"; the {MOST_PANELS} of {len(variants)} variants that lose least"
        if len(variants) > MOST_PANELS
        else ""
    )
    subtitle = (
        f"{about(measured.results)}; regret of the best of one task (down) on another (across), as a share "
        "of what tuning gains there"
    )
    return styled(figure, title, subtitle + less, height)


@drawn("Sensitivity across tasks")
def cross_task(measured: Measured) -> go.Figure:
    """Draw Phi and d of every variant.

    Phi is the loss from one shared configuration for all tasks; d is the number of hyperparameters to tune
    for each task.
    """
    phi = of_task(measured.cross_task_sensitivity, None)
    dimension = measured.effective_dimensionality
    parts: dict[str, pd.DataFrame] = {"lost with one for all (Φ)": phi}
    note = (
        f"; d: {plain(dimension.attrs[REFUSED])}"
        if REFUSED in dimension.attrs
        else "; d: hyperparameters to tune for 95% of the score"
    )
    if not dimension.empty:
        parts["must be tuned per task (d)"] = dimension
    figure, height = dots(measured, parts, form=".3g")
    figure.update_xaxes(nticks=5)
    ordered = records(phi.sort_values("value"))
    first, last = ordered[0], ordered[-1]
    title = (
        f"One configuration for all tasks costs {plain(first['variant'])} {first['value']:.2g} of the "
        "normalised score"
    )
    title += f", {plain(last['variant'])} {last['value']:.2g}" if len(ordered) > 1 else ""
    if last["value"] <= 0:  # what is chosen once for all may by luck measure better
        title = "One configuration for all tasks measures no worse than the best of each"
    subtitle = (
        f"{about(measured.results)}; Φ: mean of the best on each task less the best mean over tasks, bars "
        f"are 95% intervals{note}"
    )
    return styled(figure, title, subtitle, height)


@drawn("Performance profiles")
def performance_profiles(measured: Measured) -> go.Figure:
    """Draw the share of tasks on which a variant needs at most x times the epochs of the fastest variant."""
    table, shades = of_task(measured.performance_profiles, None), colours(measured.results.spaces)
    figure, lines = go.Figure(), []
    for place, (name, part) in enumerate(table.groupby("variant", sort=False)):
        variant, x = str(name), list(part["ratio"])
        if place < MOST_BANDS:
            figure.add_trace(band(x, part["low"], part["high"], shades[variant], 0.08, legendgroup=variant))
        lines.append(
            go.Scatter(
                x=x,
                y=part["value"],
                mode="lines",
                name=plain(variant),
                legendgroup=variant,
                line={"color": shades[variant], "width": 2.5, "dash": dash(variant), "shape": "hv"},
                hovertemplate="within %{x:.1f} times the fastest on %{y:.0%} of the tasks<extra>"
                + plain(variant)
                + "</extra>",
            )
        )
    figure.add_traces(lines)
    figure.update_xaxes(title_text="times the epochs of the fastest")
    figure.update_yaxes(title_text="share of tasks", tickformat=".0%", range=[-0.02, 1.02])
    fastest = table[table["ratio"] == table["ratio"].min()].sort_values("value", ascending=False)
    tasks, top = int(fastest["n"].iloc[0]), records(fastest)[0]
    title = (
        f"{plain(top['variant'])} is among the fastest on {round(top['value'] * tasks)} of "
        f"{counted(tasks, 'task')}"
    )
    subtitle = (
        f"{about(measured.results)}; epochs to the best loss of any variant and 5% of the way there; bands "
        "are Wilson's 95% intervals"
    )
    return styled(figure, title, subtitle, 320)
