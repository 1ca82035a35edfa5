"""The stability boundary and the danger zone of variants that diverge where they are told to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from search_spaces.designs import Grid, Random
from sensitivity.measures.stability import danger_zone, stability_boundary
from sensitivity.results.results import Results
from tests.sensitivity.tables import SPACE, bowl, results
from trainables.names import InputError

GRID = Grid({"lr": 4, "mu": 3}).configurations(SPACE)  # lr .001 .01 .1 1


def above(limit: Callable[[Mapping[str, Any], int], float]) -> Callable[[Mapping[str, Any], int], float]:
    return lambda c, seed: math.inf if c["lr"] > limit(c, seed) else bowl(c, seed)


def test_the_boundary_is_the_largest_stable_level() -> None:
    found = stability_boundary(results(above(lambda c, seed: 0.5)))
    assert len(found) == 4  # all together, and three levels of mu
    assert (found[["value", "low", "high"]] == [0.1, 0.1, 1.0]).all(axis=None)
    assert found["n"].to_list() == [24, 8, 8, 8]


def test_each_level_of_the_others_has_its_own() -> None:
    found = stability_boundary(results(above(lambda c, seed: 0.05 if c["mu"] > 0.95 else 0.5))).set_index(
        ["other", "level"]
    )
    assert found.loc[("mu", 0.99), ["value", "low", "high"]].to_list() == [0.01, 0.01, 0.1]
    assert found.loc[("mu", 0.5), ["value", "low", "high"]].to_list() == [0.1, 0.1, 1.0]
    assert found.loc[("", ""), ["value", "low", "high"]].to_list() == [
        0.1,
        0.01,
        1.0,
    ]  # the spread over the levels of mu


def test_seeds_that_disagree_widen_the_bracket() -> None:
    row = stability_boundary(results(above(lambda c, seed: 0.05 if seed == 0 else 0.5), seeds=range(3))).iloc[
        0
    ]
    assert (row["value"], row["low"], row["high"]) == (0.1, 0.01, 1.0)


def test_between_levels_the_boundary_of_a_random_design_is_near_the_truth() -> None:
    points = Random(400, seed=0).configurations(SPACE)
    row = stability_boundary(
        results(above(lambda c, seed: 0.2), configurations=points, design="random", seeds=(0,))
    ).iloc[0]
    assert row["value"] <= 0.2 <= row["high"]
    assert row["value"] == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize(
    ("limit", "ends", "words"),
    [
        pytest.param(math.inf, [1.0, 1.0, 1.0], "above the range", id="nothing diverged"),
        pytest.param(0.0, [0.001, 0.001, 0.001], "every trial diverged", id="all diverged"),
    ],
)
def test_a_boundary_outside_the_range_is_said(limit: float, ends: list[float], words: str) -> None:
    row = stability_boundary(results(above(lambda c, seed: limit))).iloc[0]
    assert row[["value", "low", "high"]].to_list() == ends
    assert words in row["note"]


def test_failed_trials_are_no_divergence() -> None:
    table = results(bowl, status=lambda c, seed: "failed" if c["lr"] == 1.0 else "completed")
    row = stability_boundary(table).iloc[0]
    assert (row["value"], row["n"]) == (0.1, 18)
    assert danger_zone(table)["trials"].sum() == 18


def test_the_danger_zone_is_where_seeds_disagree() -> None:
    found = danger_zone(
        results(above(lambda c, seed: 0.05 if seed == 0 and c["mu"] > 0.95 else 0.5), seeds=range(2))
    ).set_index("lr")
    assert found["value"].to_dict() == pytest.approx({0.001: 0, 0.01: 0, 0.1: 1 / 3, 1.0: 0})
    assert found["diverged"].to_dict() == pytest.approx({0.001: 0, 0.01: 0, 0.1: 1 / 6, 1.0: 1})
    assert (found["n"] == 3).all()
    z, n, p = 1.959963984540054, 3, 1 / 3  # Wilson's formula, written out
    centre, half = (
        (p + z**2 / (2 * n)) / (1 + z**2 / n),
        z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)),
    )
    assert found.loc[0.1, ["low", "high"]].to_list() == pytest.approx([centre - half, centre + half])


def test_one_seed_cannot_tell() -> None:
    found = danger_zone(results(above(lambda c, seed: 0.5), seeds=(0,)))
    assert (found[["value", "low", "high", "n"]] == [0, 0, 1, 0]).all(axis=None)
    assert found["note"].str.contains("one seed").all()


@pytest.mark.parametrize("measure", [stability_boundary, danger_zone])
@pytest.mark.parametrize(
    "table",
    [
        pytest.param(results(lambda c, seed: 0.3), id="constant"),
        pytest.param(results(bowl, configurations=GRID[:1], seeds=(0,)), id="one trial"),
        pytest.param(
            results(bowl, configurations=Random(100).configurations(SPACE), design="random"), id="random"
        ),
    ],
)
def test_awkward_results_have_numbers(measure: Callable[[Results], Any], table: Results) -> None:
    found = measure(table)
    assert len(found)
    assert found[["value", "low", "high"]].notna().all(axis=None)


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(InputError, match="unknown hyperparameter 'lrr'; did you mean 'lr'"):
        stability_boundary(results(bowl), over="lrr")
    with pytest.raises(InputError, match="level must be between 0 and 1"):
        danger_zone(results(bowl), level=95)
