"""Verdicts by secondary measures, and the number of seeds that would show two variants to be equal."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from search_spaces.hyperparameters import Float
from search_spaces.spaces import SearchSpace
from sensitivity.measures import ranks, verdicts
from sensitivity.measures.differences import Difference, Quantity, differences
from sensitivity.measures.verdicts import EQUIVALENT, UNDECIDED, before, units_to_decide, verdict_of
from sensitivity.results.results import Results
from tests.sensitivity.measures.test_common_reference import good, poor, study
from tests.sensitivity.tables import MU

CLOSED = "the primary measure does not decide this pair"


def steep(x: float) -> float:
    """Better than ``flat`` at its best, and on average over three decades the same."""
    return 0.05 + 0.2 * (x + 1.5) ** 2


def flat(x: float) -> float:
    """The mean of ``steep`` over the levels of the grid, at every learning rate."""
    return float(np.mean([steep(level) for level in np.linspace(-3, 0, 8)]))


def test_a_pair_that_the_primary_measure_leaves_undecided_is_undecided_by_all_others() -> None:
    made = study({"steep": steep, "flat": flat, "poor": poor}, noise=0.03)
    primary = verdicts(made, margin=1e-6).set_index(["a", "b"])
    assert primary.loc[("steep", "flat"), "verdict"] == UNDECIDED
    for by in ("tuned", "untuned"):
        table = verdicts(made, by=by, margin=1e-6).set_index(["a", "b"])
        row = table.loc[("steep", "flat")]
        assert (row["verdict"], row["better"], row["note"]) == (UNDECIDED, "", CLOSED)
        assert row["low"] * row["high"] > 0
        assert row["p"] < 0.05
        assert not row["primary"]
    tuned = verdicts(made, by="tuned", margin=1e-6).set_index(["a", "b"])
    assert tuned.loc[("steep", "poor"), "better"] == "steep"
    assert CLOSED not in tuned.loc[("steep", "poor"), "note"]
    assert (primary["note"] == "").all()


def test_ranks_by_a_secondary_measure_are_as_before() -> None:
    made = study({"steep": steep, "flat": flat}, noise=0.03)
    table = ranks(made, by="tuned").set_index("variant")
    assert table.loc["steep", ["first", "last"]].tolist() == [1, 1]


def test_later_measures_wait_for_earlier_ones() -> None:
    """The two are equal when tuned, and shifted against each other's rates untuned."""
    made = study({"good": good, "narrow": lambda x: 0.05 + 0.3 * (x + 1.5) ** 2}, noise=0.02)
    assert verdicts(made, margin=1e-6)["better"].tolist() == ["good"]
    assert verdicts(made, by="tuned", margin=1e-6)["verdict"].tolist() == [UNDECIDED]
    row = verdicts(made, by="untuned", margin=1e-6).iloc[0]
    assert row["p"] < 0.05
    assert (row["verdict"], row["note"]) == (UNDECIDED, "tuned, which comes first, does not decide this pair")
    equal = verdicts(made, by="untuned", margin=0.06).iloc[0]  # equivalent when tuned, which is decided
    assert (equal["better"], equal["note"]) == ("good", "")


def test_the_order_begins_with_the_primary_measure() -> None:
    assert before("miss", "regret") == ["regret", "tuned", "untuned"]
    assert before("regret", "miss") == ["miss", "tuned", "untuned"]
    assert before("miss", "miss") == []
    assert before("default", "regret") == ["regret", "tuned", "untuned", "miss"]
    assert before("default", "miss") == ["miss", "tuned", "untuned", "regret"]


def with_defaults(noise: float, **losses: float) -> Results:
    """Return two variants that every measure tells apart, and one beside them, with default settings.

    Args:
        noise: Standard deviation of a seed.
        losses: Mean loss of the default setting, by variant.
    """
    space = SearchSpace(Float("lr", 1e-3, 1.0, "log", 0.2), MU)
    curves = {"good": good, "narrow": lambda x: 0.15 + 0.3 * (x + 1.5) ** 2, "poor": poor}
    made = study(curves, noise=noise, space=space)
    usual = made.trials.iloc[0].to_dict() | {"config/lr": 0.2, "config/mu": 0.9}
    rng = np.random.default_rng(2)
    rows = [
        usual | {"key": f"{variant}-{seed}", "variant": variant, "seed": seed, "loss": value, "value": value}
        for variant, loss in losses.items()
        for seed in range(3)
        for value in [loss + noise * rng.standard_normal()]
    ]
    return replace(made, defaults=pd.DataFrame(rows, columns=made.trials.columns))


