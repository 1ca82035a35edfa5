"""Studies that pages and reports easily forget, by what is odd about them; several fit into one store."""

from __future__ import annotations

import json
import pathlib

from search_spaces.hyperparameters import Categorical, Float
from search_spaces.spaces import SearchSpace
from sensitivity.store.store import Store
from tests.sensitivity.dashboard.stored import HOSTILE, finish, plan

WIDE = SearchSpace(
    Float("lr", 1e-3, 1.0, "log"),
    *(Float(f"x{i}", 0, 1) for i in range(10)),
    Categorical("rule", ("a", True)),
)
NAMED = SearchSpace(
    Float("lr", 1e-3, 1.0, "log"),
    Float(HOSTILE, 0.5, 0.99, "log1m", 0.9),
    Categorical("rule", (HOSTILE, "=1+1")),
)


def none_planned(place: pathlib.Path, name: str) -> None:
    """A study that was stored, and nothing more."""
    store = Store(place)
    spec = {
        "name": name,
        "tasks": [name],
        "variants": ["adam"],
        "design": {"kind": "grid", "points": {"lr": 4}},
        "epochs": 3,
    }
    store.add_study(name, json.dumps(spec), [])
    store.close()


def none_ended(place: pathlib.Path, name: str) -> None:
    """Every trial waits."""
    plan(place, name, task=name)[0].close()


def one_ended(place: pathlib.Path, name: str) -> None:
    """A study of a single trial."""
    store, trials = plan(place, name, variants=("adam",), task=name, seeds=(0,), points={"lr": 1, "mu": 1})
    finish(store, trials)
    store.close()


def first_ended(place: pathlib.Path, name: str) -> None:
    """A study that has just begun."""
    store, trials = plan(place, name, task=name)
    finish(store, trials[:1])
    store.close()


def all_failed(place: pathlib.Path, name: str) -> None:
    """Errors, and no result."""
    store, trials = plan(place, name, task=name)
    finish(store, trials, fail=[each.key for each in trials])
    store.close()


def all_diverged(place: pathlib.Path, name: str) -> None:
    """Whatever has ended has diverged."""
    store, trials = plan(place, name, task=name)
    finish(store, [each for each in trials if each.configuration["lr"] >= 1])
    store.close()


def one_variant(place: pathlib.Path, name: str) -> None:
    """One variant, one seed."""
    store, trials = plan(place, name, variants=("adam",), task=name, seeds=(0,))
    finish(store, trials)
    store.close()


def wide(place: pathlib.Path, name: str) -> None:
    """30 variants, 12 hyperparameters."""
    points = {"lr": 3} | {f"x{i}": 1 for i in range(10)}
    store, trials = plan(
        place, name, variants=[f"variant {i}" for i in range(30)], task=name, space=WIDE, points=points
    )
    finish(store, trials)
    store.close()


def hostile(place: pathlib.Path, name: str) -> None:
    """Study, variants, task, hyperparameter, choice and error are full of HTML, script and formulas."""
    points = {"lr": 3, HOSTILE: 3}
    store, trials = plan(place, name, variants=(HOSTILE, "=cmd()"), task=HOSTILE, space=NAMED, points=points)
    finish(store, trials, fail=[trials[0].key])
    store.close()


AWKWARD = {
    "no trial is planned": none_planned,
    "no trial has ended": none_ended,
    "one trial": one_ended,
    "the first trial has ended": first_ended,
    "all failed": all_failed,
    "all diverged": all_diverged,
    "one variant, one seed": one_variant,
    "30 variants, 12 hyperparameters": wide,
    HOSTILE: hostile,
}
UNREPORTED = ("no trial is planned", "no trial has ended", "all failed")
"""Without any result, so without report."""


def awkward_store(place: pathlib.Path) -> pathlib.Path:
    """A store with all of them."""
    for name, make in AWKWARD.items():
        make(place, name)
    return place
