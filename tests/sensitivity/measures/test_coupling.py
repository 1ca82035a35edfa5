"""The ridge of two hyperparameters whose exponent is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from search_spaces import Float, Ordinal, SearchSpace
from search_spaces.designs import Grid, Random
from sensitivity.measures.coupling import best_by_level, coupling
from sensitivity.results.results import Results
from tests.sensitivity.tables import MU, SPACE, bowl, noisy, results
from trainables.names import InputError

FINE = Grid({"lr": 9, "mu": 4}).configurations(SPACE)
SPREAD = Random(300, seed=2).configurations(SPACE)


def ridge(exponent: float) -> Callable[[Mapping[str, Any], int], float]:
    """Best lr 10^-1 (1 - mu)^exponent, times what keeps it in the range."""
    return lambda c, seed: 0.1 + 0.1 * (math.log10(c["lr"]) + 1 - exponent * math.log10(1 - c["mu"])) ** 2


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("points", "design"), [pytest.param(FINE, "grid", id="grid"), pytest.param(SPREAD, "random", id="random")]
)
def test_the_exponent_is_that_of_the_ridge(exponent: float, points: Any, design: str) -> None:
    row = coupling(results(ridge(exponent), configurations=points, design=design)).iloc[0]
    assert row["value"] == pytest.approx(exponent, abs=0.03)
    assert row["low"] - 1e-6 <= exponent <= row["high"] + 1e-6 or abs(row["value"] - exponent) < 1e-6
    if exponent:
        assert row["explains"] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("points", "design"), [pytest.param(FINE, "grid", id="grid"), pytest.param(SPREAD, "random", id="random")]
)
def test_intervals_of_noisy_ridges_hold_the_truth(points: Any, design: str) -> None:
    """95% of 40 studies, less three standard errors."""
    covered = 0
    for study in range(40):
        row = coupling(
            results(noisy(0.01, study, ridge(0.5)), configurations=points, design=design), draws=200
        ).iloc[0]
        covered += row["low"] <= 0.5 <= row["high"]
    assert covered >= 38 - 3 * math.sqrt(40 * 0.95 * 0.05)


def test_the_best_lr_of_each_mu_is_on_the_ridge() -> None:
    table = best_by_level(results(ridge(0.5), configurations=FINE))
    assert table["mu"].to_list() == pytest.approx(sorted(MU.grid(4), reverse=True))
    for row in table.itertuples():
        assert row.value == pytest.approx(
            0.1 * (1 - float(row.mu)) ** 0.5, rel=1e-6
        )  # a parabola finds the bottom of one exactly
    assert (table["note"] == "").all()


def test_the_best_lr_of_each_norm() -> None:
    space = SearchSpace(Float("lr", 1e-4, 1.0, "log"), Ordinal("p", (1, 2, math.inf)))
    best = {1: 1e-3, 2: 2e-3, math.inf: 5e-3}
    table = results(
        lambda c, seed: 0.1 + 0.1 * math.log10(c["lr"] / best[c["p"]]) ** 2,
        space=space,
        configurations=Grid({"lr": 9, "p": 3}).configurations(space),
    )
    found = best_by_level(table, "lr", "p")
    assert dict(zip(found["p"], found["value"], strict=True)) == pytest.approx(best)
    with pytest.raises(InputError, match=r"numeric hyperparameter, got 'p'; use best_by_level\('lr', 'p'\)"):
        coupling(table, "lr", "p")
    with pytest.raises(InputError, match="'p' must be numeric"):
        best_by_level(table, "p", "lr")


def test_levels_at_the_end_of_the_range_are_left_out_and_said() -> None:
    row = coupling(results(ridge(1.5), configurations=Grid({"lr": 9, "mu": 6}).configurations(SPACE))).iloc[0]
    assert row["value"] == pytest.approx(1.5, abs=0.01)
    assert "levels left out, whose best is at the end of the range" in row["note"]
    edges = best_by_level(results(lambda c, seed: 0.5 - c["lr"] / 10))
    assert (edges["note"] == "best at the largest lr tried").all()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        pytest.param(results(lambda c, seed: 0.3), "the loss does not change", id="constant"),
        pytest.param(results(lambda c, seed: math.inf), "the loss does not change", id="all diverged"),
        pytest.param(
            results(bowl, configurations=[{"lr": 0.1, "mu": 0.9}]), "no ridge", id="one configuration"
        ),
        pytest.param(
            results(bowl, configurations=SPREAD[:8], design="random"),
            "configurations are better",
            id="few random",
        ),
        pytest.param(
            results(lambda c, s: 0.3, configurations=SPREAD, design="random"),
            "does not change",
            id="constant random",
        ),
        pytest.param(results(bowl, seeds=(0,)), "one seed", id="one seed"),
        pytest.param(
            results(bowl, status=lambda c, seed: "failed" if seed else "completed"), "", id="half failed"
        ),
    ],
)
def test_awkward_results_say_why(table: Results, words: str) -> None:
    found = coupling(table)
    assert words in found.iloc[0]["note"]
    assert "nan" not in found.iloc[0]["note"]
    levels = best_by_level(table)
    assert levels[["value", "low", "high"]].notna().all(axis=None)


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(InputError, match="needs a random or fixed design, got 'adaptive'"):
        coupling(results(bowl, design="adaptive"))
    with pytest.raises(InputError, match="unknown hyperparameter 'mus'; did you mean 'mu'"):
        coupling(results(bowl), "lr", "mus")
    with pytest.raises(InputError, match="two hyperparameters, got 'lr' twice"):
        best_by_level(results(bowl), "lr", "lr")
