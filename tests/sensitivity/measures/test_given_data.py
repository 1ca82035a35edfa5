"""PAWN and delta against SALib and against what they must be where it is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from SALib.analyze import pawn as salib
from SALib.analyze.delta import calc_delta
from scipy.stats import ks_2samp

from search_spaces import Categorical, Float, SearchSpace
from search_spaces.designs import Random, Sobol
from sensitivity import from_table
from sensitivity.measures import delta, pawn
from sensitivity.measures.given_data import area, distances
from tests.sensitivity.measures.known import known_results, made
from trainables.known_answers import LrValley, SobolG

SPACE = SearchSpace(Float("x", 0, 1), Categorical("rule", ("sgd", "adam")), Float("idle", 0, 1))


WORKS = (2, 3, 4, 5, 7, 8, 10)
"""Numbers of slices up to 10 that SALib computes; the quantiles of 6 and 9 sum up to more than 1."""


def _ranks() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.permutation(200).astype(float), np.round(rng.random(200), 1)


@pytest.mark.parametrize("slices", WORKS)
def test_the_index_is_that_of_salib(slices: int) -> None:
    rank, y = _ranks()
    problem = {"num_vars": 1, "names": ["x"], "bounds": [[0, 1]]}
    theirs = salib.analyze(problem, rank[:, None], y, S=slices)["median"][0]
    assert distances(np.ones((1, 200)), rank, y, slices) == pytest.approx([theirs])


@pytest.mark.parametrize("slices", range(2, 51))
def test_the_index_is_the_median_of_kolmogorov_and_smirnov_for_every_number_of_slices(slices: int) -> None:
    rank, y = _ranks()
    edges = np.quantile(rank, np.linspace(0, 1, slices + 1))
    parts = [y[(rank >= low) & (rank < high)] for low, high in itertools.pairwise(edges)]
    assert distances(np.ones((1, 200)), rank, y, slices) == pytest.approx(
        [np.median([ks_2samp(part, y).statistic for part in parts])]
    )


@pytest.mark.parametrize("levels", range(2, 13))
def test_a_hyperparameter_of_any_number_of_levels_has_its_pawn(levels: int) -> None:
    rows = [
        {"lr": 10.0**-a, "batch": 2 ** (b + 3), "loss": abs(a - 3) + 0.1 * b}
        for a in range(50 // levels + 1)
        for b in range(levels)
    ]
    table = pawn(from_table(pd.DataFrame(rows))).set_index("effect")
    assert 0 < table.loc["lr", "low"] <= table.loc["lr", "value"] <= table.loc["lr", "high"] <= 1
    assert table.loc["batch", "value"] < table.loc["lr", "value"]


@pytest.mark.parametrize("measure", [pawn, delta])
def test_the_ranking_is_that_of_the_truth(measure: type) -> None:
    found = measure(known_results(LrValley(), Random(150, seed=0))).set_index("effect")  # type: ignore[attr-defined]
    assert found.loc["lr", "value"] > found.loc["mu", "value"] > found.loc["nu", "value"]
    known = found.drop("seed noise")
    assert (known["low"] <= known["value"]).all()
    assert (known["value"] <= known["high"]).all()


def test_a_choice_of_two_that_decides_all_is_seen() -> None:
    """Half of all losses are 0, half 1: knowing the rule moves the distribution function by 1/2."""
    results = made(
        SPACE, Sobol(128).configurations(SPACE), lambda c, seed: float(c["rule"] == "adam"), 2.0, "sobol"
    )
    found = pawn(results).set_index("effect")["value"]
    assert found["rule"] == pytest.approx(0.5, abs=0.02)
    assert found["idle"] < 0.25


@pytest.mark.parametrize("measure", [pawn, delta])
def test_a_constant_loss_gives_zeros_and_too_few_configurations_none(measure: type) -> None:
    table = measure(made(SPACE, Sobol(64).configurations(SPACE), lambda c, seed: 0.5, 1.0, "sobol"))
    assert (table["value"].iloc[:3] == 0).all()  # type: ignore[attr-defined]
    few = measure(known_results(SobolG(), Random(20)))
    assert few["value"].isna().all()  # type: ignore[attr-defined]
    assert few["note"].str.contains("too few").any()  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [50, 73, 340, 2000])
def test_the_area_is_that_of_salib(count: int) -> None:
    rng = np.random.default_rng(count)
    x = rng.permutation(count) + 1.0
    y = np.round(np.sin(x / count * 6) + rng.standard_normal(count), 1)
    parts = round(min(math.ceil(count ** (2.0 / (7.0 + np.tanh((1500.0 - count) / 500.0)))), 48))
    theirs = calc_delta(y, np.linspace(y.min(), y.max(), 100), x, np.linspace(0, count, parts + 1))
    assert area(x, y) == pytest.approx(theirs)
    assert area(x, 1e300 * y) == pytest.approx(theirs)


def test_equal_seeds_give_equal_deltas() -> None:
    results = known_results(SobolG((0.0,)), Random(60))
    state = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    assert delta(results, resamples=3).equals(delta(results, resamples=3))
    assert (np.random.get_state()[1] == state).all()  # type: ignore[index]
