"""Sobol indices and elementary effects of designs against functions whose sensitivities are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from search_spaces import Categorical, Float, SearchSpace
from search_spaces.designs import Morris, OneAtATime, Random, Saltelli
from sensitivity.measures import morris, sobol
from tests.sensitivity.measures.known import known_results, made
from trainables.exact_sensitivities import KnownAnswer
from trainables.known_answers import Ishigami, SobolG
from trainables.names import InputError

SPACE = SearchSpace(
    Float("x", 0, 1),
    Categorical("rule", ("sgd", "adam")),
    Float("nu", 0.9, 0.99, when={"rule": "adam"}),
    Float("one", 2, 2),
)


@pytest.mark.slow
@pytest.mark.parametrize("function", [Ishigami(), SobolG()], ids=["Ishigami", "Sobol's G"])
def test_first_and_total_orders_are_within_their_intervals(function: KnownAnswer) -> None:
    table = sobol(known_results(function, Saltelli(1024, seed=0)))
    for order, truth in (("main", function.first_order), ("total", function.total_order)):
        for name, value in truth.items():
            row = table[(table["order"] == order) & (table["effect"] == name)].iloc[0]
            assert row["low"] <= value <= row["high"]


def test_a_pair_has_what_its_hyperparameters_do_together() -> None:
    function = Ishigami()
    table = sobol(known_results(function, Saltelli(512, seed=0))).set_index("effect")
    row = table.loc["x1 x x3"]
    assert row["low"] <= function.total_order["x3"] <= row["high"]
    assert "x1 x x2" not in set(sobol(known_results(function, Saltelli(8, second_order=False)))["effect"])


def test_rows_that_are_equal_and_conditions_are_looked_up() -> None:
    """E of x alone: (2 x) has variance 4/12; rule decides between 0 and nu's place."""
    results = made(
        SPACE,
        list(
            {
                tuple(configuration.items()): configuration
                for configuration in Saltelli(256).configurations(SPACE)
            }.values()
        ),
        lambda c, seed: 2 * c["x"] + (SPACE["nu"].to_unit(c["nu"]) if c["rule"] == "adam" else 0.0),
        10.0,
        Saltelli(256),
    )
    table = sobol(results)
    variance = 4 / 12 + (1 / 3) / 2 - (1 / 4) ** 2
    assert table[table["order"] == "main"].set_index("effect").loc["x", "value"] == pytest.approx(
        4 / 12 / variance, abs=0.06
    )
    assert not table["effect"].str.contains("one").any()


def test_elementary_effects_of_a_plane_are_its_slopes() -> None:
    space = SearchSpace(Float("a", 0, 2), Float("b", 1e-3, 1, "log"))
    design = Morris(12)
    results = made(
        space, design.configurations(space), lambda c, seed: 3 * c["a"] - math.log10(c["b"]), 100.0, design
    )
    table = morris(results).set_index("effect")
    assert dict(table["value"]) == pytest.approx({"a": 6, "b": 3})
    assert dict(table["mu"]) == pytest.approx({"a": 6, "b": -3})
    assert table["sigma"].max() == pytest.approx(0, abs=1e-9)


def test_designs_inside_a_composed_one_are_found() -> None:
    design = Morris(6) + OneAtATime(3)
    assert len(morris(known_results(SobolG(), design))) == 4


def test_a_constant_loss_gives_zeros() -> None:
    design = Saltelli(8)
    results = made(SPACE, design.configurations(SPACE), lambda c, seed: 0.5, 1.0, design)
    table = sobol(results)
    assert (table.loc[table["order"] != "noise", "value"] == 0).all()


@pytest.mark.parametrize(
    ("measure", "needed"),
    [pytest.param(sobol, "saltelli", id="sobol"), pytest.param(morris, "morris", id="morris")],
)
def test_other_designs_are_refused(measure: type, needed: str) -> None:
    with pytest.raises(InputError, match=f"needs a {needed} design, got 'random'; use variance_shares"):
        measure(known_results(SobolG(), Random(16)))


def test_a_missing_row_is_refused_and_a_diverged_one_counts() -> None:
    design = Saltelli(16)
    results = known_results(Ishigami(), design)
    results.trials.loc[0, ["status", "loss"]] = ["diverged", results.trials["initial_loss"].iloc[0]]
    assert np.isfinite(sobol(results).query("order != 'noise'")["value"]).all()
    results.trials.loc[3, ["status", "loss"]] = ["failed", np.nan]
    with pytest.raises(InputError, match="1 of 128 are missing for direct; finish the study"):
        sobol(results)


def test_the_same_seed_gives_the_same() -> None:
    results = known_results(Ishigami(), Saltelli(32))
    state = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    assert sobol(results).equals(sobol(results))
    assert (np.random.get_state()[1] == state).all()  # type: ignore[index]


def test_one_trajectory_has_no_error_and_is_refused() -> None:
    space = SearchSpace(Float("a", 0, 2), Float("b", 1e-3, 1, "log"))
    design = Morris(1)
    results = made(space, design.configurations(space), lambda c, seed: 3 * c["a"], 100.0, design)
    with pytest.raises(InputError, match="2 trajectories or more"):
        morris(results)
