"""Variance shares against functions whose shares are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces import Categorical, Float, SearchSpace
from search_spaces.designs import Random, Sobol
from sensitivity.measures import factorial, main_effects, seed_noise
from sensitivity.measures.effects import INTERACTIONS, NOISE, effects_in_short
from sensitivity.measures.losses import losses
from tests.sensitivity.tables import LR, MU, SPACE, bowl, results

POINTS = Sobol(512, seed=0).configurations(SPACE)


def in_units(function: Callable[[float, float], float]) -> Callable[[Mapping[str, Any], int], float]:
    return lambda configuration, seed: function(
        LR.to_unit(configuration["lr"]), MU.to_unit(configuration["mu"])
    )


def shares(loss: Callable[[Mapping[str, Any], int], float], **others: Any) -> pd.Series:
    table = main_effects(
        results(loss, **{"configurations": POINTS, "design": "sobol", "seeds": (0,), **others})
    )
    return table.set_index("effect")["value"]


@pytest.mark.parametrize(
    ("function", "lr", "mu", "interactions"),
    [
        pytest.param(lambda u, v: 0.3 * u + 0.1 * v, 0.9, 0.1, 0.0, id="two additive effects, nine to one"),
        pytest.param(lambda u, v: 0.5 * v, 0.0, 1.0, 0.0, id="mu alone, straight on its own scale"),
        pytest.param(lambda u, v: (u - 0.5) * (v - 0.5) + 0.5, 0.0, 0.0, 1.0, id="nothing but interaction"),
    ],
)
def test_shares_are_those_of_the_function(
    function: Callable[[float, float], float], lr: float, mu: float, interactions: float
) -> None:
    found = shares(in_units(function))
    assert found["lr"] == pytest.approx(lr, abs=0.03)
    assert found["mu"] == pytest.approx(mu, abs=0.03)
    assert found["interactions"] == pytest.approx(interactions, abs=0.05)


def test_a_u_shaped_learning_rate_is_seen_on_its_log_scale() -> None:
    """Var of .6 (2u - 1)^2 is .36 * 4 / 45; of .1 v is .01 / 12."""
    lr, mu = 0.36 * 4 / 45, 0.01 / 12
    assert shares(in_units(lambda u, v: 0.6 * (2 * u - 1) ** 2 + 0.1 * v))["lr"] == pytest.approx(
        lr / (lr + mu), abs=0.03
    )


def test_a_constant_loss_gives_zeros_not_equal_shares() -> None:
    table = main_effects(results(lambda configuration, seed: 0.25, seeds=(0, 1)))
    assert (table["value"] == 0).all()


def test_shares_and_noise_sum_to_one() -> None:
    rng = np.random.default_rng(0)
    loss = in_units(lambda u, v: 0.3 * u + 0.2 * v)
    found = shares(
        lambda configuration, seed: loss(configuration, seed) + float(rng.normal(0, 0.1)), seeds=(0, 1, 2)
    )
    assert found.sum() == pytest.approx(1)


def test_diverged_trials_take_part_at_the_initial_loss() -> None:
    found = main_effects(
        results(in_units(lambda u, v: math.inf if u > 0.6 else 0.2), configurations=POINTS, design="sobol")
    )
    assert found.set_index("effect").loc["lr", "value"] > 0.95


def test_too_few_configurations_are_refused_in_the_note() -> None:
    table = main_effects(results(lambda configuration, seed: configuration["lr"], configurations=POINTS[:4]))
    lr = table[table["effect"] == "lr"].iloc[0]
    assert math.isnan(lr["value"])
    assert "too few for a forest" in lr["note"]


def test_seed_noise_is_the_variance_between_seeds() -> None:
    """Configurations with variance .3^2 / 12 and seeds with .05^2."""
    rng = np.random.default_rng(0)
    loss = in_units(lambda u, v: 0.3 * u)
    table = results(
        lambda configuration, seed: loss(configuration, seed) + float(rng.normal(0, 0.05)),
        configurations=POINTS,
        design="sobol",
        seeds=range(4),
    )
    row = seed_noise(table).iloc[0]
    truth = 0.05**2 / (0.05**2 + 0.3**2 / 12)
    assert row["low"] < truth < row["high"]
    assert row["value"] == pytest.approx(truth, abs=0.03)


def test_one_seed_has_no_noise_to_show() -> None:
    row = seed_noise(results(lambda configuration, seed: configuration["lr"] / 2, seeds=(0,))).iloc[0]
    assert math.isnan(row["value"])
    assert "one seed" in row["note"]


def test_what_is_inactive_lies_in_the_middle_and_takes_no_part_there() -> None:
    space = SearchSpace(
        LR, Categorical("rule", ("sgd", "adam")), Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"})
    )
    configurations = Sobol(64).configurations(space)

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        return 0.5 if configuration["rule"] == "sgd" else 0.3 + 0.1 * space["nu"].to_unit(configuration["nu"])

    made = results(loss, space=space, configurations=configurations, design="sobol")
    group = losses(made, "autoencoder/digits", "adam")
    idle = np.array([configuration["rule"] == "sgd" for configuration in group.configurations])
    assert np.isfinite(group.units).all()
    assert (group.units[idle, 2] == 0.5).all()
    assert np.isnan(made.units(made.trials, "adam")[:, 2]).any()
    assert [set(configuration) for configuration in group.configurations] == [
        set(configuration) for configuration in configurations
    ]
    shares = main_effects(made).set_index("effect")["value"]
    assert shares["rule"] > 0.8 > 0.1 > shares["lr"]
    assert 0.01 < shares["nu"] < 0.2


def leaning(configuration: Any, seed: int) -> float:
    return (
        bowl(configuration, seed)
        + 0.3 * configuration["mu"] * math.log10(configuration["lr"]) ** 2 / 9
        + 0.01 * seed
    )


def test_a_full_grid_is_analysed_exactly_and_anything_else_by_a_forest() -> None:
    grid = results(leaning)
    short, exact = (
        effects_in_short(grid).set_index("effect")["value"],
        factorial(grid).set_index("effect")["value"],
    )
    assert list(short.index) == ["lr", "mu", INTERACTIONS, NOISE]
    assert short["lr"] == exact["lr"]
    assert short[INTERACTIONS] == pytest.approx(exact["lr x mu"])
    assert short.sum() == pytest.approx(1)
    for other in (
        results(leaning, seeds=[0]),
        results(leaning, configurations=Random(20).configurations(SPACE), design="random"),
        results(
            leaning,
            status=lambda configuration, seed: (
                "failed" if configuration["lr"] == 1.0 and seed else "completed"
            ),
        ),
    ):
        pd.testing.assert_frame_equal(effects_in_short(other), main_effects(other))


def test_every_variant_is_analysed_as_its_own_trials_allow() -> None:
    table = effects_in_short(results(leaning, variants=("adam", "nadam")))
    assert list(table.groupby("variant", sort=False).size()) == [4, 4]
    assert effects_in_short(results(leaning, status=lambda configuration, seed: "failed")).empty
