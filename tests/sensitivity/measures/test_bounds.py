"""Ranges to search next respect what a hyperparameter is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search_spaces import Float, Integer
from sensitivity.measures.bounds import natural_bounds, next_range

INF = np.inf


@pytest.mark.parametrize(
    ("domain", "bounds"),
    [
        pytest.param(Float("label_smoothing", 0.0, 0.4), (0, 1), id="a share"),
        pytest.param(Float("weight", 0.0, 3.0), (0, INF), id="never negative"),
        pytest.param(Float("x", -1.0, 1.0), (-INF, INF), id="negative"),
        pytest.param(Float("mu", 0.5, 0.99, "log1m"), (0, 1), id="log1m"),
        pytest.param(Float("lr", 0.1, 1.0), (0, INF), id="a learning rate is no share"),
        pytest.param(Float("base_lr", 1e-3, 1.0, "log"), (0, INF), id="a learning rate on log"),
        pytest.param(Float("dropout_rate", 0.01, 0.5, "log"), (0, 1), id="a share by its name"),
        pytest.param(Integer("depth", 1, 9), (1, INF), id="a count"),
        pytest.param(Integer("warmup", 0, 9), (0, INF), id="an integer from 0"),
    ],
)
def test_bounds(domain: Any, bounds: tuple[float, float]) -> None:
    assert natural_bounds(domain, np.array([domain.low, domain.high], float)) == bounds


@pytest.mark.parametrize(
    ("domain", "best", "words"),
    [
        pytest.param(Float("label_smoothing", 0.0, 0.4), 0.0, "", id="nothing below 0"),
        pytest.param(Float("label_smoothing", 0.1, 0.3), 0.1, "0 to 0.2", id="down to 0"),
        pytest.param(Float("prob", 0.2, 1.0), 1.0, "", id="nothing above 1"),
        pytest.param(Float("prob", 0.2, 0.9), 0.9, "0.55 to 1", id="up to 1"),
        pytest.param(Float("weight", 1.0, 3.0), 3.0, "2 to 4", id="beyond 1 where values are"),
        pytest.param(Float("lr", 0.01, 0.11), 0.01, "0.001 to 0.06", id="a learning rate stays positive"),
        pytest.param(Float("mu", 0.0, 0.9, "log1m"), 0.0, "", id="no negative momentum"),
        pytest.param(Integer("depth", 1, 3), 1, "", id="depth 1"),
        pytest.param(Integer("depth", 2, 7), 2, "1 to 5", id="an integer stays one"),
        pytest.param(Integer("batch", 2, 32, "log"), 2, "1 to 8", id="an integer on log"),
        pytest.param(Float("lr", 1e-300, 1e300, "log"), 1e300, "", id="nothing beyond the largest float"),
    ],
)
def test_the_next_range(domain: Any, best: float, words: str) -> None:
    tried = np.array([domain.low, domain.high], float)
    assert next_range(domain, tried, best, higher=best == domain.high) == words
