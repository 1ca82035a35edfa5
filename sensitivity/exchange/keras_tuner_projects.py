"""The project folders of Keras Tuner: a file ``trial_ID/trial.json`` a trial."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from search_spaces.hyperparameters import Categorical, Float, Hyperparameter, Integer
from sensitivity.exchange.tool_tables import ToolTable, read_mapping
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.study.metric_names import Direction

FILES = "trial_*/trial.json"
INTERNAL = "tuner/"
"""Before the names of what Hyperband adds to a configuration."""


def is_keras_tuner(place: pathlib.Path) -> bool:
    """Return True for a project folder of Keras Tuner."""
    return any(place.glob(FILES))


def read_keras_tuner(place: pathlib.Path) -> ToolTable:
    """Return the trials of a project, with the score of each.

    The score is named after the metric whose best observation it is. Where it is NaN the trial diverged.

    Source:
        https://keras.io/api/keras_tuner/tuners/base_tuner/, and ``keras_tuner/engine/trial.py``.
    """
    trials = [read_mapping(path) for path in sorted(place.glob(FILES))]
    if not trials:
        raise InputError(f"{str(place)!r} holds no trials")
    metric = _objective(trials)
    direction = _metric_directions(trials).get(metric)
    rows: list[dict[str, Any]] = []
    for trial in trials:
        values = _mapping(_mapping(trial.get("hyperparameters")).get("values"))
        budget = values.get(f"{INTERNAL}epochs")
        rows.append(
            {f"params.{name}": value for name, value in values.items() if not str(name).startswith(INTERNAL)}
            | {
                f"metrics.{metric}": trial.get("score"),
                "status": _status(trial),
                "trial_id": trial.get("trial_id"),
            }
            | ({"tuner_epochs": budget} if budget is not None else {})
        )
    columns = dict.fromkeys(name for row in rows for name in row)
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns})
    if not any(name.startswith("params.") for name in columns):
        raise InputError(f"the trials of {str(place)!r} have no hyperparameters")
    directions = {f"metrics.{metric}": direction} if direction is not None else {}
    return ToolTable(frame, f"metrics.{metric}", directions, _domains(trials))


def _status(trial: Mapping[str, Any]) -> Any:
    """Return the status of a trial; a score of NaN, which Keras Tuner calls a failure, is a result."""
    score = trial.get("score")
    return "COMPLETED" if isinstance(score, float) and math.isnan(score) else trial.get("status")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _observations(trial: Mapping[str, Any]) -> dict[str, tuple[str | None, list[float]]]:
    """Return the direction and the observed means of every metric of a trial."""
    observations = {}
    for name, entry in _mapping(_mapping(trial.get("metrics")).get("metrics")).items():
        values = [
            observation.get("value")
            for observation in _mapping(entry).get("observations") or ()
            if isinstance(observation, Mapping)
        ]
        numbers = [
            [number for number in value if isinstance(number, (int, float))]
            for value in values
            if isinstance(value, list)
        ]
        observations[str(name)] = (
            _mapping(entry).get("direction"),
            [sum(part) / len(part) for part in numbers if part],
        )
    return observations


def _metric_directions(trials: Sequence[Mapping[str, Any]]) -> dict[str, Direction]:
    return {
        name: "max" if direction == "max" else "min"
        for trial in trials
        for name, (direction, _) in _observations(trial).items()
        if direction in ("min", "max")
    }


def _objective(trials: Sequence[Mapping[str, Any]]) -> str:
    """Return the metric whose best observation is the score of every trial.

    The name is ``score`` if no metric or several metrics fit.
    """
    scored = [
        (float(trial["score"]), _observations(trial))
        for trial in trials
        if isinstance(trial.get("score"), (int, float))
    ]
    scored = [(score, observed) for score, observed in scored if math.isfinite(score)]
    names = dict.fromkeys(name for _, observed in scored for name in observed)
    fitting = [
        name
        for name in names
        if all(
            any(
                math.isclose(score, value, rel_tol=1e-6, abs_tol=1e-12)
                for value in observed.get(name, (None, []))[1]
            )
            for score, observed in scored
        )
    ]
    return fitting[0] if len(fitting) == 1 else "score"


def _domains(trials: Sequence[Mapping[str, Any]]) -> dict[str, Hyperparameter]:
    """Return the domains that all trials declare alike."""
    by_name: dict[str, set[Hyperparameter]] = {}
    for trial in trials:
        for entry in _mapping(trial.get("hyperparameters")).get("space") or ():
            domain = _domain(_mapping(entry))
            if domain is not None:
                by_name.setdefault(domain.name, set()).add(domain)
    return {name: next(iter(domains)) for name, domains in by_name.items() if len(domains) == 1}


def _domain(entry: Mapping[str, Any]) -> Hyperparameter | None:
    kind, config = str(entry.get("class_name")), _mapping(entry.get("config"))
    scale = "log" if config.get("sampling") == "log" else "linear"
    if "name" not in config or config.get("sampling") == "reverse_log" or config.get("conditions"):
        return None
    name = str(config["name"])
    try:
        if kind == "Choice":
            values = tuple(config["values"])
            return (
                Categorical(name, values) if all(isinstance(value, (str, bool)) for value in values) else None
            )
        if kind == "Boolean":
            return Categorical(name, (False, True))
        if kind == "Float":
            return Float(name, config["min_value"], config["max_value"], scale)  # type: ignore[arg-type]
        if kind == "Int":
            return Integer(name, config["min_value"], config["max_value"], scale)  # type: ignore[arg-type]
    except (KeyError, TypeError, InputError):
        return None
    return None
