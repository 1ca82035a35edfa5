"""The plan's estimate of the time of a study, by a clock that ticks a second an epoch of one batch."""

from __future__ import annotations

import itertools
import math
import time
import types
from typing import Any

import pytest
import torch

from search_spaces import Float, Integer, SearchSpace
from sensitivity.study import timing
from sensitivity.study.estimates import plan_rows
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from trainables.cohorts import CohortLoop
from trainables.datasets import load
from trainables.training import TrainingLoop

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
def a_second_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = types.SimpleNamespace(process_time=itertools.count().__next__)
    monkeypatch.setattr(timing, "time", clock)


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
    images = (
        train + test
    )  # by this clock an image that is only evaluated takes as long as one that is trained too
    epochs = changes.get("epochs", 5)
    assert row["trials"] == TRIALS
    assert row["hours"] == pytest.approx(TRIALS * epochs * images / batch / 3600, rel=1e-9)


def test_each_task_has_its_own_time_and_all_seeds() -> None:
    rows = plan_rows(Study(**{**SPEC, "tasks": ["mlp/digits", "logistic/synthetic"], "seeds": 1}))
    hours = {row["task"]: row["hours"] for row in rows}
    assert hours["mlp/digits"] == pytest.approx(4 * 5 * (TRAIN + TEST) / 64 / 3600, rel=1e-9)
    assert hours["logistic/synthetic"] == pytest.approx(4 * 5 * (400 + 200) / 64 / 3600, rel=1e-9)


def test_an_adaptive_study_is_estimated_by_its_number_of_configurations() -> None:
    design = {"kind": "adaptive", "n": 7}
    (row,) = plan_rows(Study(**{**SPEC, "design": design}))
    assert (row["cells"], row["configurations"], row["trials"]) == (7, 7, 7 * 3)
    assert row["hours"] == pytest.approx(7 * 3 * 5 * (TRAIN + TEST) / 64 / 3600, rel=1e-9)


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


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any], int]]:
    """What is timed: variant, configuration and batch size; it takes as many seconds as the width."""
    calls: list[tuple[str, dict[str, Any], int]] = []

    def seconds(task: Any, variant: Any, configuration: dict[str, Any], batch: int, precision: str) -> Any:
        calls.append((variant.name, configuration, batch))
        return float(configuration.get("width", 128)), 0.0

    monkeypatch.setattr(timing, "batch_seconds", seconds)
    return calls


def test_every_model_of_a_study_is_timed_once_and_counts_as_often_as_it_is_trained(timed: list[Any]) -> None:
    space = SearchSpace(
        Float("lr", 0.01, 0.1, "log"), Integer("width", 32, 64), Integer("batch_size", 16, 64, "log")
    )
    design = {
        "kind": "explicit",
        "rows": [
            {"lr": 0.01, "width": 32, "batch_size": 16},
            {"lr": 0.1, "width": 32, "batch_size": 16},
            {"lr": 0.1, "width": 64, "batch_size": 64},
        ],
    }
    study = Study(
        **{**SPEC, "variants": ["sgd", "adam"], "space": space, "design": design, "default_setting": False}
    )
    rows = plan_rows(study)
    assert [(call[0], call[1]["width"], call[2]) for call in timed] == [("sgd", 32, 16), ("sgd", 64, 64)]
    mean = (2 * 32 / 16 + 64 / 64) / 3 * 5 * TRAIN
    for row in rows:
        assert row["hours"] == pytest.approx(3 * 3 * mean / 3600)


def test_optimizers_of_other_costs_are_timed_by_themselves(timed: list[Any]) -> None:
    variants = ["adam", "l2-mean-bias_corrected-second", "torch.optim.AdamW"]
    plan_rows(Study(**{**SPEC, "variants": variants, "space": SearchSpace(Float("lr", 0.01, 0.1, "log"))}))
    assert [call[0] for call in timed] == variants


def test_many_models_are_a_sample(timed: list[Any]) -> None:
    space = SearchSpace(Float("lr", 0.01, 0.1, "log"), Integer("width", 1, 1000))
    plan_rows(Study(**{**SPEC, "space": space, "design": {"kind": "random", "n": 100}, "seeds": 1}))
    assert 2 <= len(timed) <= timing.MOST_KINDS


@pytest.mark.slow
@pytest.mark.parametrize("task", ["mlp/digits", "autoencoder/digits"])
def test_an_estimate_is_of_the_size_of_what_it_estimates(monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    monkeypatch.setattr(timing, "time", time)
    study = Study(
        **{
            **SPEC,
            "tasks": [task],
            "design": {"kind": "grid", "points": 4},
            "epochs": 4,
            "limit": 512,
            "seeds": 2,
        }
    )
    planned = trials(study)
    hours = sum(row["hours"] for row in plan_rows(study))
    data = load("digits").limited(512)
    loops = [
        TrainingLoop(
            study.resolved.task(task), study.resolved.variant("sgd"), trial.configuration, trial.seed,
            data=data, epochs=4, batch_size=64, initial_loss=math.inf,
        )
        for trial in planned
    ]  # fmt: skip
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    began = time.process_time()
    list(CohortLoop(loops, largest=16 if task == "mlp/digits" else 1))
    spent = time.process_time() - began
    torch.set_num_threads(before)
    assert spent / 2 < 3600 * hours < 2 * spent
