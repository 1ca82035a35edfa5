"""Ray Tune experiments made by plain scripts: read from their files, and from the ResultGrid."""

from __future__ import annotations

import json
import math
import pathlib
import shutil
from typing import Any

import pandas as pd
import pytest
from ray import tune

from sensitivity import from_ray
from sensitivity.measures import Measured
from sensitivity.reporting import write_report
from sensitivity.results.results import Results
from trainables.names import InputError


def train(config: dict[str, Any]) -> None:
    """Diverges where lr is large, fails once, ends early once."""
    if config["lr"] == 0.01 and config["model"]["width"] == 2:
        raise RuntimeError("out of memory")
    for epoch in range(1, 3):
        loss = math.nan if config["lr"] == 1 else abs(math.log10(config["lr"]) + 1) + 1 / epoch
        tune.report({"loss": loss, "other": {"accuracy": 0.5}})
        if config["lr"] == 0.1 and config["model"]["width"] == 1:
            return


@pytest.fixture(scope="module")
def grid(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
    space = {
        "lr": tune.grid_search([0.01, 0.1, 1]),
        "model": {"width": tune.grid_search([1, 2])},
        "seed": 3,
        "data": train,
    }
    place = str(tmp_path_factory.mktemp("ray"))
    tuner = tune.Tuner(
        train,
        param_space=space,
        tune_config=tune.TuneConfig(reuse_actors=True),
        run_config=tune.RunConfig(name="plain", storage_path=place, verbose=0),
    )
    return tuner.fit()


EXPECTED = {
    (0.01, 1): "completed", (0.1, 1): "stopped", (1, 1): "diverged", (0.01, 2): "failed", (0.1, 2): "completed", (1, 2): "diverged",
}  # fmt: skip


def held(results: Results) -> dict[Any, str]:
    table = results.trials
    return dict(
        zip(zip(table["config/lr"], table["config/model/width"], strict=True), table["status"], strict=True)
    )


def test_a_directory_is_read_and_reported(grid: Any, tmp_path: pathlib.Path) -> None:
    read = from_ray(grid.experiment_path, metric="loss")
    assert held(read) == EXPECTED
    assert read.spaces["plain"].names == ("lr", "model/width")
    assert (read.spaces["plain"]["lr"].scale, read.study, read.design) == ("log", "plain", "grid")
    assert set(read.trials["seed"]) == {3}
    assert read.trials.set_index("status").loc["failed", "error"] == "RuntimeError: out of memory"
    assert len(read.epochs) == 9
    assert any("Stopped early" in each for each in read.notes)
    assert write_report(read, tmp_path / "report").is_file()
    assert set(from_ray(grid.experiment_path, metric="loss", epochs=1).trials["status"]) == {
        "completed",
        "diverged",
        "failed",
    }
    assert set(from_ray(grid.experiment_path, metric="other/accuracy").trials["value"].dropna()) == {0.5}


def test_a_result_grid_gives_the_same(grid: Any) -> None:
    files, objects = from_ray(grid.experiment_path, metric="loss"), from_ray(grid, metric="loss")
    same = [name for name in files.trials if name not in ("error", "seconds")]
    pd.testing.assert_frame_equal(
        *(
            each.trials[same].sort_values(["config/lr", "config/model/width"], ignore_index=True)
            for each in (files, objects)
        )
    )
    assert "out of memory" in objects.trials.set_index("status").loc["failed", "error"]


def test_the_param_space_says_scales_and_ranges(grid: Any) -> None:
    space = {"lr": tune.loguniform(1e-3, 10), "model": {"width": tune.randint(1, 5)}, "data": None}
    read = from_ray(grid.experiment_path, metric="loss", spaces=space, design="random")
    assert str(read.spaces["plain"]) == "lr: 0.001 to 10.0, log\nmodel/width: 1 to 4, linear"
    assert not any("inferred" in each for each in read.notes)
    variants = from_ray(grid.experiment_path, metric="loss", variant="model/width")
    assert [variant for _, variant in variants.groups] == ["1", "2"]


def test_a_search_algorithm_is_adaptive(grid: Any, tmp_path: pathlib.Path) -> None:
    shutil.copytree(grid.experiment_path, tmp_path / "searched")
    (tmp_path / "searched" / "searcher-state-2026-11-24_08-26-28.pkl").write_bytes(
        b""
    )  # as Ray Tune calls it with OptunaSearch
    assert from_ray(tmp_path / "searched", metric="loss").design == "adaptive"


def experiment(folder: pathlib.Path, lines: list[list[str]]) -> pathlib.Path:
    """A directory as old versions and loggers of one's own leave it: no experiment state, and files that were
    cut off."""
    for i, reports in enumerate(lines):
        trial = folder / f"train_{i}"
        trial.mkdir(parents=True)
        (trial / "params.json").write_text(
            json.dumps({"lr": 10.0**-i, "layers": [64] * i, "fn": f"<function f at 0x{i}>"})
        )
        (trial / "result.json").write_text("\n".join(reports))
    return folder


def report(iteration: int, loss: float) -> str:
    return json.dumps({"loss": loss, "training_iteration": iteration, "time_total_s": 1.0})


def test_what_was_cut_off_or_repeated_is_read_as_far_as_it_goes(tmp_path: pathlib.Path) -> None:
    whole = [report(1, 5), report(2, 4), report(2, 3), '{"loss": 1, "trai']
    read = from_ray(
        experiment(tmp_path / "e", [whole, [report(1, 2), report(2, math.nan)], [report(1, 9), report(2, 1)]])
    )
    assert read.metric == "loss"
    assert list(read.trials["value"].fillna(-1)) == [3, -1, 1]
    assert read.spaces["e"].names == ("lr", "layers")
    assert read.spaces["e"]["layers"].scale == "categorical"


def test_what_is_no_experiment_is_one_line(grid: Any, tmp_path: pathlib.Path) -> None:
    path = pathlib.Path(grid.experiment_path)
    for name, lines in {
        "broken": [["no json"]], "text": [[json.dumps({"loss": "bad", "training_iteration": 1})]], "list": [["[1]", "{}"]],
        "silent": [[]],
    }.items():  # fmt: skip
        experiment(tmp_path / name, lines)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "experiment_state-1.json").write_text("{}")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "experiment_state-1.json").write_text('{"trial_data": []}')
    for place, named, message in [
        (tmp_path / "absent", {}, "no directory"),
        (path.parent, {}, "is no experiment of Ray Tune; it holds some: plain"),
        (path / "absent", {}, "no directory"),
        (path, {}, "name the metric (metric=, --metric): "),
        (path, {"metric": "los"}, "unknown metric 'los'; did you mean 'loss'?"),
        (path, {"metric": "loss", "seed": "sed"}, "unknown entry of the config 'sed'; did you mean 'seed'?"),
        (path, {"metric": "loss", "hyperparameters": ["width"]}, "unknown entry of the config 'width'"),
        (path, {"metric": "loss", "seed": "lr"}, "seed must be a whole number, got 0.01"),
        (tmp_path / "broken", {"metric": "loss"}, "unknown metric 'loss' (known: none)"),
        (tmp_path / "list", {}, "reports no number"),
        (tmp_path / "text", {"metric": "loss"}, "metric 'loss' must be a number, got 'bad' in trial train_0"),
        (tmp_path / "silent", {}, "reports no number"),
        (tmp_path / "state", {}, "cannot read"),
        (tmp_path / "none", {}, "holds no trials"),
    ]:
        with pytest.raises(InputError) as error:
            from_ray(place, **named)
        assert message in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="must be a directory or a ResultGrid of Ray Tune, got int '3'"):
        from_ray(3)


def test_an_experiment_that_was_moved_is_read_where_it_is(grid: Any, tmp_path: pathlib.Path) -> None:
    shutil.copytree(grid.experiment_path, tmp_path / "elsewhere")
    assert held(from_ray(tmp_path / "elsewhere", metric="loss")) == EXPECTED


def test_measures_read_what_ray_reported(grid: Any) -> None:
    read = from_ray(grid.experiment_path, metric="loss")
    assert Measured(read).divergence_rate["value"].tolist() == [0.5]
