"""Selections in figures: a point, a box or a stretch as the trials that a view keeps."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sensitivity.figures.axes import Axis
from sensitivity.figures.columns import METRIC, Column
from sensitivity.figures.panels import LONGEST
from sensitivity.figures.parallel import axis_label
from sensitivity.figures.selecting import noted
from sensitivity.figures.words import LEARNING_RATE, plain, short
from sensitivity.readers.filters import narrowed, tasks, the_task
from sensitivity.results.results import PREFIX

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from sensitivity.readers.view import View
    from sensitivity.results.results import Results

STRETCH = re.compile(r"dimensions\[(\d+)\]\.constraintrange")
WORD = re.compile(r"[\w-]+")
LISTS = {"variant": "variant", "ended": "status"}
"""Dimensions of parallel coordinates that are no hyperparameter, and the filter of each."""


def axes(figure: go.Figure, results: Results) -> dict[str, str]:
    """Return the column of the table of trials of each axis of a figure.

    The figure notes it; else the title of the axis names a hyperparameter, or the title of another axis of
    the same letter, or the title of its panel. ``x2`` and ``y`` are axes, ``0`` is the first dimension of
    parallel coordinates.
    """
    by_axis = noted(figure)[0]
    if by_axis:
        return by_axis
    names = {plain(name): name for space in results.spaces.values() for name in space.names}
    names |= {LEARNING_RATE: "lr"} if "lr" in names.values() else {}
    layout = figure.to_plotly_json()["layout"]
    panels = [str(annotation.text) for annotation in figure.layout.annotations]
    for letter in "xy":
        places = [name.removeprefix(f"{letter}axis") for name in layout if name.startswith(f"{letter}axis")]
        titles = [str(figure.layout[f"{letter}axis{place}"].title.text or "") for place in places]
        shared = {text for text in titles if text}
        for place, title in zip(places, titles, strict=True):
            number = int(place or 1) - 1
            labels = [
                title,
                shared.copy().pop() if len(shared) == 1 else "",
                panels[number] if letter == "x" and number < len(panels) else "",
            ]
            name = next((names[label] for label in labels if label in names), "")
            if name:
                by_axis[f"{letter}{place}"] = f"{PREFIX}{name}"
    for trace in figure.data:
        if trace.type == "parcoords":
            known = {axis_label(name): f"{PREFIX}{name}" for name in names.values()} | LISTS
            by_axis |= {
                str(i): known[str(dimension.label)]
                for i, dimension in enumerate(trace.dimensions)
                if str(dimension.label) in known
            }
            by_axis[str(len(trace.dimensions) - 1)] = METRIC
    return by_axis


def panel_variants(figure: go.Figure, results: Results) -> dict[str, str]:
    """Return the variant of each panel of a figure that has one a variant, by its horizontal axis.

    The figure notes it; else the titles of all panels are names of variants.
    """
    by_axis, by_panel = noted(figure)
    if by_axis:
        return by_panel
    names = {short(name, LONGEST): name for name in results.spaces}
    panels = [str(annotation.text) for annotation in figure.layout.annotations]
    places = [name.removeprefix("xaxis") for name in figure.layout.to_plotly_json() if "xaxis" in name]
    if len(panels) != len(places) or not set(panels) <= set(names):
        return {}
    return {f"x{place}": names[panels[int(place or 1) - 1]] for place in places}


def pointed(click: dict[str, Any] | None, keys: Collection[str]) -> str:
    """Return the key of the trial that was clicked; empty if the point is no trial.

    The figure carries the key with the point, or shows it in the hover text.
    """
    for point in (click or {}).get("points", []):
        carried = point.get("customdata")
        candidates = [
            *(carried if isinstance(carried, list) else [carried]),
            *reversed(WORD.findall(str(point.get("text", "")))),
        ]
        for candidate in candidates:
            if isinstance(candidate, str) and candidate in keys:
                return candidate
    return ""


def boxed(
    view: View,
    results: Results,
    selected: dict[str, Any] | None,
    columns: Mapping[str, str],
    variants: Mapping[str, str] | None = None,
) -> View:
    """Return the view of the trials of a view that lie in a box; the view itself if there are none.

    Args:
        view: The view before.
        results: Results of the study.
        selected: ``selectedData`` of a graph.
        columns: :func:`axes` of its figure.
        variants: :func:`panel_variants` of its figure.
    """
    to, panels = view, variants or {}
    for axis, (low, high) in (selected or {}).get("range", {}).items():
        if axis in columns:
            bounded = _within(to, results, columns[axis], min(low, high), max(low, high), inside=True)
            if bounded is None:
                return view
            to = bounded
        if axis in panels and results.trials["variant"].nunique() > 1:
            to = to.but(variant=(panels[axis],))
    if to == view:
        return view
    if len(tasks(results)) > 1:
        to = to.but(only_task=the_task(narrowed(results, view), view))
    return view if narrowed(results, to).all_trials.empty else to


def stretched(view: View, results: Results, restyled: list[Any] | None, columns: Mapping[str, str]) -> View:
    """Return the view within the stretches that were drawn on parallel coordinates.

    Args:
        view: The view before.
        results: Results of the study.
        restyled: ``restyleData`` of a graph.
        columns: :func:`axes` of its figure.
    """
    for path, value in (restyled or [{}])[0].items():
        match = STRETCH.match(path)
        column = columns.get(match[1], "") if match else ""
        if not column:
            continue
        if value is None:
            view = _released(view, column)
            continue
        low, high = sorted(value[0] if isinstance(value[0], list) else value)
        if column in LISTS.values():
            levels = (
                [name for name in results.spaces if name in set(results.usable["variant"])]
                if column == "variant"
                else ["completed", "diverged"]
            )
            view = view.but(**{column: tuple(_between(levels, low, high))})
        else:
            axis = _axis(view, results, column)
            ends = (float(axis.off_line(value)) for value in (low, high))
            view = _within(view, results, column, *ends) or view
    return view


def _released(view: View, column: str) -> View:
    """Return the view without a filter of a column."""
    if column in LISTS.values():
        return view.but(**{column: ()})
    if column == METRIC:
        return view.but(outcome=())
    name = column.removeprefix(PREFIX)
    return view.anywhere(name).among(name, ())


def _axis(view: View, results: Results, column: str) -> Axis:
    """Return the axis on which the trials of a view are drawn."""
    shown = narrowed(results, view)
    trials = shown.usable[shown.usable["task"] == the_task(shown, view)]
    return Column.of(results, trials, column).axis


def _within(
    view: View, results: Results, column: str, low: float, high: float, *, inside: bool = False
) -> View | None:
    """Return the view between two coordinates of a column; None if nothing can lie there.

    Args:
        view: The view.
        results: Results of the study.
        column: The column.
        low: Lower coordinate.
        high: Higher coordinate.
        inside: The filter that the column has holds, too; else it is replaced.
    """
    if column == METRIC:
        for lowest, highest in view.outcome if inside else ():
            low, high = max(low, lowest), min(high, highest)
        return view.reaching(low, high) if low <= high else None
    name = column.removeprefix(PREFIX)
    axis = Axis.of(results, name)
    if axis.levels:
        within = list(_between(axis.levels, low, high))
        numeric = all(
            isinstance(value, (int, float)) and not isinstance(value, bool) for value in axis.levels
        )
        if not within:
            return None
        if not numeric or list(axis.levels) != sorted(axis.levels):
            allowed = [value for choice, value in view.choices if choice == name and inside]
            values = [text for text in map(str, within) if not allowed or text in allowed]
            return view.among(name, values) if values else None
        low, high = min(within), max(within)
    elif axis.scale == "log1m":
        low, high = (1 - 10**-value for value in (low, high))
    elif axis.is_zero(low):
        low, high = 0.0, 0.0 if axis.is_zero(high) else high
    for bounded, lowest, highest in view.ranges if inside else ():
        if bounded == name:
            low, high = max(low, lowest), min(high, highest)
    return view.within(name, low, high) if low <= high else None


def _between(levels: Collection[Any], low: float, high: float) -> Iterator[Any]:
    """Return the levels whose numbers lie within a stretch."""
    return (value for place, value in enumerate(levels) if math.ceil(low) <= place <= math.floor(high))
