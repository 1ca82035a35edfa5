"""Any table with a row a trial, as Results."""

from __future__ import annotations

import decimal
import itertools
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from search_spaces.values import python_value
from sensitivity.imported import ENDED, Direction, Imported, as_utf8, assemble
from sensitivity.imported_spaces import Spaces
from sensitivity.reading_files import read_frame
from sensitivity.results import TIMES, Results
from trainables.names import InputError, unknown

METRICS = ("value", "loss")
"""Columns that are the metric where none is named."""
ROLES = {"variant": ("variant",), "task": ("task",), "seed": ("seed",), "status": ("status", "state"), "initial_loss": ("initial_loss",)}
"""Columns that are taken for a role where none is named."""
PREFIXES = ("config/", "params_")
"""Before the names of hyperparameters in our own tables, in Ray Tune's and in Optuna's."""
OTHERS = ("key", "number", "seconds", *TIMES, "epochs_done", "error")
STATUS_WORDS = {
    "completed": ("completed", "complete", "terminated", "success", "succeeded", "finished", "ok", "done"),
    "diverged": ("diverged", "nan", "inf"),
    "stopped": ("stopped", "pruned", "early_stopped", "killed"),
    "failed": ("failed", "fail", "error", "errored", "crashed", "oom", "timeout"),
    "running": ("running", "paused"),
    "pending": ("pending", "waiting", "queued"),
}
MOST_TEXTS = 20


def from_table(
    table: pd.DataFrame | str | pathlib.Path,
    *,
    hyperparameters: Sequence[str] | None = None,
    metric: str | None = None,
    direction: Direction = "min",
    variant: str | None = None,
    task: str | None = None,
    seed: str | None = None,
    status: str | None = None,
    initial_loss: str | float | None = None,
    epoch: str | None = None,
    epochs: int | None = None,
    scales: Mapping[str, str] | None = None,
    spaces: Spaces = None,
    design: str | None = None,
    study: str | None = None,
) -> Results:
    """Results of a table: a DataFrame, or a CSV, TSV or Parquet file.

    Args:
        hyperparameters: columns; those that begin with ``config/`` or ``params_`` (under the rest of their name) where none are named, or
            every column that is nothing else, where none begins so. An empty cell is a hyperparameter that the row does not have.
        metric: column of the result; ``value`` or ``loss`` where it is not named. One that is not finite is a trial that diverged.
        direction: ``min`` or ``max``. variant, task, seed: columns; where there is none, all rows are one variant of one task, and a
            configuration that comes again counts as another seed.
        status: column of how a trial ended, in our words, Optuna's or Ray Tune's. initial_loss: the metric before training, as a column or
            a number, which a diverged trial counts as; without it, it counts as the worst finite result of its task.
        epoch: column, in a table with a row for every epoch of a trial. epochs: of a whole trial; as many as any has.
        scales: ``linear``, ``log``, ``log1m``, ``ordinal`` or ``categorical`` by hyperparameter; inferred where not given, and said in
            :attr:`Results.notes`. spaces: the search space (of every variant, or by variant), instead.
        design: how configurations were chosen; a full grid is seen, anything else taken as ``random``. study: what the report calls it.

    Raises: InputError, in one line, for a file that cannot be read, a column that is not there, text among numbers, a trial that is there
        twice, an empty table.

    >>> frame = pd.DataFrame({"lr": [0.001, 0.01, 0.1], "loss": [0.5, 0.2, float("nan")]})
    >>> results = from_table(frame, metric="loss")
    >>> list(results.trials["status"]), list(results.trials["loss"]), str(results.spaces["table"])
    (['completed', 'completed', 'diverged'], [0.5, 0.2, 0.5], 'lr: 0.001 to 0.1, log')
    """
    if not isinstance(table, (pd.DataFrame, str, pathlib.Path)):
        raise InputError(f"a table must be a DataFrame or the path of a file, got {table!r}")
    hyperparameters = [hyperparameters] if isinstance(hyperparameters, str) else hyperparameters
    frame, source = (table, "the table") if isinstance(table, pd.DataFrame) else (read_frame(table), repr(str(table)))
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    columns = list(frame.columns)
    if len(set(columns)) < len(columns):
        raise InputError(f"{source} has the column {next(each for each in columns if columns.count(each) > 1)!r} twice")
    if frame.empty:
        raise InputError(f"{source} is empty: it has {len(columns)} columns and no rows")
    name = as_utf8(study or (pathlib.Path(table).name.partition(".")[0] if not isinstance(table, pd.DataFrame) else "table"))
    metric = metric or next((each for each in METRICS if each in columns), None)
    if metric is None:
        raise InputError(f"name the column of the metric (metric=, --metric): {source} has {', '.join(columns)}")
    given = {"variant": variant, "task": task, "seed": seed, "status": status, "epoch": epoch}
    if isinstance(initial_loss, str):
        given["initial_loss"] = initial_loss
    for column in [metric, *filter(None, given.values()), *(hyperparameters or ())]:
        if column not in columns:
            raise unknown("column", column, columns)
    taken = {metric, *(hyperparameters or ()), *filter(None, given.values())}
    for role, usual in ROLES.items():
        if given.get(role) is None and not (role == "initial_loss" and initial_loss is not None):
            given[role] = next((each for each in usual if each in columns and each not in taken), None)
    used = {metric, *filter(None, given.values())}
    twice = [each for each in hyperparameters or () if each in used]
    if twice:
        raise InputError(f"column {twice[0]!r} cannot be a hyperparameter and something else")
    names, notes = _hyperparameters(frame, hyperparameters, used)
    if len(set(names.values())) < len(names):
        raise InputError(f"two columns are the same hyperparameter: {', '.join(names)}")
    trials = _trials(frame, names, metric, {role: column for role, column in given.items() if column}, initial_loss, name)
    return assemble(
        trials,
        source=source,
        study=name,
        metric=metric,
        direction=direction,
        names=list(names.values()),
        scales=scales,
        spaces=spaces,
        design=design,
        epochs=epochs if epoch else 1,
        notes=notes,
    )


