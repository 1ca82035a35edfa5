"""Files that wait for a store and cannot be read: each is said and set aside, and stops nothing else."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sensitivity.store.journal import Journal, bring_in, journal_path, left_behind, rescue_path, rescued
from sensitivity.store.store import Store
from sensitivity.study.trial import DONE
from tests.contracts import report, trial
from trainables.names import InputError

ONE, TWO = trial(0.1), trial(1.0)


def epoch(number: int, status: str = "running", key: str = ONE.key) -> dict[str, Any]:
    return {**report(number, status), "key": key, "initial_loss": 1.0}


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    store = Store(place)
    store.add_study("s", "{}", [ONE, TWO])
    yield store
    store.close()


LINES = {
    "no JSON": b"garbage\n",
    "zeros, as after a loss of power": b"\0" * 100 + b"\n",
    "a list": b"[]\n",
    "no reports": b'{"at": "2026-01-01T00:00:00+00:00"}\n',
    "a report of no trial": b'{"at": "2026-01-01T00:00:00+00:00", "reports": [{"epoch": 1}]}\n',
    "a million brackets": b"[" * 1_000_000 + b"\n",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_damaged_line_stops_neither_the_other_lines_nor_the_other_journals(
    store: Store, tmp_path: pathlib.Path, line: bytes
) -> None:
    for key in (ONE.key, TWO.key):
        journal = Journal(journal_path(store, tmp_path))
        journal.append([epoch(1, key=key)])
        journal.append([epoch(2, "completed", key=key)])
        journal.close()
    damaged = left_behind(store, tmp_path)[0]
    first, second = damaged.read_bytes().splitlines(keepends=True)
    damaged.write_bytes(first + line + second)
    said: list[str] = []
    bring_in(store, tmp_path, said.append)
    assert list(store.statuses("s").values()) == ["completed"] * 2
    assert len(store.epochs("s")) == 4
    assert not left_behind(store, tmp_path)
    aside = damaged.with_name(f"damaged-{damaged.name}")
    assert aside.exists()
    assert len(said) == 1
    assert f"1 lines of {str(damaged)!r} cannot be read; set aside as {str(aside)!r}" in said[0]
    bring_in(store, tmp_path, said.append)
    assert len(said) == 1


def test_a_trial_whose_epochs_were_in_a_damaged_line_is_trained_again(
    store: Store, tmp_path: pathlib.Path
) -> None:
    path = journal_path(store, tmp_path)
    journal = Journal(path)
    journal.append([epoch(1)])
    journal.append([epoch(2, "completed")])
    journal.close()
    path.write_bytes(b"garbage\n" + path.read_bytes().splitlines(keepends=True)[1])
    bring_in(store, tmp_path)
    assert store.statuses("s")[ONE.key] not in DONE


COPIES: dict[str, Callable[[pathlib.Path], object]] = {
    "empty, as when a run was killed": pathlib.Path.touch,
    "no SQLite file": lambda path: path.write_bytes(b"garbage" * 1000),
    "cut off": lambda path: path.write_bytes(_copy_of_a_store(path)[:-4096]),
}


def _copy_of_a_store(path: pathlib.Path) -> bytes:
    whole = path.with_name("whole.sqlite")
    Store(whole).close()
    return whole.read_bytes()


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
def test_a_damaged_copy_stops_nothing_else(
    store: Store, tmp_path: pathlib.Path, make: Callable[[pathlib.Path], object]
) -> None:
    copy = rescue_path(store, tmp_path)
    make(copy)
    journal = Journal(journal_path(store, tmp_path))
    journal.append([epoch(1)])
    journal.close()
    said: list[str] = []
    assert bring_in(store, tmp_path, said.append) == 1
    assert len(said) == 1
    assert said[0].startswith(f"{str(copy)!r} cannot be read: ")
    assert not rescued(store, tmp_path)
    assert copy.with_name(f"damaged-{copy.name}").exists()


@pytest.mark.parametrize("path", [journal_path, rescue_path])
def test_a_file_that_cannot_be_opened_is_one_line_after_the_others_were_brought_in(
    store: Store, tmp_path: pathlib.Path, path: Callable[[Store, pathlib.Path], pathlib.Path]
) -> None:
    unreadable = path(store, tmp_path)
    unreadable.mkdir()
    journal = Journal(journal_path(store, tmp_path))
    journal.append([epoch(1)])
    journal.close()
    with pytest.raises(InputError, match=r"cannot be brought in: .*: Is a directory"):
        bring_in(store, tmp_path)
    assert len(store.epochs("s")) == 1
    assert unreadable.exists()
