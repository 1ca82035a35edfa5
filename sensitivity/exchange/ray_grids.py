"""Trials of a Ray Tune ResultGrid.

Trials are read from their files if these are on this machine, else from the results.
"""

from __future__ import annotations

import math
import pathlib
from typing import Any

from sensitivity.exchange.ray_files import Experiment, Run, is_experiment, is_searched, read_run
from sensitivity.exchange.ray_reports import leaves
from sensitivity.exchange.ray_states import read_states
from sensitivity.exchange.trial import ENDED
from sensitivity.text.compat import grid_metric
from trainables.names import InputError


def read_grid(grid: Any) -> Experiment:
    """Return the experiment of a ResultGrid.

    Args:
        grid: with results that have config, metrics, metrics_dataframe, path and error.

    Raises:
        InputError: it is none.
    """
    path = getattr(grid, "experiment_path", None)
    place = pathlib.Path(str(path)) if path else None
    try:
        results = [grid[i] for i in range(len(grid))]
        runs = [_run(result, str(number)) for number, result in enumerate(results)]
    except (AttributeError, TypeError, KeyError):
        words = f"{type(grid).__name__} {str(grid)[:60]!r}"
        raise InputError(f"experiment must be a directory or a ResultGrid of Ray Tune, got {words}") from None
    metric, mode = grid_metric(grid)
    source = repr(str(path)) if path else "the ResultGrid"
    if place is None or not is_experiment(place):
        return Experiment(runs, source, place.name if place else "experiment", metric=metric, mode=mode)
    state = read_states(place)
    statuses = {trial.key: trial.status for trial in state.trials.values()}
    runs = [
        Run(run.key, run.config, statuses.get(run.key, run.status), run.reports, run.error)
        if run.status == ENDED
        else run
        for run in runs
    ]
    return Experiment(runs, source, place.name, is_searched(place), metric or state.metric, mode, state.notes)


def _run(result: Any, number: str) -> Run:
    last = leaves(result.metrics or {})
    error = None if result.error is None else str(result.error).strip().splitlines()[-1]
    folder = pathlib.Path(str(getattr(result, "path", None) or ""))
    reports = read_run(folder).reports if folder.name and folder.is_dir() else []
    reports = reports or _of_frame(getattr(result, "metrics_dataframe", None), last)
    if not reports and "training_iteration" in last:
        reports = [last]
    key = str(last.get("trial_id", number))
    return Run(key, leaves(result.config or {}), "failed" if error else ENDED, reports, error)


def _of_frame(frame: Any, last: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the reports of a result's table.

    A report without a metric has NaN; the last report has the metrics of the result.
    """
    if frame is None or not len(frame):
        return []
    rows = [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
    absent = [
        {name for name, value in row.items() if isinstance(value, float) and math.isnan(value)}
        for row in rows
    ]
    sometimes = {name for name in rows[0] if any(name not in names for names in absent)}
    reports = [
        {name: value for name, value in row.items() if name not in names or name not in sometimes}
        for row, names in zip(rows, absent, strict=True)
    ]
    return [*reports[:-1], {**reports[-1], **last}]
