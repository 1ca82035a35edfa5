"""Trials that decide the variance are named, and only those."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.measures import Measured, caveats, main_effects, seed_noise, variance_shares
from sensitivity.results.results import Results
from tests.sensitivity.tables import results

RATES = [10.0 ** -(power / 3) for power in range(12)]


def text(found: Results) -> str:
    table = caveats(found)
    return " ".join(table.loc[table["kind"] == "outlier", "text"])


def table(losses: Any, **more: Any) -> Results:
    return from_table(pd.DataFrame({"lr": RATES, "loss": losses}), metric="loss", **more)


EVEN = list(np.linspace(0.1, 0.9, len(RATES)))


@pytest.mark.parametrize(
    ("largest", "more", "words"),
    [
        pytest.param(
            1e300,
            {},
            "(loss 1e+300, lr 0.0002154) carries 92% of the variance; give initial_loss to cap it.",
            id="huge",
        ),
        pytest.param(
            9.0,
            {},
            "(loss 9, lr 0.0002154) carries 91% of the variance; give initial_loss to cap it.",
            id="an outlier",
        ),
        pytest.param(
            1e300,
            {"initial_loss": 9.0},
            "(loss 9, lr 0.0002154) carries 91% of the variance.",
            id="capped far up",
        ),
    ],
)
def test_one_trial_that_carries_the_variance_is_named(
    largest: float, more: dict[str, Any], words: str
) -> None:
    found = text(table([*EVEN[:-1], largest], **more))
    assert found == f"One trial of table on table {words}"


@pytest.mark.parametrize(
    ("losses", "more"),
    [
        pytest.param(EVEN, {}, id="even"),
        pytest.param([*EVEN[:-1], 1e300], {"initial_loss": 1.0}, id="capped"),
        pytest.param([0.5] * 12, {}, id="constant"),
        pytest.param([math.nan] * 4 + EVEN[:8], {}, id="a third diverged"),
    ],
)
def test_where_no_few_trials_decide_nothing_is_said(losses: list[float], more: dict[str, Any]) -> None:
    assert not text(table(losses, **more))


def test_a_few_far_out_are_counted() -> None:
    rates = 10 ** np.random.default_rng(0).uniform(-4, 0, 60)
    losses = np.where(np.arange(60) < 2, 1e9, np.linspace(0.1, 0.9, 60))
    found = text(from_table(pd.DataFrame({"lr": rates, "loss": losses}), metric="loss"))
    assert found.startswith("2 trials of table on table (up to loss 1e+09, lr ")
    assert found.endswith(
        "carry 97% of the variance; give initial_loss to cap them."
    )  # 58 of 60, as the mean lies between


def test_a_metric_that_is_maximised_is_named_as_itself() -> None:
    frame = pd.DataFrame({"lr": RATES, "reward": [*EVEN[:-1], -50.0]})
    assert "(reward -50, lr" in text(from_table(frame, metric="reward", direction="max"))


def test_a_study_with_its_own_initial_loss_gets_no_advice_to_give_one() -> None:
    lrs = [{"lr": lr, "mu": 0.9} for lr in RATES[:10]]
    found = text(
        results(
            lambda c, seed: math.inf if c["lr"] == 1 else 0.1 + 0.01 * c["lr"], configurations=lrs, seeds=(0,)
        )
    )
    assert (
        found == "One trial of adam on autoencoder/digits (loss 1, lr 1, mu 0.9) carries 90% of the variance."
    )  # 9 of 10


def test_a_huge_loss_overflows_in_no_measure() -> None:
    """A warning is an error here."""
    frame = pd.DataFrame(
        {"lr": RATES * 2, "seed": [0] * 12 + [1] * 12, "loss": [*EVEN[:-1], 1e300, *EVEN[:-1], 0.5]}
    )
    measured = Measured(from_table(frame, metric="loss", seed="seed"))
    for name in sorted(
        name
        for name, value in vars(Measured).items()
        if isinstance(value, cached_property) and name != "compared_over"
    ):
        assert len(getattr(measured, name).columns), name


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_shares_of_the_variance_do_not_depend_on_the_size_of_the_loss(scale: float) -> None:
    """Squares would overflow, or vanish: a warning is an error here."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"lr": np.tile(10 ** rng.uniform(-4, 0, 40), 2), "seed": np.repeat([0, 1], 40)})
    frame["loss"] = 1 + np.log10(frame["lr"]) ** 2 / 20 + rng.normal(0, 0.01, 80)
    small, large = (
        from_table(frame.assign(loss=frame["loss"] * size), metric="loss", seed="seed")
        for size in (1.0, scale)
    )
    for measure in (variance_shares, main_effects, seed_noise):
        one, other = (measure(results_)["value"].to_numpy(float) for results_ in (small, large))
        np.testing.assert_allclose(one, other, atol=1e-6)
