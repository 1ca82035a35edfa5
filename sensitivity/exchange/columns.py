"""A column of a table of results: its name, its values, and properties of both."""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from search_spaces.values import python_value, read_value
from sensitivity.exchange.column_names import Group, bare_name, group_of, leaf_of
from sensitivity.study.metric_names import MAXIMISED, MINIMISED, tokens_of

MOST_TEXTS = 20
"""Texts of a choice; a column with more of them names rows."""
DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]|$)|\d+ days? |\d+:\d\d(:\d\d)?(\.\d+)?$")
RESULT_TOKENS = MINIMISED | MAXIMISED | {"score", "scores", "objective", "objectives", "metric", "fitness"}
RESULT_NAMES = frozenset(
    {"value", "values", "value0", "value1", "0", "1", "2", "target", "result", "performance"}
)
"""Names of results that say nothing else; 0 and 1 are Optuna's ``values_0`` and ``values_1``."""
SETTING_TOKENS = frozenset(
    {
        "weight", "weights", "coef", "coeff", "coefficient", "coefs", "scale", "scaling", "factor",
        "ratio", "lambda", "bound", "bounds",
        "target", "clip", "clipping", "threshold", "tol", "tolerance", "fn", "function", "func", "type",
        "kind", "margin", "alpha", "beta",
        "gamma", "temperature", "smoothing", "decay", "discount", "penalty", "warmup", "schedule", "bits",
        "dim", "window", "horizon",
        "every", "steps", "power", "exponent", "size", "batches", "grad", "lr",
        "learning", "dropout", "multiplier", "normalization", "norm",
        "reduction", "estimator", "prior", "anneal", "annealing", "regularization", "reg",
    }
)  # fmt: skip
"""Words that turn the name of a result into that of a setting.

Examples: ``kl_weight``, ``error_bound``, ``reward_scale``.
"""
MEASUREMENTS = frozenset(
    {
        "nparams", "numparams", "nparameters", "numparameters", "parametercount", "paramcount",
        "paramscount", "totalparams",
        "trainableparams", "modelsize", "flops", "gflops", "macs", "memory", "peakmemory", "gpumemory",
        "memoryusage", "maxmemory", "throughput", "samplespersecond",
        "imagespersecond", "tokenspersecond", "stepspersecond", "fps", "gradnorm", "bestepoch", "beststep",
        "bestiteration",
        "epochsdone", "laststep", "lastepoch", "stoppedepoch", "preemptioncount", "cpuutil", "gpuutil",
        "done", "pruned", "converged", "success", "succeeded", "completed", "finished",
    }
)  # fmt: skip
"""Names of what a run measures beside its results."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    name: as the table has it.
    cells: one a row; None or NaN where it is empty.
    """

    name: str
    cells: Sequence[Any]

    @cached_property
    def group(self) -> Group:
        return group_of(self.name)

    @cached_property
    def leaf(self) -> str:
        return leaf_of(self.name)

    @cached_property
    def leaf_name(self) -> str:
        """The innermost name, as the table has it."""
        return bare_name(self.name).replace("/", ".").rpartition(".")[2]

    @cached_property
    def tokens(self) -> frozenset[str]:
        return frozenset(tokens_of(bare_name(self.name)))

    @cached_property
    def values(self) -> list[Any]:
        """The cells of the column that are neither empty nor NaN."""
        return [cell for cell in self.cells if not is_missing(cell)]

    @cached_property
    def distinct(self) -> int:
        return len({value if isinstance(value, (str, int, float)) else repr(value) for value in self.values})

    @cached_property
    def is_number(self) -> bool:
        """Return True for numbers, NaN among them."""
        filled = [cell for cell in self.cells if cell is not None and cell is not pd.NA]
        return bool(filled) and all(
            isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in filled
        )

    @cached_property
    def is_whole(self) -> bool:
        return (
            bool(self.values) and self.is_number and all(float(value).is_integer() for value in self.values)
        )

    @cached_property
    def is_text(self) -> bool:
        return bool(self.values) and all(isinstance(value, str) for value in self.values)

    @cached_property
    def is_date(self) -> bool:
        """Return True for moments and durations, also as text."""
        if self.is_text:
            return all(DATE.match(value) for value in self.values)
        return bool(self.values) and all(hasattr(value, "isoformat") for value in self.values)

    @cached_property
    def is_constant(self) -> bool:
        return self.distinct == 1 and len(self.values) == len(self.cells)

    @cached_property
    def is_unique(self) -> bool:
        """Return True if nearly every row has a value of its own."""
        return len(self.values) > 1 and self.distinct >= 0.95 * len(self.values)

    @cached_property
    def counts_rows(self) -> bool:
        """Return True for 0, 1, 2 ... or 1, 2, 3 ... down the table."""
        filled = self.is_whole and len(self.values) == len(self.cells)
        return (
            filled
            and self.values[0] in (0, 1)
            and all(value - self.values[0] == i for i, value in enumerate(self.values))
        )

    @cached_property
    def is_label(self) -> bool:
        """Return True for texts that name rows, of which there are many."""
        texts = [value for value in self.values if isinstance(value, str)]
        return len(set(texts)) > MOST_TEXTS or (
            len(texts) > 3 and len(set(texts)) == len(texts) == len(self.cells)
        )

    @cached_property
    def _is_written_number(self) -> bool:
        """Return True for texts that are mostly numbers."""
        written = [
            value
            for value in self.values
            if not isinstance(value, bool) and not isinstance(read_value(value), str)
        ]
        return (
            bool(written)
            and 2 * len(written) >= len(self.values)
            and not any(isinstance(value, bool) for value in self.values)
        )

    @cached_property
    def names_result(self) -> bool:
        """Return True for numbers with the name of a result, which no word makes the name of a setting."""
        if not (self.is_number or self._is_written_number) or self.group == "hyperparameters":
            return False
        if self.leaf in RESULT_NAMES:
            return self.group == "results" or not self.leaf.isdigit()
        return bool(self.tokens & RESULT_TOKENS) and not self.tokens & SETTING_TOKENS


def is_missing(value: Any) -> bool:
    """Return True for a cell that holds nothing, or NaN.

    >>> is_missing(None), is_missing(float("nan")), is_missing("None"), is_missing(0)
    (True, True, False, False)
    """
    return (
        value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))
    )


def columns_of(frame: pd.DataFrame) -> dict[str, Column]:
    """Return the columns of a table by name, with cells as Python values.

    Decimals of Parquet become floats.
    """
    return {
        str(name): Column(str(name), [_plain(cell) for cell in column.astype(object)])
        for name, column in frame.items()
    }


def _plain(cell: Any) -> Any:
    if isinstance(cell, np.ndarray):  # a list in Parquet
        return cell.tolist()
    return float(cell) if isinstance(cell, decimal.Decimal) else python_value(cell)
