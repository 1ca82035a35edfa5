"""Contents of a report in order: a chapter a task, a part a question, a chapter for all tasks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sensitivity.questions import QUESTIONS
from sensitivity.questions.summary import summary

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from sensitivity.measures import Measured
    from sensitivity.questions import Drawing, Question


BESIDE = "tuned_and_missed"
"""Figure beside the summary of a task."""
LEADING = ("lr_curves", "effect_shares", "expected_best")
"""Figures after the table of a task, in order; all others are in the details."""


@dataclass(frozen=True)
class Part:
    """The answer to one question, without the tables and figures that failed.

    name: unique in the report, used in addresses.
    """

    name: str
    question: Question
    task: str
    sentences: list[str]
    figures: tuple[tuple[Drawing, go.Figure], ...]
    tables: dict[str, pd.DataFrame]

    @property
    def detailed(self) -> tuple[tuple[Drawing, go.Figure], ...]:
        """The figures of the details."""
        return tuple(pair for pair in self.figures if pair[0].name not in (BESIDE, *LEADING))


@dataclass(frozen=True)
class Chapter:
    """The questions of one task, or of all tasks together.

    unanswered: titles of questions, each with the reason why the results cannot answer it.
    """

    name: str
    title: str
    task: str
    summary: list[str]
    parts: list[Part]
    unanswered: list[tuple[str, str]]

    def figures(self, *names: str) -> list[tuple[Part, Drawing, go.Figure]]:
        """Return the figures of these names that the chapter has, in the order of the names."""
        every = {
            drawing.name: (part, drawing, figure) for part in self.parts for drawing, figure in part.figures
        }
        return [every[name] for name in names if name in every]


def chapters(measured: Measured, *, in_parallel: bool = False) -> list[Chapter]:
    """Return the chapters of a report, in the order of tasks and questions.

    Questions are in the order of :data:`sensitivity.questions.QUESTIONS`.

    Args:
        measured: the measures.
        in_parallel: have them drawn in processes, one a core.
    """
    tasks = list(dict.fromkeys(task for task, _ in measured.results.groups))
    if len(tasks) == 1:
        return [_chapter(measured, "task-1", tasks[0], tasks[0], once=None)]
    jobs = [(f"task-{place}", task, task, False) for place, task in enumerate(tasks, start=1)]
    jobs.append(("all-tasks", "All tasks together", "", True))
    if not in_parallel:
        return [_chapter(measured, name, title, task, once=once) for name, title, task, once in jobs]
    from joblib import Parallel, cpu_count, delayed

    contents = []
    for chapter, failures in Parallel(n_jobs=min(cpu_count(), len(jobs)))(
        delayed(_chapter_apart)(measured, *job) for job in jobs
    ):
        measured.failures.update(failures)
        contents.append(chapter)
    return contents


def _chapter_apart(
    measured: Measured, name: str, title: str, task: str, once: bool
) -> tuple[Chapter, dict[str, str]]:
    """Return a chapter that another process draws, and what failed on the way to it."""
    return _chapter(measured, name, title, task, once=once), measured.failures


def _chapter(measured: Measured, name: str, title: str, task: str, *, once: bool | None) -> Chapter:
    questions = [question for question in QUESTIONS if once is None or question.once == once]
    first = summary(measured, task) if task else []
    parts, unanswered = [], []
    for question in questions:
        reason = question.reason_against(measured, task)
        if reason:
            unanswered.append((question.title, reason))
            continue
        tables = {table: question.table(table, measured, task) for table, _ in question.tables}
        filled = {table: rows for table, rows in tables.items() if not rows.empty}
        drawn = [
            (drawing, measured.attempt(f"figure {drawing.name}", partial(drawing, measured, task), None))
            for drawing in question.drawn(measured, task)
        ]
        figures = tuple((drawing, figure) for drawing, figure in drawn if figure is not None)
        # The summary comes first, and what it says is not said again.
        sentences = [text for text in question.sentences(measured, task) if text not in first]
        parts.append(Part(f"{name}-{question.key}", question, task, sentences, figures, filled))
    return Chapter(name, title, task, first, parts, unanswered)
