"""Measures on a common reference: what must hold whatever the numbers are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from search_spaces.designs import Grid
from search_spaces.hyperparameters import Float
from search_spaces.spaces import SearchSpace
from sensitivity.measures import best_loss, miss_cost, ranks, regret, valley, verdicts
from sensitivity.measures.estimates import estimates, stakes
from sensitivity.measures.verdicts import leader
from sensitivity.results.results import Results
from tests.sensitivity.tables import SPACE, results
from trainables.names import InputError

Loss = Callable[[float], float]
LATTICE = 3 / 7
"""Decades between two learning rates of a grid of eight over three decades."""


def study(
    curves: Mapping[str, Loss],
    *,
    noise: float = 0.01,
    seeds: int = 3,
    space: SearchSpace = SPACE,
    levels: int = 8,
) -> Results:
    """A grid over lr and mu; the loss is a function of log10 lr, with independent noise of each seed."""

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        place = round(1000 * math.log10(configuration["lr"])) + 10_000
        rng = np.random.default_rng(
            (place, round(1e6 * configuration["mu"]), seed, *configuration["variant"].encode())
        )
        return (
            curves[configuration["variant"]](math.log10(configuration["lr"])) + noise * rng.standard_normal()
        )

    points = Grid({"lr": levels, "mu": 3}).configurations(space)
    return results(loss, variants=tuple(curves), configurations=points, seeds=range(seeds), space=space)


def good(x: float) -> float:
    return 0.05 + 0.1 * (x + 1.5) ** 2


def poor(x: float) -> float:
    return 0.80 + 0.02 * (x + 1.5) ** 2


def test_a_variant_that_is_worse_everywhere_does_not_lead_because_its_curve_is_flatter() -> None:
    made = study({"poor": poor, "good": good})
    assert list(ranks(made)["variant"]) == ["good", "poor"]
    verdict = verdicts(made).iloc[0]
    assert verdict["better"] == "good"
    assert verdict["verdict"] == "better by more than the margin"
    table = regret(made).set_index("variant")
    assert table.loc["good", "high"] < 0.2 < 0.7 < table.loc["poor", "low"]
    parts = table["tuned"] + table["untuned"]
    np.testing.assert_allclose(parts, table["value"], rtol=1e-9)


def test_a_variant_that_never_learned_is_listed_and_not_ranked() -> None:
    made = study({"good": good, "idle": lambda x: 0.9997}, noise=0.0001)
    table = regret(made).set_index("variant")
    assert table["learned"].to_dict() == {"good": True, "idle": False}
    assert list(ranks(made)["variant"]) == ["good"]
    assert verdicts(made).empty


@pytest.mark.parametrize("change", ["shifted", "scaled"])
def test_a_curve_that_is_shifted_or_scaled_costs_the_same(change: str) -> None:
    """In units of what can be won, with the initial loss shifted and scaled alike."""
    made = study({"adam": good})
    slope, shift = (1.0, 0.5) if change == "shifted" else (3.0, 0.0)
    trials = made.trials.assign(
        **{name: slope * made.trials[name] + shift for name in ("loss", "value", "initial_loss")}
    )
    other = replace(made, trials=trials)
    for measure in (miss_cost, valley):
        one, two = measure(made), measure(other)
        for column in ("value", "low", "high"):
            np.testing.assert_allclose(one[column].astype(float), two[column].astype(float), atol=2e-3)


def test_a_range_that_is_wider_by_a_decade_on_either_side_costs_the_same() -> None:
    """The lattice has seven levels in three decades, so the wider one holds the narrow one."""
    narrow = SearchSpace(Float("lr", 1e-3, 1.0, "log"), SPACE["mu"])
    wide = SearchSpace(Float("lr", 1e-4, 10.0, "log"), SPACE["mu"])
    one = study({"adam": good}, space=narrow, levels=7, noise=1e-4)
    two = study({"adam": good}, space=wide, levels=11, noise=1e-4)
    for measure in (miss_cost, valley):
        narrow_row, wide_row = measure(one), measure(two)
        np.testing.assert_allclose(
            narrow_row["value"].astype(float), wide_row["value"].astype(float), atol=2e-3
        )


@pytest.mark.parametrize(
    ("least", "cut"), [(-1.5, False), (-0.2, True), (-2.8, True)], ids=["inside", "high end", "low end"]
)
def test_a_valley_that_either_end_of_the_range_cuts_is_at_least_so_wide(least: float, cut: bool) -> None:
    row = valley(study({"adam": lambda x: 0.05 + 0.3 * (x - least) ** 2}, noise=1e-4)).iloc[0]
    assert row["at_least"] == cut
    assert ("the range cuts it" in row["note"]) == cut


def test_no_number_that_is_called_measured_lies_outside_its_trials() -> None:
    for seed in range(10):
        made = study(
            {"adam": good, "sgd": lambda x, seed=seed: good(x) + 0.01 * seed}, noise=0.05, seeds=2 + seed % 3
        )
        for every in estimates(made).values():
            for one in every:
                trials = one.group.loss[one.best.place]
                assert np.nanmin(trials) <= one.best.observed <= np.nanmax(trials)


def test_adaptive_trials_are_not_ranked_and_the_way_out_is_said() -> None:
    made = replace(study({"adam": good, "sgd": good}), design="adaptive")
    for measure in (regret, verdicts, ranks, miss_cost, valley):
        with pytest.raises(InputError, match="adaptive"):
            measure(made)
    with pytest.raises(InputError, match='design="random"'):
        verdicts(made)


def test_a_better_variant_that_is_added_changes_no_order_among_the_others() -> None:
    others: dict[str, Loss] = {
        "a": lambda x: good(x) + 0.1,
        "b": lambda x: good(x) + 0.15,
        "c": lambda x: good(x) + 0.12,
    }
    few = study(others)
    more = study({**others, "best": good})
    before = list(ranks(few)["variant"])
    after = [name for name in ranks(more)["variant"] if name != "best"]
    assert before == after
    one = verdicts(few).set_index(["a", "b"])["value"]
    two = verdicts(more).set_index(["a", "b"])["value"]
    for pair, value in one.items():
        assert two[pair] == pytest.approx(value, abs=1e-12)


def test_identical_variants_are_rarely_told_apart_and_shown_equivalent_with_a_wide_margin() -> None:
    named = 0
    for number in range(40):
        curves = dict.fromkeys((f"{number}a", f"{number}b", f"{number}c", f"{number}d"), good)
        table = verdicts(study(curves, noise=0.03), margin=1e-6)
        named += bool(
            (table["verdict"] == "better").any()
            or (table["verdict"] == "better by more than the margin").any()
        )
    assert named <= 6  # 5% of 40 is 2; more than 6 has a chance below 1%
    alike = verdicts(study(dict.fromkeys("abcd", good), noise=0.03), margin=0.05)
    assert set(alike["verdict"]) <= {"equivalent", "better but negligible"}


def test_ranges_of_unequal_width_are_compared_by_the_cost_of_a_miss() -> None:
    made = study({"adam": good, "sgd": lambda x: 0.05 + 0.02 * (x + 1.5) ** 2})
    narrow = made.trials["variant"].eq("sgd") & made.trials["config/lr"].lt(2e-3)
    part = replace(made, trials=made.trials[~narrow].reset_index(drop=True))
    table = verdicts(part)
    assert set(table["by"]) == {"miss"}
    assert set(verdicts(made)["by"]) == {"regret"}


def test_a_level_where_trials_diverge_is_not_interpolated() -> None:
    made = study({"adam": lambda x: good(x) if x < -1.0 else math.inf})
    row = miss_cost(made, factors=[3]).iloc[0]
    assert math.isnan(row["above"])
    assert row["above_high"] == pytest.approx(1.0, abs=0.05)
    assert row["capped"] == 1.0
    assert "diverge" in row["note"]


def with_divergence(diverges: Callable[[float, float, int], bool]) -> Results:
    """Five learning rates half a decade apart x two momenta; ``diverges`` is asked log10 lr, mu and seed."""

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        x, mu = round(math.log10(configuration["lr"]), 1), round(configuration["mu"], 2)
        return math.inf if diverges(x, mu, seed) else 0.1 + 0.3 * (x + 1) ** 2 + 0.001 * seed + 0.02 * mu

    space = SearchSpace(Float("lr", 1e-2, 1, "log"), Float("mu", 0.5, 0.9, "log1m"))
    points = Grid({"lr": 5, "mu": 2}).configurations(space)
    return results(loss, variants=("adam",), configurations=points, seeds=range(3), space=space)


def test_a_level_at_which_the_best_configuration_was_lucky_not_to_diverge_has_bounds() -> None:
    by_luck = with_divergence(lambda x, mu, seed: x == 0 and mu == 0.9 and seed != 1)
    row = miss_cost(by_luck, factors=[10]).iloc[0]
    assert math.isnan(row["above"])
    assert row["above_low"] == pytest.approx(0.33, abs=0.05)
    assert 0.9 < row["above_high"] <= 1.0  # no miss costs more than all that can be won
    assert row["capped"] == pytest.approx(1 / 3)


def test_a_configuration_that_always_diverges_does_not_make_its_neighbour_doubtful() -> None:
    always = with_divergence(lambda x, mu, seed: x == 0 and mu == 0.9)
    row = miss_cost(always, factors=[10]).iloc[0]
    assert row["above"] == pytest.approx(0.33, abs=0.05)
    assert row["capped"] == 0.0


def test_where_trials_diverge_at_the_best_rate_itself_a_miss_has_no_cost() -> None:
    row = miss_cost(
        with_divergence(lambda x, mu, seed: x == -1 and mu == 0.9 and seed == 2), factors=[3]
    ).iloc[0]
    assert math.isnan(row["value"])
    assert "diverge at its best lr" in row["note"]


def at_random(curve: Loss) -> Results:
    """Sixty random learning rates between 1e-3 and 1, three seeds; nothing else varies."""
    space = SearchSpace(Float("lr", 1e-3, 1, "log"))
    points = [{"lr": 10 ** (-3 + 3 * (i + 0.5) / 60)} for i in range(60)]

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        x = math.log10(configuration["lr"])
        return curve(x) + 0.002 * float(np.random.default_rng((round(x * 1e6) + 10**7, seed)).normal())

    made = results(loss, variants=("adam",), configurations=points, seeds=range(3), space=space)
    return replace(made, design="random")


def test_a_design_without_levels_is_smoothed() -> None:
    row = miss_cost(at_random(lambda x: 0.1 + 0.2 * (x + 1.5) ** 2), factors=[3]).iloc[0]
    unit = 1 - 0.1
    assert row["value"] == pytest.approx(0.2 * math.log10(3) ** 2 / unit, abs=0.015)
    assert row["low"] <= 0.2 * math.log10(3) ** 2 / unit <= row["high"]


def test_where_trials_of_a_smoothed_curve_diverge_a_miss_has_bounds() -> None:
    cliff = at_random(lambda x: 0.1 + 0.2 * (x + 1.5) ** 2 if x < -1.0 else math.inf)
    table = miss_cost(cliff, factors=[3, 10]).set_index("factor")
    assert math.isnan(table.loc[3.0, "value"])
    assert table.loc[3.0, "high"] > 0.9
    assert table.loc[10.0, "value"] > 0.8  # so far above, every trial diverges


def test_levels_too_wide_apart_refuse_a_small_miss() -> None:
    made = study({"adam": good}, levels=4)
    table = miss_cost(made).set_index("factor")
    assert table["value"].isna().to_dict() == {2.0: True, 3.0: True, 10.0: False}
    assert "a factor of 10 apart" in table.loc[3.0, "note"]


def test_one_seed_has_no_interval_and_decides_nothing() -> None:
    made = study({"adam": good, "sgd": poor}, seeds=1)
    table = regret(made)
    assert table[["low", "high"]].isna().all(axis=None)
    assert set(verdicts(made)["verdict"]) == {"undecided"}


def test_bad_arguments_are_named() -> None:
    made = study({"adam": good, "sgd": poor})
    for call, words in (
        (lambda: verdicts(made, by="regrets"), "regret"),
        (lambda: verdicts(made, margin=-1), "margin"),
        (lambda: verdicts(made, level=2), "level"),
        (lambda: regret(made, reference={"nowhere": 0.1}), "nowhere"),
        (lambda: regret(made, reference=math.nan), "reference"),
        (lambda: miss_cost(made, over="beta"), "beta"),
        (lambda: miss_cost(made, factors=[1]), "factors"),
        (lambda: valley(made, over="beta"), "beta"),
    ):
        with pytest.raises(InputError, match=words):
            call()


def test_a_reference_that_is_given_sets_the_units_only() -> None:
    made = study({"adam": good, "sgd": poor})
    one, two = regret(made), regret(made, reference=0.0)
    assert (two["value"] > one["value"]).all()
    np.testing.assert_allclose(verdicts(made)["value"], verdicts(made, reference=0.0)["value"])
    assert set(two["source"]) == {"the reference that was given"}


def test_the_best_loss_of_a_table_is_that_of_the_estimates() -> None:
    made = study({"adam": good})
    one = estimates(made)["autoencoder/digits"][0]
    assert best_loss(made).iloc[0]["configuration"] == one.group.configurations[one.best.place]


def test_of_variants_that_lose_alike_untuned_the_best_tuned_one_is_to_be_used() -> None:
    curves: dict[str, Loss] = {
        "deep": lambda x: 0.10 + 0.10 * (x + 2) ** 2,
        "flat": lambda x: 0.125 + 0.09 * (x + 2) ** 2,
        "poor": lambda x: 0.6 + 0.02 * (x + 2) ** 2,
    }
    table = study(curves, noise=0.04)
    (every,), (goal,) = estimates(table).values(), stakes(table).values()
    mean = {one.variant: one.mean for one in every}
    tuned = ranks(table, by="tuned").set_index("variant")
    untuned = ranks(table).set_index("variant")
    assert (
        list(tuned.loc[["deep", "flat"], "first"]) == list(untuned.loc[["deep", "flat"], "first"]) == [1, 1]
    )
    best = min(
        ("deep", "flat"), key=lambda name: next(one.best.value for one in every if one.variant == name)
    )
    assert leader(table, every, goal) == best
    least = min(mean, key=mean.__getitem__)
    assert (best, least) == ("flat", "deep")


def test_a_variant_that_loses_more_untuned_is_not_to_be_used_where_tuned_ones_are_tied() -> None:
    curves: dict[str, Loss] = {
        "narrow": lambda x: 0.10 + 0.25 * (x + 2) ** 2,
        "wide": lambda x: 0.105 + 0.05 * (x + 2) ** 2,
    }
    table = study(curves, noise=0.02)
    (every,), (goal,) = estimates(table).values(), stakes(table).values()
    assert set(ranks(table, by="tuned")["first"]) == {1}
    assert leader(table, every, goal) == "wide"


@pytest.mark.parametrize("trained", [1, 2, 3, 4, 6, 7])
def test_an_island_between_learning_rates_that_diverge_is_not_taken_for_the_cap(trained: int) -> None:
    """Most of thirteen learning rates diverge with every seed: a miss by ten costs all that can be won."""
    first = (13 - trained) // 2
    rates = [10 ** (-3 + place * 0.25) for place in range(13)]
    space = SearchSpace(Float("lr", rates[0], rates[-1], "log"))
    rng = np.random.default_rng(trained)

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        place = round((math.log10(configuration["lr"]) + 3) / 0.25)
        inside = first <= place < first + trained
        return 0.1 + 0.02 * abs(place - first - trained // 2) + rng.normal(0, 0.005) if inside else math.inf

    made = results(loss, space=space, configurations=[{"lr": rate} for rate in rates], seeds=range(3))
    row = miss_cost(made, factors=(10.0,)).iloc[0]
    worst = [row["value"], row["below"], row["above"], row["high"]]
    assert max(value for value in worst if not math.isnan(value)) > 0.9
    assert regret(made).iloc[0]["best"] == pytest.approx(0.1, abs=0.03)
    narrow = miss_cost(made, factors=(2.0,)).iloc[0]
    assert not (narrow["capped"] == 1 and narrow["high"] < 0.5)
