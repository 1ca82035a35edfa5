"""Seed noise: the share of the variance of the loss that is due to the seed, on tables counted by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import t

from sensitivity.measures.noise import seed_noise
from sensitivity.measures.trial_noise import TAILS, _log_density
from sensitivity.results.results import Results
from tests.sensitivity.tables import results

RATES = (0.001, 0.01, 0.1, 1.0)


def of(*losses: Sequence[float], design: str = "random") -> Results:
    """Results with the losses of the seeds of each configuration; NaN is a failed trial."""
    table = {rate: list(row) for rate, row in zip(RATES, losses, strict=False)}
    return results(
        lambda configuration, seed: table[configuration["lr"]][seed],
        configurations=[{"lr": rate, "mu": 0.9} for rate in table],
        design=design,
        seeds=range(len(losses[0])),
        status=lambda configuration, seed: (
            "failed" if math.isnan(table[configuration["lr"]][seed]) else "completed"
        ),
    )


CASES = [
    # Variances within (0.02 and 0.08) and between (0.125); half of the mean within is noise of the means.
    pytest.param([(0.1, 0.3), (0.5, 0.9)], 0.05 / (0.05 + 0.125 - 0.025), id="two by two"),
    pytest.param(
        [(0.1, 0.3), (0.5, 0.9), (0.6, 0.6)], (0.1 / 3) / (0.1 / 3 + 0.07 - 0.05 / 3), id="three by two"
    ),
    pytest.param(
        [(0.1, 0.3, math.nan), (0.5, 0.7, 0.9)],
        0.03 / (0.03 + 0.125 - (0.02 / 2 + 0.04 / 3) / 2),
        id="two and three seeds",
    ),
    # Means .2, .7 and .99 have the variance .1597; the one trial has the mean variance of the others, .05.
    pytest.param(
        [(0.1, 0.3), (0.5, 0.9), (0.99, math.nan)],
        0.05 / (0.05 + 0.1597 - (0.01 + 0.04 + 0.05) / 3),
        id="one without repeats",
    ),
    pytest.param([(0.4, 0.6), (0.6, 0.4)], 1.0, id="noise alone"),
    pytest.param([(0.4, 0.4), (0.6, 0.6)], 0.0, id="no noise"),
    pytest.param([(0.5, 0.5), (0.5, 0.5)], 0.0, id="one loss"),
]


@pytest.mark.parametrize(("losses", "share"), CASES)
@pytest.mark.parametrize("size", [1.0, 1e-170], ids=["", "squares vanish"])
def test_the_share_is_that_of_the_random_effects(
    losses: list[tuple[float, ...]], share: float, size: float
) -> None:
    (row,) = seed_noise(of(*[[size * loss for loss in row] for row in losses])).to_dict("records")
    assert row["value"] == pytest.approx(share, rel=1e-9, abs=1e-9)
    assert 0 <= row["low"] <= row["high"] <= 1
    assert row["n"] == sum(math.isfinite(loss) for row in losses for loss in row)


def test_the_variance_over_configurations_that_were_chosen_is_over_these() -> None:
    """Two configurations of a grid: half of the unbiased variance between them, .125 - .025."""
    (row,) = seed_noise(of((0.1, 0.3), (0.5, 0.9), design="grid")).to_dict("records")
    assert row["value"] == pytest.approx(0.05 / (0.05 + 0.1 / 2))


def test_without_two_repeated_configurations_the_share_is_unknown_and_says_why() -> None:
    for losses, note in (
        ([(0.1,), (0.5,), (0.9,)], "one seed"),
        ([(0.1, 0.3), (0.5, math.nan), (0.9, math.nan)], "too few configurations with two seeds"),
    ):
        (row,) = seed_noise(of(*losses)).to_dict("records")
        assert all(math.isnan(row[name]) for name in ("value", "low", "high"))
        assert note in row["note"]
        assert row["note"].count("seed:") <= 1


@pytest.mark.parametrize("degrees", TAILS)
def test_the_density_of_the_tails_is_students(degrees: float) -> None:
    x = np.linspace(-8, 8, 41)
    assert _log_density(x**2, degrees) == pytest.approx(t.logpdf(x, degrees), rel=1e-12)
