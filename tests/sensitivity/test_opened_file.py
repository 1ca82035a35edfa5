"""A SQLite file that is not the one that was opened any more: what a store that keeps to it says, and what
another one does."""

from __future__ import annotations

import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from sensitivity.store.databases import Lost, Unreachable
from sensitivity.store.store import Store
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

ONE = trial(0.1)
MANY = 100
"""Epochs, which take more than one page of the file."""


def filled(place: pathlib.Path) -> Store:
    store = Store(place)
    store.add_study("s", "{}", [ONE])
    store.record(
        ONE.key, initial_loss=1.0, reports=[report(number, "running") for number in range(1, MANY + 1)]
    )
    return store


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    (tmp_path / "folder").mkdir()
    store = filled(tmp_path / "folder" / "s.sqlite")
    checkpoint(tmp_path / "folder" / "s.sqlite")
    store.database.check()
    yield store
    store.close()


GONE: dict[str, tuple[Callable[[pathlib.Path], None], type[Unreachable], str]] = {
    "deleted": (delete, Lost, "the file was deleted"),
    "deleted, its log left": (pathlib.Path.unlink, Lost, "the file was deleted"),
    "deleted with its folder": (lambda place: shutil.rmtree(place.parent), Lost, "the file was deleted"),
    "deleted and made again": (make_again, Lost, "the file was deleted; another file is at its path"),
    "replaced": (replace, Lost, "the file was deleted; another file is at its path"),
    "moved away": (move, Unreachable, "the file was moved away"),
    "moved away with its folder": (
        lambda place: place.parent.rename(place.parent.with_name("x")),
        Unreachable,
        "the file was moved away",
    ),
    "moved away, a copy at its path": (
        move_beside_another,
        Unreachable,
        "the file was moved away; another file is at its path",
    ),
    "emptied": (empty, Lost, "the file was truncated"),
    "cut in two": (cut, Lost, "the file was truncated"),
}


@pytest.mark.parametrize(("change", "error", "words"), GONE.values(), ids=GONE)
def test_a_run_that_keeps_to_its_file_does_not_use_another(
    store: Store, change: Callable[[pathlib.Path], None], error: type[Unreachable], words: str
) -> None:
    place = pathlib.Path(store.place)
    with store.database.pinned():
        change(place)
        before = place.read_bytes() if place.exists() else None
        for _ in range(2):
            with pytest.raises(error, match=words) as refused:
                store.record(ONE.key, initial_loss=1.0, reports=[report(MANY + 1, "completed")])
            assert type(refused.value) is error
            assert "\n" not in str(refused.value)
            with pytest.raises(error), store.optuna_storage():
                pass
            with pytest.raises(error):
                store.statuses("s")
        assert (place.read_bytes() if place.exists() else None) == before


@pytest.mark.parametrize(
    "name", ["deleted", "deleted, its log left", "deleted and made again", "replaced", "cut in two"]
)
def test_what_a_deleted_file_held_is_rescued_whole_or_not_at_all(
    store: Store, name: str, tmp_path: pathlib.Path
) -> None:
    change, error, _ = GONE[name]
    target = tmp_path / "rescued.sqlite"
    with store.database.pinned():
        assert not store.database.rescue(target)
        change(pathlib.Path(store.place))
        with pytest.raises(error):
            store.database.check()
        copied = store.database.rescue(target)
    assert copied == target.exists()
    assert copied or name == "cut in two"
    if copied:
        with closing(Store(target, create=False)) as rescued:
            assert len(rescued.epochs("s")) == MANY
    assert not store.database.rescue(tmp_path / "second.sqlite")
    assert not (tmp_path / "second.sqlite").exists()


