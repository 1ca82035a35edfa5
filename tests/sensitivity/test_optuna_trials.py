"""Odd trials of an Optuna storage: each has the status that a person would give it, and what is said of them
is so."""

from __future__ import annotations

import math
import pathlib
import warnings
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from sensitivity import from_optuna
from sensitivity.measures import caveats
from sensitivity.results.results import Results

LR = FloatDistribution(1e-4, 1.0, log=True)
CLIP = CategoricalDistribution((None, 1.0, 5.0))
Change = Callable[[optuna.Study], object]


pytestmark = pytest.mark.usefixtures("quiet_optuna")


def add(study: optuna.Study, number: int, **more: Any) -> None:
    params = {"lr": 10 ** (-4 + number / 3), "clip": CLIP.choices[number % 3]}
    named: dict[str, Any] = {
        "params": params,
        "distributions": {"lr": LR, "clip": CLIP},
        "value": 0.5 + number / 10,
        **more,
    }
    study.add_trial(create_trial(**named))


@pytest.fixture
def study() -> optuna.Study:
    """Nine trials that completed, in a study whose sampler looks at no results."""
    made = optuna.create_study(study_name="made", sampler=optuna.samplers.RandomSampler(seed=0))
    for number in range(9):
        add(made, number)
    return made


def names_of(results: Results) -> tuple[str, ...]:
    return results.spaces["made"].names


@pytest.mark.parametrize(
    ("more", "status"),
    [
        pytest.param({"state": TrialState.FAIL, "value": None}, "failed", id="failed"),
        pytest.param(
            {"state": TrialState.PRUNED, "value": None, "intermediate_values": {1: 0.5}},
            "stopped",
            id="pruned",
        ),
        pytest.param(
            {"state": TrialState.PRUNED, "value": None, "intermediate_values": {1: math.nan}},
            "diverged",
            id="pruned at NaN",
        ),
        pytest.param(
            {"state": TrialState.FAIL, "value": None, "intermediate_values": {1: math.inf}},
            "diverged",
            id="failed at inf",
        ),
        pytest.param({"value": math.inf}, "diverged", id="infinite"),
        pytest.param({"state": TrialState.RUNNING, "value": None}, "running", id="running"),
        pytest.param(
            {"state": TrialState.RUNNING, "value": None, "params": {}, "distributions": {}},
            "running",
            id="asked only",
        ),
        pytest.param(
            {"state": TrialState.WAITING, "value": None, "params": {}, "distributions": {}},
            "pending",
            id="enqueued",
        ),
    ],
)
def test_status(study: optuna.Study, more: dict[str, Any], status: str) -> None:
    add(study, 9, **more)
    results = from_optuna(study)
    assert list(results.trials["status"]) == ["completed"] * 9 + [status]
    assert names_of(results) == ("lr", "clip")
    assert set(results.spaces["made"]["clip"].grid(3)) == {"None", 1.0, 5.0}


def test_a_running_trial_leaves_the_variants_of_the_others(study: optuna.Study) -> None:
    study.ask()
    results = from_optuna(study, variant="clip")
    assert set(results.spaces) == {"None", "1.0", "5.0"}
    assert "Left out, having no clip: 1 of 10 trials (running)." in results.notes
    assert not [note for note in from_optuna(study).notes if "having no clip" in note]


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices", [([8, 8], [16]), ((8, 8), (16,)), (None, "a")], ids=["lists", "tuples", "None"]
)
def test_choices_of_any_kind_come_out_of_a_storage(tmp_path: pathlib.Path, choices: tuple[Any, ...]) -> None:
    study = optuna.create_study(
        study_name="made", storage=f"sqlite:///{tmp_path}/s.db", sampler=optuna.samplers.RandomSampler(seed=0)
    )

    def objective(trial: optuna.Trial) -> float:
        return trial.suggest_float("lr", 1e-3, 1, log=True) + len(
            str(trial.suggest_categorical("shape", choices))
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Optuna advises against lists
        study.optimize(objective, n_trials=12)
    results = from_optuna(f"sqlite:///{tmp_path}/s.db")
    assert len(results.usable) == 12
    assert results.spaces["made"]["shape"].cardinality == 2


def retried(study: optuna.Study) -> None:
    add(study, 9, state=TrialState.FAIL, value=None)
    add(study, 9, system_attrs={"failed_trial": 9, "retry_history": [9]})


def with_a_constant(study: optuna.Study) -> None:
    for number in range(9, 18):
        add(
            study, number, params={"lr": 10 ** (-4 + number / 9), "clip": None, "depth": 3},
            distributions={"lr": LR, "clip": CLIP, "depth": CategoricalDistribution((3,))},
        )  # fmt: skip


def failing(study: optuna.Study) -> None:
    add(study, 9, state=TrialState.FAIL, value=None)


def guessing(study: optuna.Study) -> None:
    study.sampler = optuna.samplers.TPESampler(seed=0)


ASSUMED = "A study does not say how it sampled, so it is taken for an optimizer's; if it was at random, say"
NOTES: list[tuple[str, Change, str]] = [
    ("retried", retried, "Left out, having failed and been run again: 1 of 11 trials."),
    (
        "a constant",
        with_a_constant,
        "Left out, having a single value: depth (hyperparameters=, --hyperparameter names all).",
    ),
    ("failed", failing, "Failed in Optuna: 1 of 10 trials. It calls failed what returned NaN, too"),
    ("an optimizer's", guessing, ASSUMED),
]


@pytest.mark.parametrize(
    ("change", "note"), [pytest.param(change, note, id=name) for name, change, note in NOTES]
)
def test_what_is_said_is_said_only_where_it_is_so(study: optuna.Study, change: Change, note: str) -> None:
    assert not [text for text in from_optuna(study).notes if note in text]
    change(study)
    assert [text for text in from_optuna(study).notes if note in text]


def test_what_the_user_says_is_not_said_again(study: optuna.Study) -> None:
    failing(study)
    guessing(study)
    notes = from_optuna(study, failed="diverged", design="random").notes
    assert not [note for note in notes if "Failed in Optuna" in note or ASSUMED in note]


def test_an_optimizer_is_claimed_only_where_it_is_known(study: optuna.Study) -> None:
    def said(**named: Any) -> str:
        table = caveats(from_optuna(study, **named))
        return " ".join(table.loc[table["kind"] == "adaptive", "text"])

    assert said() == ""
    assert said(design="adaptive").startswith(
        "The configurations were chosen by an optimizer, which crowds near the best"
    )
    guessing(study)
    assert said().startswith("If an optimizer chose the configurations, it crowds near the best")
    assert said(design="random") == ""
