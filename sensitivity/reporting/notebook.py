"""Notebook views of results and of a study.

Results show the report's lead, summary and overview, a study its planned trials.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from sensitivity.results.results import Results
    from sensitivity.study.study import Study


def results_html(results: Results) -> str:
    """Return the lead, and the summary and the overview of each task, as HTML."""
    from sensitivity.measures import Measured
    from sensitivity.questions.overview import overview
    from sensitivity.questions.summary import summary
    from sensitivity.reporting.provenance import lead

    measured = Measured(results)
    parts = [f"<h3>{html.escape(results.study)}</h3><p>{html.escape(lead(results))}</p>"]
    for task in dict.fromkeys(task for task, _ in results.groups):
        sentences = "".join(f"<li>{html.escape(str(text))}</li>" for text in summary(measured, task))
        parts.append(f"<ul>{sentences}</ul>")
        table = measured.attempt("overview", partial(overview, measured, task), pd.DataFrame())
        parts.append(_table(task, list(table.columns), table.to_numpy(dtype=object).tolist()))
    return "".join(parts)


def study_html(study: Study) -> str:
    """Return the planned trials of a study as HTML, one row a task and variant."""
    from sensitivity.study.estimates import plan_rows

    rows = [{name: value for name, value in row.items() if name != "hours"} for row in plan_rows(study)]
    counts = [
        f"{count} {name}{'s' if count != 1 else ''}"
        for count, name in ((len(study.seeds), "seed"), (study.epochs, "epoch"))
        if count
    ]
    title = ", ".join([f"{study.design.get('kind', 'explicit')} design", *counts])
    return f"<h3>{html.escape(study.name)}</h3>" + _table(
        title, list(rows[0]), [list(row.values()) for row in rows]
    )


def _table(caption: str, columns: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th scope='col'>{html.escape(str(column))}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in row) + "</tr>" for row in rows
    )
    top = f"<caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>"
    return f"<table>{top}<tbody>{body}</tbody></table>"
