"""Pointing and brushing: events as Plotly sends them, on figures as they are drawn."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import pytest

from search_spaces.designs import Grid
from search_spaces.hyperparameters import Categorical, Float, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity.dashboard.brushing import axes, boxed, pointed, stretched
from sensitivity.figures import lr_curves, parallel_coordinates, slices
from sensitivity.measures import Measured
from sensitivity.readers.view import View
from sensitivity.results.results import PREFIX
from tests.sensitivity.tables import bowl, results

SPACE = SearchSpace(
    Float("lr", 1e-3, 1.0, "log"),
    Float("mu", 0.5, 0.99, "log1m"),
    Ordinal("p", (1, 2, float("inf"))),
    Categorical("rule", ("a", "b")),
)
POINTS = Grid({"lr": 4, "mu": 3, "p": 3, "rule": 2}).configurations(SPACE)
MADE = results(bowl, variants=("adam", "cm"), space=SPACE, configurations=POINTS, seeds=(0,))
TASK = "autoencoder/digits"


def drawn(draw: Any) -> go.Figure:
    return draw(Measured(MADE), TASK)


@pytest.mark.parametrize("draw", [slices, lr_curves])
def test_a_click_on_a_trial_is_that_trial_and_on_anything_else_is_none(draw: Any) -> None:
    keys, found = set(MADE.trials["key"]), set()
    for trace in drawn(draw).data:
        count = len(trace.x)
        carried = list(trace.customdata) if trace.customdata is not None else [None] * count
        said = (
            list(trace.text)
            if isinstance(trace.text, (list, tuple)) or hasattr(trace.text, "__len__")
            else [trace.text] * count
        )
        clicks = [
            {"points": [{"customdata": one, "text": other}]}
            for one, other in zip(carried, said, strict=False)
        ]
        found |= {pointed(click, keys) for click in clicks if trace.mode == "markers"}
    assert found - {""} == keys
    assert pointed({"points": [{"text": "no trial here"}]}, keys) == pointed(None, keys) == ""


@pytest.mark.parametrize(
    ("name", "places", "expected"),
    [
        pytest.param("lr", [0.02, 0.005], View(ranges=(("lr", 0.005, 0.02),)), id="log"),
        pytest.param("mu", [1.0, 2.0], View(ranges=(("mu", 0.9, 0.99),)), id="log1m, drawn at -log10(1 - x)"),
        pytest.param(
            "p", [0.5, 2.4], View(ranges=(("p", 2.0, float("inf")),)), id="levels, drawn at their number"
        ),
        pytest.param("rule", [0.6, 1.4], View(choices=(("rule", "b"),)), id="choices"),
    ],
)
def test_a_box_in_a_slice_keeps_its_values(name: str, places: list[float], expected: View) -> None:
    of = axes(drawn(slices), MADE)
    axis = next(axis for axis, own in of.items() if own == name and axis.startswith("x"))
    made = boxed(View(), MADE, {"points": [], "range": {axis: places, axis.replace("x", "y"): [0, 1]}}, of)
    assert made.choices == expected.choices
    assert [each[0] for each in made.ranges] == [each[0] for each in expected.ranges]
    for one, other in zip(made.ranges, expected.ranges, strict=True):
        assert one[1:] == pytest.approx(other[1:])


def test_every_panel_of_the_learning_rate_is_of_the_learning_rate() -> None:
    of = axes(drawn(lr_curves), MADE)
    assert {each for axis, each in of.items() if axis.startswith("x")} == {"lr"}


def test_a_stretch_of_parallel_coordinates_keeps_what_it_covers_and_letting_go_keeps_all() -> None:
    figure = drawn(parallel_coordinates)
    of = axes(figure, MADE)
    view = View()
    for name, places in (("lr", [-2.1, -0.9]), ("variant", [0.5, 1.5]), ("ended", [-0.2, 0.2])):
        number = next(int(place) for place, own in of.items() if own == name)
        view = stretched(view, MADE, [{f"dimensions[{number}].constraintrange": [places]}, [0]], of)
    assert view.variant == ("cm",)
    assert view.status == ("completed",)
    assert view.ranges[0][1:] == pytest.approx((10**-2.1, 10**-0.9))
    kept = MADE.trials[PREFIX + "lr"].between(*view.ranges[0][1:])
    assert set(MADE.trials[PREFIX + "lr"][kept]) == {0.01, 0.1}
    number = next(place for place, own in of.items() if own == "lr")
    assert stretched(view, MADE, [{f"dimensions[{number}].constraintrange": None}, [0]], of).ranges == ()


def test_a_figure_without_hyperparameters_keeps_everything() -> None:
    assert (
        boxed(View(), MADE, {"range": {"x": [0, 1]}}, axes(go.Figure(go.Scatter(x=[1], y=[1])), MADE))
        == View()
    )
