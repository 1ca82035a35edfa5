"""Figures that explore trials: their points are the values of the table, on the scale of the hyperparameter."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from search_spaces.designs import Grid
from search_spaces.hyperparameters import Categorical, Float, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity.figures import best_so_far, trial_curves, trial_scatter
from sensitivity.figures.history import history
from sensitivity.figures.panels import MOST_TRACES
from sensitivity.figures.selecting import noted
from sensitivity.figures.trial_curves import MOST_LINES, MOST_REPORTS
from sensitivity.measures import Measured
from sensitivity.results.results import Results
from tests.sensitivity.measures.test_default_loss import grid, with_default
from tests.sensitivity.tables import bowl, maximised, results

TASK = "autoencoder/digits"
SPACE = SearchSpace(
    Float("lr", 1e-3, 1.0, "log"),
    Float("mu", 0.5, 0.99, "log1m"),
    Ordinal("p", (1, 2, math.inf)),
    Categorical("rule", ("a", True)),
)
POINTS = Grid({"lr": 4, "mu": 3, "p": 3, "rule": 2}).configurations(SPACE)
HOSTILE = "<b>%{x}</b>"


def unstable(configuration: Any, seed: int) -> float:
    return math.inf if configuration["lr"] >= 1 else bowl(configuration, seed) + 0.1 * configuration["mu"]


MADE = results(unstable, variants=("adam", "cm"), space=SPACE, configurations=POINTS)
MAXIMISED = maximised()


def marks(figure: go.Figure) -> pd.DataFrame:
    """The marks of trials in a figure, by key: coordinates, name and panel."""
    return pd.DataFrame(
        [
            {"key": key, "x": x, "y": y, "trace": trace.name, "panel": trace.xaxis or "x"}
            for trace in figure.data
            if trace.mode == "markers" and trace.customdata is not None
            for key, x, y in zip(trace.customdata, trace.x, trace.y, strict=True)
        ]
    ).set_index("key")


COORDINATES = {
    "config/lr": lambda trials: trials["config/lr"],
    "config/mu": lambda trials: -np.log10(1 - trials["config/mu"]),
    "config/p": lambda trials: trials["config/p"].map({1: 0, 2: 1, math.inf: 2}),
    "config/rule": lambda trials: trials["config/rule"].map({"a": 0, True: 1}),
    "loss": lambda trials: trials["loss"],
}


@pytest.mark.parametrize("x", COORDINATES)
@pytest.mark.parametrize("y", COORDINATES)
def test_every_trial_is_at_the_values_of_the_table(x: str, y: str) -> None:
    figure = trial_scatter(Measured(MADE), TASK, x, y)
    found, trials = marks(figure), MADE.trials.set_index("key")
    assert set(found.index) == set(trials.index)
    for letter, column in (("x", x), ("y", y)):
        expected = COORDINATES[column](trials.loc[found.index]).astype(float)
        np.testing.assert_allclose(found[letter].astype(float), expected, err_msg=column)
    diverged = found.index[found["trace"] == "diverged trial"]
    assert set(diverged) == set(trials.index[trials["status"] == "diverged"])
    columns, variants = noted(figure)
    assert columns["x"] == x
    assert columns["y"] == y
    for panel, variant in variants.items():
        assert set(trials.loc[found.index[found["panel"] == panel], "variant"]) == {variant}


def test_the_axes_have_the_scale_and_the_words_of_the_hyperparameter() -> None:
    layout = trial_scatter(Measured(MADE), TASK, "config/lr", "config/rule").layout
    assert layout.xaxis.type == "log"
    assert list(layout.yaxis.ticktext) == ["a", "True"]
    layout = trial_scatter(Measured(MADE), TASK, "config/mu").layout
    assert "0.99" in layout.xaxis.ticktext
    assert layout.yaxis.title.text == "loss"
    assert layout.yaxis.type == "log"


def test_colours_are_the_values_of_the_chosen_column() -> None:
    figure = trial_scatter(Measured(MADE), TASK, "config/lr", "config/mu", "config/p")
    by_key = MADE.trials.set_index("key")["config/p"].map({1: 0, 2: 1, math.inf: 2})
    shown = [trace for trace in figure.data if trace.marker.coloraxis]
    assert {trace.xaxis for trace in shown} == {"x", "x2"}
    for trace in shown:
        np.testing.assert_array_equal(trace.marker.color, by_key[list(trace.customdata)])
    assert list(figure.layout.coloraxis.colorbar.ticktext) == ["1", "2", "inf"]


def test_a_maximised_metric_is_drawn_as_itself() -> None:
    task = MAXIMISED.trials["task"].iloc[0]
    found = marks(trial_scatter(Measured(MAXIMISED), task))
    ended = MAXIMISED.trials.set_index("key")["value"].dropna()
    np.testing.assert_allclose(found.loc[ended.index, "y"].astype(float), ended)
    lines = [trace for trace in best_so_far(Measured(MAXIMISED), task).data if "lines" in trace.mode]
    assert all(np.all(np.diff(np.asarray(trace.y, float)) >= 0) for trace in lines)


@pytest.mark.parametrize("made", [MADE, MAXIMISED], ids=["min", "max"])
def test_every_curve_is_the_epochs_of_its_trial(made: Results) -> None:
    task = made.trials["task"].iloc[0]
    figure = trial_curves(Measured(made), task)
    found: dict[str, list[tuple[int, float]]] = {}
    for trace in figure.data:
        if trace.customdata is not None and trace.name in made.spaces:
            assert list(trace.x).count(None) == len(set(trace.customdata))
            for key, x, y in zip(trace.customdata, trace.x, trace.y, strict=True):
                found.setdefault(key, []).extend([] if x is None else [(x, y)])
    finite = made.epochs[np.isfinite(made.epochs[made.metric])]
    expected = {
        key: list(zip(part["epoch"], part[made.metric], strict=True)) for key, part in finite.groupby("key")
    }
    assert found == expected


def test_lines_of_one_value_have_one_colour_and_diverged_ends_are_marked() -> None:
    curves = pd.DataFrame(
        [
            {"key": key, "epoch": epoch, "train_loss_end": loss if epoch < 3 or ended else math.nan}
            for key, loss, ended in zip(
                MADE.trials["key"], MADE.trials["loss"], MADE.trials["status"] == "completed", strict=True
            )
            for epoch in (1, 2, 3)
        ]
    )
    made = replace(MADE, reported=curves)
    figure = trial_curves(Measured(made), TASK, "config/lr")
    rates = MADE.trials.set_index("key")["config/lr"]
    by_shade: dict[str, set[float]] = {}
    for trace in figure.data:
        if trace.mode == "lines":
            by_shade.setdefault(trace.line.color, set()).update(rates[list(trace.customdata)])
    assert sorted(map(len, by_shade.values())) == [1, 1, 1, 1]
    found = marks(figure)
    assert set(found.index) == set(MADE.trials.loc[MADE.trials["status"] == "diverged", "key"])
    assert set(found["x"]) == {2}


def test_a_curve_far_above_the_initial_loss_leaves_its_panel_and_its_cross_stays() -> None:
    made = results(
        lambda configuration, seed: 0.5, configurations=[{"lr": 0.1, "mu": 0.9}, {"lr": 1.0, "mu": 0.9}]
    )
    exploded = made.epochs.assign(train_loss_end=np.where(made.epochs["key"].str.contains("-1-"), 1e30, 0.5))
    trials = made.trials.assign(status=["completed", "completed", "diverged", "diverged"])
    figure = trial_curves(Measured(replace(made, trials=trials, reported=exploded)), TASK)
    top = 10 ** figure.layout.yaxis.range[1]
    assert 2 <= top < 3
    assert (marks(figure)["y"] <= top).all()


def test_of_many_trials_a_part_is_drawn_and_said() -> None:
    points = [{"lr": float(lr), "mu": 0.9} for lr in np.geomspace(1e-3, 0.9, 400)]
    few = results(bowl, configurations=points, seeds=(0,), design="random", epochs=3)
    figure = trial_curves(Measured(few), TASK)
    assert drawn_keys(figure) == MOST_LINES
    assert f"{MOST_LINES} of 400 trials drawn" in figure.layout.title.subtitle.text.replace("<br>", " ")
    long = results(bowl, configurations=points, seeds=(0,), design="random", epochs=500)
    assert drawn_keys(trial_curves(Measured(long), TASK)) == MOST_REPORTS // 500


def drawn_keys(figure: go.Figure) -> int:
    return len({key for trace in figure.data if trace.mode == "lines" for key in trace.customdata})


def test_the_best_so_far_is_the_lowest_of_what_has_ended() -> None:
    rng = np.random.default_rng(0)
    order = rng.permutation(len(MADE.trials))
    trials = MADE.trials.assign(
        finished=pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(order, unit="min")
    )
    made = replace(MADE, trials=trials)
    for along in ("trials", "time"):
        figure = best_so_far(Measured(made), TASK, along)
        for variant in ("adam", "cm"):
            rows = trials[trials["variant"] == variant].sort_values("finished")
            line = next(trace for trace in figure.data if trace.name == variant)
            lowest = [rows["loss"].iloc[: i + 1].min() for i in range(len(rows))]
            np.testing.assert_allclose(np.asarray(line.y, float), lowest)
            if along == "trials":
                assert list(line.x) == list(range(1, len(rows) + 1))
            else:
                assert list(pd.to_datetime(line.x, utc=True)) == list(rows["finished"])
        found = marks(figure)
        np.testing.assert_allclose(found["y"].astype(float), trials.set_index("key")["loss"].loc[found.index])
        assert set(found.index) == set(trials["key"])


def test_trials_whose_end_is_not_known_are_in_the_order_of_the_table() -> None:
    made = replace(MADE, trials=MADE.trials.assign(finished=pd.NaT))
    assert list(history(made, TASK)["key"]) == list(MADE.trials["key"])
    figure = best_so_far(Measured(made), TASK, "time")
    assert "in the order of the table" in figure.layout.title.subtitle.text.replace("<br>", " ")
    assert figure.layout.xaxis.type == "linear"


NAMED = SearchSpace(Float("lr", 1e-3, 1.0, "log"), Float(HOSTILE, 0.5, 0.99, "log1m", 0.9))
AWKWARD = {
    "one trial": results(bowl, configurations=[{"lr": 0.1, "mu": 0.9}], seeds=(0,)),
    "all diverged": results(lambda configuration, seed: math.inf),
    "no epochs": replace(MADE, reported=MADE.epochs.iloc[:0]),
    "nothing has ended": results(bowl, status=lambda configuration, seed: "pending"),
    "30 variants": results(bowl, variants=[f"variant {i}" for i in range(30)], seeds=(0,)),
    "hostile names": results(
        bowl,
        variants=(HOSTILE, "adam"),
        space=NAMED,
        configurations=[{"lr": lr, HOSTILE: mu} for lr in (0.01, 0.1) for mu in (0.5, 0.9)],
        task=HOSTILE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_results_are_drawn_or_the_reason_is_said(name: str) -> None:
    made = AWKWARD[name]
    measured, task = Measured(made), made.trials["task"].iloc[0]
    second = f"config/{HOSTILE if name == 'hostile names' else 'mu'}"
    figures = [
        trial_scatter(measured, task),
        trial_scatter(measured, task, second, "config/lr"),
        trial_scatter(measured, task, "config/lr", second, second),
        trial_curves(measured, task),
        trial_curves(measured, task, second),
        best_so_far(measured, task),
        best_so_far(measured, task, "time"),
    ]
    for figure in figures:
        said = " ".join(note.text for note in figure.layout.annotations)
        assert figure.data or "not measured: " in said
        assert len(figure.data) <= MOST_TRACES
        shown = [said, str(figure.layout.title.text), str(figure.layout.title.subtitle.text)]
        shown += [str(text) for trace in figure.data for text in np.ravel(trace.text)]
        shown += [str(trace.name) for trace in figure.data]
        shown += [str(axis.title.text) for axis in (figure.layout.xaxis, figure.layout.yaxis)]
        assert not any("<b>" in text or "%{" in text for text in shown)


@pytest.mark.parametrize(
    ("draw", "settings", "words"),
    [
        (trial_scatter, {"x": "config/lt"}, "did you mean 'config/lr'"),
        (trial_scatter, {"colour": "variants"}, "did you mean 'variant'"),
        (trial_curves, {"colour": "nothing"}, "Unknown colour"),
        (best_so_far, {"along": "times"}, "did you mean 'time'"),
    ],
)
def test_an_unknown_setting_is_named_with_the_nearest(draw: Any, settings: Any, words: str) -> None:
    figure = draw(Measured(MADE), TASK, **settings)
    assert (
        words.lower()
        in " ".join(note.text for note in figure.layout.annotations).replace("<br>", " ").lower()
    )


def test_trials_of_default_settings_are_drawn_with_the_others() -> None:
    made = with_default(grid(0.01), (0.001, 0.4, 0.4))
    task, many = made.groups[0][0], len(made.all_trials)
    assert many == len(made.trials) + 3
    assert len(history(made, task)) == many
    best = best_so_far(Measured(made), task)
    assert best.layout.title.text.startswith("adam reached the lowest loss of one trial, 0.001, ")
