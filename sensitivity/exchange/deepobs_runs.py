"""The result folders of DeepOBS: ``testproblem/optimizer/setting/RUN.json``, a file a run."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from sensitivity.exchange.tool_tables import ToolTable, read_mapping
from trainables.names import InputError

SETTINGS = "optimizer_hyperparams"
CURVES = (
    "train_losses",
    "valid_losses",
    "test_losses",
    "train_accuracies",
    "valid_accuracies",
    "test_accuracies",
)
"""Lists with a value for every epoch, the first before training."""
DEPTHS = ("*.json", "*/*.json", "*/*/*.json", "*/*/*/*.json")


def is_deepobs(place: pathlib.Path) -> bool:
    """Return True for a folder of runs of DeepOBS, or one of the folders within it."""
    first = next(_files(place), None)
    if first is None:
        return False
    try:
        content = json.loads(first.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, ValueError):
        return False
    return isinstance(content, Mapping) and SETTINGS in content and any(name in content for name in CURVES)


def read_deepobs(place: pathlib.Path) -> ToolTable:
    """Return the runs of a folder, a row an epoch; the loss before training is the initial loss.

    Source:
        https://deepobs.readthedocs.io/en/stable/user_guide/quick_start.html
    """
    runs = [(path, read_mapping(path)) for path in _files(place)]
    runs = [(path, run) for path, run in runs if SETTINGS in run]
    if not runs:
        raise InputError(f"{str(place)!r} holds no runs of DeepOBS")
    rows = [row for path, run in runs for row in _rows(path, run)]
    columns = dict.fromkeys(name for row in rows for name in row)
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns})
    return ToolTable(frame)


def _files(place: pathlib.Path) -> Iterator[pathlib.Path]:
    return (path for depth in DEPTHS for path in sorted(place.glob(depth)))


def _rows(path: pathlib.Path, run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for every epoch of a run.

    The first entry of a curve, from before training, becomes the column ``initial_CURVE``.
    """
    folders = [parent.name for parent in path.parents]
    settings = run[SETTINGS] if isinstance(run[SETTINGS], Mapping) else {}
    curves = {name: run[name] for name in CURVES if isinstance(run.get(name), list) and run[name]}
    if not curves:
        raise InputError(f"cannot read {str(path)!r}: it has none of {', '.join(CURVES)}")
    label = {
        "testproblem": run.get("testproblem") or (folders[2] if len(folders) > 2 else "testproblem"),
        "optimizer": run.get("optimizer")
        or run.get("optimizer_name")
        or (folders[1] if len(folders) > 1 else "optimizer"),
        "seed": run.get("random_seed", run.get("seed")),
    }
    label = {name: value for name, value in label.items() if value is not None}
    config = {f"params.{name}": value for name, value in settings.items()}
    config |= {
        f"params.{name}": run[name]
        for name in ("batch_size", "weight_decay")
        if isinstance(run.get(name), (int, float))
    }
    label |= {f"initial_{name}": curve[0] for name, curve in curves.items()}
    return [
        {
            **label,
            **config,
            "epoch": epoch,
            **{name: curve[epoch] if epoch < len(curve) else None for name, curve in curves.items()},
        }
        for epoch in range(1, max([2, *map(len, curves.values())]))
    ]
