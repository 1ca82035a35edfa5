"""The order in which to tune: additive losses whose order is known, and simulated studies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from search_spaces import Categorical, Float, SearchSpace
from search_spaces.designs import Grid, Random
from sensitivity.measures import tunability, tuning_order
from sensitivity.results.results import Results
from tests.sensitivity.tables import results
from trainables.names import InputError

SPACE = SearchSpace(
    Float("lr", 1e-3, 1.0, "log", 1e-2),
    Float("mu", 0.5, 0.99, "log1m", 0.9),
    Categorical("rule", ("a", "b", "c"), "a"),
)
LEVELS: dict[str, list[Any]] = {
    "lr": [1e-3, 1e-2, 1e-1, 1.0],
    "mu": [0.5, 0.9, 0.99],
    "rule": ["a", "b", "c"],
}
PARTS: dict[str, dict[Any, float]] = {
    "lr": {1e-3: 0.2, 1e-2: 0.1, 1e-1: 0.0, 1.0: 0.3},
    "mu": {0.5: 0.02, 0.9: 0.05, 0.99: 0.0},
    "rule": {"a": 0.2, "b": 0.1, "c": 0.0},
}
"""What each level adds to the loss: from the defaults .2 can be won with rule, .1 with lr, .05 with mu."""


def additive(configuration: Mapping[str, Any]) -> float:
    return 0.2 + sum(PARTS[name].get(configuration[name], 0.0) for name in PARTS if name in configuration)


def study(
    loss: Any = additive,
    *,
    space: SearchSpace = SPACE,
    noise: float = 0.0,
    number: int = 0,
    levels: Mapping[str, list[Any]] | None = None,
    **more: Any,
) -> Results:
    rng = np.random.default_rng(number)
    named = {name: values for name, values in (levels or LEVELS).items() if name in space.names}
    return results(
        lambda configuration, seed: loss(configuration) + noise * float(rng.standard_normal()),
        space=space,
        **{"configurations": Grid(levels=named).configurations(space), **more},
    )


def test_the_order_of_an_additive_loss_is_that_of_its_parts() -> None:
    table = tuning_order(study())
    assert table["step"].tolist() == [1, 2, 3]
    assert table["effect"].tolist() == ["rule", "lr", "mu"]
    for column in ("value", "low", "high"):
        assert table[column].tolist() == pytest.approx([0.2, 0.1, 0.05])
    assert table["share"].tolist() == pytest.approx([0.25, 0.125, 0.0625])  # of 1 - .2
    assert table["remaining"].tolist() == pytest.approx([0.15, 0.05, 0.0])
    assert table["note"].tolist() == ["", "", ""]
    assert table["n"].tolist() == [72, 72, 72]


def test_hyperparameters_that_help_together_only_are_tuned_together() -> None:
    """lr alone buys nothing and mu .05; once mu is tuned, lr buys .3: greedy looks one step ahead."""

    def loss(c: Mapping[str, Any]) -> float:
        return 0.6 - 0.05 * (c["mu"] == 0.99) - 0.3 * (c["mu"] == 0.99 and c["lr"] == 1.0)

    table = tuning_order(study(loss, space=SearchSpace(*list(SPACE)[:2])))
    assert table["effect"].tolist() == ["mu", "lr"]
    assert table["value"].tolist() == pytest.approx([0.05, 0.3])


def test_values_and_what_remains_add_up_to_the_tunability() -> None:
    made = study(noise=0.03, seeds=(0, 1, 2))
    table = tuning_order(made)
    gains = tunability(made).set_index(["kind", "hyperparameters"])["value"]
    together = table["value"].cumsum() + table["remaining"]
    np.testing.assert_allclose(together, together[0])
    assert together[0] == pytest.approx(gains["overall", "lr x mu x rule"], abs=0.01)
    first = table.iloc[0]
    assert first["value"] == pytest.approx(gains["single", first["effect"]])


def test_a_default_between_levels_is_replaced_by_the_nearest_on_the_scale() -> None:
    table = tuning_order(study(levels={**LEVELS, "mu": [0.5, 0.89, 0.99]}))
    assert set(table["note"]) == {"mu: its default 0.9 is not among the levels, 0.89 stands for it"}
    assert table["effect"].tolist()[:2] == ["rule", "lr"]


def test_intervals_hold_the_truth_in_about_95_percent_of_studies() -> None:
    space, truth, hits = SearchSpace(SPACE["lr"], SPACE["rule"]), {"lr": 0.1, "rule": 0.2}, np.zeros(2)
    for number in range(100):
        table = tuning_order(study(space=space, noise=0.02, number=number, seeds=range(3)))
        true = table["effect"].map(truth)
        hits += ((table["low"] <= true) & (true <= table["high"])).to_numpy()
    assert (hits >= 89).all()  # fewer than 89 of 100 have a chance of 0.4%


def test_a_step_that_noise_may_have_chosen_says_what_else_it_could_be() -> None:
    flat = {"lr": 0.1, "mu": 0.1}
    table = tuning_order(
        study(lambda c: 0.3 - sum(flat[name] * (c[name] == LEVELS[name][-1]) for name in flat),
              space=SearchSpace(*list(SPACE)[:2]), noise=0.03, seeds=(0, 1, 2))
    )  # fmt: skip
    first = table.iloc[0]
    other = ({"lr", "mu"} - {first["effect"]}).pop()
    assert first["note"] == f"not told from {other}"


def test_a_shift_of_all_losses_changes_no_row() -> None:
    made = study(noise=0.02, seeds=(0, 1, 2))
    names = ("loss", "value", "initial_loss")
    moved = replace(made, trials=made.trials.assign(**{name: made.trials[name] + 3.0 for name in names}))
    one, two = tuning_order(made), tuning_order(moved)
    assert one["effect"].tolist() == two["effect"].tolist()
    for column in ("value", "low", "high", "share", "remaining"):
        np.testing.assert_allclose(one[column], two[column], atol=2e-3)


def test_a_constant_loss_buys_nothing() -> None:
    table = tuning_order(study(lambda c: 0.3))
    assert (table[["value", "low", "high", "remaining"]] == 0).all(axis=None)
    assert table.iloc[0]["note"] == "not told from mu or rule"


def test_one_seed_has_no_interval() -> None:
    table = tuning_order(study(seeds=(0,)))
    assert table["effect"].tolist() == ["rule", "lr", "mu"]
    assert table[["low", "high"]].isna().all(axis=None)


def test_one_level_has_no_step() -> None:
    table = tuning_order(study(levels={**LEVELS, "mu": [0.9]}))
    assert table["effect"].tolist() == ["rule", "lr"]
    assert set(table["note"]) == {"mu has one level"}
    alone = tuning_order(study(space=SearchSpace(SPACE["lr"]), levels={"lr": [0.01]})).iloc[0]
    assert math.isnan(alone["value"])
    assert alone["note"] == "lr has one level; no hyperparameter has two levels"


def test_diverged_configurations_count_at_the_cap() -> None:
    """At rule a, which is the default, everything diverges: rule wins 1 - .35, from the cap."""
    table = tuning_order(study(lambda c: math.inf if c["rule"] == "a" else additive(c)))
    assert table["effect"].tolist() == ["rule", "lr", "mu"]
    assert table["value"].tolist() == pytest.approx([0.65, 0.1, 0.05])


def test_other_designs_are_refused_and_the_way_out_is_said() -> None:
    made = study(design="random", configurations=Random(30, seed=0).configurations(SPACE))
    with pytest.raises(InputError, match=r"full grid, got 'random'.*tunability"):
        tuning_order(made)
    with pytest.raises(InputError, match="adaptive"):
        tuning_order(replace(made, design="adaptive"))
    with pytest.raises(InputError, match="level"):
        tuning_order(study(), level=0)
    nested = SearchSpace(SPACE["rule"], Float("nu", 0.9, 0.999, "log1m", 0.99, when={"rule": "b"}))
    with pytest.raises(InputError, match=r"conditional.*tunability"):
        tuning_order(study(space=nested, levels={**LEVELS, "nu": [0.9, 0.99]}))


def test_a_grid_that_is_not_finished_says_so() -> None:
    made = study()
    part = made.trials[made.trials["config/lr"].ne(1.0) | made.trials["config/rule"].ne("b")]
    row = tuning_order(replace(made, trials=part.reset_index(drop=True))).iloc[0]
    assert math.isnan(row["value"])
    assert row["note"] == "no result of 3 of 36 configurations: finish the study"