def test_the_default_setting_is_compared_last_and_where_it_is_known() -> None:
    made = with_defaults(0.002, good=0.4, narrow=0.2)
    table = verdicts(made, by="default", margin=1e-6)
    assert list(zip(table["a"], table["b"], strict=True)) == [("good", "narrow")]
    row = table.iloc[0]
    assert (row["better"], row["note"], row["primary"]) == ("narrow", "", False)
    assert row["value"] == pytest.approx(0.2, abs=0.01)
    assert row["low"] < 0.2 < row["high"]
    place = ranks(made, by="default").set_index("variant")
    assert place.loc[["narrow", "good"], "first"].tolist() == [1, 2]
    assert verdicts(with_defaults(0.002, good=0.4), by="default").empty


def test_the_default_setting_waits_for_the_cost_of_a_miss() -> None:
    """Of a curve moved up, only the mean and the best differ: not tuning, and a miss, cost the same."""
    made = with_defaults(0.002, good=0.4, poor=0.9)
    moved = study({"good": good, "poor": lambda x: good(x) + 0.2}, noise=0.01, space=made.spaces["good"])
    made = replace(moved, defaults=made.defaults)
    row = verdicts(made, by="default", margin=1e-6).iloc[0]
    assert row["p"] < 0.05
    assert (row["verdict"], row["better"]) == (UNDECIDED, "")
    assert row["note"] == "untuned, which comes first, does not decide this pair"


def undecided(value: float, error: float = 1.0, critical: float = 2.0) -> Difference:
    half = critical * error
    return Difference("a", "b", value, value - half, value + half, error, critical, 0.5)


def test_near_no_difference_both_tests_count() -> None:
    """Phi^-1(0.9) at a difference of 0; Phi^-1(0.8) where one of the tests cannot fail."""
    assert units_to_decide(undecided(0.0), 1.0, 100) == math.ceil(100 * (2 + 1.2816) ** 2)
    assert units_to_decide(undecided(1.9), 2.0, 100) == math.ceil(100 * ((2 + 0.8416) / 1.9) ** 2)
    far = units_to_decide(undecided(0.8, critical=2.4), 2.0, 1000)  # equivalence is nearer: 1.2 against 0.8
    assert far == pytest.approx(1000 * ((2.4 + 0.8416) / 1.2) ** 2, rel=1e-3)
    between = units_to_decide(undecided(0.1), 1.0, 10_000)
    assert 10_000 * (2.8416 / 0.9) ** 2 < between < 10_000 * (3.2816 / 0.9) ** 2
    assert math.isnan(units_to_decide(undecided(0.0), math.nan, 10))
    assert math.isnan(units_to_decide(undecided(0.0, error=math.nan), 1.0, 10))


@pytest.mark.parametrize("true", [0.0, 0.1])
def test_the_power_of_the_equivalence_at_that_number_is_about_80_percent(true: float) -> None:
    """2,000 studies; four standard errors of their share are 0.036."""
    rng = np.random.default_rng(5)
    margin, noise, draws, seeds = 0.5, 1.0, 1000, 4
    errors = rng.standard_normal((2, draws))

    def pair(value: float, count: int) -> Difference:
        """Return the difference of two means over a number of seeds whose noise is known."""
        scale = noise / math.sqrt(count)
        (found,) = differences(
            [
                Quantity("a", value, scale * errors[0], math.inf),
                Quantity("b", 0.0, scale * errors[1], math.inf),
            ],
            seeds=count,
        )
        return found

    first = pair(true, seeds)
    assert verdict_of(first, margin) == UNDECIDED
    needed = int(units_to_decide(first, margin, seeds))
    scale = first.error * math.sqrt(seeds / needed)
    shown = [
        verdict_of(pair(true + scale * error, needed), margin) == EQUIVALENT
        for error in rng.standard_normal(2000)
    ]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.036)
