"""The pace at which readers see a study that trains: a large one later, none at its cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sensitivity import queries
from sensitivity.service.settings import Settings
from sensitivity.service.views import Paced
from sensitivity.store import Store
from tests.sensitivity.service.served import until


@pytest.fixture
def source(settings: Settings) -> Iterator[Paced]:
    found = Paced(settings.store)
    yield found
    found.close()


def change(settings: Settings) -> None:
    """Another study has the trials of ``watched`` no more."""
    store = Store(settings.store)
    store.add_study("watched", store.study("watched"), [], replace=True)
    store.close()


def test_what_cost_little_is_seen_at_once(source: Paced, settings: Settings) -> None:
    first = source.token("watched")
    change(settings)
    until(lambda: source.token("watched") != first, 10)


def test_what_cost_much_is_seen_later(source: Paced, settings: Settings) -> None:
    """Ten seconds of computing are a tenth of a hundred seconds."""
    first = source.token("watched")
    source._note("watched", 10.0)
    change(settings)
    until(lambda: source.row("watched") == {**(source.row("watched") or {}), "trials": 0}, 10)
    assert source.token("watched") == first
    assert 90 < source._held["watched"].until(0.1) - time.monotonic() <= 100
    source.anew()
    assert source.token("watched") != first


def test_one_reader_at_a_time_asks_whether_something_has_changed(source: Paced, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty that ask at once do not all read the store: the others see what was there."""
    first = source.token()
    asked, go = threading.Semaphore(0), threading.Event()

    def slow(*_: object) -> str:
        asked.release()
        go.wait(30)
        return "another"

    monkeypatch.setattr(queries, "revision", slow)
    source._look = type(source._look)(first, 0.0)
    with ThreadPoolExecutor(41) as pool:
        one = pool.submit(source.token)
        assert asked.acquire(timeout=30)
        assert {each.result(timeout=30) for each in [pool.submit(source.token) for _ in range(40)]} == {first}
        go.set()
        assert one.result(timeout=30) == "another"
    assert not asked.acquire(blocking=False)
