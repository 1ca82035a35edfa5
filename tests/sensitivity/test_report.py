"""The report: complete, self-contained, and safe whatever a study is called."""

from __future__ import annotations

import math
import pathlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sensitivity.figures import colours, effect_shares, learning_curves, lr_curves, performance_sensitivity
from sensitivity.measures import Measured
from sensitivity.report import write_report
from sensitivity.results import Results
from sensitivity.summary import caveats, summary
from tests.sensitivity.tables import INITIAL, bowl, noisy, results
from trainables.names import InputError

TASK = "autoencoder/digits"


def partly_diverging(configuration: Mapping[str, Any], seed: int) -> float:
    return math.inf if configuration["lr"] == 1.0 and configuration["variant"] == "nadam" else bowl(configuration, seed) + 0.01 * seed


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured(results(partly_diverging, variants=("adam", "nadam")))


def test_the_lr_figure_draws_every_trial_once_with_diverged_ones_at_the_edge(measured: Measured) -> None:
    figure = lr_curves(measured, TASK)
    trials = [trace for trace in figure.data if trace.mode == "markers"]
    assert sum(len(trace.x) for trace in trials) == len(measured.results.trials)
    crosses = [trace for trace in trials if "diverged" in trace.name]
    assert sum(len(trace.x) for trace in crosses) == 6
    assert all(y == INITIAL for trace in crosses for y in trace.y)
    assert {axis.type for axis in figure.select_xaxes()} == {axis.type for axis in figure.select_yaxes()} == {"log"}
    assert [note.text for note in figure.layout.annotations if note.text in ("adam", "nadam")] == ["adam", "nadam"]


def test_the_plane_shows_each_variant_with_the_intervals_of_the_measures(measured: Measured) -> None:
    figure = performance_sensitivity(measured, TASK)
    table = measured.lr_sensitivity.set_index("variant")
    for trace in figure.data:
        row = table.loc[trace.name]
        assert trace.x[0] == row["value"]
        assert trace.x[0] + trace.error_x.array[0] == pytest.approx(row["high"])
        assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(row["low"])
        assert trace.marker.color == colours(measured.results.spaces)[trace.name]


def test_effects_have_a_panel_each_and_a_point_for_each_variant(measured: Measured) -> None:
    figure = effect_shares(measured, TASK)
    assert [note.text for note in figure.layout.annotations] == ["lr", "mu", "interactions", "seed noise"]
    assert all(sorted(trace.y) == ["adam", "nadam"] for trace in figure.data)


def test_learning_curves_begin_at_the_initial_loss(measured: Measured) -> None:
    lines = [trace for trace in learning_curves(measured, TASK).data if trace.name]
    assert [trace.name for trace in lines] == ["adam", "nadam"]
    assert all(list(trace.x) == [0, 1, 2] and trace.y[0] == INITIAL for trace in lines)


def test_the_page_is_one_file_that_asks_for_nothing(measured: Measured, tmp_path: pathlib.Path) -> None:
    page = write_report(measured.results, tmp_path / "out").read_text()
    body = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)\s*=\s*["']""", body)
    assert "cdn.plot.ly" not in body
    assert page.count("plotly-graph-div") == 4
    for sentence in summary(measured, TASK):
        assert sentence in (tmp_path / "out" / "report.md").read_text()


def test_names_full_of_html_are_text(tmp_path: pathlib.Path) -> None:
    hostile = "<script>alert(1)</script>"
    table = replace(results(bowl), study=hostile)
    assert hostile not in write_report(table, tmp_path).read_text()


def test_nothing_to_report_is_said_and_nothing_is_written(tmp_path: pathlib.Path) -> None:
    unfinished = results(bowl, status=lambda configuration, seed: "pending")
    with pytest.raises(InputError, match="has no finished trial"):
        write_report(unfinished, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(results(lambda configuration, seed: math.inf), id="all diverged"),
        pytest.param(results(lambda configuration, seed: 0.5), id="constant"),
        pytest.param(results(bowl, seeds=(0,)), id="one seed"),
        pytest.param(results(bowl, configurations=[{"lr": 0.1, "mu": 0.9}], seeds=(0,)), id="one trial"),
        pytest.param(results(bowl, status=lambda c, seed: "failed" if seed else "completed"), id="half failed"),
        pytest.param(results(noisy(0.1), design="random"), id="random design"),
    ],
)
def test_awkward_studies_have_a_report_without_nan(table: Results, tmp_path: pathlib.Path) -> None:
    write_report(table, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert not re.search(r"\b(nan|NaN|None|inf)\b", text)


def test_caveats_name_what_bites() -> None:
    table = results(lambda configuration, seed: 0.1 / configuration["lr"] ** 0.1, seeds=(0,), design="adaptive")
    said = " ".join(caveats(Measured(table)))
    for words in ("One seed", "chosen by an optimizer", "does best at the highest learning rate tried (1,"):
        assert words in said
