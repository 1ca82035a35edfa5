"""Explicit: configurations that someone has already chosen, as a list or a table."""

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

    One list serves spaces that differ: a name that a space lacks is passed over, and :meth:`check_names` finds names that all lack.

    Args: rows: mappings of names to values, a pandas DataFrame, or the path of a CSV file with one column a hyperparameter, which is read
        at once. A cell that is empty or NaN is no value: what is inactive in its row.

    Raises: InputError for a file that cannot be read, no rows, or a row that is no mapping; from :meth:`configurations`, with its number,
    for a row that is no configuration of the space.

    >>> from search_spaces import Float, SearchSpace
    >>> Explicit([{"lr": 0.1}, {"lr": 1}]).configurations(SearchSpace(Float("lr", 0, 1)))
    [{'lr': 0.1}, {'lr': 1.0}]
    """

    rows: Any = field(hash=False)
    kind: ClassVar[str] = "explicit"

    def __post_init__(self) -> None:
        given = self.rows
        if isinstance(given, (str, pathlib.Path)):
            given = _read(pathlib.Path(given))
        elif hasattr(given, "to_dict") and hasattr(given, "columns"):
            given = given.to_dict("records")
        if isinstance(given, Mapping) or not isinstance(given, Iterable):
            raise InputError(
                f"rows of an explicit design must be a list of configurations, a table or the path of one, got {given!r}"
            )
        rows = []
        for row in given:
            if not isinstance(row, Mapping):
                raise InputError(
                    f"rows of an explicit design must be configurations such as {{lr: 0.01}}, got {row!r}"
                )
            for name, value in row.items():
                if isinstance(value, (list, tuple, set, Mapping)):
                    raise InputError(
                        f"rows of an explicit design must give one value for {name}, got {value!r}"
                    )
            rows.append({str(name): python_value(value) for name, value in row.items() if not _empty(value)})
        if not rows:
            raise InputError("rows of an explicit design must be at least one, got none")
        count("rows of an explicit design", len(rows))
        object.__setattr__(self, "rows", tuple(rows))

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """In the order of the rows, equal ones once."""
        found = []
        for number, row in enumerate(self.rows, 1):
            try:
                found.append(space.check({name: value for name, value in row.items() if name in space}))
            except InputError as error:
                raise InputError(f"row {number} of the explicit design: {error}") from None
        return distinct(found)

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """The rows."""
        return len(self.rows)

    def check_names(self, names: Iterable[str]) -> None:
        """Raises: InputError, with the nearest name, for a column that is none of ``names``."""
        known = sorted(set(names))
        for name in dict.fromkeys(name for row in self.rows for name in row):
            if name not in known:
                raise unknown("hyperparameter of the explicit design", name, known)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML, all rows written out; :func:`search_spaces.designs.design_from_dict` reads it."""
        return {
            "kind": self.kind,
            "rows": [{name: write_value(value) for name, value in row.items()} for row in self.rows],
        }


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
