"""Regret of the best of k random configurations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from search_spaces.designs import Random
from sensitivity.measures import expected_best, regret, regret_by_tries
from sensitivity.measures.tries import log_weights
from tests.sensitivity.measures.test_common_reference import good, poor, study
from tests.sensitivity.tables import SPACE, noisy, results
from trainables.names import InputError


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_one_try_has_the_regret_of_an_untuned_configuration(seeds: int) -> None:
    made = study({"good": good, "poor": poor}, noise=0.03, seeds=seeds)
    first = regret_by_tries(made).query("k == 1").set_index("variant")
    whole = regret(made).set_index("variant")
    for column in ("value", "low", "high"):
        np.testing.assert_array_equal(first[column], whole[column].loc[first.index])


def test_the_curve_is_the_expected_best_on_the_common_reference() -> None:
    made = study({"good": good, "poor": poor}, noise=0.03)
    table, whole = regret_by_tries(made), regret(made).iloc[0]
    losses = expected_best(made, draws=20).set_index(["variant", "k"])["value"]
    expected = (losses - whole["best"]) / (whole["initial"] - whole["best"])
    found = table.set_index(["variant", "k"])["value"]
    np.testing.assert_allclose(found, expected.loc[found.index], atol=1e-12)
    assert list(table["k"].unique())[:10] == list(range(1, 11))
    assert table["k"].max() == 24
    for _, part in table.groupby("variant"):
        assert part["value"].is_monotonic_decreasing or part["value"].iloc[-1] < part["value"].iloc[0]


def test_all_tries_of_a_grid_with_one_seed_have_the_tuned_regret() -> None:
    """Without replacement, the best of all configurations is the best; with replacement it would be worse."""
    made = study({"good": good, "poor": poor}, seeds=1)
    last = regret_by_tries(made).query("k == 24").set_index("variant")["value"]
    tuned = regret(made).set_index("variant")["tuned"]
    np.testing.assert_allclose(last, tuned.loc[last.index], atol=1e-12)


def test_all_tries_of_a_grid_with_seeds_have_the_tuned_regret_within_its_interval() -> None:
    made = study({"good": good, "poor": poor}, noise=0.01)
    last = regret_by_tries(made).query("k == 24").set_index("variant")
    tuned = regret(made).set_index("variant")["tuned"]
    assert (last["low"] <= tuned.loc[last.index]).all()
    assert (last["high"] >= tuned.loc[last.index]).all()


def test_the_area_is_the_mean_over_the_logarithm() -> None:
    made = study({"good": good, "poor": poor}, noise=0.03)
    table = regret_by_tries(made)
    for _, part in table.groupby("variant"):
        u = np.log2(part["k"])
        area = np.trapezoid(part["value"], u) / u.iloc[-1]
        assert part["area"].nunique() == 1
        assert part["area"].iloc[0] == pytest.approx(area, rel=1e-12)
        assert part["area_low"].iloc[0] < area < part["area_high"].iloc[0]
    assert log_weights([1, 2, 8]) == pytest.approx([1 / 6, 1 / 2, 1 / 3])


def test_a_constant_variant_has_its_regret_whatever_the_tries() -> None:
    made = study({"good": good, "flat": lambda x: 0.5}, noise=1e-6)
    part = regret_by_tries(made).query("variant == 'flat'")
    np.testing.assert_allclose(part["value"], part["area"], atol=1e-5)


def test_a_reference_and_a_largest_k() -> None:
    made = study({"good": good, "poor": poor}, noise=0.03)
    short = regret_by_tries(made, most=4, reference=0.0)
    assert list(short["k"].unique()) == [1, 2, 3, 4]
    np.testing.assert_array_equal(
        short.query("k == 1")["value"], regret(made, reference=0.0)["value"].to_numpy()
    )
    one = regret_by_tries(made, most=1)
    np.testing.assert_array_equal(one["area"], one["value"])
    for most in (0, 25, 1.5, True):
        with pytest.raises(InputError, match="most must be a whole number from 1 to 24"):
            regret_by_tries(made, most=most)  # type: ignore[arg-type]


def test_one_seed_has_no_interval_and_a_random_design_has_a_note() -> None:
    one = regret_by_tries(study({"good": good, "poor": poor}, seeds=1))
    assert one[["low", "high", "area_low", "area_high"]].isna().all(axis=None)
    drawn = results(
        noisy(0.02),
        variants=("adam", "sgd"),
        configurations=Random(20, seed=1).configurations(SPACE),
        design="random",
    )
    table = regret_by_tries(drawn).query("variant == 'adam'").set_index("k")
    assert "the interval is too narrow" in table.loc[10, "note"]
    assert "too narrow" not in table.loc[1, "note"]
    assert (table["low"] < table["value"]).all()
    assert (table["area_low"] < table["area"]).all()


def test_noise_that_all_configurations_share_widens_every_interval() -> None:
    """Each seed moves all losses of a variant."""

    def moved(amount: float) -> float:
        shift = {
            (v, s): amount * math.cos(3 * s + len(v)) for v in ("adam", "nadam", "sgd") for s in range(4)
        }
        truth = noisy(0.005)
        made = results(
            lambda c, seed: truth(c, seed) + shift[c["variant"], seed],
            variants=("adam", "nadam", "sgd"),
            seeds=range(4),
        )
        row = regret_by_tries(made).query("variant == 'sgd' and k == 4").iloc[0]
        return float(row["high"] - row["low"])

    assert moved(0.03) > 2 * moved(0.0)


def test_an_adaptive_design_is_refused() -> None:
    made = results(noisy(0.02), design="adaptive")
    with pytest.raises(InputError, match="adaptive"):
        regret_by_tries(made)
