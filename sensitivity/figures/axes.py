"""Axes in the scale of what they show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.hyperparameters import Float
from sensitivity.figures.words import plain, short
from sensitivity.results.results import PREFIX
from sensitivity.text.wording import number

if TYPE_CHECKING:
    from sensitivity.results.results import Results

Array = NDArray[np.float64]
NUMERIC = ("linear", "log", "log1m")
MOST_LEVELS = 12
"""Values beyond which a hyperparameter is cut into parts."""
MOST_KEPT = 40
"""Levels of a design beyond which they are put together all the same."""
MOST_TICKS = 12


@dataclass(frozen=True)
class Axis:
    """Axis of a hyperparameter on its declared scale.

    Plotly has linear and logarithmic axes. ``log1m`` is drawn at -log10(1 - x), so that .9, .99 and .999 are
    equally far apart; levels and choices are drawn at their number. A 0 on a log scale is drawn below the
    lower bound.

    name: of the hyperparameter.
    scale: see :mod:`search_spaces.scales`.
    levels: values of a discrete hyperparameter.
    zero: coordinate at which 0 is drawn on a log scale, and the lower bound above it; None where 0 is no
        value.
    """

    name: str
    scale: str
    levels: tuple[Any, ...] = ()
    zero: tuple[float, float] | None = None

    @classmethod
    def of(cls, results: Results, name: str) -> Axis:
        """Return the axis of a hyperparameter for all variants that have it."""
        domains = [space[name] for space in results.spaces.values() if name in space]
        scales = {domain.scale for domain in domains}
        scale = scales.pop() if len(scales) == 1 else "linear" if scales <= set(NUMERIC) else "categorical"
        if scale == "log":
            zeros = [
                (domain.above_zero(0.0), domain.low)
                for domain in domains
                if isinstance(domain, Float) and domain.zero is not None
            ]
            return cls(name, scale, zero=min(zeros) if zeros else None)
        if scale in NUMERIC:
            return cls(name, scale)
        if all(domain.scale in ("ordinal", "categorical") for domain in domains):
            every = [
                value
                for domain in domains
                for value in getattr(domain, "levels", getattr(domain, "choices", ()))
            ]
        else:
            every = list(results.trials[f"{PREFIX}{name}"].dropna())
        return cls(name, scale, tuple({_key(value): value for value in every}.values()))

    def places(self, values: Iterable[Any]) -> Array:
        """Return the coordinates of values on the axis; NaN for an inactive hyperparameter."""
        if self.levels:
            number_of = {_key(value): place for place, value in enumerate(self.levels)}
            return np.array([number_of.get(_key(value), np.nan) for value in values], float)
        x = np.array(list(values), float)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = -np.log10(1 - x) if self.scale == "log1m" else x
        return x if self.zero is None else np.where(x == 0, self.zero[0], x)

    def is_zero(self, place: float) -> bool:
        """Return True for a coordinate that is nearer to where 0 is drawn than to the lower bound."""
        return self.zero is not None and place < math.sqrt(self.zero[0] * self.zero[1])

    def line(self, values: Iterable[Any]) -> Array:
        """Return the :meth:`places` on a line on which equal steps of the scale are equally far apart."""
        x = self.places(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log10(x) if self.scale == "log" else x

    def off_line(self, line: Array) -> Array:
        """Return the coordinates of points of :meth:`line`, its inverse."""
        return np.asarray(10.0**line if self.scale == "log" else line)

    def words(self, place: float) -> str:
        """Return the value at a coordinate as text."""
        if self.levels:
            return plain(number(self.levels[min(max(round(place), 0), len(self.levels) - 1)]))
        if self.is_zero(place):
            return number(0)
        return number(1 - 10**-place) if self.scale == "log1m" else number(place)

    def layout(self, places: Iterable[float]) -> dict[str, Any]:
        """Return the properties of a Plotly axis that shows these coordinates."""
        known = [float(place) for place in places if math.isfinite(place)]
        if self.scale == "log":
            axis = lr_axis([place for place in known if not self.is_zero(place)])
            if any(map(self.is_zero, known)) and self.zero is not None and "tickvals" in axis:
                inside = [tick for tick in zip(axis["tickvals"], axis["ticktext"], strict=True)
                          if not self.is_zero(tick[0])]  # fmt: skip
                axis["tickvals"] = [self.zero[0], *(place for place, _ in inside)]
                axis["ticktext"] = [number(0), *(text for _, text in inside)]
            return axis
        if self.scale == "linear" and not self.levels:
            return {"type": "linear"}
        values, texts = self.ticks(known)
        ends = {"range": [-0.6, len(self.levels) - 0.4]} if self.levels else {}
        return {"type": "linear", "tickvals": values, "ticktext": texts, **ends}

    def ticks(self, places: Sequence[float]) -> tuple[list[float], list[str]]:
        """Return readable ticks, on the :meth:`line`, around coordinates of the axis."""
        if self.levels:
            step = math.ceil(len(self.levels) / MOST_TICKS)
            some = range(0, len(self.levels), step)
            return [float(place) for place in some], [short(number(self.levels[place]), 16) for place in some]
        if not places:
            return [], []
        if any(map(self.is_zero, places)) and self.zero is not None:
            others, texts = self.ticks([place for place in places if not self.is_zero(place)])
            return [math.log10(self.zero[0]), *others], [number(0), *texts]
        low, high = min(places), max(places)
        if self.scale == "log":
            ticks = _round_ticks([low, high])
            inside = [tick for tick in ticks["tickvals"] if low / 1.001 <= tick <= high * 1.001] or [
                low,
                high,
            ]
            return [math.log10(tick) for tick in inside], [number(tick) for tick in inside]
        if self.scale == "log1m":
            nines = (
                0.0,
                0.5,
                0.8,
                0.9,
                0.95,
                0.98,
                0.99,
                0.995,
                0.998,
                0.999,
                0.9995,
                0.9999,
                0.99999,
                0.999999,
            )
            chosen = [tick for tick in nines if low - 0.02 <= -math.log10(1 - tick) <= high + 0.02]
            if len(chosen) > 6:
                chosen = [
                    tick for tick in chosen if tick in (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
                ]
            shown = (
                [-math.log10(1 - tick) for tick in chosen]
                if len(chosen) > 1
                else list(dict.fromkeys([low, high]))
            )
            return shown, [number(1 - 10**-tick) for tick in shown]
        return _linear_ticks(low, high)


@dataclass(frozen=True)
class Levels:
    """An axis divided into the levels of a design, or into bins of equal width on the scale.

    axis: the divided axis.
    centres: of each part, in coordinates of the axis.
    place: number of the part of each value, -1 if the hyperparameter is inactive.
    are_levels: True if the parts are the levels of the design.
    """

    axis: Axis
    centres: Array
    place: NDArray[np.int64]
    are_levels: bool

    @classmethod
    def of(cls, axis: Axis, values: Iterable[Any], *, bins: int = MOST_LEVELS, keep: bool = False) -> Levels:
        """Divide an axis by the values of trials.

        Args:
            axis: of the hyperparameter.
            values: one for each trial.
            bins: number of parts if there are more distinct values.
            keep: the values are levels that the design chose.
        """
        values = list(values)
        line = axis.line(values)
        active = np.isfinite(line)
        place = np.full(len(line), -1)
        known, first = np.unique(np.round(line[active], 9), return_inverse=True)
        repeated = len(known) <= MOST_LEVELS and 3 * len(known) <= active.sum()
        if axis.levels or len(known) <= bins or repeated or (keep and len(known) <= MOST_KEPT):
            place[active] = first
            return cls(axis, axis.off_line(known), place, True)
        zeros = active & np.array([axis.is_zero(value) for value in axis.places(values)])
        first_part = int(zeros.any())  # 0 is a part of its own
        bins -= first_part
        edges = np.linspace(known[first_part], known[-1], bins + 1)
        place[active] = np.clip(np.searchsorted(edges, line[active], side="right") - 1, 0, bins - 1)
        place[active] += first_part
        place[zeros] = 0
        centres = [*known[:first_part], *(edges[:-1] + edges[1:]) / 2]
        return cls(axis, axis.off_line(np.array(centres)), place, False)

    @cached_property
    def words(self) -> list[str]:
        """The name of each part."""
        return [self.axis.words(centre) for centre in self.centres]

    def means(self, values: Array) -> Array:
        """Return the mean of the values of each part, NaN for an empty part."""
        known = (self.place >= 0) & np.isfinite(values)
        total = np.bincount(self.place[known], values[known], len(self.centres))
        count = np.bincount(self.place[known], minlength=len(self.centres))
        return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))


def cells(axis: Axis | None, centres: Array) -> Array:
    """Return the coordinates of the cells of a heat map: their centres.

    A single cell of a logarithmic axis gets two ends, a factor of 2 away: Plotly would give it the width 1,
    which reaches below 0.
    """
    alone = axis is not None and axis.scale == "log" and len(centres) == 1
    return np.array([centres[0] / 2, centres[0] * 2]) if alone else centres


def lr_axis(rates: Iterable[float]) -> dict[str, Any]:
    """Return a logarithmic axis with a tick at every power of ten.

    A short range has ticks at round numbers too.
    """
    known = [rate for rate in rates if rate > 0]
    if not known or max(known) / min(known) <= 30:
        return {"type": "log", **_round_ticks(known)}
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    powers = range(low, high + 1, math.ceil((high - low) / 6))
    return {
        "type": "log",
        "tickvals": [10.0**power for power in powers],
        "ticktext": [_power(power) for power in powers],
    }


def loss_axis(losses: Iterable[float]) -> dict[str, Any]:
    """Return a logarithmic axis with round ticks, or a linear axis if a loss is not above 0."""
    known = [loss for loss in losses if math.isfinite(loss)]
    return {"type": "log", **_round_ticks(known)} if known and min(known) > 0 else {"type": "linear"}


def _round_ticks(losses: Iterable[float]) -> dict[str, Any]:
    """Return ticks of a logarithmic axis at 1, 2 and 5 times powers of ten.

    A short range has ticks at 1, 2, 3 ... times powers of ten.
    """
    known = [loss for loss in losses if math.isfinite(loss) and loss > 0]
    if not known:
        return {}
    if max(known) == min(known):
        return {"tickvals": known[:1], "ticktext": [f"{known[0]:.4g}"]}
    low, high = math.log10(min(known)), math.log10(max(known))
    steps: tuple[float, ...] = (1, 2, 5) if high - low > 0.7 else (1, 1.5, 2, 3, 4, 5, 6, 8)
    if high - low > 3:
        steps = (1,)
    values = [
        step * 10.0**power for power in range(math.floor(low) - 1, math.ceil(high) + 1) for step in steps
    ]
    return {"tickvals": values, "ticktext": [f"{value:.4g}" for value in values]}


def _linear_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    if high <= low:
        return [low], [number(low)]
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    values = [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return values, [number(value) for value in values]


def _key(value: Any) -> tuple[bool, Any]:
    """Return a key under which 1 and 1.0 are equal, but not 1 and True."""
    return isinstance(value, (bool, np.bool_)), value


def _power(exponent: int) -> str:
    return f"1e{exponent}" if not -4 < exponent < 5 else number(10.0**exponent)
