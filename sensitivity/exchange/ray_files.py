"""Files of a Ray Tune experiment: its state, and a folder for each trial.

Unreadable files are counted.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sensitivity.exchange.ray_reports import PROGRESS, RESULTS, Reports, leaves, read_reports
from sensitivity.exchange.ray_states import PATTERN, TrialState, read_states
from sensitivity.exchange.trial import ENDED
from trainables.names import InputError

PARAMS, PICKLED_PARAMS, ERROR = "params.json", "params.pkl", "error.txt"
CONFIG = "config/"
"""Before the entries of the config in a report."""


@dataclass(frozen=True)
class Run:
    """A trial as Ray Tune wrote it.

    key: the trial's identity.
    config: entries by name, nested ones as ``outer/inner``.
    status: of an import.
    reports: entries by name.
    error: the last line of what a failed trial raised.
    is_lost: its folder is not there, and the only report is the last one, from the experiment's state.
    """

    key: str
    config: Mapping[str, Any]
    status: str
    reports: list[dict[str, Any]]
    error: str | None = None
    is_lost: bool = False


@dataclass(frozen=True)
class Experiment:
    """An experiment as Ray Tune wrote it.

    runs: its trials.
    source: where it is, in words.
    name: of its folder.
    is_searched: a search algorithm that looks at results chose the configurations.
    metric: that Ray Tune was given, None for none.
    mode: ``min`` or ``max`` that Ray Tune was given, None for none.
    notes: what could not be read, in words.
    """

    runs: Sequence[Run]
    source: str
    name: str
    is_searched: bool = False
    metric: str | None = None
    mode: str | None = None
    notes: Sequence[str] = ()


def is_experiment(place: pathlib.Path) -> bool:
    """Return True for a directory with the trials of one experiment."""
    return place.is_dir() and any(
        any(place.glob(pattern)) for pattern in (PATTERN, f"*/{RESULTS}", f"*/{PROGRESS}")
    )


def is_searched(place: pathlib.Path) -> bool:
    """Return True for an experiment whose search algorithm wrote its state."""
    return any(place.glob("searcher-state-*"))


def read_experiment(place: pathlib.Path) -> Experiment:
    """Return the experiment of a directory, as far as it can be read.

    Args:
        place: the directory, which may have been moved.

    Raises:
        InputError: it is no experiment, or nothing in it can be read.
    """
    place = place.expanduser()
    source = repr(str(place))
    if not place.is_dir():
        raise InputError(f"no directory {source}")
    if not is_experiment(place):
        within = sorted(path.name for path in place.iterdir() if is_experiment(path))
        hint = (
            f"; it holds some: {', '.join(within[:8])}"
            if within
            else " (no experiment_state-*.json, no TRIAL/result.json)"
        )
        raise InputError(f"{source} is no experiment of Ray Tune{hint}")
    state = read_states(place)
    folders = list(state.trials)
    for name in (RESULTS, PROGRESS, PARAMS, PICKLED_PARAMS):
        folders += sorted(
            path.parent.name for path in place.glob(f"*/{name}") if path.parent.name not in folders
        )
    notes = list(state.notes)
    if not any(place.glob(PATTERN)):
        notes.append("There is no state file of the experiment: a trial ended as its own files say.")
    reports = {folder: read_reports(place / folder) for folder in folders}
    runs = [_run(place / folder, state.trials.get(folder), reports[folder]) for folder in folders]
    notes += _about_reports(reports, runs)
    pickled = [
        run
        for run, folder in zip(runs, folders, strict=True)
        if not run.config and (place / folder / PICKLED_PARAMS).is_file()
    ]
    if pickled:
        notes.append(
            f"Left out: {len(pickled)} of {len(runs)} trials, whose config is in {PICKLED_PARAMS} only, "
            "which is never unpickled."
        )
        runs = [run for run in runs if run not in pickled]
        if not runs:
            raise InputError(f"{source}: {notes[-1]}")
    return Experiment(runs, source, place.resolve().name, is_searched(place), state.metric, notes=notes)


def read_run(folder: pathlib.Path) -> Run:
    """Return the trial of a folder, by its own files."""
    return _run(folder, None, read_reports(folder))


def _run(folder: pathlib.Path, state: TrialState | None, report_file: Reports) -> Run:
    reports, status = report_file.rows, state.status if state else ENDED
    is_lost = state is not None and not folder.is_dir()
    if state is not None and is_lost and state.last_result:
        reports = [dict(state.last_result)]
    if status in ("running", "pending") and reports:  # the state file is older than the report
        status = ENDED if reports[-1].get("done") is True else "running"
    error = _error(folder, is_ended=status == ENDED and bool(reports) and reports[-1].get("done") is True)
    if error is not None and status == ENDED:
        status = "failed"
    key = state.key if state else folder.name
    return Run(
        key, _config(folder, reports, state), status, reports, error if status == "failed" else None, is_lost
    )


def _config(
    folder: pathlib.Path, reports: Sequence[Mapping[str, Any]], state: TrialState | None
) -> Mapping[str, Any]:
    """Return the config of the first source that has one.

    Sources: the trial's file, its last report, the experiment's state.
    """
    written = _json(folder / PARAMS)
    if isinstance(written, Mapping) and written:
        return leaves(written)
    last = reports[-1] if reports else {}
    reported = {name.removeprefix(CONFIG): value for name, value in last.items() if name.startswith(CONFIG)}
    return reported or (state.config if state else {})


def _error(folder: pathlib.Path, *, is_ended: bool) -> str | None:
    path = folder / ERROR
    if is_ended or not path.is_file():
        return None
    lines = [
        line
        for line in path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if line.strip()
    ]
    return lines[-1].strip() if lines else "an error"


def _json(path: pathlib.Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError):  # cut off, as after a crash
        return None


def _about_reports(reports: Mapping[str, Reports], runs: Sequence[Run]) -> list[str]:
    notes = []
    unreadable = {folder: report_file for folder, report_file in reports.items() if report_file.unreadable}
    if unreadable:
        count, (folder, first) = (
            sum(report_file.unreadable for report_file in unreadable.values()),
            next(iter(unreadable.items())),
        )
        notes.append(
            f"Not readable: {count} reports of {len(unreadable)} of {len(runs)} trials (such as {folder}, "
            f"{first.first})."
        )
    lost = [run for run in runs if run.is_lost]
    if lost:
        last = sum(bool(run.reports) for run in lost)
        notes.append(
            f"Without a folder: {len(lost)} of {len(runs)} trials; the experiment's state has the last "
            f"report of {last} of them."
        )
    return notes
