"""How every figure looks: colours, line styles, axes and words that are the same wherever a variant is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

if TYPE_CHECKING:
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


def metric_name(results: Results) -> str:
    """What is judged, in words."""
    name = METRIC_NAMES.get(results.metric, f"{results.metric} after the last epoch")
    return f"negative of {name}" if results.direction == "max" else name


def colours(variants: Iterable[str]) -> dict[str, str]:
    """The colour of each variant of a study: its fixed one, or for variants without one the next that the study does not use.

    >>> colours(["adam", "mine", "yours"])
    {'adam': '#0072B2', 'mine': '#44AA99', 'yours': '#882255'}
    """
    names = list(variants)
    fixed = {name: COLOURS[KIN.get(name, name)] for name in names if KIN.get(name, name) in COLOURS}
    free = [each for each in (*FALLBACK, *COLOURS.values()) if each not in fixed.values()] or list(FALLBACK)
    others = [name for name in names if name not in fixed]
    return {**fixed, **{name: free[place % len(free)] for place, name in enumerate(others)}}


def dash(variant: str) -> str:
    """The fixed line style of a variant."""
    return "dash" if variant in KIN else "solid"


def styled(figure: go.Figure, title: str, subtitle: str, height: int) -> go.Figure:
    """The house style: title, what was computed under it, fonts, legend below."""
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


def one_legend(figure: go.Figure) -> None:
    """Each kind of trace once in the legend: the first of its group that shows anything."""
    seen: set[str] = set()
    for trace in figure.data:
        trace.showlegend = trace.legendgroup not in seen and bool(len(trace.x))
        if trace.showlegend:
            seen.add(trace.legendgroup)


def lr_axis(rates: Iterable[float]) -> dict[str, Any]:
    """A logarithmic axis with a tick at every power of ten, and at round numbers between where the range is short."""
    known = [each for each in rates if each > 0]
    wide = known and max(known) / min(known) > 30
    return {"type": "log", "exponentformat": "power", "dtick": 1} if wide else {"type": "log", **_round_ticks(known)}


def loss_axis(losses: Iterable[float]) -> dict[str, Any]:
    """A logarithmic axis with round ticks, or a linear one where a loss is not above 0."""
    known = [each for each in losses if math.isfinite(each)]
    return {"type": "log", **_round_ticks(known)} if known and min(known) > 0 else {"type": "linear"}


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


def about(results: Results, task: str) -> str:
    """Task, metric and seeds, for a subtitle."""
    seeds = results.usable["seed"].nunique()
    return f"{task}, {metric_name(results)}, {seeds} seed{'s' if seeds != 1 else ''}"


def trial_words(row: dict[str, Any], names: list[str]) -> str:
    """A trial in words, for hovering."""
    setting = setting_words({name.removeprefix("config/"): row[name] for name in names if row[name] == row[name]})
    ended = f"diverged in epoch {row['epochs_done']}" if row["status"] == "diverged" else f"loss {row['loss']:.4g}"
    return f"{ended}<br>{setting}<br>seed {row['seed']}, trial {row['key']}"


def setting_words(configuration: dict[str, Any]) -> str:
    """A configuration in words, for hovering."""
    return ", ".join(f"{name} {each:.4g}" if isinstance(each, float) else f"{name} {each}" for name, each in configuration.items())


def error_bars(row: dict[str, Any], side: str, shade: str) -> dict[str, Any]:
    """Error bars of a row with ``value_SIDE``, ``low_SIDE`` and ``high_SIDE``."""
    value, low, high = (row[f"{part}_{side}"] for part in ("value", "low", "high"))
    arms = {"array": [max(0.0, high - value)], "arrayminus": [max(0.0, value - low)]}
    return {"type": "data", "symmetric": False, **arms, "color": shade, "thickness": 1.5, "width": 4}


def faded(shade: str, opacity: float) -> str:
    """The colour with an opacity."""
    red, green, blue = (int(shade[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
