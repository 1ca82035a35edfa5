"""The command: what it prints, and what it says to bad input."""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import sqlite3
import subprocess
import sys
import time
from typing import Any

import pytest

from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from tests.contracts import report
from tests.sensitivity.command import SPEC, run

LR = "{name: lr, low: .001, high: .1, scale: log}"


@pytest.fixture
def here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """An empty working directory with a valid study file, a broken one, a store of a newer version and a
    folder nobody may write to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SPEC)
    (tmp_path / "typo.yaml").write_text(SPEC.replace("epochs", "epohcs"))
    (tmp_path / "mnist.yaml").write_text(SPEC.replace("digits", "mnist"))
    Store(tmp_path / "newer.sqlite").close()
    with sqlite3.connect(tmp_path / "newer.sqlite") as connection:
        connection.execute("UPDATE sensitivity_version SET version = 99")
    connection.close()
    for name, change in {
        "twice": ("epochs: 1", "epochs: 1\nepochs: 2"), "seeds": ("seeds: 2", f"seeds: [{10**24}]"),
        "variant": ("adam]", "adm]"), "task": ("digits", "digit"), "empty": ("{lr: 3}", "0"), "unknown": ("{lr: "
"3}", "{lrr: 3}"),
    }.items():  # fmt: skip
        (tmp_path / f"{name}.yaml").write_text(SPEC.replace(*change))
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "data.yaml").write_text(SPEC.replace("autoencoder/digits", "'mlp/arrays:absent.npz'"))
    (tmp_path / "fit.yaml").write_text(SPEC.replace("autoencoder/digits", "autoencoder/cifar10"))
    for name, space in {
        "negative": "{name: lr, low: -1, high: 1}", "one": f"{LR}, {{name: mu, low: .5, high: 1}}",
        "norm": f"{LR}, {{name: p, levels: [.5, 2]}}", "upside": "{name: lr, low: 1, high: .1}", "lacking": "{name: mu, low: .5, high: "
".9}",
    }.items():  # fmt: skip
        (tmp_path / f"{name}.yaml").write_text(
            f"{SPEC.replace('sgd, adam', 'cm')}spaces: {{cm: [{space}]}}\n"
        )
    return tmp_path


TINY = """
name: my tiny
tasks: [logistic/synthetic]
variants: [adam]
space:
  - {name: lr, low: 1e-3, high: 1e-1, scale: log}
  - {name: mu, low: 0.1, high: 0.9, default: 0.5}
  - {require: mu < 0.95}
