"""Numbers of sentences and cells with the ids of the table cells that they print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from sensitivity.text import wording
from sensitivity.text.quantities import quantity
from sensitivity.text.wording import number, with_interval

if TYPE_CHECKING:
    import pandas as pd

Row: TypeAlias = "Mapping[Any, Any] | pd.Series[Any]"
PLACE, PAIR = ("task", "variant"), ("task", "a", "b")
KEYS: Mapping[str, tuple[str, ...]] = {
    "lr_curve": (*PLACE, "lr"), "miss_cost": (*PLACE, "factor"), "danger_zone": (*PLACE, "lr"),
    "stability_boundary": (*PLACE, "other", "level"), "trials": ("key",), "main_effects": (*PLACE, "effect"),
    "seed_noise": (*PLACE, "effect"), "variance_shares": (*PLACE, "effect", "order"),
    "estimators": (*PLACE, "effect", "estimator"), "expected_best": (*PLACE, "k"),
    "win_probability": (*PLACE, "k"), "relative_performance": (*PLACE, "k"),
    "tunability": (*PLACE, "kind", "hyperparameters"), "tuning_order": (*PLACE, "step"),
    "ridges": (*PLACE, "one", "other"), "best_rates": (*PLACE, "other", "level"),
    "verdicts": (*PAIR, "by"), "comparisons": PAIR, "differences": PAIR, "ranks": (*PLACE, "by"),
    "tuned_ranks": (*PLACE, "by"), "rank_correlation": ("variant", "a", "b"),
    "cross_task_sensitivity": ("variant",), "effective_dimensionality": ("variant",),
    "transfer_regret": ("variant", "source", "target"), "performance_profiles": ("variant", "ratio"),
    "learning_curves": (*PLACE, "epoch"), "verdicts_by_epoch": ("task", "epochs"),
    "conclusion_changes": ("task", "change"), "caveats": ("kind", "place"),
    "course": ("status",), "failures": ("error",),
}  # fmt: skip
"""Columns that tell the rows of a table apart; of any other table, task and variant."""
KINDS = (
    "caption", "column", "command", "constant", "count", "figure", "provenance", "reason", "setting",
    "settings", "specification",
)  # fmt: skip
"""Kinds of numbers that are no cell of a table; those of a figure's title, subtitle and caption, and of the
heads of tables, are texts with numbers."""


def cell_names(table: str, row: Row, *columns: object) -> list[object]:
    """Return the names in the id of a cell.

    Args:
        table: Name of the table.
        row: The row, with the columns of :data:`KEYS`.
        columns: The column, and further names of a part of the cell, or of how it is printed: ``metric`` in
            the sign of the metric, ``size`` without its sign, ``negative`` with the other one.
    """
    return [table, *(row[name] for name in KEYS.get(table, PLACE)), *columns]


def cell(text: object, table: str, row: Row, *columns: object) -> str:
    """Mark a text as that of a cell."""
    return quantity(text, *cell_names(table, row, *columns))


def uncut(table: str, row: Row, column: str) -> str:
    """Return a cell as it is, marked."""
    return cell(row[column], table, row, column)


def interval(table: str, row: Row, column: str = "value", form: str = ".3g") -> str:
    """Return a cell and its interval, marked."""
    return cell(with_interval(row, "" if column == "value" else column, form=form), table, row, column)


def share(table: str, row: Row, column: str = "value") -> str:
    """Return a share and its interval in per cent, marked."""
    return interval(table, row, column, ".0%")


def constant(text: object, name: str) -> str:
    """Mark a number that no study changes."""
    return quantity(text, "constant", name)


def count(number_of: int, *names: object) -> str:
    """Return a number of things, marked.

    Args:
        number_of: The number.
        names: What is counted, and where.
    """
    return quantity(f"{number_of:,}", "count", *names)


def setting(configuration: Mapping[Any, object], table: str, row: Row, column: str = "configuration") -> str:
    """Return a configuration as text, with each of its values marked as a part of a cell."""
    return ", ".join(
        f"{name} {cell(number(value), table, row, column, name)}" for name, value in configuration.items()
    )


def several(words: Iterable[str], most: int = wording.MOST) -> str:
    """Join words as :func:`sensitivity.text.wording.several` does, with the number of the others marked."""
    return wording.several(words, most, more=_left_out)


def _left_out(number_of: int) -> str:
    return quantity(number_of, "count", "more")
