"""Any table with a row a trial, as Results."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from search_spaces.spaces import SearchSpace
from sensitivity.exchange.assembling import assemble
from sensitivity.exchange.cell_numbers import numbers_of
from sensitivity.exchange.column_names import bare_name, column_called
from sensitivity.exchange.column_roles import OWN_COLUMNS, Roles, column_roles, doubtful_results
from sensitivity.exchange.columns import Column, columns_of
from sensitivity.exchange.inferring import Spaces
from sensitivity.exchange.metric_columns import direction_of, metric_of
from sensitivity.exchange.nested_cells import flattened
from sensitivity.exchange.private_columns import without_homes
from sensitivity.exchange.table_files import nulls_are_nan, read_frame
from sensitivity.exchange.table_notes import role_notes
from sensitivity.exchange.table_trials import Empty, TableTrials
from sensitivity.exchange.tool_folders import read_folder, tool_of
from sensitivity.exchange.tool_tables import ToolTable
from sensitivity.exchange.trial import Direction, as_utf8
from sensitivity.results.results import Results
from trainables.names import InputError, unknown

NO_STATUS = "none"
"""Named as the column of the status: no column is one."""


def from_table(
    table: pd.DataFrame | str | pathlib.Path,
    *,
    hyperparameters: Sequence[str] | None = None,
    metric: str | None = None,
    direction: Direction | None = None,
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
    defaults: Mapping[str, Any] | None = None,
    rename: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
    statuses: Mapping[str, str] | None = None,
    empty: Empty | None = None,
    kind: str | None = None,
) -> Results:
    """Return the Results of a table.

    The table is a DataFrame, a file (CSV, TSV, JSON, Excel or Parquet), or what a tool writes: the folders of
    MLflow, TensorBoard, Hydra, Syne Tune, SMAC3, Keras Tuner, DeepCAVE and DeepOBS, the runs of the API of
    Weights & Biases as JSON, and Neptune's export.

    Args:
        hyperparameters: columns. Where none are named, those with a prefix such as ``config/``, ``params.``
            or ``hparams/``, under the rest of their name; else those that are nothing else
            (:mod:`sensitivity.exchange.column_roles`). An empty cell is a hyperparameter that the row does
            not have. What was taken and what was left out comes first in :attr:`Results.notes`.
        metric: column of the result. Where it is not named, the only result that trials can be judged by,
            validation before training. One that is not finite is a trial that diverged; an empty cell is
            none.
        direction: ``min`` or ``max``; by the metric's name where it is not given.
        variant: column; where there is none, all rows are one variant.
        task: column; where there is none, all rows are of one task.
        seed: column; where there is none, a configuration that comes again counts as another seed.
        status: column of how a trial ended, in the words of any tool; ``none`` where a column of that name is
            none.
        initial_loss: the metric before training, as a column or a number, which a diverged trial counts as;
            without it, it counts as the worst finite result of its task.
        epoch: column, in a table with a row for every epoch of a trial, or for every budget that a
            configuration was trained with.
        epochs: of a whole trial; as many as any has.
        scales: ``linear``, ``log``, ``log1m``, ``ordinal`` or ``categorical`` by hyperparameter; inferred
            where not given, and said.
        spaces: the search space (of every variant, or by variant), instead.
        design: how configurations were chosen; a grid is seen, anything else taken as ``random``.
        study: name in the report.
        defaults: values of hyperparameters, for the trials that lack them.
        rename: new names of hyperparameters by old ones. The learning rate is called ``lr``, unless it is
            renamed to its own name.
        ignore: columns to leave out.
        statuses: ``completed``, ``diverged``, ``stopped``, ``failed``, ``running`` or ``pending`` by word of
            the status column.
        empty: what a trial is that has no result, and no status that says why: ``diverged`` or ``failed``.
        kind: of a tool's file or folder, one of :data:`sensitivity.exchange.tool_folders.TOOLS`; recognised
            where it is not given.

    Raises:
        InputError: in one line, for a file that cannot be read, a column that is not there, text among
            numbers, a trial that is there twice, an empty table; and as a question, naming the option that
            answers it, for a doubt.

    >>> frame = pd.DataFrame({"lr": [0.001, 0.01, 0.1], "loss": [0.5, 0.2, float("nan")]})
    >>> results = from_table(frame, metric="loss")
    >>> list(results.trials["status"]), list(results.trials["loss"]), str(results.spaces["table"])
    (['completed', 'completed', 'diverged'], [0.5, 0.2, 0.5], 'lr: 0.001 to 0.1, log')
    """
    if empty not in (None, "diverged", "failed"):
        raise unknown("meaning of an empty metric (empty=, --empty)", empty, ("diverged", "failed"))
    source = "the table" if isinstance(table, pd.DataFrame) else repr(str(table))
    told = _read(table, kind)
    name = as_utf8(
        study
        or (
            "table"
            if isinstance(table, pd.DataFrame)
            else pathlib.Path(table).expanduser().resolve().name.partition(".")[0]
        )
    )
    columns = columns_of(_checked(told.frame, source))
    named_columns = {
        "variant": variant,
        "task": task,
        "seed": seed,
        "status": status,
        "epoch": epoch,
        "initial_loss": initial_loss,
    }
    named, closed = _named(named_columns, columns)
    metric = _called(metric or told.metric, columns)
    hyperparameters = _all_called(hyperparameters, columns)
    ignore = _all_called(ignore, columns) or []
    _check_names(columns, metric, named, hyperparameters, ignore)
    roles = column_roles(
        columns,
        named=named,
        metric=metric,
        hyperparameters=hyperparameters,
        ignore=ignore,
        closed=closed,
        searched=_searched(spaces),
    )
    directed = columns if direction else told.directions
    chosen = metric if metric is not None else metric_of(columns, roles.results, source, directed=directed)
    way, sentence = direction_of(columns, chosen, direction or told.directions.get(chosen), source)
    _check_roles(columns, roles, chosen, source)
    initial = f"initial_{bare_name(chosen)}"
    if "initial_loss" not in {*closed, *roles.named} and initial in columns:
        roles.named["initial_loss"] = initial
    is_exported = {"key", "epochs_done", "value", "loss"} <= set(columns)
    trials, assumed = TableTrials(
        columns,
        roles.hyperparameters,
        roles.named,
        chosen,
        name,
        initial_loss=float(initial_loss) if isinstance(initial_loss, (int, float)) else math.nan,
        statuses=statuses,
        empty=empty,
        null_is_nan=isinstance(table, pd.DataFrame) or nulls_are_nan(table),
        by_budget=epochs is None and _holds_budgets(columns, roles),
        others=_other_metrics(columns, roles, chosen, OWN_COLUMNS if is_exported else ()),
    ).read()
    return assemble(
        trials,
        source=source,
        study=name,
        metric=bare_name(chosen),
        direction=way,
        names=list(roles.hyperparameters.values()),
        scales=scales,
        spaces=spaces,
        known={trial.variant: told.domains for trial in trials} if told.domains else {},
        design=design,
        epochs=epochs if "epoch" in roles.named else 1,
        notes=[
            *role_notes(roles, chosen, hyperparameters is not None, OWN_COLUMNS if is_exported else ()),
            *sentence,
            *told.notes,
            *assumed,
        ],
        rename=rename,
        defaults=defaults,
    )


def _read(table: pd.DataFrame | str | pathlib.Path, kind: str | None) -> ToolTable:
    """Return a table with what its source says of it."""
    if isinstance(table, pd.DataFrame):
        tool_table = ToolTable(flattened(table.set_axis([str(name) for name in table.columns], axis=1)))
    elif not isinstance(table, (str, pathlib.Path)):
        raise InputError(f"a table must be a DataFrame or the path of a file, got {table!r}")
    else:
        place = pathlib.Path(table).expanduser()
        of_tool = kind is not None or place.is_dir() or tool_of(place) is not None
        tool_table = read_folder(place, kind) if of_tool else ToolTable(read_frame(place))
    frame = tool_table.frame.set_axis([str(name) for name in tool_table.frame.columns], axis=1)
    if frame.columns.has_duplicates:
        return replace(tool_table, frame=frame)
    shortened, sentences = without_homes(frame)
    return replace(tool_table, frame=shortened, notes=(*tool_table.notes, *sentences))


def _named(
    named_columns: Mapping[str, Any], columns: Mapping[str, Column]
) -> tuple[dict[str, str], set[str]]:
    """Return the columns that the user names, by role, and the roles that no column takes."""
    closed = {"initial_loss"} if isinstance(named_columns["initial_loss"], (int, float)) else set()
    named = {
        role: column_called(column, columns)
        for role, column in named_columns.items()
        if isinstance(column, str)
    }
    if named.get("status") == NO_STATUS and NO_STATUS not in columns:
        del named["status"]
        closed.add("status")
    return named, closed


def _called(name: str | None, columns: Mapping[str, Column]) -> str | None:
    return None if name is None else column_called(name, columns)


def _all_called(names: Sequence[str] | str | None, columns: Mapping[str, Column]) -> list[str] | None:
    listed = [names] if isinstance(names, str) else names
    return None if listed is None else [column_called(name, columns) for name in listed]


def _checked(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return a table without the rows that hold nothing.

    Raises:
        InputError: a column is there twice, or no row is left.
    """
    columns = list(frame.columns)
    if len(set(columns)) < len(columns):
        raise InputError(
            f"{source} has the column {next(name for name in columns if columns.count(name) > 1)!r} twice"
        )
    if frame.empty:
        raise InputError(f"{source} is empty: it has {len(columns)} columns and no rows")
    is_blank = frame.isna().all(axis=1)
    return frame if is_blank.all() else frame[~is_blank]


