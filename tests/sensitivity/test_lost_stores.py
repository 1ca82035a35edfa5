"""A study whose SQLite file goes away in the middle: it never ends as if all were well, and the next run
brings in everything."""

from __future__ import annotations

import io
import os
import pathlib
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from rich.console import Console

from sensitivity.command import main as cli
from sensitivity.running.progress import Progress
from sensitivity.running.run import run
from sensitivity.store.databases import Lost, Unreachable
from sensitivity.store.delivery import Delivery
from sensitivity.store.journal import bring_in, left_behind, rescued
from sensitivity.store.store import Store
from sensitivity.store.upkeep import problems
from sensitivity.study.study import Study
from sensitivity.study.trial import DONE
from tests.contracts import report, trial
from tests.sensitivity.lost_files import (
    checkpoint,
    cut,
    delete,
    empty,
    make_again,
    move,
    move_beside_another,
    replace,
)
from trainables.names import InputError

ONE, TWO = trial(0.1), trial(1.0)
PLANNED: dict[str, Any] = {"kind": "random", "n": 6}
ADAPTIVE: dict[str, Any] = {"kind": "adaptive", "n": 6, "sampler": "random"}
AFTER = 4
"""Epochs that have arrived before the file goes away."""


def remove_folder(place: pathlib.Path) -> None:
    shutil.rmtree(place.parent)


def move_folder(place: pathlib.Path) -> None:
    place.parent.rename(place.parent.with_name("elsewhere"))


def move_folder_back(place: pathlib.Path) -> None:
    place.parent.with_name("elsewhere").rename(place.parent)


def move_back(place: pathlib.Path) -> None:
    place.with_name("elsewhere.sqlite").replace(place)


def forbid(place: pathlib.Path) -> None:
    place.chmod(0)


def allow(place: pathlib.Path) -> None:
    place.chmod(0o600)


ACCIDENTS: dict[
    str, tuple[Callable[[pathlib.Path], None], Callable[[pathlib.Path], None], type[Unreachable], str]
] = {
    "deleted": (delete, delete, Lost, "the file was deleted"),
    "deleted with its folder": (
        remove_folder,
        lambda place: place.parent.mkdir(),
        Lost,
        "the file was deleted",
    ),
    "deleted and made again": (
        make_again,
        lambda place: None,
        Lost,
        "the file was deleted; another file is at its path",
    ),
    "replaced": (replace, lambda place: None, Lost, "the file was deleted; another file is at its path"),
    "emptied": (empty, delete, Lost, "the file was truncated"),
    "cut in two": (cut, delete, Lost, "the file was truncated"),
    "moved away": (move, move_back, Unreachable, "the file was moved away"),
    "moved away, a copy at its path": (
        move_beside_another,
        move_back,
        Unreachable,
        "another file is at its path",
    ),
    "moved away with its folder": (move_folder, move_folder_back, Unreachable, "the file was moved away"),
    "forbidden": (forbid, allow, Unreachable, "there is no permission to use the file"),
}
"""The accident, what is done before the next run, the error and its reason."""


def epoch(key: str, number: int, status: str) -> dict[str, Any]:
    return {**report(number, status), "key": key, "initial_loss": 1.0}


