"""Loss over two hyperparameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.axes import Axis, Levels, cells
from sensitivity.figures.palette import DIVERGED, SHADES, faded
from sensitivity.figures.panels import MOST_POINTS, MOST_TRACES, below, drawn, few, panels
from sensitivity.figures.stability import add_boundary
from sensitivity.figures.style import BAR, arms, one_legend, styled
from sensitivity.figures.words import Outcome, about, plain
from sensitivity.measures.coupling import best_by_level, coupling
from sensitivity.measures.losses import FIXED
from sensitivity.results.results import PREFIX, records
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.measures import Measured

BINS = 10
RIDGE, BOUNDARY = "#E69F00", "#22D3EE"


@drawn("Loss over two hyperparameters")
def pairwise_map(measured: Measured, task: str, one: str = "lr", other: str = "mu") -> go.Figure:
    """Draw the mean capped loss over two hyperparameters, one panel a variant that varies both.

    A panel is a heat map of the levels of a design, or of equal parts with the configurations as points. It
    has the best value of one hyperparameter for every level of the other, and the stability boundary.

    Args:
        measured: of the study.
        task: of the trials.
        one: hyperparameter on the horizontal axis.
        other: hyperparameter on the vertical axis.

    Raises:
        InputError: no variant varies one of the hyperparameters.
    """
    results = measured.results
    check_pair(measured, one, other)
    having = [
        variant
        for group_task, variant in results.groups
        if group_task == task and {one, other} <= set(results.varied(variant))
    ]
    if not having:
        raise InputError(f"no variant on {task!r} varies both {one} and {other}")
    variants, less = few(having, measured, task, MOST_TRACES // 5)
    outcome, (first, second) = Outcome.of(results), (Axis.of(results, name) for name in (one, other))
    figure, places, height = panels(variants, shared=False, row=220)
    ridge = _best_by_level(measured, one, other)
    binned: list[int] = []
    for variant, place, lowest in zip(variants, places, below(places), strict=True):
        trials = results.group(task, variant)
        surface = mean_loss(trials, first, second, keep=results.design_of(variant) in FIXED)
        binned += [] if surface.are_levels else [len(surface.x), len(surface.y)]
        figure.add_trace(
            go.Heatmap(
                x=cells(first, surface.x),
                y=cells(second, surface.y),
                z=outcome.sign * surface.z,
                coloraxis="coloraxis",
                xgap=1,
                ygap=1,
                customdata=surface.words,
                hovertemplate="mean %{z:.4g}<br>%{customdata}<extra>" + plain(variant) + "</extra>",
            ),
            **place,
        )
        if not surface.are_levels:
            _points(figure, trials, first, second, outcome, MOST_POINTS // len(variants), place)
        if one == "lr":
            add_boundary(figure, measured, task, variant, second, place, BOUNDARY)
        if ridge is not None:
            _ridge(
                figure, ridge[(ridge["task"] == task) & (ridge["variant"] == variant)], first, second, place
            )
        figure.update_xaxes(**first.layout(first.places(trials[f"{PREFIX}{one}"].dropna())), **place)
        figure.update_yaxes(**second.layout(second.places(trials[f"{PREFIX}{other}"].dropna())), **place)
        figure.update_yaxes(title_text=plain(other) if place["col"] == 1 else None, **place)
        if lowest:
            figure.update_xaxes(title_text="learning rate" if one == "lr" else plain(one), **place)
    one_legend(figure)
    scale = f"{SHADES}_r" if outcome.sign < 0 else SHADES
    figure.update_layout(
        coloraxis={"colorscale": scale, "colorbar": {"title": {"text": outcome.name}, **BAR}}
    )
    how = "mean over all else" + (
        f" in {max(binned)} parts a side, dots are configurations" if binned else ""
    )
    fits = _fits(measured, task, one, other)
    subtitle = f"{about(results, task)}; {how}, capped{_exponents(measured, fits, one, other)}{less}"
    return styled(figure, _title(ridge, fits, task, one, other, variants), subtitle, height)


def check_pair(measured: Measured, one: str, other: str) -> None:
    """Check that a variant varies both hyperparameters, and that they differ.

    Raises:
        InputError: one of the checks fails.
    """
    known = list(
        dict.fromkeys(
            name for variant in measured.results.spaces for name in measured.results.varied(variant)
        )
    )
    for name in (one, other):
        if name not in known:
            raise unknown("hyperparameter", name, known)
    if one == other:
        raise InputError(f"a map needs two hyperparameters, got {one!r} twice")


class Surface:
    """Mean losses over the levels of two axes.

    x: coordinates of the columns.
    y: coordinates of the rows.
    z: means ``[y, x]``, NaN for an empty cell.
    words: both values of each cell as text, ``[y][x]``.
    are_levels: True if both axes have the levels of a design.
    """

    def __init__(self, columns: Levels, rows: Levels, loss: Any) -> None:
        self.x, self.y = columns.centres, rows.centres
        self.are_levels = columns.are_levels and rows.are_levels
        width, depth = len(self.x), len(self.y)
        inside = (columns.place >= 0) & (rows.place >= 0) & np.isfinite(loss)
        cell = rows.place[inside] * width + columns.place[inside]
        count = np.bincount(cell, minlength=width * depth)
        total = np.bincount(cell, loss[inside], width * depth)
        self.z = np.divide(total, count, out=np.full(width * depth, np.nan), where=count > 0).reshape(
            depth, width
        )
        names = [plain(columns.axis.name), plain(rows.axis.name)]
        self.words = [[f"{names[0]} {a}, {names[1]} {b}" for a in columns.words] for b in rows.words]


def mean_loss(trials: pd.DataFrame, first: Axis, second: Axis, *, keep: bool = False) -> Surface:
    """Return the mean capped loss over two hyperparameters; all others are averaged over.

    Args:
        trials: of one variant.
        first: axis of the columns.
        second: axis of the rows.
        keep: the values are levels of the design.
    """
    bins = int(min(BINS, max(3, (len(trials) / 3) ** 0.5)))
    columns, rows = (
        Levels.of(axis, trials[f"{PREFIX}{axis.name}"], bins=bins, keep=keep) for axis in (first, second)
    )
    return Surface(columns, rows, trials["loss"].to_numpy(float))


def _points(
    figure: go.Figure,
    trials: pd.DataFrame,
    first: Axis,
    second: Axis,
    outcome: Outcome,
    most: int,
    place: dict[str, int],
) -> None:
    part = trials.sample(most, random_state=0) if len(trials) > most else trials
    bad = part["status"] == "diverged"
    for diverged, chosen in ((False, part[~bad]), (True, part[bad])):
        look = (
            {"color": DIVERGED, "symbol": "x-thin-open", "size": 6}
            if diverged
            else {"color": outcome.sign * chosen["loss"], "size": 5}
        )
        shade = {} if diverged else {"coloraxis": "coloraxis", "line": {"color": "#ffffff", "width": 0.5}}
        figure.add_trace(
            go.Scatter(
                x=first.places(chosen[f"{PREFIX}{first.name}"]),
                y=second.places(chosen[f"{PREFIX}{second.name}"]),
                mode="markers",
                marker={**look, **shade},
                name="diverged trial",
                legendgroup="bad" if diverged else None,
                showlegend=False,
                text=[f"{outcome.sign * row['loss']:.4g}<br>{plain(row['key'])}" for row in records(chosen)],
                customdata=chosen["key"],
                hovertemplate="%{text}<extra></extra>",
            ),
            **place,
        )


def _best_by_level(measured: Measured, one: str, other: str) -> pd.DataFrame | None:
    """Return the best value of one at every level of the other, None if the design does not allow it."""
    try:
        return best_by_level(measured.results, one, other)
    except InputError:
        return None


def _ridge(figure: go.Figure, table: pd.DataFrame, first: Axis, second: Axis, place: dict[str, int]) -> None:
    part = table[table["value"].notna()]
    part = part.assign(y=second.places(part[second.name]), x=first.places(part["value"])).sort_values("y")
    figure.add_trace(
        go.Scatter(
            x=part["x"],
            y=part["y"],
            error_x=arms(
                part["x"],
                first.places(part["low"]),
                first.places(part["high"]),
                color=faded(RIDGE, 0.6),
                width=3,
            ),
            mode="lines+markers" if second.scale != "categorical" else "markers",
            line={"color": RIDGE, "width": 2.5},
            marker={"color": RIDGE, "size": 9, "line": {"color": "#000000", "width": 1}},
            name=f"best {plain(first.name)}, the others tuned",
            legendgroup="ridge",
            text=[first.words(place) for place in part["x"]],
            hovertemplate="best: %{text}<extra></extra>",
        ),
        **place,
    )


def _fits(measured: Measured, task: str, one: str, other: str) -> pd.DataFrame:
    """Return the fitted exponents of the ridges of a task."""
    try:
        table = coupling(measured.results, one, other)
    except InputError:
        return pd.DataFrame(columns=["variant", "value", "low", "high"])
    return table[(table["task"] == task) & table["value"].notna()]


def _exponents(measured: Measured, fits: pd.DataFrame, one: str, other: str) -> str:
    """Return the fitted exponent of the ridge of each variant as text, the narrowest interval first."""
    table = fits.assign(width=fits["high"] - fits["low"]).sort_values("width").head(3)
    scale = measured.results.spaces[table["variant"].iloc[0]][other].scale if len(table) else ""
    base = {"log1m": f"(1 − {plain(other)})", "log": plain(other)}.get(scale, f"e^{plain(other)}")
    words = [
        f"{plain(row['variant'])} {row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        for row in records(table)
    ]
    return f"; exponent of best {plain(one)} in {base}: {', '.join(words)}" if words else ""


def _title(
    ridge: pd.DataFrame | None, fits: pd.DataFrame, task: str, one: str, other: str, variants: list[str]
) -> str:
    """Return a title with the variant whose best value clearly moves most, and how far."""
    fitted, clear = set(fits["variant"]), set(fits.loc[(fits["low"] > 0) | (fits["high"] < 0), "variant"])
    known = (
        ridge[(ridge["task"] == task) & ridge["value"].notna() & ridge["variant"].isin(variants)]
        if ridge is not None
        else pd.DataFrame()
    )
    moves: list[tuple[float, str]] = []
    for variant, part in known.groupby("variant", sort=False) if len(known) else []:
        if len(part) > 1:
            a, b = records(part)[0], records(part)[-1]
            is_apart = a["high"] < b["low"] or b["high"] < a["low"]
            if not (variant in clear or (variant not in fitted and is_apart)):
                continue
            far = (
                abs(np.log(b["value"] / a["value"]))
                if a["value"] > 0 and b["value"] > 0
                else abs(b["value"] - a["value"])
            )
            ends = (
                f"from {a['value']:.2g} at {plain(other)} {_value(a[other])} to {b['value']:.2g} at "
                f"{_value(b[other])}"
            )
            moves.append((float(far), f"The best {plain(one)} of {plain(variant)} moves {ends}"))
    if moves and max(moves)[0] > 0:
        return max(moves)[1]
    if known.empty or known["variant"].value_counts().max() < 2:
        return f"Mean loss over {plain(one)} and {plain(other)}"
    return f"No best {plain(one)} is seen to move with {plain(other)}"


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else plain(value)
