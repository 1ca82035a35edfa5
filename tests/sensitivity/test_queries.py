"""Questions to the store that are asked again and again: the same answers as reading everything."""

from __future__ import annotations

import pandas as pd

from sensitivity.queries import curve, last_epochs, revision
from sensitivity.results import Results
from sensitivity.store import Store
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


def test_results_without_curves_are_those_with_curves_but_for_the_curves(place: str) -> None:
    store, trials = plan(place)
    finish(store, trials[:-3], fail=[trials[0].key])
    whole, quick = (Results.from_store(store, "watched", curves=curves) for curves in (True, False))
    pd.testing.assert_frame_equal(whole.trials, quick.trials)
    last = whole.epochs.groupby("key", sort=False).tail(1).reset_index(drop=True)
    last["seconds"] = list(whole.epochs.groupby("key", sort=False)["seconds"].sum())
    pd.testing.assert_frame_equal(quick.epochs, last[quick.epochs.columns])
    store.close()


def test_a_curve_is_the_epochs_of_one_trial(place: str) -> None:
    store, trials = plan(place)
    finish(store, trials[:2])
    every = store.epochs("watched")
    expected = every[every["key"] == trials[1].key].reset_index(drop=True)
    pd.testing.assert_frame_equal(curve(store, trials[1].key), expected)
    assert curve(store, "unknown").empty
    assert last_epochs(store, "unknown").empty
    store.close()
