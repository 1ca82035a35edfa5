"""Runs that :mod:`sensitivity.exchange.exporting` wrote for other tools, read as the trials they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search_spaces.values import read_value
from sensitivity.exchange.exporting import FINAL

FACTS = ("variant", "task", "seed", "status")
"""Facts of a trial that every export has."""


def is_exported(facts: Mapping[str, Any]) -> bool:
    """Return True for facts of a run which only an export of this package has together."""
    return all(name in facts for name in FACTS)


def exported_row(
    facts: Mapping[str, Any], configuration: Mapping[str, Any], metrics: Mapping[str, float]
) -> dict[str, Any]:
    """Return a run as a row of the table of trials that this package writes.

    Args:
        facts: variant, task, seed and status, and the key where it is known.
        configuration: values by hyperparameter.
        metrics: the last value of each, among them ``result/loss`` and ``result/value``.
    """
    final = {name.removeprefix(FINAL): value for name, value in metrics.items() if name.startswith(FINAL)}
    return {
        **{name: facts[name] for name in FACTS},
        "seed": read_value(facts["seed"]),
        "key": facts.get("key"),
        "epochs_done": None,
        "value": final.get("value"),
        "loss": final.get("loss"),
        **{f"config/{name}": read_value(value) for name, value in configuration.items()},
    }
