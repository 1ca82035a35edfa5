"""A table that was read from a tool's file or folder, with what the tool says of it."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.exchange.delimited_files import EMPTY, typed
from trainables.names import InputError

if TYPE_CHECKING:
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


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a table; a row without an entry has None there.

    >>> frame_of([{"lr": 0.1}, {"mu": 0.9}])["mu"].tolist()
    [None, 0.9]
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names})


def frame_of_texts(rows: Sequence[Mapping[str, Any]], columns: Iterable[str]) -> pd.DataFrame:
    """Return rows as a table, in which columns of texts become numbers or bools where all cells are such.

    >>> frame_of_texts([{"lr": "0.1"}, {"lr": "1"}, {}], ["lr"])["lr"].tolist()
    [0.1, 1, None]
    """
    frame = frame_of(rows)
    for name in columns:
        texts = [EMPTY[0] if cell is None else cell for cell in frame[name]]
        if all(isinstance(text, str) for text in texts):
            frame[name] = typed(texts).astype(object)
    return frame


def flat_entries(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the entries of nested mappings by their path.

    >>> flat_entries({"opt": {"lr": 0.1}, "seed": 1}, "config.")
    {'config.opt.lr': 0.1, 'config.seed': 1}
    """
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping) and value:
            flat |= flat_entries(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


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
