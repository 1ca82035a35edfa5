"""What an untuned configuration costs, against closed forms and simulated studies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from search_spaces.designs import Grid, Random
from search_spaces.hyperparameters import Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity.measures import best_loss, excess_loss, lr_sensitivity
from sensitivity.measures.measured import Measured
from sensitivity.questions.summary import summary
from tests.sensitivity.tables import INITIAL, MU, SPACE, bowl, noisy, results
from trainables.names import InputError

TASK = "autoencoder/digits"


def flat(configuration: Any, seed: int) -> float:
    return 0.1


@pytest.mark.slow
@pytest.mark.parametrize("design", ["grid", "random"])
@pytest.mark.parametrize("truth", [flat, bowl])
def test_intervals_of_the_best_hold_it_also_where_luck_chooses_among_equals(design: str, truth: Any) -> None:
    """95 of 100 studies, less three standard errors of a hundred."""
    covered = 0
    for study in range(100):
        points = (
            Random(40, seed=study).configurations(SPACE)
            if design == "random"
            else Grid({"lr": 5, "mu": 4}).configurations(SPACE)
        )
        row = best_loss(
            results(noisy(0.01, study, truth), configurations=points, design=design), draws=300
        ).iloc[0]
        covered += row["low"] <= min(truth(point, 0) for point in points) <= row["high"]
    assert covered >= 95 - 3 * math.sqrt(100 * 0.95 * 0.05)


@pytest.mark.slow
def test_the_best_of_equals_is_not_the_luckiest() -> None:
    values = [best_loss(results(noisy(0.01, study, flat))).iloc[0]["value"] for study in range(200)]
    assert np.mean(values) == pytest.approx(0.1, abs=4 * 0.01 / math.sqrt(2 * 200))


@pytest.mark.parametrize("design", ["grid", "random"])
def test_an_interval_ends_where_losses_do(design: str) -> None:
    """The noise is so large that half of it is beyond 0 or beyond the initial loss."""

    def best(*seeds: float) -> Any:
        return best_loss(results(lambda configuration, seed: seeds[seed], design=design)).iloc[0]

    luck = results(
        lambda configuration, seed: 0.9 if (configuration["lr"] > 0.5) == (seed == 0) else INITIAL,
        design=design,
    )  # each seed has a best of its own, which the other seed does not confirm
    assert best_loss(luck).iloc[0]["high"] == best_loss(luck).iloc[0]["value"] == INITIAL
    rough = results(
        lambda configuration, seed: (0.6, 0.95)[seed] if 0.05 < configuration["lr"] < 0.5 else INITIAL,
        design=design,
    )  # the noise of the best reaches beyond the initial loss
    row = best_loss(rough).iloc[0]
    assert row["low"] < row["value"] < row["high"] <= INITIAL
    assert best(0.0, 0.3)["low"] == 0
    assert best(-0.3, 0.3)["low"] < -0.3  # losses of any sign
    for tuned in (False, True):
        table = results(lambda configuration, seed: (0.0, 0.3)[seed], design=design)
        row = excess_loss(table, over="lr", tuned=tuned).iloc[0]
        assert row["low"] == 0
        assert row["value"] >= 0


def test_excess_over_lr_is_the_learning_rate_sensitivity_and_over_all_the_mean_of_all() -> None:
    table = results(lambda configuration, seed: bowl(configuration, seed) + 0.1 * configuration["mu"])
    losses = [
        bowl(configuration, 0) + 0.1 * configuration["mu"]
        for configuration in Grid({"lr": 4, "mu": 3}).configurations(SPACE)
    ]
    assert excess_loss(table, over="lr").iloc[0]["value"] == lr_sensitivity(table).iloc[0]["value"]
    assert excess_loss(table).iloc[0]["value"] == pytest.approx(np.mean(losses) - min(losses))
    with pytest.raises(InputError, match="unknown hyperparameter 'lrr'; did you mean 'lr'"):
        excess_loss(table, over="lrr")


def test_a_space_without_lr_has_its_excess_over_everything() -> None:
    space = SearchSpace(Ordinal("p", (1, 2, math.inf)))
    table = results(
        lambda configuration, seed: 1 / configuration["p"],
        space=space,
        configurations=[{"p": 1}, {"p": 2}, {"p": math.inf}],
    )
    assert lr_sensitivity(table).empty
    assert excess_loss(table).iloc[0]["value"] == pytest.approx(0.5)
    assert Measured(table).overview.iloc[0]["sensitivity"] == pytest.approx(0.5)


def test_a_variant_that_never_learned_is_no_robust_one() -> None:
    def loss(configuration: Any, seed: int) -> float:
        return math.inf if configuration["variant"] == "sgd" else bowl(configuration, seed)

    measured = Measured(results(loss, variants=("sgd", "adam", "nadam")))
    assert list(measured.overview["variant"])[-1] == "sgd"
    assert measured.robust_width.set_index("variant").loc["sgd", "value"] == 0
    sentences = summary(measured, TASK)
    assert "Never better than the initial loss, so not ranked: sgd." in sentences
    assert not [
        sentence for sentence in sentences if sentence.startswith("Least sensitive") and "sgd" in sentence
    ]
    assert measured.best_loss.set_index("variant").loc["sgd", "value"] == INITIAL


def test_tuned_at_each_level_only_the_hyperparameter_itself_costs() -> None:
    table = results(lambda c, seed: bowl(c, seed) + 0.1 * MU.to_unit(c["mu"]))
    as_run, tuned = (excess_loss(table, over="lr", tuned=tune).iloc[0] for tune in (False, True))
    lrs = sorted(set(table.trials["config/lr"]))
    curve = [bowl({"lr": lr}, 0) for lr in lrs]
    assert tuned["value"] == pytest.approx(sum(curve) / len(curve) - min(curve))
    assert as_run["value"] == pytest.approx(tuned["value"] + 0.05)
    with pytest.raises(InputError, match="tuned=True needs over="):
        excess_loss(table, tuned=True)


def test_a_wider_level_gives_a_wider_interval_and_no_level_above_1() -> None:
    table = results(noisy(0.05))
    narrow, wide = (best_loss(table, level=level).iloc[0] for level in (0.5, 0.99))
    assert wide["low"] < narrow["low"] <= narrow["value"] <= narrow["high"] < wide["high"]
    with pytest.raises(InputError, match="level must be between 0 and 1, got 95"):
        best_loss(table, level=95)
