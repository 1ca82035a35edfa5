"""The level that is printed of intervals: of many seeds, of two, and where trials diverge by chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from search_spaces.designs import Random
from sensitivity.measures import Measured
from sensitivity.measures.levels import printed_level
from sensitivity.questions.card import card
from sensitivity.questions.overview import how_to_read
from sensitivity.results.results import Results
from tests.sensitivity.tables import SPACE, noisy, results

TASK = "autoencoder/digits"


def by_chance(configuration: Mapping[str, Any], seed: int) -> float:
    return math.inf if configuration["lr"] == 1.0 and seed == 1 else 0.3


def always(configuration: Mapping[str, Any], seed: int) -> float:
    return math.inf if configuration["lr"] == 1.0 else 0.3


def test_one_variant_of_two_seeds_is_enough() -> None:
    table = results(noisy(0.02), variants=("adam", "cm"), seeds=range(3))
    trials = table.trials
    fewer = trials[(trials["variant"] == "adam") | (trials["seed"] < 2)]
    assert printed_level(replace(table, trials=fewer), TASK) == "at least 90%"


@pytest.mark.parametrize(
    ("table", "level"),
    [
        pytest.param(results(noisy(0.02), seeds=range(3)), "95%", id="three seeds"),
        pytest.param(results(noisy(0.02), seeds=range(2)), "at least 90%", id="two seeds"),
        pytest.param(results(by_chance, seeds=range(3)), "at least 95%", id="some seeds diverge"),
        pytest.param(results(always, seeds=range(3)), "95%", id="all seeds diverge"),
        pytest.param(
            results(
                noisy(0.02), configurations=Random(20).configurations(SPACE), design="random", seeds=range(2)
            ),
            "95%",
            id="two seeds of a random design",
        ),
    ],
)
def test_the_level_is_what_simulations_found(table: Results, level: str) -> None:
    assert printed_level(table, TASK) == level
    measured = Measured(table)
    assert f"Intervals hold the truth in {level} of studies" in how_to_read(measured, TASK)
    assert card(measured, TASK)["level"] == level
