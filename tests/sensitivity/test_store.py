"""The store: the contract on SQLite and on PostgreSQL, and places that are not a store."""

from __future__ import annotations

import os
import pathlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest
import sqlalchemy as sql

from sensitivity.store.annotations import annotate
from sensitivity.store.bulk import FEWEST, may_copy
from sensitivity.store.store import Store
from sensitivity.store.tables import TABLES
from sensitivity.store.upkeep import delete
from tests.contracts import StoreContract, report, trial
from tests.postgres import Server
from tests.sensitivity.test_run_lock import hold
from trainables.names import InputError


class TestStore(StoreContract):
    @pytest.fixture
    def open_store(self, place: str) -> Callable[[], Store]:
        return lambda: Store(place)


def not_a_database(folder: pathlib.Path) -> pathlib.Path:
    (folder / "notes.txt").write_text("these are my notes, and they stay as they are")
    return folder / "notes.txt"


def pipe(folder: pathlib.Path) -> pathlib.Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def newer(folder: pathlib.Path) -> pathlib.Path:
    place = folder / "newer.sqlite"
    Store(place).close()
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE sensitivity_version SET version = 99")
    connection.close()
    return place


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(not_a_database, "is not a SQLite file", id="another file"),
        pytest.param(newer, "has version 99, this program reads up to 6", id="newer version"),
        pytest.param(lambda folder: folder, "is a folder", id="a folder"),
        pytest.param(pipe, "is a device, a pipe or a socket", id="a pipe, which nobody writes to"),
        pytest.param(
            lambda folder: folder / "missing" / "s.sqlite", "there is no folder", id="no such folder"
        ),
    ],
)
def test_a_place_that_is_no_store_is_refused_and_left_alone(
    tmp_path: pathlib.Path, make: Callable[[pathlib.Path], pathlib.Path], message: str
) -> None:
    place = make(tmp_path)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir() if each.is_file()}
    with pytest.raises(InputError, match=message):
        Store(place)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir() if each.is_file()} == before


def test_a_store_that_is_only_read_is_not_made(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="no store at"):
        Store(tmp_path / "absent.sqlite", create=False)
    assert not list(tmp_path.iterdir())


def test_an_unknown_study_names_the_nearest(place: str) -> None:
    store = Store(place)
    store.add_study("quickstart", "{}", [])
    with pytest.raises(InputError, match="did you mean 'quickstart'"):
        store.study("quikstart")
    store.close()


def test_readers_see_a_study_while_it_is_written(place: str) -> None:
    writer, reader = Store(place), Store(place)
    one = trial()
    writer.add_study("s", "{}", [one])
    for epoch in (1, 2):
        writer.record(one.key, initial_loss=1.0, reports=[report(epoch)])
        assert len(reader.epochs("s")) == epoch
    writer.close()
    reader.close()


def test_a_deleted_study_leaves_no_row(place: str) -> None:
    """Neither of its runs, nor the lock of a run that was killed."""
    store, one = Store(place), trial()
    empty = rows(store)
    store.add_study("s", "{}", [one])
    store.record(one.key, initial_loss=1.0, reports=[report(1)])
    store.add_run("s", {"workers": 1})
    hold(store)
    annotate(store, "s", star=True)
    filled = rows(store)
    assert [name for name in filled if filled[name] == empty[name]] == ["sensitivity_version"]
    delete(store, "s")
    assert rows(store) == empty
    store.close()


def rows(store: Store) -> dict[str, int]:
    """The number of rows of every table."""
    return {table.name: len(store.frame(sql.select(table))) for table in TABLES.sorted_tables}


def test_many_rows_at_once_are_neither_lost_nor_doubled(place: str) -> None:
    trials = [trial(0.1 * (1 + seed), seed) for seed in range(3 * FEWEST)]
    reports = [
        {**report(epoch, measured=epoch / 3), "key": one.key, "initial_loss": 1.0}
        for one in trials[:9]
        for epoch in range(1, FEWEST)
    ]
    with closing(Store(place)) as store:
        store.add_study("study", "{}", trials[:FEWEST])
        store.add_study("study", "{}", trials)
        assert list(store.statuses("study")) == [one.key for one in trials]
        store.keep(reports[:-FEWEST])
        store.keep(reports)
        store.keep(reports)
        epochs = store.epochs()
    assert len(epochs) == len(reports)
    assert (epochs["measured"] == epochs["epoch"] / 3).all()
    assert epochs["nu"].isna().all()


def test_many_rows_of_which_one_is_refused_leave_none(place: str) -> None:
    trials = [trial(0.1 * (1 + seed), seed) for seed in range(2 * FEWEST)]
    trials[-1] = replace(trials[-1], variant=None)  # type: ignore[arg-type]
    with closing(Store(place)) as store:
        with pytest.raises(InputError, match=r"(?i)null"):
            store.add_study("study", "{}", trials)
        assert store.studies() == []


def test_rows_are_inserted_where_the_user_may_not_make_a_table(postgres: Server) -> None:
    name = "guarded"
    url = postgres.database(name)
    with closing(Store(url)) as store, store.database.transaction() as connection:
        assert may_copy(connection)
        connection.exec_driver_sql(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        connection.exec_driver_sql("CREATE ROLE guest")
        connection.exec_driver_sql("SET LOCAL ROLE guest")
        assert not may_copy(connection)
