"""The run histories of SMAC3: ``runhistory.json``, beside ``configspace.json`` and ``scenario.json``."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from sensitivity.exchange.configspace_files import configspace_domains
from sensitivity.exchange.tool_tables import ToolTable, frame_of, read_json, read_mapping
from trainables.names import InputError

HISTORY, SPACE, SCENARIO = "runhistory.json", "configspace.json", "scenario.json"
DEPTHS = ("", "*/", "*/*/")
STATUSES = {0: "running", 1: "success", 2: "crashed", 3: "timeout", 4: "memoryout"}
"""Of the enumeration StatusType of SMAC 2."""
WITH_RESULT = ("success",)
FIELDS = ("config_id", "instance", "seed", "budget", "cost", "time", "cpu_time", "status")
"""Entries of a trial, in the order in which versions before 2.1 list them; 2.0 has no cpu_time."""
FEWEST = 9
"""Entries of a trial that is a list, with the moments of start and end."""


def is_smac(place: pathlib.Path) -> bool:
    """Return True for a run history, or a folder of runs of SMAC3."""
    return bool(_histories(place))


def read_smac(place: pathlib.Path) -> ToolTable:
    """Return the trials of one run or several, with the domains of the space and the names of the objectives.

    A trial that crashed or ran out of time or memory has no result: its cost is what SMAC counts it as. The
    task is the instance where there are several.

    Source:
        https://automl.github.io/SMAC3/latest/api/smac.runhistory.runhistory/
    """
    histories = _histories(place)
    if not histories:
        raise InputError(f"{str(place)!r} holds no {HISTORY}")
    rows = [row for path in histories for row in _rows(path)]
    if not rows:
        raise InputError(f"{str(place)!r} holds no trials")
    frame = frame_of(rows)
    for name in ("budget", "seed", "task"):
        if name in frame and (frame[name].isna().all() or (name != "seed" and frame[name].nunique() == 1)):
            frame = frame.drop(columns=name)
    metrics = [str(name) for name in frame.columns if str(name).startswith("metrics.")]
    return ToolTable(
        frame,
        metrics[0] if len(metrics) == 1 else None,
        dict.fromkeys(metrics, "min"),
        configspace_domains(histories[0].parent / SPACE),
        (f"Read as a run history of SMAC3: {len(rows)} trials.",),
    )


def _histories(place: pathlib.Path) -> list[pathlib.Path]:
    if place.is_file():
        return [place] if place.name.endswith(HISTORY) else []
    return [path for depth in DEPTHS for path in sorted(place.glob(depth + HISTORY))]


def _rows(path: pathlib.Path) -> list[dict[str, Any]]:
    history = read_mapping(path)
    configs, data = history.get("configs"), history.get("data")
    if not isinstance(configs, Mapping) or not isinstance(data, Sequence):
        raise InputError(f"cannot read {str(path)!r}: it has no entries 'configs' and 'data'")
    names = _objectives(path.parent / SCENARIO)
    rows = []
    for number, entry in enumerate(data, 1):
        trial = _entries(entry)
        if trial is None:
            raise InputError(f"cannot read {str(path)!r}: trial {number} is none")
        config = configs.get(str(trial["config_id"]))
        if not isinstance(config, Mapping):
            raise InputError(
                f"cannot read {str(path)!r}: trial {number}: config_id {trial['config_id']!r} is not in "
                "'configs'"
            )
        status = _status(trial["status"])
        costs = trial["cost"] if isinstance(trial["cost"], list) else [trial["cost"]]
        labels = names if len(names) == len(costs) else [f"cost{i}" for i in range(len(costs))]
        rows.append(
            {f"params.{name}": value for name, value in config.items() if value is not None}
            | {
                f"metrics.{label}": cost if status in WITH_RESULT else None
                for label, cost in zip(labels, costs, strict=True)
            }
            | {
                "task": trial["instance"],
                "seed": trial["seed"],
                "budget": trial["budget"],
                "seconds": trial["time"],
                "status": status,
            }
        )
    return rows


def _entries(entry: Any) -> dict[str, Any] | None:
    """Return a trial by the names of its entries, whatever version of SMAC wrote it; None for no trial."""
    if isinstance(entry, Mapping):
        return {name: entry.get(name) for name in FIELDS} if "config_id" in entry else None
    if not isinstance(entry, list):
        return None
    if len(entry) == 2 and all(isinstance(part, list) for part in entry):  # SMAC 1: key, value
        key, value = entry
        if len(key) < 4 or len(value) < 3:
            return None
        return dict(zip(FIELDS, [*key[:4], value[0], value[1], None, value[2]], strict=True))
    if len(entry) < FEWEST:
        return None
    values = entry if len(entry) > FEWEST + 1 else [*entry[:6], None, *entry[6:]]
    return dict(zip(FIELDS, values, strict=False))


def _status(status: Any) -> Any:
    word = status.get("__enum__") if isinstance(status, Mapping) else status
    if isinstance(word, str):
        word = word.rpartition(".")[2].casefold()
    return STATUSES.get(word, word) if isinstance(word, int) else word


def _objectives(path: pathlib.Path) -> list[str]:
    content = read_json(path) if path.is_file() else {}
    objectives = content.get("objectives", "cost") if isinstance(content, Mapping) else "cost"
    return [str(name) for name in (objectives if isinstance(objectives, list) else [objectives])]
