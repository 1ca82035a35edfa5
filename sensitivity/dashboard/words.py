"""Tables, numbers and counts as elements of a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dash import html

from sensitivity.results.results import records
from sensitivity.study.trial import STATUSES
from sensitivity.text.quantities import Text, parts_of, quantity_id
from sensitivity.text.wording import number

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.readers.source import Submitted

MOST_ROWS = 300
"""Of a table that is not cut into pages."""


def cell(value: Any) -> str:
    """Return a value as the text of a cell; nothing for what is missing.

    >>> cell(0.00123456), cell(float("nan")), cell(None), cell({"lr": 0.1, "p": 2}), cell(True)
    ('0.001235', '', '', 'lr 0.1, p 2', 'yes')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(cell, value))
    return number(value)


def table(
    head: Sequence[Any], rows: Sequence[Sequence[Any]], *, caption: str, numeric: Sequence[bool] = ()
) -> html.Div:
    """Return a table that scrolls sideways where it is too wide.

    Args:
        head: Names of the columns.
        rows: Cells by row.
        caption: Caption for screen readers.
        numeric: True for each column of numbers, which are aligned at their ends.
    """
    aligned = [*numeric, *[False] * len(head)]
    classes = ["number" if value else "" for value in aligned]
    return html.Div(
        html.Table(
            [
                html.Caption(caption, className="hidden"),
                html.Thead(
                    html.Tr(
                        [
                            html.Th(
                                name,
                                scope="col",
                                className=which,
                                **numbered(str(name), "column", caption, place),
                            )
                            for place, (name, which) in enumerate(zip(head, classes, strict=False), start=1)
                        ]
                    )
                ),
                html.Tbody(
                    [
                        html.Tr(
                            [
                                html.Td(content, className=which)
                                for content, which in zip(row, classes, strict=False)
                            ]
                        )
                        for row in rows
                    ]
                ),
            ]
        ),
        className="scroll",
        tabIndex="0",
        role="region",
        **{"aria-label": caption},
    )


def frame(shown: pd.DataFrame, *, caption: str) -> html.Div:
    """Return a table of a measure as it is; its interval beside its value."""
    names = [str(column) for column in shown.columns]
    numeric = [shown[name].dtype.kind in "fiu" for name in names]
    rows = [[_shown(value) for value in row.values()] for row in records(shown.head(MOST_ROWS))]
    element = table(names, rows, caption=caption, numeric=numeric)
    if len(shown) <= MOST_ROWS:
        return element
    return html.Div(
        [
            element,
            html.P(f"The first {MOST_ROWS} of {len(shown):,} rows; the CSV has them all.", className="what"),
        ]
    )


def _shown(value: Any) -> Any:
    return with_quantities(value) if isinstance(value, Text) else cell(value)


def numbered(text: str, *names: object) -> dict[str, str]:
    """Return the attribute of an element whose text has a number that is no cell; none without a number."""
    has_number = any(character.isdigit() for character in text)
    return {"data-quantity": quantity_id(*names)} if has_number else {}


def with_quantities(text: str) -> list[Any]:
    """Return a text whose quantities have their ids."""
    return [html.Span(part, **{"data-quantity": name}) if name else part for part, name in parts_of(text)]


def counts(row: Mapping[str, Any]) -> str:
    """Return the number of trials of each status, in words.

    >>> counts({"trials": 3, "completed": 2, "diverged": 1, "failed": 0})
    '2 completed, 1 diverged'
    """
    return (
        ", ".join(f"{row[status_name]:,} {status_name}" for status_name in ORDER if row.get(status_name))
        or "no trials"
    )


ORDER = ("completed", "diverged", "stopped", "failed", "running", "pending")


def progress(row: Mapping[str, Any]) -> html.Div:
    """Return a bar with a stretch for each status."""
    total = max(1, row["trials"])
    stretches = [
        html.Span(
            className=f"stretch {status_name}", style={"width": f"{100 * row[status_name] / total:.2f}%"}
        )
        for status_name in ORDER[:-1]
        if row.get(status_name)
    ]
    return html.Div(stretches, className="bar", role="img", **{"aria-label": counts(row)})


def state(row: Mapping[str, Any] | None, submitted: Submitted | None) -> list[Any]:
    """Return the state of a study in words: what it waits for, or why it failed.

    Args:
        row: Its numbers of trials by status; None for a study that the store does not have yet.
        submitted: The study in a service; None without one.
    """
    begun = row is not None and row["trials"] > row["pending"]
    if submitted is None:
        assert row is not None
        ended = begun and not row["running"] and not row["pending"]
        return [_state("running" if row["running"] else "ended" if ended else "waiting")]
    if submitted.state == "queued":
        waits = f"for {listed(submitted.waits_for)}" if submitted.waits_for else "to start"
        return [_state("waiting"), f" {waits}"]
    if submitted.state == "running":
        return [_state("running" if begun else "starting")]
    if submitted.state == "failed":
        return [_state("failed"), f" {submitted.error or 'for no reason that is known'}"]
    return [_state("ended" if submitted.state == "completed" else "stopped")]


def _state(name: str) -> html.Span:
    return html.Span(name, className=f"state {name}")


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return names as a list in words, the first few of many.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a', 'a and b', 'a, b, c and 2 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1] if names else ""]))


def status(name: str) -> html.Span:
    """Return a status with its colour."""
    return html.Span(name, className=f"status {name if name in STATUSES else ''}")


def pairs(rows: Mapping[str, Any]) -> html.Dl:
    """Return names and what they are."""
    return html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in rows.items()])
