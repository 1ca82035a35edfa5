"""The figures: each a pure function from results to a Plotly figure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sensitivity.measures.effects import INTERACTIONS, NOISE
from sensitivity.results import records
from trainables.variants import VARIANTS

if TYPE_CHECKING:
    from sensitivity.measures import Measured
    from sensitivity.results import Results

# Okabe & Ito (2008), safe for colour-blind readers; kin share a colour and differ in their dash.
COLOURS = {
    "sgd": "#555555", "cm": "#E69F00", "nag": "#D55E00", "adagrad": "#8B6B3E", "rmsprop": "#009E73",
    "adam": "#0072B2", "nadam": "#56B4E9", "adamax": "#CC79A7",
}  # fmt: skip
KIN = {
    "cm_mean": "cm", "nag_mean": "nag", "l1_adagrad": "adagrad", "l1_adagrad_mean": "adagrad", "l2_adagrad_mean": "rmsprop",
    "linf_adagrad_mean": "adamax", "l1_adam": "adam", "l1_nadam": "nadam", "linf_nadam": "adamax",
}  # fmt: skip
FALLBACK = ("#44AA99", "#882255", "#999933", "#332288", "#AA4499", "#117733")
INK, FAINT, RULE = "#222222", "#8a8a8a", "#e6e6e6"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
COLUMNS = 3
METRIC_NAMES = {
    "train_loss_end": "training loss after the last epoch",
    "train_loss": "training loss during the last epoch",
    "test_loss": "test loss after the last epoch",
}


def colour(variant: str) -> str:
    """The fixed colour of a variant."""
    if variant in COLOURS:
        return COLOURS[variant]
    if variant in KIN:
        return COLOURS[KIN[variant]]
    known = list(VARIANTS)
    return FALLBACK[(known.index(variant) if variant in known else sum(variant.encode())) % len(FALLBACK)]


def dash(variant: str) -> str:
    """The fixed line style of a variant."""
    return "dash" if variant in KIN else "solid"


def lr_curves(measured: Measured, task: str) -> go.Figure:
    """Loss against learning rate, one panel a variant: every trial, the tuned curve with its seed band, diverged trials at the
    initial loss.
    """
    results, curves = measured.results, measured.lr_curve
    curves = curves[curves["task"] == task]
    variants = list(dict.fromkeys(curves["variant"]))
    rows = max(1, math.ceil(len(variants) / COLUMNS))
    columns = min(COLUMNS, max(1, len(variants)))
    figure = make_subplots(
        rows, columns, subplot_titles=variants, shared_yaxes=True, horizontal_spacing=0.03, vertical_spacing=min(0.16, 0.4 / rows)
    )
    initial = results.usable.loc[results.usable["task"] == task, "initial_loss"].mean()
    for position, variant in enumerate(variants):
        place = {"row": position // columns + 1, "col": position % columns + 1}
        curve = curves[curves["variant"] == variant]
        _lr_panel(figure, results.group(task, variant), curve, variant, initial, place, first=position == 0)
        figure.update_xaxes(type="log", exponentformat="power", dtick=1, **place)
        if position + columns >= len(variants):
            figure.update_xaxes(title_text="learning rate", **place)
    losses = results.usable.loc[results.usable["task"] == task, "loss"]
    figure.update_yaxes(type="log", matches="y", **_round_ticks(losses))
    figure.update_yaxes(title_text="loss", col=1)
    return _styled(figure, "How the loss depends on the learning rate", _about(results, task), 110 + 250 * rows)


def _lr_panel(
    figure: go.Figure, trials: pd.DataFrame, curve: pd.DataFrame, variant: str, initial: float, place: dict[str, int], *, first: bool
) -> None:
    shade, names = colour(variant), [name for name in trials.columns if name.startswith("config/")]
    for diverged, marker in ((False, {"size": 5, "opacity": 0.35, "color": shade}), (True, {"size": 7, "symbol": "x-thin-open"})):
        part = trials[(trials["status"] == "diverged") == diverged]
        words = [_words(row, names) for row in records(part)]
        figure.add_trace(
            go.Scatter(
                x=part["config/lr"],
                y=part["loss"],
                mode="markers",
                marker={"color": "#B00020", **marker} if diverged else marker,
                name="diverged trial (drawn at the initial loss)" if diverged else "trial",
                legendgroup="diverged" if diverged else "trial",
                showlegend=first,
                text=words,
                hovertemplate="%{text}<extra>" + variant + "</extra>",
            ),
            **place,
        )
    x = list(curve["lr"])
    figure.add_trace(
        go.Scatter(
            x=[*x, *reversed(x)],
            y=[*curve["high"], *reversed(list(curve["low"]))],
            fill="toself",
            fillcolor=_faded(shade, 0.22),
            mode="lines",
            line={"width": 0},
            hoverinfo="skip",
            name="range of the seeds",
            legendgroup="band",
            showlegend=first,
        ),
        **place,
    )
    figure.add_trace(
        go.Scatter(
            x=x,
            y=curve["value"],
            mode="lines+markers",
            line={"color": shade, "width": 2.5},
            marker={"size": 6},
            name="best of the other hyperparameters, mean of the seeds",
            legendgroup="curve",
            showlegend=first,
            text=[_setting(each) for each in curve["configuration"]],
            hovertemplate="loss %{y:.4g}<br>%{text}<extra>" + variant + "</extra>",
        ),
        **place,
    )
    figure.add_hline(y=initial, line={"color": FAINT, "width": 1, "dash": "dot"}, **place)


def performance_sensitivity(measured: Measured, task: str) -> go.Figure:
    """Best loss against learning-rate sensitivity, one point a variant with both intervals; good is lower left."""
    figure = go.Figure()
    best, excess = measured.best_loss, measured.lr_sensitivity
    both = best.merge(excess, on=["task", "variant"], suffixes=("_best", "_lr"))
    both = both[both["task"] == task].sort_values("value_best", ignore_index=True)
    places = _label_places(both["value_lr"].to_numpy(float), both["value_best"].to_numpy(float))
    for row, place in zip(records(both), places, strict=True):
        variant = row["variant"]
        figure.add_trace(
            go.Scatter(
                x=[row["value_lr"]],
                y=[row["value_best"]],
                error_x=_error(row, "lr"),
                error_y=_error(row, "best"),
                mode="markers+text",
                marker={"size": 11, "color": colour(variant), "symbol": "diamond" if variant in KIN else "circle"},
                text=[f"<b>{variant}</b>"],
                textposition=place,
                textfont={"color": colour(variant)},
                name=variant,
                showlegend=False,
                hovertemplate=(
                    f"<b>{variant}</b><br>best loss %{{y:.4g}} ({row['low_best']:.4g} to {row['high_best']:.4g})"
                    f"<br>lr sensitivity %{{x:.4g}} ({row['low_lr']:.4g} to {row['high_lr']:.4g})<extra></extra>"
                ),
            )
        )
    figure.update_xaxes(title_text="learning-rate sensitivity: mean excess loss over the lr range (lower is better)", rangemode="tozero")
    figure.update_yaxes(title_text="best loss (lower is better)")
    return _styled(figure, "Best result against sensitivity", f"{_about(measured.results, task)}; bars are 95 % intervals", 460)


def _label_places(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> list[str]:
    """Where the label of each point goes: to the upper right, unless a neighbour's label is there already."""
    width, height = (max(float(np.ptp(each)), 1e-12) if len(each) else 1.0 for each in (x, y))
    places: list[str] = []
    for i in range(len(x)):
        near = [j for j in range(i) if abs(x[i] - x[j]) < 0.15 * width and abs(y[i] - y[j]) < 0.12 * height]
        taken = {places[j] for j in near}
        free = [each for each in ("top right", "bottom right", "top left", "bottom left") if each not in taken]
        places.append(free[0] if free else "top right")
    return places


