"""The house style of figures: themes, titles, legends, and their places on wide and on narrow pages."""

from __future__ import annotations

import copy
import functools
import html
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from sensitivity.figures.palette import FAINT, faded
from sensitivity.figures.words import short, wrapped
from trainables.names import unknown

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
WIDE, NARROW = 1060, 360
"""Pixels inside a figure on a page and on a phone."""
LONGEST = 28
"""Characters of a name on an axis."""
NARROW_BELOW = 640
"""Width of a figure under which its narrow layout is used."""


BAR = {"thickness": 12, "lenmode": "pixels", "len": 170, "y": 1, "yanchor": "top"}
"""Colour bars, as tall as a panel."""


@dataclass(frozen=True)
class Theme:
    """Colours of everything that is no data."""

    ink: str
    soft: str
    rule: str
    paper: str


THEMES = {
    "light": Theme("#222222", "#666666", "#e6e6e6", "#ffffff"),
    "dark": Theme("#e8e8e8", "#a6a6a6", "#3d3d3d", "#161616"),
}


def template(theme: str = "light") -> go.layout.Template:
    """Return the Plotly template of a theme; relayout a figure with it to switch the theme.

    Args:
        theme: ``light`` or ``dark``.

    Raises:
        InputError: the theme is unknown.
    """
    if theme not in THEMES:
        raise unknown("theme", theme, THEMES)
    chosen = THEMES[theme]
    axis = {
        "gridcolor": chosen.rule,
        "linecolor": chosen.soft,
        "tickcolor": chosen.rule,
        "zeroline": False,
        "automargin": True,
    }
    axis |= {"tickfont": {"size": 12}, "title": {"font": {"size": 13}}, "exponentformat": "e"}
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": chosen.ink},
            "title": {
                "font": {"size": 18, "color": chosen.ink},
                "subtitle": {"font": {"size": 13, "color": chosen.soft}},
            },
            "paper_bgcolor": chosen.paper,
            "plot_bgcolor": chosen.paper,
            "xaxis": {**axis, "ticks": "outside"},
            "yaxis": axis,
            "hoverlabel": {
                "bgcolor": chosen.paper,
                "bordercolor": chosen.soft,
                "font": {"family": FONT, "color": chosen.ink},
            },
            "legend": {"font": {"color": chosen.ink}},
            "annotationdefaults": {"font": {"color": chosen.ink}, "arrowcolor": chosen.soft},
        }
    )


def themed(figure: go.Figure, theme: str) -> go.Figure:
    """Return the figure in a theme.

    Args:
        figure: is not changed.
        theme: ``light`` or ``dark``.

    Raises:
        InputError: the theme is unknown.
    """
    other = go.Figure(figure)
    _put_template(other, theme)
    return other


@functools.cache
def _checked_template(theme: str) -> dict[str, Any]:
    """Return a template as Plotly stores it, which has checked it."""
    stored: dict[str, Any] = template(theme).to_plotly_json()
    return stored


def _put_template(figure: go.Figure, theme: str) -> None:
    """Give a figure the template of a theme.

    Plotly would check the whole template in every figure, which is a third of the time of a small one.
    """
    layout = figure.layout
    layout._validate = False
    layout["template"] = copy.deepcopy(_checked_template(theme))
    layout._validate = True


def narrowed(figure: go.Figure) -> go.Figure:
    """Return the figure laid out for a phone: panels below one another, titles broken.

    The layout is that of ``layout.meta["narrow"]``.
    """
    other = go.Figure(figure)
    for place, attribute in other.layout.meta["narrow"].items():
        other.layout[place] = attribute
    return other


