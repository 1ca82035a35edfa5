"""Figures 1 to 4 of "Optimizing CNNs": the loss by epoch of cells of its tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sensitivity.figures.axes import loss_axis
from sensitivity.figures.palette import COLOURS, faded
from sensitivity.figures.style import styled
from sensitivity.figures.words import METRIC_NAMES
from sensitivity.paper.trials import is_of_unsaid
from sensitivity.results.results import records
from sensitivity.text.wording import number

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.results.results import Results

TITLES = {
    1: "Momentum and Nesterov's, with and without bias correction",
    2: "Norms, with and without bias correction",
    3: "Momentum with norms, both bias-corrected",
    4: "Residual networks on CIFAR-10",
}
SHOWN = {1: {"mu": 0.9}, 2: {}, 3: {"mu": 0.9, "nu": 0.9}, 4: {}}
"""Cells of each table that are drawn."""
METRICS = {
    1: ("train_loss_end",),
    2: ("train_loss_end",),
    3: ("train_loss_end",),
    4: ("train_loss_end", "test_loss"),
}
SHADES = {
    "cm": COLOURS["cm"],
    "nag": COLOURS["nag"],
    "l1": COLOURS["rmsprop"],
    "l2": COLOURS["adam"],
    "linf": COLOURS["adamax"],
}
DASHES = ("solid", "dash", "dot", "dashdot")


def paper_figure(results: Sequence[Results], table: int) -> go.Figure | None:
    """Draw the loss by epoch of the cells of a table at the paper's learning rates.

    The lines are means over the seeds, with the range of the seeds. A trial that diverged stays at its
    initial loss. A cross beside the end of a line is the paper's value.

    Returns:
        The figure; None where no cell was run.
    """
    metrics = METRICS[table]
    curves = [
        (cell, one, cell_trials) for cell in _shown(table) for one, cell_trials in _trials(results, cell)
    ]
    if not curves:
        return None
    figure = make_subplots(
        1,
        len(metrics),
        subplot_titles=[METRIC_NAMES[metric] for metric in metrics] if len(metrics) > 1 else None,
    )
    used: dict[str, int] = {}
    lows = []
    for cell, one, trials in curves:
        family = cell["variant"].partition("+")[2].split("-")[0] or cell["variant"].split("-")[0]
        style = {
            "color": SHADES[family],
            "dash": DASHES[used.setdefault(family, 0) % len(DASHES)],
            "width": 2.5,
        }
        used[family] += 1
        for column, metric in enumerate(metrics, 1):
            paths = _paths(one, trials, metric)
            if not paths.empty:
                lows.append(float(paths.to_numpy(float).min()))
                _draw(figure, paths, _legend_name(cell), style, column)
                lows += _draw_published(figure, cell, metric, float(paths.index.max()), style, column)
    longest = max(int(trials["epochs"].max()) for _, _, trials in curves)
    figure.update_xaxes(title_text="epoch", tickformat="d", dtick=1 if longest <= 12 else None)
    figure.update_yaxes(
        **loss_axis([*lows, *(float(trials["initial_loss"].max()) for _, _, trials in curves)])
    )
    figure.update_yaxes(title_text="loss", col=1)
    figure.update_layout(legend={"orientation": "v", "x": 1.02, "y": 1, "xanchor": "left", "yanchor": "top"})
    task = curves[0][0]["task"]
    by_epoch = [METRIC_NAMES[metric].replace(" the last epoch", " each epoch") for metric in metrics]
    about = f"{task}, {' and '.join(by_epoch)}"
    return styled(
        figure,
        f"Figure {table}. {TITLES[table]}",
        f"{about}; mean and range of the seeds; crosses: the paper after 50 epochs",
        max(440, 190 + 32 * len(curves)),
    )


def _shown(table: int) -> list[dict[str, Any]]:
    from sensitivity.paper.tables import TEST_LOSS, published

    cells = [cell for cell in records(published()) if cell["table"] == table and cell["metric"] != TEST_LOSS]
    return [cell for cell in cells if all(cell[name] == value for name, value in SHOWN[table].items())]


def _trials(results: Iterable[Results], cell: Mapping[str, Any]) -> list[tuple[Results, pd.DataFrame]]:
    from sensitivity.paper.tables import trials_of

    for one in results:
        if is_of_unsaid(one):
            continue
        trials = trials_of(one, cell)
        if (
            len(trials)
            and (at_rate := np.isclose(trials["config/lr"].astype(float), cell["lr"], rtol=1e-6)).any()
        ):
            return [(one, trials[at_rate])]
    return []


def _paths(one: Results, trials: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the loss of each trial (a column) after each epoch, capped at the initial loss.

    A trial that diverged stays at the cap.
    """
    if metric not in one.epochs or one.epochs[metric].isna().all():
        return one.epochs.iloc[:0, :0]
    epochs = one.epochs[one.epochs["key"].isin(trials["key"])]
    every = range(1, int(trials["epochs"].max()) + 1)
    paths = epochs.pivot(index="epoch", columns="key", values=metric).reindex(
        index=every, columns=list(trials["key"])
    )
    initial = trials.set_index("key")["initial_loss"]
    if metric == "train_loss_end":  # the initial loss is this metric before the first epoch
        paths.loc[0] = initial
    return paths.sort_index().fillna(np.inf).clip(upper=initial, axis=1)


