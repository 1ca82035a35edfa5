"""The loss that the best configuration is expected to have on a rerun, against truths that are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from sensitivity import from_table
from sensitivity.measures import best_loss
from sensitivity.measures.best import Best, best_of, symmetric
from sensitivity.measures.losses import Losses
from sensitivity.measures.moderation import pooled_freedom
from sensitivity.measures.surface import surface
from tests.sensitivity.tables import bowl, noisy, results

Array = NDArray[np.float64]
STUDIES = 300
NOISE = 0.02


def of(loss: Array, units: Array | None = None, *, initial: float = 1.0, seed: int = 0) -> Best:
    """The best of losses ``[configurations, seeds]``, by default along one hyperparameter."""
    units = np.linspace(0, 1, len(loss))[:, None] if units is None else units
    names = ("lr", "mu")[: units.shape[1]]
    configurations: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in units.tolist()]
    group = Losses("task", "adam", loss, units, units[:, 0], configurations, names, True, initial)
    return best_of(group, surface(group, seed=seed))


def grid(*counts: int) -> Array:
    axes = [np.linspace(0, 1, count) for count in counts]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(counts))


@dataclass(frozen=True)
class Errors:
    """Errors of many studies in standard errors of a mean over seeds.

    Attributes:
        expected: Of the loss that is expected on a rerun, ``[studies]``.
        observed: Of the smallest mean, ``[studies]``.
        covered: Share of the intervals that hold the truth.
    """

    expected: Array
    observed: Array
    covered: float


def simulated(truth: Array, units: Array, seeds: int) -> Errors:
    expected, observed, covered = [], [], 0
    for study in range(STUDIES):
        rng = np.random.default_rng((study, seeds))
        loss = truth[:, None] + NOISE * rng.standard_normal((len(truth), seeds))
        one = of(np.minimum(loss, 1.0), units)
        low, high = np.quantile(one.draws, [0.025, 0.975])
        covered += low <= truth.min() <= high
        expected.append(one.value - truth.min())
        observed.append(one.observed - truth.min())
    scale = NOISE / math.sqrt(seeds)
    return Errors(np.array(expected) / scale, np.array(observed) / scale, covered / STUDIES)


def rmse(errors: Array) -> float:
    return math.sqrt(float((errors**2).mean()))


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3])
def test_the_best_of_a_plateau_is_not_the_luckiest(seeds: int) -> None:
    """20 equal configurations: 300 studies, less three standard errors of the coverage."""
    errors = simulated(np.full(20, 0.2), grid(5, 4), seeds)
    assert errors.observed.mean() < -1.5  # the expected smallest of 20 normal numbers is -1.87
    assert abs(errors.expected.mean()) <= 0.25
    assert rmse(errors.expected) <= rmse(errors.observed)
    assert errors.covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / STUDIES)


@pytest.mark.slow
def test_the_best_of_a_sharp_valley_is_its_mean() -> None:
    units = grid(8, 4)
    truth = np.where(np.isclose(units[:, 0], 3 / 7), 0.1 + 0.2 * units[:, 1], 0.6)
    errors = simulated(truth, units, 3)
    assert abs(errors.expected.mean()) <= 0.25
    assert errors.covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / STUDIES)


@pytest.mark.parametrize("seeds", [2, 3])
def test_without_noise_the_best_is_the_minimum(seeds: int) -> None:
    loss = np.repeat(0.1 + (np.linspace(0, 1, 9) - 0.4) ** 2, seeds).reshape(9, seeds)
    one = of(loss)
    assert (one.value, one.optimism) == (loss.min(), 0.0)
    assert one.draws == pytest.approx(loss.min(), rel=1e-12)
    assert one.place == int(loss.mean(axis=1).argmin())


def test_a_constant_loss_is_its_own_best() -> None:
    one = of(np.full((12, 3), 0.3))
    assert (one.value, one.observed, one.optimism) == (0.3, 0.3, 0.0)
    assert one.draws == pytest.approx(0.3, rel=1e-12)


def test_one_seed_has_the_observed_minimum_and_no_interval() -> None:
    loss = 0.2 + 0.1 * np.random.default_rng(0).random((8, 1))
    one = of(loss)
    assert (one.value, one.optimism) == (loss.min(), 0.0)
    assert np.isnan(one.draws).all()
    row = best_loss(results(noisy(0.1), seeds=(0,))).iloc[0]
    assert row["value"] == row["observed"]
    assert row["seeds"] == 1
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_huge_and_tiny_losses_are_the_same_study_in_other_units(scale: float) -> None:
    loss = 0.2 + 0.02 * np.random.default_rng(0).standard_normal((12, 3))
    plain, other = of(loss), of(loss * scale, initial=scale)
    assert other.value / scale == pytest.approx(plain.value, rel=1e-9)
    assert other.draws / scale == pytest.approx(plain.draws, rel=1e-9)


def test_one_configuration_is_the_best() -> None:
    loss = np.array([[0.1, 0.2, 0.3, 0.4]])
    one = of(loss)
    assert one.observed == pytest.approx(0.25)
    # A single mean has no luck of choosing: its error is that of the mean, 0.1291 / 2.
    assert one.value == pytest.approx(0.25, abs=0.1 * 0.1291 / 2)
    low, high = np.quantile(one.draws, [0.025, 0.975])
    assert low < 0.25 < high


def test_missing_trials_are_left_out() -> None:
    loss = 0.3 + 0.01 * np.random.default_rng(0).standard_normal((10, 3))
    loss[4] = [0.1, np.nan, 0.12]
    loss[7] = [np.nan, 0.3, np.nan]
    one = of(loss)
    assert one.place == 4
    assert one.observed == pytest.approx(0.11)
    assert one.value == pytest.approx(0.11, abs=0.005)
    assert np.isfinite(one.draws).all()


def test_where_every_trial_is_at_the_cap_the_best_is_the_cap() -> None:
    one = of(np.ones((6, 3)))
    assert one.value == one.optimism + 1.0 == 1.0
    assert one.draws == pytest.approx(1.0, rel=1e-12)


def test_the_noise_of_two_variants_that_first_diverge_is_not_the_same() -> None:
    rng = np.random.default_rng(0)
    made = []
    for seed in range(2):
        loss = np.ones((13, 3))
        loss[5:8] = 0.05 + NOISE * rng.standard_normal((3, 3))
        made.append(of(loss, seed=seed).draws)
    assert abs(np.corrcoef(made)[0, 1]) < 0.15


def test_repeats_at_the_cap_are_no_degrees_of_freedom() -> None:
    loss = np.array([[1.0, 1.0, 1.0], [0.1, 0.2, np.nan], [0.3, 0.1, 0.2], [0.4, np.nan, np.nan]])
    assert pooled_freedom(loss) == 3
    assert pooled_freedom(np.ones((4, 3))) == 0


def test_the_value_is_never_above_the_cap_nor_the_interval_below_zero() -> None:
    loss = np.abs(0.01 * np.random.default_rng(0).standard_normal((20, 3)))
    one = of(loss, initial=0.01)
    assert one.value <= 0.01
    assert one.draws.min() >= 0


def test_symmetric_errors_keep_their_order_and_width() -> None:
    errors = -np.random.default_rng(0).exponential(size=(2001, 2))
    found = symmetric(errors)
    assert (found.argsort(axis=0) == errors.argsort(axis=0)).all()
    assert np.sort(found, axis=0) == pytest.approx(-np.sort(found, axis=0)[::-1])
    assert np.ptp(found, axis=0) == pytest.approx(np.ptp(errors, axis=0))


def test_the_observed_mean_stands_beside_its_configuration_and_seeds() -> None:
    rows = [
        {"lr": lr, "seed": seed, "loss": loss}
        for lr, values in {0.1: (0.5, 0.7), 0.2: (0.2, 0.3, 0.4), 0.4: (0.6, 0.6)}.items()
        for seed, loss in enumerate(values)
    ]
    table = from_table(pd.DataFrame(rows), metric="loss", seed="seed", design="explicit")
    row = best_loss(table).iloc[0]
    assert row["observed"] == pytest.approx(0.3)
    assert (row["seeds"], row["configuration"]) == (3, {"lr": 0.2})
    assert row["value"] >= row["observed"]
    assert row["low"] < row["value"] < row["high"]


def test_the_best_of_a_table_is_that_of_its_losses() -> None:
    row = best_loss(results(bowl, seeds=(0, 1))).iloc[0]
    assert row["value"] == row["observed"] == row["low"] == row["high"]
