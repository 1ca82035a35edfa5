"""The plan's estimate of the time of a study, by a clock that ticks a second a training step."""

from __future__ import annotations

import itertools
import types
from typing import Any

import pytest

from search_spaces import Float, SearchSpace
from sensitivity.study import estimates
from sensitivity.study.estimates import plan_rows
from sensitivity.study.planning import trials
from sensitivity.study.study import Study

SPEC: dict[str, Any] = {
    "name": "s",
    "tasks": ["mlp/digits"],
    "variants": ["sgd"],
    "design": {"kind": "grid", "points": 4},
    "seeds": 3,
    "epochs": 5,
    "batch_size": 64,
}
TRIALS = 4 * 3
TRAIN, TEST = 1437, 360


@pytest.fixture(autouse=True)
def a_second_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = types.SimpleNamespace(process_time=itertools.count().__next__)
    monkeypatch.setattr(estimates, "time", clock)


@pytest.mark.parametrize(
    ("changes", "train", "test", "batch"),
    [
        pytest.param({}, TRAIN, TEST, 64, id="all images"),
        pytest.param({"epochs": 10}, TRAIN, TEST, 64, id="more epochs"),
        pytest.param({"limit": 500}, 500, TEST, 64, id="fewer training images"),
        pytest.param({"limit": 100}, 100, 100, 64, id="fewer images"),
        pytest.param({"limit": 10**6}, TRAIN, TEST, 64, id="a limit above all images"),
        pytest.param({"limit": 16}, 16, 16, 16, id="fewer than a batch"),
    ],
)
def test_an_epoch_trains_and_evaluates_its_images(
    changes: dict[str, Any], train: int, test: int, batch: int
) -> None:
    (row,) = plan_rows(Study(**{**SPEC, **changes}))
    images = train + (train + test) / 3  # an evaluated image takes a third of a trained one
    epochs = changes.get("epochs", 5)
    assert row["trials"] == TRIALS
    assert row["hours"] == pytest.approx(TRIALS * epochs * images / batch / 3600, rel=1e-9)


def test_each_task_has_its_own_time_and_all_seeds() -> None:
    rows = plan_rows(Study(**{**SPEC, "tasks": ["mlp/digits", "logistic/synthetic"], "seeds": 1}))
    hours = {row["task"]: row["hours"] for row in rows}
    assert hours["mlp/digits"] == pytest.approx(4 * 5 * (TRAIN + (TRAIN + TEST) / 3) / 64 / 3600, rel=1e-9)
    assert hours["logistic/synthetic"] == pytest.approx(4 * 5 * (400 + 600 / 3) / 64 / 3600, rel=1e-9)


def test_an_adaptive_study_is_estimated_by_its_number_of_configurations() -> None:
    design = {"kind": "adaptive", "n": 7}
    (row,) = plan_rows(Study(**{**SPEC, "design": design}))
    assert (row["cells"], row["configurations"], row["trials"]) == (7, 7, 7 * 3)
    assert row["hours"] == pytest.approx(7 * 3 * 5 * (TRAIN + (TRAIN + TEST) / 3) / 64 / 3600, rel=1e-9)


def test_a_function_takes_no_time_and_a_trainable_of_ones_own_an_unknown_one() -> None:
    function = Study(name="f", tasks=["function/ishigami"], design={"kind": "random", "n": 4}, epochs=1)
    assert [row["hours"] for row in plan_rows(function)] == [0]
    own = Study(
        name="own",
        trainable="math:sqrt",
        space=SearchSpace(Float("x", 0.1, 1)),
        metric="loss",
        design={"kind": "random", "n": 4},
    )
    assert [(row["trials"], row["hours"]) for row in plan_rows(own)] == [(4, None)]


def test_what_the_store_has_is_subtracted_and_its_seconds_are_used() -> None:
    study = Study(**{**SPEC, "tasks": ["mlp/digits"]})
    planned = trials(study)
    (row,) = plan_rows(study, {trial.key: 36.0 for trial in planned[:3]} | {"another": 1.0})
    assert (row["trials"], row["stored"]) == (TRIALS, 3)
    assert row["hours"] == pytest.approx((TRIALS - 3) * 36 / 3600)
    (whole,) = plan_rows(study, {trial.key: 0.0 for trial in planned})
    assert (whole["stored"], whole["hours"]) == (TRIALS, 0)
