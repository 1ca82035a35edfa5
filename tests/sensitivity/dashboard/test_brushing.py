"""Pointing and brushing: events as Plotly sends them, on figures as they are drawn."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from search_spaces.designs import Grid
from search_spaces.hyperparameters import Categorical, Float, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity.dashboard.brushing import axes, boxed, panel_variants, pointed, stretched
from sensitivity.figures import lr_curves, pairwise_map, parallel_coordinates, slices, trial_scatter
from sensitivity.measures import Measured
from sensitivity.readers.filters import narrowed
from sensitivity.readers.view import View
from sensitivity.results.results import PREFIX, Results
from tests.sensitivity.tables import bowl, maximised, results, two_tasks

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
    axis = next(axis for axis, own in of.items() if own == PREFIX + name and axis.startswith("x"))
    made = boxed(View(), MADE, {"points": [], "range": {axis: places, axis.replace("x", "y"): [0, 9]}}, of)
    assert made.outcome == ((0.0, 9.0),)
    assert made.choices == expected.choices
    assert [each[0] for each in made.ranges] == [each[0] for each in expected.ranges]
    for one, other in zip(made.ranges, expected.ranges, strict=True):
        assert one[1:] == pytest.approx(other[1:])


def test_every_panel_of_the_learning_rate_is_of_the_learning_rate() -> None:
    of = axes(drawn(lr_curves), MADE)
    assert {each for axis, each in of.items() if axis.startswith("x")} == {"config/lr"}
    assert set(panel_variants(drawn(lr_curves), MADE).values()) == {"adam", "cm"}


def test_a_stretch_of_parallel_coordinates_keeps_what_it_covers_and_letting_go_keeps_all() -> None:
    figure = drawn(parallel_coordinates)
    of = axes(figure, MADE)
    view = View()
    stretches = {"config/lr": [-2.1, -0.9], "variant": [0.5, 1.5], "status": [-0.2, 0.2], "loss": [-1, 0]}
    for name, places in stretches.items():
        number = next(int(place) for place, own in of.items() if own == name)
        view = stretched(view, MADE, [{f"dimensions[{number}].constraintrange": [places]}, [0]], of)
    assert view.variant == ("cm",)
    assert view.status == ("completed",)
    assert view.outcome[0] == pytest.approx((0.1, 1.0))
    assert view.ranges[0][1:] == pytest.approx((10**-2.1, 10**-0.9))
    kept = MADE.trials[PREFIX + "lr"].between(*view.ranges[0][1:])
    assert set(MADE.trials[PREFIX + "lr"][kept]) == {0.01, 0.1}
    number = next(place for place, own in of.items() if own == "config/lr")
    assert stretched(view, MADE, [{f"dimensions[{number}].constraintrange": None}, [0]], of).ranges == ()


def test_a_figure_without_hyperparameters_keeps_everything() -> None:
    assert (
        boxed(View(), MADE, {"range": {"x": [0, 1]}}, axes(go.Figure(go.Scatter(x=[1], y=[1])), MADE))
        == View()
    )


MAXIMISED = maximised()
UNSTABLE = results(
    lambda configuration, seed: (
        float("nan") if configuration["lr"] >= 1 else bowl(configuration, seed) + 0.01 * configuration["mu"]
    ),
    variants=("adam", "cm"),
    space=SPACE,
    configurations=POINTS,
    status=lambda configuration, seed: (
        "pending"
        if configuration["rule"] == "b" and seed
        else "diverged"
        if configuration["lr"] >= 1
        else "completed"
    ),
)
HYPERPARAMETERS = [f"config/{name}" for name in ("lr", "mu", "p", "rule")]
BOXED = [
    *(pytest.param(made, draw, id=f"{draw.__name__}, {name}") for name, made in (("min", UNSTABLE), ("max", MAXIMISED))
      for draw in (slices, lr_curves)),
    *(pytest.param(UNSTABLE, partial(trial_scatter, x=x, y=y, colour=colour), id=f"{x} {y} {colour}")
      for x in HYPERPARAMETERS for y, colour in (("loss", "variant"), ("config/mu", "loss"), ("config/rule", "config/p"))),
    pytest.param(MAXIMISED, partial(trial_scatter, x="loss", y="config/mu"), id="the metric as x"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "draw"), BOXED)
def test_a_box_keeps_exactly_the_trials_whose_points_are_in_it(made: Results, draw: Any) -> None:
    """Boxes at random in every panel; a second box within what the first one left."""
    task, rng, shrunk = made.trials["task"].iloc[0], np.random.default_rng(0), 0
    before = View()
    for _ in range(8):
        left = narrowed(made, before)
        figure = draw(Measured(left), task)
        panel = str(rng.choice([axis for axis in axes(figure, left) if axis.startswith("x")]))
        x, y, keys = points(figure, panel)
        box = {
            axis: list(np.sort(rng.choice(values, 2)) + np.array([-1e-9, 1e-9]))[:: rng.choice([-1, 1])]
            for axis, values in ((panel, x), (panel.replace("x", "y"), y))
        }
        event, own = {"points": [], "range": box}, axes(figure, left)
        view = boxed(before, made, event, own, panel_variants(figure, left))
        (a, b), (c, d) = (sorted(bounds) for bounds in box.values())
        expected = set(keys[(a <= x) & (x <= b) & (c <= y) & (y <= d)])
        if not expected:
            assert view == before
            continue
        assert set(narrowed(made, view).all_trials["key"]) == expected
        assert View.read("/study/a", view.query).but(page="studies", name="") == view
        before = view if len(expected) > 2 and rng.random() < 0.5 else View()
        shrunk += before != View()
    assert shrunk


def points(figure: go.Figure, panel: str) -> tuple[Any, Any, Any]:
    """The coordinates and the keys of the trials in a panel."""
    marks = [
        trace
        for trace in figure.data
        if (trace.xaxis or "x") == panel and trace.mode == "markers" and trace.customdata is not None
    ]
    x, y = (np.concatenate([np.asarray(getattr(trace, letter), float) for trace in marks]) for letter in "xy")
    return x, y, np.concatenate([np.asarray(trace.customdata) for trace in marks])


def test_a_box_without_a_trial_changes_nothing() -> None:
    event = {"points": [], "range": {"x": [2e-3, 3e-3], "y": [0, 1]}}
    figure = drawn(trial_scatter)
    assert boxed(View(), MADE, event, axes(figure, MADE), panel_variants(figure, MADE)) == View()
    levels = draw_over("config/p", "config/rule")
    between = {"points": [], "range": {"x": [0.2, 0.8], "y": [-1, 3]}}
    assert boxed(View(), MADE, between, axes(levels, MADE)) == View()


def draw_over(x: str, y: str) -> go.Figure:
    return trial_scatter(Measured(MADE), TASK, x, y)


def test_a_box_in_the_panel_of_a_map_keeps_its_variant() -> None:
    figure = drawn(pairwise_map)
    panels = panel_variants(figure, MADE)
    event = {"range": {"x2": [0.005, 0.2], "y2": [0.9, 2.1]}}
    view = boxed(View(), MADE, event, axes(figure, MADE), panels)
    assert view.variant == (panels["x2"],)
    assert [name for name, _, _ in view.ranges] == ["lr", "mu"]
    assert view.outcome == ()


def test_a_box_in_a_figure_of_one_of_several_tasks_keeps_the_trials_of_that_task() -> None:
    made = two_tasks()
    for task in ("autoencoder/digits", "resnet/cifar10"):
        figure = trial_scatter(Measured(made), task)
        event = {"range": {"x": [0.005, 0.2], "y": [0.0, 2.0]}}
        view = boxed(View(task=task), made, event, axes(figure, made), panel_variants(figure, made))
        left = narrowed(made, view).trials
        assert set(left["task"]) == {task}
        assert set(left["config/lr"]) == {0.01, 0.1}


def test_a_hyperparameter_that_is_called_loss_is_not_the_metric() -> None:
    space = SearchSpace(Float("lr", 1e-3, 1.0, "log"), Categorical("loss", ("hinge", "log")))
    made = results(bowl, space=space, configurations=Grid({"lr": 4, "loss": 2}).configurations(space))
    figure = trial_scatter(Measured(made), TASK, "config/lr", "config/loss")
    view = boxed(View(), made, {"range": {"x": [1e-9, 1.5], "y": [0.5, 1.5]}}, axes(figure, made))
    assert view.choices == (("loss", "log"),)
    figure = slices(Measured(made), TASK)
    view = boxed(View(), made, {"range": {"x": [1e-9, 1.5], "y": [0.0, 0.2]}}, axes(figure, made))
    assert view.outcome == ((0.0, 0.2),)
    assert view.choices == ()
