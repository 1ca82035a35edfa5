"""Questions to the store that are asked again and again: the same answers as reading everything."""

from __future__ import annotations

import functools
import pickle
from dataclasses import replace

import pandas as pd
import pytest

from sensitivity.results.results import Results
from sensitivity.store.queries import curve, revision
from sensitivity.store.store import Store
from sensitivity.store.upkeep import delete
from tests.contracts import report, trial
from tests.sensitivity.dashboard.stored import finish, plan


def test_the_revision_changes_with_every_change_and_with_nothing_else(place: str) -> None:
    store = Store(place)
    first, second = trial(0.1), trial(1.0)
    changes = [
        lambda: store.add_study("s", "{}", [first]),
        lambda: store.add_study("s", '{"more": 1}', [first]),
        lambda: store.add_study("s", '{"more": 1}', [first, second]),
        lambda: store.record(first.key, initial_loss=1.0, reports=[report(1)]),
        lambda: store.record(first.key, initial_loss=1.0, reports=[report(2)]),
        lambda: store.record(first.key, initial_loss=1.0, reports=[report(3, "completed")]),
        lambda: store.fail(second.key, "lost"),
    ]
    seen = [revision(store, "s")]
    for change in changes:
        change()
        assert revision(store, "s") == revision(store, "s") not in seen
        seen.append(revision(store, "s"))
    store.add_study("other", "{}", [trial(5.0)])
    assert revision(store, "s") == seen[-1]
    assert revision(store) != seen[-1]
    store.close()


def test_a_cache_has_epochs_read_once_and_when_they_are_first_used(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, trials = plan(place)
    finish(store, trials[:-3], fail=[trials[0].key])
    every, asked = store.epochs("watched"), []
    monkeypatch.setattr(store, "epochs", lambda study: asked.append(study) or every)
    results = Results.from_store(store, "watched", cache=functools.lru_cache(lambda read: read()))
    narrower = replace(results, trials=results.trials.iloc[:2])
    assert asked == []
    pd.testing.assert_frame_equal(results.epochs, every)
    assert narrower.epochs is results.epochs
    assert asked == ["watched"]
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(results)).epochs, every)
    store.close()


def test_results_without_a_cache_are_whole_when_the_store_is_gone(place: str) -> None:
    store, trials = plan(place)
    finish(store, trials)
    every, results = store.epochs("watched"), Results.from_store(store, "watched")
    delete(store, "watched")
    store.close()
    pd.testing.assert_frame_equal(results.epochs, every)


def test_epochs_that_are_read_late_are_those_of_the_trials(place: str) -> None:
    store, trials = plan(place)
    finish(store, trials[:2])
    store.record(trials[2].key, initial_loss=1.0, reports=[report(1)])
    results, before = (
        Results.from_store(store, "watched", cache=lambda read: read()),
        Results.from_store(store, "watched"),
    )
    pd.testing.assert_frame_equal(before.epochs, store.epochs("watched"))
    store.record(trials[2].key, initial_loss=1.0, reports=[report(2)])
    finish(store, trials[3:])
    pd.testing.assert_frame_equal(results.epochs, before.epochs)
    assert list(results.trials["epochs_done"]) == [3, 3, 1] + [0] * (len(trials) - 3)
    store.close()


def test_a_curve_is_the_epochs_of_one_trial(place: str) -> None:
    store, trials = plan(place)
    finish(store, trials[:2])
    every = store.epochs("watched")
    expected = every[every["key"] == trials[1].key].reset_index(drop=True)
    pd.testing.assert_frame_equal(curve(store, trials[1].key), expected)
    assert curve(store, "unknown").empty
    assert store.last_epochs("unknown").empty
    store.close()
