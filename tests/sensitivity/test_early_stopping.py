"""Early stopping: trials that fall behind end early, and are never mixed with those that did not."""

from __future__ import annotations

import pathlib
from typing import Any

import optuna
import pytest
from ray import tune

from search_spaces.hyperparameters import Float
from search_spaces.spaces import SearchSpace
from sensitivity.measures import Measured
from sensitivity.questions.summary import caveats
from sensitivity.running.run import run
from sensitivity.study.study import Study
from trainables.names import InputError

SPEC: dict[str, Any] = {
    "name": "early",
    "tasks": ["logistic/synthetic"],
    "variants": ["sgd", "adam"],
    "design": {"kind": "adaptive", "n": 8, "sampler": "random", "scheduler": "asha"},
    "epochs": 8,
}


def test_trials_that_fall_behind_stop_and_take_no_part_in_a_measure(
    cluster: None, tmp_path: pathlib.Path
) -> None:
    store = tmp_path / "s.sqlite"
    results = run(Study(**SPEC), store=store, workers=2)
    table = results.trials
    assert len(table) == 16
    stopped = table[table["status"] == "stopped"]
    assert len(stopped) >= 4
    assert (stopped["epochs_done"].between(1, 7)).all()
    assert stopped["loss"].isna().all()
    done = table[table["status"] == "completed"]
    assert set(done["variant"]) == {
        "sgd",
        "adam",
    }  # each variant is compared with itself, so each has one that reached the end
    assert (done["epochs_done"] == 8).all()
    assert Measured(results).overview["n"].sum() == len(results.usable)
    assert [
        each
        for each in caveats(Measured(results))
        if each.startswith(f"{len(stopped)} of 16 trials were stopped early")
    ]
    storage = f"sqlite:///{store}"
    told = [
        each
        for name in optuna.get_all_study_names(storage)
        for each in optuna.load_study(study_name=name, storage=storage).trials
    ]
    assert sorted(each.state.name for each in told) == sorted(
        ["PRUNED"] * len(stopped) + ["COMPLETE"] * len(results.usable)
    )
    again = run(Study(**SPEC), store=store, workers=2)
    assert len(again.epochs) == len(results.epochs)  # nothing is trained again


def rising(config: dict[str, Any]) -> None:
    for step in range(8):
        tune.report({"score": config["x"] * step})


def test_a_trainable_of_ones_own_is_stopped_too(cluster: None, tmp_path: pathlib.Path) -> None:
    fields: dict[str, Any] = {
        "trainable": rising,
        "space": SearchSpace(Float("x", 0, 1)),
        "metric": "score",
        "direction": "max",
    }
    study = Study(
        name="own",
        **fields,
        design={**SPEC["design"], "scheduler": "ray.tune.schedulers:MedianStoppingRule"},
        epochs=8,
    )
    counts = run(study, store=tmp_path / "s.sqlite", workers=2).trials["status"].value_counts()
    assert counts["completed"] >= 1
    assert counts.sum() == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"seeds": 2}, "compares single trials, so seeds must be one", id="two seeds"),
        pytest.param(
            {"design": {**SPEC["design"], "scheduler": "ash"}},
            "unknown scheduler 'ash'; did you mean 'asha'",
            id="unknown",
        ),
        pytest.param(
            {"design": {**SPEC["design"], "scheduler": "nowhere:Rule"}},
            "cannot be imported",
            id="not importable",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Study(**{**SPEC, **changes})
