"""Sums over dominated points: what counting them one by one gives, and in a forest what the table of all
cells gives."""

from __future__ import annotations

import numpy as np
import pytest

from sensitivity.measures import anova
from sensitivity.measures.dominance import dominated_sums
from sensitivity.measures.forest import grow


@pytest.mark.parametrize(
    ("points", "places", "cells"), [(0, 3, 4), (1, 3, 1), (50, 30, 7), (400, 300, 1000), (33, 5, 64)]
)
def test_they_are_those_of_counting_one_by_one(points: int, places: int, cells: int) -> None:
    rng = np.random.default_rng(0)
    rows, columns, weights = (
        rng.integers(0, cells, points),
        rng.integers(0, cells, points),
        rng.normal(size=points),
    )
    at_rows, at_columns = rng.integers(0, cells, places), rng.integers(0, cells, places)
    wanted = [
        weights[(rows <= row) & (columns <= column)].sum()
        for row, column in zip(at_rows, at_columns, strict=True)
    ]
    assert dominated_sums(rows, columns, weights, at_rows, at_columns) == pytest.approx(wanted, abs=1e-12)


def test_the_effects_of_pairs_are_those_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    units = rng.random((200, 3))
    forest = grow(
        units, np.sin(5 * units[:, 0]) + units[:, 1] * units[:, 2] + rng.normal(0, 0.1, 200), trees=3
    )
    _, by_table = anova.effects(forest, units)
    monkeypatch.setattr(anova, "TABLE", 0)
    _, by_sums = anova.effects(forest, units)
    assert np.abs(by_sums - by_table).max() < 1e-12
