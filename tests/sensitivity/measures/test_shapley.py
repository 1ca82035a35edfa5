"""Shapley values against their definition over all orders, and their sum."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from search_spaces import Categorical, Float, SearchSpace
from search_spaces.designs import Random, Sobol
from sensitivity.measures import shapley
from sensitivity.measures.shapley import values
from tests.sensitivity.measures.known import known_results, made
from trainables.known_answers import LrValley, Noisy, SobolG
from trainables.names import InputError


def test_values_are_mean_contributions_over_all_orders() -> None:
    worth = np.random.default_rng(0).random(16)
    truth = np.zeros(4)
    orders = list(itertools.permutations(range(4)))
    for order in orders:
        coalition = 0
        for player in order:
            truth[player] += (worth[coalition | 1 << player] - worth[coalition]) / len(orders)
            coalition |= 1 << player
    found = values(worth[None])[0]
    assert found == pytest.approx(truth)
    assert found.sum() == pytest.approx(worth[-1] - worth[0])


@pytest.mark.parametrize("game", ["tunability", "sensitivity"])
def test_they_sum_to_the_total(game: Any) -> None:
    table = shapley(
        known_results(Noisy(LrValley(), 0.05), Random(100, seed=0), seeds=(0, 1)),
        game=game,
        configurations=64,
    )
    main = table[table["order"] == "main"]["value"]
    assert main.sum() == pytest.approx(table[table["order"] == "total"]["value"].iloc[0])
    if game == "sensitivity":
        assert main.sum() + table[table["order"] == "noise"]["value"].iloc[0] == pytest.approx(1)


def test_an_additive_loss_is_divided_into_its_parts() -> None:
    """Variances of 3 x and of y are as 9 to 1; at the defaults in the middle tuning gains 1.5 and .5."""
    space = SearchSpace(Float("x", 0, 1, default=0.5), Float("y", 0, 1, default=0.5))
    results = made(
        space, Sobol(1024).configurations(space), lambda c, seed: 3 * c["x"] + c["y"], 10.0, "sobol"
    )
    shares = shapley(results, game="sensitivity").set_index("effect")["value"]
    assert shares["x"] == pytest.approx(0.9, abs=0.03)
    gains = shapley(results, game="tunability").set_index("effect")["value"]
    assert gains["x"] == pytest.approx(1.5, abs=0.08)
    assert gains["y"] == pytest.approx(0.5, abs=0.08)


def test_what_is_never_active_gains_nothing_alone() -> None:
    space = SearchSpace(
        Categorical("rule", ("sgd", "adam"), "sgd"),
        Float("nu", 0.9, 0.99, default=0.95, when={"rule": "adam"}),
    )
    results = made(
        space,
        Sobol(256).configurations(space),
        lambda c, seed: 1.0 if c["rule"] == "sgd" else 0.5 + 4 * (c["nu"] - 0.9),
        2.0,
        "sobol",
    )
    gains = shapley(results).set_index("effect")["value"]
    assert gains["rule"] > gains["nu"] > 0.02


def test_a_constant_loss_gives_zeros_and_many_hyperparameters_are_refused() -> None:
    space = SearchSpace(Float("x", 0, 1), Float("y", 0, 1))
    assert (
        shapley(made(space, Sobol(16).configurations(space), lambda c, seed: 0.5, 1.0, "sobol"))["value"] == 0
    ).all()
    with pytest.raises(InputError, match="at most 8 hyperparameters, got 9 in direct; use variance_shares"):
        shapley(known_results(SobolG((0.0,) * 9), Random(16)))
    with pytest.raises(InputError, match="did you mean 'tunability'"):
        shapley(known_results(SobolG(), Random(16)), game="tunabilty")  # type: ignore[arg-type]
