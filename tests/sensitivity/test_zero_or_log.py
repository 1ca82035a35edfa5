"""A hyperparameter that is 0 or on a log scale, in measures, figures, files and a report."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from search_spaces import Float, Grid, Random, SearchSpace
from sensitivity import from_optuna, to_configspace, to_deepcave, to_optuna, write_report
from sensitivity.figures.axes import Axis, Levels
from sensitivity.measures.axes import axis_of
from sensitivity.measures.edges import edges
from sensitivity.measures.losses import losses
from sensitivity.measures.measured import Measured
from sensitivity.results.results import Results
from tests.sensitivity.tables import INITIAL, results

DECAY = Float("weight_decay", 1e-4, 0.1, "log", zero=0.2)
SPACE = SearchSpace(Float("lr", 1e-3, 1.0, "log"), DECAY)
TASK = "autoencoder/digits"


def loss(configuration: Mapping[str, Any], seed: int) -> float:
    """No decay is best; the noise is small and differs between configurations."""
    decay = configuration["weight_decay"]
    bowl = 0.1 + 0.1 * (math.log10(configuration["lr"]) + 1.5) ** 2
    wave = 0.002 * math.sin(1e5 * (decay + configuration["lr"]) + seed)
    return min(INITIAL, bowl + (0.05 * (math.log10(decay) + 5) if decay else 0.0) + wave)


def study(design: str) -> Results:
    points = (Grid(6) if design == "grid" else Random(80)).configurations(SPACE)
    return results(loss, space=SPACE, variants=("adam", "sgd"), configurations=points, design=design)


def test_axis_of_figures() -> None:
    axis = Axis.of(study("grid"), "weight_decay")
    below, low = DECAY.above_zero(0), DECAY.low
    assert axis.zero == (below, low)
    assert axis.places([0, low, math.nan])[:2].tolist() == [below, low]
    assert (axis.words(below), axis.words(low)) == ("0", "0.0001")
    layout = axis.layout(axis.places(DECAY.grid(6)))
    assert (layout["tickvals"][0], layout["ticktext"][0]) == (below, "0")
    assert layout["ticktext"].count("0") == 1
    assert all(tick >= low for tick in layout["tickvals"][1:])
    places, texts = axis.ticks(axis.places(DECAY.grid(6)).tolist())
    assert (texts[0], places[0]) == ("0", pytest.approx(math.log10(below)))
    values = [configuration["weight_decay"] for configuration in Random(200).configurations(SPACE)]
    parts = Levels.of(axis, values)
    assert parts.words[0] == "0"
    assert parts.centres[0] == pytest.approx(below)
    assert len(parts.centres) == 12
    assert min(parts.centres[1:]) > low
    assert {value for value, place in zip(values, parts.place, strict=True) if place == 0} == {0}


def test_a_factor_does_not_reach_zero() -> None:
    found = study("grid")
    group = losses(found, TASK, "adam")
    x = axis_of(found, group, "weight_decay").x
    zeros = [configuration["weight_decay"] == 0 for configuration in group.configurations]
    assert np.isnan(x).tolist() == zeros


def test_nothing_lies_below_zero() -> None:
    found = study("grid")
    assert [edge.name for edge in edges(found, losses(found, TASK, "adam"))] == []


@pytest.mark.parametrize("design", ["grid", "random"])
def test_measures_and_report(design: str, tmp_path: pathlib.Path) -> None:
    found = study(design)
    measured = Measured(found)
    best = measured.robust_setting
    assert best["note"].str.contains("nan").sum() == 0
    shares = measured.variance_shares
    share = shares[(shares["variant"] == "adam") & (shares["effect"] == "weight_decay")]
    assert share["value"].iloc[0] > 0.1
    page = write_report(found, tmp_path / "report").read_text(encoding="utf-8")
    assert "-inf" not in page


def test_files_of_other_tools(tmp_path: pathlib.Path) -> None:
    found = study("random")
    written = to_optuna(found, variant="adam")
    name = "weight_decay (0 below 0.0001)"
    values = [trial.params[name] for trial in written.trials]
    group = found.group(TASK, "adam")
    assert min(values) == DECAY.above_zero(0)
    assert sum(value < 1e-4 for value in values) == sum(group["config/weight_decay"] == 0)
    back = from_optuna(written)
    assert back.spaces["adam"] == SPACE
    assert back.trials["config/weight_decay"].tolist() == group["config/weight_decay"].tolist()
    native, pairs = to_configspace(found, variant="adam")
    assert native["weight_decay"].lower == pytest.approx(DECAY.lowest, rel=1e-3)
    assert len(pairs) == len(group)
    to_deepcave(found, tmp_path / "deepcave", variant="adam")
