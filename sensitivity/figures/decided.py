"""What a study decides, in pictures: best against the cost of a miss, and every pair of variants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.comparisons import LABEL, MANY, MOST_PAIRS, NAME, name_beside, spread
from sensitivity.figures.palette import FAINT, KIN, colours, faded
from sensitivity.figures.panels import drawn, of_task
from sensitivity.figures.style import arms, error_bars, styled
from sensitivity.figures.words import about, counted, plain, short
from sensitivity.measures.levels import printed_level
from sensitivity.measures.verdicts import EQUIVALENT, FACTOR, NEGLIGIBLE, UNDECIDED
from sensitivity.results.results import records
from sensitivity.text.wording import known, listed
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.measures import Measured

OF = {
    "regret": "how much less the first loses untuned",
    "miss": f"how much less the first loses at a learning rate wrong by a factor of {FACTOR:g}",
}
"""The difference of a pair, by what verdicts are about."""
KINDS = {
    "told apart": ("circle", "#0072B2"),
    NEGLIGIBLE: ("circle", "#56B4E9"),
    EQUIVALENT: ("square", "#009E73"),
    UNDECIDED: ("circle-open", "#767676"),
}
"""Symbol and colour by verdict."""


FEW = 3
"""Most variants without a cost that are named."""


@drawn("Best result against the cost of a miss")
def tuned_and_missed(measured: Measured, task: str) -> go.Figure:
    """Draw how far each variant is behind when tuned, against the cost of a learning rate off by a factor 3.

    Both are shares of what can be won, so good is lower left. Names, with the ranks that a variant can have
    when tuned, stand at the right, each with a line to its point. Where only bounds of the cost are known, a
    bar between them has no mark.
    """
    regrets = of_task(measured.regret, task)
    missed = of_task(measured.table_named("miss_cost"), task)
    missed = missed[missed["factor"] == FACTOR][["variant", "value", "low", "high", "capped"]]
    both = regrets[regrets["learned"]].drop(columns=["value", "low", "high"]).merge(missed, on="variant")
    bounded = both["value"].isna() & both["low"].notna() & both["high"].notna()
    both["x"] = both["value"].where(~bounded, (both["low"] + both["high"]) / 2)
    known_both = both["x"].notna() & both["tuned"].notna()
    absent = [str(variant) for variant in both["variant"][~known_both]]
    both = both[known_both].sort_values("tuned", ignore_index=True)
    if both.empty:
        raise InputError("no variant has learning rates on both sides of its best, a factor of 3 away")
    ranks = _ranks(measured, task)
    shades, figure = colours(measured.results.spaces), go.Figure()
    height = max(320, LABEL * len(both))
    low, high = _range(both[["tuned", "tuned_low", "tuned_high"]])
    right = 1.06 * float(np.nanmax(both[["x", "high"]].to_numpy(float))) or 1.0
    at = (high - both["tuned"].to_numpy(float)) / (high - low) * height
    labels = [f"{short(row['variant'], 18)}{ranks.get(row['variant'], '')}" for row in records(both)]
    for row, label, place in zip(records(both), labels, spread(at, height), strict=True):
        shade = shades[row["variant"]]
        figure.add_trace(_point(row, shade, is_bound=not known(row["value"]), faint=len(both) > MANY))
        beside = right, high - float(place) / height * (high - low)
        name_beside(figure, label, (row["x"], row["tuned"]), beside, shade)
    figure.update_xaxes(
        title_text=f"cost of a learning rate that is wrong by a factor of {FACTOR:g}",
        range=[min(0.0, float(np.nanmin(both[["x", "low"]].to_numpy(float)))) - 0.02 * right, right],
        tickformat=".0%",
    )
    figure.update_yaxes(title_text="behind the best when tuned", range=[low, high], tickformat=".0%")
    figure.update_layout(showlegend=False)
    title = "How far behind each variant is when tuned, and what a miss costs"
    level = printed_level(measured.results, task)
    subtitle = (
        f"{about(measured.results, task)}; bars hold the truth in {level} of studies; in brackets the rank "
        "when tuned"
    )
    if absent:
        names = listed([short(name, 18) for name in absent])
        subtitle += f"; no such cost is known of {names if len(absent) <= FEW else f'{len(absent)} variants'}"
    longest = max(len(label) for label in labels)
    return styled(figure, title, subtitle, height, right=12 + 8 * min(28, longest))


def _range(table: pd.DataFrame) -> tuple[float, float]:
    numbers = table.to_numpy(float)
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    room = 0.06 * (high - low) or 0.05
    return low - room, high + room


def _ranks(measured: Measured, task: str) -> dict[str, str]:
    """Return the ranks of variants in brackets."""
    table = measured.table_named("tuned_ranks")
    found = {}
    for row in records(table[table["task"] == task]) if len(table) else []:
        first, last = row["first"], row["last"]
        found[str(row["variant"])] = f" ({first})" if first == last else f" ({first}–{last})"
    return found


def _point(row: Mapping[str, Any], shade: str, *, is_bound: bool, faint: bool) -> go.Scatter:
    variant, bars = row["variant"], faded(shade, 0.25) if faint else shade
    cost = f"factor {FACTOR:g}: " + (
        f"between {row['low']:z.0%} and {row['high']:z.0%}: some trials diverge there"
        if is_bound
        else f"%{{x:.1%}} ({row['low']:z.1%} to {row['high']:z.1%})"
        if known(row["low"])
        else "%{x:.1%}"
    )
    tuned = f" ({row['tuned_low']:z.1%} to {row['tuned_high']:z.1%})" if known(row["tuned_low"]) else ""
    ends = {"value_x": row["x"], "low_x": row["low"], "high_x": row["high"]}
    behind = {"value_y": row["tuned"], "low_y": row["tuned_low"], "high_y": row["tuned_high"]}
    return go.Scatter(
        x=[row["x"]],
        y=[row["tuned"]],
        error_x=error_bars(ends, "x", bars),
        error_y=error_bars(behind, "y", bars),
        mode="markers",
        marker={
            "size": 11,
            "color": shade,
            "symbol": "diamond" if variant in KIN else "circle",
            "opacity": 0 if is_bound else 1,
        },
        name=plain(variant),
        hovertemplate=(
            f"<b>{plain(variant)}</b><br>behind when tuned %{{y:.1%}}{tuned}<br>{cost}<extra></extra>"
        ),
    )


@drawn("Pairs of variants")
def verdict_pairs(measured: Measured, task: str) -> go.Figure:
    """Draw the difference of every two variants in what verdicts are about, with simultaneous intervals.

    The first of a pair is the one that was observed to lose less. A band shows the margin within which a
    difference counts as none. Of many pairs, those with the smallest p are drawn.
    """
    table = of_task(measured.verdicts, task)
    every, by = len(table), str(table["by"].iloc[0])
    in_shares = bool(table["share"].notna().all())
    names = ["share", "share_low", "share_high"] if in_shares else ["value", "low", "high"]
    chosen = pd.DataFrame([_oriented(row, names) for row in records(table)])
    chosen = (
        chosen.sort_values("p", kind="stable")
        .head(MOST_PAIRS)
        .sort_values("x", ascending=False, ignore_index=True)
    )
    figure, form = go.Figure(), ".1%" if in_shares else ".3g"
    ends = f"(%{{customdata[0]:{form}}} to %{{customdata[1]:{form}}})"
    for kind, (symbol, colour) in KINDS.items():
        part = chosen[chosen["kind"] == kind]
        if part.empty:
            continue
        figure.add_trace(
            go.Scatter(
                x=part["x"],
                y=part["pair"],
                mode="markers",
                error_x={**arms(part["x"], part["low"], part["high"]), "color": colour},
                marker={"size": 10, "symbol": symbol, "color": colour, "line": {"width": 2, "color": colour}},
                name=kind,
                showlegend=True,
                customdata=part[["low", "high", "p"]].to_numpy(),
                hovertemplate=(
                    f"%{{y}}: %{{x:{form}}} {ends}<br>p %{{customdata[2]:.2g}}, corrected"
                    f"<extra>{kind}</extra>"
                ),
            )
        )
    margin = float(chosen["margin"].iloc[0])
    if np.isfinite(margin):
        figure.add_vrect(-margin, margin, fillcolor=faded(FAINT, 0.18), line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": FAINT, "width": 1})
    texts = [f"{short(a, NAME)} vs {short(b, NAME)}" for a, b in zip(chosen["a"], chosen["b"], strict=True)]
    labels = list(chosen["pair"])
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=labels[::-1], tickvals=labels, ticktext=texts
    )
    figure.update_yaxes(range=[-0.7, len(labels) - 0.3])
    figure.update_xaxes(
        title_text=f"{OF[by]}, " + ("in % of what can be won" if in_shares else "in units of the loss")
    )
    if in_shares:
        figure.update_xaxes(tickformat=".0%")
    apart = int(sum(_kind(row) in ("told apart", NEGLIGIBLE) for row in records(table)))
    title = f"{apart} of {counted(every, 'pair')} {'is' if apart == 1 else 'are'} told apart"
    if apart == 0:
        title = "No two variants are told apart"
    band = "; grey: within the margin" if np.isfinite(margin) else ""
    less = f"; the {MOST_PAIRS} of {every} pairs with the smallest p" if every > MOST_PAIRS else ""
    subtitle = f"{about(measured.results, task)}; simultaneous 95% intervals{band}"
    return styled(figure, title, subtitle + less, max(90, 26 * len(labels)))


def _oriented(row: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Return a pair whose first loses less."""
    value, low, high = (float(row[name]) for name in names)
    a, b = str(row["a"]), str(row["b"])
    if value < 0:
        value, low, high = -value, -high, -low
    else:
        a, b = b, a
    unit = 1.0 if names[0] == "value" else value / abs(row["value"]) if row["value"] else math.nan
    return {
        "a": a,
        "b": b,
        "pair": f"{plain(a)} vs {plain(b)}",
        "x": value,
        "low": low,
        "high": high,
        "p": row["p"],
        "kind": _kind(row),
        "margin": float(row["margin"]) * unit,
    }


def _kind(row: Mapping[str, Any]) -> str:
    """Return the key of :data:`KINDS` of a verdict."""
    return row["verdict"] if row["verdict"] in KINDS else "told apart"
