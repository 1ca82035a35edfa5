"""Analysis of variance of grids against scipy's, and against closed forms by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from search_spaces import Categorical, Float, Integer, SearchSpace
from search_spaces.designs import Grid, Random
from sensitivity.measures import factorial, main_effects, seed_noise, variance_shares
from sensitivity.measures.components import grid_freedoms, squares
from sensitivity.results.results import Results
from tests.benchmarks.cells import GRIDS, RANDOM
from tests.benchmarks.share_coverage import covered
from tests.sensitivity.measures.known import known_results, made
from trainables.known_answers import LrValley
from trainables.names import InputError

TWO = SearchSpace(Integer("a", 1, 3), Integer("b", 1, 4))
# Losses of a 2 x 2 grid with two seeds: 1, 3 | 5, 7 | 2, 4 | 12, 14. Cell means 2, 6, 3, 13; grand mean 6.
BY_HAND = {(1, 1): (1, 3), (1, 2): (5, 7), (2, 1): (2, 4), (2, 2): (12, 14)}


def grid(space: SearchSpace, loss: Any, points: int, seeds: int = 3) -> Results:
    return made(space, Grid(points).configurations(space), loss, 1000.0, "grid", range(seeds))


def test_a_grid_worked_by_hand() -> None:
    """SS_a = 8 * 2^2 = 32, SS_b = 8 * 3.5^2 = 98, SS_ab = 8 * 1.5^2 = 18, SS_e = 8 with 4 degrees of freedom;
    SS_T = 156. The noise has the variance 2, so that each component is (SS - 2) / 8: 3.75, 12, 2, and with the
    noise 19.75."""
    space = SearchSpace(Integer("a", 1, 2), Integer("b", 1, 2))
    table = factorial(grid(space, lambda c, seed: BY_HAND[c["a"], c["b"]][seed], 2, seeds=2)).set_index(
        "effect"
    )
    # Shares of unbiased variance components; eta squared, which counts noise as effect, is its own column.
    assert dict(table["value"]) == pytest.approx(
        {"a": 3.75 / 19.75, "b": 12 / 19.75, "a x b": 2 / 19.75, "seed noise": 2 / 19.75}
    )
    assert dict(table["eta_squared"]) == pytest.approx(
        {"a": 32 / 156, "b": 98 / 156, "a x b": 18 / 156, "seed noise": 8 / 156}
    )
    assert dict(table["f"].dropna()) == pytest.approx({"a": 16, "b": 49, "a x b": 9})
    assert dict(table["df"]) == {"a": 1, "b": 1, "a x b": 1, "seed noise": 4}
    assert table.loc["b", "omega_squared"] == pytest.approx(96 / 158)
    assert table.loc["b", "partial_eta_squared"] == pytest.approx(98 / 106)
    assert table.loc["b", "partial_omega_squared"] == pytest.approx(96 / (98 + 7 * 2))
    assert table.loc["a", "p"] == pytest.approx(stats.f.sf(16, 1, 4))


def test_one_hyperparameter_is_scipys_one_way_anova() -> None:
    rng = np.random.default_rng(0)
    draws = {(k, s): k * 0.1 + rng.normal() for k in range(1, 5) for s in range(5)}
    results = grid(SearchSpace(Integer("a", 1, 4)), lambda c, seed: draws[c["a"], seed], 4, seeds=5)
    row = factorial(results).iloc[0]
    f, p = stats.f_oneway(*[[draws[k, s] for s in range(5)] for k in range(1, 5)])
    assert (row["f"], row["p"]) == pytest.approx((f, p))


def test_two_hyperparameters_are_the_regressions_of_nested_models() -> None:
    rng = np.random.default_rng(1)
    draws = {(a, b, s): a * b + rng.normal() for a in (1, 2, 3) for b in (1, 2, 3, 4) for s in range(3)}
    table = factorial(grid(TWO, lambda c, seed: draws[c["a"], c["b"], seed], 4)).set_index("effect")
    y = np.array(list(draws.values()))
    a, b = (np.eye(4)[[key[i] - 1 for key in draws]] for i in (0, 1))
    cells = np.einsum("ni,nj->nij", a, b).reshape(len(y), -1)

    def residual(*columns: np.ndarray) -> float:
        x = np.column_stack([np.ones(len(y)), *columns])
        return float(((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum())

    squares = {
        "a": residual(b) - residual(a, b),
        "b": residual(a) - residual(a, b),
        "a x b": residual(a, b) - residual(cells),
    }
    assert dict(table["eta_squared"].drop("seed noise")) == pytest.approx(
        {name: square / residual() for name, square in squares.items()}
    )
    # Components of 12 cells with 3 seeds; the residual of the cells has 24 degrees of freedom.
    noise, freedoms = residual(cells) / 24, {"a": 2, "b": 3, "a x b": 6}
    parts = {name: (square - freedoms[name] * noise) / 36 for name, square in squares.items()}
    whole = sum(parts.values()) + noise
    assert dict(table["value"].drop("seed noise")) == pytest.approx(
        {name: part / whole for name, part in parts.items()}
    )
    assert table["value"].sum() == pytest.approx(1)


def test_the_interval_holds_the_share_of_the_population() -> None:
    """Effects of a with variance 1, noise with variance 1: half of the variance."""
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        results = grid(
            SearchSpace(Integer("a", 1, 2), Integer("b", 1, 2)),
            lambda c, s, rng=rng: 2 * c["a"] + rng.normal(),
            2,
            seeds=8,
        )
        row = factorial(results).iloc[0]
        covered += row["low"] <= 0.5 <= row["high"]
    assert covered >= 52


def test_three_hyperparameters_leave_higher_orders_and_sum_to_one() -> None:
    table = factorial(known_results(LrValley(), Grid(3), seeds=(0, 1)))
    assert list(table["effect"]) == [
        "lr",
        "mu",
        "nu",
        "lr x mu",
        "lr x nu",
        "mu x nu",
        "higher order",
        "seed noise",
    ]
    assert table["value"].sum() == pytest.approx(1)
    assert table.set_index("effect").loc["nu", "p"] == 1
    assert table.set_index("effect").loc["lr", "p"] == 0


def test_noise_adds_its_mean_variance_to_every_component_also_where_cells_differ() -> None:
    """The expected sum of squares of noise in an effect is the trace of its projection times the variances."""
    shape, variance = (3, 2, 4), np.random.default_rng(2).random(24)
    one = [(np.eye(n) - 1 / n, np.full((n, n), 1 / n)) for n in shape]
    for i, (chosen, freedom) in enumerate(
        zip(((0,), (1,), (2,), (0, 1), (0, 2), (1, 2)), grid_freedoms(shape)[:6], strict=True)
    ):
        projection = np.ones((1, 1))
        for j, (effect, mean) in enumerate(one):
            projection = np.kron(projection, effect if j in chosen else mean)
        assert np.diag(projection) @ variance == pytest.approx(freedom * variance.mean())
        y = np.random.default_rng(i).normal(size=24)
        found = squares(y.reshape(1, *shape), y.reshape(1, *shape))[0, i]
        assert found == pytest.approx(y @ projection @ y / 24)


def test_seed_noise_is_the_same_number_in_every_table() -> None:
    rng = np.random.default_rng(3)
    draws = {(a, b, s): a * b + rng.normal() for a in (1, 2, 3) for b in (1, 2, 3, 4) for s in range(2)}
    results = grid(TWO, lambda c, seed: draws[c["a"], c["b"], seed], 4, seeds=2)
    y = np.array(list(draws.values())).reshape(12, 2)
    noise = y.var(axis=1, ddof=1).mean()
    between = y.mean(axis=1).var() - 11 / 12 * noise / 2  # of the 12 means over the levels
    for table in (factorial(results), main_effects(results), variance_shares(results)):
        row = table.set_index("effect").loc["seed noise"]
        assert row["value"] == pytest.approx(noise / (noise + between))
        assert tuple(row[["low", "high"]]) == tuple(seed_noise(results).iloc[0][["low", "high"]])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["equal noise", "unequal noise", "heavy tails", "20% diverged", "77% diverged", "lr cliff"]
)
def test_intervals_hold_the_shares_of_simulated_studies(name: str) -> None:
    """The effects of 40 studies at two seeds; python -m tests.benchmarks.share_coverage has 300."""
    cell = next(cell for cell in GRIDS if cell.name == name)
    found = covered(cell, 2, 40)
    assert np.mean([row.coverage for row in found.values()]) >= 0.9
    assert all(row.coverage >= 0.8 for row in found.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["equal noise, random", "77% diverged, random", "lr cliff, random"])
def test_the_seeds_of_random_designs_have_intervals_that_hold_and_are_no_wider_than_need_be(
    name: str,
) -> None:
    cell = next(cell for cell in RANDOM if cell.name == name)
    (row,) = covered(cell, 3, 60).values()
    assert row.coverage >= 0.88
    assert row.width < 2.2


def test_one_seed_takes_the_highest_order_as_the_error() -> None:
    rng = np.random.default_rng(0)
    table = factorial(grid(TWO, lambda c, seed: c["a"] + rng.normal() * 0.1, 4, seeds=1)).set_index("effect")
    assert "a x b taken as the error" in table.loc["a", "note"]
    assert table.loc["a", "p"] < 1e-3
    assert math.isnan(table.loc["a x b", "p"])
    assert math.isnan(table.loc["seed noise", "value"])


def test_a_constant_loss_gives_zeros() -> None:
    table = factorial(grid(TWO, lambda c, seed: 0.25, 4))
    assert (table["value"] == 0).all()


CONDITIONAL = SearchSpace(Categorical("rule", ("sgd", "adam")), Float("nu", 0.9, 0.99, when={"rule": "adam"}))


@pytest.mark.parametrize(
    ("results", "message"),
    [
        pytest.param(
            known_results(LrValley(), Random(20)),
            "needs a full grid, got 'random'.*use variance_shares",
            id="random points",
        ),
        pytest.param(
            grid(CONDITIONAL, lambda c, seed: 0.1, 2),
            "needs a full grid.*use variance_shares",
            id="a conditional grid",
        ),
        pytest.param(
            made(
                TWO,
                [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 1}],
                lambda c, seed: 0.1,
                1.0,
                "explicit",
            ),
            "needs a full grid, got 'explicit' with 3 configurations",
            id="a corner missing",
        ),
    ],
)
def test_what_is_no_grid_is_refused(results: Results, message: str) -> None:
    with pytest.raises(InputError, match=message):
        factorial(results)


def test_a_missing_trial_is_refused() -> None:
    results = grid(TWO, lambda c, seed: 0.1 * c["a"], 4)
    results.trials.loc[3, ["status", "loss"]] = ["failed", np.nan]
    with pytest.raises(
        InputError, match="1 of 36 trials of direct missing; finish the study or use variance_shares"
    ):
        factorial(results)