def effect_shares(measured: Measured, task: str) -> go.Figure:
    """Shares of the variance of the loss, one panel an effect and one line a variant, with intervals."""
    shares = measured.main_effects
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
                marker={"size": 10, "color": [colour(each) for each in part.index]},
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
    figure.update_yaxes(categoryorder="array", categoryarray=variants, range=[-0.6, len(variants) - 0.4])
    about = "share of the variance of the capped loss (functional ANOVA); bars are 95 % intervals"
    return _styled(figure, "Which hyperparameters matter", about, 170 + 34 * len(variants))


def learning_curves(measured: Measured, task: str) -> go.Figure:
    """Training loss by epoch of each variant's best configuration: mean of the seeds and their range."""
    figure = go.Figure()
    results, best = measured.results, measured.best_loss
    lows: list[float] = []
    for row in records(best[best["task"] == task]):
        variant = row["variant"]
        trials = results.group(task, variant)
        chosen = np.logical_and.reduce([trials[f"config/{name}"] == each for name, each in row["configuration"].items()])
        trials = trials[chosen]
        curves = results.epochs[results.epochs["key"].isin(trials["key"])].pivot(index="epoch", columns="key", values=results.metric)
        if results.metric == "train_loss_end":  # the initial loss is the same measure, before the first epoch
            curves.loc[0] = trials.set_index("key")["initial_loss"]
        curves = curves.sort_index()
        x, mean = list(curves.index), curves.mean(axis=1)
        figure.add_trace(
            go.Scatter(
                x=[*x, *reversed(x)],
                y=[*curves.max(axis=1), *reversed(list(curves.min(axis=1)))],
                fill="toself",
                fillcolor=_faded(colour(variant), 0.15),
                mode="lines",
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                legendgroup=variant,
            )
        )
        figure.add_trace(
            go.Scatter(
                x=x,
                y=mean,
                mode="lines+markers",
                name=variant,
                legendgroup=variant,
                line={"color": colour(variant), "dash": dash(variant), "width": 2.5},
                text=[_setting(row["configuration"])] * len(x),
                hovertemplate="epoch %{x}: %{y:.4g}<br>%{text}<extra>" + variant + "</extra>",
            )
        )
        lows.append(float(curves.min().min()))
    figure.update_xaxes(title_text="epoch", tickformat="d", dtick=1 if results.epochs["epoch"].max() <= 12 else None)
    figure.update_yaxes(title_text="loss", type="log", **_round_ticks([*lows, results.usable["initial_loss"].max()]))
    figure.update_layout(legend={"orientation": "v", "x": 1.02, "y": 1, "xanchor": "left", "yanchor": "top"})
    about = f"{task}, {METRIC_NAMES[results.metric].replace(' the last epoch', ' each epoch')}; mean and range of the seeds"
    return _styled(figure, "Learning curves of each variant's best configuration", about, 420)


