"""Hyperparameters from plain data, as YAML and JSON give it."""

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


def from_dict(data: Mapping[str, Any]) -> Hyperparameter:
    """A hyperparameter from plain data, as YAML and JSON give it.

    ``type`` is ``float``, ``integer``, ``ordinal`` or ``categorical``; without it, ``levels`` means ordinal, ``choices`` categorical, and
    anything else float. Strings that read as numbers are numbers, since YAML reads ``1e-4`` as a string and JSON has no inf.

    Args: data: ``type`` and the arguments of the class. Raises: InputError with the nearest name for an unknown field, or naming
    what is missing; as the class otherwise.

    >>> from_dict({"name": "lr", "low": "1e-4", "high": 1, "scale": "log"})
    Float(name='lr', low=0.0001, high=1.0, scale='log', default=None)
    >>> from_dict({"name": "p", "levels": [1, 2, "inf"]})
    Ordinal(name='p', levels=(1, 2, inf), default=None)
    """
    if not isinstance(data, Mapping):
        raise InputError(
            f"a hyperparameter must be a mapping such as {{name: lr, low: 0.001, high: 1, scale: log}}, got {data!r}"
        )
    kind = data.get(
        "type", "ordinal" if "levels" in data else "categorical" if "choices" in data else "float"
    )
    if not isinstance(kind, str) or kind not in TYPES:
        raise unknown("type of hyperparameter", kind, TYPES)
    made = TYPES[kind]
    known = {each.name: each.default is MISSING for each in fields(made)}
    name = data.get("name")
    label = f"{kind} hyperparameter" + (f" {name!r}" if name is not None else "")
    given = {field: each for field, each in data.items() if field != "type"}
    if "scale" not in known and given.get("scale") == kind:
        del given["scale"]
    for field in given:
        if field not in known:
            raise unknown(f"field of {label}", field, ("type", *known))
    lacking = [field for field, needed in known.items() if needed and field not in given]
    if lacking:
        raise InputError(f"{label} lacks {', '.join(map(repr, lacking))} (fields: {', '.join(known)})")
    for field in {"low", "high", "default", "step"} & set(given):
        given[field] = read_value(given[field])
    for field in {"levels", "choices"} & set(given):
        if not isinstance(given[field], (list, tuple)):
            raise InputError(f"{field} of {label} must be a list, got {given[field]!r}")
        given[field] = tuple(read_value(each) for each in given[field])
    if isinstance(given.get("when"), Mapping):
        given["when"] = {parent: _read_values(values) for parent, values in given["when"].items()}
    return made(**given)


def _read_values(values: Any) -> Any:
    return [read_value(each) for each in values] if isinstance(values, (list, tuple)) else read_value(values)
