"""The whole pipeline against the truth: studies of functions with exact sensitivities, through Ray, store and
Results to the measures."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from sensitivity.measures import sobol, variance_shares
from sensitivity.results.results import Results
from sensitivity.running.run import run
from sensitivity.study.study import Study
from trainables.exact_sensitivities import KnownAnswer
from trainables.function_tasks import FunctionTask
from trainables.known_answers import Diverging, LrValley
from trainables.tasks import register_task, task

NAMES = ("function/ishigami", "function/sobol_g", "function/lr_valley")
INDICES = 2 * sum(len(task(name).function.names) for name in NAMES)  # type: ignore[attr-defined]
"""First and total order of every hyperparameter."""
WIDER = norm.ppf(1 - 0.025 / INDICES) / norm.ppf(1 - 0.025)
"""From an interval of 95% to one of 95% for all indices at once (Bonferroni): of 20 intervals of 95% one may
miss by chance."""
COHORT = 250
"""Evaluating takes no time, asking Ray for the next cohort does."""


def truth(name: str) -> KnownAnswer:
    found = task(name)
    assert isinstance(found, FunctionTask)
    return found.function


def through_ray(name: str, folder: pathlib.Path, **design: Any) -> Results:
    study = Study(
        name="known",
        tasks=[name],
        variants=["direct"],
        design={**design, "seed": 0},
        epochs=1,
        cohort_size=COHORT,
    )
    results = run(study, store=folder / "s.sqlite", workers=1)
    function, trials = truth(name), results.trials
    columns = [f"config/{each}" for each in function.names]
    values = np.array(
        [function(dict(zip(function.names, row, strict=True))) for row in trials[columns].to_numpy()]
    )
    assert (trials["status"] == np.where(np.isfinite(values), "completed", "diverged")).all()
    np.testing.assert_allclose(trials["loss"], np.minimum(values, function.ceiling), rtol=1e-12)
    return results


@pytest.fixture(scope="module")
def indices(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Estimated indices of all functions beside the exact ones."""
    tables = []
    for name in NAMES:
        table = sobol(through_ray(name, tmp_path_factory.mktemp("store"), kind="saltelli", n=256))
        for order, exact in (("main", truth(name).first_order), ("total", truth(name).total_order)):
            chosen = table[table["order"] == order]
            tables.append(chosen.assign(truth=chosen["effect"].map(exact)))
    return pd.concat(tables, ignore_index=True)


@pytest.mark.parametrize("name", NAMES)
def test_sobol_indices_are_within_their_intervals_of_the_truth(indices: pd.DataFrame, name: str) -> None:
    of = indices[indices["task"] == name]
    assert len(of) == 2 * len(truth(name).names)
    apart, half = (of["value"] - of["truth"]).abs(), of["high"] - of["value"]
    assert (apart <= WIDER * half).all(), of


def test_of_all_intervals_as_many_hold_the_truth_as_they_promise(indices: pd.DataFrame) -> None:
    held = (indices["low"] <= indices["truth"]) & (indices["truth"] <= indices["high"])
    assert len(held) == INDICES
    assert held.mean() >= 0.95


@pytest.mark.parametrize("name", NAMES)
def test_first_orders_of_4000_random_points_are_within_3_percent(
    cluster: None, tmp_path: pathlib.Path, name: str
) -> None:
    results = through_ray(name, tmp_path, kind="random", n=4000)
    assert len(results.trials) == 4000
    assert first_orders(results) == pytest.approx(truth(name).first_order, abs=0.03)


def test_a_fifth_of_the_trials_diverged_leaves_those_of_the_capped_truth(
    cluster: None, tmp_path: pathlib.Path
) -> None:
    function = Diverging(LrValley(), above=0.8)
    register_task(
        FunctionTask("function/diverging_valley", function)
    )  # of the user's own, which workers get by value
    results = through_ray("function/diverging_valley", tmp_path, kind="random", n=4000)
    assert 0.15 < (results.trials["status"] == "diverged").mean() < 0.25
    assert first_orders(results) == pytest.approx(function.first_order, abs=0.03)


def first_orders(results: Results) -> dict[str, float]:
    table = variance_shares(results, pairs=False, totals=False)
    return dict(table[table["order"] == "main"].set_index("effect")["value"])
