"""Every trial as a row of a table that is sorted, filtered and cut into pages by the server, and as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from dash import dcc, html

from sensitivity.dashboard import controls, shell, words
from sensitivity.dashboard.chips import chips
from sensitivity.figures.words import counted
from sensitivity.results.results import PREFIX, records
from sensitivity.text.csv_text import csv_text

if TYPE_CHECKING:
    from sensitivity.readers.source import Source
    from sensitivity.readers.view import View
    from sensitivity.results.results import Results

PER_PAGE = 50
LEFT_OUT = ("epochs", "initial_loss", "started", "finished", "error")
FIRST = ("key", "task", "variant", "seed", "status", "loss")


def page(source: Source, view: View) -> list[Any]:
    """Return the form and the table."""
    results = source.results(view)
    return [
        *shell.heading(view, view.name, "every trial with its configuration and result"),
        html.Div(
            [controls.form(results, view), html.Div(shell.part("trials"), className="content")],
            className="beside",
        ),
    ]


def rows(source: Source, view: View) -> list[Any]:
    """Return one page of the table, with links that sort it, turn it and download it."""
    results, whole = source.filtered_results(view), source.results(view)
    summary = kept_words(results, whole, view)
    if results.all_trials.empty:
        return [summary, nothing(whole, view)]
    columns = shown_columns(results)
    ordered = in_order(results.all_trials, view.sort)
    pages = -(-len(ordered) // PER_PAGE)
    number = min(view.number, pages)
    part = ordered.iloc[(number - 1) * PER_PAGE : number * PER_PAGE]
    head = [_sorting(view, name) for name in columns]
    body = [[_cell(view, row, name) for name in columns] for row in records(part)]
    numeric = [ordered[name].dtype.kind in "fiu" for name in columns]
    downloads = html.P(
        [
            html.A("CSV of these trials", href=download(view, "trials"), download=""),
            " · ",
            html.A("CSV of every trial", href=download(view.unfiltered(), "trials"), download=""),
            " · ",
            html.A("CSV of every epoch", href=download(view.unfiltered(), "epochs"), download=""),
        ],
        className="downloads",
    )
    return [
        summary,
        downloads,
        words.table(head, body, caption="trials", numeric=numeric),
        _turning(view, number, pages),
    ]


def kept_words(selected: Results, whole: Results, view: View) -> html.P | html.Div:
    """Return the number of trials that the filters keep, with links that remove one filter or all."""
    count = len(selected.all_trials), len(whole.all_trials)
    if not view.filtered:
        return html.P(counted(count[1], "trial"), className="kept", role="status")
    return html.Div(
        [
            html.P(
                [
                    f"{count[0]:,} of {counted(count[1], 'trial')} kept. ",
                    dcc.Link("Clear the filters", href=view.unfiltered().href),
                ]
            ),
            chips(whole, view),
        ],
        className="kept",
        role="status",
    )


def nothing(whole: Results, view: View) -> html.Div:
    """Return the notice of a table without trials."""
    if whole.all_trials.empty:
        return shell.notice(
            "No trial yet", "The study has been stored, but none of its trials has been planned."
        )
    clear = dcc.Link("Clear the filters", href=view.unfiltered().href)
    return shell.notice("No trial is left", "None of the trials passes all of these filters.", action=clear)


def shown_columns(results: Results) -> list[str]:
    """Return the columns of the table: those that every trial leaves empty are left out."""
    trials = results.all_trials
    columns = [name for name in trials.columns if name not in LEFT_OUT and not trials[name].isna().all()]
    if trials["task"].nunique() < 2:
        columns.remove("task")
    return [name for name in FIRST if name in columns] + [name for name in columns if name not in FIRST]


def in_order(trials: pd.DataFrame, sort: str) -> pd.DataFrame:
    """Return the trials sorted by a column; unsorted for an unknown column.

    Args:
        trials: Table of trials.
        sort: Name of the column, with a minus in front from large to small. Trials without a value are last.
    """
    name = sort.removeprefix("-")
    if name not in trials.columns:
        return trials
    column = trials[name]
    if column.dtype == object:  # choices of several types
        numbers = pd.to_numeric(column, errors="coerce")
        column = (
            numbers if numbers.notna().sum() == column.notna().sum() else column.map(str, na_action="ignore")
        )
    if column.dtype.kind == "f":
        column = column.where(~np.isnan(column.to_numpy()))
    order = column.sort_values(ascending=not sort.startswith("-"), kind="stable", na_position="last").index
    return trials.loc[order]


def csv(source: Source, view: View, what: str) -> str:
    """Return a table of a study as CSV.

    Args:
        source: The store.
        view: The view, whose filters apply.
        what: ``trials`` that the view keeps, or their ``epochs``.
    """
    results = source.filtered_results(view)
    trials = results.all_trials
    return csv_text(trials if what == "trials" else results.epochs[results.epochs["key"].isin(trials["key"])])


def download(view: View, what: str) -> str:
    """Return the address of the CSV of a view."""
    query = view.but(trial="", number=1, sort="", tab="").on("trials").query or "?"
    return f"/download/{what}.csv{query}&of={_quoted(view.name)}"


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


def _sorting(view: View, name: str) -> Any:
    down = view.sort == f"-{name}"
    up = view.sort == name
    arrow = " ▲" if up else " ▼" if down else ""
    words_ = name.removeprefix(PREFIX)
    return dcc.Link(
        [words_, html.Span(arrow, **{"aria-hidden": "true"})],
        href=view.but(sort=f"-{name}" if up else name).href,
        title=f"sort by {words_}, {'from large to small' if up else 'from small to large'}",
    )


def _cell(view: View, row: dict[str, Any], name: str) -> Any:
    if name == "key":
        return dcc.Link(
            row["key"][:8], href=view.on("trial", key=row["key"]).href, title=f"trial {row['key']}"
        )
    return words.status(row["status"]) if name == "status" else words.cell(row[name])


def _turning(view: View, number: int, pages: int) -> Any:
    if pages < 2:
        return None
    before = (
        dcc.Link("Previous", href=view.but(number=number - 1).href)
        if number > 1
        else html.Span("Previous", className="off")
    )
    after = (
        dcc.Link("Next", href=view.but(number=number + 1).href)
        if number < pages
        else html.Span("Next", className="off")
    )
    return html.Nav(
        [before, html.Span(f"page {number:,} of {pages:,}"), after],
        className="turning",
        **{"aria-label": "pages of the table"},
    )