def _hyperparameters(frame: pd.DataFrame, given: Sequence[str] | None, used: set[str]) -> tuple[dict[str, str], list[str]]:
    """The columns of the hyperparameters with their names, and what was inferred of that."""
    if given is not None:
        if not given:
            raise InputError("hyperparameters names no column")
        return {column: _bare(column) for column in given}, []
    free = [name for name in frame.columns if name not in used and name not in OTHERS and name and not name.startswith("Unnamed: ")]
    prefixed = [name for name in free if name.startswith(PREFIXES)]
    if prefixed:
        return {column: _bare(column) for column in prefixed}, []
    odd = [name for name in free if _is_label(frame[name])]
    found = [name for name in free if name not in odd]
    if not found:
        raise InputError(f"the table has no column left to be a hyperparameter, among {', '.join(frame.columns)}")
    left = f"; left out as labels: {', '.join(odd)}" if odd else ""
    return {name: name for name in found}, [f"Taken for hyperparameters, as none were named: {', '.join(found)}{left}."]


def _bare(column: str) -> str:
    return next((column.removeprefix(each) for each in PREFIXES if column.startswith(each) and column != each), column)


def _is_label(column: pd.Series[Any]) -> bool:
    """Whether a column names rows: text of which there are many, or dates."""
    texts = [each for each in column if isinstance(each, str)]
    if not texts:
        return bool(pd.api.types.is_datetime64_any_dtype(column))
    return len(set(texts)) > MOST_TEXTS or (len(texts) > 3 and len(set(texts)) == len(texts) == len(column))


