"""The trials of a table whose columns have their roles: a row each, or a row for every epoch of each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from sensitivity.exchange.cell_numbers import numbers_of, seconds_of, whole_number_of
from sensitivity.exchange.columns import Column, is_missing
from sensitivity.exchange.status_words import UNFINISHED, is_flag, status_in, statuses_of, words_in
from sensitivity.exchange.trial import ENDED, Imported
from sensitivity.text.wording import listed
from trainables.names import InputError

Empty = Literal["diverged", "failed"]

MOST_BUDGETS = 8


@dataclass(frozen=True)
class TableTrials:
    """Trials of a table.

    columns: of the table, by name.
    names: of hyperparameters, by column.
    roles: column by role.
    metric: column of the metric.
    study: label of variant and task, where no column has one.
    initial_loss: the metric before training of all trials; NaN where a column has it or it is not known.
    statuses: by word, as the user gives them.
    empty: what a trial with an empty metric and no status is; None for a question.
    null_is_nan: NaN may also be an empty cell, which only a status can tell.
    by_budget: the epochs are budgets: a trial is whole at the largest, however many of the others it had.
    others: columns of other metrics, by the metric's name.
    """

    columns: Mapping[str, Column]
    names: Mapping[str, str]
    roles: Mapping[str, str]
    metric: str
    study: str
    initial_loss: float
    statuses: Mapping[str, str] | None
    empty: Empty | None
    null_is_nan: bool
    by_budget: bool
    others: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> tuple[list[Imported], list[str]]:
        """Return the trials, and sentences on the assumptions about them.

        Raises:
            InputError: a cell does not fit its column's role.
        """
        size = len(self.columns[self.metric].cells)
        values, said = self._results()
        seconds = (
            seconds_of(self.columns[self.roles["seconds"]]) if "seconds" in self.roles else [math.nan] * size
        )
        start = self._initial(size)
        statuses = [
            said[row] if said[row] and status in (ENDED, "completed") else status
            for row, status in enumerate(self._statuses(size))
        ]
        variants, tasks = (self._labels(role, statuses) for role in ("variant", "task"))
        seeds = self._seeds(statuses)
        steps, notes = self._steps(size)
        cells = {name: self.columns[column].cells for column, name in self.names.items()}
        metrics = {name: numbers_of(self.columns[column]) for name, column in self.others.items()}
        configurations = [
            {name: column[i] for name, column in cells.items() if not is_missing(column[i])}
            for i in range(size)
        ]
        notes += self._copies(configurations, values, variants, tasks, seeds)
        notes += self._unnamed(variants, tasks, statuses)
        groups: dict[Any, list[int]] = {}
        for i in range(size):
            if not (variants[i] and tasks[i]):
                continue
            what = (
                i if "epoch" not in self.roles else (tasks[i], variants[i], seeds[i], repr(configurations[i]))
            )
            groups.setdefault(what, []).append(i)
        trials, silent = [], 0
        for group in groups.values():
            rows = sorted(group, key=lambda i: steps[i])
            repeated = next((i for i, j in itertools.pairwise(rows) if steps[i] == steps[j]), None)
            if repeated is not None:
                raise InputError(
                    f"row {repeated + 1} has the same trial and the same {self.roles['epoch']} as another"
                )
            first, last = rows[0], rows[-1]
            status, reports = self._outcome(statuses[last], [(steps[i], values[i]) for i in rows])
            silent += status == "completed" and not reports
            if self.by_budget and status in (ENDED, "completed") and reports:
                status = "completed" if reports[-1][0] == max(steps) else "stopped"
            total = (
                sum(seconds[i] for i in rows if not math.isnan(seconds[i]))
                if any(seconds[i] == seconds[i] for i in rows)
                else math.nan
            )
            trials.append(
                Imported(
                    f"row {first + 1}", configurations[first], status, reports, variants[first],
                    tasks[first], seeds[first],
                    total, start[first],
                    metrics={
                        name: {steps[i]: number for i in rows if (number := numbers[i]) is not None}
                        for name, numbers in metrics.items()
                    },
                )
            )  # fmt: skip
        return trials, [*notes, *self._silent(trials, silent)]

    def _outcome(
        self, status: str, cells: Sequence[tuple[int, float | None]]
    ) -> tuple[str, list[tuple[int, float]]]:
        """Return the status and the reports of a trial from its word and its cells; without a word, ENDED."""
        reports = [(step, value) for step, value in cells if value is not None]
        if status in UNFINISHED and self.null_is_nan:
            while reports and math.isnan(reports[-1][1]):
                reports.pop()
        if status == "failed" and reports and math.isnan(reports[-1][1]):
            return status, []
        if not reports and (
            status == "diverged" or (status in (ENDED, "completed") and self.empty == "diverged")
        ):
            return "diverged", [(cells[-1][0], math.nan)]
        if not reports and status == ENDED and self.empty == "failed":
            return "failed", []
        return ("pending", []) if status == "pending" else (status, reports)

    def _silent(self, trials: Sequence[Imported], silent: int) -> list[str]:
        """Return sentences on trials without a result.

        Raises:
            InputError: nothing tells if such trials diverged or failed.
        """
        unknown = sum(trial.status == ENDED and not trial.reports for trial in trials)
        if unknown:
            raise InputError(
                f"column {self.metric!r} is empty in {unknown} of {len(trials)} trials, and no status says "
                "why; give empty='diverged' or empty='failed' (--empty diverged, --empty failed)"
            )
        if not silent:
            return []
        return [
            f"No {self.metric} in {silent} of {len(trials)} trials that ended by their status: they count as "
            "failed (--empty diverged if they diverged)."
        ]

    def _results(self) -> tuple[list[float | None], list[str]]:
        """Return the results of the rows, and the statuses that stand in place of one."""
        column = self.columns[self.metric]
        said = [status_in(cell) or "" for cell in column.cells]
        numeric = [None if word else cell for cell, word in zip(column.cells, said, strict=True)]
        return numbers_of(Column(column.name, numeric)), said

    def _initial(self, size: int) -> list[float]:
        if "initial_loss" not in self.roles:
            return [self.initial_loss] * size
        return [
            math.nan if value is None else value
            for value in numbers_of(self.columns[self.roles["initial_loss"]])
        ]

    def _labels(self, role: str, statuses: Sequence[str]) -> list[str]:
        """Return the variant or the task of every row.

        A row that did not finish may have an empty label.
        """
        if role not in self.roles:
            return [self.study] * len(statuses)
        column = self.columns[self.roles[role]]
        labels = ["" if is_missing(cell) else _label(cell, column) for cell in column.cells]
        for row, (label, status) in enumerate(zip(labels, statuses, strict=True), 1):
            if not label and status not in UNFINISHED:
                raise InputError(
                    f"column {column.name!r} must name something in every row, got nothing in row {row}"
                )
        return labels

    def _unnamed(self, variants: Sequence[str], tasks: Sequence[str], statuses: Sequence[str]) -> list[str]:
        """Return what is said of rows that have no variant or no task."""
        sentences = []
        for role, labels in (("variant", variants), ("task", tasks)):
            words = [status for label, status in zip(labels, statuses, strict=True) if not label]
            if words:
                of = f"{len(words)} of {len(statuses)} rows ({listed(list(dict.fromkeys(words)))})"
                sentences.append(f"Left out, having no {self.roles[role]}: {of}.")
        return sentences

    def _statuses(self, size: int) -> list[str]:
        if "status" not in self.roles:
            return [ENDED] * size
        column = self.columns[self.roles["status"]]
        words = words_in(column) if is_flag(column) and not self.statuses else column.cells
        return statuses_of(words, self.statuses, column=column.name)

    def _seeds(self, statuses: Sequence[str]) -> list[int | None]:
        """Return the seed of every row; a row that did not finish may have none."""
        if "seed" not in self.roles:
            return [None] * len(statuses)
        column = self.columns[self.roles["seed"]]
        lacking = [
            is_missing(cell) and status in UNFINISHED
            for cell, status in zip(column.cells, statuses, strict=True)
        ]
        return [None if none else whole_number_of(column, row) for row, none in enumerate(lacking)]

    def _steps(self, size: int) -> tuple[list[int], list[str]]:
        """Return the epoch of every row, and sentences on ranks.

        A fractional budget is replaced by its rank among all budgets.
        """
        if "epoch" not in self.roles:
            return [1] * size, []
        column = self.columns[self.roles["epoch"]]
        budgets = numbers_of(column)
        for row, value in enumerate(budgets, 1):
            if value is None or not math.isfinite(value):
                raise InputError(
                    f"column {column.name!r} must hold numbers, got {column.cells[row - 1]!r} in row {row}"
                )
        levels = sorted({value for value in budgets if value is not None})
        if not self.by_budget:
            return [whole_number_of(column, row) for row in range(size)], []
        ranks = {level: rank for rank, level in enumerate(levels, 1)}
        words = ", ".join(f"{level:.6g}" for level in levels[:MOST_BUDGETS]) + (
            ", ..." if len(levels) > MOST_BUDGETS else ""
        )
        if levels == list(range(1, len(levels) + 1)):
            return [int(value) for value in budgets if value is not None], []
        note = (
            f"Budgets, in column {column.name}, count as epochs 1 to {len(levels)}: {words}. A trial is "
            "whole at the largest."
        )
        return [ranks[value] for value in budgets if value is not None], [note]

    def _copies(
        self,
        configurations: Sequence[Mapping[str, Any]],
        values: Sequence[float | None],
        variants: Sequence[str],
        tasks: Sequence[str],
        seeds: Sequence[int | None],
    ) -> list[str]:
        """Return sentences on repetitions with equal results.

        Raises:
            InputError: the whole table is there more than once.
        """
        if "epoch" in self.roles or "seed" in self.roles:
            return []
        rows = [repr([column.cells[i] for column in self.columns.values()]) for i in range(len(values))]
        counts = pd.Series(rows).value_counts()
        if counts.min() > 1 and counts.nunique() == 1 and not all(value is None for value in values):
            again = rows.index(rows[0], 1) + 1
            raise InputError(
                f"every row of the table is there {counts.iloc[0]} times: rows 1 and {again} are the same "
                f"trial twice ({dict(configurations[0])!r}, {values[0]!r}); leave the copies out, or name "
                "the column of the seed (seed=, --seed)"
            )
        whole = pd.DataFrame(
            {
                "configuration": list(zip(tasks, variants, map(repr, configurations), strict=True)),
                "value": values,
            }
        )
        equal = whole[whole["value"].notna()].groupby(["configuration", "value"]).size()
        equal = equal[equal > 1]
        if equal.empty:
            return []
        count = len(equal.index.unique(0))
        of = "one configuration" if count == 1 else f"{count} configurations"
        return [
            f"Repetitions of {of} have the same {self.metric} to the last digit ({equal.sum()} rows); they "
            "count as seeds."
        ]


def _label(cell: Any, column: Column) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and column.is_whole else str(cell)
