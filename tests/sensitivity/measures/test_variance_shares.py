"""Functional ANOVA against Optuna's, against brute force over leaves, and against functions whose
sensitivities are known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import optuna
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor

from search_spaces import Categorical, Float, Integer, SearchSpace
from search_spaces.designs import Grid, Random, Sobol
from sensitivity.measures import anova, caveats, forest, main_effects, shapley, variance_shares
from sensitivity.measures.cells import cells, settled
from tests.sensitivity.measures.known import known_results, made, study_of
from trainables.exact_sensitivities import KnownAnswer
from trainables.known_answers import Diverging, Ishigami, LrValley, Noisy, SobolG

CONDITIONAL = SearchSpace(
    Float("lr", 1e-3, 1.0, "log"),
    Categorical("rule", ("sgd", "adam", "rmsprop")),
    Float("nu", 0.9, 0.999, "log1m", when={"rule": ("adam", "rmsprop")}),
    Integer("steps", 1, 4, when={"rule": "sgd"}),
)


def values(table: pd.DataFrame, order: str) -> pd.Series:
    return table[table["order"] == order].set_index("effect")["value"]


@pytest.mark.slow
@pytest.mark.parametrize("function", [Ishigami(), SobolG()], ids=["Ishigami", "Sobol's G"])
def test_main_effects_are_optunas_on_the_same_forest(function: KnownAnswer) -> None:
    results = known_results(function, Random(120, seed=1))
    ours = values(variance_shares(results, corrected=False, pairs=False, totals=False, seed=3), "main")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    theirs = optuna.importance.FanovaImportanceEvaluator(seed=3).evaluate(study_of(results))
    assert dict(ours) == pytest.approx(theirs, abs=1e-6)


def test_trees_are_those_of_scikit_learns_forest() -> None:
    rng = np.random.default_rng(0)
    units, loss = rng.random((80, 3)), rng.random(80)
    model = RandomForestRegressor(8, random_state=5, oob_score=True).fit(units, loss)
    trees, out = forest.fitted(units, loss, trees=8, seed=5)
    assert forest.predictions(trees, units).mean(axis=0) == pytest.approx(model.predict(units), rel=1e-12)
    known = out.any(axis=0)
    assert forest.unseen(forest.predictions(trees, units), out)[known] == pytest.approx(
        model.oob_prediction_[known], rel=1e-12
    )


def brute(low: np.ndarray, high: np.ndarray, value: np.ndarray, names: tuple[int, ...]) -> float:
    """The variance of the mean given some coordinates, over all pairs of leaves."""
    size = high - low
    total = 0.0
    for a, b in itertools.product(range(len(value)), repeat=2):
        overlap = 1.0
        for j in range(low.shape[1]):
            meets = max(0.0, min(high[a, j], high[b, j]) - max(low[a, j], low[b, j]))
            overlap *= meets if j in names else size[a, j] * size[b, j]
        total += overlap * value[a] * value[b]
    return total - float(size.prod(axis=1) @ value) ** 2


@pytest.mark.parametrize("conditional", [False, True], ids=["every hyperparameter active", "with conditions"])
def test_effects_are_those_of_all_pairs_of_leaves(*, conditional: bool) -> None:
    rng = np.random.default_rng(2)
    units = rng.random((24, 4))
    parts = cells(CONDITIONAL, CONDITIONAL.names) if conditional else []
    units = settled(units, parts)
    grown = forest.grow(units, rng.random(24), cells=parts, trees=2)
    found, total = anova.variances(grown), anova.total_variances(grown)
    for tree in range(2):
        leaves = grown.leaves(tree)
        assert (leaves[1] - leaves[0]).prod(axis=1).sum() == pytest.approx(1)
        whole = brute(*leaves, (0, 1, 2, 3))
        assert found.whole[tree] == pytest.approx(whole, rel=1e-9)
        alone = [brute(*leaves, (j,)) for j in range(4)]
        assert found.main[tree] == pytest.approx(alone, abs=1e-12)
        pairs = [brute(*leaves, (j, k)) - alone[j] - alone[k] for j, k in itertools.combinations(range(4), 2)]
        assert found.pair[tree] == pytest.approx(pairs, abs=1e-12)
        rest = [whole - brute(*leaves, tuple(k for k in range(4) if k != j)) for j in range(4)]
        assert total[tree] == pytest.approx(rest, abs=1e-12)


def test_effects_at_points_are_means_of_the_trees_over_the_others() -> None:
    rng = np.random.default_rng(4)
    units, many = rng.random((30, 3)), rng.random((4000, 3))
    grown = forest.grow(units, rng.random(30), trees=3)
    main, pair = anova.effects(grown, units)
    without = anova.without(grown, units, 1)
    for tree in range(3):
        low, high, value = grown.leaves(tree)

        def says(
            points: np.ndarray, low: np.ndarray = low, high: np.ndarray = high, value: np.ndarray = value
        ) -> np.ndarray:
            inside = ((points[:, None] > low) | (low == 0)) & (points[:, None] <= high)
            return inside.all(axis=2) @ value

        assert says(units) == pytest.approx(grown.predicted[tree])
        mean = says(many).mean()
        for i in (0, 7):
            one, both = many.copy(), many.copy()
            one[:, 0], both[:, 0], both[:, 2] = units[i, 0], units[i, 0], units[i, 2]
            only = many.copy()
            only[:, 2] = units[i, 2]
            assert main[0, tree, i] == pytest.approx(says(one).mean() - mean, abs=0.02)
            assert pair[1, tree, i] == pytest.approx(
                says(both).mean() - says(one).mean() - says(only).mean() + mean, abs=0.04
            )
            if grown.out[tree, i]:
                line = np.tile(units[i], (4000, 1))
                line[:, 1] = many[:, 1]
                assert without[tree, i] == pytest.approx(says(line).mean(), abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("function", [Ishigami(), SobolG()], ids=["Ishigami", "Sobol's G"])
def test_first_orders_with_4000_random_points_are_within_3_percent(function: KnownAnswer) -> None:
    table = variance_shares(known_results(function, Random(4000, seed=0)), pairs=False, totals=False)
    assert dict(values(table, "main")) == pytest.approx(function.first_order, abs=0.03)
    assert (table["r2"] > 0.9).all()


def test_pairs_and_totals_come_near_the_truth() -> None:
    function = Ishigami()
    table = variance_shares(known_results(function, Random(1000, seed=0)))
    assert dict(values(table, "total")) == pytest.approx(function.total_order, abs=0.08)
    pairs = values(table, "pair")
    assert pairs["x1 x x3"] == pytest.approx(function.total_order["x3"], abs=0.08)
    assert pairs.drop("x1 x x3").max() < 0.02
    sums = table[table["order"].isin(["main", "pair", "rest", "noise"])]["value"].sum()
    assert sums == pytest.approx(1)


@pytest.mark.parametrize("design", [Random(500, seed=0), Sobol(512, seed=0)], ids=["random", "sobol"])
def test_a_u_shaped_learning_rate_has_the_share_that_it_has_on_its_log_scale(design: Random | Sobol) -> None:
    function = LrValley()
    assert values(variance_shares(known_results(function, design)), "main")["lr"] == pytest.approx(
        function.first_order["lr"], abs=0.03
    )


def test_a_fifth_of_the_trials_diverged_leaves_the_ranking_of_the_capped_truth() -> None:
    function = Diverging(SobolG((1.0, 0.0, 4.5)), above=0.8, along="x1")
    results = known_results(function, Random(600, seed=0))
    assert 0.15 < (results.trials["status"] == "diverged").mean() < 0.25
    found = values(variance_shares(results), "main")
    truth = function.first_order
    assert list(found.sort_values().index) == sorted(truth, key=lambda name: truth[name])
    assert dict(found) == pytest.approx(truth, abs=0.06)


def test_with_seeds_shares_are_of_the_variance_of_single_trials() -> None:
    function = Noisy(LrValley(), sd=math.sqrt(LrValley().variance) / 2)
    table = variance_shares(known_results(function, Sobol(256, seed=0), seeds=range(3)))
    assert values(table, "noise")["seed noise"] == pytest.approx(0.2, abs=0.04)
    assert values(table, "main")["lr"] == pytest.approx(function.first_order["lr"], abs=0.05)
    assert table.loc[table["order"].isin(["main", "pair", "rest", "noise"]), "value"].sum() == pytest.approx(
        1
    )


@pytest.mark.slow
def test_intervals_hold_the_truth_most_of_the_time() -> None:
    function = LrValley()
    covered = []
    for seed in range(12):
        table = main_effects(known_results(function, Random(128, seed=seed))).set_index("effect")
        covered += [
            table.loc[name, "low"] <= truth <= table.loc[name, "high"]
            for name, truth in function.first_order.items()
        ]
    assert np.mean(covered) > 0.8


@pytest.mark.slow
def test_what_is_inactive_has_no_part_there() -> None:
    """rule explains what differs between rules; nu and steps act in two thirds and in one third of the
    cube."""

    def loss(configuration: dict[str, float], seed: int) -> float:
        if configuration["rule"] == "sgd":
            return 0.5 + 0.3 * CONDITIONAL["steps"].to_unit(configuration["steps"])
        return 0.3 + 0.3 * CONDITIONAL["nu"].to_unit(configuration["nu"])

    results = made(CONDITIONAL, Sobol(1024, seed=0).configurations(CONDITIONAL), loss, 2.0, "sobol")
    table = variance_shares(results)
    grid = np.random.default_rng(0).random((400_000, 3))
    sgd = grid[:, 0] < 1 / 3
    steps = (np.floor(grid[:, 2] * 4) + 0.5) / 4
    y = np.where(sgd, 0.5 + 0.3 * steps, 0.3 + 0.3 * grid[:, 1])
    rule = np.where(sgd, 0.65, 0.45).var() / y.var()
    nu = (2 / 3) ** 2 * 0.3**2 / 12 / y.var()
    found = values(table, "main")
    assert found["rule"] == pytest.approx(rule, abs=0.03)
    assert found["nu"] == pytest.approx(nu, abs=0.03)
    assert found["lr"] < 0.01
    assert values(table, "total")["nu"] == pytest.approx(2 / 3 * 0.3**2 / 12 / y.var(), abs=0.04)


def test_cells_are_the_activity_of_the_space() -> None:
    parts = cells(CONDITIONAL, CONDITIONAL.names)
    assert sum((part.high - part.low).prod() for part in parts) == pytest.approx(1)
    points = np.random.default_rng(0).random((200, 4))
    truth = np.nan_to_num(CONDITIONAL.encode(CONDITIONAL.decode(points)), nan=0.5)
    inactive = np.isnan(CONDITIONAL.encode(CONDITIONAL.decode(points)))
    assert ((settled(points, parts) == 0.5) == inactive).all()
    assert (truth[inactive] == 0.5).all()


def test_a_constant_loss_gives_zeros() -> None:
    space = SearchSpace(Float("x", 0, 1), Float("y", 0, 1), Float("fixed", 2, 2))
    results = made(space, Sobol(32).configurations(space), lambda configuration, seed: 0.25, 1.0, "sobol")
    table = variance_shares(results)
    assert (table.loc[table["order"] != "noise", "value"] == 0).all()
    assert table["note"].str.contains("constant").any()
    assert "fixed" not in set(table["effect"])


def test_a_poor_surrogate_and_an_uneven_design_are_said_in_the_note() -> None:
    rng = np.random.default_rng(0)
    space = SearchSpace(Float("x", 0, 1), Float("y", 0, 1))
    results = made(
        space, Sobol(64).configurations(space), lambda configuration, seed: rng.random(), 1.0, "optuna"
    )
    note = variance_shares(results)["note"].iloc[0]
    assert "out-of-bag R2" in note
    assert "'optuna' does not cover the space evenly" in note


def test_grids_are_judged_over_their_levels() -> None:
    function = LrValley()
    table = variance_shares(known_results(function, Grid(6)))
    assert values(table, "main").idxmax() == "lr"
    assert values(table, "main")["nu"] < 0.01


def test_the_same_seed_gives_the_same_and_the_input_is_not_changed() -> None:
    results = known_results(SobolG(), Random(64, seed=0))
    before = results.trials.copy()
    pd.testing.assert_frame_equal(variance_shares(results), variance_shares(results))
    pd.testing.assert_frame_equal(results.trials, before)


def test_measures_of_the_same_losses_share_a_forest(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = []
    fit = forest.fit
    monkeypatch.setattr(forest, "fit", lambda *arguments, **named: fits.append(1) or fit(*arguments, **named))
    results = known_results(SobolG((0.5, 2.0)), Random(64, seed=11))
    first = variance_shares(results)
    for measure in (main_effects, shapley, caveats, variance_shares):
        measure(results)
    assert len(fits) == 1
    pd.testing.assert_frame_equal(variance_shares(results), first)
    variance_shares(known_results(SobolG((0.5, 2.5)), Random(64, seed=11)))
    assert len(fits) == 2


def test_of_forests_only_the_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forest, "CACHED_NODES", 1000)
    monkeypatch.setattr(forest, "_cache", {})
    rng = np.random.default_rng(0)
    for _ in range(4):
        forest.fitted(rng.random((50, 2)), rng.random(50), trees=8)
    assert len(forest._cache) == 1