def _check_names(
    columns: Mapping[str, Column],
    metric: str | None,
    named: Mapping[str, str],
    hyperparameters: Sequence[str] | None,
    ignore: Sequence[str],
) -> None:
    """Raise InputError for a column that is not there, or that the user names for two roles."""
    used = {*named.values(), *([metric] if metric is not None else [])}
    for column in [*sorted(used), *(hyperparameters or ()), *ignore]:
        if column not in columns:
            raise unknown("column", column, list(columns))
    if hyperparameters is not None and not hyperparameters:
        raise InputError("hyperparameters names no column")
    twice = next((name for name in hyperparameters or () if name in used), None)
    if twice is not None:
        raise InputError(f"column {twice!r} cannot be a hyperparameter and something else")
    both = next((name for name in ignore if name in used or name in (hyperparameters or ())), None)
    if both is not None:
        raise InputError(f"column {both!r} cannot be left out (ignore=, --leave-out) and have a role")


def _check_roles(columns: Mapping[str, Column], roles: Roles, metric: str, source: str) -> None:
    """Check the roles: at least one hyperparameter or variants, distinct names, no doubtful result.

    Raises:
        InputError: one of the checks fails.
    """
    roles.left_out.pop(metric, None)
    roles.hyperparameters.pop(metric, None)
    if not roles.hyperparameters and "variant" not in roles.named:
        raise InputError(f"the table has no column left to be a hyperparameter, among {', '.join(columns)}")
    if len(set(roles.hyperparameters.values())) < len(roles.hyperparameters):
        raise InputError(f"two columns are the same hyperparameter: {', '.join(roles.hyperparameters)}")
    doubts = doubtful_results(columns, roles, metric)
    if doubts:
        raise InputError(
            f"is {doubts[0]!r} of {source} a result or a hyperparameter? Its name is a result's and its "
            f"values are levels; give ignore= (--leave-out {doubts[0]}) for a result, or name the "
            "hyperparameters (hyperparameters=, --hyperparameter)"
        )


def _other_metrics(
    columns: Mapping[str, Column], roles: Roles, metric: str, left_out: Collection[str]
) -> dict[str, str]:
    """Return the columns of results beside the metric, by the names that the stored epochs have for them."""
    taken = {*roles.named.values(), *left_out, metric}
    names = [name for name in roles.results if name not in taken and columns[name].is_number]
    reserved = {"key", "epoch", "seconds", bare_name(metric)}
    return {bare_name(name): name for name in names if bare_name(name) not in reserved}


def _searched(spaces: Spaces) -> set[str] | None:
    """Return the names of all hyperparameters of given spaces, None where none is given."""
    if spaces is None:
        return None
    return {
        name
        for space in ([spaces] if isinstance(spaces, SearchSpace) else spaces.values())
        for name in space.names
    }


def _holds_budgets(columns: Mapping[str, Column], roles: Roles) -> bool:
    """Return True for epochs that are budgets: recognised as such, or not whole."""
    if "epoch" not in roles.named:
        return False
    numbers = numbers_of(columns[roles.named["epoch"]])
    return "epoch" in roles.inferred or any(
        number is not None and not float(number).is_integer() for number in numbers
    )
