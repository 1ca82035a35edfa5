"""Every figure: the scales of its axes, what it says of a point, and intervals that are the measure's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from search_spaces.grid import Grid
from sensitivity import figures
from sensitivity.measures import Measured
from tests.sensitivity.tables import SPACE, bowl, results, two_tasks

ACROSS = ("cross_task", "performance_profiles", "transfer_matrix")
NO_FIGURES = {
    "NARROW_BELOW",
    "THEMES",
    "colours",
    "dash",
    "in_column",
    "metric_name",
    "narrowed",
    "template",
    "themed",
}
OF_FINE_GRIDS = ("tuned_and_missed", "robust_settings", "tuning_order", "selection_gaps")
SHARES = (-0.1, 1.1)
# figure: type of the first x axis, of the first y axis, within what they lie, what is said of points
SHOWN: dict[str, tuple[str | None, str | None, str, tuple[float, float] | None, tuple[str, ...]]] = {
    "best_so_far": ("linear", "log", "x", None, ("best so far %{y:.4g}", "trial adam-0-1", "diverged in")),
    "cross_task": (None, "category", "x", None, ("%{customdata[0]:.3g} to %{customdata[1]:.3g}",)),
    "danger_zone": ("log", None, "y", SHARES, ("%{y:.0%} diverged", "the seed decides for")),
    "differences": (
        None,
        "category",
        "x",
        None,
        ("Holm", "detectable", "%{customdata[0]:.4g} to %{customdata[1]:.4g}"),
    ),
    "divergence_map": (
        "log",
        "linear",
        "x",
        None,
        ("%{z:.0%} diverged, %{customdata} trials", "stable up to"),
    ),
    "effect_shares": (None, "category", "x", SHARES, ("%{customdata[0]:.0%} to %{customdata[1]:.0%}",)),
    "estimator_agreement": ("category", "category", "x", None, ("rank %{z}, value %{text}",)),
    "expected_best": (
        "log",
        "log",
        "x",
        None,
        ("configurations: %{y:.4g} (%{customdata[0]:.4g} to %{customdata[1]:.4g})",),
    ),
    "learning_curves": (None, "log", "x", None, ("epoch %{x}", "lr 0.01, mu 0.5")),
    "lr_curves": (
        "log",
        "log",
        "x",
        None,
        ("seed 1, trial adam-0-1", "diverged in epoch 2", "lr 0.001, mu 0.5"),
    ),
    "pair_effects": ("category", "category", "x", None, ("%{customdata}",)),
    "pairwise_map": ("log", "linear", "x", None, ("mean %{z:.4g}", "best: ", "stable up to")),
    "parallel_coordinates": (None, None, "x", None, ()),
    "performance_profiles": (None, None, "y", SHARES, ("times the fastest on %{y:.0%} of the tasks",)),
    "performance_sensitivity": (None, None, "x", None, ("best %{y:.4g} (", "sensitivity %{x:.4g} (")),
    "robust_settings": (
        None,
        "category",
        "x",
        None,
        ("the robust setting %{x:.3g}<br>lr ", "the best setting"),
    ),
    "seed_noise": (
        None,
        "category",
        "x",
        None,
        ("%{customdata[0]:.0%} to %{customdata[1]:.0%}", "configurations"),
    ),
    "selection_gaps": (
        None,
        "category",
        "x",
        None,
        ("chosen by train_loss_end %{x:.3g}<br>lr ", "best by test_loss %{x:.3g}"),
    ),
    "slices": ("log", "log", "x", None, ("adam-0-0", "mean %{y:.4g} at", "diverged")),
    "timeline": ("date", None, "y", None, ("adam, completed", "nadam, diverged")),
    "transfer_matrix": ("category", "category", "x", None, ("the best of %{y} loses",)),
    "trial_curves": (None, "log", "x", None, ("epoch %{x}: %{y:.4g}", "lr 0.001, mu 0.5", "adam-0-1")),
    "trial_scatter": (
        "log",
        "log",
        "x",
        None,
        ("seed 1, trial adam-0-1", "diverged in epoch 2", "lr 0.001, mu 0.5", "adam"),
    ),
    "tuned_and_missed": (None, None, "x", None, ("behind when tuned %{y:.1%} (", "factor 3: ")),
    "tuning_order": (None, "category", "x", None, ("step 1: lr<br>gains %{x:.3g} (",)),
    "verdict_pairs": (
        None,
        "category",
        "x",
        None,
        ("%{customdata[0]:.1%} to %{customdata[1]:.1%}", "corrected"),
    ),
    "tunability": (
        None,
        "category",
        "x",
        None,
        ("%{customdata[0]:.3g} to %{customdata[1]:.3g}", "default %{x:.3g}"),
    ),
    "win_probability": (
        "log",
        None,
        "y",
        SHARES,
        ("%{y:.0%} (%{customdata[0]:.0%} to %{customdata[1]:.0%})",),
    ),
}


def partly_diverging(configuration: Mapping[str, Any], seed: int) -> float:
    unstable = configuration["lr"] == 1.0 and (
        configuration["variant"] == "nadam" or (configuration["mu"] > 0.9 and seed == 1)
    )
    return (
        math.inf
        if unstable
        else bowl(configuration, seed) + 0.02 * configuration["mu"] + 0.01 * seed * configuration["lr"]
    )


def bowl_and_noise(configuration: Mapping[str, Any], seed: int) -> float:
    return bowl(configuration, seed) + 0.05 * (configuration["variant"] == "nadam") + 0.01 * seed


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured(results(partly_diverging, variants=("adam", "nadam")))


@pytest.fixture(scope="module")
def fine() -> Measured:
    points = Grid({"lr": 13, "mu": 1}).configurations(SPACE)
    table = results(bowl_and_noise, variants=("adam", "nadam"), configurations=points, seeds=(0, 1, 2))
    tested = table.epochs.assign(test_loss=1.1 * table.epochs["train_loss_end"])
    return Measured(replace(table, reported=tested))


@pytest.fixture(scope="module")
def across() -> Measured:
    return Measured(two_tasks())


def drawn(name: str, measured: Measured) -> go.Figure:
    draw = getattr(figures, name)
    return (
        draw(measured)
        if name in (*ACROSS, "timeline")
        else draw(measured, measured.results.trials["task"].iloc[0])
    )


def test_no_figure_is_left_out() -> None:
    assert set(SHOWN) == set(figures.__all__) - NO_FIGURES


@pytest.mark.parametrize("name", SHOWN)
def test_axes_have_the_scale_of_what_they_show_and_points_say_what_they_are(
    measured: Measured, fine: Measured, across: Measured, name: str
) -> None:
    x, y, bounded, within, said = SHOWN[name]
    figure = drawn(name, across if name in ACROSS else fine if name in OF_FINE_GRIDS else measured)
    axes = {
        "x": next(figure.select_xaxes(), figure.layout.xaxis),
        "y": next(figure.select_yaxes(), figure.layout.yaxis),
    }
    assert (axes["x"].type, axes["y"].type) == (x, y)
    if within is not None:
        low, high = axes[bounded].range
        assert within[0] <= low <= 0
        assert 1 <= high <= within[1]
    pointed = [trace for trace in figure.data if trace.type != "parcoords"]
    texts = [str(each) for trace in pointed for each in (trace.hovertemplate, *np.ravel(trace.text))]
    for words in said:
        assert any(words in each for each in texts), words
    for trace in pointed:
        assert trace.hovertemplate or trace.hoverinfo == "skip", trace.name


def panels(measured: Measured, across: Measured) -> dict[str, list[tuple[int, pd.DataFrame]]]:
    """Of figures of points: the place of a trace, and the rows of the measure that it draws."""
    effects, tuned = measured.main_effects, measured.tunability
    single = tuned[tuned["kind"] == "single"]
    names = dict.fromkeys(effects["effect"])
    return {
        "effect_shares": [(place, effects[effects["effect"] == name]) for place, name in enumerate(names)],
        "seed_noise": [(0, effects[effects["effect"] == "seed noise"])],
        "tunability": [(1, tuned[tuned["kind"] == "overall"])]
        + [(place, single[single["hyperparameters"] == name]) for place, name in ((2, "lr"), (3, "mu"))],
        "cross_task": [(0, across.cross_task_sensitivity), (1, across.effective_dimensionality)],
    }


@pytest.mark.parametrize("name", ["effect_shares", "seed_noise", "tunability", "cross_task"])
def test_points_and_bars_are_the_values_and_intervals_of_the_measure(
    measured: Measured, across: Measured, name: str
) -> None:
    figure = drawn(name, across if name in ACROSS else measured)
    for place, table in panels(measured, across)[name]:
        trace, rows = figure.data[place], table.set_index("variant").loc[list(figure.data[place].y)]
        np.testing.assert_array_equal(trace.x, rows["value"])
        np.testing.assert_allclose(trace.x + np.array(trace.error_x.array), rows["high"], atol=1e-12)
        np.testing.assert_allclose(trace.x - np.array(trace.error_x.arrayminus), rows["low"], atol=1e-12)
        np.testing.assert_array_equal(np.array(trace.customdata), rows[["low", "high"]])


BANDS: dict[str, Callable[[Measured], tuple[pd.DataFrame, str]]] = {
    "lr_curves": lambda measured: (measured.lr_curve, "lr"),
    "expected_best": lambda measured: (measured.expected_best, "k"),
    "win_probability": lambda measured: (measured.win_probability, "k"),
    "performance_profiles": lambda measured: (measured.performance_profiles, "ratio"),
}


@pytest.mark.parametrize("name", BANDS)
def test_lines_are_the_values_of_the_measure_and_bands_its_intervals(
    measured: Measured, across: Measured, name: str
) -> None:
    whole = across if name in ACROSS else measured
    table, along = BANDS[name](whole)
    figure = drawn(name, whole)
    lines = [
        trace
        for trace in figure.data
        if "<extra>adam<" in (trace.hovertemplate or "") and "lines" in trace.mode
    ]
    rows = table[table["variant"] == "adam"]
    np.testing.assert_allclose(lines[0].x, rows[along])
    np.testing.assert_allclose(lines[0].y, rows["value"])
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    if name != "win_probability":  # whose areas are stacked; its intervals are said
        np.testing.assert_allclose(bands[0].y[: len(rows)], rows["high"])
    if name != "lr_curves":
        assert name == "performance_profiles" or np.array_equal(lines[0].customdata, rows[["low", "high"]])


@pytest.mark.parametrize("name", ["divergence_map", "pairwise_map"])
def test_a_map_of_one_learning_rate_has_a_cell_with_two_ends_above_zero(name: str) -> None:
    points = [{"lr": 0.1, "mu": mu} for mu in (0.5, 0.9)]
    heat = drawn(name, Measured(results(partly_diverging, configurations=points))).data[0]
    assert list(heat.x) == [0.05, 0.2]
    assert np.shape(heat.z) == (2, 1)
