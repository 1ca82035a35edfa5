"""``sensitivity sweep``: what it refuses before anything is written, its plan, and the end of a small sweep."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

from tests.sensitivity.command import run

STUDY = """
name: toy
space:
  - {name: lr, low: 1e-3, high: 1, scale: log}
metric: loss
design: {kind: grid, points: 2}
default_setting: false
"""
SCRIPT = """
import sensitivity as s
cfg = s.suggested(lr=0.1)
s.report(loss=cfg.lr)
print("the end")
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "t.py").write_text(SCRIPT)
    return tmp_path


COMMAND = ["--", sys.executable, "t.py"]


@pytest.mark.parametrize(
    ("arguments", "study", "message"),
    [
        pytest.param([], STUDY, "a sweep needs a command after --", id="no command"),
        pytest.param(
            [*COMMAND, "{lrr}"], STUDY, "unknown placeholder 'lrr'; did you mean 'lr'?", id="placeholder"
        ),
        pytest.param(
            ["--", "no-such-program"], STUDY, "program 'no-such-program' is not found", id="no program"
        ),
        pytest.param(
            ["--csv", "m.csv", *COMMAND], STUDY, "csv 'm.csv' must be in the trial's folder", id="csv"
        ),
        pytest.param(
            ["--cpus-per-trial", "0", *COMMAND], STUDY, "cpus_per_worker must be above 0", id="no CPU"
        ),
        pytest.param(COMMAND, STUDY + "tasks: [mlp/digits]", "a study has tasks or a trainable", id="tasks"),
        pytest.param(
            COMMAND,
            STUDY + "trainable: a:b",
            "trainable of this study is not a field of its file",
            id="trainable",
        ),
        pytest.param(COMMAND, STUDY.replace("metric: loss", ""), "needs metric", id="no metric"),
        pytest.param(
            COMMAND, STUDY.replace("metric", "metrik"), "did you mean 'metric'?", id="a typing error"
        ),
    ],
)
def test_what_cannot_be_swept_is_refused(
    folder: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    study: str,
    message: str,
) -> None:
    (folder / "study.yaml").write_text(study)
    assert run(["sweep", "study.yaml", *arguments], monkeypatch) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["study.yaml", "t.py"]


def test_a_plan_runs_nothing(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sweep", "study.yaml", "--seeds", "3", "--plan", *COMMAND], monkeypatch) == 0
    assert "6 trials" in capsys.readouterr().out
    assert not (folder / "sensitivity.sqlite").exists()


@pytest.mark.slow
def test_the_output_of_each_trial_is_kept_and_a_second_sweep_runs_nothing(
    cluster: None,
    folder: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = str(pathlib.Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, *sys.path]))
    words = ["sweep", "study.yaml", "--no-report", *COMMAND]
    assert run(words, monkeypatch) == 0
    outputs = sorted(folder.glob("runs/toy/trials/*/output.txt"))
    assert [path.read_text() for path in outputs] == ["the end\n"] * 2
    before = [path.stat().st_mtime_ns for path in outputs]
    assert run(words, monkeypatch) == 0
    assert [path.stat().st_mtime_ns for path in outputs] == before
    (folder / "t.py").write_text(SCRIPT + "raise SystemExit('out of luck')")
    assert run(words, monkeypatch) == 1
    assert ": ProgramFailed: exit code 1: the end out of luck\n" in capsys.readouterr().err
