"""The domains of hyperparameters in a file that ConfigSpace wrote (``configspace.json``)."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

from search_spaces.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
from sensitivity.exchange.tool_tables import read_json
from trainables.names import InputError


def configspace_domains(place: pathlib.Path) -> dict[str, Hyperparameter]:
    """Return the domains that ConfigSpace wrote, without those of other distributions and constants."""
    if not place.is_file():
        return {}
    content = read_json(place)
    entries = content.get("hyperparameters", ()) if isinstance(content, Mapping) else ()
    domains = [_domain(entry) for entry in entries if isinstance(entry, Mapping) and "name" in entry]
    return {domain.name: domain for domain in domains if domain is not None}


def _domain(entry: Mapping[str, Any]) -> Hyperparameter | None:
    name, kind, scale = str(entry["name"]), entry.get("type"), "log" if entry.get("log") else "linear"
    try:
        if kind == "uniform_float":
            return Float(name, entry["lower"], entry["upper"], scale)  # type: ignore[arg-type]
        if kind == "uniform_int":
            return Integer(name, entry["lower"], entry["upper"], scale)  # type: ignore[arg-type]
        if kind == "categorical":
            return Categorical(name, tuple(entry["choices"]))
        if kind == "ordinal":
            return Ordinal(name, tuple(entry.get("sequence") or entry["orders"]))
    except (KeyError, TypeError, InputError):
        return None
    return None
