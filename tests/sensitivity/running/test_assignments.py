"""Assignments: what a user's trainable is given, and what is read in the results of Ray Tune."""

from __future__ import annotations

import math
from typing import Any

import pytest

from search_spaces import Float, SearchSpace
from sensitivity.running.assignments import Assignments, TrainableAssignments
from sensitivity.store.store import Store
from sensitivity.study.planning import Cohort, trials
from sensitivity.study.study import Study

EPOCHS = 3
CONFIG: dict[str, Any] = {
    "variant": "own",
    "members": [{"key": "k", "configuration": {"x": 0.5}, "seed": 7}],
}


def study(**changes: Any) -> Study:
    """A study of a function, which stands for a trainable of the user's."""
    fields: dict[str, Any] = {
        "name": "s",
        "trainable": "math:sqrt",
        "space": SearchSpace(Float("x", 0.1, 1)),
        "design": {"kind": "grid", "points": 2},
        "metric": "loss",
        "epochs": EPOCHS,
    }
    return Study(**{**fields, **changes})


def assignments(store: Store | None = None, *, stops_early: bool = False, **changes: Any) -> Assignments:
    return TrainableAssignments(
        study(**changes),
        store,  # type: ignore[arg-type]
        {},
        "cpu",
        stops_early=stops_early,
    )


def result(epoch: int, **numbers: Any) -> dict[str, Any]:
    return {"training_iteration": epoch, "time_this_iter_s": 0.25, "config": {"x": 0.5}, **numbers}


@pytest.mark.parametrize(
    ("stops_early", "epoch", "loss", "status"),
    [
        pytest.param(True, EPOCHS - 1, 0.5, "stopped", id="before the last epoch"),
        pytest.param(True, EPOCHS - 1, math.nan, "stopped", id="before the last epoch, not finite"),
        pytest.param(True, EPOCHS, 0.5, "completed", id="at the last epoch"),
        pytest.param(True, EPOCHS, math.inf, "diverged", id="at the last epoch, not finite"),
        pytest.param(False, EPOCHS - 1, 0.5, "completed", id="of its own accord"),
        pytest.param(False, EPOCHS - 1, math.nan, "diverged", id="of its own accord, not finite"),
    ],
)
def test_a_trial_is_stopped_only_where_a_scheduler_ended_it_before_its_last_epoch(
    stops_early: bool, epoch: int, loss: float, status: str
) -> None:
    (report,) = assignments(stops_early=stops_early).ending(CONFIG, result(epoch, loss=loss))
    assert (report["key"], report["epoch"], report["status"]) == ("k", epoch, status)


@pytest.mark.parametrize(
    ("last", "reported"),
    [
        (None, "nothing"),
        (result(1), "nothing"),
        (result(1, accuracy=0.5, deep={"auc": 1}), "accuracy, deep/auc"),
    ],
)
def test_a_trial_without_its_metric_has_failed(last: dict[str, Any] | None, reported: str) -> None:
    for stops_early in (False, True):
        assert assignments(stops_early=stops_early).ending(CONFIG, last) == [
            {
                "key": "k",
                "status": "failed",
                "error": f"the trainable reported no number named 'loss' (it reported: {reported})",
            }
        ]


def test_a_report_has_every_number_of_the_users_and_none_of_tunes() -> None:
    numbers = {"loss": 0.5, "deep": {"auc": 1, "name": "a"}, "done": False, "config/x": 0.5, "pid": 3}
    (report,) = assignments().reports(CONFIG, result(2, **numbers))
    assert math.isnan(report["initial_loss"])
    assert {name: value for name, value in report.items() if name != "initial_loss"} == {
        "key": "k", "status": "running", "epoch": 2, "seconds": 0.25, "loss": 0.5, "deep/auc": 1.0,
    }  # fmt: skip
    assert assignments().reports(CONFIG, {"loss": 0.5}) == []


def test_a_trainable_is_given_its_configuration_and_seed_and_its_variant_among_several() -> None:
    assert assignments().trainable_config(CONFIG) == {"x": 0.5, "seed": 7}
    several = assignments(variants=["own", "other"])
    assert several.trainable_config(CONFIG) == {"x": 0.5, "seed": 7, "variant": "own"}


def test_what_is_proposed_again_is_not_trained_again(tmp_path: Any) -> None:
    store = Store(tmp_path / "s.sqlite")
    given = assignments(store, seeds=2)
    (label,) = given.labels()
    first = given.chosen(label, [{"x": 0.5}])["members"]
    assert [member["seed"] for member in first] == [0, 1]
    store.keep([{"key": first[0]["key"], "status": "completed", "epoch": 1, "loss": 0.25}])
    again = given.chosen(label, [{"x": 0.5}, {"x": 0.75}])["members"]
    assert [(member["configuration"]["x"], member["seed"]) for member in again] == [
        (0.5, 1),
        (0.75, 0),
        (0.75, 1),
    ]
    assert given.known(first[0]["key"]) == ("completed", 0.25)
    assert given.known(first[1]["key"]) is None
    store.close()


def test_a_stopped_cohort_ends_its_running_member() -> None:
    fields = {"name": "s", "tasks": ["mlp/digits"], "variants": ["sgd"], "design": {"kind": "grid"}}
    whole = Study(**fields, epochs=EPOCHS)
    given, early = (
        Assignments(whole, None, {}, "cpu", stops_early=stops)  # type: ignore[arg-type]
        for stops in (False, True)
    )
    config = early.config(Cohort("mlp/digits", "sgd", tuple(trials(whole)[:1])))
    running = {"reports": [{"key": "a", "status": "running"}, {"key": "b", "status": "running"}]}
    assert early.ending(config, running) == [{"key": "b", "status": "stopped"}]
    assert early.ending(config, {"reports": [{"key": "b", "status": "completed"}]}) == []
    assert early.ending(config, None) == []
    assert given.ending(config, running) == []
    assert "objective" in config
    assert "objective" not in given.config(Cohort("mlp/digits", "sgd", ()))
