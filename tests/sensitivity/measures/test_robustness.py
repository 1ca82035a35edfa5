"""What a study concludes where one of its own choices is made differently."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from search_spaces import Float, SearchSpace
from search_spaces.designs import Grid
from sensitivity.measures import conclusion_changes
from sensitivity.results.results import Results
from tests.sensitivity.tables import noisy, results

SPACE = SearchSpace(Float("lr", 1e-3, 1.0, "log"))
POINTS = Grid({"lr": 7}).configurations(SPACE)
Loss = Any


def study(adam: Loss, sgd: Loss, *, seeds: int = 3) -> Results:
    """Two variants on seven learning rates, with hardly any noise; a loss of the logarithm of lr."""

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        place = math.log10(configuration["lr"])
        return float((adam if configuration["variant"] == "adam" else sgd)(place))

    return results(
        noisy(0.002, 0, loss),
        variants=("adam", "sgd"),
        space=SPACE,
        configurations=POINTS,
        seeds=range(seeds),
    )


def changes(table: Results) -> dict[str, dict[str, Any]]:
    """The rows by change."""
    return {row["change"]: row for row in conclusion_changes(table).to_dict("records")}


def test_a_variant_that_wins_by_one_end_of_the_range_is_not_named_without_it() -> None:
    """adam is better at the highest learning rate only."""
    found = changes(study(lambda x: 0.05 if x > -0.1 else 0.6, lambda x: 0.3))
    assert found["as it is"]["leader"] == "adam"
    assert found["without the highest learning rate"]["leader"] == "sgd"
    assert found["without the lowest learning rate"]["leader"] == "adam"


def test_an_order_that_one_prior_makes_turns_round_with_another() -> None:
    """Over the whole range adam loses a little more; it is far better at low rates, and worse at high ones."""
    found = changes(study(lambda x: 0.2 if x < -1.4 else 0.62, lambda x: 0.6 if x < -1.4 else 0.2))
    low, high = found["low learning rates count twice"], found["high learning rates count twice"]
    assert {low["reversed"], high["reversed"]} == {"", "adam against sgd"}
    assert low["value"] + high["value"] == 1


def test_another_loss_may_name_another_variant() -> None:
    table = study(lambda x: 0.1 + 0.02 * (x + 1.5) ** 2, lambda x: 0.3 + 0.02 * (x + 1.5) ** 2)
    trials = table.trials
    tested = trials["value"] + trials["variant"].map({"adam": 0.4, "sgd": 0.0})
    epochs = pd.DataFrame(
        {"key": trials["key"], "epoch": 1, "train_loss_end": trials["value"], "test_loss": tested}
    )
    found = changes(replace(table, reported=epochs))
    assert found["as it is"]["leader"] == "adam"
    assert found["by test_loss"]["leader"] == "sgd"
    assert found["by test_loss"]["reversed"] == "adam against sgd"
    assert "by test_loss" not in changes(table)


def test_half_the_margin_makes_a_negligible_difference_matter() -> None:
    """The margin is 0.05 of what can be won: adam is better by 0.04, or by 0.01, of an initial loss of 1."""
    for apart, reversed_ in ((0.04, "adam against sgd"), (0.01, "")):
        table = study(
            lambda x: 0.1 + 0.02 * (x + 1.5) ** 2, lambda x, d=apart: 0.1 + d + 0.02 * (x + 1.5) ** 2
        )
        row = changes(table)["with half the margin"]
        assert (row["leader"], row["reversed"]) == ("adam", reversed_)
        assert row["value"] == bool(reversed_)


@pytest.mark.parametrize("seeds", [2, 3])
def test_a_seed_is_left_out_where_two_are_left(seeds: int) -> None:
    found = changes(study(lambda x: 0.1 + 0.02 * (x + 1.5) ** 2, lambda x: 0.3, seeds=seeds))
    left = [change for change in found if change.startswith("without seed")]
    assert left == ([f"without seed number {seed + 1}" for seed in range(3)] if seeds == 3 else [])
    assert all(row["leader"] == "adam" and not row["reversed"] for row in found.values())
