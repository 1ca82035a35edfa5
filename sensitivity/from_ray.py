"""Ray Tune experiments as Results, read from their files (JSON; nothing is unpickled) or from a ResultGrid."""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from search_spaces.spaces import SearchSpace
from sensitivity.imported import ENDED, Direction, Imported, as_utf8, assemble
from sensitivity.imported_spaces import Spaces
from sensitivity.ray_files import Run, is_experiment, leaves, read_experiment
from sensitivity.results import Results
from trainables.names import InputError, unknown

AUTOMATIC = (
    "training_iteration", "time_this_iter_s", "time_total_s", "time_since_restore", "iterations_since_restore", "timestamp", "pid",
    "warmup_time", "done", "timesteps_total", "episodes_total", "timesteps_since_restore", "agent_timesteps_total", "trial_id", "date",
    "checkpoint_dir_name", "hostname", "node_ip", "experiment_tag", "should_checkpoint", "config", "logdir",
)  # fmt: skip
"""What Ray Tune adds to a report."""


def from_ray(
    experiment: Any,
    *,
    hyperparameters: Sequence[str] | None = None,
    metric: str | None = None,
    direction: Direction = "min",
    variant: str | None = None,
    task: str | None = None,
    seed: str | None = None,
    initial_loss: float | None = None,
    epochs: int | None = None,
    scales: Mapping[str, str] | None = None,
    spaces: Spaces | Mapping[str, Any] = None,
    design: str | None = None,
    study: str | None = None,
) -> Results:
    """Results of a Ray Tune experiment.

    A trial whose last report is not finite has diverged, one that ended with an error has failed, and one that reported less often than the
    others was stopped early (ASHA and its kin) and has no result at the full budget.

    Args:
        experiment: its directory, or the ResultGrid of ``Tuner.fit()``. metric: what was reported; not needed where it is one number.
        hyperparameters: entries of the config, nested ones as ``outer/inner``; those that differ between trials where none are named.
        variant, task, seed: entries of the config; ``seed`` is the seed where there is one of that name.
        initial_loss: the metric before training, which diverged trials count as; else it is the worst finite result. epochs: reports of a
            trial that was not stopped early; as many as any has. spaces: a search space, one for each variant, or the ``param_space``.
        direction, scales, design, study: as for :func:`sensitivity.from_tables.from_table`. An experiment with a search algorithm that
            looks at results is taken as ``adaptive``.

    Raises: InputError for a directory that is no experiment, an unknown metric or config entry, no trials.
    """
    hyperparameters = [hyperparameters] if isinstance(hyperparameters, str) else hyperparameters
    if isinstance(experiment, (str, pathlib.Path)):
        read, searched, source = read_experiment(pathlib.Path(experiment))
        name = pathlib.Path(experiment).expanduser().resolve().name
    else:
        read, searched, source, name = _of_grid(experiment)
    if not read:
        raise InputError(f"{source} holds no trials")
    title = as_utf8(study or name)
    metric = _metric(read, metric, source)
    config = list(dict.fromkeys(key for each in read for key in each.config))
    roles = {
        "variant": variant,
        "task": task,
        "seed": seed or ("seed" if "seed" in config and "seed" not in (hyperparameters or ()) else None),
    }
    for key in [*filter(None, roles.values()), *(hyperparameters or ())]:
        if key not in config:
            raise unknown("entry of the config", key, config)
    names, notes = _names(read, config, hyperparameters, [key for key in roles.values() if key])
    trials = [_imported(each, names, metric, roles, initial_loss, title) for each in read]
    return assemble(
        trials,
        source=source,
        study=title,
        metric=metric,
        direction=direction,
        names=names,
        scales=scales,
        spaces=_space(spaces, names),
        design=design or ("adaptive" if searched else None),
        epochs=epochs,
        notes=notes,
    )