design: {kind: grid, points: {lr: 2}}
seeds: 1
epochs: 1
"""


BAD = [
    (["run", "variant.yaml"], "unknown variant 'adm'; did you mean 'adam'?"),
    (["run", "task.yaml"], "did you mean 'autoencoder/digits'?"),
    (["run", "--preset", "quikstart"], "unknown preset 'quikstart'; did you mean 'quickstart'?"),
    (["run", "unknown.yaml"], "unknown hyperparameter"),
    (["run", "negative.yaml"], "lr must be above 0 and finite, got -1"),
    (["run", "one.yaml"], "mu must be in [0, 1), got 1"),
    (["run", "norm.yaml"], "p must be at least 1"),
    (["run", "lacking.yaml"], "the space of cm lacks 'lr'"),
    (["run", "twice.yaml"], "'epochs' is given twice"),
    (["run", "seeds.yaml"], "seeds"),
    (["run", "small.yaml", "--address", "ray://127.0.0.1:10001"], "--address auto"),
    (["run", "small.yaml", "--store", "s" * 300], "cannot be"),
    (["run", "empty.yaml"], "points"),
    (["run", "upside.yaml"], "low"),
    (["run", "typo.yaml"], "unknown field of a study 'epohcs'; did you mean 'epochs'?"),
    (["run", "small.yaml", "--store", "no/such/folder/s.sqlite"], "there is no folder"),
    (["run", "small.yaml", "--store", "small.yaml"], "is not a SQLite file"),
    (["run", "small.yaml", "--store", "newer.sqlite"], "has version 99, this program reads up to 6"),
    (["run", "small.yaml", "--store", "nonsense://x"], "cannot be opened"),
    (["run", "small.yaml", "--out", "small.yaml"], "is not a writable folder"),
    (["run", "small.yaml", "--workers", "0"], "workers must be at least 1, got 0"),
    (["run", "small.yaml", "--gpus-per-worker", "-1"], "gpus_per_worker must be"),
    (["run", "small.yaml", "--address", "127.0.0.1:1"], "no Ray cluster at"),
    (["run", "mnist.yaml", "--data-root", "."], "--data-root DIR (with DIR/MNIST/raw), or --download"),
    (["run", "small.yaml", "--no-report", "--out", "there"], "--out 'there' is the folder of a report"),
    (["run"], "give a study file or --preset NAME, got neither"),
    (["run", "small.yaml", "--study", "small"], "--preset NAME or --study NAME, got more than one"),
    (["run", "--study", "small", "--store", "absent.sqlite"], "no store at"),
    (["run", "absent.yaml"], "cannot read the study file"),
    (["report", "small", "--store", "absent.sqlite"], "no store at"),
    (["trials", "--store", "newer.sqlite"], "has version 99"),
    (["spaces", "adm"], "did you mean 'adam'?"),
    (["presets", "yaml", "mnist"], "did you mean 'mnist-quick'?"),
    (["presets", "show", "papers"], "did you mean 'paper'?"),
    (["presets", "yaml", "paper"], "preset 'paper' is several studies"),
    (["run", "small.yaml", "--epochs", "0"], "epochs"),
    (["run", "small.yaml", "--precision", "float8"], "precision"),
    (["run", "small.yaml", "--task-module", "absent.py"], "no task module 'absent.py'"),
    (["run", "small.yaml", "--task-module", "broken.py"], "ZeroDivisionError"),
    (["run", "data.yaml"], "no file 'absent.npz'"),
    (["run", "fit.yaml"], "autoencoder"),
    (["ru"], "No such command"),
    (["run", "--presett", "x"], "No such option"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(each) for each, _ in BAD])
def test_bad_input_is_one_line_exit_code_2_and_nothing_written(
    here: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    before = {each: each.read_bytes() for each in here.rglob("*") if each.is_file()}
    assert run(arguments, monkeypatch) == 2
    said = capfd.readouterr()
    assert message in " ".join(said.err.split())
    assert "Traceback" not in said.err
    if "No such" not in message:  # the usage error of a mistyped command has a frame around it
        assert said.err.startswith("Error: ")
        assert said.err.count("\n") == 1
    after = {each: each.read_bytes() for each in here.rglob("*") if each.is_file()}
    assert {name.name for name in after} - {"sensitivity.sqlite"} == {name.name for name in before}
    assert all(after[name] == content for name, content in before.items())


@pytest.fixture
def filled(here: pathlib.Path) -> pathlib.Path:
    """The small study with made-up losses in the store."""
    study, store = Study.from_yaml(SPEC), Store("sensitivity.sqlite")
    planned = trials(study)
    store.add_study(study.name, study.to_json(), planned)
    for place, each in enumerate(planned):
        ended = "diverged" if each.configuration["lr"] >= 0.1 and each.variant == "adam" else "completed"
        store.record(each.key, initial_loss=1.0, reports=[report(1, ended, 0.2 + 0.01 * place)])
    store.close()
    return here


def test_a_run_without_a_report_measures_and_writes_nothing(
    filled: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", "small.yaml", "--no-report"], monkeypatch) == 0
    assert not capfd.readouterr().out
    assert not [*filled.rglob("report*")]
    assert not (filled / "runs").exists()


def test_a_study_of_the_store_runs_again_by_its_name(
    here: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "tiny.yaml").write_text(TINY)
    words = ["--store", "tiny.sqlite", "--no-report", "--where", "process"]
    assert run(["run", "tiny.yaml", *words], monkeypatch) == 0
    (here / "tiny.yaml").unlink()
    assert run(["run", "--study", "my tiny", "--seeds", "2", *words], monkeypatch) == 0
    store = Store(here / "tiny.sqlite", create=False)
    assert set(store.statuses("my tiny").values()) == {"completed"}
    assert len(store.statuses("my tiny")) == 4
    store.close()
    capfd.readouterr()
    assert run(["run", "--study", "my tni", *words], monkeypatch) == 2
    assert "unknown study 'my tni'; did you mean 'my tiny'?" in capfd.readouterr().err


@pytest.mark.slow
def test_a_report_is_written_from_the_store(
    filled: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["report"], monkeypatch) == 0
    said = capfd.readouterr().out
    assert "report: runs/small/report.html" in said
    assert "Diverged trials, counted at the initial loss: adam 2 of 6." in said
    assert {each.name for each in (filled / "runs" / "small").iterdir()} == {
        "report.html", "report.md", "tables.tex", "measures", "trials.csv", "trials.parquet", "epochs.csv", "epochs.parquet",
    }  # fmt: skip


def read(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    assert run([*arguments, "--json"], monkeypatch) == 0
    return json.loads(capfd.readouterr().out)


@pytest.mark.slow
def test_a_program_can_read_everything(
    filled: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert read(["studies"], monkeypatch, capfd)[0] | {"created": ""} == {
        "name": "small", "created": "", "trials": 12, "pending": 0, "running": 0, "completed": 10, "diverged": 2, "stopped": 0, "failed": 0,
    }  # fmt: skip
    diverged = read(["trials", "small", "--status", "diverged"], monkeypatch, capfd)
    assert [(each["variant"], each["lr"], each["loss"]) for each in diverged] == [("adam", 0.1, 1.0)] * 2
    assert {each["variant"] for each in read(["variants"], monkeypatch, capfd)} >= {
        "sgd",
        "adam",
        "l1_adagrad_mean",
    }
    (adam,) = read(["variants", "adam"], monkeypatch, capfd)
    assert (adam["hyperparameters"], adam["settings"]) == (
        "lr, mu, nu",
        "cautious, epsilon, order, period, sign, slow_mu, slow_weight",
    )
    assert read(["spaces", "sgd"], monkeypatch, capfd)[0]["scale"] == "log"
    assert read(["report"], monkeypatch, capfd)["report"] == "runs/small/report.html"
    assert read(["presets", "yaml", "quickstart"], monkeypatch, capfd)["name"] == "quickstart"
    assert {"name": "mlp/digits", "parameters": 118282}.items() <= read(["tasks"], monkeypatch, capfd)[
        6
    ].items()
    assert len(read(["variants", "--all"], monkeypatch, capfd)) > 768 + 20
    plan = read(["presets", "show", "paper"], monkeypatch, capfd)
    of_tables = [row for row in plan if row["study"].startswith("paper-table-")]
    assert sum(row["cells"] for row in of_tables) == 42 + 6
    assert sum(row["trials"] for row in of_tables) == (42 + 6) * 3 * 3
    assert all(row["hours"] > 0 for row in plan)
    assert read(["run", "small.yaml", "--plan", "--epochs", "7", "--seeds", "5"], monkeypatch, capfd)[0] | {"hours": 0} == {
        "study": "small", "task": "autoencoder/digits", "variant": "sgd", "cells": 1, "configurations": 3, "seeds": 5, "trials": 15,
        "stored": 0, "epochs": 7, "hours": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ["studies"], ["trials"], ["variants"], ["variants", "--all"], ["spaces"], ["spaces", "torch.optim.AdamW"], ["tasks"], ["presets"],
        ["presets", "yaml", "quickstart"], ["presets", "show", "quickstart"], ["run", "small.yaml", "--plan"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_person_can_read_everything(
    filled: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    assert run(arguments, monkeypatch) == 0
    assert capfd.readouterr().out.count("\n") > 1


@pytest.mark.slow
def test_help_answers_in_under_a_second() -> None:
    command = [sys.executable, "-m", "sensitivity.command.main", "--help"]
    fastest = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        fastest = min(fastest, time.perf_counter() - began)
    assert fastest < 1


TASK_MODULE = """
import torch
from trainables import Task, register_task, seeded

