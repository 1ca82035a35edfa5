"""Tables of a study in batches: the table that the store reads at once, in memory that does not depend on its
length."""

from __future__ import annotations

import pathlib
import tracemalloc
from collections.abc import Iterator

import pandas as pd
import pytest

from sensitivity.store.batches import ROWS, curve_batches, epoch_batches, trial_batches
from sensitivity.store.store import Store
from sensitivity.study.planning import trials as planned
from tests.benchmarks.made_store import fill_in_database, made_study
from tests.sensitivity.dashboard.stored import finish, plan


@pytest.fixture(params=[False, True], ids=["no trial failed", "the last trial failed"])
def store(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """The study ``watched`` with 48 trials, of which some diverged and some measured more than others, and
    perhaps ten trials more."""
    made, trials = plan(tmp_path / "s.sqlite")
    finish(made, trials)
    made.keep(
        [
            {
                "key": trials[7].key,
                "epoch": 90,
                "initial_loss": 1.0,
                "status": "running",
                "train_loss": 0.5,
                "late": 2.0,
                "accuracy": 0.25,
            }
        ]
    )
    if request.param:
        made.add_study("watched", made.study("watched"), planned(made_study(10, name="watched")))
        made.fail(made.trials("watched")["key"].iloc[-1], "out of memory")
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 7, 10**6])
def test_batches_together_are_the_table_of_the_store(store: Store, rows: int) -> None:
    epochs = list(epoch_batches(store, "watched", rows=rows))
    expected = store.epochs("watched")
    assert expected["late"].count() == 1
    pd.testing.assert_frame_equal(pd.concat(epochs, ignore_index=True), expected)
    assert all(list(batch.columns) == list(expected.columns) and len(batch) < 2 * rows for batch in epochs)
    trials = pd.concat(list(trial_batches(store, "watched", rows=rows)), ignore_index=True)
    pd.testing.assert_frame_equal(
        trials.drop(columns="configuration"), store.trials("watched").drop(columns="configuration")
    )
    key = trials["key"][7]
    curve = pd.concat(list(curve_batches(store, key, rows=rows)), ignore_index=True)
    assert curve["epoch"].tolist() == expected.loc[expected["key"] == key, "epoch"].tolist()


def test_a_study_without_reports_has_one_batch_without_rows(tmp_path: pathlib.Path) -> None:
    store, trials = plan(tmp_path / "s.sqlite")
    (epochs,) = epoch_batches(store, "watched")
    assert epochs.empty
    assert list(epochs.columns)[:3] == ["key", "epoch", "train_loss"]
    assert [batch.empty for batch in trial_batches(store, "unknown")] == [True]
    assert [batch.empty for batch in curve_batches(store, trials[0].key)] == [True]
    store.close()


def test_a_check_that_raises_ends_the_reading(store: Store) -> None:
    def check() -> None:
        raise InterruptedError

    for batches in (epoch_batches, trial_batches):
        with pytest.raises(InterruptedError):
            next(batches(store, "watched", check=check))


def _peak(folder: pathlib.Path, trials: int) -> float:
    """Bytes that Python's memory grows by while all epochs of so many trials are read."""
    folder.mkdir()
    study = made_study(trials, epochs=20)
    fill_in_database(folder / "s.sqlite", study, planned(study))
    store = Store(folder / "s.sqlite")
    list(epoch_batches(store, "made", rows=100_000))  # what is made once is there
    tracemalloc.start()
    try:
        assert sum(len(batch) for batch in epoch_batches(store, "made", rows=500)) == 20 * trials
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        store.close()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_epochs(tmp_path: pathlib.Path) -> None:
    """Ten times the epochs: what grows is the list of the trials' keys."""
    few, many = _peak(tmp_path / "few", 100), _peak(tmp_path / "many", 1_000)
    assert many < 1.5 * few
    assert ROWS == 10_000
