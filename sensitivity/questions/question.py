"""A question: its answer in words, figures and tables, and the reason where it has no answer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sensitivity.measures.guard import REFUSED, ComputationFailed, refused_table
from sensitivity.results.capping import reference
from sensitivity.results.results import PREFIX
from sensitivity.text.quantities import Text, quantity

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from sensitivity.measures import Measured

Sentences = Callable[["Measured", str], list[str]]
Draw = Callable[["Measured", str], "go.Figure"]
Tabulate = Callable[["Measured", str], "pd.DataFrame"]
Condition = Callable[["Measured", str], bool]


def always(measured: Measured, task: str) -> bool:
    """Return True: every study has the figure."""
    return True


@dataclass(frozen=True)
class Drawing:
    """A figure of a question; called with measured results and a task, it returns the Plotly figure.

    Attributes:
        draw: Function that draws the figure.
        words: Text that explains the figure.
        table: Name of the table of the question that the figure draws.
        needs: Function that returns True if these results have such a figure.
    """

    draw: Draw
    words: str
    table: str
    needs: Condition = always

    @property
    def name(self) -> str:
        """Name of the function that draws the figure."""
        return self.draw.__name__

    def __call__(self, measured: Measured, task: str) -> go.Figure:
        """Draw the figure.

        Raises:
            ComputationFailed: if the drawing, or a measure that it needs, fails.
        """
        return measured.required(f"figure {self.name}", lambda: self.draw(measured, task))


@dataclass(frozen=True)
class Question:
    """A question of a reader about a study, with the functions that answer it.

    Attributes:
        key: Name of the question in addresses.
        title: The question.
        pieces: Functions of the answer in words, in order.
        figures: Possible figures; :meth:`drawn` returns those of some results.
        tables: Names of tables, and their functions of measured results and a task.
        why_not: Function that returns the reason why some results cannot answer the question, else an empty
            text.
        once: True if the question is answered once for all tasks together; its functions ignore the task.
        by_name: Figures that can be asked for by their names, beside those that are shown.
    """

    key: str
    title: str
    pieces: tuple[Sentences, ...]
    figures: tuple[Drawing, ...]
    tables: tuple[tuple[str, Tabulate], ...]
    why_not: Callable[[Measured, str], str] = lambda measured, task: ""
    once: bool = False
    by_name: tuple[Drawing, ...] = ()

    def applies(self, measured: Measured, task: str) -> bool:
        """Return True if these results can answer the question."""
        return not self.reason_against(measured, task)

    def reason_against(self, measured: Measured, task: str) -> str:
        """Return the reason why these results cannot answer the question, else an empty text.

        A failure to compute the reason is a reason, too.
        """
        try:
            reason = measured.required(f"question {self.key}", lambda: self.why_not(measured, task))
        except ComputationFailed as failure:
            reason = f"{failure}."
        return Text(quantity(reason, "reason", self.key)) if reason else ""

    def sentences(self, measured: Measured, task: str) -> list[str]:
        """Return the answer in words.

        Pieces that fail are left out; they are among the failures of the measured results.
        """
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
        """Return one of the tables by its name; an empty one with the reason where it fails."""
        try:
            return measured.required(name, lambda: dict(self.tables)[name](measured, task))
        except ComputationFailed as failure:
            return refused_table(str(failure))


def for_all(draw: Callable[[Measured], go.Figure]) -> Draw:
    """Return a figure of all tasks together as a function that ignores the task."""

    @functools.wraps(draw)
    def drawn(measured: Measured, task: str) -> go.Figure:
        return draw(measured)

    return drawn


def tables(*names: str) -> tuple[tuple[str, Tabulate], ...]:
    """Return functions for tables of :class:`sensitivity.measures.Measured` by name, each of one task."""

    def of(name: str) -> Tabulate:
        return lambda measured, task: of_task(measured.table_named(name), task)

    return tuple((name, of(name)) for name in names)


def of_task(table: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return the rows of one task; all rows of a table about all tasks together."""
    if "task" not in table.columns or table.empty:
        return table
    return table[table["task"] == task].reset_index(drop=True)


def trials(measured: Measured, task: str) -> pd.DataFrame:
    """Return every trial of a task with a result, without the hyperparameter columns that are empty."""
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
    """Return the reason why a measure has no table, as a sentence; an empty text where it has one."""
    reason = str(table.attrs.get(REFUSED, ""))
    if not reason:
        return ""
    if "'adaptive'" in reason:
        return f"Adaptive design: {reason.partition('; ')[2] or reason}."
    return f"{reason[0].upper()}{reason[1:]}."


def nothing_learned(measured: Measured, task: str) -> str:
    """Return the reason why there is nothing to explain: no variant did better than the initial loss.

    The text is empty where a variant did better.
    """
    learned = bool(of_task(measured.overview, task)["learned"].any())
    return (
        ""
        if learned
        else f"No variant did better than {reference(measured.results, task)}, so there is nothing to "
        f"explain."
    )


def rows(table: pd.DataFrame, task: str, **wanted: Any) -> list[dict[str, Any]]:
    """Return the rows of a task whose value is known, as dictionaries.

    Keyword arguments restrict the rows to values of the columns of these names.
    """
    from sensitivity.results.results import records

    part = of_task(table, task)
    part = part[part["value"].notna()]
    for name, value in wanted.items():
        part = part[part[name] == value]
    return records(part)
