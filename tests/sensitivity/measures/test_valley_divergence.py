"""The valley where trials diverge by luck: a level that some seeds survive is no part of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from search_spaces.hyperparameters import Float
from search_spaces.spaces import SearchSpace
from sensitivity.measures.valley import valley
from tests.sensitivity.tables import results

SPACE = SearchSpace(Float("lr", 1e-4, 1.0, "log"))
RATES = [10.0**place for place in range(-4, 1)]


def measured(diverging: Mapping[float, tuple[int, ...]]) -> dict[str, Any]:
    """The valley of a flat curve over five decades, whose trials diverge at these rates and seeds."""

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        if seed in diverging.get(configuration["lr"], ()):
            return math.inf
        return 0.2 + 0.001 * seed + 0.0005 * RATES.index(configuration["lr"])

    configurations = [{"lr": rate} for rate in RATES]
    table = valley(results(loss, space=SPACE, configurations=configurations, seeds=(0, 1, 2)))
    return table.iloc[0].to_dict()


def test_a_level_that_some_seeds_survive_ends_the_valley() -> None:
    whole, cut = measured({}), measured({1.0: (2,)})
    assert whole["value"] == pytest.approx(4)
    assert whole["at_least"]
    assert cut["value"] == pytest.approx(3, abs=1e-3)
    assert (cut["first"], cut["last"]) == (pytest.approx(1e-4), pytest.approx(0.1, rel=1e-2))
    assert cut["low"] <= cut["value"] <= cut["high"] <= 4


def test_a_level_in_the_middle_cuts_it_in_two() -> None:
    cut = measured({1e-2: (0,)})
    assert cut["value"] == pytest.approx(1, abs=1e-3)
    assert cut["last"] == pytest.approx(1e-3, rel=1e-2)
