"""A study whose SQLite file goes away in the middle: it never ends as if all were well, and the next run brings in everything."""

from __future__ import annotations

import io
import os
import pathlib
import shutil
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from rich.console import Console

from sensitivity import cli
from sensitivity.databases import Lost, Unreachable
from sensitivity.journal import left_behind, rescued
from sensitivity.planning import DONE
from sensitivity.progress import Progress
from sensitivity.running import run
from sensitivity.store import Store
from sensitivity.study import Study
from sensitivity.upkeep import problems
from trainables.names import InputError

DESIGNS: dict[str, dict[str, Any]] = {
    "grid": {"kind": "grid", "points": {"lr": 6, "mu": 1, "nu": 1}},
    "adaptive": {"kind": "adaptive", "n": 6, "sampler": "random"},
}
AFTER = 4
"""Epochs that have arrived before the file goes away."""


def study(design: str) -> Study:
    return Study(name="s", tasks=["autoencoder/digits"], variants=["adam"], design=DESIGNS[design], seeds=1, epochs=3, limit=48)


class Accident(Progress):
    """Does something to the file when so many epochs have arrived, and something else when the run has said that it is away."""

    def __init__(self, happen: Callable[[], object], mend: Callable[[], object] = lambda: None) -> None:
        self.said = io.StringIO()
        super().__init__(Console(file=self.said, width=1000))
        self.happen, self.mend, self.noticed = happen, mend, threading.Event()

    def report(self, *arguments: Any) -> None:
        super().report(*arguments)
        if self.epochs == AFTER:
            self.happen()

    def say(self, note: str) -> None:
        super().say(note)
        if note and not self.noticed.is_set():
            self.noticed.set()
            self.mend()


def delete() -> None:
    for path in pathlib.Path().glob("s.sqlite*"):
        path.unlink()


def replace() -> None:
    with closing(Store("other.sqlite")) as other:
        other.add_study("another", "{}", [])
    pathlib.Path("other.sqlite").replace("s.sqlite")


def truncate() -> None:
    os.truncate("s.sqlite", 0)


def whole(store: Store) -> None:
    """Assert that study s has ended, each epoch is there once, and nothing waits."""
    assert problems(store) == []
    assert len(store.statuses("s")) == 6
    assert set(store.statuses("s").values()) <= set(DONE)
    epochs = store.epochs("s")
    assert not epochs.duplicated(["key", "epoch"]).any()
    assert left_behind(store, pathlib.Path.cwd()) == rescued(store, pathlib.Path.cwd()) == []


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("happen", [delete, replace, truncate])
def test_a_file_that_is_lost_ends_the_run_with_an_error_and_the_next_run_brings_in_what_was_reported(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, happen: Callable[[], None], design: str
) -> None:
    monkeypatch.chdir(tmp_path)
    accident = Accident(happen)
    with pytest.raises(Lost, match=r"store unreachable for .*; give the same command again in|brings them in: give") as ended:
        run(study(design), store="s.sqlite", workers=2, progress=accident)
    assert "\n" not in str(ended.value)
    if happen is replace:
        with closing(Store("s.sqlite")) as stranger:
            assert [each["name"] for each in stranger.studies()] == ["another"]
            assert stranger.epochs().empty
    elif happen is delete:
        assert not pathlib.Path("s.sqlite").exists()
    else:
        delete()  # what is left of it
    with closing(Store("s.sqlite")) as fresh:
        saved = bool(rescued(fresh, tmp_path))
        assert bool(left_behind(fresh, tmp_path)) == (design == "grid")  # an adaptive search ends before there is anything to report
    assert saved or happen is truncate
    assert ("brings them in" in str(ended.value)) == (saved or design == "grid")
    again = Progress(Console(file=io.StringIO(), width=1000))
    run(study(design), store="s.sqlite", workers=2, progress=again)
    if saved and design == "grid":  # which had trained everything before it ended
        assert again.before == 6
        assert again.epochs == 0
    with closing(Store("s.sqlite")) as store:
        whole(store)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_a_file_that_was_moved_away_takes_everything_when_it_is_back(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, design: str
) -> None:
    monkeypatch.chdir(tmp_path)
    accident = Accident(lambda: shutil.move("s.sqlite", "t.sqlite"), lambda: threading.Timer(2, shutil.move, ("t.sqlite", "s.sqlite")).start())
    results = run(study(design), store="s.sqlite", workers=2, progress=accident)
    assert len(results.trials) == 6
    assert "the file was moved away" in accident.said.getvalue()
    assert "the store has everything again" in accident.said.getvalue()
    with closing(Store("s.sqlite")) as store:
        whole(store)


@pytest.mark.slow
def test_a_file_that_stays_away_ends_the_run_after_a_while(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sensitivity.delivery.PATIENCE", 1.0)
    with pytest.raises(Unreachable, match="the file was moved away.*the next run in this folder brings them in"):
        run(study("grid"), store="s.sqlite", workers=2, progress=Accident(lambda: shutil.move("s.sqlite", "t.sqlite")))
    shutil.move("t.sqlite", "s.sqlite")
    with closing(Store("s.sqlite")) as store:
        (journal,) = left_behind(store, tmp_path)
        run(study("grid"), store=store, workers=2)
        assert not journal.exists()
        whole(store)


@pytest.mark.slow
def test_a_working_folder_that_is_deleted_with_its_store_stops_the_run(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r"the file was deleted.*; reports cannot be kept in .*No such file.* so the run stops") as ended:
        run(study("grid"), store="s.sqlite", workers=2, progress=Accident(lambda: shutil.rmtree(folder)))
    assert "is kept in the store" not in str(ended.value)


@pytest.mark.slow
def test_the_command_ends_with_2_and_says_what_to_do(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(study("grid").to_yaml())
    original = Progress.report

    def report(self: Progress, *arguments: Any) -> None:
        original(self, *arguments)
        if self.epochs == AFTER:
            delete()

    monkeypatch.setattr(Progress, "report", report)
    monkeypatch.setattr(sys, "argv", ["sensitivity", "run", "s.yaml", "--store", "s.sqlite", "--workers", "2"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("Error: store unreachable for ")
    assert f"give the same command again in {str(tmp_path)!r}" in error
    assert not (tmp_path / "runs").exists()
