"""Designs: rules that choose configurations from a search space, by name and from plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from search_spaces.adaptive_design import SAMPLERS, SCHEDULERS, AdaptiveDesign
from search_spaces.combinations import MOST, distinct
from search_spaces.explicit import Explicit
from search_spaces.grid import Grid
from search_spaces.one_at_a_time import OneAtATime
from search_spaces.planned import Composed, FixedDesign
from search_spaces.sampled import LatinHypercube, Random, Sobol
from search_spaces.screening import Morris, Saltelli
from search_spaces.values import read_value
from trainables.names import InputError, unknown

__all__ = [
    "DESIGNS",
    "MOST",
    "SAMPLERS",
    "SCHEDULERS",
    "AdaptiveDesign",
    "Composed",
    "Design",
    "Explicit",
    "FixedDesign",
    "Grid",
    "LatinHypercube",
    "Morris",
    "OneAtATime",
    "Random",
    "Saltelli",
    "Sobol",
    "design_from_dict",
    "distinct",
]

Design = (
    Grid
    | Random
    | Sobol
    | LatinHypercube
    | Saltelli
    | Morris
    | OneAtATime
    | Explicit
    | Composed
    | AdaptiveDesign
)
DESIGNS: dict[str, type[Design]] = {
    design.kind: design
    for design in (
        Grid,
        Random,
        Sobol,
        LatinHypercube,
        Saltelli,
        Morris,
        OneAtATime,
        Explicit,
        Composed,
        AdaptiveDesign,
    )
}
"""Class of each ``kind`` of design in plain data."""


def design_from_dict(data: Mapping[str, Any]) -> Design:
    """Read a design from plain data; inverse of each design's ``to_dict``.

    Args:
        data: ``kind`` (one of :data:`DESIGNS`) and the arguments of the design. Numbers written as strings
            are read as numbers.

    Raises:
        InputError: the kind or a field is unknown (the message gives the nearest), a field is missing, or the
            design refuses an argument.

    >>> design_from_dict({"kind": "grid", "levels": {"lr": ["1e-4", "1e-2"]}})
    Grid(points=3, levels={'lr': (0.0001, 0.01)})
    >>> parts = [{"kind": "sobol", "n": 64}, {"kind": "one_at_a_time"}]
    >>> design_from_dict({"kind": "composed", "parts": parts})
    Composed(parts=(Sobol(n=64, seed=0), OneAtATime(points=9, center={})))
    """
    if not isinstance(data, Mapping):
        raise InputError(f"a design must be a mapping such as {{kind: grid, points: 3}}, got {data!r}")
    if "kind" not in data:
        raise InputError(f"a design lacks 'kind' (known: {', '.join(DESIGNS)})")
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in DESIGNS:
        raise unknown("kind of design", kind, DESIGNS)
    label = f"{'an' if kind[0] in 'aeio' else 'a'} {kind} design"
    required = {
        field.name: field.default is MISSING and field.default_factory is MISSING
        for field in fields(DESIGNS[kind])
    }
    arguments = {
        name: value if name == "parts" else _read(value) for name, value in data.items() if name != "kind"
    }
    for name in arguments:
        if name not in required:
            raise unknown(f"field of {label}", name, ("kind", *required))
    for name, needed in required.items():
        if needed and name not in arguments:
            raise InputError(f"{label} lacks {name!r} (fields: {', '.join(required)})")
    if "parts" in arguments:
        arguments["parts"] = _read_parts(arguments["parts"])
    return DESIGNS[kind](**arguments)


def _read_parts(parts: Any) -> tuple[Any, ...]:
    if isinstance(parts, (str, Mapping)) or not isinstance(parts, (list, tuple)):
        raise InputError(f"parts of a composed design must be a list of designs, got {parts!r}")
    return tuple(part if isinstance(part, FixedDesign) else design_from_dict(part) for part in parts)


def _read(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _read(item) for name, item in value.items()}
    return [_read(item) for item in value] if isinstance(value, (list, tuple)) else read_value(value)
