"""The setting that loses least when hyperparameters are off: by hand beside a cliff, and in simulated studies."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.designs import FixedDesign, Grid, Random
from search_spaces.hyperparameters import Categorical, Float, Integer, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity.measures import robust_setting
from sensitivity.measures.lattices import interval_shares
from sensitivity.measures.neighbourhoods import half_width
from sensitivity.results.results import Results
from tests.sensitivity.tables import results
from trainables.names import InputError

SPACE = SearchSpace(Float("lr", 1e-5, 1.0, "log"))
POWERS = Grid(levels={"lr": [10.0**power for power in range(-5, 1)]})
"""Levels a factor of 10 apart: a neighbourhood of factor 10 is a level and its two neighbours, by 1, 2, 1."""
CLIFF = {-5: 0.5, -4: 0.3, -3: 0.2, -2: 0.1, -1: 0.9, 0: 0.9}
FINE = SearchSpace(Float("lr", 1e-3, 1.0, "log"))

Loss = Callable[[Mapping[str, Any]], float]


def exponent(configuration: Mapping[str, Any]) -> int:
    return round(math.log10(configuration["lr"]))


def study(
    loss: Loss, space: SearchSpace = SPACE, design: FixedDesign = POWERS, noise: float = 0.0, **more: Any
) -> Results:
    rng = np.random.default_rng(more.pop("number", 0))
    return results(
        lambda configuration, seed: loss(configuration) + noise * float(rng.standard_normal()),
        space=space,
        configurations=design.configurations(space),
        **{"design": design.kind, **more},
    )


def row_of(loss: Loss, *, factor: float = 10.0, **more: Any) -> Any:
    return robust_setting(study(loss, **more), factor=factor).iloc[0]


def test_the_robust_setting_is_away_from_the_cliff_by_hand() -> None:
    """F(1e-3) = (.3 + 2 x .2 + .1) / 4 = .2, F(1e-2) = (.2 + 2 x .1 + .9) / 4 = .325."""
    row = row_of(lambda c: CLIFF[exponent(c)])
    assert row["configuration"] == {"lr": 1e-3}
    assert row["best_configuration"] == {"lr": 1e-2}
    assert row[["value", "low", "high"]].tolist() == pytest.approx([0.2] * 3)
    assert row[["cost", "cost_low", "cost_high"]].tolist() == pytest.approx([0.125] * 3)
    assert (row["n"], row["note"]) == (12, "")


def test_a_quadratic_on_a_fine_grid_has_the_integral_of_its_square() -> None:
    """Over +- log10 2 the mean of .1 x^2 is .1 log10(2)^2 / 3, and a little more, as the curve is linear between
    levels."""
    row = row_of(
        lambda c: 0.1 + 0.1 * (math.log10(c["lr"]) + 1.5) ** 2, factor=2, space=FINE, design=Grid(61)
    )
    assert row["configuration"]["lr"] == pytest.approx(10**-1.5)
    assert row["value"] == pytest.approx(0.1 + 0.1 * math.log10(2) ** 2 / 3, rel=2e-3)
    assert row["cost"] == 0.0


def test_hyperparameters_are_off_at_once_and_categorical_ones_stay() -> None:
    space = SearchSpace(
        *SPACE, Float("mu", 0.0, 1 - 1e-4, "log1m"), Float("drop", 0.0, 0.6), Categorical("rule", ("a", "b"))
    )
    drop = [0.0, 0.2, 0.4, 0.6]
    design = Grid(
        levels={**POWERS.levels, "mu": [0, 0.9, 0.99, 0.999, 0.9999], "drop": drop, "rule": ["a", "b"]}
    )

    def loss(c: Mapping[str, Any]) -> float:
        decay = round(math.log10(1 - c["mu"]))
        return CLIFF[exponent(c)] / 2 + 0.02 * (decay + 2) ** 2 + 0.1 * c["drop"] + 0.05 * (c["rule"] == "b")

    row = row_of(loss, space=space, design=design)
    assert row["configuration"] == {"lr": 1e-3, "mu": 0.99, "drop": 0.0, "rule": "a"}
    assert row["best_configuration"] == {"lr": 1e-2, "mu": 0.99, "drop": 0.0, "rule": "a"}
    # A factor of 10 is a third of the range of drop; at its bound of 0 errors go up only: 0 to .2, .1 on average.
    assert row["value"] == pytest.approx(0.2 / 2 + 0.02 * (1 + 0 + 1) / 4 + 0.1 * 0.1)
    assert row["cost"] == pytest.approx(0.125 / 2)


def test_between_levels_that_trained_and_diverged_there_are_bounds() -> None:
    """F(1e-2) has a quarter of its weight in the half of the stretch beside the cliff: .1 to the cap of 1."""
    row = row_of(lambda c: CLIFF[exponent(c)] if exponent(c) < -1 else math.inf)
    assert row["configuration"] == {"lr": 1e-3}
    assert row["value"] == pytest.approx(0.2)
    assert math.isnan(row["cost"])
    below = (0.2 + 0.1) / 4
    assert row["cost_low"] == pytest.approx(below + 0.1 / 2 - 0.2)
    assert row["cost_high"] == pytest.approx(below + 1.0 / 2 - 0.2)
    assert "diverge" in row["note"]


def test_where_every_setting_is_beside_divergence_the_value_has_bounds() -> None:
    row = row_of(
        lambda c: 0.3 if exponent(c) == -2 else math.inf,
        space=SearchSpace(Float("lr", 1e-3, 1e-1, "log")),
        design=Grid(levels={"lr": [1e-3, 1e-2, 1e-1]}),
    )
    assert math.isnan(row["value"])
    assert (row["low"], row["high"]) == pytest.approx((0.3, 1.0))
    assert row["configuration"] == row["best_configuration"]
    assert row["cost"] == 0.0
    assert "bounds" in row["note"]


def test_bounds_in_two_dimensions_enclose_every_surface_between() -> None:
    """One corner diverges; on either side of it a quarter of each cell's weight is of that corner."""
    space = SearchSpace(Float("lr", 1e-2, 1.0, "log"), Float("decay", 1e-2, 1.0, "log"))
    levels = [1e-2, 1e-1, 1.0]
    row = row_of(
        lambda c: math.inf if c["lr"] == c["decay"] == 1.0 else 0.2,
        space=space,
        design=Grid(levels={"lr": levels, "decay": levels}),
    )
    assert (row["low"], row["high"]) == pytest.approx((0.2, 0.75 * 0.2 + 0.25 * 1.0))