@pytest.mark.parametrize(("happen", "mend", "error", "reason"), ACCIDENTS.values(), ids=ACCIDENTS)
def test_reports_wait_in_the_journal_whose_path_is_said_and_the_next_run_brings_them_in(
    happen: Callable[[pathlib.Path], None],
    mend: Callable[[pathlib.Path], None],
    error: type[Unreachable],
    reason: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tmp_path / "folder" / "s.sqlite"
    place.parent.mkdir()
    monkeypatch.setattr("sensitivity.store.delivery.PATIENCE", 0.0)
    monkeypatch.setattr("sensitivity.store.delivery.FIRST_PAUSE", 0.0)
    said: list[str] = []
    with closing(Store(place)) as store:
        store.add_study("s", "{}", [ONE, TWO])
        with closing(Delivery(store, tmp_path, said.append)) as delivery:
            delivery.keep([epoch(key, 1, "running") for key in (ONE.key, TWO.key)])
            checkpoint(place)
            store.database.check()
            with monkeypatch.context() as forbidden:
                happen(place)
                if happen is forbid:
                    forbidden.setattr(os, "access", lambda path, mode: False)  # root may use any file
                delivery.keep([epoch(ONE.key, 2, "completed")])
                delivery.keep([epoch(TWO.key, 2, "completed")])
                with pytest.raises(error, match=reason) as ended:
                    delivery.finish()
    assert type(ended.value) is error
    (journal,) = tmp_path.glob("sensitivity-waiting-*.jsonl")
    assert f"2 reports kept in {journal}" in said[-1]
    assert f"2 reports kept in {journal} (" in str(ended.value)
    assert str(ended.value).endswith(
        f"; the next run in this folder brings them in: give the same command again in {str(tmp_path)!r}"
    )
    assert "\n" not in str(ended.value)
    mend(place)
    with closing(Store(place)) as store:
        assert bring_in(store, tmp_path) == 2
        assert not list(tmp_path.glob("sensitivity-waiting-*"))
        store.add_study("s", "{}", [ONE, TWO])
        assert problems(store) == [] or "truncated" in reason
        if (
            "truncated" in reason
        ):  # what the file held is gone: no trial counts as trained whose first epoch is not there
            assert not set(store.statuses("s").values()) & set(DONE)
        else:
            assert list(store.statuses("s").values()) == ["completed"] * 2
            assert sorted(zip(store.epochs("s")["key"], store.epochs("s")["epoch"], strict=True)) == sorted(
                (key, number) for key in (ONE.key, TWO.key) for number in (1, 2)
            )


def test_a_file_that_goes_away_after_the_last_report_is_noticed(tmp_path: pathlib.Path) -> None:
    with closing(Store(tmp_path / "s.sqlite")) as store:
        store.add_study("s", "{}", [ONE])
        with closing(Delivery(store, tmp_path)) as delivery:
            delivery.keep([epoch(ONE.key, 1, "completed")])
            delete(tmp_path / "s.sqlite")
            with pytest.raises(Lost, match=r"what it held is in .*\.sqlite.*brings them in"):
                delivery.finish()
    with closing(Store(tmp_path / "s.sqlite")) as store:
        bring_in(store, tmp_path)
        assert store.statuses("s") == {ONE.key: "completed"}


@pytest.mark.parametrize("last", [1, 2], ids=["whole trials", "the last epochs"])
@pytest.mark.parametrize("kind", ["TRUNCATE", "PASSIVE"])
def test_an_earlier_copy_that_is_written_over_the_file_is_noticed_and_its_trials_are_trained_again(
    tmp_path: pathlib.Path, last: int, kind: str
) -> None:
    """SQLite itself does not notice: it reads what it has in memory."""
    place, earlier = tmp_path / "s.sqlite", tmp_path / "earlier.sqlite"
    with closing(Store(place)) as store:
        store.add_study("s", "{}", [ONE, TWO])
        with closing(Delivery(store, tmp_path)) as delivery:
            for number in range(1, 4):
                if number == last:
                    checkpoint(place)
                    shutil.copy(place, earlier)
                status = "completed" if number == 3 else "running"
                delivery.keep([epoch(key, number, status) for key in (ONE.key, TWO.key)])
            checkpoint(place, kind)
            place.write_bytes(earlier.read_bytes())
            with pytest.raises(InputError, match=r"lacks reports of 2 trials .* give the same command again"):
                delivery.finish()
    with closing(Store(place)) as store:
        assert list(store.statuses("s").values()) == ["running"] * 2
        with closing(Delivery(store, tmp_path)) as delivery:
            for number in range(1, 4):
                status = "completed" if number == 3 else "running"
                delivery.keep([epoch(key, number, status) for key in (ONE.key, TWO.key)])
            delivery.finish()
        assert problems(store) == []


class Accident(Progress):
    """Does something to the file when so many epochs have arrived, and something else when the run has said
    that it is away."""

    def __init__(self, happen: Callable[[], object], mend: Callable[[], object] = lambda: None) -> None:
        self.said = io.StringIO()
        super().__init__(Console(file=self.said, width=1000))
        self.happen, self.mend, self.noticed = happen, mend, False

    def report(self, *arguments: Any) -> None:
        super().report(*arguments)
        if self.epochs == AFTER:
            self.happen()

    def say(self, note: str) -> None:
        super().say(note)
        if note and not self.noticed:
            self.noticed = True
            self.mend()


def study(design: dict[str, Any]) -> Study:
    return Study(name="s", tasks=["function/ishigami"], design=design, epochs=3)


def whole(store: Store) -> None:
    """Assert that study s has ended, each epoch is there once, and nothing waits."""
    assert problems(store) == []
    assert list(store.statuses("s").values()) == ["completed"] * 6
    assert not store.epochs("s").duplicated(["key", "epoch"]).any()
    assert len(store.epochs("s")) == 18
    assert left_behind(store, pathlib.Path.cwd()) == rescued(store, pathlib.Path.cwd()) == []


FILE = pathlib.Path("s.sqlite")


@pytest.mark.slow
@pytest.mark.parametrize("happen", [delete, replace])
def test_an_adaptive_search_ends_with_an_error_where_its_storage_is_lost_and_the_next_run_goes_on(
    cluster: None,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    happen: Callable[[pathlib.Path], None],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        Lost, match="the next run in this folder brings them in: give the same command again in"
    ):
        run(study(ADAPTIVE), store=FILE, workers=1, progress=Accident(lambda: happen(FILE)))
    assert FILE.exists() == (happen is replace)
    if happen is replace:
        with closing(Store(FILE)) as other:
            assert [row["name"] for row in other.studies()] == ["another"]
            assert other.epochs().empty
    run(study(ADAPTIVE), store=FILE, workers=1)
    with closing(Store(FILE)) as store:
        whole(store)


@pytest.mark.slow
def test_a_file_that_was_moved_away_takes_everything_when_it_is_back(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    accident = Accident(lambda: move(FILE), lambda: move_back(FILE))
    assert len(run(study(ADAPTIVE), store=FILE, workers=1, progress=accident).trials) == 6
    assert "the file was moved away" in accident.said.getvalue()
    assert "the store has everything again" in accident.said.getvalue()
    with closing(Store(FILE)) as store:
        whole(store)


@pytest.mark.slow
def test_a_working_folder_that_is_deleted_with_its_store_stops_the_run(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(
        InputError,
        match=r"the file was deleted.*; reports cannot be kept in .*No such file.* so the run stops",
    ) as ended:
        run(study(PLANNED), store=FILE, workers=1, progress=Accident(lambda: shutil.rmtree(folder)))
    assert "is kept in the store" not in str(ended.value)


@pytest.mark.slow
def test_the_command_ends_with_2_and_the_same_command_brings_in_what_was_reported(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("s.yaml").write_text(study(PLANNED).to_yaml())
    original = Progress.report

    def accident(self: Progress, *arguments: Any) -> None:
        original(self, *arguments)
        if self.epochs == AFTER:
            delete(FILE)

    monkeypatch.setattr(sys, "argv", ["sensitivity", "run", "s.yaml", "--store", str(FILE), "--workers", "1"])
    with monkeypatch.context() as during:
        during.setattr(Progress, "report", accident)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    (journal,) = tmp_path.glob("sensitivity-waiting-*.jsonl")
    assert error.startswith("Error: store unreachable for ")
    assert f" reports kept in {journal} (" in error
    assert f"give the same command again in {str(tmp_path)!r}" in error
    assert not (tmp_path / "runs").exists()
    monkeypatch.setattr(
        "sensitivity.running.through_ray.tune.Tuner", None
    )  # everything was trained: nothing is left for Tune
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    with closing(Store(FILE)) as store:
        whole(store)
