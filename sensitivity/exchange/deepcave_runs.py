"""Run folders of DeepCAVE.

Files: ``configs.json`` and ``history.jsonl``, or the tables ``configspace.csv`` and ``trials.csv``.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.exchange.configspace_files import configspace_domains
from sensitivity.exchange.table_files import read_frame
from sensitivity.exchange.tool_tables import ToolTable, read_mapping
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.study.metric_names import Direction

STATUSES = {
    1: "success",
    2: "timeout",
    3: "memoryout",
    4: "crashed",
    5: "aborted",
    0: "pending",
    6: "pending",
}
"""Of DeepCAVE's enumeration; the last two are NOT_EVALUATED."""
DIRECTIONS: Mapping[Any, Direction] = {"lower": "min", "upper": "max"}
CONFIGS, HISTORY = "configs.json", "history.jsonl"
FEWEST = 6
"""Entries of a line of the history without a seed: config_id, budget, costs, start, end, status."""


def is_deepcave(place: pathlib.Path) -> bool:
    """Return True for a run folder of DeepCAVE."""
    tables = (place / "configspace.csv").is_file() and (place / "trials.csv").is_file()
    return tables or ((place / HISTORY).is_file() and (place / CONFIGS).is_file())


def read_deepcave(place: pathlib.Path) -> ToolTable:
    """Return the trials of a run, with the domains of its space and the directions of its objectives.

    Source:
        https://automl.github.io/DeepCAVE/main/converters/deepcave.html, and dataframe.html there.
    """
    if not (place / HISTORY).is_file():
        return ToolTable(read_frame(place / "trials.csv"))
    configs = read_mapping(place / CONFIGS)
    meta = read_mapping(place / "meta.json") if (place / "meta.json").is_file() else {}
    objectives = [
        entry for entry in meta.get("objectives") or () if isinstance(entry, Mapping) and "name" in entry
    ]
    rows = []
    for number, line in enumerate(_lines(place / HISTORY), 1):
        entry = _entry(line, place / HISTORY, number)
        names = [f"metrics.{objective['name']}" for objective in objectives] or [
            f"metrics.cost{i}" for i in range(len(entry["costs"]))
        ]
        config = configs.get(str(entry["config_id"]))
        if not isinstance(config, Mapping):
            raise InputError(
                f"cannot read {str(place / HISTORY)!r}: line {number}: config_id {entry['config_id']!r} is "
                f"not in {CONFIGS}"
            )
        costs = entry.pop("costs")
        rows.append(
            {f"params.{name}": value for name, value in config.items()}
            | entry
            | dict(zip(names, [*costs, *[None] * len(names)], strict=False))
        )
    if not rows:
        raise InputError(f"{str(place)!r} holds no trials")
    columns = dict.fromkeys(name for row in rows for name in row)
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns})
    if frame["seed"].isna().all():
        frame = frame.drop(columns="seed")
    directions = {
        f"metrics.{entry['name']}": DIRECTIONS[entry["optimize"]]
        for entry in objectives
        if entry.get("optimize") in ("lower", "upper")
    }
    metric = f"metrics.{objectives[0]['name']}" if len(objectives) == 1 else None
    return ToolTable(frame, metric, directions, configspace_domains(place / "configspace.json"))


def _lines(place: pathlib.Path) -> list[str]:
    try:
        return [line for line in place.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot read {str(place)!r}: {error}") from None


def _entry(line: str, place: pathlib.Path, number: int) -> dict[str, Any]:
    """Return a line of the history by name. Older versions of DeepCAVE write no seed."""
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise InputError(f"cannot read {str(place)!r}: line {number}: {error}") from None
    if not isinstance(entry, list) or len(entry) < FEWEST:
        raise InputError(f"cannot read {str(place)!r}: line {number} is no trial")
    if isinstance(entry[2], list):
        entry.insert(2, None)
    config, budget, seed, costs, start, end, status, *_ = [*entry, None]
    if not isinstance(costs, list):
        raise InputError(f"cannot read {str(place)!r}: line {number} is no trial")
    seconds = end - start if isinstance(start, (int, float)) and isinstance(end, (int, float)) else None
    return {
        "config_id": config,
        "budget": budget,
        "seed": None if seed == -1 else seed,
        "costs": costs,
        "seconds": seconds,
        "status": STATUSES.get(status, status) if isinstance(status, int) else status,
    }
