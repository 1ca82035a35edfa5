"""What every implementation of a seam has to hold. A test class inherits a contract and gives the
implementation as a fixture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sensitivity.store.store import Store
from sensitivity.study.trial import Trial, trial_key


def trial(lr: float = 0.1, seed: int = 0, task: str = "autoencoder/digits", **configuration: Any) -> Trial:
    """A trial of adam."""
    setting = {"lr": lr, **configuration}
    key = trial_key("fingerprint", "adam", setting, seed, 2, 64, "float32")
    return Trial(key, task, "adam", setting, seed, 2, 64, "float32", "fingerprint")


def report(epoch: int, status: str = "running", loss: float = 0.5, **others: Any) -> dict[str, Any]:
    """An epoch as the training loop reports it."""
    numbers = dict.fromkeys(("train_loss", "train_loss_end", "test_loss"), loss)
    rest = {
        "lr": 0.1,
        "mu": 0.9,
        "nu": math.nan,
        "grad_norm": 1.0,
        "images_per_second": 100.0,
        "seconds": 0.25,
    }
    return {"epoch": epoch, **numbers, **rest, "status": status, **others}


class StoreContract:
    """Nothing lost, nothing doubled. The fixture ``open_store`` opens the same place every time that it is
    called."""

    @pytest.fixture
    def open_store(self) -> Callable[[], Store]:
        raise NotImplementedError("give a fixture that opens the same store every time it is called")

    @pytest.fixture
    def trials(self) -> Sequence[Trial]:
        return [trial(0.1), trial(0.1, seed=1), trial(1.0)]

    def test_what_is_recorded_is_read_back_by_another_connection(
        self, open_store: Callable[[], Store], trials: Sequence[Trial]
    ) -> None:
        store = open_store()
        store.add_study("s", "{}", trials)
        store.record(trials[0].key, initial_loss=0.9, reports=[report(1), report(2, "completed", 0.25)])
        store.close()
        store = open_store()
        assert store.statuses("s") == {
            trials[0].key: "completed",
            trials[1].key: "pending",
            trials[2].key: "pending",
        }
        epochs = store.epochs("s")
        assert list(epochs["epoch"]) == [1, 2]
        assert list(epochs["train_loss"]) == [0.5, 0.25]
        assert epochs["nu"].isna().all()
        first = store.trials("s").iloc[0]
        assert first["initial_loss"] == 0.9
        assert first["configuration"] == {"lr": 0.1}
        last = store.last_report(trials[0].key)
        assert last is not None
        assert (last["epoch"], last["status"], last["initial_loss"]) == (2, "completed", 0.9)
        store.close()

    def test_the_epochs_of_a_cohort_are_kept_at_once(
        self, open_store: Callable[[], Store], trials: Sequence[Trial]
    ) -> None:
        store = open_store()
        store.add_study("s", "{}", trials)
        one, two, three = (each.key for each in trials)
        told = [
            (one, 0.9, report(1)),
            (two, 0.8, report(1, "diverged")),
            (one, 0.9, report(2, "completed", 0.25)),
            (three, 0.7, report(1)),
        ]
        store.keep([{**each, "key": key, "initial_loss": loss} for key, loss, each in told])
        store.keep([])
        assert store.statuses("s") == {one: "completed", two: "diverged", three: "running"}
        assert len(store.epochs("s")) == 4
        found = store.trials("s")
        assert list(found["initial_loss"]) == [0.9, 0.8, 0.7]
        assert list(found["finished"].isna()) == [False, False, True]
        store.record(two, initial_loss=0.8, reports=[report(2)])  # what has ended stays so
        assert store.statuses("s")[two] == "diverged"
        store.close()

    def test_an_epoch_is_kept_once_and_as_first_reported(
        self, open_store: Callable[[], Store], trials: Sequence[Trial]
    ) -> None:
        store = open_store()
        store.add_study("s", "{}", trials)
        for _ in range(3):
            store.record(trials[0].key, initial_loss=0.9, reports=[report(1, seconds=_ + 1.0)])
        assert list(store.epochs("s")["seconds"]) == [1.0]
        store.close()

    def test_a_study_added_again_changes_nothing(
        self, open_store: Callable[[], Store], trials: Sequence[Trial]
    ) -> None:
        store = open_store()
        store.add_study("s", "{}", trials)
        store.record(trials[0].key, initial_loss=0.9, reports=[report(1, "diverged")])
        store.add_study("s", "{}", trials)
        assert list(store.statuses("s").values()) == ["diverged", "pending", "pending"]
        store.close()

    def test_a_smaller_study_of_the_same_name_keeps_every_trial_in_the_store(
        self, open_store: Callable[[], Store], trials: Sequence[Trial]
    ) -> None:
        store = open_store()
        store.add_study("s", "{}", trials)
        store.add_study("s", '{"new": 1}', trials[:1], replace=True)
        assert list(store.statuses("s")) == [trials[0].key]
        assert len(store.trials()) == 3
        assert store.study("s") == '{"new": 1}'
        store.close()

    def test_two_studies_share_a_trial(
        self, open_store: Callable[[], Store], trials: Sequence[Trial]
    ) -> None:
        store = open_store()
        store.add_study("one", "{}", trials[:2])
        store.add_study("two", "{}", trials[1:])
        store.record(trials[1].key, initial_loss=0.9, reports=[report(1, "completed")])
        assert [each["completed"] for each in store.studies()] == [1, 1]
        assert len(store.trials()) == 3
        store.close()

    def test_a_failure_is_kept_and_a_later_success_replaces_it(
        self, open_store: Callable[[], Store], trials: Sequence[Trial]
    ) -> None:
        store = open_store()
        store.add_study("s", "{}", trials)
        store.fail(trials[0].key, "RuntimeError: out of memory")
        assert store.trials("s").iloc[0]["error"] == "RuntimeError: out of memory"
        store.record(trials[0].key, initial_loss=0.9, reports=[report(1, "completed")])
        store.fail(trials[0].key, "too late")
        first = store.trials("s").iloc[0]
        assert (first["status"], first["error"]) == ("completed", None)
        store.close()

    def test_a_trial_that_was_stopped_early_may_still_be_trained_to_its_end(
        self, open_store: Callable[[], Store], trials: Sequence[Trial]
    ) -> None:
        store = open_store()
        store.add_study("s", "{}", trials)
        key = trials[0].key
        store.record(key, initial_loss=0.9, reports=[report(1)])
        store.end(key, "stopped")
        assert store.statuses("s")[key] == "stopped"
        store.record(key, initial_loss=0.9, reports=[report(1), report(2, "completed")])
        store.end(key, "stopped")
        assert store.statuses("s")[key] == "completed"
        assert list(store.epochs("s")["epoch"]) == [1, 2]
        store.close()

    def test_whatever_else_an_epoch_measured_is_a_column(
        self, open_store: Callable[[], Store], trials: Sequence[Trial]
    ) -> None:
        store = open_store()
        store.add_study("s", "{}", trials)
        store.record(trials[0].key, initial_loss=0.9, reports=[report(1, "completed", test_accuracy=0.75)])
        store.record(trials[1].key, initial_loss=0.9, reports=[report(1, "completed", score=-math.inf)])
        epochs = store.epochs("s").set_index("key")
        assert epochs.loc[trials[0].key, "test_accuracy"] == 0.75
        assert math.isnan(epochs.loc[trials[1].key, "test_accuracy"])
        assert epochs.loc[trials[1].key, "score"] == -math.inf
        last = store.last_report(trials[0].key)
        assert last is not None
        assert last["test_accuracy"] == 0.75
        store.close()

    def test_not_a_number_and_infinity_survive(self, open_store: Callable[[], Store]) -> None:
        store = open_store()
        one = trial(0.1, p=math.inf)
        store.add_study("s", "{}", [one])
        store.record(one.key, initial_loss=0.9, reports=[report(1, "diverged", math.inf, test_loss=math.nan)])
        epoch = store.epochs("s").iloc[0]
        assert math.isinf(epoch["train_loss"])
        assert math.isnan(epoch["test_loss"])
        assert store.trials("s").iloc[0]["configuration"] == {"lr": 0.1, "p": math.inf}
        store.close()
