"""Plain Ray Tune: a callback that keeps an experiment in a store, and one call that analyzes it."""

from __future__ import annotations

import math
import pathlib
import re
import runpy
from typing import Any

import pytest
from ray import tune

import sensitivity as s
from sensitivity.results.results import Results
from sensitivity.store.store import Store
from trainables.names import InputError

pytestmark = pytest.mark.slow


def train(config: dict[str, Any], data: list[float]) -> None:
    for epoch in range(1, 4):
        if config["model"]["width"] == 3 and epoch == 2:
            raise RuntimeError("out of memory")
        loss = abs(math.log10(config["lr"]) + 2) + data[0] / epoch + config["decay"]
        tune.report({"loss": math.nan if config["model"]["width"] == 4 else loss, "accuracy": 0.5})


SPACE = {
    "lr": tune.loguniform(1e-4, 1),
    "model": {"width": tune.grid_search([1, 2, 3, 4])},
    "decay": tune.sample_from(lambda config: config["lr"] / 10),
    "activation": tune.choice(["relu", "gelu"]),
}


@pytest.fixture(scope="module")
def recorded(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, pathlib.Path]:
    folder = tmp_path_factory.mktemp("ray")
    tuner = tune.Tuner(
        tune.with_parameters(train, data=[0.5]),
        param_space=SPACE,
        tune_config=tune.TuneConfig(num_samples=2, metric="loss", mode="min", reuse_actors=True),
        run_config=tune.RunConfig(
            name="plain",
            storage_path=str(folder),
            verbose=0,
            callbacks=[s.Record(folder / "store.sqlite", metric="loss", param_space=SPACE)],
        ),
    )
    return tuner.fit(), folder / "store.sqlite"


def test_every_report_is_in_the_store(recorded: tuple[Any, pathlib.Path]) -> None:
    store = Store(recorded[1], create=False)
    results = Results.from_store(store, "plain")
    store.close()
    table = results.trials
    assert sorted(table["status"]) == ["completed"] * 4 + ["diverged"] * 2 + ["failed"] * 2
    assert all("out of memory" in error for error in table["error"].dropna())
    finished = table[table["status"] == "completed"]
    expected = abs(finished["config/lr"].map(math.log10) + 2) + 0.5 / 3 + finished["config/decay"]
    assert list(finished["loss"]) == pytest.approx(list(expected))
    assert results.epochs.groupby("key").size().sort_values().tolist() == [1, 1, 3, 3, 3, 3, 3, 3]
    assert set(results.epochs["accuracy"]) == {0.5}
    space = results.spaces["plain"]
    assert (space["lr"].low, space["lr"].high, space["lr"].scale) == (1e-4, 1.0, "log")
    assert space["activation"].choices == ("relu", "gelu")


def test_an_experiment_is_analyzed_in_one_call(
    recorded: tuple[Any, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    analysis = s.analyze(recorded[0], param_space=SPACE, metric="loss")
    assert len(analysis.results.trials) == 8
    assert {"lr", "model/width", "decay", "activation"} <= set(analysis.results.spaces["plain"].names)
    assert analysis.report(tmp_path / "report").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "<table" in str(analysis._repr_html_())
    with pytest.raises(InputError, match="unknown metric 'los'; did you mean 'loss'"):
        s.analyze(recorded[0], metric="los")


def test_the_twelve_lines_of_the_page_run(
    cluster: None,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = (pathlib.Path(__file__).parents[3] / "docs" / "scripts.md").read_text(encoding="utf-8")
    (block,) = (text for text in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "tuner.fit(" in text)
    assert len([line for line in block.splitlines() if line.strip()]) == 12
    (tmp_path / "plain.py").write_text(block)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    runpy.run_path("plain.py", run_name="__main__")
    assert "net/lr" in (tmp_path / "runs" / "plain" / "report.md").read_text(encoding="utf-8")
    store = Store("store.sqlite", create=False)
    (recorded,) = store.studies()
    results = Results.from_store(store, recorded["name"])
    store.close()
    assert list(results.trials["status"]) == ["completed"] * 10


def test_what_a_scheduler_stops_has_no_result(cluster: None, tmp_path: pathlib.Path) -> None:
    scheduler = tune.schedulers.ASHAScheduler(
        metric="loss", mode="min", max_t=3, grace_period=1, reduction_factor=2
    )
    record = s.Record(tmp_path / "store.sqlite", study="stopped")
    tune.Tuner(
        tune.with_parameters(train, data=[0.5]),
        param_space={"lr": tune.grid_search([0.01, 0.1, 1.0]), "model": {"width": 1}, "decay": 0.0},
        tune_config=tune.TuneConfig(scheduler=scheduler, max_concurrent_trials=1, reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0, callbacks=[record]),
    ).fit()
    store = Store(tmp_path / "store.sqlite", create=False)
    table = Results.from_store(store, "stopped").trials.sort_values("config/lr")
    store.close()
    assert list(table["status"]) == ["completed", "stopped", "stopped"]


def search(config: dict[str, Any]) -> None:
    tune.report({"loss": abs(math.log10(config["lr"]) + 2)})


@pytest.mark.parametrize("design", ["adaptive", "grid", "random"])
def test_the_design_is_how_the_configurations_were_chosen(
    cluster: None, tmp_path: pathlib.Path, design: str
) -> None:
    from ray.tune.search.optuna import OptunaSearch

    levels = tune.grid_search([1e-3, 1e-2, 1e-1, 1.0])
    tune.Tuner(
        search,
        param_space={"lr": levels if design == "grid" else tune.loguniform(1e-4, 1)},
        tune_config=tune.TuneConfig(
            num_samples=1 if design == "grid" else 5,
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(seed=0) if design == "adaptive" else None,
        ),
        run_config=tune.RunConfig(
            name=design, storage_path=str(tmp_path), verbose=0, callbacks=[s.Record(tmp_path / "s.sqlite")]
        ),
    ).fit()
    assert Results.from_store(Store(tmp_path / "s.sqlite"), design).design == design


def test_a_store_that_cannot_be_written_is_an_error_before_the_experiment(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="store"):
        s.Record(tmp_path / "no" / "such" / "folder" / "s.sqlite")