def _trials(
    frame: pd.DataFrame, names: Mapping[str, str], metric: str, roles: Mapping[str, str], initial_loss: str | float | None, study: str
) -> list[Imported]:
    size = len(frame)
    values = _numbers(frame, metric)
    seconds = _numbers(frame, "seconds") if "seconds" in frame and metric != "seconds" and "seconds" not in names else [math.nan] * size
    start = _numbers(frame, roles["initial_loss"]) if "initial_loss" in roles else [float(initial_loss or math.nan)] * size
    if isinstance(initial_loss, (int, float)):
        start = [float(initial_loss)] * size
    variants, tasks = (_labels(frame, roles[role]) if role in roles else [study] * size for role in ("variant", "task"))
    seeds: Sequence[int | None] = _whole(frame, roles["seed"]) if "seed" in roles else [None] * size
    statuses = [_status(each, row) for row, each in enumerate(frame[roles["status"]], 1)] if "status" in roles else [ENDED] * size
    steps = _whole(frame, roles["epoch"]) if "epoch" in roles else [1] * size
    cells = {name: [_value(each) for each in frame[column].astype(object)] for column, name in names.items()}
    configurations = [{name: column[i] for name, column in cells.items() if not _missing(column[i])} for i in range(size)]
    if "epoch" not in roles:
        _no_copies(configurations, values, variants, tasks, seeds)
    groups: dict[Any, list[int]] = {}
    for i in range(size):
        what = i if "epoch" not in roles else (tasks[i], variants[i], seeds[i], repr(configurations[i]))
        groups.setdefault(what, []).append(i)
    trials = []
    for rows in groups.values():
        rows = sorted(rows, key=lambda i: steps[i])
        again = [i for i, j in itertools.pairwise(rows) if steps[i] == steps[j]]
        if again:
            raise InputError(f"row {again[0] + 1} has the same trial and the same {roles['epoch']} as another")
        first, last = rows[0], rows[-1]
        started = statuses[last] not in ("pending",) and not (statuses[last] in ("running", "failed") and math.isnan(values[last]))
        trials.append(
            Imported(
                f"row {first + 1}", configurations[first], statuses[last], [(steps[i], values[i]) for i in rows] if started else [],
                variants[first], tasks[first], seeds[first], sum(seconds[i] for i in rows), start[first],
            )
        )  # fmt: skip
    return trials


def _no_copies(
    configurations: Sequence[Mapping[str, Any]],
    values: Sequence[float],
    variants: Sequence[str],
    tasks: Sequence[str],
    seeds: Sequence[Any],
) -> None:
    """Rows without a seed that agree to the last digit of the result are copies of one trial, not two that came out alike."""
    seen: dict[Any, int] = {}
    for i, value in enumerate(values):
        what = (tasks[i], variants[i], repr(configurations[i]), value)
        if seeds[i] is None and math.isfinite(value) and seen.setdefault(what, i) != i:
            raise InputError(
                f"rows {seen[what] + 1} and {i + 1} are the same trial twice ({dict(configurations[i])!r}, {value!r}); "
                "leave one out, or name the column of the seed (seed=, --seed)"
            )


def _numbers(frame: pd.DataFrame, column: str) -> list[float]:
    """A column as floats, NaN where it is empty. Raises: InputError for text, naming the row."""
    found = []
    for row, each in enumerate(frame[column].astype(object), 1):
        try:
            found.append(math.nan if _missing(each) or each == "None" else float(each))
        except (TypeError, ValueError):
            raise InputError(f"column {column!r} must hold numbers, got {each!r} in row {row}") from None
    return found


def _whole(frame: pd.DataFrame, column: str) -> list[int]:
    found = []
    for row, each in enumerate(_numbers(frame, column), 1):
        if not each.is_integer():  # nor is NaN or infinity
            raise InputError(f"column {column!r} must hold whole numbers, got {each!r} in row {row}")
        found.append(int(each))
    return found


def _labels(frame: pd.DataFrame, column: str) -> list[str]:
    for row, each in enumerate(frame[column].astype(object), 1):
        if _missing(each) or str(each) == "":
            raise InputError(f"column {column!r} must name something in every row, got nothing in row {row}")
    return [str(python_value(each)) for each in frame[column].astype(object)]


def _status(word: Any, row: int) -> str:
    if _missing(word):
        return ENDED
    for status, words in STATUS_WORDS.items():
        if str(word).strip().casefold().removeprefix("trialstate.") in words:
            return status
    raise InputError(f"{unknown('status', word, [each for words in STATUS_WORDS.values() for each in words])} in row {row}")


def _value(cell: Any) -> Any:
    """What a cell holds; the exact decimals of Parquet as floats."""
    return float(cell) if isinstance(cell, decimal.Decimal) else python_value(cell)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))
