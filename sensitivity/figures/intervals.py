"""Any measure as points with their intervals, one line a row of its table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from sensitivity.figures.palette import FAINT, colours
from sensitivity.figures.style import arms, styled
from sensitivity.figures.words import plain
from sensitivity.results.results import records
from sensitivity.text.wording import known as is_known
from sensitivity.text.wording import number

if TYPE_CHECKING:
    import pandas as pd

MOST = 60
"""Rows that are drawn."""
NUMBERS = ("value", "low", "high", "n", "task", "note", "configuration")


def intervals(table: pd.DataFrame, title: str, variants: Iterable[str], *, by: str = "variant") -> go.Figure:
    """Draw a point with its interval for every row that has a value, coloured by its variant.

    Args:
        table: columns value, low and high; its text columns label the points.
        title: of the figure.
        variants: of the whole study, so that each has the same colour in every figure.
        by: column of the variant.
    """
    known = table[table["value"].notna()].head(MOST)
    texts = [
        name
        for name in known.columns
        if name not in NUMBERS and known[name].map(lambda cell: isinstance(cell, str)).all()
    ]
    shades = colours(variants)
    rows = records(known)
    labels = [
        plain(", ".join(row[name] for name in texts if row[name])) or f"row {place + 1}"
        for place, row in enumerate(rows)
    ]
    y = [
        f"{label}{' ' * labels[:place].count(label)}" for place, label in enumerate(labels)
    ]  # a category of its own for each row
    figure = go.Figure(
        go.Scatter(
            x=known["value"],
            y=y,
            mode="markers",
            marker={"size": 10, "color": [shades.get(str(row.get(by, "")), FAINT) for row in rows]},
            error_x=arms(known["value"], known["low"], known["high"]),
            text=[_words(row) for row in rows],
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        )
    )
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    left = len(table) - len(known)
    more = f"; {left} rows without a value or beyond the first {MOST} are in the table" if left else ""
    return styled(figure, plain(title), f"value and 95% interval{more}", max(90, 26 * len(rows)))


def _label(row: dict[str, Any], names: list[str]) -> str:
    return plain(", ".join(row[name] for name in names if row[name]))


def _words(row: dict[str, Any]) -> str:
    ends = number(row["value"])
    if is_known(row["low"]) and is_known(row["high"]):
        ends += f" ({number(row['low'])} to {number(row['high'])})"
    rest = [
        f"{name} {number(cell)}"
        for name, cell in row.items()
        if name not in ("value", "low", "high", "note") and cell == cell
    ]
    return plain(f"{ends}; {', '.join(rest)}")
