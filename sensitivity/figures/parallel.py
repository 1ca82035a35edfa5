"""Every trial as a line through all hyperparameters."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sensitivity.figures.axes import Axis
from sensitivity.figures.palette import RANKS
from sensitivity.figures.panels import drawn, thinned
from sensitivity.figures.style import BAR, styled
from sensitivity.figures.words import Outcome, about, plain, short
from sensitivity.results.results import PREFIX

if TYPE_CHECKING:
    from sensitivity.measures import Measured

PIXELS = 92
"""Between two axes, at least."""
LINE = 13
"""Characters of a name above an axis, which so many pixels hold."""


@drawn("Every trial through all hyperparameters")
def parallel_coordinates(measured: Measured, task: str) -> go.Figure:
    """Draw every trial as a line through its hyperparameters and its loss, each axis on its scale.

    Drag along an axis to select.

    Coloured by the rank of the loss; diverged trials are among them, at the loss that they count as. What a
    variant lacks, or was inactive, is at the lowest end, marked with a dash.
    """
    results, outcome = measured.results, Outcome.of(measured.results)
    names = list(dict.fromkeys(name for variant in results.spaces for name in results.varied(variant)))
    trials, thin = thinned(results.usable[results.usable["task"] == task])
    trials = trials.sort_values("loss", ascending=False, kind="stable")  # what is drawn last lies on top
    rank = trials["loss"].rank().to_numpy()
    variants = list(dict.fromkeys(trials["variant"]))
    dimensions = (
        [_choices("variant", trials["variant"], [name for name in results.spaces if name in variants])]
        if len(variants) > 1
        else []
    )
    dimensions += [_hyperparameter(Axis.of(results, name), trials[f"{PREFIX}{name}"]) for name in names]
    dimensions += [
        _choices("ended", trials["status"], ["completed", "diverged"]),
        _losses(outcome, trials["loss"]),
    ]
    figure = go.Figure(
        go.Parcoords(
            dimensions=dimensions,
            line={
                "color": rank,
                "colorscale": RANKS,
                "cmin": 1,
                "cmax": max(2.0, float(rank.max())),
                "showscale": True,
                "colorbar": {"title": {"text": "rank"}, **BAR},
            },
            labelside="top",
            unselected={"line": {"opacity": 0.04}},
        )
    )
    subtitle = (
        f"{about(results, task)}; drag along an axis to select trials; colour: rank of the loss, diverged "
        f"trials rank last{thin}"
    )
    chart = styled(
        figure, _best_tenth(trials, names, results.usable[results.usable["task"] == task]), subtitle, 360
    )
    left = min(150, max(60, *(7 * len(name) for name in variants))) if len(variants) > 1 else 60
    chart.update_layout(margin={"l": left, "r": 30, "t": chart.layout.margin.t + 20, "b": 24})
    narrow = {"width": PIXELS * (len(dimensions) + 1), "margin.l": left, "margin.b": 24}
    chart.layout.meta = {"narrow": {**chart.layout.meta["narrow"], **narrow}}
    return chart


def axis_label(name: str) -> str:
    """Return a label above an axis: two lines for a long name, the beginning and the end of a very long one.

    >>> axis_label("lr"), axis_label("curvature_samples"), axis_label("optimizer/first/moment/decay")
    ('lr', 'curvature_<br>samples', 'optimizer/<br>…moment/decay')
    """
    if len(name) <= LINE:
        return plain(name)
    cuts = [match.end() for match in re.finditer(r"[_/. -]", name) if match.end() <= LINE + 1]
    cut = min(cuts, key=lambda end: max(end, len(name) - end), default=LINE)
    rest = name[cut:]
    return f"{plain(name[:cut])}<br>{plain(rest if len(rest) <= LINE else f'…{rest[1 - LINE :]}')}"


def _hyperparameter(axis: Axis, values: pd.Series[Any]) -> dict[str, Any]:
    places, line = axis.places(values), axis.line(values)
    known = np.isfinite(line)
    ticks, texts = axis.ticks(places[known].tolist())
    texts = [html.unescape(text) for text in texts]  # these ticks are shown as they are
    low, high = (float(line[known].min()), float(line[known].max())) if known.any() else (0.0, 1.0)
    missing = low - 0.12 * ((high - low) or 1.0)
    if not known.all():
        ticks, texts = [missing, *ticks], ["–", *texts]
    low = min([low, *ticks])
    room = {"range": [low, max([high, *ticks]) if high > low or len(ticks) > 1 else high + 1]}
    return {
        "label": axis_label(axis.name),
        "values": np.where(known, line, missing),
        "tickvals": ticks,
        "ticktext": texts,
        **room,
    }


def _choices(label: str, values: pd.Series[Any], choices: list[str]) -> dict[str, Any]:
    number = {choice: place for place, choice in enumerate(choices)}
    ends = {"range": [-0.3, len(choices) - 0.7]}
    return {
        "label": label,
        "values": values.map(number),
        "tickvals": list(number.values()),
        "ticktext": [html.unescape(short(choice)) for choice in choices],
        **ends,
    }


def _losses(outcome: Outcome, loss: pd.Series[float]) -> dict[str, Any]:
    values = outcome.sign * loss.to_numpy(float)
    axis = Axis(outcome.name, "log" if values.min() > 0 else "linear")
    ticks, texts = axis.ticks(values.tolist())
    return {
        "label": axis_label(html.unescape(outcome.name)),
        "values": axis.line(values),
        "tickvals": ticks,
        "ticktext": texts,
    }


def _best_tenth(drawn_trials: pd.DataFrame, names: list[str], trials: pd.DataFrame) -> str:
    """Return the range of the best tenth of the trials, as a title.

    The range is that of the hyperparameter in which these trials are closest together.
    """
    best = trials[trials["loss"] <= trials["loss"].quantile(0.1)]
    candidates: list[tuple[float, str]] = []
    for name in names:
        every, best_values = (
            pd.to_numeric(part[f"{PREFIX}{name}"], errors="coerce").dropna() for part in (trials, best)
        )
        if len(best_values) > 1 and every.nunique() > 2:
            share = len(every[(every >= best_values.min()) & (every <= best_values.max())]) / len(every)
            ends = (
                f"between {best_values.min():.3g} and {best_values.max():.3g}"
                if best_values.min() < best_values.max()
                else f"at {best_values.min():.3g}"
            )
            candidates.append((share, f"The best tenth of the trials has {plain(name)} {ends}"))
    return (
        min(candidates)[1]
        if candidates and min(candidates)[0] < 1
        else "Every trial through all hyperparameters"
    )
