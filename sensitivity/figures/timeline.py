"""Trials over time, and how they ended."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from sensitivity.figures.palette import DIVERGED, FAINT
from sensitivity.figures.panels import notice
from sensitivity.figures.style import styled
from sensitivity.figures.words import counted, plain, trial_words
from sensitivity.results.results import PREFIX, TIMES, records
from sensitivity.study.trial import STATUSES

if TYPE_CHECKING:
    from sensitivity.measures import Measured

MANY = 500
"""Trials beyond which they are counted, not drawn one by one."""
PARTS = 120
SHADES = {
    "completed": "#009E73",
    "diverged": DIVERGED,
    "stopped": "#E69F00",
    "failed": "#9467BD",
    "running": "#56B4E9",
}


def timeline(measured: Measured) -> go.Figure:
    """Draw the trials over time, coloured by status, in as few lanes as possible.

    Past :data:`MANY` trials, the number of running trials is drawn.
    """
    spans = ran(measured.results.all_trials)
    if spans.empty:
        return notice("When trials ran", "when these trials ran is not known")
    figure = go.Figure()
    lanes = int(spans["lane"].max()) + 1
    if len(spans) > MANY:
        height = _counts(figure, spans)
    else:
        height = _bars(figure, spans, lanes)
    figure.update_xaxes(title_text="time (UTC)", type="date")
    counts = spans["status"].value_counts()
    minutes = (spans["end"].max() - spans["begin"].min()).total_seconds() / 60
    took = f"{minutes:.1f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
    title = f"{counted(len(spans), 'trial')} in {took}, up to {lanes} at a time"
    ended = ", ".join(
        f"{counts[status]} {status}" for status in SHADES if status in counts and status != "completed"
    )
    left = int((~measured.results.all_trials["status"].isin(SHADES)).sum())
    waiting = f"; {counted(left, 'trial')} to come" if left else ""
    subtitle = "each bar a trial" if len(spans) <= MANY else "trials running at a time"
    subtitle += ", from its last report back by what it trained; lanes are packed, not workers"
    return styled(figure, f"{title}{f': {ended}' if ended else ''}{waiting}", subtitle, height)


def ran(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that have reported, in order of their begin: begin, end, lane and their columns.

    A trial begins its training time before its last report, or with its first report where that was earlier;
    lanes are the fewest in which none overlaps another.
    """
    if (
        not set(TIMES) <= set(trials)
        or trials["finished"].notna().sum() + trials["started"].notna().sum() == 0
    ):
        return pd.DataFrame(columns=[*trials.columns, "begin", "end", "lane"])
    known = trials[trials["started"].notna() | trials["finished"].notna()]
    now = known[list(TIMES)].max().max()
    end = known["finished"].fillna(now)
    trained = end - pd.to_timedelta(known["seconds"].fillna(0.0), unit="s")
    begin = known["started"].fillna(end).where(lambda started: started <= trained, trained)
    table = known.assign(begin=begin, end=end).sort_values("begin", kind="stable", ignore_index=True)
    free: list[int] = []
    busy: list[tuple[Any, int]] = []
    lanes = []
    for start, finish in zip(table["begin"], table["end"], strict=True):
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (finish, lane))
        lanes.append(lane)
    return table.assign(lane=lanes)


def _bars(figure: go.Figure, spans: pd.DataFrame, lanes: int) -> int:
    names = [name for name in spans.columns if name.startswith(PREFIX)]
    for status in (status for status in STATUSES if status in set(spans["status"])):
        part = spans[spans["status"] == status]
        figure.add_trace(
            go.Bar(
                base=part["begin"],
                x=(part["end"] - part["begin"]).dt.total_seconds() * 1000,
                y=part["lane"] + 1,
                orientation="h",
                name=status,
                showlegend=True,
                width=0.8,
                marker={"color": SHADES.get(status, FAINT), "line": {"width": 0}},
                customdata=part["key"],
                text=[
                    f"{plain(row['variant'])}, {row['status']}<br>{trial_words(row, names)}"
                    for row in records(part)
                ],
                textposition="none",
                hovertemplate="%{text}<extra></extra>",
            )
        )
    figure.update_layout(barmode="overlay")
    figure.update_yaxes(title_text="lane", dtick=max(1, lanes // 10), range=[0.4, lanes + 0.6])
    return max(120, min(420, 26 * lanes))


def _counts(figure: go.Figure, spans: pd.DataFrame) -> int:
    edges = pd.date_range(
        spans["begin"].min(), spans["end"].max() + pd.Timedelta(seconds=1), periods=PARTS + 1
    )
    for status in (status for status in STATUSES if status in set(spans["status"])):
        part = spans[spans["status"] == status]
        begin, end, at = (_seconds(moment, edges[0]) for moment in (part["begin"], part["end"], edges))
        worked = np.clip(at[:, None] - begin, 0, end - begin).sum(axis=1)  # up to each edge, by all together
        figure.add_trace(
            go.Scatter(
                x=edges[:-1],
                y=np.diff(worked) / np.diff(at),
                mode="lines",
                line={"width": 0.5, "shape": "hv", "color": SHADES.get(status, FAINT)},
                stackgroup="one",
                name=status,
                showlegend=True,
                hovertemplate="%{y:.1f} trials at work<extra>" + status + "</extra>",
            )
        )
    figure.update_yaxes(title_text="trials at work", rangemode="tozero")
    return 280


def _seconds(moments: Any, since: pd.Timestamp) -> NDArray[np.float64]:
    return np.asarray((pd.DatetimeIndex(moments) - since).total_seconds(), float)
