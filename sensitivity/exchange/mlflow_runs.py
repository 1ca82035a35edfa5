"""The file stores of MLflow (``mlruns/``): a folder a run, with a file a parameter, metric and tag."""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from sensitivity.exchange.exported_runs import exported_row, is_exported
from sensitivity.exchange.tool_tables import ToolTable, frame_of_texts
from sensitivity.text.wording import listed
from trainables.names import InputError

META = "meta.yaml"
PARTS = ("params", "metrics", "tags")
MODELS = "models"
STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""Of MLflow's enumeration RunStatus."""
PARENT = "mlflow.parentRunId"
"""The tag of a nested run, which names the run around it."""
INTERNAL = "mlflow."
"""Before the names of tags that MLflow writes by itself."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def is_mlflow(place: pathlib.Path) -> bool:
    """Return True for a file store of MLflow, or the folder of an experiment in it."""
    return next(_run_folders(place), None) is not None


def read_mlflow(place: pathlib.Path) -> ToolTable:
    """Return the runs of a file store, each with its parameters and the last value of every metric.

    The task is the experiment where several have runs. A run around nested runs is left out, and so are
    deleted runs. Runs that :func:`sensitivity.to_mlflow` wrote are the trials that they were.

    Source:
        https://mlflow.org/docs/latest/ml/tracking/backend-stores/
    """
    about = {folder: _meta(folder / META) for folder in _run_folders(place)}
    deleted = [folder for folder, meta in about.items() if meta.get("lifecycle_stage") == "deleted"]
    runs = {folder: _texts(folder / "tags") for folder in about if folder not in deleted}
    around = {tags[PARENT] for tags in runs.values() if PARENT in tags}
    chosen = [folder for folder in runs if about[folder].get("run_id", folder.name) not in around]
    chosen.sort(key=lambda folder: about[folder].get("start_time") or 0)
    if not chosen:
        raise InputError(f"{str(place)!r} holds no runs of MLflow that are not deleted")
    experiments = {folder: _experiment(folder.parent) for folder in chosen}
    several = list(dict.fromkeys(experiments.values()))
    rows: list[dict[str, Any]] = []
    for folder in chosen:
        tags = runs[folder]
        metrics = {name: _last(folder / "metrics" / name) for name in _names(folder / "metrics")}
        if is_exported(tags):
            rows.append(exported_row(tags, _configuration(tags, folder), metrics))
            continue
        meta = about[folder]
        rows.append(
            {f"params.{name}": text for name, text in _texts(folder / "params").items()}
            | {f"metrics.{name}": value for name, value in metrics.items()}
            | {f"tags.{name}": text for name, text in tags.items() if not name.startswith(INTERNAL)}
            | {
                "status": _status(meta.get("status")),
                "seconds": _seconds(meta),
                "run_id": str(meta.get("run_id", folder.name)),
            }
            | ({"task": experiments[folder]} if len(several) > 1 else {})
        )
    texts = dict.fromkeys(name for row in rows for name in row if name.startswith(("params.", "tags.")))
    notes = [f"Read as a file store of MLflow: {len(rows)} runs, the last value of every metric."]
    if len(several) > 1:
        notes.append(f"Several experiments are tasks: {listed(several)} (--task names another).")
    if len(chosen) < len(about):
        notes.append(
            f"Left out of MLflow's runs: {len(deleted)} deleted, {len(runs) - len(chosen)} around nested "
            "runs."
        )
    return ToolTable(frame_of_texts(rows, texts), notes=tuple(notes))


def _run_folders(place: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield the folders of runs, of a store or of one experiment; those in ``.trash`` are passed over."""
    for pattern in ("*/*/" + META, "*/" + META):
        for path in sorted(place.glob(pattern)):
            folder = path.parent
            parts = path.relative_to(place).parts
            is_hidden = any(part.startswith(".") for part in parts)
            is_model = folder.parent.name == MODELS  # MLflow 3 keeps logged models beside the runs
            if not is_hidden and not is_model and any((folder / part).is_dir() for part in PARTS):
                yield folder


def _meta(path: pathlib.Path) -> Mapping[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _LOADER)
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise InputError(f"cannot read {str(path)!r}: {' '.join(str(error).split())}") from None
    if not isinstance(content, Mapping):
        raise InputError(f"cannot read {str(path)!r}: it holds no entries")
    return content


def _experiment(folder: pathlib.Path) -> str:
    meta = _meta(folder / META) if (folder / META).is_file() else {}
    return str(meta.get("name") or folder.name)


def _names(folder: pathlib.Path) -> list[str]:
    """Return the names of the files below a folder, ``outer/inner`` for those in folders of it."""
    return [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]


def _texts(folder: pathlib.Path) -> dict[str, str]:
    return {name: _text(folder / name) for name in _names(folder)}


def _text(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from None


def _last(path: pathlib.Path) -> float:
    """Return the value of a metric at its largest step, the latest there."""
    points = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            points.append((int(words[2]) if len(words) > 2 else 0, int(words[0]), float(words[1])))
        except (ValueError, IndexError):
            raise InputError(
                f"cannot read {str(path)!r}: line {number} is not a time, a value and a step"
            ) from None
    return max(points, key=lambda point: point[:2])[2] if points else math.nan


def _status(status: Any) -> str | None:
    return STATUSES.get(status) if isinstance(status, int) else None if status is None else str(status)


def _seconds(meta: Mapping[str, Any]) -> float | None:
    begin, end = meta.get("start_time"), meta.get("end_time")
    return (end - begin) / 1000 if isinstance(begin, int) and isinstance(end, int) else None


def _configuration(tags: Mapping[str, str], folder: pathlib.Path) -> Mapping[str, Any]:
    """Return the configuration of an exported run, which its tag has to the last digit."""
    try:
        content = json.loads(tags.get("configuration", "{}"))
    except ValueError:
        content = None
    if not isinstance(content, Mapping):
        raise InputError(f"cannot read {str(folder / 'tags' / 'configuration')!r}: it holds no JSON object")
    return content
