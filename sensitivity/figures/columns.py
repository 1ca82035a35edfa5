"""Columns of the table of trials as axes and as colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from sensitivity.figures.axes import Array, Axis, loss_axis
from sensitivity.figures.palette import RANKS, SPREAD
from sensitivity.figures.style import BAR, LONGEST
from sensitivity.figures.words import LEARNING_RATE, Outcome, short
from sensitivity.results.results import PREFIX
from trainables.names import unknown

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.results.results import Results

METRIC, VARIANT = "loss", "variant"
"""Columns of the metric, which is drawn as itself where it is maximised, and of the variant."""
LR = f"{PREFIX}lr"
MOST_TICKS = 6
"""Ticks beside a colour bar that have room for sure."""


def hyperparameter_columns(results: Results) -> list[str]:
    """Return the columns of the varied hyperparameters; those of all hyperparameters if none is varied."""
    varied = [name for variant in results.spaces for name in results.varied(variant)]
    every = [name for space in results.spaces.values() for name in space.names]
    columns = [f"{PREFIX}{name}" for name in dict.fromkeys(varied or every)]
    return [column for column in columns if column in results.trials.columns]


def checked(what: str, column: str, columns: Sequence[str]) -> str:
    """Return the column.

    Args:
        what: name of the argument.
        column: name of the column.
        columns: allowed names.

    Raises:
        InputError: the column is not among them.
    """
    if column not in columns:
        raise unknown(what, column, columns)
    return column


def first_column(results: Results) -> str:
    """Return the column of the learning rate, or of the first hyperparameter; the metric if there is none."""
    columns = hyperparameter_columns(results)
    return LR if LR in columns else next(iter(columns), METRIC)


@dataclass(frozen=True)
class Column:
    """A hyperparameter or the metric, on its scale.

    name: of the column in the table of trials.
    axis: of its values.
    label: name on an axis, shortened and escaped for Plotly.
    sign: factor of a value, -1 for a metric that is maximised.
    """

    name: str
    axis: Axis
    label: str
    sign: int = 1

    @classmethod
    def of(cls, results: Results, trials: pd.DataFrame, name: str) -> Column:
        """Return a column of some trials.

        Args:
            results: have the trials.
            trials: the scale of the metric is logarithmic if their losses allow it.
            name: of the column.
        """
        if name != METRIC:
            axis = Axis.of(results, name.removeprefix(PREFIX))
            return cls(name, axis, LEARNING_RATE if name == LR else short(axis.name, LONGEST))
        outcome = Outcome.of(results)
        values = (outcome.sign * trials[METRIC]).dropna()
        scale = "log" if len(values) and values.min() > 0 else "linear"
        return cls(name, Axis(outcome.name, scale), outcome.name, outcome.sign)

    def places(self, trials: pd.DataFrame) -> Array:
        """Return the coordinates of trials on the axis; NaN for a trial without a value."""
        return self.axis.places(self._values(trials))

    def line(self, trials: pd.DataFrame) -> Array:
        """Return the :meth:`places` on a line on which equal steps of the scale are equally far apart."""
        return self.axis.line(self._values(trials))

    def _values(self, trials: pd.DataFrame) -> pd.Series[Any]:
        values = trials[self.name]
        return values.astype(float) * self.sign if self.name == METRIC else values

    def layout(self, trials: pd.DataFrame) -> dict[str, Any]:
        """Return the properties of a Plotly axis that shows these trials, without its title."""
        places = self.places(trials)
        return loss_axis(places) if self.name == METRIC else self.axis.layout(places)


@dataclass(frozen=True)
class Colouring:
    """Colours by the values of a column.

    column: has the values.
    low, high: ends of the colours, on the :meth:`~sensitivity.figures.axes.Axis.line` of the column.
    """

    column: Column
    low: float
    high: float

    @classmethod
    def of(cls, column: Column, trials: pd.DataFrame) -> Colouring:
        """Return the colours from the lowest to the highest value of some trials."""
        line = column.line(trials)
        known = line[np.isfinite(line)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        return cls(column, low, high)

    @property
    def scale(self) -> list[Any]:
        """The colour scale: from good to bad for the metric."""
        if self.column.name != METRIC:
            return SPREAD
        shades = [shade for _, shade in RANKS]
        ordered = shades if self.column.sign > 0 else shades[::-1]
        return [[place, shade] for (place, _), shade in zip(RANKS, ordered, strict=True)]

    def axis(self) -> dict[str, Any]:
        """Return Plotly's ``coloraxis``; its bar has ticks of the column's scale."""
        axis = self.column.axis
        ends = [float(end) for end in np.atleast_1d(axis.off_line(np.array([self.low, self.high])))]
        ticks, texts = _few(*axis.ticks(ends))
        bar = {"title": {"text": short(axis.name, 16)}, "tickvals": ticks, "ticktext": texts, **BAR}
        if self.column.name == METRIC:
            bar["title"] = {"text": self.column.label}
        wider = 0.0 if self.high > self.low else 0.5
        return {
            "colorscale": self.scale,
            "cmin": self.low - wider,
            "cmax": self.high + wider,
            "colorbar": bar,
        }

    def parts(self, trials: pd.DataFrame, most: int) -> tuple[list[str], Array]:
        """Divide the colours into few parts.

        Returns:
            The colour of each part, and the number of the part of each trial, NaN without a value.
        """
        from plotly.colors import sample_colorscale

        line = self.column.line(trials)
        known = np.unique(line[np.isfinite(line)])
        if len(known) > most:
            edges = np.linspace(self.low, self.high, most + 1)
            known = (edges[:-1] + edges[1:]) / 2
            nearest = np.clip(np.searchsorted(edges, line, side="right") - 1, 0, most - 1)
        else:
            nearest = np.searchsorted(known, line)
        span = self.high - self.low
        shares = (known - self.low) / span if span > 0 else np.full(len(known), 0.5)
        shades = sample_colorscale(self.scale, list(np.clip(shares, 0, 1))) if len(known) else []
        return list(shades), np.where(np.isfinite(line), nearest, np.nan)


def untitled_bar(figure: go.Figure) -> go.Figure:
    """Take the title off the colour bar of a figure on a narrow page, where it would lie on the bar.

    The subtitle of the figure names the colour.
    """
    meta = figure.layout.meta
    narrow = {**meta["narrow"], "coloraxis.colorbar.title.text": ""}
    figure.layout.meta = {**meta, "narrow": narrow}
    return figure


def _few(ticks: list[float], texts: list[str]) -> tuple[list[float], list[str]]:
    """Return the ticks that have room beside a colour bar: powers of ten, or every other."""
    if len(ticks) <= MOST_TICKS:
        return ticks, texts
    whole = [place for place, tick in enumerate(ticks) if abs(tick - round(tick)) < 1e-9]
    some = whole if 1 < len(whole) < len(ticks) else range(0, len(ticks), 2)
    return [ticks[place] for place in some], [texts[place] for place in some]
