"""A table that was read from a tool's folder, with what the tool says of it."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainables.names import InputError

if TYPE_CHECKING:
    import pandas as pd

    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.study.metric_names import Direction


@dataclass(frozen=True)
class ToolTable:
    """A table with a row a trial, or a row an epoch of each.

    frame: hyperparameters are called ``params.NAME``.
    metric: column of the result, where the tool judges by one.
    directions: of results, by column.
    domains: of hyperparameters, by name.
    notes: sentences on what was read.
    """

    frame: pd.DataFrame
    metric: str | None = None
    directions: Mapping[str, Direction] = field(default_factory=dict)
    domains: Mapping[str, Hyperparameter] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_json(place: pathlib.Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        InputError: the file cannot be read or holds no JSON.
    """
    try:
        return json.loads(place.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, ValueError) as error:
        raise InputError(f"cannot read {str(place)!r}: {' '.join(str(error).split())}") from None


def read_mapping(place: pathlib.Path) -> Mapping[str, Any]:
    """Return the object in a JSON file.

    Raises:
        InputError: the file holds anything else.
    """
    content = read_json(place)
    if not isinstance(content, Mapping):
        raise InputError(f"cannot read {str(place)!r}: it holds no JSON object")
    return content
