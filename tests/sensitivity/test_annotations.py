"""Notes, tags and stars in the store: changed, copied, migrated, renamed and deleted with their study."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import optuna
import pytest

from sensitivity.store.annotations import (
    NOTHING,
    Annotation,
    annotate,
    annotations_revision,
    read_annotations,
)
from sensitivity.store.copying import copy
from sensitivity.store.renaming import rename
from sensitivity.store.run_lock import RunLock
from sensitivity.store.store import Store
from sensitivity.store.tables import ANNOTATIONS
from sensitivity.store.upkeep import delete, problems, vacuum
from tests.contracts import report, trial
from trainables.names import InputError

ONE = trial(0.1)


@pytest.fixture
def store(place: str) -> Store:
    """A store with the studies ``s`` and ``t``, which share their trial."""
    opened = Store(place)
    for name in ("s", "t"):
        opened.add_study(name, f'{{"name": "{name}"}}', [ONE])
    opened.record(ONE.key, initial_loss=1.0, reports=[report(1), report(2, "completed")])
    return opened


def test_parts_are_changed_alone_and_outlast_the_connection(store: Store, place: str) -> None:
    before = annotations_revision(store)
    annotate(store, "s", note="for the paper\r\nand √\n", tags=["paper", " adam ", "paper"])
    first = annotations_revision(store)
    assert annotate(store, "s", star=True) == Annotation("for the paper\nand √", ("paper", "adam"), True)
    annotate(store, "s", ONE.key, note="diverges")
    assert len({before, first, annotations_revision(store)}) == 3
    store.close()
    with_all = Store(place)
    assert read_annotations(with_all) == {
        ("s", ""): Annotation("for the paper\nand √", ("paper", "adam"), True),
        ("s", ONE.key): Annotation("diverges"),
    }
    assert read_annotations(with_all, "t") == {}
    assert annotate(with_all, "s", note="", tags=[], star=False) == NOTHING
    assert problems(with_all) == []
    with_all.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"note": "x" * 10_001}, "note must have at most 10,000 characters, got 10,001"),
        ({"note": "a\0b"}, "note must have no control characters, got"),
        ({"note": "\ud800"}, "note must have no control characters, got"),
        ({"tags": ["a,b"]}, "a tag must have 1 to 50 printed characters and no comma, got 'a,b'"),
        ({"tags": [" "]}, "a tag must have 1 to 50 printed characters and no comma, got ''"),
        ({"tags": ["x" * 51]}, "a tag must have 1 to 50 printed"),
        ({"tags": ["a\nb"]}, "a tag must have 1 to 50 printed"),
        ({"tags": [str(number) for number in range(21)]}, "tags must be at most 20, got 21"),
    ],
)
def test_what_is_too_long_is_refused_and_nothing_is_written(
    tmp_path: pathlib.Path, change: dict[str, object], words: str
) -> None:
    store = Store(tmp_path / "s.sqlite")
    store.add_study("s", "{}", [])
    with pytest.raises(InputError, match=words):
        annotate(store, "s", **change)  # type: ignore[arg-type]
    assert read_annotations(store) == {}
    store.close()


def test_an_unknown_study_is_refused_with_the_nearest_name(store: Store) -> None:
    with pytest.raises(InputError, match="unknown study 'S'; did you mean 's'"):
        annotate(store, "S", star=True)
    assert read_annotations(store) == {}
    store.close()


def test_a_copy_takes_the_annotation_that_was_changed_later(store: Store, tmp_path: pathlib.Path) -> None:
    target = Store(tmp_path / "copy.sqlite")
    annotate(store, "s", note="first")
    copy(store, target)
    assert read_annotations(target) == read_annotations(store)
    annotate(target, "s", note="later, in the copy")
    copy(store, target)
    assert read_annotations(target)["s", ""].note == "later, in the copy"
    copy(target, store)
    assert read_annotations(store)["s", ""].note == "later, in the copy"
    annotate(store, "s", ONE.key, star=True)
    copy(store, target, "s")
    assert read_annotations(target) == read_annotations(store)
    target.close()
    store.close()


def test_they_go_with_their_study(store: Store) -> None:
    for name in ("s", "t"):
        annotate(store, name, ONE.key, note=name)
    delete(store, "s")
    assert read_annotations(store) == {("t", ONE.key): Annotation("t")}
    with store.database.transaction(writing=True) as connection:
        connection.execute(ANNOTATIONS.update().values(study="gone"))
    assert problems(store) == [
        {"problem": "annotations of a study that is not there", "where": "gone", "detail": "1 annotations"}
    ]
    vacuum(store)
    assert problems(store) == []
    store.close()


def test_a_renamed_study_keeps_everything(store: Store) -> None:
    annotate(store, "s", note="kept")
    store.add_run("s", {"workers": 2})
    before = store.epochs("s")
    rename(store, "s", "new")
    assert {row["name"] for row in store.studies()} == {"new", "t"}
    assert store.study("new") == '{"name": "new"}'
    assert store.runs("new") == [{"workers": 2}]
    assert store.epochs("new").equals(before)
    assert read_annotations(store) == {("new", ""): Annotation("kept")}
    assert problems(store) == []
    store.close()


@pytest.mark.parametrize(
    ("study", "name", "words"),
    [
        ("s", "t", "study 't' is there already; choose another name"),
        ("u", "v", "unknown study 'u'"),
    ],
)
def test_a_name_that_is_taken_is_refused(store: Store, study: str, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        rename(store, study, name)
    assert {row["name"] for row in store.studies()} == {"s", "t"}
    store.close()


def test_a_study_that_a_run_trains_keeps_its_name(store: Store) -> None:
    says: Callable[[str], None] = lambda line: None  # noqa: E731
    with RunLock(store, "s", says).locked(), pytest.raises(InputError, match="'s' is run by process"):
        rename(store, "s", "new")
    rename(store, "s", "new")
    store.close()


def test_the_searchers_of_an_adaptive_study_are_renamed_with_it(place: str) -> None:
    store = Store(place)
    spec = '{"name": "s", "tasks": ["mlp/digits"], "variants": ["adam"]}'
    store.add_study("s", spec, [])
    with store.optuna_storage() as storage:
        optuna.create_study(study_name="s/mlp/digits/adam/0123abcd", storage=storage)
        optuna.create_study(study_name="s/other", storage=storage)
    rename(store, "s", "new")
    with store.optuna_storage() as storage:
        names = set(optuna.get_all_study_names(storage))
    assert names == {"new/mlp/digits/adam/0123abcd", "s/other"}
    store.close()
