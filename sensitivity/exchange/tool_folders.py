"""The files and folders of tools that write one of their own, recognised by what is in them."""

from __future__ import annotations

import pathlib

from sensitivity.exchange.deepcave_runs import is_deepcave, read_deepcave
from sensitivity.exchange.deepobs_runs import is_deepobs, read_deepobs
from sensitivity.exchange.hydra_jobs import is_hydra, read_hydra
from sensitivity.exchange.keras_tuner_projects import is_keras_tuner, read_keras_tuner
from sensitivity.exchange.mlflow_runs import is_mlflow, read_mlflow
from sensitivity.exchange.neptune_runs import is_neptune, read_neptune
from sensitivity.exchange.smac_runs import is_smac, read_smac
from sensitivity.exchange.syne_tune_results import is_syne_tune, read_syne_tune
from sensitivity.exchange.tensorboard_logs import is_tensorboard, read_tensorboard
from sensitivity.exchange.tool_tables import ToolTable
from sensitivity.exchange.wandb_runs import is_wandb, read_wandb
from trainables.names import InputError, unknown

TOOLS = {
    "deepcave": (is_deepcave, read_deepcave),
    "keras_tuner": (is_keras_tuner, read_keras_tuner),
    "smac": (is_smac, read_smac),
    "syne_tune": (is_syne_tune, read_syne_tune),
    "wandb": (is_wandb, read_wandb),
    "neptune": (is_neptune, read_neptune),
    "mlflow": (is_mlflow, read_mlflow),
    "hydra": (is_hydra, read_hydra),
    "deepobs": (is_deepobs, read_deepobs),
    "tensorboard": (is_tensorboard, read_tensorboard),
}
"""By kind: how a file or folder is recognised, and how it is read. The first that recognises it counts."""
FILES = ("smac", "syne_tune", "wandb", "neptune")
"""Kinds that may also be a single file."""


def tool_of(place: pathlib.Path) -> str | None:
    """Return the kind of a file or folder, None for one that none of the tools wrote."""
    if not place.exists():
        return None
    kinds = TOOLS if place.is_dir() else FILES
    return next((kind for kind in kinds if TOOLS[kind][0](place)), None)


def read_folder(place: pathlib.Path, kind: str | None = None) -> ToolTable:
    """Return the table of a tool's file or folder.

    Args:
        place: of the file or folder.
        kind: recognised where it is not given.

    Raises:
        InputError: no tool is known that writes such a folder, or a file of it cannot be read.
    """
    if kind is not None and kind not in TOOLS:
        raise unknown("kind of folder", kind, TOOLS)
    tool = kind or tool_of(place)
    if tool is None:
        raise InputError(f"{str(place)!r} is a folder of none of {', '.join(TOOLS)}; name a file in it")
    return TOOLS[tool][1](place)
