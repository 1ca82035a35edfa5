"""Variants, or whole studies, side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
from dash import html

from sensitivity.dashboard import shell, words
from sensitivity.dashboard.controls import pick, several
from sensitivity.dashboard.measure_page import graph
from sensitivity.figures.intervals import intervals
from sensitivity.readers.view import View
from sensitivity.results.results import records
from sensitivity.text.wording import with_interval
from trainables.names import InputError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from sensitivity.measures import Measured
    from sensitivity.readers.source import Source

MEASURES = {
    "best_loss": "best loss",
    "sensitivity": "sensitivity",
    "robust_width": "robust width (decades)",
    "divergence_rate": "share that diverged",
}
MOST = 6
"""Studies at a time."""


def page(source: Source, view: View) -> list[Any]:
    """Return the choice of studies, variants and measure, and the comparison."""
    names = [row["name"] for row in source.studies()]
    title = html.Div(
        [html.H1("Compare"), html.P("variants or whole studies side by side", className="what")],
        className="title",
    )
    if not names:
        return [title, shell.notice("No study yet", "There is nothing to compare before a study runs.")]
    variants = sorted(
        {str(variant) for name in studies(source, view) for variant in source.results(View(name=name)).spaces}
    )
    picks = [
        several("study", "Studies", names, studies(source, view)),
        several("variant", "Variants (none ticked: all)", variants, view.variant),
        pick("measure", "Measure", MEASURES, measure(view)),
    ]
    return [title, html.Form(picks, className="form across"), shell.part("compare")]


def studies(source: Source, view: View) -> tuple[str, ...]:
    """Return the studies of a view; the newest where it names none.

    Raises: InputError for one that the store does not have.
    """
    names = [row["name"] for row in source.studies()]
    for name in view.study:
        if name not in names:
            source.store.study(name)
    return view.study[:MOST] or tuple(names[:1])


def measure(view: View) -> str:
    """Return the measure of a view; the first for one that does not exist."""
    return view.measure if view.measure in MEASURES else next(iter(MEASURES))


def compared(source: Source, view: View) -> list[Any]:
    """Return the chosen measure of every variant as a figure, and all measures as a table."""
    parts, remarks = [], []
    for name in studies(source, view):
        of_one = View(name=name, variant=view.variant, metric=view.metric, cap=view.cap)
        results = source.filtered_results(of_one)
        if results.usable.empty:
            remarks.append(f"{name}: no trial has ended yet")
            continue
        try:
            overview = source.measured(of_one, _overview, "compared")
        except InputError as error:
            remarks.append(f"{name}: {error}")
            continue
        parts.append(overview.assign(study=name))
    paragraphs = [html.P(remark, className="what") for remark in remarks]
    if not parts:
        return [
            *paragraphs,
            shell.notice(
                "Nothing to compare yet",
                "None of these studies has a trial of these variants that has ended.",
            ),
        ]
    table = pd.concat(parts, ignore_index=True)
    return [
        *paragraphs,
        html.H2(f"{MEASURES[measure(view)]}, with 95% intervals"),
        *graph("compare", partial(_figure, table, measure(view))),
        html.H2("Side by side"),
        _side_by_side(table),
    ]


def _overview(measured: Measured) -> pd.DataFrame:
    table: pd.DataFrame = measured.overview
    return table


def _figure(table: pd.DataFrame, name: str) -> go.Figure:
    ends = {name: "value", f"{name}_low": "low", f"{name}_high": "high"}
    columns = [column for column in ("study", "task") if table[column].nunique() > 1]
    rows = table[[*columns, "variant", *ends]].rename(columns=ends)
    if "task" in columns:
        rows = rows.rename(columns={"task": "on"})
    return intervals(rows, MEASURES[name], dict.fromkeys(table["variant"]))


def _side_by_side(table: pd.DataFrame) -> Any:
    """Return measures as rows, variants as columns, under the study and the task where there are several."""
    head, columns = ["measure"], []
    for row in records(table):
        place = [row[column] for column in ("study", "task") if table[column].nunique() > 1]
        head.append(" · ".join([row["variant"], *place]))
        columns.append(row)
    rows: list[list[str]] = [
        [words_, *(_with_ends(row, name) for row in columns)] for name, words_ in MEASURES.items()
    ]
    rows.append(["best at", *(words.cell(row["configuration"]) for row in columns)])
    rows.append(["trials", *(words.cell(row["n"]) for row in columns)])
    return html.Div(
        words.table(head, rows, caption="measures of every variant"), className="beside-each-other"
    )


def _with_ends(row: dict[str, Any], name: str) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    return with_interval({"value": value, "low": low, "high": high}) if value == value else ""
