"""Filters: what they keep, as pandas would select it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from search_spaces.hyperparameters import Categorical, Float, Integer, Ordinal
from sensitivity.readers.filters import capped, levels, narrowed, positions
from sensitivity.readers.view import View
from tests.sensitivity.tables import bowl, maximised, results

MADE = results(
    lambda configuration, seed: float("nan") if configuration["lr"] >= 1 else bowl(configuration, seed),
    variants=("adam", "cm"),
)


@pytest.mark.parametrize(
    ("view", "query"),
    [
        pytest.param(View(variant=("adam",)), "variant == 'adam'", id="variant"),
        pytest.param(
            View(seed=("1",), status=("diverged",)),
            "seed == 1 and status == 'diverged'",
            id="seed and status",
        ),
        pytest.param(
            View(ranges=(("lr", 0.01, 0.1),)), "0.01 <= `config/lr` <= 0.1", id="a range, bounds within"
        ),
        pytest.param(View(choices=(("mu", "0.5"),)), "`config/mu` == 0.5", id="a choice"),
        pytest.param(
            View(ranges=(("no such", 0, 1),)), "seed >= 0", id="an unknown hyperparameter keeps all"
        ),
        pytest.param(View(outcome=((0.2, 0.6),)), "0.2 <= loss <= 0.6", id="bounds of the metric"),
        pytest.param(
            View(outcome=((1.0, 1.0),)), "status == 'diverged'", id="diverged trials at what they count as"
        ),
        pytest.param(View(only_task="autoencoder/digits"), "seed >= 0", id="its only task"),
        pytest.param(View(only_task="resnet/cifar10"), "seed < 0", id="another task"),
        pytest.param(View(variant=("sgd",)), "seed < 0", id="nothing left"),
    ],
)
def test_filters_keep_what_a_query_would(view: View, query: str) -> None:
    kept = narrowed(MADE, view)
    assert list(kept.trials["key"]) == list(MADE.trials.query(query)["key"])
    assert kept.spaces == MADE.spaces


def test_a_choice_of_one_hyperparameter_lets_no_value_of_another_through() -> None:
    points = [{"lr": lr, "mu": mu} for lr in (0.5, 0.9) for mu in (0.5, 0.9)]
    view = View(choices=(("lr", "0.5"), ("mu", "0.9")))
    left = narrowed(results(bowl, configurations=points, seeds=(0,)), view).trials
    assert left[["config/lr", "config/mu"]].to_numpy().tolist() == [[0.5, 0.9]]


@pytest.mark.parametrize("chosen", ["1", "1.0"])
def test_a_choice_that_is_a_number_is_found_however_the_column_has_it(chosen: str) -> None:
    whole = MADE.trials.assign(**{"config/mu": np.where(MADE.trials["seed"] == 1, 1, np.nan)})
    left = narrowed(replace(MADE, trials=whole), View(choices=(("mu", chosen),))).trials
    assert set(left["seed"]) == {1}


def test_bounds_of_a_maximised_metric_are_of_its_values() -> None:
    made = maximised()
    low, high = made.trials["value"].quantile([0.25, 0.75])
    left = narrowed(made, View(outcome=((low, high),))).trials
    assert set(left["key"]) == set(made.trials.query(f"{low!r} <= value <= {high!r}")["key"])


def test_a_cap_at_the_worst_that_ended_counts_diverged_trials_there() -> None:
    worst = MADE.trials["value"].max()
    counted = capped(MADE, "worst").trials
    assert (counted.loc[counted["status"] == "diverged", "loss"] == worst).all()
    completed = counted["status"] == "completed"
    np.testing.assert_array_equal(counted.loc[completed, "loss"], counted.loc[completed, "value"])
    assert capped(MADE, "") is MADE


@pytest.mark.parametrize(
    ("domains", "expected"),
    [
        pytest.param([Integer("n", 1, 4)], [1, 2, 3, 4], id="whole numbers"),
        pytest.param([Ordinal("p", (1, 2, float("inf")))], [1, 2, float("inf")], id="levels"),
        pytest.param([Ordinal("size", ("small", "large"))], None, id="levels that are words"),
        pytest.param([Categorical("rule", ("a", "b"))], None, id="choices"),
    ],
)
def test_stops_of_a_slider(domains: list[object], expected: list[object] | None) -> None:
    assert levels(domains) == expected  # type: ignore[arg-type]


def test_a_slider_stands_at_the_stops_nearest_to_the_bounds() -> None:
    stops = levels([Float("lr", 1e-4, 1.0, "log")])
    assert stops is not None
    low, high = positions(stops, View(ranges=(("lr", 0.0011, 0.09),)), "lr")
    assert stops[low] == pytest.approx(1e-3, rel=0.3)
    assert stops[high] == pytest.approx(0.1, rel=0.3)
    assert positions(stops, View(), "lr") == [0, len(stops) - 1]
