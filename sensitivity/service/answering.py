"""Questions about the results of a study, and the text that answers each."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from sensitivity.service.measuring import measure_function, table_of
from sensitivity.service.problems import Missing
from sensitivity.text.json_text import to_json
from trainables.names import unknown

if TYPE_CHECKING:
    from sensitivity.measures import Measured
    from sensitivity.questions import Drawing, Question


@dataclass(frozen=True)
class Ask:
    """A question of a reader.

    Args:
        study: Name of the study.
        kind: Kind of the answer.
        name: Name of the measure or figure.
        metric: Metric instead of the study's own.
        having: Arguments of the measure as NAME=VALUE.
        task: Task of a figure; the first of the study if None.
        format: Format of the answer, such as ``json`` or ``csv``.
    """

    study: str
    kind: Literal["measure", "figure", "report", "verdict"]
    name: str = ""
    metric: str = ""
    having: tuple[str, ...] = ()
    task: str | None = None
    format: str = "json"


@functools.lru_cache(maxsize=1)
def drawings() -> dict[str, tuple[Question, Drawing]]:
    """Return every figure of the questions by name, also those that are not shown."""
    from sensitivity.questions import QUESTIONS

    return {
        drawing.name: (question, drawing)
        for question in QUESTIONS
        for drawing in (*question.figures, *question.by_name)
    }


def check(ask: Ask) -> None:
    """Refuse at once what no results could answer.

    Raises: Missing for an unknown name; InputError for wrong arguments.
    """
    if ask.kind == "measure":
        measure_function(ask.name, ask.having)
    if ask.kind == "figure" and ask.name not in drawings():
        raise Missing(str(unknown("figure", ask.name, drawings())))


def answer(measured: Measured, ask: Ask) -> str:
    """Return the table of a measure, a figure as Plotly's JSON, or the report.

    Raises: Missing for what these results do not have.
    """
    if ask.kind == "measure":
        return table_of(measure_function(ask.name, ask.having)(measured), ask.name, ask.format)
    if ask.kind == "figure":
        return _figure(measured, ask)
    return _verdict(measured, ask) if ask.kind == "verdict" else _report(measured, ask)


def _figure(measured: Measured, ask: Ask) -> str:
    question, drawing = drawings()[ask.name]
    tasks = list(dict.fromkeys(task for task, _ in measured.results.groups))
    if not tasks:
        raise Missing(f"study {ask.study!r} has no finished trial to draw yet")
    if ask.task is not None and ask.task not in tasks:
        raise Missing(str(unknown("task of this study", ask.task, tasks)))
    task = ask.task if ask.task is not None else tasks[0]
    why_not = question.reason_against(measured, task)
    if why_not or not measured.required(f"figure {ask.name}", partial(drawing.needs, measured, task)):
        raise Missing(
            f"study {ask.study!r} has no figure {ask.name!r}: "
            f"{why_not or 'its results have nothing to draw there'}"
        )
    return str(drawing(measured, task).to_json())


def _verdict(measured: Measured, ask: Ask) -> str:
    from sensitivity.questions.card import card

    tasks = dict.fromkeys(task for task, _ in measured.results.groups)
    return to_json({"study": ask.study, "tasks": [card(measured, task) for task in tasks]})


def _report(measured: Measured, ask: Ask) -> str:
    from sensitivity.reporting.contents import chapters
    from sensitivity.reporting.markdown import markdown
    from sensitivity.reporting.page import page

    if measured.results.usable.empty:
        raise Missing(f"study {ask.study!r} has no finished trial to report yet")
    report_chapters = chapters(measured)
    return (
        page(measured, report_chapters) if ask.format == "html" else markdown(measured, report_chapters, {})
    )
