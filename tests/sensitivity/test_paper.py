"""The paper's claims, on studies made up so that each is true, or false, or cannot be decided."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from sensitivity.paper.claims import CLAIMS as PAPER
from sensitivity.paper.contrasts import Finding, difference
from sensitivity.paper.page import claims
from sensitivity.paper.trials import pooled
from sensitivity.results.results import Results
from tests.sensitivity.paper_studies import as_claimed, noisy, otherwise, table, world

# the value by construction, where the paper is right and where it is not; None where it is no plain number
CLAIMS = {
    "momentum tolerates larger rates": (1 / 3, -1 / 3),
    "NAG is worse than CM": (1.2, 0.8),
    "correcting mu does not help": (1.0, 0.8),
    "correcting nu matters above .9": (None, 0.8),
    "nu .999 uncorrected fails": (None, None),
    "L1 prefers 0.001": (0.001, 0.002),
    "L2 prefers 0.002": (0.002, 0.005),
    "Linf prefers 0.005": (0.005, 0.01),
    "momentum keeps the rate of L1": (1.0, 0.25),
    "momentum keeps the rate of L2": (1.0, 0.2),
    "momentum keeps the rate of Linf": (1.0, 0.2),
    "more robust to nu than to mu": (None, None),
    "mu is best around .9": (None, None),
    "nu is best around .9": (1.1, 0.6),
    "Linf is most sensitive": (None, None),
    "norms beat momentum": (0.5, None),
    "EGD underperforms": (3.0, None),
}


@cache
def found(
    truth: Callable[[Mapping[str, Any]], float], deviation: float = 0.01, seeds: int = 3
) -> dict[str, Mapping[str, Any]]:
    table = claims(world(noisy(truth, deviation), seeds))
    return {row["name"]: row for row in table.to_dict("records")}


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize(("truth", "verdict"), [(as_claimed, "supported"), (otherwise, "contradicted")])
def test_a_claim_that_is_true_is_supported_and_one_that_is_not_is_contradicted(
    truth: Any, verdict: str, name: str
) -> None:
    row = found(truth)[name]
    assert row["verdict"] == verdict, row
    assert row["low"] <= row["value"] <= row["high"]
    expected = CLAIMS[name][verdict == "contradicted"]
    if expected is not None:
        assert row["value"] == pytest.approx(expected, rel=0.05)


@pytest.mark.slow
def test_every_claim_is_tested() -> None:
    assert list(found(as_claimed)) == list(CLAIMS)


def test_one_seed_decides_nothing() -> None:
    rows = found(as_claimed, 0.01, 1)
    assert {row["verdict"] for row in rows.values()} == {"undecided"}
    assert {row["note"] for row in rows.values()} == {"one seed"}


@pytest.mark.slow
def test_noise_decides_a_claim_about_as_often_as_its_interval_is_wrong() -> None:
    nag = next(each for each in PAPER if each.name == "NAG is worse than CM")
    trials, rng = pooled(table(1, noisy(lambda settings: 0.0, 0.0))), np.random.default_rng(0)
    again = (trials.assign(loss=trials["loss"] + rng.normal(0, 0.1, len(trials))) for _ in range(40))
    decided = sum(nag.verdict(nag.find(each)) != "undecided" for each in again)
    assert decided <= binom.ppf(0.999, 40, 0.05)


@pytest.mark.parametrize(
    ("given", "name", "note"),
    [
        ([2], "NAG is worse than CM", "no trials of momentum nag"),
        ([1], "EGD underperforms", "no trials of second-order norms"),
        ([1], "momentum tolerates larger rates", "no trials of sgd"),
        ([2], "Linf is most sensitive", "no trials of the Linf norm with bias correction"),
        ([2], "norms beat momentum", "no trials of momentum alone"),
        ([3], "momentum keeps the rate of L1", "no trials of norms without momentum"),
        ([1], "nu is best around .9", "nu has one level only, or none"),
    ],
)
def test_what_a_claim_lacks_is_said(given: list[int], name: str, note: str) -> None:
    rows = claims([table(number, noisy(as_claimed, 0.01), 2) for number in given]).set_index("name")
    assert (rows.loc[name, "verdict"], rows.loc[name, "note"]) == ("undecided", note)


def test_a_difference_is_least_where_the_first_is_low_and_the_second_high() -> None:
    found = difference(Finding(1.0, 0.4, 3.0, 5), Finding(0.0, -4.0, 0.8, 7))
    assert (found.value, found.n) == (1.0, 12)
    assert found.low == pytest.approx(1 - math.hypot(0.6, 0.8))
    assert found.high == pytest.approx(1 + math.hypot(2.0, 4.0))


def test_nothing_finished_is_no_error() -> None:
    one = table(1, noisy(as_claimed, 0.01))
    pending = replace(one, trials=one.trials.assign(status="pending", loss=np.nan))
    rows = claims(pending)
    assert list(rows["name"]) == list(CLAIMS)
    assert set(rows["note"]) == {"no finished trial"}


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        (
            lambda one: replace(one, trials=one.trials.assign(loss=-0.5)),
            "about a loss above 0, got -0.5 for 'train_loss_end'",
        ),
        (lambda one: replace(one, metric="accuracy"), "differ in metric of autoencoder/mnist"),
        (
            lambda one: replace(one, trials=one.trials.assign(epochs=7)),
            "differ in epochs of autoencoder/mnist",
        ),
        (lambda one: replace(one, spec={"limit": 100}), "differ in limit of autoencoder/mnist"),
    ],
)
def test_what_cannot_be_compared_is_refused(spoilt: Callable[[Results], Results], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        claims([table(1, noisy(as_claimed, 0.01), 2), spoilt(table(2, noisy(as_claimed, 0.01), 2))])


@pytest.mark.slow
def test_a_trial_of_two_studies_counts_once() -> None:
    one = table(1, noisy(as_claimed, 0.01))
    assert claims([one, replace(one, study="again")])["n"].tolist() == claims(one)["n"].tolist()
