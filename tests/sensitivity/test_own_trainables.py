"""A Ray Tune trainable of the user's own: the same store, resume, measures and report, and nothing of ours
inside it."""

from __future__ import annotations

import functools
import math
import os
import pathlib
import re
import sys
import time
from typing import Any

import pandas as pd
import pytest
from ray import tune

from search_spaces.hyperparameters import Float
from search_spaces.spaces import SearchSpace
from sensitivity.measures import Measured
from sensitivity.reporting import write_report
from sensitivity.running.run import AllFailed, run
from sensitivity.study import own_trainables
from sensitivity.study.study import Study
from trainables.names import InputError

SPACE = SearchSpace(Float("x", 0, 1), Float("y", 1e-3, 1, "log"))


def peak(config: dict[str, Any]) -> None:
    """Three reports of a score that is best at x = .3, and diverges near x = 1."""
    for step in range(3):
        score = 1 - (config["x"] - 0.3) ** 2 - 1 / (step + 1) + 0.01 * config["seed"]
        tune.report({"score": math.nan if config["x"] > 0.9 else score, "more": {"deep": config["y"]}})


def broken(config: dict[str, Any]) -> None:
    if config["x"] > 0.5:
        raise RuntimeError(f"broken at {config['x']}")
    tune.report({"scor": 1.0})


def named(config: dict[str, Any]) -> None:
    tune.report({"score": {"good": 1.0, "bad": 0.0}[config["variant"]]})


class Stepwise(tune.Trainable):
    """Reports for ever; the study's epochs end it."""

    def setup(self, config: dict[str, Any]) -> None:
        self.x, self.steps = config["x"], 0

    def step(self) -> dict[str, Any]:
        self.steps += 1
        return {"loss": (self.x - 0.5) ** 2 + 1 / self.steps}


def study(**changes: Any) -> Study:
    fields: dict[str, Any] = {
        "name": "mine",
        "trainable": peak,
        "space": SPACE,
        "metric": "score",
        "direction": "max",
    }
    return Study(**{**fields, "design": {"kind": "grid", "points": {"x": 3}}, **changes})


