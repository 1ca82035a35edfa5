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
    ``InProgress`` ended if no trial reported longer; else the folder of the trial tells if it failed, and
    without that it is running. Trials without a report are known by their folders, too.

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
    folders = _folders(path.parent)
    table = _with_silent(table, folders)
    names = {str(name): str(name)[len(CONFIG) :] for name in table if str(name).startswith(CONFIG)}
    frame = pd.DataFrame({f"params.{short}": table[name] for name, short in names.items()}).astype(object)
    if not any(short.casefold() in ("seed", "random_seed") for short in names.values()):
        _number_copies(frame, table)
    frame["status"] = _statuses(table, step, folders)
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
    notes = [f"Read as an experiment of Syne Tune: {len(table)} reports of {count} trials."]
    again = _tried_before(frame, table)
    if again:
        frame = frame[~table[TRIAL].isin(again)]
        notes.append(
            f"Left out, having the configuration and the seed of a trial before: {len(again)} trials."
        )
    metric = f"metrics.{metrics[0]}" if len(metrics) == 1 else None
    return ToolTable(frame, metric, directions, notes=tuple(notes))


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


def _folders(place: pathlib.Path) -> dict[int, pathlib.Path]:
    """Return the folders of trials that Syne Tune's local backend leaves, by the number of the trial."""
    return {
        int(path.parent.name): path.parent
        for path in sorted(place.glob("*/config.json"))
        if path.parent.name.isdecimal()
    }


def _with_silent(table: pd.DataFrame, folders: Mapping[int, pathlib.Path]) -> pd.DataFrame:
    """Return a table with a row for each trial that has a folder and no report."""
    reported = set(table[TRIAL])
    step_columns = [name for name in STEPS if name in table]
    rows = [
        {TRIAL: trial, **dict.fromkeys(step_columns, 1)}
        | {f"{CONFIG}{name}": value for name, value in read_mapping(folder / "config.json").items()}
        for trial, folder in folders.items()
        if trial not in reported
    ]
    return pd.concat([table, pd.DataFrame(rows)], ignore_index=True) if rows else table


def _end_of(folder: pathlib.Path | None) -> str | None:
    """Return how a trial ended by its folder: failed, stopped, or None where it runs or ended well."""
    if folder is None:
        return None
    if (folder / "stop").is_file():
        return "stopped"
    try:
        text = (folder / "std.err").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return "failed" if "Traceback (most recent call last)" in text else None


def _statuses(table: pd.DataFrame, step: str | None, folders: Mapping[int, pathlib.Path]) -> list[str]:
    """Return the status of every row's trial, as its last report and its folder tell it."""
    last = table.drop_duplicates(TRIAL, keep="last").set_index(TRIAL)
    longest = table[step].max() if step is not None else math.nan
    by_trial: dict[Any, str] = {}
    for trial, row in last.iterrows():
        word, decision = (str(row.get(name, "")).casefold() for name in ("st_status", "st_decision"))
        status = ENDS.get(word)
        if decision in ("stop", "pause") and status != "failed":
            status = "stopped"
        if word == "nan":
            status = _end_of(folders.get(trial)) or "running"  # type: ignore[call-overload]
        elif status != "failed" and (step is None or row[step] == longest):
            status = "completed"
        by_trial[trial] = status or _end_of(folders.get(trial)) or "running"  # type: ignore[call-overload]
    return [by_trial[trial] for trial in table[TRIAL]]


def _tried_before(frame: pd.DataFrame, table: pd.DataFrame) -> set[Any]:
    """Return the trials whose configuration and seed are those of a trial before."""
    columns = [name for name in frame if str(name).startswith("params.") or name == "seed"]
    texts = frame[columns].apply(lambda row: repr(list(row)), axis=1)
    first = pd.DataFrame({"text": texts, "trial": table[TRIAL]}).drop_duplicates("trial")
    return set(first.loc[first["text"].duplicated(), "trial"])


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
