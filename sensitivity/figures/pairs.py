"""Interactions of pairs of hyperparameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from sensitivity.figures.panels import drawn, few, of_task, panels
from sensitivity.figures.style import BAR, styled
from sensitivity.figures.words import about, plain, with_ends
from sensitivity.measures.effects import INTERACTIONS, MINOR
from sensitivity.results.results import records

if TYPE_CHECKING:
    from sensitivity.measures import Measured

MOST_NAMES = 8
"""Hyperparameters beyond which a panel has no room for numbers."""


@drawn("What hyperparameters do together")
def pair_effects(measured: Measured, task: str) -> go.Figure:
    """Draw the share of the variance of the loss of each pair of hyperparameters, one panel a variant.

    The diagonal has the shares of single hyperparameters.
    """
    table = of_task(measured.variance_shares, task)
    table = table[table["order"].isin(("main", "pair")) & table["value"].notna()]
    variants, less = few(of_task(table, task)["variant"], measured, task)
    poor = set(table.loc[table["note"].str.contains("poor surrogate"), "variant"])
    most = max(len(measured.results.varied(variant)) for variant in variants)
    figure, places, height = panels(variants, shared=False, row=max(110, 30 * most + 30))
    for variant, place in zip(variants, places, strict=True):
        names = list(measured.results.varied(variant))
        if variant in poor:
            figure.layout.annotations[places.index(place)].text += " (poor fit)"
        by_effect = {row["effect"]: row for row in records(table[table["variant"] == variant])}
        z, words = (
            np.full((len(names), len(names)), np.nan),
            np.full((len(names), len(names)), "", dtype=object),
        )
        for i, first in enumerate(names):
            for j, second in enumerate(names[: i + 1]):
                row = by_effect.get(first if i == j else f"{second} x {first}")
                if row is not None:
                    z[i, j], words[i, j] = row["value"], f"{plain(row['effect'])}: {with_ends(row, '.0%')}"
        shown = [plain(name) for name in names]
        figure.add_trace(
            go.Heatmap(
                x=shown,
                y=shown,
                z=z,
                customdata=words,
                texttemplate="%{z:.0%}" if len(names) <= MOST_NAMES else None,
                coloraxis="coloraxis",
                xgap=1,
                ygap=1,
                hoverongaps=False,
                hovertemplate="%{customdata}<extra>" + plain(variant) + "</extra>",
            ),
            **place,
        )
    figure.update_xaxes(showgrid=False, type="category", ticks="")
    figure.update_yaxes(showgrid=False, type="category", autorange="reversed")
    colorbar = {"title": {"text": "share"}, "tickformat": ".0%", **BAR}
    figure.update_layout(coloraxis={"colorscale": "Blues", "cmin": 0, "cmax": 1, "colorbar": colorbar})
    pairs = table[(table["order"] == "pair") & (table["low"] > 0) & ~table["variant"].isin(poor)].sort_values(
        "value", ascending=False
    )
    title = "No interaction is clearly above 0"
    shares = of_task(measured.main_effects, task)
    is_clear = (shares["value"] >= MINOR) & (shares["low"] > 0)
    if ((shares["effect"] == INTERACTIONS) & is_clear).any():  # exact on a full grid
        title = "Interactions matter, but a forest cannot tell which"
    elif poor >= set(table["variant"]):
        title = "The trials do not show what hyperparameters do together"
    if len(pairs):
        top = records(pairs)[0]
        title = (
            f"{plain(top['effect'])} is the largest interaction: {with_ends(top, '.0%')} of the variance of "
            f"{plain(top['variant'])}"
        )
    subtitle = (
        f"{about(measured.results, task)}; functional ANOVA of a random forest; diagonal: alone, below it: "
        "together"
    )
    subtitle += f"{'; a poor fit says little' if poor else ''}{less}"
    return styled(figure, title, subtitle, height)
