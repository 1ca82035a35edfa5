"""Controls: what each change of the form makes of the view."""

from __future__ import annotations

from typing import Any

import pytest

from sensitivity.dashboard.controls import changed, ends
from sensitivity.readers.view import View
from tests.sensitivity.tables import bowl, results

MADE = results(bowl, variants=("adam", "cm"))


@pytest.mark.parametrize(
    ("kind", "name", "value", "expected"),
    [
        pytest.param("control", "variant", ["cm"], View(variant=("cm",)), id="variants"),
        pytest.param("control", "variant", [], View(), id="none ticked keeps all"),
        pytest.param("control", "choice:rule", ["a"], View(choices=(("rule", "a"),)), id="a choice"),
        pytest.param("control", "metric", "train_loss_end", View(), id="the study's own metric is no choice"),
        pytest.param("control", "metric", "test_loss", View(metric="test_loss"), id="metric"),
        pytest.param("control", "task", "autoencoder/digits", View(), id="the first task is no choice"),
        pytest.param("control", "cap", "worst", View(cap="worst"), id="cap"),
        pytest.param("control", "x", "config/mu", View(x="config/mu"), id="an axis"),
        pytest.param("control", "x", "config/lr", View(), id="the learning rate is the axis anyway"),
        pytest.param("control", "y", "loss", View(), id="the metric is the axis anyway"),
        pytest.param("control", "colour", "loss", View(colour="loss"), id="a colour"),
        pytest.param("control", "along", "time", View(along="time"), id="a history by time"),
        pytest.param("range", "lr", [0, 40], View(), id="the whole range keeps all"),
        pytest.param(
            "range", "lr", [40, 20], View(ranges=(("lr", 10**-1.5, 1.0),)), id="a range on the scale"
        ),
    ],
)
def test_a_change_of_a_control(kind: str, name: str, value: Any, expected: View) -> None:
    made = changed(View(), kind, name, value, MADE)
    assert made.but(ranges=()) == expected.but(ranges=())
    assert [(each, pytest.approx(low), pytest.approx(high)) for each, low, high in made.ranges] == list(
        expected.ranges
    )


def test_a_slider_that_follows_a_box_does_not_move_its_bounds() -> None:
    boxed = View(ranges=(("lr", 0.00123, 0.0456),))
    assert changed(boxed, "range", "lr", ends(MADE, boxed, "lr"), MADE) is boxed


@pytest.mark.parametrize(("name", "value"), [("metric", "test_loss"), ("cap", "worst"), ("task", "other")])
def test_bounds_of_the_metric_go_with_what_was_judged(name: str, value: str) -> None:
    boxed = View(ranges=(("lr", 0.001, 0.1),), outcome=((0.1, 0.2),))
    made = changed(boxed, "control", name, value, MADE)
    assert made.outcome == ()
    assert made.ranges == boxed.ranges


def test_another_task_is_not_narrowed_to_the_task_of_a_box() -> None:
    made = changed(View(only_task="autoencoder/digits"), "control", "task", "other", MADE)
    assert (made.task, made.only_task) == ("other", "")
