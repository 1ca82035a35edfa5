"""Estimators of importance side by side."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.panels import drawn, few, of_task, panels
from sensitivity.figures.style import BAR, styled
from sensitivity.figures.words import about, counted, plain
from sensitivity.results.results import records

if TYPE_CHECKING:
    from sensitivity.measures import Measured

DISAGREES = "≠"


@drawn("Whether estimators agree")
def estimator_agreement(measured: Measured, task: str) -> go.Figure:
    """Draw the rank that each estimator gives each hyperparameter, one panel a variant.

    Cells have the estimators' values. Estimators that order two hyperparameters differently, beyond both
    intervals, are marked.
    """
    table = of_task(measured.estimators, task)
    table = table[(table["effect"] != "") & table["value"].notna()]
    table = table[table.groupby("variant")["effect"].transform("nunique") > 1] if len(table) else table
    shown = of_task(table, task)  # a single hyperparameter has no rank
    variants, less = few(shown["variant"], measured, task)
    estimators = list(dict.fromkeys(shown["estimator"]))
    most = int(shown.groupby("variant")["effect"].nunique().max())
    figure, places, height = panels(variants, columns=2, row=max(80, 30 * most), gap=114, shared=False)
    for variant, place in zip(variants, places, strict=True):
        part = shown[shown["variant"] == variant]
        names = list(dict.fromkeys(part["effect"]))[::-1]
        wide = {
            column: part.pivot(index="effect", columns="estimator", values=column)
            for column in ("rank", "value", "disagrees")
        }
        wide = {
            name: values.reindex(index=names, columns=estimators).astype(object)
            for name, values in wide.items()
        }
        odd = wide["disagrees"].fillna("")
        texts = wide["value"].map(lambda share: "" if pd.isna(share) else f"{share:.2g}") + odd.map(
            lambda estimator: estimator and f" {DISAGREES}"
        )
        hover = odd.map(lambda estimator: estimator and f"<br>other order than {estimator}")
        figure.add_trace(
            go.Heatmap(
                x=[_short(name) for name in estimators],
                y=[plain(name) for name in names],
                z=wide["rank"].astype(float).to_numpy(),
                text=texts.to_numpy(),
                texttemplate="%{text}",
                customdata=hover.to_numpy(),
                coloraxis="coloraxis",
                xgap=1,
                ygap=1,
                hovertemplate="%{y} by %{x}: rank %{z}, value %{text}%{customdata}<extra>"
                + plain(variant)
                + "</extra>",
            ),
            **place,
        )
    figure.update_xaxes(showgrid=False, type="category", tickangle=-35, ticks="")
    figure.update_yaxes(showgrid=False, type="category")
    colorbar = {"title": {"text": "rank"}, **BAR, "dtick": 1}
    figure.update_layout(
        coloraxis={"colorscale": "Blues_r", "cmin": 1, "cmax": max(2, most), "colorbar": colorbar}
    )
    whole = table.groupby(["variant", "effect"])["disagrees"].agg(lambda cells: bool((cells != "").any()))
    many = int(whole.sum())
    title = "The estimators do not tell which hyperparameter matters more"
    if ordered_by_two(records(table)):
        title = (
            f"{len(estimators)} estimators order the hyperparameters alike, as far as their intervals tell"
        )
    if len(estimators) == 1:
        title = f"Only {_short(estimators[0])} can order the hyperparameters, so nothing confirms it"
    elif many:
        title = (
            f"Estimators disagree on {many} of {counted(len(whole), 'hyperparameter')}, beyond their "
            "intervals"
        )
    subtitle = (
        f"{about(measured.results, task)}; colour: rank, 1 matters most; number: the estimator's own value; "
        f"{DISAGREES}: another orders it otherwise{less}"
    )
    return styled(figure, title, subtitle, height)


def ordered_by_two(table: list[dict[str, Any]]) -> bool:
    """Return True if the intervals of two estimators separate the same two hyperparameters of a variant."""
    orders: Counter[tuple[str, str, str]] = Counter()
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in table:
        groups.setdefault((row["variant"], row["estimator"]), []).append(row)
    for (variant, _), members in groups.items():
        for one, other in itertools.permutations(members, 2):
            if one["low"] > other["high"]:
                orders[variant, *sorted((one["effect"], other["effect"]))] += 1
    return any(count > 1 for count in orders.values())


def _short(estimator: str) -> str:
    return plain(
        estimator.replace("_", " ").replace("variance shares", "variance").replace("top importance", "top")
    )
