"""The environment of a run: set for its time, and as it was afterwards."""

from __future__ import annotations

import contextlib
import os

import pytest

from sensitivity.environment import ENVIRONMENT, quiet


def test_settings_are_there_for_the_time_of_a_run_and_a_users_own_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TUNE_GLOBAL_CHECKPOINT_S", "7")
    before = dict(os.environ)
    with contextlib.suppress(RuntimeError), quiet():
        assert os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] == "1"
        assert os.environ["TUNE_GLOBAL_CHECKPOINT_S"] == "7"
        raise RuntimeError("in the middle of a run")
    assert dict(os.environ) == before
