"""The sweeps of Hydra (``multirun/``): a folder a job, with its config and what the job wrote."""

from __future__ import annotations

import csv
import io
import json
import math
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from sensitivity.exchange.tool_tables import ToolTable, flat_entries, frame_of
from trainables.names import InputError

OVERRIDES, CONFIG = ".hydra/overrides.yaml", ".hydra/config.yaml"
DEPTHS = ("", "*/", "*/*/", "*/*/*/", "*/*/*/*/")
RESULTS = ("*.json", "*.csv", "*/metrics.csv", "*/*/metrics.csv", "*/*/*/metrics.csv")
"""Files with the results of a job, a kind after the other; the last are of Lightning's ``CSVLogger``."""
INPUTS = ("args", "arguments", "config", "hparams", "hyperparameters", "params", "settings")
"""Names of files that a job was given, which hold no result."""
LOGGED = re.compile(
    r"(?P<name>[A-Za-z][\w./-]*(?: [A-Za-z][\w./-]*)?)\s*[:=]\s*"
    r"(?P<value>[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|nan|inf))(?=[\s,;)\]]|$)",
    re.IGNORECASE,
)
MESSAGE = re.compile(r"^(?:\[[^\]]*\])+\s*-\s*")
"""Before the message of a line of Hydra's log: its time, logger and level."""


def is_hydra(place: pathlib.Path) -> bool:
    """Return True for the folder of a sweep of Hydra, one above it, or one job."""
    return next(_jobs(place), None) is not None


def read_hydra(place: pathlib.Path) -> ToolTable:
    """Return the jobs of a sweep, each with its config and the last of what it wrote.

    Results are the numbers of the JSON or CSV files in the folder of a job, or those of its log, as in
    ``val_loss: 0.3``. A job with neither failed. Hyperparameters are the entries of the config that differ
    between the jobs.

    Source:
        https://hydra.cc/docs/tutorials/basic/running_your_app/multi-run/
    """
    rows: list[dict[str, Any]] = []
    sources: dict[str, int] = {}
    for folder in _jobs(place):
        results, source = _results(folder)
        if source:
            sources[source] = sources.get(source, 0) + 1
        config = _yaml(folder / CONFIG) if (folder / CONFIG).is_file() else _overrides(folder / OVERRIDES)
        if not isinstance(config, Mapping):
            raise InputError(f"cannot read {str(folder / CONFIG)!r}: it holds no entries")
        rows.append(
            {f"config.{name}": value for name, value in flat_entries(config).items()}
            | {f"metrics.{name}": value for name, value in results.items()}
            | {"status": "completed" if results else "failed", "job_id": folder.relative_to(place).as_posix()}
        )
    if not rows:
        raise InputError(f"{str(place)!r} holds no jobs of Hydra")
    if not sources:
        raise InputError(
            f"no job in {str(place)!r} wrote a result: a JSON or CSV file in its folder, or a line such as "
            "'val_loss: 0.3' in its log"
        )
    notes = [f"Read as a sweep of Hydra: {len(rows)} jobs, results from {', '.join(sources)}."]
    lacking = len(rows) - sum(sources.values())
    if lacking:
        notes.append(f"Jobs without a result count as failed: {lacking} of {len(rows)}; one may still run.")
    return ToolTable(frame_of(rows), notes=tuple(notes))


def _jobs(place: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield the folders of jobs, in the order of their numbers."""
    for depth in DEPTHS:
        found = [path.parent.parent for path in place.glob(depth + OVERRIDES)]
        yield from sorted(found, key=lambda path: (path.parent, _number(path.name), path.name))


def _number(name: str) -> float:
    return int(name) if name.isdecimal() else math.inf


def _read(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from None


def _yaml(path: pathlib.Path) -> Any:
    try:
        return yaml.safe_load(_read(path))
    except yaml.YAMLError as error:
        raise InputError(f"cannot read {str(path)!r}: {' '.join(str(error).split())}") from None


def _overrides(path: pathlib.Path) -> dict[str, Any]:
    """Return the overrides of a job, ``name=value``, as a config."""
    listed = _yaml(path)
    if not isinstance(listed, list):
        raise InputError(f"cannot read {str(path)!r}: it holds no list of overrides")
    pairs = [str(entry).lstrip("+~").partition("=") for entry in listed]
    try:
        return {name: yaml.safe_load(text) for name, separator, text in pairs if separator}
    except yaml.YAMLError as error:
        raise InputError(f"cannot read {str(path)!r}: {' '.join(str(error).split())}") from None


def _results(folder: pathlib.Path) -> tuple[dict[str, float], str]:
    """Return the results of a job, and the name of the file that holds them; none where there is none."""
    for pattern in RESULTS:
        for path in sorted(path for path in folder.glob(pattern) if path.stem.casefold() not in INPUTS):
            found = _of_json(path) if path.suffix == ".json" else _of_csv(path)
            if found:
                return found, path.name
    for path in sorted(folder.glob("*.log")):
        logged = {
            found["name"].strip(): float(found["value"])
            for line in _read(path).splitlines()
            for found in LOGGED.finditer(MESSAGE.sub("", line))
        }
        if logged:
            return logged, path.name
    return {}, ""


def _of_json(path: pathlib.Path) -> dict[str, float]:
    text = _read(path)
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from None
    last = content[-1] if isinstance(content, list) and content else content
    return _numbers(flat_entries(last)) if isinstance(last, Mapping) else {}


def _of_csv(path: pathlib.Path) -> dict[str, float]:
    """Return the last number of every column: Lightning writes training and validation in rows apart."""
    found: dict[str, float] = {}
    for row in csv.DictReader(io.StringIO(_read(path))):
        found |= _numbers({str(name): _number_in(cell) for name, cell in row.items()})
    return found


def _number_in(cell: Any) -> float | None:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def _numbers(entries: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in entries.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
