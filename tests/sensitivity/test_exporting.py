"""Exports: TensorBoard and MLflow, read by themselves, find one run a trial with everything that the results
have."""

from __future__ import annotations

import json
import math
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run as MlflowRun
from mlflow.tracking import MlflowClient
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups

from search_spaces.hyperparameters import Categorical, Float, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity import to_mlflow, to_tensorboard
from sensitivity.exchange.exporting import MARK, export
from sensitivity.exchange.from_tables import from_table
from sensitivity.results.results import Results
from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from tests.sensitivity import command
from tests.sensitivity.tables import BEGAN, results
from trainables.names import InputError

SPACE = SearchSpace(
    Float("lr", 0.001, 1.0, "log"), Ordinal("p", (1, 2, math.inf)), Categorical("seed", ("a", True))
)
POINTS = [
    {"lr": 0.001, "p": 1, "seed": "a"},
    {"lr": 0.1, "p": 2, "seed": True},
    {"lr": 0.5, "p": math.inf, "seed": "a"},
    {"lr": 1.0, "p": 2, "seed": True},
]
ENDS = {0.001: "running", 0.1: "completed", 0.5: "failed", 1.0: "diverged"}
AWFUL = "../../<img src=x onerror=alert(1)>/ä\U0001f600'\""


def made(name: str = "made up") -> Results:
    """A trial of each end, whose curves hold every kind of number."""

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        return math.inf if configuration["lr"] == 1.0 else float(configuration["lr"])

    found = results(
        loss,
        space=SPACE,
        configurations=POINTS,
        seeds=(0,),
        epochs=3,
        status=lambda configuration, seed: ENDS[configuration["lr"]],
    )
    curves = found.epochs.copy()
    curves["accuracy/top 1"] = [math.nan if epoch == 2 else 1e-9 * epoch for epoch in curves["epoch"]]
    curves["never"] = math.nan
    trials = found.trials.assign(error=[None, None, "out of memory", None])
    return replace(found, trials=trials, reported=curves, study=name)


def awful() -> Results:
    """Nothing in it is called as a file can be."""
    lr, space = f"{AWFUL}lr", SearchSpace(Float(f"{AWFUL}lr", 0.1, 1.0))
    found = results(
        lambda configuration, seed: configuration[lr], space=space, configurations=[{lr: 0.5}], seeds=(0,)
    )
    curves = found.epochs.assign(key=AWFUL, **{AWFUL: 1.0, "..": 2.0, "result": 3.0, "x" * 300: 4.0})
    trials = found.trials.assign(key=AWFUL, task=AWFUL, variant=AWFUL)
    return replace(found, trials=trials, reported=curves, spaces={AWFUL: space}, study=AWFUL)


def in_tensorboard(
    folder: pathlib.Path,
) -> tuple[EventMultiplexer, api_pb2.Experiment, list[api_pb2.SessionGroup]]:
    """What TensorBoard has of a folder, and what its HParams tab shows."""
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    context = backend_context.Context(
        TBContext(data_provider=MultiplexerDataProvider(multiplexer, str(folder)))
    )
    shown = get_experiment.Handler(RequestContext(), context, "", api_pb2.GetExperimentRequest()).run()
    states = [value for _, value in api_pb2.Status.items()]
    columns = [api_pb2.ColParams(hparam=each.name) for each in shown.hparam_infos]
    columns += [api_pb2.ColParams(metric=each.name) for each in shown.metric_infos]
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=100, allowed_statuses=states, col_params=columns
    )
    return (
        multiplexer,
        shown,
        list(list_session_groups.Handler(RequestContext(), context, "", request).run().session_groups),
    )