def _styled(figure: go.Figure, title: str, subtitle: str, height: int) -> go.Figure:
    figure.update_layout(
        template="plotly_white",
        title={
            "text": title,
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": 0.985,
            "yanchor": "top",
            "yref": "container",
            "font": {"size": 18, "color": INK},
            "subtitle": {"text": subtitle, "font": {"size": 13, "color": FAINT}},
        },
        font={"family": FONT, "size": 13, "color": INK},
        height=height,
        margin={"l": 70, "r": 20, "t": 100, "b": 60},
        hoverlabel={"bgcolor": "white", "font": {"family": FONT, "color": INK}},
    )
    if figure.layout.legend.orientation != "v":
        # Below the axis titles whatever the height: the legend is placed in the margin's pixels.
        figure.update_layout(legend={"orientation": "h", "yref": "container", "y": 0.0, "yanchor": "bottom", "x": 0, "xanchor": "left"})
        if any(trace.showlegend is not False and trace.name for trace in figure.data):
            figure.update_layout(margin={"b": 100}, height=height + 40)
    figure.update_xaxes(gridcolor=RULE, zeroline=False, linecolor=FAINT, ticks="outside", tickcolor=RULE)
    figure.update_yaxes(gridcolor=RULE, zeroline=False)
    return figure


def _round_ticks(losses: Iterable[float]) -> dict[str, Any]:
    """Ticks of a logarithmic axis at 1, 2 and 5 times powers of ten (at 1, 2, 3 ... where the range is short)."""
    known = [each for each in losses if math.isfinite(each) and each > 0]
    if not known:
        return {}
    low, high = math.log10(min(known)), math.log10(max(known))
    steps: tuple[float, ...] = (1, 2, 5) if high - low > 0.7 else (1, 1.5, 2, 3, 4, 5, 6, 8)
    if high - low > 3:
        steps = (1,)
    values = [step * 10.0**power for power in range(math.floor(low) - 1, math.ceil(high) + 1) for step in steps]
    return {"tickvals": values, "ticktext": [f"{each:.4g}" for each in values]}


def _about(results: Results, task: str) -> str:
    seeds = results.usable["seed"].nunique()
    return f"{task}, {METRIC_NAMES[results.metric]}, {seeds} seed{'s' if seeds != 1 else ''}"


def _words(row: dict[str, Any], names: list[str]) -> str:
    setting = _setting({name.removeprefix("config/"): row[name] for name in names if row[name] == row[name]})
    ended = f"diverged in epoch {row['epochs_done']}" if row["status"] == "diverged" else f"loss {row['loss']:.4g}"
    return f"{ended}<br>{setting}<br>seed {row['seed']}, trial {row['key']}"


def _setting(configuration: dict[str, Any]) -> str:
    return ", ".join(f"{name} {each:.4g}" if isinstance(each, float) else f"{name} {each}" for name, each in configuration.items())


def _error(row: dict[str, Any], side: str) -> dict[str, Any]:
    value, low, high = (row[f"{part}_{side}"] for part in ("value", "low", "high"))
    arms = {"array": [max(0.0, high - value)], "arrayminus": [max(0.0, value - low)]}
    return {"type": "data", "symmetric": False, **arms, "color": colour(row["variant"]), "thickness": 1.5, "width": 4}


def _faded(shade: str, opacity: float) -> str:
    red, green, blue = (int(shade[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
