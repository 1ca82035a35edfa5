"""A question: what answers it in words, in figures and in tables, and when it cannot be asked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sensitivity.measures.guard import REFUSED, ComputationFailed, refused_table
from sensitivity.results.capping import reference
from sensitivity.results.results import PREFIX

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from sensitivity.measures import Measured

Sentences = Callable[["Measured", str], list[str]]
Draw = Callable[["Measured", str], "go.Figure"]
Tabulate = Callable[["Measured", str], "pd.DataFrame"]
Condition = Callable[["Measured", str], bool]


def always(measured: Measured, task: str) -> bool:
    """A figure that every study has."""
    return True


@dataclass(frozen=True)
class Drawing:
    """A figure of a question. Called with measured results and a task, it is the Plotly figure.

    draw: the function that draws it. words: how to read it. table: the table of the question that it draws.
    needs: whether these results have such a figure.
    """

    draw: Draw
    words: str
    table: str
    needs: Condition = always

    @property
    def name(self) -> str:
        """The name of the function that draws it."""
        return self.draw.__name__

    def __call__(self, measured: Measured, task: str) -> go.Figure:
        """Draw the figure. Raises: ComputationFailed where it, or a measure that it needs, fails."""
        return measured.required(f"figure {self.name}", lambda: self.draw(measured, task))


@dataclass(frozen=True)
class Question:
    """What a reader asks of a study, and what answers it.

    key: its name in addresses. title: the question. pieces: functions of the answer in words, in order.
    figures: those that it can have; :meth:`drawn` has those of given results. tables: names and functions of
    measured results and a task. why_not: why these results cannot answer it, empty where they can. once: it
    is asked once for all tasks together; its functions ignore the task.
    """

    key: str
    title: str
    pieces: tuple[Sentences, ...]
    figures: tuple[Drawing, ...]
    tables: tuple[tuple[str, Tabulate], ...]
    why_not: Callable[[Measured, str], str] = lambda measured, task: ""
    once: bool = False

    def applies(self, measured: Measured, task: str) -> bool:
        """Whether these results can answer it."""
        return not self.reason_against(measured, task)

    def reason_against(self, measured: Measured, task: str) -> str:
        """Return why these results cannot answer it, empty where they can; also where that itself cannot be
        computed."""
        try:
            return measured.required(f"question {self.key}", lambda: self.why_not(measured, task))
        except ComputationFailed as failure:
            return f"{failure}."

    def sentences(self, measured: Measured, task: str) -> list[str]:
        """Return the answer in words; without the pieces that fail, which are among the failures of what was
        measured."""
        return measured.attempts(f"sentences on {self.key}", self.pieces, measured, task)

    def drawn(self, measured: Measured, task: str) -> tuple[Drawing, ...]:
        """Return the figures that these results have."""
        return tuple(
            drawing
            for drawing in self.figures
            if measured.attempt(
                f"figure {drawing.name}", partial(drawing.needs, measured, task), otherwise=False
            )
        )

    def table(self, name: str, measured: Measured, task: str) -> pd.DataFrame:
        """Return one of the tables by its name; an empty one that says why where it fails."""
        try:
            return measured.required(name, lambda: dict(self.tables)[name](measured, task))
        except ComputationFailed as failure:
            return refused_table(str(failure))


def for_all(draw: Callable[[Measured], go.Figure]) -> Draw:
    """A figure of all tasks together as one that ignores the task."""

    @functools.wraps(draw)
    def drawn(measured: Measured, task: str) -> go.Figure:
        return draw(measured)

    return drawn


def tables(*names: str) -> tuple[tuple[str, Tabulate], ...]:
    """Tables of :class:`sensitivity.measures.Measured` by name, each of one task."""

    def of(name: str) -> Tabulate:
        return lambda measured, task: of_task(measured.table_named(name), task)

    return tuple((name, of(name)) for name in names)


def of_task(table: pd.DataFrame, task: str) -> pd.DataFrame:
    """The rows of one task; all of a table that is about all tasks together."""
    if "task" not in table.columns or table.empty:
        return table
    return table[table["task"] == task].reset_index(drop=True)


def trials(measured: Measured, task: str) -> pd.DataFrame:
    """Every trial of a task that has a result, without the columns of hyperparameters that none of them
    has."""
    table = of_task(measured.results.usable, task).drop(columns="error")
    empty = [name for name in table.columns if name.startswith(PREFIX) and table[name].isna().all()]
    table = table.drop(columns=empty)
    plain = {
        name: short
        for name in table.columns
        if (short := str(name).removeprefix(PREFIX)) not in table.columns
    }
    return table.rename(columns=plain)


def refusal(table: pd.DataFrame) -> str:
    """Why a measure has no table, as a sentence; empty where it has one."""
    reason = str(table.attrs.get(REFUSED, ""))
    if not reason:
        return ""
    if "'adaptive'" in reason:
        return f"Adaptive design: {reason.partition('; ')[2] or reason}."
    return f"{reason[0].upper()}{reason[1:]}."


def nothing_learned(measured: Measured, task: str) -> str:
    """Why there is nothing to explain where no variant did better than not training; empty where one did."""
    learned = bool(of_task(measured.overview, task)["learned"].any())
    return (
        ""
        if learned
        else f"No variant did better than {reference(measured.results, task)}, so there is nothing to "
        f"explain."
    )


def rows(table: pd.DataFrame, task: str, **wanted: Any) -> list[dict[str, Any]]:
    """The rows of a task whose value is known, as dictionaries; only those that have the wanted values in the
    columns named."""
    from sensitivity.results.results import records

    part = of_task(table, task)
    part = part[part["value"].notna()]
    for name, value in wanted.items():
        part = part[part[name] == value]
    return records(part)
