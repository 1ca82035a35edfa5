"""PAWN and delta against SALib and against what they must be where it is known."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from SALib.analyze import pawn as salib

from search_spaces import Categorical, Float, SearchSpace
from search_spaces.designs import Random, Sobol
from sensitivity.measures import delta, pawn
from sensitivity.measures.given_data import distances
from tests.sensitivity.measures.known import known_results, made
from trainables.known_answers import LrValley, SobolG

SPACE = SearchSpace(Float("x", 0, 1), Categorical("rule", ("sgd", "adam")), Float("idle", 0, 1))


def test_the_bootstrap_computes_what_salib_does() -> None:
    rng = np.random.default_rng(0)
    rank, y = rng.permutation(200).astype(float), np.round(rng.random(200), 1)
    problem = {"num_vars": 1, "names": ["x"], "bounds": [[0, 1]]}
    theirs = salib.analyze(problem, rank[:, None], y, S=7)["median"][0]
    assert distances(np.ones((1, 200)), rank, y, 7) == pytest.approx([theirs])


@pytest.mark.parametrize("measure", [pawn, delta])
def test_the_ranking_is_that_of_the_truth(measure: type) -> None:
    found = measure(known_results(LrValley(), Random(150, seed=0))).set_index("effect")  # type: ignore[attr-defined]
    assert found.loc["lr", "value"] > found.loc["mu", "value"] > found.loc["nu", "value"]
    known = found.drop("seed noise")
    assert (known["low"] <= known["value"]).all()
    assert (known["value"] <= known["high"]).all()


def test_a_choice_of_two_that_decides_all_is_seen() -> None:
    """Half of all losses are 0, half 1: knowing the rule moves the distribution function by 1/2."""
    results = made(SPACE, Sobol(128).configurations(SPACE), lambda c, seed: float(c["rule"] == "adam"), 2.0, "sobol")
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


def test_delta_leaves_numpy_and_warnings_as_they_were() -> None:
    results = known_results(SobolG((0.0,)), Random(60))
    state, look, filters = np.random.get_state()[1].copy(), warnings.formatwarning, list(warnings.filters)  # type: ignore[index,union-attr]
    first = delta(results, resamples=3)
    assert (np.random.get_state()[1] == state).all()  # type: ignore[index]
    assert warnings.formatwarning is look
    assert list(warnings.filters) == filters
    assert first.equals(delta(results, resamples=3))
