"""What would decide an undecided pair: a sentence for each, with a command that does it."""

from __future__ import annotations

import math
import pathlib
import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from sensitivity import Study
from sensitivity.measures import Measured
from sensitivity.measures.verdicts import UNDECIDED, verdicts
from sensitivity.questions.decided import undecided
from sensitivity.questions.next_steps import next_steps, source_of
from sensitivity.results.results import IMPORTED, Results, records
from sensitivity.store.store import Store
from sensitivity.study.study import with_changes, with_configurations
from tests.sensitivity.tables import noisy, results
from trainables.names import InputError

NAMES = ("adam", "nadam")


def table(**cells: Any) -> pd.DataFrame:
    """One undecided pair of the primary measure."""
    row = {
        "task": "t", "primary": True, "a": "adam", "b": "nadam", "verdict": UNDECIDED, "seeds": math.nan,
        "configurations": math.nan, "note": "",
    }  # fmt: skip
    return pd.DataFrame([{**row, **cells}])


def of(seeds: tuple[int, ...] = (0, 1, 2), design: str = "grid") -> Any:
    return results(noisy(0.02), variants=NAMES, seeds=seeds, design=design)


@pytest.mark.parametrize(
    ("found", "cells", "said"),
    [
        (
            of(),
            {"seeds": 5.0},
            "Not decided: adam against nadam. 2 more seeds would decide it with a chance of 80%: `sensitivity "
            "run s.yaml --seeds 5`.",
        ),
        (of(), {"seeds": 51.0}, "Not decided: adam against nadam. More than 50 seeds would be needed."),
        (
            of((3, 7)),
            {"seeds": 3.0},
            "Not decided: adam against nadam. 1 more seed would decide it with a chance of 80%.",
        ),
        (
            of((0,)),
            {"note": "one seed: the noise is not known"},
            "Not decided: adam against nadam. One seed does not tell the noise: `sensitivity run s.yaml "
            "--seeds 3`.",
        ),
        (
            of(design="random"),
            {"configurations": 96.0},
            "Not decided: adam against nadam. 96 configurations of each variant would decide it with a chance "
            "of 80%: `sensitivity run s.yaml --configurations 96`.",
        ),
        (
            of(design="saltelli"),
            {"configurations": 96.0},
            "Not decided: adam against nadam. 96 configurations of each variant would decide it with a chance "
            "of 80%.",
        ),
        (
            replace(of(), spec={IMPORTED: "a table"}),
            {"seeds": 5.0},
            "Not decided: adam against nadam. 2 more seeds would decide it with a chance of 80%.",
        ),
        (of(), {}, "Not decided: adam against nadam. Nothing tells how many trials would decide it."),
        (of(), {"verdict": "better"}, None),
        (of(), {"primary": False, "seeds": 5.0}, None),
    ],
)
def test_sentences(found: Any, cells: dict[str, Any], said: str | None) -> None:
    assert next_steps(found, table(**cells), source="s.yaml") == ([] if said is None else [said])


def test_the_cheapest_comes_first_and_tasks_are_named() -> None:
    both = pd.concat([table(seeds=60.0), table(seeds=9.0, task="u")])
    first, last = next_steps(of(), both)
    assert first.startswith("Not decided on u: adam against nadam. 6 more seeds")
    assert last == "Not decided on t: adam against nadam. More than 50 seeds would be needed."


def test_the_command_makes_the_study_that_decides() -> None:
    """Equal variants stay undecided; the seeds that are told are accepted by the command, and more than now."""
    found = of((0, 1))
    steps = next_steps(found, verdicts(found, margin=0.01))
    assert len(steps) == 1
    needed = re.search(r"--seeds (\d+)`", steps[0])
    assert needed is not None or "More than 50" in steps[0]


@pytest.mark.parametrize("design", ["grid", "random"])
def test_a_pair_has_the_unit_of_its_design(design: str) -> None:
    undecided = verdicts(of(design=design), margin=1e-6).query("verdict == 'undecided'")
    assert len(undecided)
    known, unknown = ("seeds", "configurations") if design == "grid" else ("configurations", "seeds")
    assert (undecided[known] > (3 if design == "grid" else 12)).all()
    assert undecided[unknown].isna().all()


def test_configurations_are_those_of_every_design() -> None:
    study = Study(name="s", tasks="mlp/digits", variants=NAMES, design={"kind": "sobol", "n": 8}, epochs=1)
    assert with_configurations(study, None) is study
    assert with_configurations(study, 32).design["n"] == 32
    mixed = with_changes(study, designs={"adam": {"kind": "random", "n": 4}})
    assert with_configurations(mixed, 32).designs["adam"]["n"] == 32
    with pytest.raises(InputError, match="configurations needs a design of random, sobol, latin_hypercube"):
        with_configurations(with_changes(study, design={"kind": "grid", "points": 2}), 32)


def stored(study: Study, place: pathlib.Path) -> Results:
    """A study without results, as a run keeps it."""
    store = Store(place)
    store.add_study(study.name, study.to_stored(), [])
    found = Results.from_store(store, study.name)
    store.close()
    return found


def test_a_study_that_is_a_preset_is_named_in_commands(tmp_path: pathlib.Path) -> None:
    study = Study.preset("quickstart")
    space = [{"name": "lr", "low": 1e-4, "high": 0.1, "scale": "log"}]
    for place, (changes, named) in enumerate(
        [
            ({}, "--preset quickstart"),
            ({"seeds": tuple(range(9))}, "--preset quickstart"),
            ({"epochs": 7}, "--study quickstart"),
            ({"spaces": {**study.spaces, "sgd": space}}, "--study quickstart"),
            ({"name": "my own"}, "--study 'my own'"),
        ]
    ):
        assert source_of(stored(study.model_copy(update=changes), tmp_path / f"{place}.sqlite")) == named


def test_the_summary_ends_with_the_command_that_decides_the_cheapest_pair() -> None:
    found = results(noisy(0.15), variants=NAMES, seeds=(0, 1, 2))
    text = " ".join(undecided(Measured(found), found.groups[0][0]))
    left = [row for row in records(verdicts(found)) if row["verdict"] == UNDECIDED]
    assert left, "the example decides everything"
    seeds = int(min(row["seeds"] for row in left))
    assert f"To decide the first with a chance of 80%: `sensitivity run STUDY.yaml --seeds {seeds}`." in text