def _of_grid(grid: Any) -> tuple[list[Run], bool, str, str]:
    """The trials of a ResultGrid, by what its results have: config, metrics, metrics_dataframe and error."""
    try:
        results = [grid[i] for i in range(len(grid))]
        read = []
        for i, each in enumerate(results):
            frame = getattr(each, "metrics_dataframe", None)
            reports = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")] if frame is not None and len(frame) else []
            last = leaves(each.metrics or {})
            if not reports and "training_iteration" in last:
                reports = [last]
            error = None if each.error is None else str(each.error).strip().splitlines()[-1]
            read.append(Run(str(last.get("trial_id", i)), leaves(each.config or {}), "failed" if error else ENDED, reports, error))
    except (AttributeError, TypeError, KeyError):
        raise InputError(f"experiment must be a directory or a ResultGrid of Ray Tune, got {experiment_words(grid)}") from None
    path = getattr(grid, "experiment_path", None)
    place = pathlib.Path(str(path)) if path else None
    searched = place is not None and is_experiment(place) and any(place.glob("searcher-state-*"))
    return read, searched, repr(str(path)) if path else "the ResultGrid", place.name if place is not None else "experiment"


def experiment_words(given: Any) -> str:
    return f"{type(given).__name__} {str(given)[:60]!r}"


def _metric(read: Sequence[Run], metric: str | None, source: str) -> str:
    numbers = dict.fromkeys(
        key
        for each in read
        for report in each.reports[-1:]
        for key, value in report.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and key not in AUTOMATIC and not key.startswith("config/")
    )
    if metric is not None:
        if metric not in numbers and metric not in {key for each in read for report in each.reports for key in report}:
            raise unknown("metric", metric, numbers)
        return metric
    if len(numbers) != 1:
        listed = ", ".join(numbers) or "no number"
        raise InputError(f"name the metric (metric=, --metric): {source} reports {listed}")
    return next(iter(numbers))


def _names(read: Sequence[Run], config: Iterable[str], given: Sequence[str] | None, used: Sequence[str]) -> tuple[list[str], list[str]]:
    """The entries of the config that are hyperparameters, and what was inferred of that."""
    if given is not None:
        return [key for key in given if key not in used], []
    differing = [key for key in config if key not in used and len({json.dumps(each.config.get(key), default=repr) for each in read}) > 1]
    found = [key for key in differing if not all(_is_object(each.config.get(key)) for each in read)]
    if not found:
        found = [key for key in config if key not in used and not any(_is_object(each.config.get(key)) for each in read)][:1]
    if not found:
        raise InputError(f"no entry of the config differs between the trials (entries: {', '.join(config) or 'none'})")
    return found, []


def _is_object(value: Any) -> bool:
    """A function or the like, which Ray Tune writes as its address: another in every process, and no hyperparameter."""
    return value is None or (isinstance(value, str) and value.startswith("<") and " at 0x" in value)


def _imported(
    run: Run, names: Sequence[str], metric: str, roles: Mapping[str, str | None], initial_loss: float | None, study: str
) -> Imported:
    reports: dict[int, float] = {}
    for place, report in enumerate(run.reports, 1):
        if metric in report:
            value = report[metric]
            if isinstance(value, str) or value is None:
                raise InputError(f"metric {metric!r} must be a number, got {value!r} in trial {run.key}")
            reports[int(report.get("training_iteration", place))] = float(value)  # a restored trial repeats iterations: the last counts
    seed = run.config.get(roles["seed"]) if roles["seed"] else None
    if seed is not None and not (isinstance(seed, (int, float)) and float(seed).is_integer()):
        raise InputError(f"seed must be a whole number, got {seed!r} in trial {run.key}")
    last: Mapping[str, Any] = run.reports[-1] if run.reports else {}
    labels = {role: str(run.config.get(key, study)) if key else study for role, key in roles.items()}
    return Imported(
        run.key,
        {key: _scalar(run.config[key]) for key in names if run.config.get(key) is not None},
        run.status,
        sorted(reports.items()),
        labels["variant"],
        labels["task"],
        None if seed is None else int(seed),
        float(last.get("time_total_s", math.nan)),
        math.nan if initial_loss is None else float(initial_loss),
        run.error,
    )


def _scalar(value: Any) -> Any:
    return value if isinstance(value, (str, bool, int, float)) else json.dumps(value, default=repr)


def _space(given: Any, names: Sequence[str]) -> Spaces:
    """Search spaces as they are; a ``param_space`` as the space of its hyperparameters."""
    if given is None or isinstance(given, SearchSpace):
        return given
    if isinstance(given, Mapping) and all(isinstance(each, SearchSpace) for each in given.values()):
        return given
    flat = leaves(given, stop=lambda each: "grid_search" in each)
    return SearchSpace.from_ray({name: flat[name] for name in names if name in flat})