@pytest.mark.parametrize("move_first", [False, True], ids=["deleted", "moved away"])
def test_the_log_of_the_opened_file_is_not_taken_for_that_of_another(
    store: Store, move_first: bool, tmp_path: pathlib.Path
) -> None:
    place = pathlib.Path(store.place)
    with closing(Store(place.with_name("other.sqlite"))) as other:
        other.add_study("another", "{}", [])
    with store.database.pinned():
        store.record(ONE.key, initial_loss=1.0, reports=[report(MANY + 1, "running")])
        if move_first:
            move(place)
        place.with_name("other.sqlite").replace(place)
        with pytest.raises(Unreachable):
            store.keep([])
        assert store.database.rescue(tmp_path / "rescued.sqlite") != move_first
        with closing(Store(place)) as stranger:
            assert [study["name"] for study in stranger.studies()] == ["another"]
    moved = place.with_name("elsewhere.sqlite") if move_first else tmp_path / "rescued.sqlite"
    with closing(Store(moved)) as saved:
        assert len(saved.epochs("s")) == MANY + 1


@pytest.mark.parametrize(
    "name", ["moved away", "moved away with its folder", "moved away, a copy at its path"]
)
def test_a_file_that_comes_back_is_used_again(store: Store, name: str) -> None:
    place = pathlib.Path(store.place)
    with store.database.pinned():
        GONE[name][0](place)
        with pytest.raises(Unreachable):
            store.keep([])
        place.parent.with_name("x").rename(place.parent) if "folder" in name else place.with_name(
            "elsewhere.sqlite"
        ).replace(place)
        store.record(ONE.key, initial_loss=1.0, reports=[report(MANY + 1, "completed")])
    store.close()
    with closing(Store(place)) as again:
        assert again.statuses("s") == {ONE.key: "completed"}
        assert len(again.epochs("s")) == MANY + 1


def test_a_deleted_log_costs_no_report(store: Store) -> None:
    place = pathlib.Path(store.place)
    with store.database.pinned():
        for number in range(1, 4):
            for suffix in ("-wal", "-shm"):
                place.with_name(place.name + suffix).unlink()
            store.record(ONE.key, initial_loss=1.0, reports=[report(MANY + number, "running")])
    with closing(Store(place)) as reader:
        assert len(reader.epochs("s")) == MANY + 3
        assert reader.database.path == place
    store.close()
    assert sqlite3.connect(place).execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.skipif(
    os.geteuid() != 0 or not sys.platform.startswith("linux"), reason="only root may mount a file system"
)
def test_another_file_system_over_the_folder_is_an_outage_until_it_is_taken_away(store: Store) -> None:
    folder = pathlib.Path(store.place).parent
    with store.database.pinned():
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
        try:
            with pytest.raises(Unreachable, match="moved away"):
                store.keep([])
            assert not list(folder.iterdir())
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        store.record(ONE.key, initial_loss=1.0, reports=[report(MANY + 1, "completed")])


def test_a_file_without_permission_is_an_outage(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.database.pinned(), monkeypatch.context() as forbidden:
        pathlib.Path(store.place).chmod(0)
        forbidden.setattr(os, "access", lambda path, mode: False)  # root may use any file
        with pytest.raises(Unreachable, match="no permission to use the file"):
            store.keep([])
    store.keep([])


def test_vacuum_by_another_process_makes_the_file_shorter_and_is_no_outage(store: Store) -> None:
    place = pathlib.Path(store.place)
    before = place.stat().st_size
    with store.database.pinned():
        code = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('DELETE FROM sensitivity_epochs'); c.commit(); \
c.execute('VACUUM'); c.execute('PRAGMA wal_checkpoint(TRUNCATE)')"
        )
        subprocess.run([sys.executable, "-c", code, str(place)], check=True)
        assert place.stat().st_size < before
        store.record(ONE.key, initial_loss=1.0, reports=[report(1, "running")])
        assert len(store.epochs("s")) == 1


def test_a_reader_takes_the_file_that_replaces_another(store: Store) -> None:
    place = pathlib.Path(store.place)
    delete(place)
    with pytest.raises(Unreachable, match="the file was deleted"):
        store.studies()
    assert not place.exists()
    with closing(Store(place)) as other:
        other.add_study("another", "{}", [])
    assert [study["name"] for study in store.studies()] == ["another"]


def test_the_comparison_costs_nearly_nothing(store: Store) -> None:
    with store.database.pinned():
        began = time.perf_counter()
        for _ in range(1000):
            store.database.check(writing=True)
        assert (
            time.perf_counter() - began < 0.5
        )  # about 5 ms here; a transaction takes about half a millisecond
