"""Results for HyperSHAP and DeepCAVE: every value is in the space it goes with."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.hyperparameters import Categorical, Float, Integer, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity import to_configspace, to_deepcave
from sensitivity.results.results import Results
from tests.sensitivity.tables import results
from trainables.names import InputError

SPACE = SearchSpace(
    Categorical("rule", ("sgd", "adam")),
    Float("lr", 1.23456789012e-5, 1, "log"),
    Float("mu", 0.123456789012, 0.99876543210987, "log1m"),
    Integer("width", 1, 9),
    Ordinal("p", (1, 2, math.inf)),
    Float("dropout", 0, 0.5, step=0.1),
    Float("fixed", 3.0, 3.0),
)


def study(space: SearchSpace = SPACE) -> Results:
    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        return float(configuration["lr"]) if configuration["lr"] < 0.5 else math.inf

    return results(
        loss, space=space, configurations=[*space.sample(40, 0), *space.decode([[1.0] * len(space)])]
    )


def test_every_trial_is_a_configuration_of_the_space_with_its_capped_loss() -> None:
    table = study()
    _, pairs = to_configspace(table)
    assert len(pairs) == len(table.trials)
    assert [loss for _, loss in pairs] == list(table.trials["loss"])
    for (configuration, _), mu in zip(pairs, table.trials["config/mu"], strict=True):
        configuration.check_valid_configuration()
        assert configuration["1 - mu"] == pytest.approx(1 - mu, abs=1e-8)
    assert max(loss for _, loss in pairs) == 1.0


def test_conditions_are_carried_over() -> None:
    table = study(
        SearchSpace(
            Float("lr", 0.01, 1, "log"),
            Ordinal("rule", ("a", "b")),
            Float("nu", 0.5, 0.9, when={"rule": "b"}),
        )
    )
    _, pairs = to_configspace(table)
    assert {("nu" in configuration, configuration["rule"]) for configuration, _ in pairs} == {
        (False, "a"),
        (True, "b"),
    }


def test_deepcave_gets_a_folder_of_two_tables(tmp_path: pathlib.Path) -> None:
    table = study()
    place = to_deepcave(table, tmp_path / "run")
    domains, trials = (pd.read_csv(place / name) for name in ("configspace.csv", "trials.csv"))
    assert list(domains["name"]) == ["rule", "lr", "1 - mu", "width", "p", "dropout"]
    assert list(domains["type"]) == ["categorical", "float", "float", "integer", "categorical", "float"]
    assert list(domains["log"]) == [False, True, True, False, False, False]
    assert list(domains.loc[4, ["item_0", "item_1", "item_2"]]) == ["p 1", "p 2", "p inf"]
    assert set(trials["p"]) == {"p 1", "p 2", "p inf"}
    assert len(trials) == len(table.trials)
    metric = next(name for name in trials if name.startswith("metric:"))
    assert metric.startswith("metric:train_loss_end [0.0000")
    np.testing.assert_allclose(trials[metric], table.trials["loss"])
    for name, low, high in zip(domains["name"], domains["lower"], domains["upper"], strict=True):
        if low == low:
            assert trials[name].between(low, high).all(), name


def test_what_these_cannot_hold_says_so(tmp_path: pathlib.Path) -> None:
    conditional = study(
        SearchSpace(
            Float("lr", 0.01, 1, "log"),
            Ordinal("rule", ("a", "b")),
            Float("nu", 0.5, 0.9, when={"rule": "b"}),
        )
    )
    with pytest.raises(
        InputError, match="nu is active only when rule is 'b'; DeepCAVE's tables have no conditions"
    ):
        to_deepcave(conditional, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write DeepCAVE's tables"):
        to_deepcave(study(), tmp_path / "file")
    with pytest.raises(InputError, match="unknown task 'x'"):
        to_configspace(study(), task="x")
