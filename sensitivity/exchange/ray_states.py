"""State files of a Ray Tune experiment, ``experiment_state-*.json``, of Ray 1 and Ray 2.

Nothing is unpickled.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sensitivity.exchange.ray_reports import leaves
from sensitivity.exchange.trial import ENDED
from trainables.names import InputError

PATTERN = "experiment_state-*.json"
STATES = {
    "TERMINATED": ENDED,
    "ERROR": "failed",
    "RUNNING": "running",
    "PAUSED": "running",
    "PENDING": "pending",
}
PICKLED = "CLOUDPICKLE_FALLBACK"
NO_METRIC = "_metric"
"""Ray Tune's name for the metric of an experiment without a metric."""


@dataclass(frozen=True)
class TrialState:
    """A trial in a state file.

    key: the trial's identity.
    folder: name of its folder.
    config: its entries that are no pickles, nested ones as ``outer/inner``.
    status: of an import.
    last_result: its last report, without what is pickled.
    """

    key: str
    folder: str
    config: Mapping[str, Any]
    status: str
    last_result: Mapping[str, Any]


@dataclass
class ExperimentState:
    """State of an experiment, read from its state files.

    trials: by folder, in the order of their creation.
    metric: that the experiment was given, None for none.
    notes: what could not be read, in words.
    """

    trials: dict[str, TrialState] = field(default_factory=dict)
    metric: str | None = None
    notes: list[str] = field(default_factory=list)


def read_states(place: pathlib.Path) -> ExperimentState:
    """Return the trials of all state files; where several have a trial, the newest counts.

    Args:
        place: folder of the experiment.

    Raises:
        InputError: no state file can be read, and there is no folder of a trial to read instead.
    """
    state = ExperimentState()
    files = sorted(place.glob(PATTERN))
    folders = sorted(path.name for path in place.iterdir() if path.is_dir())
    unreadable, skipped = [], 0
    for path in files:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            entries = content["trial_data"] if "trial_data" in content else content["checkpoints"]
            trials = [_trial(entry, folders) for entry in entries]
        except (OSError, UnicodeError, ValueError, KeyError, TypeError, AttributeError) as error:
            unreadable.append(f"{str(path)!r}: {type(error).__name__} {error}")
            continue
        skipped += sum(trial is None for trial in trials)
        state.trials |= {trial.folder: trial for trial in trials if trial is not None}
        runner = content.get("runner_data")
        metric = runner.get("_metric") if isinstance(runner, Mapping) else None
        state.metric = metric if isinstance(metric, str) and metric != NO_METRIC else state.metric
    if unreadable and len(unreadable) == len(files) and not folders:
        raise InputError(f"cannot read {unreadable[0]}")
    if unreadable:
        state.notes.append(
            f"Not readable: {len(unreadable)} of {len(files)} state files (such as {unreadable[0]})."
        )
    if skipped:
        state.notes.append(f"Not readable: {skipped} trials in state files.")
    state.trials = dict(sorted(state.trials.items(), key=lambda item: _number(item[0], item[1].key)))
    return state


def _trial(entry: Any, folders: Sequence[str]) -> TrialState | None:
    """Return the trial of an entry, None if the entry is not understood.

    An entry is a trial's JSON, a mapping, or a pair of the JSON of the trial and of its run.
    """
    try:
        trial, run = (_mapping(part) for part in (entry if isinstance(entry, (list, tuple)) else (entry, {})))
        key, status = str(trial["trial_id"]), str(trial["status"])
    except (ValueError, KeyError, TypeError):
        return None
    result = trial.get("last_result") or run.get("last_result") or {}
    return TrialState(
        key,
        _folder(trial, run, key, folders),
        _without_pickles(trial.get("config") or {}),
        STATES.get(status, ENDED),
        _without_pickles(result if isinstance(result, Mapping) else {}),
    )


def _mapping(part: Any) -> Mapping[str, Any]:
    mapping = json.loads(part) if isinstance(part, str) else part
    if not isinstance(mapping, Mapping):
        raise TypeError
    return mapping


def _folder(trial: Mapping[str, Any], run: Mapping[str, Any], key: str, folders: Sequence[str]) -> str:
    """Return the name of a trial's folder, also of an experiment that was moved.

    Paths of another machine end with the name.
    """
    for path in (trial.get("relative_logdir"), trial.get("logdir"), run.get("logdir")):
        if isinstance(path, str) and path:
            return path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return next((name for name in folders if key in name), key)


def _without_pickles(nested: Mapping[str, Any]) -> dict[str, Any]:
    flat = leaves(nested, stop=lambda mapping: mapping.get("_type") == PICKLED)
    return {name: value for name, value in flat.items() if not (isinstance(value, Mapping) and value)}


def _number(folder: str, key: str) -> tuple[int, str]:
    """Return the number of a trial, which follows its identity in the name of its folder."""
    digits = folder.partition(f"{key}_")[2].partition("_")[0]
    return (int(digits) if digits.isdigit() else 0, folder)
