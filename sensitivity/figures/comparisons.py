"""Variants side by side: how good against how sensitive, and what their losses depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sensitivity.figures.style import (
    FAINT,
    KIN,
    about,
    colours,
    error_bars,
    styled,
)
from sensitivity.measures.effects import INTERACTIONS, NOISE
from sensitivity.results import records

if TYPE_CHECKING:
    from sensitivity.measures import Measured


def performance_sensitivity(measured: Measured, task: str) -> go.Figure:
    """Best loss against learning-rate sensitivity, one point a variant with both intervals; good is lower left."""
    figure, shades = go.Figure(), colours(measured.results.spaces)
    best, excess = measured.best_loss, measured.sensitivity
    both = best.merge(excess, on=["task", "variant"], suffixes=("_best", "_lr"))
    both = both[both["task"] == task].sort_values("value_best", ignore_index=True)
    places = _label_places(both["value_lr"].to_numpy(float), both["value_best"].to_numpy(float))
    for row, place in zip(records(both), places, strict=True):
        variant = row["variant"]
        figure.add_trace(
            go.Scatter(
                x=[row["value_lr"]],
                y=[row["value_best"]],
                error_x=error_bars(row, "lr", shades[variant]),
                error_y=error_bars(row, "best", shades[variant]),
                mode="markers+text",
                marker={"size": 11, "color": shades[variant], "symbol": "diamond" if variant in KIN else "circle"},
                text=[f"<b>{variant}</b>"],
                textposition=place,
                textfont={"color": shades[variant]},
                name=variant,
                showlegend=False,
                hovertemplate=(
                    f"<b>{variant}</b><br>best loss %{{y:.4g}} ({row['low_best']:.4g} to {row['high_best']:.4g})"
                    f"<br>lr sensitivity %{{x:.4g}} ({row['low_lr']:.4g} to {row['high_lr']:.4g})<extra></extra>"
                ),
            )
        )
    figure.update_xaxes(
        title_text=f"sensitivity: mean excess loss over {'the lr range' if measured.compared_over else 'the space'} (lower is better)",
        rangemode="tozero",
    )
    figure.update_yaxes(title_text="best loss (lower is better)")
    return styled(figure, "Best result against sensitivity", f"{about(measured.results, task)}; bars are 95 % intervals", 460)


def _label_places(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> list[str]:
    """Where the label of each point goes: the upper one of two neighbours has it above, the lower one below."""
    width, height = (max(float(np.ptp(each)), 1e-12) if len(each) else 1.0 for each in (x, y))
    places: dict[int, str] = {}
    for i in np.argsort(-y):
        near = [j for j in places if abs(x[i] - x[j]) < 0.15 * width and abs(y[i] - y[j]) < 0.15 * height]
        taken = {places[j] for j in near}
        free = [each for each in ("top right", "bottom right", "top left", "bottom left") if each not in taken]
        places[int(i)] = free[0] if free else "top right"
    return [places[i] for i in range(len(x))]


def effect_shares(measured: Measured, task: str) -> go.Figure:
    """Shares of the variance of the loss, one panel an effect and one line a variant, with intervals."""
    shares, shades = measured.main_effects, colours(measured.results.spaces)
    shares = shares[shares["task"] == task]
    variants = list(dict.fromkeys(shares["variant"]))[::-1]
    effects = [name for name in dict.fromkeys(shares["effect"]) if name not in (INTERACTIONS, NOISE)] + [INTERACTIONS, NOISE]
    figure = make_subplots(1, len(effects), subplot_titles=effects, shared_yaxes=True, horizontal_spacing=0.025)
    for column, effect in enumerate(effects, start=1):
        part = shares[shares["effect"] == effect].set_index("variant").reindex(variants)
        known = part["value"].notna()
        part = part[known]
        figure.add_trace(
            go.Scatter(
                x=part["value"],
                y=part.index,
                mode="markers",
                marker={"size": 10, "color": [shades[each] for each in part.index]},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": part["high"] - part["value"],
                    "arrayminus": part["value"] - part["low"],
                    "color": FAINT,
                    "thickness": 1.5,
                },
                showlegend=False,
                customdata=np.column_stack([part["low"], part["high"]]),
                hovertemplate="%{y}: %{x:.0%} (%{customdata[0]:.0%} to %{customdata[1]:.0%})<extra>" + effect + "</extra>",
            ),
            row=1,
            col=column,
        )
        figure.update_xaxes(range=[-0.04, 1.04], tickformat=".0%", tickvals=[0, 0.5, 1], row=1, col=column)
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=variants, range=[-0.6, len(variants) - 0.4])
    about = "share of the variance of the capped loss (ANOVA: exact on full grids, of a forest elsewhere); bars are 95 % intervals"
    return styled(figure, "Which hyperparameters matter", about, 170 + 34 * len(variants))
