"""The folders of Syne Tune: ``results.csv.zip``, a row a report, and ``metadata.json``."""

from __future__ import annotations

import math
import pathlib
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.exchange.tool_tables import ToolTable, read_mapping
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.study.metric_names import Direction

RESULTS, METADATA = "results.csv.zip", "metadata.json"
TRIAL, CONFIG = "trial_id", "config_"
STEPS = ("epoch", "epochs", "step", "iter", "iteration", "resource", "st_worker_iter")
"""Columns that count the reports of a trial, the likeliest first."""
ENDS = {
    "completed": "completed",
    "failed": "failed",
    "stopped": "stopped",
    "stopping": "stopped",
    "paused": "stopped",
}
"""Statuses by Syne Tune's word; ``InProgress`` is what a trial was as it reported."""


def is_syne_tune(place: pathlib.Path) -> bool:
    """Return True for the results of Syne Tune, or the folder of an experiment that has them."""
    return place.name.endswith(RESULTS) if place.is_file() else (place / RESULTS).is_file()


def read_syne_tune(place: pathlib.Path) -> ToolTable:
    """Return the reports of an experiment, with the metric and the direction of its metadata.

    A trial that was stopped or paused by the scheduler is a stopped one. One whose last report says
    ``InProgress`` ended if no trial reported longer, else it is running: the table does not say more.

    Source:
        https://syne-tune.readthedocs.io/en/latest/faq.html, "What does the output of the tuning contain?"
    """
    path = place if place.is_file() else place / RESULTS
    table = _table(path)
    if TRIAL not in table or not any(str(name).startswith(CONFIG) for name in table):
        raise InputError(f"cannot read {str(path)!r}: it has no columns {TRIAL} and {CONFIG}NAME")
    if table.empty:
        raise InputError(f"{str(path)!r} holds no reports")
    meta = read_mapping(path.parent / METADATA) if (path.parent / METADATA).is_file() else {}
    metrics = _listed(meta.get("metric_names") or meta.get("metric"))
    metrics = [name for name in metrics if name in table]
    modes = _listed(meta.get("metric_mode", "min"))
    step = _step(table, meta)
    names = {str(name): str(name)[len(CONFIG) :] for name in table if str(name).startswith(CONFIG)}
    frame = pd.DataFrame({f"params.{short}": table[name] for name, short in names.items()}).astype(object)
    if not any(short.casefold() in ("seed", "random_seed") for short in names.values()):
        _number_copies(frame, table)
    frame["status"] = _statuses(table, step)
    if step is not None:
        frame["epoch"] = table[step]
    results = [
        str(name)
        for name in table
        if name not in names and name not in (TRIAL, step) and not str(name).startswith("st_")
    ]
    for name in results:
        frame[f"metrics.{name}"] = table[name]
    directions: dict[str, Direction] = {
        f"metrics.{name}": "max" if modes[min(i, len(modes) - 1)] == "max" else "min"
        for i, name in enumerate(metrics)
    }
    count = table[TRIAL].nunique()
    note = f"Read as an experiment of Syne Tune: {len(table)} reports of {count} trials."
    return ToolTable(
        frame, f"metrics.{metrics[0]}" if len(metrics) == 1 else None, directions, notes=(note,)
    )


def _table(path: pathlib.Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, compression="zip", keep_default_na=True)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read {str(path)!r}: {' '.join(str(error).split())}") from None


def _listed(entry: Any) -> list[str]:
    return [str(part) for part in entry] if isinstance(entry, list) else [] if entry is None else [str(entry)]


def _step(table: pd.DataFrame, meta: Mapping[str, Any]) -> str | None:
    """Return the column that counts the reports of a trial; None where every trial reported once."""
    if not table[TRIAL].duplicated().any():
        return None
    kwargs = meta.get("scheduler_kwargs")
    inner = kwargs if isinstance(kwargs, Mapping) else {}
    candidates = [
        source.get(name) for source in (meta, inner) for name in ("resource_attr", "time_attr")
    ] + list(STEPS)
    return next(
        (
            str(name)
            for name in candidates
            if name in table and not table.duplicated([TRIAL, name]).any() and table[name].notna().all()
        ),
        None,
    )


def _statuses(table: pd.DataFrame, step: str | None) -> list[str | None]:
    """Return the status of every row's trial, as its last report tells it."""
    last = table.drop_duplicates(TRIAL, keep="last").set_index(TRIAL)
    longest = table[step].max() if step is not None else math.nan
    by_trial: dict[Any, str | None] = {}
    for trial, row in last.iterrows():
        status = ENDS.get(str(row.get("st_status", "")).casefold())
        if str(row.get("st_decision", "")).upper() in ("STOP", "PAUSE") and status != "failed":
            status = "stopped"
        if step is not None and row[step] == longest and status != "failed":
            status = "completed"
        by_trial[trial] = status or ("completed" if step is None else "running")
    return [by_trial[trial] for trial in table[TRIAL]]


def _number_copies(frame: pd.DataFrame, table: pd.DataFrame) -> None:
    """Add a column of seeds where several trials have the same configuration."""
    texts = frame.apply(lambda row: repr(list(row)), axis=1)
    numbers = {
        trial: number
        for _, trials in table[TRIAL].groupby(texts.to_numpy())
        for number, trial in enumerate(trials.unique())
    }
    if any(numbers.values()):
        frame["seed"] = [numbers[trial] for trial in table[TRIAL]]
