"""The Parquet files of Neptune's exporter: a row an attribute, or a row a point of a series."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sensitivity.exchange.tool_tables import ToolTable, frame_of
from sensitivity.text.wording import listed
from trainables.names import InputError

PARQUET = (".parquet", ".pq")
COLUMNS = ("project_id", "run_id", "attribute_path", "attribute_type")
DEPTHS = ("*.parquet", "*/*.parquet", "*/*/*.parquet")
VALUES = {
    "float": "float_value",
    "int": "int_value",
    "string": "string_value",
    "bool": "bool_value",
}
"""Column of the value by type of an attribute; moments, sets and files are passed over."""
SERIES = "float_series"
CONFIGS = ("parameters", "params", "config", "configs", "hparams", "hyperparameters", "hyperparams", "cfg")
"""First parts of the paths of hyperparameters."""
METRICS = ("metrics", "metric")
"""First parts of the paths of results."""
PASSED_OVER = ("sys", "monitoring", "source_code", "artifacts", "runtime", "git")
"""First parts of the paths of what Neptune records by itself."""
FAILED, STATE = "sys/failed", "sys/state"


def is_neptune(place: pathlib.Path) -> bool:
    """Return True for a Parquet file of Neptune's exporter, or a folder of them."""
    first = next(iter(_files(place)), None)
    return first is not None and _is_export(first)


def read_neptune(place: pathlib.Path) -> ToolTable:
    """Return a row for each run, with its parameters and the last value of every series.

    The task is the project where there are several. A run failed if Neptune says so (``sys/failed``).

    Source:
        https://docs.neptune.ai/migration/neptune_3
    """
    import pyarrow

    frames = []
    for path in _files(place):
        if not _is_export(path):
            continue
        try:
            frames.append(pd.read_parquet(path))
        except (OSError, pyarrow.ArrowException) as error:
            raise InputError(f"cannot read {str(path)!r}: {' '.join(str(error).split())}") from None
    if not frames or not sum(map(len, frames)):
        raise InputError(f"{str(place)!r} holds no runs of Neptune")
    runs: dict[tuple[str, str], dict[str, Any]] = {}
    for frame in frames:
        for (project, run), rows in frame.groupby(["project_id", "run_id"], sort=False):
            _add(runs.setdefault((str(project), str(run)), {}), rows)
    projects = list(dict.fromkeys(project for project, _ in runs))
    names = {project: project.rpartition("/")[2] for project in projects}
    rows_of_runs = [
        entries
        | {"status": _status(entries), "run_id": run}
        | ({"task": names[project]} if len(projects) > 1 else {})
        for (project, run), entries in runs.items()
    ]
    table = frame_of(rows_of_runs).drop(columns=[FAILED, STATE], errors="ignore")
    notes = [f"Read as Neptune's export: {len(runs)} runs, the last value of every series."]
    if len(projects) > 1:
        notes.append(f"Several projects are tasks: {listed(list(names.values()))} (--task names another).")
    return ToolTable(table, notes=tuple(notes))


def _files(place: pathlib.Path) -> list[pathlib.Path]:
    if place.is_file():
        return [place] if place.suffix.casefold() in PARQUET else []
    return [path for depth in DEPTHS for path in sorted(place.glob(depth))]


def _is_export(path: pathlib.Path) -> bool:
    """Return True for a file with the exporter's columns. A broken file in a folder of others is one, too:
    its error is told as it is read."""
    import pyarrow
    import pyarrow.parquet

    try:
        with path.open("rb") as file:
            names = pyarrow.parquet.read_schema(file).names
    except (OSError, pyarrow.ArrowException):
        return "_part_" in path.name
    return set(COLUMNS) <= set(names)


def _add(entries: dict[str, Any], rows: pd.DataFrame) -> None:
    """Add the attributes of a run to its row."""
    series = rows[rows["attribute_type"] == SERIES]
    if len(series):
        ordered = series.assign(step=series["step"].astype(float)).sort_values("step", kind="stable")
        for path, value in ordered.groupby("attribute_path", sort=False)["float_value"].agg(_last).items():
            if _head(str(path)) not in PASSED_OVER:
                entries[_series_name(str(path))] = value
    for kind, column in VALUES.items():
        chosen = rows[rows["attribute_type"] == kind]
        for path, value in zip(chosen["attribute_path"], chosen[column], strict=True):
            if path in (FAILED, STATE):
                entries[path] = value
            elif _head(path) not in PASSED_OVER:
                entries[_name(path)] = int(value) if kind == "int" else value


def _last(values: pd.Series[Any]) -> Any:
    return values.iloc[-1]


def _head(path: str) -> str:
    return path.partition("/")[0].casefold()


def _name(path: str) -> str:
    """Return the column of an attribute: those of a config have the prefix of hyperparameters.

    >>> _name("parameters/opt/lr"), _name("test/loss"), _name("seed")
    ('params.opt.lr', 'test.loss', 'seed')
    """
    head, _, rest = path.partition("/")
    if rest and head.casefold() in CONFIGS:
        return f"params.{rest.replace('/', '.')}"
    return path.replace("/", ".")


def _series_name(path: str) -> str:
    """Return the column of a series.

    >>> _series_name("metrics/val/loss"), _series_name("val/loss")
    ('metrics.val/loss', 'metrics.val/loss')
    """
    head, _, rest = path.partition("/")
    return f"metrics.{rest if rest and head.casefold() in METRICS else path}"


def _status(entries: Mapping[str, Any]) -> str:
    if entries.get(FAILED) is True or str(entries.get(FAILED)) == "True":
        return "failed"
    state = str(entries.get(STATE, "")).casefold()
    return "running" if state in ("active", "running") else "finished"
