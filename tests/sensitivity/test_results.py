"""Results: from a store to tidy tables, with divergence as data."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Iterator

import pandas as pd
import pytest

from sensitivity.results.loading import load
from sensitivity.results.results import Results
from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from tests.contracts import report
from trainables.names import InputError

STUDY = Study(
    name="s",
    tasks=["autoencoder/digits"],
    variants=["sgd", "adam"],
    design={"kind": "grid", "points": {"lr": 2, "mu": 1, "nu": 1}},
    seeds=1,
    epochs=2,
    default_setting=False,
)


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    opened = Store(place)
    planned = trials(STUDY)
    opened.add_study("s", STUDY.to_stored(), planned)
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


def test_when_trials_first_and_last_reported_is_known_and_unknown_for_the_others(store: Store) -> None:
    table = Results.from_store(store, "s").trials
    assert (
        [bool(known) for known in table["started"].notna()]
        == [bool(known) for known in table["finished"].notna()]
        == [True] * 3 + [False]
    )
    assert (table["started"] <= table["finished"])[:3].all()
    assert str(table["started"].dt.tz) == "UTC"


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
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "out" / "trials.parquet"), results.trials, check_dtype=False
    )
    assert len(pd.read_csv(tmp_path / "out" / "epochs.csv")) == len(results.epochs)


def test_a_last_epoch_that_is_not_a_number_is_not_replaced_by_the_one_before(store: Store) -> None:
    key = trials(STUDY)[3].key
    store.record(
        key, initial_loss=0.4, reports=[report(1, test_loss=0.05), report(2, "completed", test_loss=math.nan)]
    )
    table = Results.from_store(store, "s", metric="test_loss").trials.set_index("key")
    assert math.isnan(table.loc[key, "value"])
    assert table.loc[key, "loss"] == 0.4


def test_a_study_that_names_fewer_variants_shows_fewer(store: Store) -> None:
    fewer = Study.from_stored(STUDY.to_stored()).model_copy(update={"variants": ("adam",)})
    store.add_study("s", fewer.to_stored(), [])
    assert set(Results.from_store(store, "s").trials["variant"]) == {"adam"}


def test_what_is_maximised_has_its_negative_as_loss_and_its_worst_as_cap(store: Store) -> None:
    one, two, three, four = trials(STUDY)
    for each, accuracy in ((one, 0.9), (three, 0.2), (four, 0.6)):
        store.record(each.key, initial_loss=0.4, reports=[report(2, "completed", test_accuracy=accuracy)])
        store.record(each.key, initial_loss=0.4, reports=[report(3, "completed", test_accuracy=accuracy)])
    results = Results.from_store(store, "s", metric="test_accuracy")
    assert results.direction == "max"
    losses = results.trials.set_index("key")["loss"]
    assert [losses[each.key] for each in (one, two, three, four)] == [-0.9, -0.2, -0.2, -0.6]


def test_the_direction_of_another_metric_is_in_its_name_or_asked_for(store: Store) -> None:
    numbers = {"val_auc": 0.9, "hinge": 2.0, "test_error": 0.1}
    (one, *_) = trials(STUDY)
    store.record(one.key, initial_loss=0.4, reports=[report(3, "completed", **numbers)])

    def direction(metric: str | None, given: str | None = None) -> str:
        return Results.from_store(store, "s", metric=metric, direction=given).direction

    assert [direction(name) for name in (None, "val_auc", "test_error")] == ["min", "max", "min"]
    with pytest.raises(InputError, match=r"is a lower or a higher 'hinge' better.*--direction min or max"):
        direction("hinge")
    assert [direction("hinge", given) for given in ("min", "max")] == ["min", "max"]
    assert direction("val_auc", "min") == "min"
    with pytest.raises(InputError, match="unknown direction 'down'"):
        direction("hinge", "down")
    with pytest.raises(InputError, match="direction of 'train_loss_end' is the study's own: min, got max"):
        direction(None, "max")
    offered = Results.from_store(store, "s").metrics
    assert "val_auc" in offered
    assert "hinge" not in offered


def test_results_are_read_where_a_variant_is_unknown(store: Store) -> None:
    spec = STUDY.to_stored().replace('"adam"', '"somebody.else:Optimizer"')
    store.add_study("s", spec, [])
    assert "somebody.else:Optimizer" in Results.from_store(store, "s").spaces


def test_results_are_loaded_by_the_place_of_their_store(tmp_path: pathlib.Path) -> None:
    place = tmp_path / "s.sqlite"
    with pytest.raises(InputError, match="no store at"):
        load(place)
    store = Store(place)
    store.add_study("s", STUDY.to_stored(), trials(STUDY))
    (one, *_) = trials(STUDY)
    store.record(one.key, initial_loss=0.4, reports=[report(3, "completed", val_auc=0.9)])
    whole = Results.from_store(store, "s")
    pd.testing.assert_frame_equal(load(place).trials, whole.trials)
    pd.testing.assert_frame_equal(load(str(place), "s").epochs, whole.epochs)
    assert load(place, metric="val_auc").direction == "max"
    store.add_study("another", STUDY.to_stored(), trials(STUDY))
    store.close()
    with pytest.raises(InputError, match="name one of the 2 studies of this store: "):
        load(place)
