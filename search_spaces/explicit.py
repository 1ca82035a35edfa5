"""Explicit: the design of configurations from a list or a table."""

from __future__ import annotations

import csv
import pathlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.combinations import MOST, count, distinct
from search_spaces.planned import FixedDesign
from search_spaces.values import python_value, read_value, write_value
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace

_BOOLS = {"true": True, "false": False}


@dataclass(frozen=True)
class Explicit(FixedDesign):
    """The configurations of a list or a table.

    One list can serve several spaces: names that a space lacks are ignored, and :meth:`check_names` refuses
    names that no space has.

    Args:
        rows: mappings of names to values, a pandas DataFrame, or the path of a CSV file with one column per
            hyperparameter, which is read when the design is made. An empty or NaN cell marks a hyperparameter
            that is inactive in the row.

    Raises:
        InputError: the file cannot be read, there are no rows, or a row is not a mapping.

    >>> from search_spaces import Float, SearchSpace
    >>> Explicit([{"lr": 0.1}, {"lr": 1}]).configurations(SearchSpace(Float("lr", 0, 1)))
    [{'lr': 0.1}, {'lr': 1.0}]
    """

    rows: Any = field(hash=False)
    kind: ClassVar[str] = "explicit"

    def __post_init__(self) -> None:
        rows = [_values(row) for row in _table_rows(self.rows)]
        if not rows:
            raise InputError("rows of an explicit design must be at least one, got none")
        count("rows of an explicit design", len(rows))
        object.__setattr__(self, "rows", tuple(rows))

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Return the configurations in the order of the rows, without duplicates.

        Raises:
            InputError: a row is not a configuration of the space; the message gives the number of the row.
        """
        configurations = []
        for number, row in enumerate(self.rows, 1):
            try:
                configurations.append(
                    space.check({name: value for name, value in row.items() if name in space})
                )
            except InputError as error:
                raise InputError(f"row {number} of the explicit design: {error}") from None
        return distinct(configurations)

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def check_names(self, names: Iterable[str]) -> None:
        """Check the names of the columns.

        Args:
            names: names of the hyperparameters of all spaces of the study.

        Raises:
            InputError: no space contains a column; the message gives the nearest name.
        """
        known = sorted(set(names))
        for name in dict.fromkeys(name for row in self.rows for name in row):
            if name not in known:
                raise unknown("hyperparameter of the explicit design", name, known)

    def to_dict(self) -> dict[str, Any]:
        """Return the design, all rows included, as plain data for JSON and YAML.

        Inverse of :func:`search_spaces.designs.design_from_dict`.
        """
        rows = [{name: write_value(value) for name, value in row.items()} for row in self.rows]
        return {"kind": self.kind, "rows": rows}


def _table_rows(rows: Any) -> Iterable[Any]:
    """Return the rows of a path, a DataFrame or a list."""
    if isinstance(rows, (str, pathlib.Path)):
        rows = _read(pathlib.Path(rows))
    elif hasattr(rows, "to_dict") and hasattr(rows, "columns"):
        rows = rows.to_dict("records")
    if isinstance(rows, Mapping) or not isinstance(rows, Iterable):
        raise InputError(
            "rows of an explicit design must be a list of configurations, a table or the path of one, got "
            f"{rows!r}"
        )
    return rows


def _values(row: Any) -> dict[str, Any]:
    """Return the values of a row without its empty cells."""
    if not isinstance(row, Mapping):
        raise InputError(
            f"rows of an explicit design must be configurations such as {{lr: 0.01}}, got {row!r}"
        )
    for name, value in row.items():
        if isinstance(value, (list, tuple, set, Mapping)):
            raise InputError(f"rows of an explicit design must give one value for {name}, got {value!r}")
    return {str(name): python_value(value) for name, value in row.items() if not _empty(value)}


def _read(path: pathlib.Path) -> list[dict[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            rows = [{name: _cell(text) for name, text in row.items() if name and text} for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the configurations in {str(path)!r}: {error}") from None
    return rows


def _cell(text: str) -> Any:
    value = _BOOLS.get(text.strip().lower(), text.strip())
    return read_value(value)


def _empty(value: Any) -> bool:
    value = python_value(value)
    return value is None or value != value or value == "" or type(value).__name__ in ("NAType", "NaTType")
