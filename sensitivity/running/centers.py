"""Centers of one-at-a-time designs: the best configuration in the store."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.one_at_a_time import BEST
from sensitivity.study.study import Study, with_changes
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.store.store import Store

Plain = Mapping[str, Any]


def asks_for_best(study: Study) -> bool:
    """Return True if a design of the study has ``center: best``."""
    return any(_asks(study.designs.get(name, study.design)) for name in study.variants)


def centered(study: Study, store: Store) -> Study:
    """Return the study with ``center: best`` replaced by the best configuration in the store, by variant.

    The best has the smallest mean over seeds (the largest, if the study maximises) among the store's
    completed trials with the study's task and epochs. A study that has run before keeps its centers, so that
    a second run trains nothing new.

    Raises: InputError if the store has no such trial, and for several tasks, whose best may differ.
    """
    around_best = {
        name: design for name in study.variants if _asks(design := study.designs.get(name, study.design))
    }
    if not around_best:
        return study
    if len(study.tasks) > 1:
        raise InputError(
            f"center: best needs one task, as each has a best of its own; got {', '.join(study.tasks)}"
        )
    before = {row["name"] for row in store.studies()}
    earlier = Study.from_stored(store.study(study.name)).designs if study.name in before else {}
    designs = dict(study.designs)
    for name, design in around_best.items():
        previous = earlier.get(name)
        again = previous is not None and _with_center(previous, BEST, everywhere=True) == _with_center(
            design, BEST, everywhere=True
        )
        designs[name] = (
            dict(previous)
            if previous is not None and again
            else _with_center(design, _best(study, store, name))
        )
    return with_changes(study, designs=designs)


def _asks(design: Plain) -> bool:
    return design.get("center") == BEST or any(_asks(part) for part in design.get("parts", ()))


def _with_center(design: Plain, center: Any, *, everywhere: bool = False) -> dict[str, Any]:
    changed = dict(design)
    if changed.get("center") == BEST or (everywhere and changed.get("kind") == "one_at_a_time"):
        changed["center"] = center
    if "parts" in changed:
        changed["parts"] = [_with_center(part, center, everywhere=everywhere) for part in changed["parts"]]
    return changed


def _best(study: Study, store: Store, variant: str) -> dict[str, Any]:
    """Return the best configuration of a variant within its search space."""
    space, (name,) = study.space(variant), study.tasks
    table = store.trials()
    same = (
        (table["variant"] == variant)
        & (table["fingerprint"] == study.resolved.fingerprint(name))
        & (table["status"] == "completed")
    )
    table = table[same & (table["epochs"] == (study.epochs or 0))]
    losses: dict[str, list[float]] = {}
    configurations: dict[str, dict[str, Any]] = {}
    for key, configuration in zip(table["key"], table["configuration"], strict=True):
        report = store.last_report(key)
        value = math.nan if report is None else report.get(study.metric, math.nan)
        try:
            checked = space.check(
                {
                    hyperparameter: configuration[hyperparameter]
                    for hyperparameter in space.names
                    if hyperparameter in configuration
                }
            )
        except InputError:  # a configuration of another space
            continue
        if math.isfinite(value):
            losses.setdefault(repr(checked), []).append(-value if study.direction == "max" else value)
            configurations[repr(checked)] = checked
    if not losses:
        raise InputError(
            f"center: best needs completed trials of {variant} on {name} with {study.epochs} epochs in the "
            "store, and there are none; run a study of another design first, or give a configuration"
        )
    return configurations[min(losses, key=lambda text: float(np.mean(losses[text])))]