@pytest.mark.parametrize("diverging", [1, 2])
def test_a_level_of_which_some_seeds_diverge_is_not_interpolated(diverging: int) -> None:
    trials = study(lambda c: CLIFF[exponent(c)], seeds=(0, 1, 2)).trials
    fails = trials["config/lr"].eq(1e-1) & trials["seed"].lt(diverging)
    changed = trials.assign(
        status=trials["status"].mask(fails, "diverged"), loss=trials["loss"].mask(fails, 1.0)
    )
    row = robust_setting(replace(study(lambda c: 0.0), trials=changed), factor=10).iloc[0]
    assert math.isnan(row["cost"])
    assert row["cost_low"] < row["cost_high"]


def test_levels_that_are_too_far_apart_say_how_many_would_do() -> None:
    row = row_of(lambda c: 0.1, factor=2, space=FINE, design=Grid(8))
    assert math.isnan(row["value"])
    assert row["configuration"] == {}
    assert "11 even levels would do" in row["note"]
    enough = row_of(lambda c: 0.1, factor=2, space=FINE, design=Grid(11))
    assert enough["value"] == pytest.approx(0.1)
    linear = SearchSpace(*FINE, Float("drop", 0.0, 0.5))
    note = row_of(lambda c: 0.1, factor=2, space=linear, design=Grid({"lr": 11, "drop": 3}))["note"]
    assert note == (
        "the levels of drop are 0.25 apart, and it may be off by 0.0502 only: 11 even levels would do"
    )