def _legend_name(cell: Mapping[str, Any]) -> str:
    """Return the label of a cell in a legend.

    >>> _legend_name({"variant": "cm-unscaled-mean-bias_corrected+l2-mean-constant", "mu": 0.9, "nu": 0.999})
    'CM + L2, mu .9 corrected, nu .999'
    """
    parts = [part.split("-") for part in cell["variant"].split("+")]
    names = [{"cm": "CM", "nag": "NAG", "l1": "L1", "l2": "L2", "linf": "Linf"}[words[0]] for words in parts]
    labels = [" + ".join(names)]
    for words in parts:
        decay = "mu" if words[0] in ("cm", "nag") else "nu"
        if not math.isnan(cell[decay]):
            corrected = " corrected" if words[-1] == "bias_corrected" else ""
            labels.append(f"{decay} {number(cell[decay]).removeprefix('0')}{corrected}")
    return ", ".join(labels)


def _draw(figure: go.Figure, paths: pd.DataFrame, name: str, style: dict[str, Any], column: int) -> None:
    x = list(paths.index)
    figure.add_trace(
        go.Scatter(
            x=[*x, *reversed(x)],
            y=[*paths.max(axis=1), *reversed(list(paths.min(axis=1)))],
            fill="toself",
            fillcolor=faded(style["color"], 0.1),
            mode="lines",
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=name,
        ),
        row=1,
        col=column,
    )
    figure.add_trace(
        go.Scatter(
            x=x,
            y=paths.mean(axis=1),
            mode="lines",
            name=name,
            legendgroup=name,
            showlegend=column == 1,
            line=style,
            hovertemplate="epoch %{x}: %{y:.4g}<extra>" + name + "</extra>",
        ),
        row=1,
        col=column,
    )


def _draw_published(
    figure: go.Figure, cell: Mapping[str, Any], metric: str, last: float, style: dict[str, Any], column: int
) -> list[float]:
    """Draw the paper's value of a cell as a cross at the right; return it, or nothing where it diverged."""
    from sensitivity.paper.tables import TEST_LOSS, published

    table = published()
    same = (table["table"] == cell["table"]) & (table["variant"] == cell["variant"])
    for decay in ("mu", "nu"):
        same &= table[decay].isna() if math.isnan(cell[decay]) else table[decay] == cell[decay]
    rows = table[same & ((table["metric"] == TEST_LOSS) == (metric == "test_loss"))]
    value = float(rows["paper"].iloc[0]) / (1000 if rows["metric"].iloc[0].endswith("x1000") else 1)
    if math.isnan(value):
        return []
    name = _legend_name(cell)
    figure.add_trace(
        go.Scatter(
            x=[1.03 * last],
            y=[value],
            mode="markers",
            marker={"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": style["color"]}},
            showlegend=False,
            legendgroup=name,
            hovertemplate=f"the paper: %{{y:.4g}}<extra>{name}</extra>",
        ),
        row=1,
        col=column,
    )
    return [value]
