"""Variants side by side: how good against how sensitive, what their losses depend on, and which differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.axes import Array
from sensitivity.figures.palette import FAINT, KIN, colours, faded
from sensitivity.figures.panels import drawn, of_task, panels
from sensitivity.figures.style import arms, error_bars, styled
from sensitivity.figures.words import Outcome, about, between, counted, plain, short
from sensitivity.measures.effects import MINOR, NO_HYPERPARAMETER, NOISE, POOR_FIT, UNEXPLAINED
from sensitivity.results.results import records
from sensitivity.text.wording import known
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.measures import Measured

LABEL = 17
"""Pixels between two labels."""
MANY = 10
"""Variants beyond which intervals are drawn faintly."""
MOST_PAIRS = 30
NAME = 18
"""Most characters of each of two names on an axis."""
EFFECT_COLUMNS = 5


@drawn("Best result against sensitivity")
def performance_sensitivity(measured: Measured, task: str) -> go.Figure:
    """Draw best loss against sensitivity, one point a variant with both intervals.

    Lines pass through the best; good is lower left. Names stand at the right, each with a line to its point.
    """
    results = measured.results
    figure, shades, outcome = go.Figure(), colours(results.spaces), Outcome.of(results)
    both = of_task(measured.best_loss, task).merge(
        of_task(measured.sensitivity, task), on=["task", "variant"], suffixes=("_best", "_lr")
    )
    both = both[both["value_lr"].notna()].sort_values("value_best", ignore_index=True)
    if both.empty:
        raise InputError("no variant has results of two settings")
    for end, value in zip(
        ("value", "low", "high"),
        outcome.ends(both.rename(columns=lambda name: name.removesuffix("_best"))),
        strict=True,
    ):
        both[f"{end}_best"] = value
    height = max(320, LABEL * len(both))
    heights = both[["value_best", "low_best", "high_best"]].to_numpy(float)
    low, high = float(np.nanmin(heights)), float(np.nanmax(heights))
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    low, high = low - room, high + room
    at = (high - both["value_best"].to_numpy(float)) / (high - low) * height
    right = 1.06 * float(np.nanmax(both[["value_lr", "high_lr"]].to_numpy(float))) or 1.0
    names = [short(name, 18) for name in both["variant"]]
    for row, name, label in zip(records(both), names, spread(at, height), strict=True):
        shade = shades[row["variant"]]
        figure.add_trace(_point(row, shade, faint=len(both) > MANY))
        beside = right, high - float(label) / height * (high - low)
        name_beside(figure, name, (row["value_lr"], row["value_best"]), beside, shade)
    best = both.iloc[0]
    figure.add_hline(y=best["value_best"], line={"color": FAINT, "width": 1, "dash": "dot"})
    figure.add_vline(x=best["value_lr"], line={"color": FAINT, "width": 1, "dash": "dot"})
    rerun = ", expected on a rerun" if both["low_best"].notna().any() else ""
    over = "the learning rate" if measured.compared_over else "all hyperparameters"
    figure.update_xaxes(
        title_text=f"mean distance from the variant's own best, over {over}",
        range=[-0.02 * right, right],
    )
    figure.update_yaxes(
        title_text=f"best {outcome.name}{rerun} ({outcome.better} is better)", range=[low, high]
    )
    figure.update_layout(showlegend=False)
    title = "How good each variant can be, and how far it is from that untuned"
    if len(both) == 1:
        title = (
            f"{plain(best['variant'])}: best {best['value_best']:.3g}{rerun}, {best['value_lr']:.3g} away "
            "from it on average"
        )
    subtitle = f"{about(results, task)}; bars are 95% intervals, dotted lines go through the best variant"
    return styled(figure, title, subtitle, height, right=12 + 8 * min(18, max(map(len, both["variant"]))))


def name_beside(
    figure: go.Figure, name: str, at: tuple[float, float], place: tuple[float, float], shade: str
) -> None:
    """Write a name at a place, with a line to the point that it names.

    Args:
        figure: gets the name.
        name: of the point.
        at: x and y of the point.
        place: x and y of the name, in units of the axes.
        shade: colour of both.
    """
    figure.add_annotation(
        x=at[0],
        y=at[1],
        text=f"<b>{name}</b>",
        font={"color": shade},
        axref="x",
        ayref="y",
        ax=place[0],
        ay=place[1],
        xanchor="left",
        arrowhead=0,
        arrowwidth=1,
        arrowcolor=faded(shade, 0.5),
        standoff=6,
    )


def _point(row: dict[str, Any], shade: str, *, faint: bool) -> go.Scatter:
    variant, bars = row["variant"], faded(shade, 0.25) if faint else shade
    return go.Scatter(
        x=[row["value_lr"]],
        y=[row["value_best"]],
        error_x=error_bars(row, "lr", bars),
        error_y=error_bars(row, "best", bars),
        mode="markers",
        marker={"size": 11, "color": shade, "symbol": "diamond" if variant in KIN else "circle"},
        name=plain(variant),
        hovertemplate=(
            f"<b>{plain(variant)}</b><br>best %{{y:.4g}}{_ends(row, 'best')}<br>sensitivity %{{x:.4g}}"
            f"{_ends(row, 'lr')}<extra></extra>"
        ),
    )


def _ends(row: dict[str, Any], name: str) -> str:
    """Return an interval in brackets; "" without one."""
    low, high = row[f"low_{name}"], row[f"high_{name}"]
    return f" ({low:.4g} to {high:.4g})" if known(low) and known(high) else ""


def spread(places: Array, most: float, least: float = LABEL) -> Array:
    """Move places as little as possible, in their order, until neighbours have the least distance.

    The method is isotonic regression; the result is then moved between 0 and ``most``.

    Args:
        places: coordinates, pixels.
        most: largest coordinate, pixels.
        least: smallest distance, pixels.

    >>> spread(np.array([40.0, 30.0, 44.0]), most=100, least=10).tolist()
    [38.0, 28.0, 48.0]
    """
    order = np.argsort(places, kind="stable")
    steps = least * np.arange(len(places))
    blocks: list[list[float]] = []  # sum and count of what moves together
    for value in places[order] - steps:
        blocks.append([float(value), 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    positions = np.empty(len(places))
    moved = np.concatenate([np.full(int(count), total / count) for total, count in blocks] or [np.empty(0)])
    positions[order] = np.clip(moved, 0, max(0.0, most - least * (len(places) - 1))) + steps
    return positions


@drawn("Which hyperparameters matter")
def effect_shares(measured: Measured, task: str) -> go.Figure:
    """Draw shares of the variance of the loss, one panel an effect and one line a variant, with intervals."""
    whole = of_task(measured.main_effects, task)
    is_explained = ~whole["effect"].isin((UNEXPLAINED, NOISE))
    shares = whole[~(is_explained & whole["note"].str.contains(POOR_FIT, regex=False))]
    names = [name for name in dict.fromkeys(shares["effect"]) if name not in NO_HYPERPARAMETER]
    known = set(shares.loc[shares["value"].notna(), "effect"])
    effects = [name for name in (*names, *NO_HYPERPARAMETER) if name in known]
    if not effects:
        raise InputError(str(whole["note"].iloc[0]))
    figure, height = dots(measured, {name: shares[shares["effect"] == name] for name in effects}, form=".0%")
    figure.update_xaxes(range=[-0.04, 1.04], tickformat=".0%", tickvals=[0, 0.5, 1])
    some = shares[shares["effect"].isin(names) & (shares["low"] > 0) & (shares["value"] >= MINOR)]
    title = "No hyperparameter clearly explains the loss alone"
    if not some.empty:
        tops = some.loc[some.groupby("variant", sort=False)["value"].idxmax()]
        effect = tops["effect"].mode().iloc[0]
        part = tops[tops["effect"] == effect]
        many = whole["variant"].nunique()
        whom = f"{len(part)} of {counted(many, 'variant')}" if len(part) < many else "every variant"
        ends = between(part["value"].min(), part["value"].max())
        title = f"{plain(effect)} matters most{f' for {whom}' if many > 1 else ''}: {ends} of the variance"
    about_it = (
        "share of the variance of the capped loss (ANOVA: exact on full grids, of a forest elsewhere); bars "
        "are 95% intervals"
    )
    return styled(figure, title, f"{plain(task)}, {about_it}", height)


def dots(measured: Measured, parts: dict[str, pd.DataFrame], *, form: str) -> tuple[go.Figure, int]:
    """Draw a panel for each table: its values with intervals, one line a variant."""
    shades = colours(measured.results.spaces)
    variants = list(dict.fromkeys(name for part in parts.values() for name in part["variant"]))[::-1]
    figure, places, height = panels(
        list(parts),
        columns=EFFECT_COLUMNS,
        row=max(80, (30 if len(variants) <= 12 else 18) * len(variants)),
        gap=70,
    )
    for (name, table), place in zip(parts.items(), places, strict=True):
        part = table[table["value"].notna()]
        figure.add_trace(
            go.Scatter(
                x=part["value"],
                y=[plain(name) for name in part["variant"]],
                mode="markers",
                marker={"size": 10, "color": [shades[name] for name in part["variant"]]},
                error_x=arms(part["value"], part["low"], part["high"]),
                showlegend=False,
                customdata=part[["low", "high"]].to_numpy(),
                hovertemplate=_hover(part, form, name),
            ),
            **place,
        )
    order = [plain(name) for name in variants]
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=order, range=[-0.6, len(variants) - 0.4]
    )
    return figure, height


def _hover(part: pd.DataFrame, form: str, name: str) -> str | list[str]:
    """Return the hover text of points, without an interval for those that have none."""
    point, tail = f"%{{y}}: %{{x:{form}}}", f"<extra>{plain(name)}</extra>"
    ends = f" (%{{customdata[0]:{form}}} to %{{customdata[1]:{form}}})"
    with_ends = part[["low", "high"]].notna().all(axis=1)
    if with_ends.all():
        return f"{point}{ends}{tail}"
    return [f"{point}{ends if interval else ''}{tail}" for interval in with_ends]


@drawn("Differences between variants")
def differences(measured: Measured, task: str) -> go.Figure:
    """Draw the differences of the sensitivity between every two variants, with intervals.

    Each has its Holm-corrected p and the detectable difference. Of many pairs, those with the smallest p are
    drawn.
    """
    table = of_task(measured.comparisons, task)
    every = len(table)
    table = (
        table.sort_values("p", kind="stable")
        .head(MOST_PAIRS)
        .sort_values("value", ascending=False, ignore_index=True)
    )
    figure = go.Figure()
    labels = [f"{plain(a)} − {plain(b)}" for a, b in zip(table["a"], table["b"], strict=True)]
    real = (table["p_holm"] < 0.05).to_numpy()
    figure.add_trace(_unseen(table["detectable"], labels))
    for chosen, symbol, name in (
        (real, "circle", "differ (p below 5%)"),
        (~real, "circle-open", "could be noise"),
    ):
        part = table[chosen]
        figure.add_trace(
            go.Scatter(
                x=part["value"],
                y=[label for label, is_chosen in zip(labels, chosen, strict=True) if is_chosen],
                mode="markers",
                error_x=arms(part["value"], part["low"], part["high"]),
                marker={"size": 9, "symbol": symbol, "color": "#0072B2", "line": {"width": 2}},
                name=name,
                showlegend=True,
                customdata=part[["low", "high", "p", "p_holm", "detectable"]].to_numpy(),
                hovertemplate="%{y}: %{x:.4g} (%{customdata[0]:.4g} to %{customdata[1]:.4g})<br>p "
                "%{customdata[2]:.2g}, Holm "
                "%{customdata[3]:.2g}<br>detectable: %{customdata[4]:.3g}<extra></extra>",
            )
        )
    figure.add_vline(x=0, line={"color": FAINT, "width": 1})
    texts = [
        f"{short(a, NAME)} − {short(b, NAME)}   p {p:.2g}"
        for a, b, p in zip(table["a"], table["b"], table["p_holm"], strict=True)
    ]
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=labels[::-1], tickvals=labels, ticktext=texts
    )
    figure.update_yaxes(range=[-0.7, len(labels) - 0.3])
    figure.update_xaxes(title_text="difference in sensitivity")
    less = f"; the {MOST_PAIRS} of {every} pairs with the smallest p" if every > MOST_PAIRS else ""
    total = int((of_task(measured.comparisons, task)["p_holm"] < 0.05).sum())
    title = (
        f"{total} of {counted(every, 'difference')} in sensitivity {'is' if total == 1 else 'are'} larger "
        "than noise"
    )
    if total == 0:
        title = "No difference in sensitivity is larger than noise"
    subtitle = (
        f"{about(measured.results, task)}; bootstrap, 95% intervals, p corrected by Holm; grey: too small "
        "for this study to see"
    )
    return styled(figure, title, subtitle + less, max(90, 26 * len(labels)))


def _unseen(detectable: Sequence[float] | pd.Series[float], labels: list[str]) -> go.Bar:
    """Draw the differences that a study of this size would miss, on both sides of 0."""
    return go.Bar(
        x=[2 * difference for difference in detectable],
        base=[-difference for difference in detectable],
        y=labels,
        orientation="h",
        width=0.8,
        marker={"color": faded(FAINT, 0.22), "line": {"width": 0}},
        name="not detectable",
        showlegend=True,
        hoverinfo="skip",
    )
