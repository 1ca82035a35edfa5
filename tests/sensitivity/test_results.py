"""Results: from a store to tidy tables, with divergence as data."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Iterator

import pandas as pd
import pytest

from sensitivity.planning import trials
from sensitivity.results import Results
from sensitivity.store import Store
from sensitivity.study import Study
from tests.contracts import report
from trainables.names import InputError

STUDY = Study(
    name="s",
    tasks=["autoencoder/digits"],
    variants=["sgd", "adam"],
    design={"kind": "grid", "points": {"lr": 2, "mu": 1, "nu": 1}},
    seeds=1,
    epochs=2,
)


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    opened = Store(tmp_path / "s.sqlite")
    planned = trials(STUDY)
    opened.add_study("s", STUDY.to_json(), planned)
    one, two, three, _ = [each.key for each in planned]
    opened.record(one, initial_loss=0.4, reports=[report(1), report(2, "completed", 0.3)])
    opened.record(two, initial_loss=0.4, reports=[report(1, "diverged", math.nan)])
    opened.record(three, initial_loss=0.4, reports=[report(1), report(2, "completed", 0.9)])
    yield opened
    opened.close()


def test_losses_are_capped_at_the_initial_loss_and_nothing_is_dropped(store: Store) -> None:
    table = Results.from_store(store, "s").trials
    assert list(table["status"]) == ["completed", "diverged", "completed", "pending"]
    assert list(table["loss"].fillna(-1)) == [0.3, 0.4, 0.4, -1]
    assert list(table["value"].fillna(-1)) == [0.3, -1, 0.9, -1]
    assert list(table["epochs_done"]) == [2, 1, 2, 0]


def test_a_hyperparameter_that_a_variant_lacks_is_empty(store: Store) -> None:
    table = Results.from_store(store, "s").trials
    assert table.loc[table["variant"] == "sgd", "config/mu"].isna().all()
    assert table.loc[table["variant"] == "adam", "config/mu"].notna().all()


def test_another_metric_can_be_asked_for_and_a_wrong_one_names_the_nearest(store: Store) -> None:
    assert Results.from_store(store, "s", metric="test_loss").metric == "test_loss"
    with pytest.raises(InputError, match="did you mean 'test_loss'"):
        Results.from_store(store, "s", metric="test_los")


def test_saved_tables_are_read_back_equal(store: Store, tmp_path: pathlib.Path) -> None:
    results = Results.from_store(store, "s")
    results.save(tmp_path / "out")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "trials.parquet"), results.trials, check_dtype=False)
    assert len(pd.read_csv(tmp_path / "out" / "epochs.csv")) == len(results.epochs)
