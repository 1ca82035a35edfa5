"""Tuning budgets against enumeration of every subset, and against the awkward."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from search_spaces.designs import Random
from sensitivity.measures.budget import budget_area, budget_within, expected_best
from sensitivity.measures.contests import relative_performance, win_probability
from sensitivity.measures.losses import losses
from sensitivity.results.results import Results
from tests.sensitivity.tables import SPACE, bowl, noisy, results
from trainables.names import InputError

TASK = "autoencoder/digits"


def random(loss: Any = bowl, count: int = 8, **more: Any) -> Results:
    return results(
        loss,
        **{
            "configurations": Random(count, seed=3).configurations(SPACE),
            "design": "random",
            "seeds": (0,),
            **more,
        },
    )


def matrix(table: Results, variant: str = "adam") -> np.ndarray[Any, Any]:
    return losses(table, TASK, variant).loss


def chosen(loss: np.ndarray[Any, Any], subset: tuple[int, ...]) -> float:
    """The best of a subset: found by all seeds but one, measured by that one."""
    part = loss[list(subset)]
    if part.shape[1] == 1:
        return float(part.min())
    return float(
        np.mean([part[np.delete(part, s, axis=1).mean(axis=1).argmin(), s] for s in range(part.shape[1])])
    )


@pytest.mark.parametrize("seeds", [(0,), (0, 1), (0, 1, 2)])
@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
def test_the_expected_best_is_the_mean_over_all_subsets(seeds: tuple[int, ...], k: int) -> None:
    table = random(noisy(0.1), seeds=seeds)
    every = [chosen(matrix(table), combination) for combination in itertools.combinations(range(8), k)]
    assert expected_best(table, k, draws=50).iloc[0]["value"] == pytest.approx(np.mean(every), rel=1e-10)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_dodge_is_the_mean_over_all_draws_with_replacement(k: int) -> None:
    table = random(count=5)
    loss = matrix(table)[:, 0]
    every = [loss[list(draw)].min() for draw in itertools.product(range(5), repeat=min(k, 5))]
    row = expected_best(table, min(k, 5), draws=50).iloc[0]
    assert row["dodge"] == pytest.approx(np.mean(every), rel=1e-10)
    assert row["dodge"] >= row["value"] - 1e-12


@pytest.mark.slow
def test_it_is_unbiased_where_the_answer_is_known() -> None:
    """The smallest of k uniform numbers is 1 / (k + 1) on average: 300 studies of 20, less four standard
    errors."""
    found = {k: [] for k in (1, 5, 10)}  # type: dict[int, list[float]]
    for study in range(300):
        rng = np.random.default_rng(study)
        table = random(lambda configuration, seed, rng=rng: float(rng.random()), count=20)
        for row in expected_best(table, list(found), draws=2).itertuples():
            found[int(row.k)].append(float(row.value))
    for k, values in found.items():
        assert np.mean(values) == pytest.approx(1 / (k + 1), abs=4 * np.std(values) / math.sqrt(300))


def test_all_of_them_end_with_the_best_as_other_seeds_choose_it() -> None:
    """The curve stays held out; the best loss itself is now the minimum less its optimism, which differs."""
    table = random(noisy(0.1), seeds=(0, 1, 2))
    held_out = chosen(matrix(table), tuple(range(8)))
    assert expected_best(table, draws=50).iloc[-1]["value"] == pytest.approx(held_out)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """The best of k uniform numbers, less three standard errors of a hundred studies."""
    covered = np.zeros(2)
    for study in range(100):
        rng = np.random.default_rng(study)
        table = random(lambda configuration, seed, rng=rng: float(rng.random()), count=60)
        rows = expected_best(table, [2, 6], draws=300)
        covered += ((rows["low"] <= 1 / (rows["k"] + 1)) & (1 / (rows["k"] + 1) <= rows["high"])).to_numpy()
    assert (covered >= 95 - 3 * math.sqrt(100 * 0.95 * 0.05)).all()


def test_areas_are_weighted_means_of_the_curve() -> None:
    table = random(noisy(0.1), seeds=(0, 1))
    curve = expected_best(table, list(range(1, 9)), draws=20)["value"].to_numpy()
    t = np.arange(1, 9)
    areas = budget_area(table, draws=50).set_index("weights")
    for name, weights in {"uniform": np.ones(8), "early": 9 - t, "late": t}.items():
        assert areas.loc[name, "value"] == pytest.approx(curve @ weights / weights.sum())
        assert areas.loc[name, "low"] <= areas.loc[name, "value"] <= areas.loc[name, "high"]
    assert budget_area(table, 1, draws=20)["value"].to_list() == pytest.approx([curve[0]] * 3)


def test_the_budget_within_is_the_first_that_is_near_enough() -> None:
    table = random(count=30)
    curve = expected_best(table, list(range(1, 31)), draws=2)["value"].to_numpy()
    row = budget_within(table, 0.5, draws=100).iloc[0]
    assert abs(row["value"] - (1 + int(np.argmax(curve <= 1.5 * curve[-1])))) <= 0.02 * 30
    assert row["low"] <= row["value"] <= row["high"]
    assert budget_within(random(lambda c, seed: 0.3)).iloc[0]["value"] == 1


@pytest.mark.parametrize(
    "measure", [expected_best, budget_area, budget_within, relative_performance, win_probability]
)
def test_an_adaptive_design_is_refused_with_what_to_do(measure: Callable[[Results], Any]) -> None:
    with pytest.raises(
        InputError, match=r"needs a random or fixed design, got 'adaptive' for adam; .*best_loss"
    ):
        measure(random(design="adaptive"))


@pytest.mark.parametrize("k", [0, 9, 1.5])
def test_a_budget_that_was_not_tried_is_refused(k: Any) -> None:
    with pytest.raises(InputError, match="k must be a whole number from 1 to 8"):
        expected_best(random(), [k])


@pytest.mark.parametrize("share", [0, -1, math.nan])
def test_a_share_must_be_positive(share: float) -> None:
    with pytest.raises(InputError, match="share must be a positive number"):
        budget_within(random(), share)
