"""Selections in figures: a point, a box or a stretch as trials and bounds of hyperparameters."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from sensitivity.figures.axes import Axis
from sensitivity.figures.parallel import axis_label
from sensitivity.figures.words import plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from sensitivity.readers.view import View
    from sensitivity.results.results import Results

STRETCH = re.compile(r"dimensions\[(\d+)\]\.constraintrange")
WORD = re.compile(r"[\w-]+")
LISTS = {"variant": "variant", "ended": "status"}
"""Dimensions of parallel coordinates that are no hyperparameter, and the filter of each."""


def axes(figure: go.Figure, results: Results) -> dict[str, str]:
    """Return the hyperparameter of each axis of a figure.

    The title of the axis names it, or the title of another axis of the same letter, or the title of its
    panel. ``x2`` and ``y`` are axes, ``0`` is the first dimension of parallel coordinates.
    """
    names = {plain(name): name for space in results.spaces.values() for name in space.names} | {
        "learning rate": "lr"
    }
    layout = figure.to_plotly_json()["layout"]
    panels = [str(annotation.text) for annotation in figure.layout.annotations]
    by_axis: dict[str, str] = {}
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
                by_axis[f"{letter}{place}"] = name
    for trace in figure.data:
        if trace.type == "parcoords":
            known = {axis_label(label): label for label in names.values()} | {label: label for label in LISTS}
            by_axis |= {
                str(i): known[str(dimension.label)]
                for i, dimension in enumerate(trace.dimensions)
                if str(dimension.label) in known
            }
    return by_axis


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


def boxed(view: View, results: Results, selected: dict[str, Any] | None, of: dict[str, str]) -> View:
    """Return the view within a box.

    Args:
        view: The view before.
        results: Results of the study.
        selected: ``selectedData`` of a graph.
        of: :func:`axes` of its figure.
    """
    for axis, (low, high) in (selected or {}).get("range", {}).items():
        if axis in of:
            view = _within(view, results, of[axis], min(low, high), max(low, high))
    return view


def stretched(view: View, results: Results, restyled: list[Any] | None, of: dict[str, str]) -> View:
    """Return the view within the stretches that were drawn on parallel coordinates.

    Args:
        view: The view before.
        results: Results of the study.
        restyled: ``restyleData`` of a graph.
        of: :func:`axes` of its figure.
    """
    for path, value in (restyled or [{}])[0].items():
        match = STRETCH.match(path)
        name = of.get(match[1], "") if match else ""
        if not name:
            continue
        if value is None:
            view = view.but(**{LISTS[name]: ()}) if name in LISTS else view.anywhere(name).among(name, ())
            continue
        low, high = sorted(value[0] if isinstance(value[0], list) else value)
        if name in LISTS:
            column = (
                [value for value in results.spaces if value in set(results.usable["variant"])]
                if name == "variant"
                else ["completed", "diverged"]
            )
            view = view.but(**{LISTS[name]: tuple(_between(column, low, high))})
        else:
            axis = Axis.of(results, name)
            view = _within(view, results, name, *(float(axis.off_line(value)) for value in (low, high)))
    return view


def _within(view: View, results: Results, name: str, low: float, high: float) -> View:
    """Return the view between two places on the axis of a hyperparameter."""
    axis = Axis.of(results, name)
    if axis.levels:
        within = list(_between(axis.levels, low, high))
        if not within:
            return view
        if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in axis.levels):
            return view.within(name, min(within), max(within))
        return view.among(name, map(str, within))
    if axis.scale == "log1m":
        low, high = (1 - 10**-value for value in (low, high))
    return view.within(name, low, high)


def _between(levels: Collection[Any], low: float, high: float) -> Iterator[Any]:
    """Return the levels whose numbers lie within a stretch."""
    return (value for place, value in enumerate(levels) if math.ceil(low) <= place <= math.floor(high))
