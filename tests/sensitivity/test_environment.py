"""The environment of a run: set for its time, and as it was afterwards."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest
from ray.tune import tune

from sensitivity.text.environment import ENVIRONMENT, interruptible, quiet


def test_settings_are_there_for_the_time_of_a_run_and_a_users_own_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TUNE_GLOBAL_CHECKPOINT_S", "7")
    before = dict(os.environ)
    with contextlib.suppress(RuntimeError), quiet():
        assert os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] == "1"
        assert os.environ["TUNE_GLOBAL_CHECKPOINT_S"] == "7"
        raise RuntimeError("in the middle of a run")
    assert dict(os.environ) == before


def test_the_handler_that_a_run_of_tune_leaves_behind_takes_no_interrupt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TUNE_DISABLE_SIGINT_HANDLER", raising=False)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)}
    tune._setup_signal_catching()
    left = signal.getsignal(signal.SIGINT)
    try:
        assert left is not before[signal.SIGINT]
        with pytest.raises(KeyboardInterrupt), interruptible():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is left
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_handler_of_ones_own_stays() -> None:
    taken: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: taken.append(number))
    try:
        with interruptible():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert taken == [signal.SIGINT]
