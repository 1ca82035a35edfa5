"""The verdict as numbers: they are those of the sentences, and None where nothing is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from search_spaces.grid import Grid
from sensitivity.measures import Measured
from sensitivity.questions.card import card
from sensitivity.questions.overview import overview
from sensitivity.text.json_text import to_json
from sensitivity.text.wording import DASH
from tests.sensitivity.tables import SPACE, bowl, results

TASK = "autoencoder/digits"


def noisy_bowl(configuration: Mapping[str, Any], seed: int) -> float:
    return bowl(configuration, seed) + 0.05 * (configuration["variant"] == "nadam") + 0.01 * seed


def test_the_card_has_the_numbers_of_its_sentences() -> None:
    points = Grid({"lr": 13, "mu": 1}).configurations(SPACE)
    measured = Measured(
        results(noisy_bowl, variants=("nadam", "adam"), configurations=points, seeds=(0, 1, 2))
    )
    found = card(measured, TASK)
    assert (found["variant"], found["seeds"], found["pairs"], found["decided"]) == ("adam", 3, 1, 1)
    first, rates, second, *_ = found["sentences"]
    assert first.startswith("Use adam at lr ")
    assert f"training loss after the last epoch {found['value']:.4g} (mean of 3 seeds)" in first
    ends = found["good_range"]
    assert ends["first"] < found["configuration"]["lr"] < ends["last"]
    assert f"learning rates from about {ends['first']:.2g} to {ends['last']:.2g}" in rates
    miss = found["miss"]
    assert miss["low"] < miss["value"] < miss["high"]
    assert f"costs adam {miss['value']:.0%} ({miss['low']:.0%} to {miss['high']:.0%})" in second
    assert found["configuration"] in points
    assert overview(measured, TASK)["variant"].iloc[0] == "adam"


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(results(bowl, status=lambda configuration, seed: "failed"), id="all failed"),
        pytest.param(results(bowl, design="adaptive"), id="adaptive"),
        pytest.param(results(bowl, configurations=[{"lr": 0.1, "mu": 0.9}], seeds=(0,)), id="one trial"),
    ],
)
def test_a_card_without_a_verdict_says_so_and_is_json(table: Any) -> None:
    found = card(Measured(table), TASK)
    assert found["decided"] == found["pairs"] == 0
    assert found["sentences"]
    assert to_json(found)


def test_where_one_side_of_the_best_leaves_the_range_the_table_has_the_other() -> None:
    points = [row for row in Grid({"lr": 13, "mu": 1}).configurations(SPACE) if row["lr"] < 0.04]
    measured = Measured(
        results(noisy_bowl, variants=("nadam", "adam"), configurations=points, seeds=(0, 1, 2))
    )
    cells = overview(measured, TASK)["factor 3 costs"]
    assert all(cell.startswith("too small: ") for cell in cells), list(cells)
    assert "too small" in " ".join(card(measured, TASK)["sentences"])


def test_what_only_one_variant_has_is_in_the_table_with_a_dash_for_the_other() -> None:
    """nadam has one learning rate, so that nothing is known of another."""
    points = Grid({"lr": 13, "mu": 1}).configurations(SPACE)
    made = results(noisy_bowl, variants=("nadam", "adam"), configurations=points, seeds=(0, 1, 2))
    trials = made.trials[(made.trials["variant"] == "adam") | (made.trials["config/lr"] == points[6]["lr"])]
    cells = overview(Measured(replace(made, trials=trials.reset_index(drop=True))), TASK).set_index("variant")
    for column in ("factor 3 costs", "good range (decades)"):
        assert cells.loc["nadam", column] == DASH
        assert cells.loc["adam", column] != DASH
