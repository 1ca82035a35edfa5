"""File stores of MLflow, written by MLflow, read as what was logged."""

from __future__ import annotations

import json
import pathlib
import shutil

import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.store.tracking.file_store import FileStore
from mlflow.tracking import MlflowClient

from sensitivity import from_table, to_mlflow
from sensitivity.exchange.to_mlflow import ENVIRONMENT
from sensitivity.exchange.tool_folders import tool_of
from sensitivity.text.environment import settings
from tests.sensitivity.command import run
from tests.sensitivity.sweeps import check, check_refused, sweep
from tests.sensitivity.tables import results as made_up
from trainables.names import InputError

WORDS = {"completed": "FINISHED", "diverged": "FINISHED", "failed": "FAILED"}
SECRETS = {"api_key": "hf_0123456789abcdefXYZ", "data_dir": "/home/ada/secret-project/data"}


def mlruns(place: pathlib.Path, experiments: tuple[str, ...] = ("sweep",)) -> pathlib.Path:
    """Log the sweep with MLflow's client, once for each experiment."""
    with settings(ENVIRONMENT):
        client = MlflowClient(place.as_uri())
        for name in experiments:
            experiment = client.create_experiment(name)
            for member in sweep():
                run_id = client.create_run(experiment).info.run_id
                params = {"lr": member.lr, "optimizer": member.optimizer, "model/depth": 3, **SECRETS}
                points = [] if member.loss is None else [(0, 2.0), (1, member.loss)]
                metrics = [Metric("val_loss", value, step, step) for step, value in points]
                client.log_batch(
                    run_id,
                    metrics,
                    [Param(key, str(value)) for key, value in params.items()],
                    [RunTag("seed", str(member.seed))],
                )
                if member.status in WORDS:
                    client.set_terminated(run_id, WORDS[member.status])
    return place


def test_runs_are_what_was_logged(tmp_path: pathlib.Path) -> None:
    place = mlruns(tmp_path / "mlruns")
    assert tool_of(place) == "mlflow"
    results = from_table(place)
    check(results, sweep())
    assert any("MLflow: 16 runs" in note for note in results.notes)
    assert any("seed tags.seed" in note for note in results.notes)
    check(from_table(next(path for path in place.glob("[1-9]*"))), sweep())  # one experiment of it


def test_the_command_needs_no_option_and_keeps_no_secret(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    place = mlruns(tmp_path / "mlruns")
    out = tmp_path / "report"
    assert run(["import", str(place), "--out", str(out), "--json"], monkeypatch) == 0
    said = json.loads(capfd.readouterr().out)
    assert {row["variant"] for row in said["overview"]} == {"adam", "sgd"}
    for path in out.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(value.encode() in content for value in SECRETS.values()), path


def test_several_experiments_are_tasks(tmp_path: pathlib.Path) -> None:
    results = from_table(mlruns(tmp_path / "mlruns", ("digits", "mnist")))
    assert set(results.trials["task"]) == {"digits", "mnist"}
    assert any("Several experiments are tasks: digits and mnist" in note for note in results.notes)


def test_deleted_runs_and_runs_around_others_are_left_out(tmp_path: pathlib.Path) -> None:
    place = mlruns(tmp_path / "mlruns")
    with settings(ENVIRONMENT):
        client = MlflowClient(place.as_uri())
        (experiment,) = [entry for entry in client.search_experiments() if entry.name == "sweep"]
        around = client.create_run(experiment.experiment_id).info.run_id
        for number, member in enumerate(client.search_runs([experiment.experiment_id])):
            if member.info.run_id != around:
                client.set_tag(member.info.run_id, "mlflow.parentRunId", around)
            if number == 5 and member.info.run_id != around:
                client.delete_run(member.info.run_id)
    results = from_table(place)
    assert len(results.trials) == 15
    assert any("1 deleted, 1 around nested runs" in note for note in results.notes)


def test_an_export_comes_back_as_it_was(tmp_path: pathlib.Path) -> None:
    truth = made_up(lambda configuration, seed: configuration["lr"] + seed / 7, seeds=(0, 1))
    to_mlflow(truth, tmp_path / "out")
    results = from_table(tmp_path / "out")
    by = ["variant", "config/lr", "config/mu", "seed"]
    columns = [*by, "task", "status", "value"]
    expected = truth.trials[columns].sort_values(by).reset_index(drop=True)
    assert results.trials[columns].sort_values(by).reset_index(drop=True).equals(expected)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("meta.yaml", "run_id: [", "meta.yaml"),
        ("meta.yaml", "- 1", "holds no entries"),
        ("metrics/val_loss", "1 oops 2\n", "line 1 is not a time, a value and a step"),
    ],
)
def test_a_broken_store_is_one_clear_error(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    file: str,
    content: str,
    words: str,
) -> None:
    place = mlruns(tmp_path / "mlruns")
    next(path for path in sorted(place.glob(f"*/*/{file}"))).write_text(content)
    check_refused(place, words, monkeypatch, capfd)


def test_logged_models_of_mlflow_3_are_no_runs(tmp_path: pathlib.Path) -> None:
    experiment = next(path for path in mlruns(tmp_path / "mlruns").glob("[1-9]*"))
    shutil.copytree(next(experiment.glob("*/meta.yaml")).parent, experiment / "models" / "m-1")
    check(from_table(experiment), sweep())
    check(from_table(experiment.parent), sweep())


def test_a_store_of_deleted_runs_is_an_error(tmp_path: pathlib.Path) -> None:
    place = mlruns(tmp_path / "mlruns")
    for path in place.glob("*/*/meta.yaml"):
        path.write_text(path.read_text().replace("lifecycle_stage: active", "lifecycle_stage: deleted"))
    with pytest.raises(InputError, match="holds no runs of MLflow that are not deleted"):
        from_table(place)
    shutil.rmtree(place)
    assert tool_of(place) is None
    assert FileStore.TAGS_FOLDER_NAME == "tags"
