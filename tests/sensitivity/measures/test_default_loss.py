"""What the default setting loses: beside a design, in it, and how often its interval holds the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from search_spaces.designs import Grid
from search_spaces.hyperparameters import Float
from search_spaces.spaces import SearchSpace
from sensitivity.measures import best_loss, expected_best, regret, verdicts
from sensitivity.measures.default_loss import default_loss
from sensitivity.measures.estimates import estimates, stakes_of
from sensitivity.measures.regret import default_share
from sensitivity.measures.tunability import tunability
from sensitivity.results.results import Results
from tests.sensitivity.tables import INITIAL, bowl, noisy, results

SPACE = SearchSpace(Float("lr", 1e-3, 1.0, "log", 0.3))
NAMES = ["default", "default_low", "default_high"]


def with_default(
    design: Results, losses: Sequence[float], setting: float = 0.3, variants: Sequence[str] = ("adam",)
) -> Results:
    """Return results with trials of the default setting beside the design, one a seed."""
    rows = [
        design.trials.iloc[0].to_dict()
        | {
            "key": f"{variant}-default-{seed}",
            "variant": variant,
            "seed": seed,
            "config/lr": setting,
            "value": loss,
            "loss": min(loss, INITIAL),
            "status": "completed" if loss < INITIAL else "diverged",
        }
        for variant in variants
        for seed, loss in enumerate(losses)
    ]
    return replace(design, defaults=pd.DataFrame(rows, columns=design.trials.columns))


def grid(deviation: float, seed: int = 0, *, seeds: int = 3, levels: int = 7) -> Results:
    points = Grid({"lr": levels}).configurations(SPACE)
    return results(
        noisy(deviation, seed),
        variants=("adam", "cm"),
        space=SPACE,
        configurations=points,
        seeds=range(seeds),
    )


def test_the_default_setting_counts_from_the_common_best_to_the_initial_loss() -> None:
    made = with_default(grid(0.001), (0.30, 0.31, 0.32))
    table = regret(made).set_index("variant")
    row = table.loc["adam"]
    assert row["default"] == pytest.approx((0.31 - row["best"]) / (row["initial"] - row["best"]))
    assert row["default_low"] < row["default"] < row["default_high"]
    assert table.loc["cm", NAMES].isna().all()


def test_trials_of_a_default_setting_change_no_other_number() -> None:
    design = grid(0.02)
    made = with_default(design, (0.01, 0.01, 0.01), variants=("adam", "cm"))  # better than the design
    pd.testing.assert_frame_equal(regret(made).drop(columns=NAMES), regret(design).drop(columns=NAMES))
    for measure in (best_loss, expected_best, verdicts):
        pd.testing.assert_frame_equal(measure(made), measure(design))
    assert (regret(made)["default"] < 0).all()


def test_the_gain_of_tuning_is_measured_where_the_default_was_trained() -> None:
    """The default lies between two levels, and costs what its trials cost, not what a forest says."""
    made = with_default(grid(0.01, levels=12), (0.50, 0.51, 0.52))
    best = best_loss(made).set_index("variant").loc["adam", "value"]
    gains = tunability(made)
    whole = gains[gains["kind"] == "overall"].set_index("variant")
    assert whole.loc["adam", "value"] == pytest.approx(0.51 - best)
    assert whole.loc["adam", "low"] < whole.loc["adam", "value"] < whole.loc["adam", "high"]
    assert "forest" not in whole.loc["adam", "note"]
    assert "forest" in whole.loc["cm", "note"]  # its default was not trained
    other = tunability(made, {"lr": 0.02})
    assert other[other["kind"] == "overall"]["note"].str.contains("forest").all()


def test_the_interval_of_that_gain_holds_the_truth() -> None:
    """60 studies; 51 of 60 has a chance of 0.2% at 95%."""
    cost = bowl({"lr": 0.3}, 0)
    gain = cost - min(bowl(point, 0) for point in Grid({"lr": 7}).configurations(SPACE))
    held = 0
    for number in range(60):
        losses = cost + 0.03 * np.random.default_rng(number).standard_normal(3)
        gains = tunability(with_default(grid(0.03, number + 1), losses.tolist()), trees=2)
        row = gains[(gains["kind"] == "overall") & (gains["variant"] == "adam")].iloc[0]
        held += row["low"] <= gain <= row["high"]
    assert held >= 51


@pytest.mark.parametrize("default", [0.001, 0.1], ids=["far from the best", "tied with the best"])
def test_a_default_setting_in_the_design_is_read_from_it(default: float) -> None:
    space = SearchSpace(Float("lr", 1e-3, 1.0, "log", default))
    made = results(noisy(0.01), space=space, configurations=Grid({"lr": 4}).configurations(space))
    group = made.trials[made.trials["config/lr"] == default]
    (row,) = regret(made).to_dict("records")
    share = (group["loss"].mean() - row["best"]) / (1 - row["best"])
    assert row["default"] == pytest.approx(max(0.0, share))
    assert row["default_low"] >= 0
    assert row["default"] >= row["tuned"]


def test_a_middle_of_a_range_is_no_default() -> None:
    made = results(bowl, space=SearchSpace(Float("lr", 1e-3, 1.0, "log"), Float("mu", 0.5, 0.99)))
    assert regret(made)[NAMES].isna().all(axis=None)


def test_one_seed_has_no_interval() -> None:
    made = with_default(grid(0.01, seeds=1), (0.3,))
    row = regret(made).set_index("variant").loc["adam"]
    assert math.isfinite(row["default"])
    assert row[["default_low", "default_high"]].isna().all()


def test_noise_is_that_of_the_design_and_of_the_seeds_themselves_where_some_diverge() -> None:
    calm, mixed = with_default(grid(0.01), (0.30, 0.30, 0.30)), with_default(grid(0.01), (0.30, 0.30, 1.0))
    found = []
    for made in (calm, mixed):
        one = estimates(made)["autoencoder/digits"][0]
        known = default_loss(made, one)
        assert known is not None
        found.append((known.degrees, known.draws.std()))
    assert found[0][0] > 10
    assert found[0][1] < 0.02
    assert found[1][0] == 2
    assert found[1][1] > 0.05
    row = regret(mixed).set_index("variant").loc["adam"]
    assert row["default_high"] == pytest.approx(1.0, abs=0.05)


def test_a_default_setting_that_always_diverges_loses_everything() -> None:
    row = regret(with_default(grid(0.01), (1.0, 1.0, 1.0))).set_index("variant").loc["adam"]
    assert row["default"] == pytest.approx(1.0)


@pytest.mark.parametrize("deviation", [0.005, 0.03])
def test_the_interval_holds_the_truth_in_about_95_of_100_studies(deviation: float) -> None:
    """300 studies with three seeds; four standard errors of their share are 0.05."""
    truth = bowl({"lr": 0.3}, 0)
    points = Grid({"lr": 7}).configurations(SPACE)
    best = min(bowl(point, 0) for point in points)
    true = (truth - best) / (INITIAL - best)
    rng, held = np.random.default_rng(3), []
    for study in range(300):
        made = with_default(grid(deviation, study), list(truth + deviation * rng.standard_normal(3)))
        every = estimates(made, draws=200)["autoencoder/digits"]
        goal = stakes_of(every)
        one = next(one for one in every if one.variant == "adam")
        _, low, high = default_share(made, one, goal)
        held.append(low <= true <= high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.05)
