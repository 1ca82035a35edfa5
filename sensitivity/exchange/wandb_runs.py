"""Runs of Weights & Biases as its API gives them, written to a JSON file."""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sensitivity.exchange.delimited_files import read_text
from sensitivity.exchange.tool_tables import ToolTable, flat_entries, frame_of
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.study.metric_names import Direction

SUFFIXES = (".json", ".jsonl", ".ndjson")
SUMMARIES = ("summary", "summaryMetrics", "summary_metrics", "_summary")
WRAPPERS = ("runs", "edges", "node", "data", "project", "entity")
"""Entries around runs, as in an answer of the API's GraphQL."""
NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""Texts that W&B writes for numbers which JSON has no literal of."""
SETTING = {"value", "desc"}
"""Entries of a setting in a config as W&B keeps it."""
GOALS: Mapping[Any, Direction] = {"minimize": "min", "maximize": "max"}
STATES: Mapping[Any, str | None] = {"preempted": "stopped", "not found": None}


def is_wandb(place: pathlib.Path) -> bool:
    """Return True for a JSON file of runs, each with a config and a summary."""
    if not place.is_file() or not place.name.casefold().removesuffix(".gz").endswith(SUFFIXES):
        return False
    try:
        return _runs(_content(place)) is not None
    except (OSError, EOFError, ValueError, RecursionError):
        return False


def read_wandb(place: pathlib.Path) -> ToolTable:
    """Return the runs of a file, with the config and the summary of each.

    The metric is that of the sweep, where the file tells it.

    Source:
        https://docs.wandb.ai/models/track/public-api-guide, "Export metrics from all runs in a project"
    """
    try:
        content = _content(place)
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read {str(place)!r}: {' '.join(str(error).split())}") from None
    runs = _runs(content)
    if runs is None:
        raise InputError(f"cannot read {str(place)!r}: it holds no runs with a config and a summary")
    rows = [_row(run) for run in runs]
    metric, direction = _sweep_metric([content, *runs])
    column = f"summary.{metric}"
    is_told = metric is not None and any(column in row for row in rows)
    note = f"Read as runs of Weights & Biases: {len(rows)} runs, config and summary of each."
    return ToolTable(
        frame_of(rows),
        column if is_told else None,
        {column: direction} if is_told and direction else {},
        notes=(note,),
    )


def _content(place: pathlib.Path) -> Any:
    text = read_text(place)
    if place.name.casefold().removesuffix(".gz").endswith(".json"):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _runs(content: Any) -> list[Mapping[str, Any]] | None:
    """Return the runs in a document, None for a document of anything else."""
    while isinstance(content, Mapping):
        inner = next((content[name] for name in WRAPPERS if content.get(name)), None)
        if inner is None:
            return None
        content = inner
    if not isinstance(content, list) or not content:
        return None
    runs = [entry["node"] if isinstance(entry, Mapping) and "node" in entry else entry for entry in content]
    is_run = all(
        isinstance(run, Mapping) and "config" in run and any(name in run for name in SUMMARIES)
        for run in runs
    )
    return runs if is_run else None


def _row(run: Mapping[str, Any]) -> dict[str, Any]:
    summary = next(run[name] for name in SUMMARIES if name in run)
    config = {
        name: entry["value"]
        if isinstance(entry, Mapping) and "value" in entry and set(entry) <= SETTING
        else entry
        for name, entry in _mapping(run["config"], "config").items()
        if not name.startswith("_")
    }
    results = {
        name: NUMBERS.get(entry, entry) if isinstance(entry, str) else entry
        for name, entry in flat_entries(_mapping(summary, "summary")).items()
    }
    state = run.get("state")
    row = flat_entries(config, "config.") | {f"summary.{name}": entry for name, entry in results.items()}
    row |= {"state": STATES.get(state, state), "run_id": run.get("id") or run.get("name")}
    if "seconds" not in row and isinstance(results.get("_runtime"), (int, float)):
        row["seconds"] = results["_runtime"]
    return row


def _mapping(entry: Any, name: str) -> Mapping[str, Any]:
    """Return the config or the summary of a run, also where it is the text of its JSON.

    Raises:
        InputError: the entry is anything else.
    """
    content = entry
    if isinstance(entry, str):
        try:
            content = json.loads(entry)
        except ValueError:
            content = None
    if content is None and entry is None:
        return {}
    if not isinstance(content, Mapping):
        raise InputError(f"the {name} of a run must be an object, got {entry!r:.60}")
    return content


def _sweep_metric(documents: list[Any]) -> tuple[str | None, Direction | None]:
    """Return the metric of the sweep and its direction; None where no document tells it, or two differ."""
    found: dict[str, Direction | None] = {}
    for document in documents:
        sweep = document.get("sweep") if isinstance(document, Mapping) else None
        config = sweep.get("config", sweep) if isinstance(sweep, Mapping) else None
        metric = config.get("metric") if isinstance(config, Mapping) else None
        if isinstance(metric, Mapping) and "name" in metric:
            found[str(metric["name"])] = GOALS.get(metric.get("goal", "minimize"))
    return next(iter(found.items())) if len(found) == 1 else (None, None)
