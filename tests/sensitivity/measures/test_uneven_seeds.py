"""Configurations that were not all run with the same seeds: one that was repeated, a seed of its own for
every trial, an inactive one."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces import Categorical, Float, SearchSpace
from sensitivity import from_table
from sensitivity.measures import (
    best_loss,
    budget_area,
    budget_within,
    caveats,
    epochs_to_target,
    excess_loss,
    expected_best,
    relative_performance,
    win_probability,
)
from sensitivity.measures.losses import groups
from sensitivity.measures.moderation import moderated
from sensitivity.results.results import Results

LOSS = [0.5, 0.2, 0.4, 0.9, 0.3, 0.7]
RATES = np.logspace(-3, 0, len(LOSS))


def table(seeds: dict[int, list[int]], **more: Any) -> Results:
    """A random design of which the seeds of each configuration are given, without noise."""
    rows = [{"lr": RATES[i], "seed": seed, "loss": LOSS[i]} for i, used in seeds.items() for seed in used]
    return from_table(pd.DataFrame(rows), metric="loss", seed="seed", **{"design": "random", **more})


UNEVEN = {
    "a poor one was repeated": {**{i: [0] for i in range(6)}, 3: [0, 1, 2]},
    "the best lacks a seed": {**{i: [0, 1, 2] for i in range(6)}, 1: [0, 1]},
    "no seed is shared": {i: [10 * i, 10 * i + 1] for i in range(6)},
    "a seed for every trial": {i: [i] for i in range(6)},
}


@pytest.mark.parametrize("seeds", UNEVEN.values(), ids=UNEVEN)
@pytest.mark.parametrize("design", ["random", "explicit"])
def test_without_noise_the_best_is_the_smallest_whatever_the_seeds(
    seeds: dict[int, list[int]], design: str
) -> None:
    found = table(seeds, design=design)
    assert best_loss(found).iloc[0]["value"] == pytest.approx(min(LOSS))
    assert excess_loss(found).iloc[0]["value"] == pytest.approx(np.mean(LOSS) - min(LOSS))
    for k in (1, 3, 6):
        every = np.mean([min(losses) for losses in itertools.combinations(LOSS, k)])
        assert expected_best(found, k).iloc[0]["value"] == pytest.approx(every)


@pytest.mark.parametrize("seeds", UNEVEN.values(), ids=UNEVEN)
@pytest.mark.parametrize("measure", [budget_area, budget_within, relative_performance, win_probability])
def test_budgets_are_numbers_whatever_the_seeds(seeds: dict[int, list[int]], measure: Any) -> None:
    found = measure(table(seeds), draws=50)
    assert np.isfinite(found[["value", "low", "high"]].to_numpy(float)).all()


def test_noise_that_all_share_is_told_by_each_configuration_as_far_as_it_has_seeds() -> None:
    """Variances of 0.5 from two seeds and of 1 from ten, with 1 and 9 degrees of freedom."""
    loss = np.full((2, 10), math.nan)
    loss[0, :2], loss[1] = [0, 1], math.sqrt(0.9) * np.resize([-1, 1], 10)
    deviation, freedom = moderated(loss)
    np.testing.assert_allclose(deviation**2, (1 * 0.5 + 9 * 1.0) / 10)
    assert math.isinf(freedom)


def test_seeds_that_are_not_shared_are_no_missing_trials() -> None:
    (group,) = groups(table(UNEVEN["a seed for every trial"]))
    assert group.loss.shape == (6, 1)
    assert "one seed" in list(caveats(table(UNEVEN["a seed for every trial"]))["kind"])


def test_configurations_without_a_hyperparameter_are_not_at_one_of_its_levels() -> None:
    space = SearchSpace(
        Categorical("momentum", ("none", "cm")), Float("mu", 0.0, 1.0, when={"momentum": "cm"})
    )
    rows = [("none", math.nan, 0.9), *(("cm", mu, 0.1 if mu == 0.5 else 0.3) for mu in (0.0, 0.5, 1.0))]
    frame = pd.DataFrame(rows, columns=["momentum", "mu", "loss"])
    found = from_table(frame, metric="loss", spaces=space, design="explicit", initial_loss=1.0)
    assert excess_loss(found, over="mu").iloc[0]["value"] == pytest.approx(0.4 / 3)


def test_a_metric_may_have_the_name_of_a_column_of_trials() -> None:
    found = epochs_to_target(table(UNEVEN["a seed for every trial"]))
    assert found.iloc[0]["reached"]
