"""Hyperparameters read from plain data (mappings from YAML or JSON)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from search_spaces.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
from search_spaces.values import read_value
from trainables.names import InputError, unknown

TYPES: dict[str, type[Hyperparameter]] = {
    "float": Float,
    "integer": Integer,
    "ordinal": Ordinal,
    "categorical": Categorical,
}
"""Class of each ``type`` in plain data."""


def from_dict(data: Mapping[str, Any]) -> Hyperparameter:
    """Read a hyperparameter from plain data.

    ``type`` is ``float``, ``integer``, ``ordinal`` or ``categorical``. If it is missing, ``levels`` implies
    ordinal, ``choices`` categorical, and anything else float. Numbers written as strings are read as numbers,
    since YAML parses ``1e-4`` as a string and JSON has no infinity.

    Args:
        data: ``type`` and the arguments of the class.

    Raises:
        InputError: the type or a field is unknown (the message names the nearest), a field is missing, or the
            class refuses an argument.

    >>> from_dict({"name": "lr", "low": "1e-4", "high": 1, "scale": "log"})
    Float(name='lr', low=0.0001, high=1.0, scale='log', default=None)
    >>> from_dict({"name": "p", "levels": [1, 2, "inf"]})
    Ordinal(name='p', levels=(1, 2, inf), default=None)
    """
    if not isinstance(data, Mapping):
        example = "{name: lr, low: 0.001, high: 1, scale: log}"
        raise InputError(f"a hyperparameter must be a mapping such as {example}, got {data!r}")
    kind = data.get(
        "type", "ordinal" if "levels" in data else "categorical" if "choices" in data else "float"
    )
    if not isinstance(kind, str) or kind not in TYPES:
        raise unknown("type of hyperparameter", kind, TYPES)
    required = {field.name: field.default is MISSING for field in fields(TYPES[kind])}
    name = data.get("name")
    label = f"{kind} hyperparameter" + (f" {name!r}" if name is not None else "")
    arguments = {argument: value for argument, value in data.items() if argument != "type"}
    if "scale" not in required and arguments.get("scale") == kind:
        del arguments["scale"]
    _check_arguments(label, arguments, required)
    return TYPES[kind](**_read_arguments(label, arguments))


def _check_arguments(label: str, arguments: Mapping[str, Any], required: Mapping[str, bool]) -> None:
    for argument in arguments:
        if argument not in required:
            raise unknown(f"field of {label}", argument, ("type", *required))
    missing = [argument for argument, needed in required.items() if needed and argument not in arguments]
    if missing:
        raise InputError(f"{label} lacks {', '.join(map(repr, missing))} (fields: {', '.join(required)})")


def _read_arguments(label: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(arguments)
    for argument in {"low", "high", "default", "step", "zero"} & set(values):
        values[argument] = read_value(values[argument])
    for argument in {"levels", "choices"} & set(values):
        if not isinstance(values[argument], (list, tuple)):
            raise InputError(f"{argument} of {label} must be a list, got {values[argument]!r}")
        values[argument] = tuple(read_value(value) for value in values[argument])
    if isinstance(values.get("when"), Mapping):
        values["when"] = {parent: _read_values(needed) for parent, needed in values["when"].items()}
    return values


def _read_values(values: Any) -> Any:
    if isinstance(values, (list, tuple)):
        return [read_value(value) for value in values]
    return read_value(values)