def in_mlflow(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> tuple[MlflowClient, list[MlflowRun]]:
    """MLflow's own client of a file store, and the runs of all experiments."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = MlflowClient(folder.as_uri())
    return client, list(client.search_runs([each.experiment_id for each in client.search_experiments()]))


def test_tensorboard_shows_one_run_a_trial_with_every_epoch(tmp_path: pathlib.Path) -> None:
    found = made()
    place = to_tensorboard(found, tmp_path / "logs")
    multiplexer, _, groups = in_tensorboard(tmp_path / "logs")
    assert sorted(multiplexer.Runs()) == sorted(each.sessions[0].name for each in groups)
    assert len(groups) == len(found.trials)
    for row in found.trials.to_dict("records"):
        (own,) = place.rglob(row["key"])
        read = EventAccumulator(str(own)).Reload()
        curves = found.epochs[found.epochs["key"] == row["key"]]
        for name in ("train_loss_end", "accuracy/top 1", "seconds"):
            scalars = read.Scalars(name)
            assert [each.step for each in scalars] == list(curves["epoch"])
            np.testing.assert_array_equal([each.value for each in scalars], curves[name].to_numpy(np.float32))
        ended = (BEGAN if pd.isna(row["finished"]) else row["finished"]).timestamp()
        assert [each.wall_time for each in read.Scalars("seconds")] == [ended - 1.0, ended - 0.5, ended]
        assert "never" not in read.Tags()["scalars"]


def test_the_hparams_tab_shows_configurations_and_what_came_of_them(tmp_path: pathlib.Path) -> None:
    to_tensorboard(made(), tmp_path)
    _, shown, groups = in_tensorboard(tmp_path)
    kinds = {
        each.name: api_pb2.DataType.Name(each.type).removeprefix("DATA_TYPE_") for each in shown.hparam_infos
    }
    assert kinds == dict.fromkeys(["variant", "task", "seed", "status", "p", "config/seed"], "STRING") | {
        "lr": "FLOAT64"
    }
    rows = {}
    for each in groups:
        values = {name: value.string_value or value.number_value for name, value in each.hparams.items()}
        metrics = {metric.name.tag.removeprefix("result/"): metric.value for metric in each.metric_values}
        rows[values["lr"]] = values, metrics, api_pb2.Status.Name(each.sessions[0].status)
    values, metrics, status = rows[1.0]
    own = {
        "variant": "adam",
        "task": "autoencoder/digits",
        "seed": "0",
        "status": "diverged",
        "lr": 1.0,
        "p": "2",
        "config/seed": "True",
    }
    assert (values, metrics, status) == (own, {"loss": 1.0, "diverged": 1.0}, "STATUS_SUCCESS")
    assert rows[0.5][0]["p"] == "inf"
    assert [rows[lr][2] for lr in (0.001, 0.1, 0.5)] == ["STATUS_RUNNING", "STATUS_SUCCESS", "STATUS_FAILURE"]
    assert rows[0.1][1] == pytest.approx({"loss": 0.1, "value": 0.1, "best": 0.1, "diverged": 0.0})


def test_mlflow_finds_one_run_a_trial_with_every_epoch(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made()
    place = to_mlflow(found, tmp_path / "runs")
    client, runs = in_mlflow(tmp_path / "runs", monkeypatch)
    assert client.get_experiment_by_name("made up").experiment_id == place.name
    ends = {each.data.tags["status"]: each.info.status for each in runs}
    assert ends == {"running": "RUNNING", "completed": "FINISHED", "failed": "FAILED", "diverged": "FINISHED"}
    of = {each.data.tags["key"]: each for each in runs}
    assert sorted(of) == sorted(found.trials["key"])
    for row, point in zip(found.trials.to_dict("records"), POINTS, strict=True):
        run = of[row["key"]]
        assert run.info.run_name == f"adam {row['key']}"
        assert run.info.artifact_uri.startswith(place.as_uri())
        assert run.data.params == {name: str(value) for name, value in point.items()}
        told = {name: run.data.tags[name] for name in ("study", "task", "variant", "seed")}
        assert told == {"study": "made up", "task": "autoencoder/digits", "variant": "adam", "seed": "0"}
        curves = found.epochs[found.epochs["key"] == row["key"]]
        for name, kept in {
            "train_loss_end": "train_loss_end",
            "accuracy/top 1": "accuracy_top 1-ce3e22",
        }.items():
            history = client.get_metric_history(run.info.run_id, kept)
            assert [each.step for each in history] == list(curves["epoch"])
            np.testing.assert_array_equal([each.value for each in history], curves[name])
            at = [each.timestamp - 1000 * row["finished"].timestamp() for each in history]
            assert at == [-1000, -500, 0]
    failed = of[found.trials["key"][2]].data
    assert failed.tags["error"] == "out of memory"
    assert json.loads(failed.tags["configuration"]) == {"lr": 0.5, "p": "inf", "seed": "a"}
    assert "result/loss" not in failed.metrics
    diverged = of[found.trials["key"][3]].data.metrics
    assert (diverged["result/loss"], diverged["result/diverged"]) == (1.0, 1.0)


@pytest.fixture
def store(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A store in the working directory with a study of two trials, of which one has begun."""
    monkeypatch.chdir(tmp_path)
    study = Study(
        name="tiny",
        tasks=["autoencoder/digits"],
        variants=["sgd"],
        design={"kind": "grid", "points": {"lr": 2}},
        epochs=1,
        default_setting=False,
    )
    planned = trials(study)
    with closing(Store(tmp_path / "s.sqlite")) as opened:
        opened.add_study("tiny", study.to_stored(), planned)
        opened.record(
            planned[0].key,
            initial_loss=1.0,
            reports=[{"epoch": 1, "status": "completed", "train_loss": 0.5, "train_loss_end": math.inf}],
        )
    return tmp_path / "s.sqlite"


EITHER = pytest.mark.parametrize("to", [to_tensorboard, to_mlflow])
To = Callable[[Results, pathlib.Path], pathlib.Path]


@EITHER
def test_names_never_leave_the_folder(
    to: To, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = to(awful(), tmp_path / "a" / "b" / "out")
    assert [each.relative_to(tmp_path).parts[:3] for each in tmp_path.rglob(MARK)] == [("a", "b", "out")]
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert [each.name for each in (tmp_path / "a" / "b").iterdir()] == ["out"]
    if to is to_tensorboard:
        _, shown, (group,) = in_tensorboard(place.parent)
        assert shown.name == AWFUL
        assert group.hparams["task"].string_value == AWFUL
        assert group.hparams[f"{AWFUL}lr"].number_value == 0.5
    else:
        client, (run,) = in_mlflow(place.parent, monkeypatch)
        assert run.data.tags["task"] == run.data.tags["variant"] == AWFUL
        assert client.get_experiment(run.info.experiment_id).name == AWFUL.replace("'", "’")
        assert json.loads(run.data.tags["configuration"]) == {f"{AWFUL}lr": 0.5}
        assert {1.0, 2.0, 3.0, 4.0} <= set(run.data.metrics.values())


@EITHER
def test_an_export_is_replaced_whole_and_others_stay(
    to: To, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to(made(), tmp_path)
    to(made("another"), tmp_path)
    fewer = made()
    to(replace(fewer, trials=fewer.trials[:1]), tmp_path)
    marks = [json.loads(each.read_text())["study"] for each in tmp_path.rglob(MARK)]
    assert sorted(marks) == ["another", "made up"]
    count = (
        len(in_tensorboard(tmp_path)[2]) if to is to_tensorboard else len(in_mlflow(tmp_path, monkeypatch)[1])
    )
    assert count == len(POINTS) + 1


@pytest.mark.parametrize("end", [KeyboardInterrupt, OSError("disk full")])
def test_an_interrupted_export_changes_nothing(end: Any, tmp_path: pathlib.Path) -> None:
    to_tensorboard(made(), tmp_path / "logs")
    before = sorted(tmp_path.rglob("*"))

    def write(found: Results, half: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
        (half / "made up").mkdir()
        (half / "made up" / "half").write_text("of it")
        raise end

    with pytest.raises(KeyboardInterrupt if end is KeyboardInterrupt else InputError):
        export(made(), tmp_path / "logs", "tensorboard", write)
    assert sorted(tmp_path.rglob("*")) == before


@EITHER
def test_what_somebody_else_keeps_is_left_alone(to: To, tmp_path: pathlib.Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.md").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place, words in (
        (tmp_path / "thesis", "holds something"),
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "x", "cannot write"),
    ):
        with pytest.raises(InputError, match=words):
            to(made(), place)
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["chapter.md", "file", "thesis"]
    to_tensorboard(made(), tmp_path / "logs")
    (tmp_path / "logs" / "mine").mkdir()
    with pytest.raises(InputError, match="no export to mlflow"):
        to_mlflow(made(), tmp_path / "logs")
    with pytest.raises(InputError, match="is not an export of study 'mine'"):
        to_tensorboard(made("mine"), tmp_path / "logs")


@EITHER
def test_imported_results_have_no_clock_and_no_curves(
    to: To, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = from_table(
        pd.DataFrame({"lr": [0.1, 1.0], "loss": [0.5, math.nan]}), metric="loss", initial_loss=1.0
    )
    to(found, tmp_path)
    if to is to_tensorboard:
        rows = [
            {metric.name.tag: metric.value for metric in each.metric_values}
            for each in in_tensorboard(tmp_path)[2]
        ]
    else:
        runs = in_mlflow(tmp_path, monkeypatch)[1]
        rows = [each.data.metrics for each in runs]
        assert {each.info.start_time for each in runs} == {0}
    assert sorted((row["result/loss"], row["result/diverged"]) for row in rows) == [(0.5, 0.0), (1.0, 1.0)]


def test_without_mlflow_it_says_what_to_install(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow.store.tracking.file_store", None)
    with pytest.raises(InputError, match=r"pip install 'optimizer-sensitivity\[export\]'"):
        to_mlflow(made(), tmp_path / "out")
    assert not list(tmp_path.iterdir())


OFFLINE = """
import os, pathlib, socket, sys

def refuse(*arguments, **named):
    os.write(2, b"went online")
    os._exit(3)

socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = socket.getaddrinfo = refuse
from sensitivity import from_table, to_mlflow, to_tensorboard
import pandas as pd

results = from_table(pd.DataFrame({"lr": [0.1, 1.0], "loss": [0.5, 0.1]}), metric="loss")
to_mlflow(results, pathlib.Path(sys.argv[1]) / "mlflow")
to_tensorboard(results, pathlib.Path(sys.argv[1]) / "tensorboard")
"""
OPT_OUTS = ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "CI", "PYTEST_CURRENT_TEST")
"""What MLflow takes for a wish to send nothing; here nobody has said so."""


@pytest.mark.slow
def test_nothing_leaves_the_machine(tmp_path: pathlib.Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in OPT_OUTS}
    ended = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "tensorbord", "--out", "out"], "unknown --to 'tensorbord'; did you mean 'tensorboard'?"),
        (["tinny", "--to", "mlflow", "--out", "out"], "unknown study 'tinny'; did you mean 'tiny'?"),
        (["--to", "mlflow", "--out", "."], "holds something that is no export to mlflow"),
    ],
    ids=["an unknown tool", "an unknown study", "a folder with something else"],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str],
    said: str,
    store: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.run(["export", *arguments, "--store", store.name], monkeypatch) == 2
    assert said in capsys.readouterr().err
    assert [each.name for each in store.parent.iterdir()] == [store.name]


def test_the_command_says_how_to_open_it(
    store: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        command.run(
            ["export", "tiny", "--to", "tensorboard", "--out", "my logs", "--store", store.name, "--json"],
            monkeypatch,
        )
        == 0
    )
    said = json.loads(capsys.readouterr().out)
    assert (said["runs"], said["open"]) == (1, "tensorboard --logdir 'my logs'")
    multiplexer, _, groups = in_tensorboard(store.parent / "my logs")
    assert len(groups) == len(multiplexer.Runs()) == 1  # what has not begun has no run