def styled(figure: go.Figure, title: str, subtitle: str, height: int, *, right: int = 16) -> go.Figure:
    """Apply the house style to a figure: title, subtitle and legend.

    The title states the result, the subtitle the method; the legend is below. The layout for narrow pages is
    stored in ``layout.meta["narrow"]``, as a relayout.

    Args:
        figure: is changed and returned.
        title: may have HTML of Plotly.
        subtitle: may have HTML of Plotly.
        height: of the plotting area, pixels.
        right: margin, pixels.
    """
    grid = dict(figure.layout.meta or {})
    _cut_names(figure)
    _put_template(figure, "light")
    for name, value in {"legend": _LEGEND, **_frame(figure, title, subtitle, height, WIDE, right)}.items():
        # Where nothing is set yet, an assignment is the same as update_layout, in a quarter of the time.
        if isinstance(value, dict) and figure.layout[name].to_plotly_json():
            figure.update_layout({name: value})
        else:
            figure.layout[name] = value
    narrow, tall = _stacked(figure, grid) if grid.get("columns", 1) > 1 else ({}, height)
    frame = _frame(figure, title, subtitle, tall, NARROW, right)
    figure.layout.meta = {"narrow": narrow | _flat(frame)}
    return figure


def _cut_names(figure: go.Figure) -> None:
    """Shorten long names on axes; hovering shows them whole."""
    for letter in "xy":
        names_by_axis: dict[str, dict[str, None]] = {}
        for trace in figure.data:
            values = getattr(trace, letter, None) if letter in trace else None
            names_by_axis.setdefault(getattr(trace, f"{letter}axis", None) or letter, {}).update(
                dict.fromkeys(
                    value for value in (values if values is not None else ()) if isinstance(value, str)
                )
            )
        for name, names in names_by_axis.items():
            axis = figure.layout[f"{letter}axis{name[1:]}"]
            if axis.ticktext is None and any(len(html.unescape(text)) > LONGEST for text in names):
                cut = [short(html.unescape(text), LONGEST) for text in names]
                axis.update(tickmode="array", tickvals=list(names), ticktext=cut)
            if axis.ticktext is not None:
                _hover_over_values(figure, letter, name)


def _hover_over_values(figure: go.Figure, letter: str, axis: str) -> None:
    """Let the hover of an axis show the values: Plotly would show the texts of its ticks instead."""
    for trace in figure.data:
        template = getattr(trace, "hovertemplate", None) if "hovertemplate" in trace else None
        if template is None or (getattr(trace, f"{letter}axis", None) or letter) != axis:
            continue
        values = getattr(trace, letter)
        if values is None or trace.hovertext is not None:
            continue
        if not any(isinstance(value, str) for value in values):
            continue
        tick, whole = f"%{{{letter}}}", "%{hovertext}"
        changed = (
            template.replace(tick, whole)
            if isinstance(template, str)
            else [part.replace(tick, whole) for part in template]
        )
        trace.update(hovertext=list(values), hovertemplate=changed)


_LEGEND = {
    "orientation": "h",
    "yref": "container",
    "y": 0.0,
    "yanchor": "bottom",
    "x": 0,
    "xanchor": "left",
    "itemsizing": "constant",
}


def _frame(
    figure: go.Figure, title: str, subtitle: str, height: int, width: int, right: int
) -> dict[str, Any]:
    """Return title, margins and height for a width in pixels."""
    size, small = (18, 13) if width > NARROW_BELOW else (16, 12)
    head, under = wrapped(title, int(width / size / 0.53)), wrapped(subtitle, int(width / small / 0.51))
    lines = under.count("<br>") + 1
    first = 12 + (
        0.7 * size if "<br>" in head else 0
    )  # Plotly puts the baseline there, not the top, once there are several lines
    top = int(first + 4 + 1.3 * size * (head.count("<br>") + 1) + 1.35 * small * lines + 34)
    legend = _legend_lines(figure, width) * 21
    flat = width <= NARROW_BELOW and figure.layout.coloraxis.colorbar.thickness is not None
    bottom = 58 + legend + (64 if flat else 0)
    total = height + top + bottom
    bar = {
        "orientation": "h",
        "len": 250,
        "x": 0,
        "xanchor": "left",
        "yref": "container",
        "yanchor": "bottom",
    }
    lying = {"colorbar": {**bar, "y": (legend + 14) / total, "title": {"side": "top"}}}
    return {
        **({"coloraxis": lying} if flat else {}),
        "title": {
            "text": head,
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1 - first / total,
            "yref": "container",
            "yanchor": "top",
            "pad": {"l": 8},
            "font": {"size": size},
            "subtitle": {"text": under, "font": {"size": small}},
        },
        "height": total,
        "margin": {"l": 12, "r": right, "t": top, "b": bottom},
    }


