"""The shortened form of ``make validate``: with few studies, shares that no allowed share would give but one
time in a thousand."""

from __future__ import annotations

import functools

import pytest
from scipy.stats import binom

from sensitivity.measures.differences import differences
from sensitivity.measures.estimates import estimated, stakes_of
from sensitivity.measures.verdicts import QUANTITIES, UNDECIDED, quantities, verdict_of
from tests.benchmarks import verdict_errors
from tests.benchmarks.cells import GRIDS, RANDOM, Cell
from tests.benchmarks.coverage import LOWEST, PLAIN, rows
from tests.benchmarks.validate import Check, checks
from tests.benchmarks.verdict_errors import PROMISED, kinds

STUDIES = 40
CHOSEN = {
    ("lr_sensitivity", "grid of 20, 2 seeds"),
    ("lr_sensitivity", "grid of 20, 3 seeds"),
    ("lr_sensitivity", "random 40, 3 seeds"),
    ("main_effects", "lr, random 100, 2 seeds"),
    ("main_effects", "mu, random 100, 2 seeds"),
    ("expected_best", "best of 4, random 60, 3 seeds"),
    ("expected_best", "best of 4, grid of 20, 3 seeds"),
    ("compare", "a difference, grid of 20, 3 seeds"),
    ("compare", "a true null is rejected, grid of 20, 3 seeds"),
}


@functools.cache
def every_check() -> dict[tuple[str, str], Check]:
    """Return the checks by measure and setting; some simulate their truth, which collecting the tests must not."""
    return {(check.measure, check.setting): check for check in checks()}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CHOSEN), ids=", ".join)
def test_intervals_hold_the_truth_as_often_as_they_say(name: tuple[str, str]) -> None:
    check = every_check()[name]
    count = 3 * STUDIES if check.times > 1 else STUDIES
    covered = sum(check.study(study) for study in range(count))
    assert binom.cdf(covered, count, check.low) > 1e-3
    assert binom.sf(covered - 1, count, check.high) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["equal noise", "unequal noise, random", "plateau of 20", "77% diverged", "77% diverged, random"]
)
def test_measures_on_a_common_reference_hold_the_truth_as_often_as_they_say(name: str) -> None:
    cell = next(cell for cell in (*GRIDS, *RANDOM) if cell.name == name)
    found = [row for row in rows(cell, 3, 2 * STUDIES) if row.statistic != PLAIN]
    assert {"best", "regret", "tuned", "untuned"} <= {row.statistic for row in found}
    for row in found:
        assert binom.cdf(round(row.coverage * row.studies), row.studies, LOWEST) > 1e-3, row


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "8 learning rates, 3 seeds",
        "a plateau of 8 learning rates, 3 seeds",
        "40 random learning rates, 1 seed",
    ],
)
def test_costs_of_a_miss_of_identical_variants_are_not_told_apart(name: str) -> None:
    kind = next(kind for kind in kinds() if kind.name == f"six identical variants, cost of a miss, {name}")
    rows = verdict_errors.rows(kind, 2 * STUDIES, 1)
    apart = {row[1]: float(str(row[3])) for row in rows}["some pair is told apart"]
    assert binom.sf(round(2 * STUDIES * apart) - 1, 2 * STUDIES, PROMISED) > 1e-3


@pytest.mark.parametrize("measure", QUANTITIES)
@pytest.mark.parametrize("cell", [cell for cell in GRIDS if cell.name in ("equal noise", "8 configurations")])
def test_one_seed_of_a_grid_tells_no_two_variants_apart(cell: Cell, measure: str) -> None:
    every = estimated(cell.draw(1, 0)[0], draws=200)
    goal = stakes_of(every)
    found = [] if measure == "default" else quantities(cell.results, every, goal, measure)
    assert all(verdict_of(pair, 0.02 * goal.unit) == UNDECIDED for pair in differences(found, seeds=1))
