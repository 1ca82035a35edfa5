"""The watch over workers: which of them hang, and which were only not listened to."""

from __future__ import annotations

import types

import pytest

from sensitivity.running import watching as module
from sensitivity.running.places import Place
from sensitivity.running.watching import Watch


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def watch(killed: list[str]) -> Watch:
    place = Place(None, 1, 0.0, {}, 20.0, None, {})
    return Watch(place, lambda: {"CPU": 2.0}, lambda trial: killed.append(trial.trial_id), None)


TRIAL = types.SimpleNamespace(trial_id="a", status="RUNNING")


def look(watch: Watch, clock: Clock, seconds: float, step: float) -> None:
    """Look every so many seconds, for so long."""
    end = clock.now + seconds
    while clock.now < end:
        clock.now += step
        watch.look([TRIAL])


def test_a_worker_that_is_silent_for_too_long_is_killed_once(clock: Clock) -> None:
    killed: list[str] = []
    watched = watch(killed)
    watched.heard("a")
    look(watched, clock, 19, 1)
    assert killed == []
    look(watched, clock, 60, 1)
    assert killed == ["a"]
    assert watched.hung == {"a"}


def test_the_time_of_a_driver_that_was_suspended_is_not_the_worker_s_silence(clock: Clock) -> None:
    """The worker's reports of that time wait to be read."""
    killed: list[str] = []
    watched = watch(killed)
    watched.heard("a")
    look(watched, clock, 15, 1)
    clock.now += 600
    watched.look([TRIAL])
    assert killed == []
    look(watched, clock, 4, 1)
    assert killed == []
    look(watched, clock, 3, 1)
    assert killed == ["a"]
