"""The benchmarks of growth and of a study end to end: what they compute and how they judge, without what
takes long."""

from __future__ import annotations

import importlib.util
import math
import pathlib

import pandas as pd
import pytest

from sensitivity.results.results import Results
from sensitivity.study.planning import trials
from tests.benchmarks import gpu_session
from tests.benchmarks.coverage import PLAIN, contradicted
from tests.benchmarks.end_to_end import Took, Work, throughput
from tests.benchmarks.gpu_session import Part
from tests.benchmarks.growth import STEEPEST, slope, verdict
from tests.benchmarks.kernels import convolutions, kernels
from tests.benchmarks.made_store import made_study, make_store

SIZES = (100, 1_000, 10_000, 100_000)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_a_slope_is_the_power_whatever_it_costs_to_begin(power: float) -> None:
    assert slope({size: 7.0 if size == 100 else size**power for size in SIZES}) == pytest.approx(power)


def test_the_steepest_slope_is_that_of_n_log_n() -> None:
    assert round(slope({size: size * math.log(size) for size in SIZES}), 2) == STEEPEST


@pytest.mark.parametrize(
    ("stage", "seconds", "missed"),
    [
        pytest.param("reading", lambda size: size / 1e4, [], id="linear"),
        pytest.param(
            "reading", lambda size: size**1.5 / 1e6, ["reading grows with a slope of 1.50"], id="steep"
        ),
        pytest.param("planning", lambda size: size / 1e4, ["planning takes 10.0 s"], id="too long"),
        pytest.param("resuming", lambda size: size / 1e4, [], id="long, but quick enough"),
    ],
)
def test_the_verdict_names_what_grows_too_fast_or_takes_too_long(
    stage: str, seconds, missed: list[str]
) -> None:  # type: ignore[no-untyped-def]
    assert verdict({size: {stage: (seconds(size), 0.0)} for size in SIZES}) == missed


def test_a_made_store_holds_a_finished_study(tmp_path: pathlib.Path) -> None:
    store = make_store(tmp_path / "s.sqlite", trials=100, epochs=4)
    found = Results.from_store(store, "made")
    store.close()
    assert len(found.usable) == len(found.trials) == len(trials(made_study(100, epochs=4))) == 100
    assert 0 < (found.trials["status"] == "diverged").mean() < 0.5
    assert len(found.epochs) == found.trials["epochs_done"].sum()


def test_both_sides_are_compared_by_their_trials_per_hour(capsys: pytest.CaptureFixture[str]) -> None:
    work = Work("autoencoder/digits", trials=4, epochs=2)
    sides = {
        "script": lambda work, workers: Took(40.0 / workers, 20.0),
        "study": lambda work, workers: Took(20.0 / workers, 18.0),
    }
    assert throughput(work, sides) == [2.0, 2.0]
    assert "| 1 worker, trials per hour | 360 | 720 | 2.00 |" in capsys.readouterr().out
    assert Took(20.0, 18.0).overhead(work, workers=2) == 5.5


def test_rows_of_intervals_are_contradicted_by_counts_that_luck_does_not_explain() -> None:
    coverages = {"too narrow": 0.80, "a little low": 0.915, "right": 0.95, "wide": 1.0, PLAIN: 0.0}
    table = pd.DataFrame(
        [{"statistic": name, "coverage": share, "studies": 3000} for name, share in coverages.items()]
    ).assign(cell="lr cliff", seeds=3, from_zero=0.0)
    assert list(contradicted(table)["statistic"]) == ["too narrow", "wide"]
    assert contradicted(table.assign(studies=20)).empty
    for promises_more in ({"seeds": 2}, {"from_zero": 0.6}, {"cell": "20% diverged"}):
        assert list(contradicted(table.assign(**promises_more))["statistic"]) == ["too narrow"]


def test_a_session_on_a_gpu_keeps_what_it_has_measured(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_session, "AT_LEAST", 0.5)
    parts = [
        Part("Right", ("-c", "print('42 trials per hour')"), 60),
        Part("Wrong", ("-c", "print('half of it'); raise SystemExit(3)"), 60),
        Part("Slow", ("-c", "import time; print('begun', flush=True); time.sleep(60)"), 3),
        Part("Late", ("-c", "print('never')"), 0.1),
    ]
    outcomes = gpu_session.session(parts, tmp_path / "gpu.md", 60, "a card")
    assert [outcome.missing for outcome in outcomes] == [
        "",
        "exit code 3",
        "ended after 3 s",
        "no time was left",
    ]
    page = (tmp_path / "gpu.md").read_text()
    assert "Missing: Wrong (exit code 3); Slow (ended after 3 s); Late (no time was left)." in page
    assert "42 trials per hour" in page
    assert "half of it" in page
    assert "begun" in page
    assert list(tmp_path.iterdir()) == [tmp_path / "gpu.md"]


def test_a_session_on_a_gpu_fits_in_its_minutes() -> None:
    assert sum(part.limit for part in gpu_session.PARTS) <= 9.5 * 60
    for part in gpu_session.PARTS:
        assert part.command[0] == "-m"
        assert importlib.util.find_spec(part.command[1]) is not None


def test_kernels_are_shares_of_an_epoch() -> None:
    found = kernels("mlp/digits", 4, "cpu", 256)
    assert found[-1][0] == "nothing runs"
    assert len(found) > 3
    assert all(0 <= share < 2 for _, share in found)
    assert set(convolutions(2, "cpu", batch=2, channels=2, side=6)) == {"grouped", "channels_last", "patches"}