def test_a_setting_at_the_end_of_the_levels_is_not_judged() -> None:
    row = row_of(lambda c: 0.5 + 0.05 * exponent(c))
    assert row["best_configuration"] == {"lr": 1e-5}
    assert row["configuration"] == {"lr": 1e-4}
    assert math.isnan(row["cost"])
    assert "end of what was searched" in row["note"]
    narrow = SearchSpace(Float("lr", 1e-2, 1e-1, "log"))
    note = row_of(lambda c: 0.1, space=narrow, design=Grid(2))["note"]
    assert note == "no level of lr is a factor of 10 from both ends: search a wider range of it"


def test_an_inactive_hyperparameter_is_not_off() -> None:
    """Rule a has no nu, so its loss of .25 is what it is; rule b has .1 in its valley and .55 around it."""
    nu = Float("nu", 0.0, 0.999, "log1m", when={"rule": "b"})
    space = SearchSpace(Categorical("rule", ("a", "b")), nu)
    design = Grid(levels={"rule": ["a", "b"], "nu": [0.0, 0.9, 0.99, 0.999]})
    row = row_of(
        lambda c: 0.25 if c["rule"] == "a" else 0.1 if c["nu"] == 0.9 else 0.55, space=space, design=design
    )
    assert row["configuration"] == {"rule": "a"}
    assert row["best_configuration"] == {"rule": "b", "nu": 0.9}
    assert row["value"] == pytest.approx(0.25)
    assert row["cost"] == pytest.approx((0.55 + 2 * 0.1 + 0.55) / 4 - 0.25)


def test_a_configuration_without_a_result_is_not_filled_in() -> None:
    whole = study(lambda c: CLIFF[exponent(c)])
    lacking = replace(whole, trials=whole.trials[whole.trials["config/lr"].ne(1e-4)].reset_index(drop=True))
    assert "1e+02" in robust_setting(lacking, factor=10).iloc[0]["note"]
    space = SearchSpace(*SPACE, Float("decay", 1e-2, 1.0, "log"))
    design = Grid(levels={**POWERS.levels, "decay": [1e-2, 1e-1, 1.0]})
    whole = study(lambda c: CLIFF[exponent(c)], space, design)
    gap = whole.trials["config/lr"].eq(1e-3) & whole.trials["config/decay"].eq(1e-2)
    row = robust_setting(replace(whole, trials=whole.trials[~gap].reset_index(drop=True)), factor=10).iloc[0]
    # Beside the gap nothing is known, so 1e-1 is the only setting left: (.1 + 2 x .9 + .9) / 4.
    assert row["configuration"] == {"lr": 1e-1, "decay": 1e-1}
    assert row["value"] == pytest.approx(0.7)
    assert row["note"].startswith("settings beside 1 configuration without a result")


def test_a_drawn_design_is_averaged_over_its_configurations() -> None:
    def loss(c: Mapping[str, Any]) -> float:
        x = math.log10(c["lr"]) + 1.5
        return 0.1 + 0.1 * x**2 + (0.3 if x > 0.1 else 0.0)

    design = Random(300, seed=0)
    row = row_of(loss, factor=2, space=FINE, design=design, seeds=(0,), noise=0.01)
    assert -2.0 < math.log10(row["configuration"]["lr"]) < -1.6
    off = math.log10(2) * np.linspace(-1, 1, 2001)
    truth = np.mean([loss({"lr": row["configuration"]["lr"] * 10**error}) for error in off])
    assert row["low"] < truth < row["high"]
    assert row["cost_low"] > 0
    few = row_of(loss, factor=1.2, space=FINE, design=Random(40, seed=0), seeds=(0,))
    assert math.isnan(few["value"])
    assert "of them would do" in few["note"]


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_intervals_hold_the_truth_in_about_95_percent_of_studies(noise: float) -> None:
    levels = [10.0**power for power in (-3, -2.5, -2, -1.5, -1, -0.5, 0)]
    true = [0.35, 0.2, 0.12, 0.1, 0.11, 0.6, 0.9]
    expected = np.convolve(true, [1, 2, 1], "valid") / 4
    design, hits, costs = Grid(levels={"lr": levels}), 0, 0
    for number in range(100):
        table = study(
            lambda c: true[levels.index(c["lr"])], FINE, design, noise, seeds=range(3), number=number
        )
        row = robust_setting(table, factor=math.sqrt(10)).iloc[0]
        truth = expected[levels.index(row["configuration"]["lr"]) - 1]
        hits += row["low"] <= truth <= row["high"]
        if math.isnan(row["cost"]):
            continue
        cost = expected[levels.index(row["best_configuration"]["lr"]) - 1] - truth
        costs += not row["cost_low"] - 1e-9 <= cost <= row["cost_high"] + 1e-9
    assert hits >= 89  # fewer than 89 of 100 have a chance of 0.4%
    assert costs <= 11


