"""Gain from tuning over the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from sensitivity.figures.comparisons import dots
from sensitivity.figures.panels import drawn, of_task
from sensitivity.figures.style import styled
from sensitivity.figures.words import Outcome, about, plain
from sensitivity.measures.tunability import believed
from sensitivity.results.results import records

if TYPE_CHECKING:
    from sensitivity.measures import Measured

TOGETHER = "all together"


@drawn("What tuning gains")
def tunability(measured: Measured, task: str) -> go.Figure:
    """Draw the gain over the default configuration, of all hyperparameters together and of each alone.

    A second panel has the default against the best.
    """
    table = believed(of_task(measured.tunability, task))
    outcome = Outcome.of(measured.results)
    single = table[table["kind"] == "single"]
    overall = table[table["kind"] == "overall"]
    best = of_task(measured.best_loss, task).merge(
        overall[["variant", "value"]], on="variant", suffixes=("", "_gain")
    )
    against = f"best {outcome.name}, default"
    parts = {against: best, TOGETHER: overall}
    parts |= {
        name: single[single["hyperparameters"] == name] for name in dict.fromkeys(single["hyperparameters"])
    }
    figure, height = dots(measured, parts, form=".3g")
    level = figure.data[0]
    values = best["value"].notna()
    shown = best[values]
    level.x, level.name = outcome.sign * shown["value"], "best"
    low, high = outcome.ends(shown)[1:]
    level.error_x = {**level.error_x.to_plotly_json(), "array": high - level.x, "arrayminus": level.x - low}
    figure.add_trace(
        go.Scatter(
            x=outcome.sign * (shown["value"] + shown["value_gain"]),
            y=level.y,
            mode="markers",
            marker={"size": 10, "symbol": "circle-open", "color": level.marker.color, "line": {"width": 2}},
            name="default",
            showlegend=False,
            hovertemplate="%{y}: default %{x:.3g}<extra></extra>",
        ),
        row=1,
        col=1,
    )
    most = float(np.nanmax([*table["high"], *table["value"], 0.0])) or 1.0
    for place in range(1, len(parts)):
        figure.update_layout({f"xaxis{place + 1}": {"range": [-0.05 * most, 1.05 * most], "nticks": 4}})
    figure.update_layout(xaxis={"nticks": 4})
    known = overall[overall["value"].notna()].sort_values("value", ascending=False)
    title = "The trials do not show what tuning gains"
    if len(known) and known["value"].iloc[0] <= 0:
        title = "No configuration was better than the defaults"
    elif len(known) and not (known["low"] > 0).any():
        title = "No variant clearly gains from tuning"
    elif len(known):
        first, last = records(known)[0], records(known)[-1]
        title = f"Tuning gains most for {plain(first['variant'])}: {first['value']:.3g}"
        is_alone = len(known) > 1 and last["value"] < records(known)[-2]["value"]
        title += f"; least for {plain(last['variant'])}: {last['value']:.3g}" if is_alone else ""
    how = (
        "measured"
        if not table["note"].str.contains("forest").any()
        else "by a random forest where no trial tells them"
    )
    subtitle = (
        f"{about(measured.results, task)}; open: the default, filled: the best; gains over the default in "
        f"units of the metric, {how}; bars are 95% intervals"
    )
    return styled(figure, title, subtitle, height)