def test_a_function_is_run_as_it_is_and_reported(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = study(seeds=2)
    results = run(mine, store=tmp_path / "s.sqlite", workers=2)
    table = results.trials.set_index(["config/x", "seed"])
    assert list(table.loc[[0.0, 0.5], "status"]) == ["completed"] * 4
    assert list(table.loc[1.0, "status"]) == ["diverged"] * 2
    assert table.loc[(0.5, 0), "value"] == pytest.approx(1 - 0.04 - 1 / 3)
    worst = -(1 - 0.09 - 1 / 3)
    assert list(table.loc[1.0, "loss"]) == pytest.approx(
        [worst] * 2
    )  # a diverged trial counts as the worst that ended
    assert results.epochs.groupby("key").size().eq(3).all()
    assert results.epochs["more/deep"].notna().all()
    assert Measured(results).overview.iloc[0]["observed"] == pytest.approx(-(1 - 0.04 - 1 / 3) - 0.005)
    assert write_report(results, tmp_path / "report").exists()
    monkeypatch.setattr(
        "sensitivity.running.through_ray.tune.Tuner", None
    )  # nothing is left, so Tune is not asked
    assert len(run(mine, store=tmp_path / "s.sqlite").trials) == 6


def test_an_exception_and_a_metric_that_is_not_reported_are_failures_with_their_reasons(
    cluster: None, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(AllFailed) as ended:
        run(study(trainable=broken), store=tmp_path / "s.sqlite")
    errors = ended.value.results.trials.set_index("config/x")["error"]
    assert errors[0.0] == "the trainable reported no number named 'score' (it reported: scor)"
    assert errors[1.0] == "RuntimeError: broken at 1.0"


WAYS = {
    0.25: ("exit", r"worker lost 4 times: .* exit code 3"),
    0.5: ("die", r"worker lost 4 times: .* connection error"),
    0.75: ("hang", r"no report for 4 seconds, twice"),
}
"""Where a trainable misbehaves, how, and what is said of it."""


def misbehaves(config: dict[str, Any]) -> None:
    """Ends its worker, or keeps it, at some of its configurations."""
    kind, _ = WAYS.get(config["x"], ("", ""))
    if kind == "exit":
        sys.exit(3)
    elif kind == "die":
        os._exit(1)
    elif kind == "hang":
        time.sleep(10_000)
    tune.report({"score": config["x"]})


@pytest.fixture(scope="module")
def misbehaved(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    mine = study(trainable=misbehaves, design={"kind": "grid", "points": {"x": 5}})
    store = tmp_path_factory.mktemp("store") / "s.sqlite"
    return run(mine, store=store, trial_timeout=4).trials.set_index("config/x")


def test_the_others_go_on_where_a_trainable_takes_its_worker_along(misbehaved: pd.DataFrame) -> None:
    assert misbehaved["status"].to_dict() == {
        0.0: "completed",
        0.25: "failed",
        0.5: "failed",
        0.75: "failed",
        1.0: "completed",
    }


@pytest.mark.slow
@pytest.mark.parametrize("x", WAYS, ids=[kind for kind, _ in WAYS.values()])
def test_a_trainable_that_takes_its_worker_along_has_failed(misbehaved: pd.DataFrame, x: float) -> None:
    assert re.match(WAYS[x][1], misbehaved["error"][x])


def silent(config: dict[str, Any]) -> None:
    """Reports nothing."""


def test_a_function_that_reports_nothing_has_failed(cluster: None, tmp_path: pathlib.Path) -> None:
    with pytest.raises(
        AllFailed, match=r"all 3 trials of .* failed; the first: the trainable reported"
    ) as ended:
        run(study(trainable=silent), store=tmp_path / "s.sqlite")
    table = ended.value.results.trials
    assert list(table["status"]) == ["failed"] * 3
    assert set(table["error"]) == {"the trainable reported no number named 'score' (it reported: nothing)"}


def test_a_class_is_ended_by_the_studys_epochs(cluster: None, tmp_path: pathlib.Path) -> None:
    table = run(
        study(trainable=Stepwise, metric="loss", direction="min", epochs=4), store=tmp_path / "s.sqlite"
    ).trials
    assert list(table["epochs_done"]) == [4, 4, 4]
    assert table.set_index("config/x").loc[0.5, "loss"] == pytest.approx(0.25)


def test_variants_of_ones_own_are_told_apart(cluster: None, tmp_path: pathlib.Path) -> None:
    spaces = {"good": SPACE, "bad": SPACE}
    design = {"kind": "random", "n": 2}
    mine = Study(
        name="two",
        trainable=named,
        variants=["good", "bad"],
        spaces=spaces,
        metric="score",
        direction="max",
        design=design,
    )
    values = run(mine, store=tmp_path / "s.sqlite").trials.groupby("variant")["value"].mean()
    assert dict(values) == {"good": 1.0, "bad": 0.0}


def test_an_optimizer_may_choose(cluster: None, tmp_path: pathlib.Path) -> None:
    results = run(
        study(design={"kind": "adaptive", "n": 4, "sampler": "random"}),
        store=tmp_path / "s.sqlite",
        workers=2,
    )
    assert len(results.trials) == 4
    assert results.trials["status"].isin(("completed", "diverged")).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"trainable": "no.such.module:f"},
            "trainable 'no.such.module:f' cannot be imported",
            id="no such module",
        ),
        pytest.param({"trainable": "math:nothing"}, "unknown name in math for trainable", id="no such name"),
        pytest.param({"trainable": "math:pi"}, "is a float, not a function or class", id="not callable"),
        pytest.param({"trainable": "nowhere"}, "trainable must be 'module:name'", id="no module"),
        pytest.param({"trainable": 3}, "trainable must be a Ray Tune function or class", id="a number"),
        pytest.param({"limit": 5}, "limit has no effect on a trainable", id="a limit"),
        pytest.param(
            {"space": SearchSpace(Float("seed", 0, 1))},
            "cannot be called 'seed'",
            id="a hyperparameter called seed",
        ),
        pytest.param({"metric": "train_loss_end"}, "needs metric", id="no metric"),
        pytest.param({"tasks": ["autoencoder/digits"]}, "tasks or a trainable, not both", id="tasks too"),
        pytest.param({"spaces": {}, "space": SPACE}, "not both", id="space and spaces"),
    ],
)
def test_what_cannot_be_run_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        study(**changes)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": {"zone": "eu"}}, "labels {'zone': 'eu'} cannot be given to trainable"),
        ({"resources": {"licence": 1.0}}, "resources {'licence': 1.0} cannot be given to trainable"),
    ],
    ids=["labels", "resources"],
)
def test_a_trainable_that_asks_for_its_resources_is_given_no_others(
    tmp_path: pathlib.Path, given: dict[str, Any], message: str
) -> None:
    """They would not be heeded, and the study might train anywhere."""
    store = tmp_path / "mine.sqlite"
    with pytest.raises(InputError, match=re.escape(message)):
        run(
            study(trainable=tune.with_resources(peak, {"cpu": 2})),
            store=store,
            address="127.0.0.1:1",
            **given,
        )
    assert not store.exists()


def test_a_study_of_a_trainable_without_a_space_says_what_to_give() -> None:
    with pytest.raises(InputError, match=r"no default space; give space=SearchSpace"):
        Study(name="mine", trainable=peak, metric="score", design={"kind": "random", "n": 2})


def test_another_body_is_another_trainable() -> None:
    def one(config: Any) -> float:
        return 1.0

    first = own_trainables.fingerprint(own_trainables.name_of(one))

    def one(config: Any) -> float:  # type: ignore[no-redef]
        return 2.0

    assert own_trainables.fingerprint(own_trainables.name_of(one)) != first


def scaled(config: dict[str, Any], factor: float) -> float:
    return factor * float(config["x"])


def test_objects_of_one_name_stay_apart() -> None:
    one, other = (study(trainable=functools.partial(scaled, factor=factor)) for factor in (1.0, 2.0))
    assert one.trainable != other.trainable
    assert own_trainables.resolve(str(one.trainable)).keywords == {"factor": 1.0}
    assert own_trainables.short_name(str(one.trainable)) == "scaled"
    with pytest.raises(InputError, match="was given as an object in another process"):
        own_trainables.resolve("somewhere:scaled#123456")
