"""Ranges: every hyperparameter at its places on the scale."""

from __future__ import annotations

import numpy as np
import pytest

from search_spaces.hyperparameters import Categorical, Float, Integer, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity.figures.ranges import ranges

SPACE = SearchSpace(
    Float("lr", 1e-4, 1.0, "log", 0.01),
    Float("mu", 0.9, 0.999, "log1m"),
    Integer("n", 1, 4),
    Ordinal("p", (1, 2)),
    Categorical("<i>", ("a", "b")),
)


def test_values_and_default_stand_where_the_scale_has_them() -> None:
    figure = ranges(SPACE)
    lines = [trace for trace in figure.data if trace.mode == "lines+markers+text"]
    assert [list(trace.text) for trace in lines[:2]] == [["0.0001", "0.01", "1"], ["0.9", "0.99", "0.999"]]
    for trace, each in zip(lines, SPACE, strict=True):
        assert all(0 <= x <= 1 for x in trace.x)
        assert len(set(trace.y)) == 1
        assert each.name != "lr" or list(trace.x) == pytest.approx([0, 0.5, 1])
    (default,) = [trace for trace in figure.data if trace.name == "default"]
    assert list(default.x) == pytest.approx([0.5])
    assert list(figure.layout.yaxis.ticktext)[::-1][0].startswith("lr")
    assert "&lt;i&gt;" in figure.layout.yaxis.ticktext[0]


def test_what_was_tried_is_marked_once_and_what_is_inactive_is_not() -> None:
    tried = np.array([[0.0, 0.5, 0.125, 0.25, 0.25], [0.0, np.nan, 0.125, 0.25, 0.75]])
    marks = [list(trace.x) for trace in ranges(SPACE, tried).data if trace.name == "tried"]
    assert marks == [[0.0], [0.5], [0.125], [0.25], [0.25, 0.75]]
    assert not [trace for trace in ranges(SPACE, np.empty((0, 5))).data if trace.name == "tried"]
