"""The folders of tools that write one of their own, recognised by their files."""

from __future__ import annotations

import pathlib

from sensitivity.exchange.deepcave_runs import is_deepcave, read_deepcave
from sensitivity.exchange.deepobs_runs import is_deepobs, read_deepobs
from sensitivity.exchange.keras_tuner_projects import is_keras_tuner, read_keras_tuner
from sensitivity.exchange.tool_tables import ToolTable
from trainables.names import InputError, unknown

TOOLS = {
    "deepcave": (is_deepcave, read_deepcave),
    "keras_tuner": (is_keras_tuner, read_keras_tuner),
    "deepobs": (is_deepobs, read_deepobs),
}
"""By kind: how a folder is recognised, and how it is read."""


def tool_of(place: pathlib.Path) -> str | None:
    """Return the kind of a folder, None for one that none of the tools wrote."""
    return next(
        (kind for kind, (recognised, _) in TOOLS.items() if place.is_dir() and recognised(place)), None
    )


def read_folder(place: pathlib.Path, kind: str | None = None) -> ToolTable:
    """Return the table of a tool's folder.

    Args:
        place: of the folder.
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
