"""Measures of the learning rate against closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from search_spaces.designs import Grid, Random
from sensitivity.measures import (
    best_loss,
    excess_differences,
    lr_curve,
    lr_sensitivity,
    robust_share,
    robust_width,
)
from tests.sensitivity.tables import SPACE, bowl, noisy, results

GRID = [1e-3, 1e-2, 1e-1, 1.0]


def test_sensitivity_on_a_grid_is_the_mean_excess_over_the_best() -> None:
    expected = np.mean([bowl({"lr": lr}, 0) for lr in GRID]) - min(bowl({"lr": lr}, 0) for lr in GRID)
    row = lr_sensitivity(results(bowl)).iloc[0]
    assert row["value"] == pytest.approx(expected, rel=1e-12)
    assert row["low"] == pytest.approx(row["value"])  # no noise, and a grid's configurations are fixed
    assert (row["lr_low"], row["lr_high"], row["n"]) == (1e-3, 1.0, 24)


def test_sensitivity_of_a_random_design_covers_the_integral() -> None:
    """Over x = log10 lr uniform on [-3, 0]: E[.2 (x + 1.5)^2] = .2 * 3^2 / 12 = .15; the best of many points
    is nearly .1."""
    row = lr_sensitivity(
        results(bowl, configurations=Random(300, seed=1).configurations(SPACE), design="random")
    ).iloc[0]
    assert row["value"] == pytest.approx(0.15, abs=0.015)
    assert row["low"] < 0.15 < row["high"]


def test_divergence_counts_as_the_initial_loss() -> None:
    def explodes(configuration: Any, seed: int) -> float:
        return math.inf if configuration["lr"] > 0.5 else bowl(configuration, seed)

    rest = [bowl({"lr": lr}, 0) for lr in GRID[:3]]
    assert lr_sensitivity(results(explodes)).iloc[0]["value"] == pytest.approx(
        np.mean([*rest, 1.0]) - min(rest), rel=1e-12
    )


def test_a_constant_loss_is_not_sensitive() -> None:
    table = results(lambda configuration, seed: 0.3)
    row = lr_sensitivity(table).iloc[0]
    assert (row["value"], row["low"], row["high"]) == (0, 0, 0)
    assert robust_width(table).iloc[0]["value"] == pytest.approx(3)


def tilted(configuration: Any, seed: int) -> float:
    """The bowl off the middle of two levels, and better at small mu: one configuration is best."""
    return bowl({"lr": configuration["lr"] * 1.5}, seed) + 0.1 * configuration["mu"]


def test_noise_widens_the_interval() -> None:
    quiet, loud = (
        lr_sensitivity(results(noisy(deviation), seeds=range(4))).iloc[0] for deviation in (0.001, 0.05)
    )
    assert quiet["high"] - quiet["low"] < loud["high"] - loud["low"]


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_hold_the_truth_as_often_as_they_say(seeds: int) -> None:
    """95 of 100 studies, less three standard errors of a hundred."""
    truth = lr_sensitivity(results(tilted)).iloc[0]["value"]
    covered = 0
    for study in range(100):
        row = lr_sensitivity(results(noisy(0.01, study, tilted), seeds=range(seeds)), draws=300).iloc[0]
        covered += row["low"] <= truth <= row["high"]
    assert covered >= 95 - 3 * math.sqrt(100 * 0.95 * 0.05)


def test_the_same_seed_gives_the_same_interval() -> None:
    table = results(noisy(0.05))
    assert lr_sensitivity(table, seed=3).equals(lr_sensitivity(table, seed=3))


def test_failed_trials_are_left_out_and_said() -> None:
    def status(configuration: Any, seed: int) -> str:
        return "failed" if configuration["lr"] == 1.0 and seed == 1 else "completed"

    row = lr_sensitivity(results(bowl, status=status)).iloc[0]
    assert row["n"] == 21
    assert row["note"] == "1 to 2 seeds: 3 of 24 trials missing"


def test_robust_width_of_a_fine_grid_is_the_width_of_the_basin() -> None:
    """.2 d^2 <= 10% of .1 on both sides: 2 sqrt(.05) decades."""
    table = results(bowl, configurations=Grid({"lr": 301, "mu": 1}).configurations(SPACE))
    assert robust_width(table).iloc[0]["value"] == pytest.approx(2 * math.sqrt(0.05), abs=0.01)


def test_a_basin_cut_by_the_range_is_noted() -> None:
    table = results(lambda configuration, seed: 1 - 0.2 * math.log10(configuration["lr"] * 1e3) / 3)
    assert "still robust at the highest lr" in robust_width(table).iloc[0]["note"]


def test_best_loss_names_its_configuration() -> None:
    def narrow(configuration: Any, seed: int) -> float:
        return bowl(configuration, seed) + (0 if configuration["mu"] == 0.5 else 0.05)

    row = best_loss(results(narrow)).iloc[0]
    assert row["configuration"]["mu"] == 0.5
    assert row["value"] == pytest.approx(min(bowl({"lr": lr}, 0) for lr in GRID))


def test_the_curve_has_a_point_for_each_level_and_its_range_of_seeds() -> None:
    curve = lr_curve(results(lambda configuration, seed: bowl(configuration, seed) + 0.01 * seed))
    assert list(curve["lr"]) == pytest.approx(GRID)
    assert (curve["high"] - curve["low"]).to_numpy() == pytest.approx(0.01)


def test_equal_variants_cannot_be_told_apart_and_unequal_ones_can() -> None:
    rng = np.random.default_rng(0)

    def loss(configuration: Any, seed: int) -> float:
        steep = 0.02 if configuration["variant"] == "nadam" else 0.2
        return 0.1 + steep * (math.log10(configuration["lr"]) + 1.5) ** 2 + float(rng.normal(0, 0.005))

    table = excess_differences(results(loss, variants=("adam", "rmsprop", "nadam"))).set_index(["a", "b"])
    assert table.loc[("adam", "rmsprop"), "low"] < 0 < table.loc[("adam", "rmsprop"), "high"]
    assert table.loc[("adam", "nadam"), "low"] > 0


def test_the_robust_share_is_that_of_good_configurations() -> None:
    table = results(bowl)
    loss = table.trials["loss"]
    row = robust_share(table).iloc[0]
    assert row["value"] == row["low"] == row["high"] == (loss <= 1.1 * loss.min()).mean()
    assert robust_share(results(lambda c, seed: 2.0)).iloc[0]["value"] == 0
    noise = robust_share(results(noisy(0.05))).iloc[0]
    assert noise["low"] <= noise["value"] <= noise["high"]
