"""The kind of design of configurations that something else chose."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.exchange.imported_designs import about_holes, filled_share
from sensitivity.results.results import Results

LRS, MUS, WDS = (1e-4, 1e-3, 1e-2, 1e-1), (0.0, 0.5, 0.9, 0.99), (0.0, 1e-4, 1e-3, 1e-2)


def read(rows: list[dict[str, Any]], **named: Any) -> Results:
    rng = np.random.default_rng(1)
    return from_table(pd.DataFrame(rows).assign(loss=rng.uniform(1, 2, len(rows))), **named)


def grid(share: float = 1.0, seed: int = 0) -> list[dict[str, Any]]:
    """Return a part of the combinations of 4 x 4 x 4 levels."""
    combinations = list(itertools.product(LRS, MUS, WDS))
    chosen = np.random.default_rng(seed).permutation(len(combinations))[: round(share * len(combinations))]
    return [dict(zip(("lr", "mu", "wd"), combinations[i], strict=True)) for i in sorted(chosen)]


def test_a_full_grid_has_no_holes() -> None:
    results = read(grid())
    assert results.design == "grid"
    assert not [note for note in results.notes if "holes" in note]


@pytest.mark.parametrize("share", [0.56, 0.9, 0.3])
def test_a_grid_with_holes_is_called_one(share: float) -> None:
    results = read(grid(share))
    assert results.design == "grid"
    assert f"A grid with holes: table has {round(64 * share) / 64:.0%} of 64 combinations." in results.notes


def test_draws_are_no_grid() -> None:
    rng = np.random.default_rng(0)
    draws = [
        {"lr": 10 ** rng.uniform(-4, -1), "mu": rng.choice(MUS), "layers": int(rng.integers(1, 5))}
        for _ in range(40)
    ]
    results = read(draws)
    assert results.design == "random"
    assert not [note for note in results.notes if "holes" in note]


def test_few_combinations_are_no_grid_with_holes() -> None:
    assert read(grid()[:3] + grid()[40:43]).design == "random"


def test_a_grid_with_an_inactive_hyperparameter_is_full() -> None:
    rows = [{"rule": "sgd", "lr": lr, "nu": None} for lr in LRS] + [
        {"rule": "adam", "lr": lr, "nu": nu} for lr in LRS for nu in MUS
    ]
    results = read(rows, hyperparameters=["rule", "lr", "nu"])
    assert results.design == "grid"
    assert not [note for note in results.notes if "holes" in note]


def test_a_design_that_is_given_is_not_spoken_of() -> None:
    results = read(grid(0.56), design="random")
    assert results.design == "random"
    assert not [note for note in results.notes if "holes" in note]


def test_holes_by_variant() -> None:
    part, whole = {(1, 1), (1, 2), (2, 1)}, {(1, 1), (1, 2), (2, 1), (2, 2)}
    rows = {
        "adam": {"a": part},
        "sgd": {"a": whole},
        "cm": {"a": {(1, 1), (1, 2), (2, 1), (3, 1), (3, 3)}},
        "nag": {"a": part, "b": whole},
    }
    assert about_holes({name: rows[name] for name in ("adam", "sgd", "cm")}) == [
        "Grids with holes: adam has 75% of 4 combinations and cm has 56% of 9 combinations."
    ]
    assert about_holes({"sgd": rows["sgd"]}) == []
    assert about_holes({"nag": rows["nag"]}) == ["A grid with holes: nag has 88% of 4 combinations."]
    many = {name: {"a": part} for name in "abcd"}
    assert about_holes(many) == ["Grids with holes: a, b, c and d have 75% of their combinations."]
    most = {(i, j) for i in range(20) for j in range(20)} - {(0, 0)}
    assert about_holes({"a": {"a": most}}) == ["A grid with holes: a has over 99% of 400 combinations."]
    assert filled_share([]) == (0.0, 0)


@pytest.mark.slow
def test_a_report_of_a_grid_with_holes_is_written(tmp_path: Any) -> None:
    from sensitivity.reporting import write_report

    rows = [
        {**row, "seed": seed, "variant": variant}
        for variant in ("adam", "sgd")
        for row in grid(0.56, len(variant))
        for seed in (0, 1)
    ]
    page = write_report(read(rows), tmp_path / "report").read_text()
    assert "Grids with holes: adam has 56% of 64 combinations and sgd has 56% of 64 combinations." in page
    assert "training time" not in page
    assert "run the study again" not in page
