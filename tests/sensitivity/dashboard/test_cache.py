"""The cache: each value once, errors for whoever asked, and a bound."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sensitivity.readers import source
from sensitivity.readers.cache import Cache, Pending
from sensitivity.service.views import Answer


def test_a_value_that_many_ask_for_at_once_is_computed_once() -> None:
    cache, calls, opened = Cache(10), [], threading.Event()

    def compute() -> int:
        calls.append(1)
        opened.wait(10)
        return 7

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(cache.now, "key", compute) for _ in range(8)]
        opened.set()
        assert [each.result(10) for each in asked] == [7] * 8
    assert calls == [1]


def test_a_long_computation_is_pending_until_it_is_done() -> None:
    cache, opened = Cache(10), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(Pending):
            cache.soon("key", lambda: opened.wait(10), pool, 0.0)
        with pytest.raises(Pending):
            cache.soon("other", lambda: 1, pool, 0.0, begin=False)
        opened.set()
        assert cache.soon("key", lambda: False, pool, 10.0, begin=False) is True


def test_an_error_is_raised_and_not_kept() -> None:
    cache, answers = Cache(10), iter([ValueError("first"), 2])

    def compute() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(ValueError, match="first"):
        cache.now("key", compute)
    assert cache.now("key", compute) == 2


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    cache: Cache = Cache(5, weigh=len)
    for key in ("aa", "bb", "aa", "cc"):
        cache.now(key, lambda key=key: key)
    computed = []
    for key in ("aa", "cc", "bb"):
        cache.now(key, lambda key=key: computed.append(key) or key)
    assert computed == ["bb"]


def test_what_is_there_is_had_without_computing() -> None:
    cache, opened = Cache(10), threading.Event()
    cache.now("there", lambda: 7)
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(Pending):
            cache.soon("begun", lambda: opened.wait(10), pool, 0.0)
        assert [cache.peek(key) for key in ("there", "begun", "never")] == [7, None, None]
        opened.set()
    cache.drop("there")
    cache.drop("never")
    assert [cache.peek(key) for key in ("there", "begun")] == [None, True]


def test_a_value_that_comes_as_patience_ends_is_had(monkeypatch: pytest.MonkeyPatch) -> None:
    cache: Cache = Cache(10)
    cache.now("key", lambda: 7)
    future, late = cache._entries["key"].future, iter([TimeoutError()])

    def result(timeout: float | None = None) -> int:
        for error in late:
            raise error
        return 7

    monkeypatch.setattr(future, "result", result)
    with ThreadPoolExecutor(1) as pool:
        assert cache.soon("key", lambda: 0, pool, 0.0) == 7


def test_a_value_is_put_in_the_place_of_another() -> None:
    cache: Cache = Cache(100, weigh=len)
    opened = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(Pending):
            cache.soon("key", lambda: opened.wait(10) and "slow", pool, 0.0)
        waiting = cache._entries["key"].future
        cache.put("key", "x" * 60)
        opened.set()
        assert waiting.result(10) == "slow"
    cache.put("key", "x" * 50)
    cache.put("other", "y" * 50)
    assert (cache.peek("key"), cache.peek("other"), cache._total) == ("x" * 50, "y" * 50, 100)


def test_texts_weigh_what_they_are_long() -> None:
    """A service keeps pages, figures and reports of every revision that was read: within a limit."""
    assert [source._size(each) for each in ("x" * 5000, Answer("x" * 5000, "token", 0.0), 7)] == [
        6000,
        6000,
        1000,
    ]


def test_what_nobody_waits_for_any_more_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, opened = Cache(10), threading.Event()
    monkeypatch.setattr("sensitivity.readers.cache.ABANDON_AFTER", -1.0)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(opened.wait, 10)
        with pytest.raises(Pending):
            cache.soon("key", lambda: 1, pool, 0.0)
        opened.set()
    assert len(cache) == 0