def flat(images=None):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))

register_task(Task("mine/digits", "digits", seeded(flat), "cross_entropy", ["accuracy"]))
"""


@pytest.mark.slow
def test_a_task_of_ones_own_comes_with_its_module(
    here: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "mine.py").write_text(TASK_MODULE)
    (here / "mine.yaml").write_text(
        SPEC.replace("autoencoder/digits", "mine/digits").replace("name: small", "name: mine")
    )
    assert run(["run", "mine.yaml"], monkeypatch) == 2
    assert "unknown task 'mine/digits'" in capfd.readouterr().err
    assert run(["run", "mine.yaml", "--task-module", "mine.py", "--limit", "64", "--json"], monkeypatch) == 0
    assert {row["variant"] for row in json.loads(capfd.readouterr().out)["overview"]} == {"sgd", "adam"}
    monkeypatch.setattr("trainables.tasks._REGISTERED", {})
    assert run(["report", "mine"], monkeypatch) == 0  # what has run is read without the module


@pytest.mark.slow
def test_the_version_is_that_of_the_package_by_either_name_of_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    version = f"optimizer-sensitivity {importlib.metadata.version('optimizer-sensitivity')}\n"
    assert run(["--version"], monkeypatch) == 0
    assert capsys.readouterr().out == version
    module = subprocess.run(
        [sys.executable, "-m", "sensitivity", "--version"], capture_output=True, text=True, check=True
    )
    assert module.stdout == version
