"""Performance profiles, by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensitivity.measures.profiles import epochs_to_target, performance_profiles, profile_score
from sensitivity.results.results import Results
from tests.sensitivity.tables import results
from trainables.names import InputError

SPEED = {("easy", "adam"): 0.1, ("easy", "sgd"): 0.2, ("hard", "adam"): 0.4, ("hard", "sgd"): 0.3}


def tables(speed: Any = None, **more: Any) -> Results:
    """Losses fall in a straight line from 1 over 10 epochs to the number of each task and variant."""
    parts = []
    for task in ("easy", "hard"):
        part = results(
            lambda c, seed, task=task: (speed or SPEED)[task, c["variant"]],
            task=task,
            variants=("adam", "sgd"),
            epochs=10,
            **more,
        )
        parts.append(
            (
                part.trials.assign(key=task + part.trials["key"]),
                part.epochs.assign(key=task + part.epochs["key"]),
                part,
            )
        )
    return replace(
        parts[0][2],
        trials=pd.concat([trials for trials, _, _ in parts], ignore_index=True),
        reported=pd.concat([epochs for _, epochs, _ in parts], ignore_index=True),
    )


def test_epochs_to_a_target_are_those_of_the_line() -> None:
    """1 - (1 - end) epoch / 10 <= .7 from 10 * .3 / (1 - end) epochs on."""
    found = epochs_to_target(tables(), {"easy": 0.7, "hard": 0.7}).set_index(["task", "variant"])["value"]
    assert found.to_dict() == {
        variant: math.ceil(10 * 0.3 / (1 - end) - 1e-9) for variant, end in SPEED.items()
    }


def test_a_target_that_is_missed_is_infinitely_slow() -> None:
    targets = {"easy": 0.15, "hard": 0.35}
    table = epochs_to_target(tables(), targets)
    assert table["reached"].to_list() == [True, False, False, True]
    found = performance_profiles(tables(), targets, ratios=[1, 4]).set_index(["variant", "ratio"])["value"]
    assert found.to_dict() == {("adam", 1.0): 0.5, ("adam", 4.0): 0.5, ("sgd", 1.0): 0.5, ("sgd", 4.0): 0.5}


@pytest.mark.slow
def test_the_score_is_the_area_under_the_profile() -> None:
    targets = {"easy": 0.55, "hard": 0.55}
    ratios = np.linspace(1, 4, 6001)
    profile = performance_profiles(tables(), targets, ratios=ratios.tolist())
    score = profile_score(tables(), targets, draws=50).set_index("variant")
    for variant, part in profile.groupby("variant"):
        assert np.trapezoid(part["value"], ratios) / 3 == pytest.approx(score.loc[variant, "value"], abs=1e-3)
    assert (score["note"] == "fewer than five tasks").all()


def test_the_default_target_is_near_the_best() -> None:
    assert epochs_to_target(tables()).set_index("task").loc["easy", "target"].iloc[0] == pytest.approx(
        0.1 + 0.05 * 0.9
    )


@pytest.mark.parametrize("measure", [performance_profiles, profile_score])
def test_one_task_is_refused(measure: Any) -> None:
    with pytest.raises(InputError, match="needs at least two tasks"):
        measure(results(lambda c, seed: 0.5))


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(InputError, match="unknown task 'esy'; did you mean 'easy'"):
        epochs_to_target(tables(), {"esy": 0.1})


def test_nothing_that_learns_has_a_profile_of_zero() -> None:
    never = tables(dict.fromkeys(SPEED, math.inf))
    assert (performance_profiles(never, {"easy": 0.5, "hard": 0.5})["value"] == 0).all()
    assert (profile_score(never, {"easy": 0.5, "hard": 0.5})["value"] == 0).all()
