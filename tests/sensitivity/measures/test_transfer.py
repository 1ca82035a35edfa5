"""What carries over between tasks, by hand and by brute force."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from search_spaces import Float, SearchSpace
from search_spaces.designs import Grid, Random
from sensitivity.measures.cross_task import cross_task_sensitivity, effective_dimensionality, tuned_per_task
from sensitivity.measures.transfer import rank_correlation, transfer_regret
from sensitivity.results.results import Results
from tests.sensitivity.tables import SPACE, bowl, noisy, results
from trainables.names import InputError

MEASURES = [
    cross_task_sensitivity,
    effective_dimensionality,
    tuned_per_task,
    rank_correlation,
    transfer_regret,
]
CUBE = SearchSpace(Float("x", 0, 2), Float("y", 0, 2), Float("z", 0, 2))


def tasks(losses: Mapping[str, Callable[[Mapping[str, Any], int], float]], **more: Any) -> Results:
    """One table of several tasks."""
    parts = [results(loss, task=task, **more) for task, loss in losses.items()]
    return replace(parts[0], trials=pd.concat([part.trials for part in parts], ignore_index=True))


def opposed(**more: Any) -> Results:
    """Two tasks, three configurations: losses .2 .4 .8 on one, .8 .4 .2 on the other."""
    space = SearchSpace(Float("x", 0, 2))
    points = [{"x": 0.0}, {"x": 1.0}, {"x": 2.0}]
    one, two = dict(enumerate((0.2, 0.4, 0.8))), dict(enumerate((0.8, 0.4, 0.2)))
    losses = {"one": lambda c, seed: one[c["x"]], "two": lambda c, seed: two[c["x"]]}
    return tasks(losses, **{"space": space, "configurations": points, **more})


def test_the_sensitivity_of_a_worked_example() -> None:
    """Scores 1, 2/3, 0 and 0, 2/3, 1: tuned 1, the best single one 2/3."""
    row = cross_task_sensitivity(opposed(), normalisation="min_max").iloc[0]
    assert (row["tuned"], row["single"], row["value"]) == pytest.approx((1, 2 / 3, 1 / 3))
    assert row["configuration"] == {"x": 1.0}
    assert (row["low"], row["high"]) == pytest.approx((1 / 3, 1 / 3))


def holed() -> Results:
    """Two learning rates by two momenta on two tasks, of which the second lacks one configuration.

    Losses and, between the smallest and the largest of a task, scores:

    === === ======== =====
    x   y   one      two
    === === ======== =====
    0   0   .5: 0    .2: 1
    0   1   .3: .5   .6: 0
    1   0   .4: .25  .25: .875
    1   1   .1: 1    none
    === === ======== =====
    """
    losses = {
        "one": {(0, 0): 0.5, (0, 1): 0.3, (1, 0): 0.4, (1, 1): 0.1},
        "two": {(0, 0): 0.2, (0, 1): 0.6, (1, 0): 0.25, (1, 1): 0.2},
    }
    space = SearchSpace(Float("x", 0, 2), Float("y", 0, 2))
    points = [{"x": float(x), "y": float(y)} for x, y in losses["one"]]
    table = tasks(
        {
            name: lambda c, seed, table=table: table[c["x"], c["y"]]  # type: ignore[misc]
            for name, table in losses.items()
        },
        space=space,
        configurations=points,
    )
    trials = table.trials
    lost = (trials["task"] == "two") & (trials["config/x"] == 1) & (trials["config/y"] == 1)
    return replace(table, trials=trials[~lost].reset_index(drop=True))


def test_a_setting_that_one_task_lacks_counts_where_a_task_is_tuned_for_itself() -> None:
    """Tuned (1 + 1) / 2; of the three that both tasks have, (1, 0) has the best mean (.25 + .875) / 2."""
    row = cross_task_sensitivity(holed(), normalisation="min_max").iloc[0]
    assert (row["tuned"], row["single"], row["value"]) == pytest.approx((1, 0.5625, 0.4375))
    assert row["configuration"] == {"x": 1.0, "y": 0.0}
    assert "1 configurations are not on every task: they count where a task is tuned" in row["note"]


def test_the_dimension_with_a_setting_that_one_task_lacks() -> None:
    """S is .5625 of none, (.25 + 1) / 2 of x, (1 + .875) / 2 of y and 1 of both."""
    scores = tuned_per_task(holed(), normalisation="min_max").set_index("hyperparameters")["value"]
    assert scores.to_dict() == pytest.approx({"": 0.5625, "x": 0.625, "y": 0.9375, "x x y": 1.0})
    row = effective_dimensionality(holed(), normalisation="min_max").iloc[0]
    assert (row["value"], row["interpolated"]) == pytest.approx((2, 1.2))
    row = effective_dimensionality(holed(), normalisation="min_max", enough=0.9).iloc[0]
    assert (row["value"], row["hyperparameters"]) == (1, "y")


def test_percentiles_are_those_of_all_variants() -> None:
    """Losses .2 .4 .8 have 5th and 95th percentiles .22 and .76, so scores are (.76 - loss) / .54."""
    row = cross_task_sensitivity(opposed()).iloc[0]
    assert (row["tuned"], row["single"]) == pytest.approx(((0.76 - 0.2) / 0.54, (0.76 - 0.4) / 0.54))


def test_a_column_is_taken_as_it_is() -> None:
    table = opposed()
    table = replace(table, trials=table.trials.assign(score=1 - table.trials["loss"]))
    row = cross_task_sensitivity(table, normalisation="score").iloc[0]
    assert (row["tuned"], row["single"]) == pytest.approx((0.8, 0.6))
    with pytest.raises(InputError, match="unknown normalisation 'scor'; did you mean 'score'"):
        cross_task_sensitivity(table, normalisation="scor")


@pytest.mark.parametrize("study", range(5))
def test_sensitivity_and_dimensionality_are_those_of_a_brute_force_search(study: int) -> None:
    rng = np.random.default_rng(study)
    points = Grid(3).configurations(CUBE)
    table = {task: {tuple(point.values()): float(rng.random()) for point in points} for task in "ab"}
    if study == 0:  # y alone differs between the tasks
        table = {
            task: {p: 0.1 + 0.1 * (p[0] - 1) ** 2 + 0.2 * (p[1] - at) ** 2 for p in table[task]}
            for task, at in (("a", 0), ("b", 2))
        }
    made = tasks(
        {task: lambda c, seed, t=task: table[t][c["x"], c["y"], c["z"]] for task in "ab"},
        space=CUBE,
        configurations=points,
    )
    ends = {task: (min(values.values()), max(values.values())) for task, values in table.items()}
    score = {
        task: {p: (ends[task][1] - loss) / (ends[task][1] - ends[task][0]) for p, loss in table[task].items()}
        for task in "ab"
    }
    every = list(table["a"])
    mean = {p: (score["a"][p] + score["b"][p]) / 2 for p in every}
    star = max(every, key=lambda p: mean[p])
    tuned = sum(max(score[task].values()) for task in "ab") / 2
    assert cross_task_sensitivity(made, normalisation="min_max").iloc[0]["value"] == pytest.approx(
        tuned - mean[star]
    )

    def at(subset: tuple[int, ...]) -> float:
        free = [p for p in every if all(p[i] == star[i] for i in range(3) if i not in subset)]
        return sum(max(score[task][p] for p in free) for task in "ab") / 2

    subsets = [subset for size in range(4) for subset in itertools.combinations(range(3), size)]
    found = tuned_per_task(made, normalisation="min_max", draws=20)
    assert found["value"].to_list() == pytest.approx([at(subset) for subset in subsets])
    truth = min(len(subset) for subset in subsets if at(subset) >= 0.95 * at((0, 1, 2)))
    row = effective_dimensionality(made, normalisation="min_max", draws=20).iloc[0]
    assert row["value"] == truth
    assert truth - 1 < row["interpolated"] <= truth or truth == row["interpolated"] == 0
    if study == 0:
        assert (row["value"], row["hyperparameters"]) == (1, "y")


@pytest.mark.slow
def test_noise_is_no_sensitivity() -> None:
    """Two equal tasks with nothing to choose: mean of 60 studies within four standard errors of 0."""
    flat = [
        cross_task_sensitivity(
            tasks({"a": noisy(0.1, 2 * i, lambda c, s: 0.5), "b": noisy(0.1, 2 * i + 1, lambda c, s: 0.5)}),
            draws=2,
        ).iloc[0]["value"]
        for i in range(60)
    ]
    assert np.mean(flat) == pytest.approx(0, abs=4 * np.std(flat) / math.sqrt(60))


def test_ranks_correlate_as_scipy_says() -> None:
    table = tasks(
        {"a": noisy(0.1, 1), "b": noisy(0.1, 2)},
        configurations=Random(30, seed=0).configurations(SPACE),
        design="random",
        seeds=(0,),
    )
    row = rank_correlation(table).iloc[0]
    trials = table.trials
    expected = spearmanr(
        trials.loc[trials["task"] == "a", "loss"], trials.loc[trials["task"] == "b", "loss"]
    ).statistic
    assert row["value"] == pytest.approx(expected)
    assert row["low"] < row["value"] < row["high"]
    assert rank_correlation(opposed()).iloc[0]["value"] == -1


def test_regret_is_the_loss_that_the_other_tasks_choice_adds() -> None:
    found = transfer_regret(opposed()).set_index(["source", "target"])
    assert found["value"].to_list() == pytest.approx([0.6, 0.6])
    assert found["share"].to_list() == pytest.approx([0.75, 0.75])
    assert found.loc[("one", "two"), "configuration"] == {"x": 0.0}
    same = transfer_regret(tasks({"one": bowl, "two": bowl}))
    assert same["value"].to_list() == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_one_task_is_refused(measure: Any) -> None:
    with pytest.raises(InputError, match=r"needs at least two tasks, got 1; .*excess_loss"):
        measure(results(bowl))


@pytest.mark.parametrize("measure", MEASURES)
def test_an_adaptive_design_is_refused(measure: Any) -> None:
    with pytest.raises(InputError, match="needs a random or fixed design, got 'adaptive'"):
        measure(tasks({"a": bowl, "b": bowl}, design="adaptive"))


@pytest.mark.parametrize("measure", [effective_dimensionality, tuned_per_task])
def test_subsets_need_levels(measure: Any) -> None:
    with pytest.raises(InputError, match=r"needs a grid, got 'random'; .*use cross_task_sensitivity"):
        measure(tasks({"a": bowl, "b": bowl}, design="random"))


def half_failed(configuration: Mapping[str, Any], seed: int) -> str:
    return "failed" if seed or configuration["lr"] == 1.0 else "completed"


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    "table",
    [
        pytest.param(tasks({"a": lambda c, s: 0.3, "b": bowl}), id="constant on one task"),
        pytest.param(tasks({"a": lambda c, s: math.inf, "b": lambda c, s: math.inf}), id="all diverged"),
        pytest.param(tasks({"a": bowl, "b": bowl}, status=half_failed), id="failures"),
        pytest.param(tasks({"a": bowl, "b": bowl}, seeds=(0,)), id="one seed"),
        pytest.param(
            tasks({"a": bowl, "b": bowl}, configurations=[{"lr": 0.1, "mu": 0.9}]), id="one configuration"
        ),
    ],
)
def test_awkward_results_have_numbers(measure: Any, table: Results) -> None:
    """With one seed a best loss has no interval, so neither has what contains one; a rank correlation has."""
    found = measure(table)
    assert len(found)
    assert found["value"].notna().all()
    if measure is not rank_correlation and table.trials.query("status != 'failed'")["seed"].nunique() == 1:
        assert found[["low", "high"]].isna().all(axis=None)
    else:
        assert (found["low"] <= found["value"] + 1e-12).all()
        assert (found["value"] <= found["high"] + 1e-12).all()
    assert not found["note"].str.contains("nan").any()


def test_configurations_of_one_task_only_are_counted() -> None:
    table = opposed()
    table = replace(
        table, trials=table.trials[~((table.trials["task"] == "two") & (table.trials["config/x"] == 2.0))]
    )
    row = cross_task_sensitivity(table, normalisation="min_max").iloc[0]
    assert "1 configurations are not on every task" in row["note"]
    assert row["n"] == 10
    pair = rank_correlation(table).iloc[0]
    assert pair["n"] == 2
    assert "1 configurations are not on every task and are left out" in pair["note"]
