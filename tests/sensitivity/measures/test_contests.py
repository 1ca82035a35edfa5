"""Contests of tuned variants against enumeration of every subset."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from sensitivity.measures.contests import relative_performance, win_probability
from tests.sensitivity.measures.test_budget import chosen, matrix, random
from tests.sensitivity.tables import bowl


def test_wins_are_those_of_every_pair_of_subsets_with_ties_shared() -> None:
    def loss(configuration: Any, seed: int) -> float:
        scale = {"adam": 1, "nadam": 1.3, "sgd": 0.8}[configuration["variant"]]
        return round(scale * bowl(configuration, seed), 1)  # many ties

    table = random(loss, count=5, variants=("adam", "nadam", "sgd"))
    outcomes = [
        [chosen(matrix(table, name), combination) for combination in itertools.combinations(range(5), 2)]
        for name in ("adam", "nadam", "sgd")
    ]
    expected = np.zeros(3)
    for trio in itertools.product(*outcomes):
        tied = np.isclose(trio, min(trio))
        expected += tied / tied.sum()
    found = win_probability(table, 2, draws=20)
    assert found["value"].to_numpy() == pytest.approx(expected / expected.sum())
    assert found["value"].sum() == pytest.approx(1)


def test_relative_performance_is_a_share_of_the_best_variant() -> None:
    table = random(lambda c, seed: 0.5 if c["variant"] == "sgd" else 0.25, variants=("adam", "sgd"))
    found = relative_performance(table, 1, draws=20).set_index("variant")["value"]
    assert found.to_dict() == pytest.approx({"adam": 1.0, "sgd": 0.5 / 0.75})