def _legend_lines(figure: go.Figure, width: int) -> int:
    """Return the number of lines of the legend, whose entries are as wide as the widest."""
    names = [
        len(trace.name)
        for trace in figure.data
        if getattr(trace, "showlegend", False) is not False and trace.name
    ]
    if (
        not names
        or figure.layout.showlegend is False
        or (len(names) == 1 and not any(getattr(trace, "showlegend", False) for trace in figure.data))
    ):
        return 0
    return math.ceil(len(names) / max(1, width // (max(names) * 7 + 48)))


def _flat(nested: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested properties by their dotted paths."""
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return flat


def _stacked(figure: go.Figure, grid: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the relayout that stacks the panels of a figure, and its height in pixels."""
    count, row, gap = (
        grid["panels"],
        grid["row"],
        grid["gap"] + 20,
    )  # every panel may have a title of its axis below it
    total = count * row + (count - 1) * gap
    stacked: dict[str, Any] = {}
    for place in range(count):
        top = 1 - place * (row + gap) / total
        which = "" if place == 0 else str(place + 1)
        stacked |= {
            f"xaxis{which}.domain": [0, 1],
            f"yaxis{which}.domain": [max(0.0, top - row / total), top],
        }
        stacked |= {f"yaxis{which}.showticklabels": True, f"xaxis{which}.showticklabels": True}
        if grid["titled"]:
            stacked |= {f"annotations[{place}].x": 0.5, f"annotations[{place}].y": top}
    return stacked, total


def one_legend(figure: go.Figure) -> None:
    """Show each kind of trace once in the legend: the first visible trace of its group."""
    seen: set[str] = set()
    for trace in figure.data:
        if not trace.legendgroup:
            continue
        trace.showlegend = trace.legendgroup not in seen and bool(len(trace.x))
        if trace.showlegend:
            seen.add(trace.legendgroup)


def error_bars(row: Mapping[str, Any], side: str, shade: str) -> dict[str, Any]:
    """Return Plotly's error bars of one point: the distances from its value to the ends of its interval.

    Args:
        row: has ``value_NAME``, ``low_NAME`` and ``high_NAME``.
        side: the NAME of the quantity.
        shade: color of the bars.
    """
    value, low, high = (row[f"{part}_{side}"] for part in ("value", "low", "high"))
    return arms([value], [low], [high], color=shade, width=4)


def arms(value: Iterable[float], low: Iterable[float], high: Iterable[float], **more: Any) -> dict[str, Any]:
    """Return the error bars from values to both ends of their intervals."""
    rows = list(zip(value, low, high, strict=True))
    ends = {
        "array": [max(0.0, c - a) for a, _, c in rows],
        "arrayminus": [max(0.0, a - b) for a, b, _ in rows],
    }
    return {"type": "data", "symmetric": False, **ends, "color": FAINT, "thickness": 1.5, "width": 0, **more}


def band(
    x: list[Any], low: Iterable[float], high: Iterable[float], shade: str, opacity: float = 0.18, **more: Any
) -> go.Scatter:
    """Return the area between two curves."""
    look = {
        "fill": "toself",
        "fillcolor": faded(shade, opacity),
        "mode": "lines",
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    return go.Scatter(
        x=[*x, *reversed(x)], y=[*high, *reversed(list(low))], **{"showlegend": False, **look, **more}
    )