def test_a_shift_of_all_losses_shifts_the_value_and_no_cost() -> None:
    made = study(lambda c: CLIFF[exponent(c)], noise=0.01, seeds=(0, 1, 2))
    names = ("loss", "value", "initial_loss")
    moved = replace(made, trials=made.trials.assign(**{name: made.trials[name] + 3.0 for name in names}))
    one, two = (robust_setting(table, factor=10).iloc[0] for table in (made, moved))
    assert one["configuration"] == two["configuration"]
    for column in ("value", "low", "high"):
        assert two[column] - 3.0 == pytest.approx(one[column], abs=1e-3)
    for column in ("cost", "cost_low", "cost_high"):
        assert two[column] == pytest.approx(one[column], abs=1e-3)


def test_a_constant_loss_costs_nothing() -> None:
    row = row_of(lambda c: 0.3)
    assert row[["value", "low", "high"]].tolist() == pytest.approx([0.3] * 3)
    assert row["cost"] == row["cost_high"] == 0.0


def test_one_seed_has_no_interval() -> None:
    row = row_of(lambda c: CLIFF[exponent(c)], seeds=(0,))
    assert row["value"] == pytest.approx(0.2)
    assert math.isnan(row["low"])
    assert math.isnan(row["cost_high"])


def test_one_level_stays_or_refuses() -> None:
    one = Grid(levels={"lr": [1e-2]})
    assert row_of(lambda c: 0.2, design=one)["note"] == "no numerical hyperparameter has two levels"
    space = SearchSpace(*SPACE, Float("decay", 1e-2, 1.0, "log"))
    row = row_of(
        lambda c: CLIFF[exponent(c)], space=space, design=Grid(levels={**POWERS.levels, "decay": [0.1]})
    )
    assert row["value"] == pytest.approx(0.2)
    assert row["note"] == "decay has one level and stays"


def test_a_hyperparameter_whose_next_value_is_further_than_the_factor_stays() -> None:
    assert half_width(Integer("depth", 1, 4), 2) == 0
    assert half_width(Integer("width", 16, 512, "log"), 2) == pytest.approx(math.log10(2))
    assert half_width(Float("drop", 0, 1, step=0.5), 2) == 0
    assert half_width(Float("drop", 0, 3), 10) == pytest.approx(1)
    assert half_width(Ordinal("batch", (16, 32, 64)), 2) == 0


def test_weights_of_a_piecewise_linear_curve_are_its_integral() -> None:
    levels = np.array([0.0, 1.0, 1.5, 4.0])
    curve = np.array([2.0, -1.0, 0.5, 3.0])
    low, high = np.array([0.2, 1.1, 0.0]), np.array([0.9, 3.0, 4.0])
    shares = interval_shares(levels, low, high)
    for row, (start, end) in zip(shares, zip(low, high, strict=True), strict=True):
        points = start + (end - start) * (np.arange(100_000) + 0.5) / 100_000
        mean = float(row[:, 0] @ curve[:-1] + row[:, 1] @ curve[1:])
        assert mean == pytest.approx(float(np.interp(points, levels, curve).mean()), abs=1e-4)


def test_an_adaptive_design_and_bad_arguments_are_refused() -> None:
    made = study(lambda c: 0.1)
    with pytest.raises(InputError, match="adaptive"):
        robust_setting(replace(made, design="adaptive"))
    for arguments, words in (
        ({"factor": 1}, "factor"),
        ({"factor": math.inf}, "factor"),
        ({"level": 1}, "level"),
    ):
        with pytest.raises(InputError, match=words):
            robust_setting(made, **arguments)
    uneven = robust_setting(replace(made, design="morris"), factor=10).iloc[0]
    assert "evenly" in uneven["note"]
    assert pd.isna(uneven["value"])
