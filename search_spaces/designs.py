"""Designs: the rules that pick configurations from a search space, by name and from plain data."""

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
]  # fmt: skip

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
    each.kind: each
    for each in (
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


def design_from_dict(data: Mapping[str, Any]) -> Design:
    """A design from plain data, as YAML and JSON give it; the inverse of each design's ``to_dict``.

    Args: data: ``kind`` (one of :data:`DESIGNS`) and the arguments of the design. Strings that read as numbers are numbers.
    Raises: InputError with the nearest name for an unknown kind or field, or naming what is missing; as the design otherwise.

    >>> design_from_dict({"kind": "grid", "levels": {"lr": ["1e-4", "1e-2"]}})
    Grid(points=3, levels={'lr': (0.0001, 0.01)})
    >>> design_from_dict({"kind": "composed", "parts": [{"kind": "sobol", "n": 64}, {"kind": "one_at_a_time"}]})
    Composed(parts=(Sobol(n=64, seed=0), OneAtATime(points=9, center={})))
    """
    if not isinstance(data, Mapping):
        raise InputError(f"a design must be a mapping such as {{kind: grid, points: 3}}, got {data!r}")
    if "kind" not in data:
        raise InputError(f"a design lacks 'kind' (known: {', '.join(DESIGNS)})")
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in DESIGNS:
        raise unknown("kind of design", kind, DESIGNS)
    made, article = DESIGNS[kind], "an" if kind[0] in "aeio" else "a"
    known = {each.name: each.default is MISSING and each.default_factory is MISSING for each in fields(made)}
    given = {name: each if name == "parts" else _read(each) for name, each in data.items() if name != "kind"}
    for name in given:
        if name not in known:
            raise unknown(f"field of {article} {kind} design", name, ("kind", *known))
    for name, needed in known.items():
        if needed and name not in given:
            raise InputError(f"{article} {kind} design lacks {name!r} (fields: {', '.join(known)})")
    if "parts" in given:
        if isinstance(given["parts"], (str, Mapping)) or not isinstance(given["parts"], (list, tuple)):
            raise InputError(f"parts of a composed design must be a list of designs, got {given['parts']!r}")
        given["parts"] = tuple(
            each if isinstance(each, FixedDesign) else design_from_dict(each) for each in given["parts"]
        )
    return made(**given)


def _read(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _read(each) for name, each in value.items()}
    return [_read(each) for each in value] if isinstance(value, (list, tuple)) else read_value(value)
