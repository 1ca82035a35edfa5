"""The shortened form of ``make validate``: with few studies, shares that no allowed share would give but one
time in a thousand."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from tests.benchmarks.validate import Check, checks

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
FOUND = {
    (check.measure, check.setting): check for check in checks() if (check.measure, check.setting) in CHOSEN
}


@pytest.mark.parametrize(
    "check", [FOUND[entry] for entry in sorted(CHOSEN)], ids=lambda entry: f"{entry.measure}, {entry.setting}"
)
def test_intervals_hold_the_truth_as_often_as_they_say(check: Check) -> None:
    count = 3 * STUDIES if check.times > 1 else STUDIES
    covered = sum(check.study(study) for study in range(count))
    assert binom.cdf(covered, count, check.low) > 1e-3
    assert binom.sf(covered - 1, count, check.high) > 1e-3
