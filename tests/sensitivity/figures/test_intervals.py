"""Intervals of any measure: what is drawn are the numbers of its table."""

from __future__ import annotations

import pandas as pd
import pytest

from sensitivity.figures import colours
from sensitivity.figures.intervals import MOST, intervals


def test_every_row_with_a_value_is_a_point_with_its_interval_in_its_variants_colour() -> None:
    rows = [
        ("adam", "lr", 0.5, 0.4, 0.7),
        ("<b>x</b>", "lr", 0.2, 0.2, 0.2),
        ("adam", "mu", float("nan"), 0.0, 1.0),
    ]
    table = pd.DataFrame(rows, columns=["variant", "effect", "value", "low", "high"])
    variants = ["adam", "<b>x</b>"]
    figure = intervals(table, "main effects", variants)
    (trace,) = figure.data
    assert list(trace.x) == [0.5, 0.2]
    assert list(trace.y) == ["adam, lr", "&lt;b&gt;x&lt;/b&gt;, lr"]
    assert list(trace.error_x.array) == pytest.approx([0.2, 0.0])
    assert list(trace.error_x.arrayminus) == pytest.approx([0.1, 0.0])
    assert list(trace.marker.color) == [colours(variants)[name] for name in variants]
    assert "0.5 (0.4 to 0.7)" in trace.text[0]
    assert "1 rows without a value" in figure.layout.title.subtitle.text


def test_rows_that_are_called_the_same_stand_apart_and_too_many_are_cut() -> None:
    table = pd.DataFrame(
        {"variant": ["adam"] * (MOST + 5), "value": range(MOST + 5), "low": 0.0, "high": 100.0}
    )
    (trace,) = intervals(table, "many", ["adam"]).data
    assert len(set(trace.y)) == MOST
