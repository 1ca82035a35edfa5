"""The files of a Ray Tune experiment: one folder a trial with ``params.json`` and ``result.json``, and ``experiment_state-*.json``."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sensitivity.imported import ENDED
from trainables.names import InputError

STATES = {"TERMINATED": ENDED, "ERROR": "failed", "RUNNING": "running", "PAUSED": "running", "PENDING": "pending"}
PICKLED = "CLOUDPICKLE_FALLBACK"


@dataclass(frozen=True)
class Run:
    """A trial as Ray Tune wrote it: nested entries of config and reports are called ``outer/inner``."""

    key: str
    config: Mapping[str, Any]
    status: str
    reports: list[dict[str, Any]]
    error: str | None = None


def is_experiment(place: pathlib.Path) -> bool:
    """Whether a directory holds the trials of one experiment."""
    return place.is_dir() and (any(place.glob("experiment_state-*.json")) or any(place.glob("*/result.json")))


def read_experiment(place: pathlib.Path) -> tuple[list[Run], bool, str]:
    """The trials of an experiment, whether a search algorithm chose its configurations, and where it is, in words.

    Raises: InputError for what is no experiment, and for files that cannot be read.
    """
    place = place.expanduser()
    source = repr(str(place))
    if not place.is_dir():
        raise InputError(f"no directory {source}")
    if not is_experiment(place):
        within = sorted(each.name for each in place.iterdir() if is_experiment(each))
        hint = f"; it holds some: {', '.join(within[:8])}" if within else " (no experiment_state-*.json, no TRIAL/result.json)"
        raise InputError(f"{source} is no experiment of Ray Tune{hint}")
    states = _states(place)
    runs = [_with_files(place / folder, *states[folder]) for folder in states]
    runs += [
        _with_files(each.parent, each.parent.name, {}, ENDED)
        for each in sorted(place.glob("*/result.json"))
        if each.parent.name not in states
    ]
    return runs, any(place.glob("searcher-state-*")), source


def leaves(nested: Mapping[str, Any], *, stop: Callable[[Mapping[str, Any]], bool] = lambda _: False) -> dict[str, Any]:
    """Nested entries by the names that Ray Tune gives them: ``outer/inner``. Args: stop: whether a mapping is a value.

    >>> leaves({"a": {"b": 1}, "c": 2})
    {'a/b': 1, 'c': 2}
    """
    flat: dict[str, Any] = {}
    for name, each in nested.items():
        if isinstance(each, Mapping) and each and not stop(each):
            flat |= {f"{name}/{inner}": value for inner, value in leaves(each, stop=stop).items()}
        else:
            flat[str(name)] = each
    return flat


def _states(place: pathlib.Path) -> dict[str, tuple[str, dict[str, Any], str]]:
    """By folder: identity, config and status of every trial, in the order of their creation; of the newest state, which has them all."""
    files = sorted(place.glob("experiment_state-*.json"))
    if not files:
        return {}
    try:
        found = {}
        for entry in json.loads(files[-1].read_text(encoding="utf-8"))["trial_data"]:
            trial = json.loads(entry[0])
            folder = trial.get("relative_logdir") or trial["trial_id"]
            found[folder] = (str(trial["trial_id"]), dict(trial.get("config") or {}), STATES.get(trial["status"], ENDED))
    except (OSError, UnicodeError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"cannot read {str(files[-1])!r}: {type(error).__name__} {error}") from None
    return dict(sorted(found.items(), key=lambda each: _number(each[0], each[1][0])))


def _number(folder: str, key: str) -> tuple[int, str]:
    """The number of a trial, which follows its identity in the name of its folder."""
    digits = folder.partition(f"{key}_")[2].partition("_")[0]
    return (int(digits) if digits.isdigit() else 0, folder)


def _with_files(folder: pathlib.Path, key: str, config: Mapping[str, Any], status: str) -> Run:
    written = _json(folder / "params.json")
    plain = {
        name: each for name, each in leaves(config, stop=lambda each: each.get("_type") == PICKLED).items() if not isinstance(each, Mapping)
    }
    chosen = leaves(written) if isinstance(written, Mapping) else plain
    reports = _reports(folder / "result.json")
    if not chosen and reports and isinstance(reports[-1].get("config"), Mapping):
        chosen = leaves(reports[-1]["config"])
    error = None
    failed = folder / "error.txt"
    if failed.is_file() and status in ("failed", ENDED):
        lines = [each for each in failed.read_text(encoding="utf-8", errors="replace").strip().splitlines() if each.strip()]
        error = lines[-1].strip() if lines else "an error"
        if status == ENDED and not (reports and reports[-1].get("done")):
            status = "failed"
    return Run(key, chosen, status, [leaves(each, stop=lambda _: False) for each in reports], error if status == "failed" else None)


def _json(path: pathlib.Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, UnicodeError, ValueError) as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from None


def _reports(path: pathlib.Path) -> list[dict[str, Any]]:
    """The reports of a trial, a line each; one that was cut off by the end of the process is none."""
    if not path.is_file():
        return []
    try:
        lines = [each for each in path.read_text(encoding="utf-8").split("\n") if each.strip()]
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from None
    reports = []
    for number, line in enumerate(lines, 1):
        try:
            report = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise InputError(f"cannot read {str(path)!r}: line {number}: {error}") from None
        if not isinstance(report, dict):
            raise InputError(f"cannot read {str(path)!r}: line {number} is no report")
        reports.append(report)
    return reports
