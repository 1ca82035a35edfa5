"""The divergence rate."""

from __future__ import annotations

import math

import pytest

from sensitivity.measures import divergence_rate
from tests.sensitivity.tables import bowl, results


def test_the_rate_counts_trials_and_has_wilsons_interval() -> None:
    table = results(lambda configuration, seed: math.inf if configuration["lr"] == 1.0 else 0.5)
    row = divergence_rate(table).iloc[0]
    assert (row["diverged"], row["n"], row["value"]) == (6, 24, 0.25)
    z, n, p = 1.959963984540054, 24, 0.25  # Wilson's formula, written out
    centre, half = (
        (p + z**2 / (2 * n)) / (1 + z**2 / n),
        z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)),
    )
    assert (row["low"], row["high"]) == pytest.approx((centre - half, centre + half))


def test_no_divergence_still_has_an_upper_end() -> None:
    row = divergence_rate(results(bowl)).iloc[0]
    assert row["value"] == 0
    assert 0 < row["high"] < 0.2
