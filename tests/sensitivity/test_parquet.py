"""A store as a folder of Parquet files: the same there and back, small, without names of machines, and refused where it is
no such folder."""

from __future__ import annotations

import pathlib
import shutil
from contextlib import closing

import pandas as pd
import pyarrow.parquet
import pytest

from sensitivity.results.demo import FOLDER, STUDY, copy_demo
from sensitivity.results.loading import load
from sensitivity.store.annotations import annotate, read_annotations
from sensitivity.store.copying import copy
from sensitivity.store.parquet import FILED, MARK, folder_store, is_folder, write_folder
from sensitivity.store.store import Store
from sensitivity.store.tables import STUDIES, VERSION
from sensitivity.store.upkeep import problems
from tests.sensitivity.command import run
from trainables.names import InputError


@pytest.fixture
def stored(tmp_path: pathlib.Path) -> pathlib.Path:
    place = tmp_path / "s.sqlite"
    copy_demo(place)
    with closing(Store(place)) as store, store.database.transaction(writing=True) as writing:
        writing.exec_driver_sql(
            "UPDATE sensitivity_runs SET environment = replace(environment, 'localhost', 'secret-host')"
        )
    return place


def files(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_there_and_back_is_the_same(
    stored: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    there, back = f"{tmp_path / 'there'}/", tmp_path / "back.sqlite"
    with closing(Store(stored)) as store:
        annotate(store, STUDY, note="of a friend", tags=["one"])
    assert run(["store", "copy", str(stored), there], monkeypatch) == 0
    first = files(pathlib.Path(there))
    assert set(first) == {f"{table.name}.parquet" for table in FILED}
    assert sum(map(len, first.values())) < 500_000
    assert not any(
        b"secret-host" in pyarrow.parquet.read_table(pathlib.Path(there) / name).to_pandas().to_csv().encode()
        for name in first
    )
    assert (
        run(["store", "copy", str(stored), there.rstrip("/")], monkeypatch) == 0
    )  # known to be a folder by now
    assert files(pathlib.Path(there)) == first
    assert run(["store", "copy", there, str(back)], monkeypatch) == 0
    capfd.readouterr()
    one, other = load(stored, STUDY), load(back, STUDY)
    pd.testing.assert_frame_equal(one.all_trials, other.all_trials)
    pd.testing.assert_frame_equal(one.epochs, other.epochs)
    with closing(Store(back)) as store:
        assert read_annotations(store, STUDY)[STUDY, ""].note == "of a friend"
        assert not problems(store)


def test_new_rows_are_added(stored: pathlib.Path, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "there"
    with closing(Store(stored)) as store:
        write_folder(store, folder)
        with store.database.transaction(writing=True) as writing:
            writing.exec_driver_sql("UPDATE sensitivity_studies SET name = 'other'")
            writing.exec_driver_sql("UPDATE sensitivity_study_trials SET study = 'other'")
        with folder_store(folder, write=True) as target:
            copy(store, target)
    with folder_store(folder) as read:
        assert {row["name"] for row in read.studies()} == {STUDY, "other"}


def test_a_copy_that_fails_leaves_the_folder(stored: pathlib.Path, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "there"
    with closing(Store(stored)) as store:
        write_folder(store, folder)
    before = files(folder)
    with (
        pytest.raises(InputError, match="unknown study"),
        closing(Store(stored)) as store,
        folder_store(folder, write=True) as target,
    ):
        copy(store, target, "absent")
    assert files(folder) == before


def test_a_folder_is_known_by_its_slash_or_its_files(tmp_path: pathlib.Path) -> None:
    assert is_folder(FOLDER)
    assert is_folder(f"{tmp_path}/")
    assert not is_folder(tmp_path)
    assert not is_folder("x" * 5000)


def test_what_is_no_such_folder_is_refused(
    stored: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def refused(source: object, target: object) -> str:
        assert run(["store", "copy", str(source), str(target)], monkeypatch) == 2
        return capfd.readouterr().err

    empty = tmp_path / "empty"
    empty.mkdir()
    assert "is no store: it has no sensitivity_studies.parquet" in refused(f"{empty}/", tmp_path / "t.sqlite")
    assert "is a folder; give a file" in refused(stored, empty)
    assert not list(empty.iterdir())
    assert "cannot be written" in refused(stored, f"{stored}/in/")
    for name, content, words in (
        ("damaged", b"PAR1 no more", "cannot be read"),
        ("newer", VERSION + 1, f"has version {VERSION + 1}, this program reads up to {VERSION}"),
        ("another", None, "it has no column 'spec'"),
    ):
        folder = tmp_path / name
        shutil.copytree(FOLDER, folder)
        path = folder / f"{STUDIES.name}.parquet"
        table = pyarrow.parquet.read_table(path)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is None:
            pyarrow.parquet.write_table(table.drop_columns(["spec"]), path)
        else:
            pyarrow.parquet.write_table(table.replace_schema_metadata({MARK: str(content)}), path)
        assert words in refused(folder, tmp_path / f"{name}.sqlite")
