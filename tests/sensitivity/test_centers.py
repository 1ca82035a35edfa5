"""One at a time around the best so far: the best of the store, kept once it is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from search_spaces.designs import OneAtATime, Random
from sensitivity.running.centers import centered
from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from tests.contracts import report
from trainables.names import InputError

GRID: dict[str, Any] = {
    "name": "grid",
    "tasks": ["logistic/synthetic"],
    "variants": ["sgd", "adam"],
    "design": {"kind": "grid", "points": {"lr": 3, "mu": 2}},
    "seeds": 2,
    "epochs": 1,
    "default_setting": False,
}
AROUND = {**GRID, "name": "around", "design": {"kind": "one_at_a_time", "points": 3, "center": "best"}}


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    """A finished grid, in which the second lr is best for every variant, and mu = .99."""
    opened = Store(place)
    study = Study(**GRID)
    planned = trials(study)
    opened.add_study(study.name, study.to_stored(), planned)
    for each in planned:
        middle = (
            each.configuration["lr"]
            == sorted({other.configuration["lr"] for other in planned if other.variant == each.variant})[1]
        )
        loss = 0.5 - 0.2 * middle - 0.1 * (each.configuration.get("mu") == 0.99) + 0.01 * each.seed
        opened.record(each.key, initial_loss=1.0, reports=[report(1, "completed", loss)])
    yield opened
    opened.close()


def test_the_center_is_the_best_of_each_variant(store: Store) -> None:
    study = centered(Study(**AROUND), store)
    assert study.designs["sgd"]["center"] == {"lr": pytest.approx(10**-0.5)}
    assert study.designs["adam"]["center"]["mu"] == 0.99
    assert sorted(
        {each.configuration["lr"] for each in trials(study) if each.variant == "adam"}
    ) == pytest.approx([1e-4, 10**-2.5, 0.1])


def test_a_center_once_chosen_stays(store: Store) -> None:
    first = centered(Study(**AROUND), store)
    store.add_study(first.name, first.to_stored(), trials(first))
    better = Study(**{**GRID, "name": "better", "design": {"kind": "random", "n": 3}})
    store.add_study(better.name, better.to_stored(), trials(better))
    for each in trials(better):
        store.record(each.key, initial_loss=1.0, reports=[report(1, "completed", 0.001)])
    assert centered(Study(**AROUND), store).designs == first.designs
    assert centered(Study(**{**AROUND, "name": "anew"}), store).designs != first.designs


def test_a_composed_design_is_centered_too(store: Store) -> None:
    study = centered(
        Study(**{**AROUND, "variants": ["sgd"], "design": Random(4) + OneAtATime(3, "best")}), store
    )
    assert study.designs["sgd"]["parts"][1]["center"] == {"lr": pytest.approx(10**-0.5)}
    assert len(trials(study)) == (4 + 3) * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"epochs": 2},
            "center: best needs completed trials of sgd on logistic/synthetic with 2 epochs",
            id="nothing yet",
        ),
        pytest.param(
            {"tasks": ["logistic/synthetic", "logistic/digits"]},
            "center: best needs one task",
            id="two tasks",
        ),
    ],
)
def test_without_a_best_it_is_said(store: Store, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        centered(Study(**{**AROUND, **changes}), store)
