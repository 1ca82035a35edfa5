"""Figures of several panels."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sensitivity.figures.style import NARROW, WIDE, styled
from sensitivity.figures.words import counted, plain, short, wrapped
from sensitivity.measures.guard import REFUSED
from trainables.names import InputError

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.measures import Measured

COLUMNS = 3
MOST_PANELS = 12
"""Variants that small multiples show: the best ones."""
MOST_BANDS = 12
"""Variants whose intervals are drawn as bands in one panel."""
MOST_TRACES = 50
MOST_POINTS = 3000
LONGEST = 40
"""Characters of a panel's title."""


def panels(
    titles: Sequence[str], *, columns: int = COLUMNS, row: int = 190, gap: int = 74, shared: bool | str = True
) -> tuple[go.Figure, list[dict[str, int]], int]:
    """Return an empty figure with a panel for each title, the position of each panel, and the height.

    Args:
        titles: one for each panel.
        row: height of a panel, pixels.
        gap: distance between two panels, pixels.
        shared: True if all panels have the same y axis.

    Returns:
        The figure, the Plotly ``row`` and ``col`` of each panel, and the height in pixels.
    """
    count = max(1, len(titles))
    down = math.ceil(count / columns)
    across = math.ceil(count / down)
    height = down * row + (down - 1) * gap
    figure = make_subplots(
        down,
        across,
        subplot_titles=[short(title, LONGEST) for title in titles] or None,
        specs=[[{} if r * across + c < count else None for c in range(across)] for r in range(down)],
        shared_yaxes="all" if shared else False,
        horizontal_spacing=0.035 if shared else 0.25 / across,
        vertical_spacing=gap / height if down > 1 else 0,
    )
    for title in figure.layout.annotations:
        title.font.size = 14
    figure.layout.meta = {"columns": across, "panels": count, "row": row, "gap": gap, "titled": bool(titles)}
    return figure, [{"row": i // across + 1, "col": i % across + 1} for i in range(count)], height


def below(places: Sequence[dict[str, int]]) -> list[bool]:
    """Return True for each panel that has no panel below it."""
    return [{"row": panel["row"] + 1, "col": panel["col"]} not in places for panel in places]


def of_task(table: pd.DataFrame, task: str | None) -> pd.DataFrame:
    """Return the rows of a task.

    Args:
        table: of a measure.
        task: None for a table of all tasks.

    Raises:
        InputError: no rows are left; the message has the reason.
    """
    if REFUSED in table.attrs:
        raise InputError(str(table.attrs[REFUSED]))
    part = table if task is None else table[table["task"] == task]
    if part.empty:
        raise InputError("no trial that it could be measured from")
    return part.reset_index(drop=True)


def best_first(measured: Measured, task: str) -> list[str]:
    """Return the variants of a task, the one with the best loss first."""
    table = measured.best_loss
    return [str(name) for name in table[table["task"] == task].sort_values("value", kind="stable")["variant"]]


def few(
    variants: Iterable[str], measured: Measured, task: str, most: int = MOST_PANELS
) -> tuple[list[str], str]:
    """Return the variants that are shown, in their order, and words about those left out."""
    every = list(dict.fromkeys(variants))
    if len(every) <= most:
        return every, ""
    chosen = [name for name in best_first(measured, task) if name in every][:most]
    return [name for name in every if name in chosen], f"; the {most} best of {len(every)} variants"


def thinned(trials: pd.DataFrame, most: int = MOST_POINTS) -> tuple[pd.DataFrame, str]:
    """Return at most so many trials, drawn at random in their order, and words about the selection."""
    if len(trials) <= most:
        return trials, ""
    return trials.sample(
        most, random_state=0
    ).sort_index(), f"; {most:,} of {counted(len(trials), 'trial')} drawn"


def notice(what: str, reason: str) -> go.Figure:
    """Return a figure that states why nothing is drawn."""
    figure = go.Figure()
    reason_text = f"not measured: {plain(reason)}"
    figure.add_annotation(
        text=wrapped(reason_text, WIDE // 9),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 14},
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    styled(figure, what, "", 40)
    figure.layout.meta = {
        "narrow": {**figure.layout.meta["narrow"], "annotations[0].text": wrapped(reason_text, NARROW // 9)}
    }
    return figure


def drawn(what: str) -> Callable[[Callable[..., go.Figure]], Callable[..., go.Figure]]:
    """Decorate a function that draws a figure.

    A :func:`notice` is drawn instead if a measure refuses the results or no trial has ended.
    """

    def decorated(draw: Callable[..., go.Figure]) -> Callable[..., go.Figure]:
        @functools.wraps(draw)
        def figure(measured: Measured, *arguments: Any, **named: Any) -> go.Figure:
            task = named.get("task", arguments[0] if arguments else None)
            usable = measured.results.usable
            if usable.empty or (task is not None and not (usable["task"] == task).any()):
                return notice(what, "no trial has ended yet")
            try:
                return draw(measured, *arguments, **named)
            except InputError as refusal:
                return notice(what, str(refusal))

        return figure

    return decorated
