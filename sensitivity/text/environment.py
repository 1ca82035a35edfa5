"""Environment variables set for Ray and Tune while a study runs."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Mapping

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # those loggers cannot write a config with a list
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints its banner at verbose=0 too
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # the command handles SIGINT and exits with 130
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # runs resume from the store: Tune's own state is never read
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""Values of environment variables that the user has not set."""


@contextlib.contextmanager
def settings(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables inside the context, and restore them afterwards."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def quiet() -> contextlib.AbstractContextManager[None]:
    """Set :data:`ENVIRONMENT` during a run; variables that the user has set stay."""
    return settings({name: value for name, value in ENVIRONMENT.items() if name not in os.environ})


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Replace the SIGINT handler that an earlier run of Tune left behind.

    Tune installs a handler for each run and never removes it. After the run the handler does nothing, so the
    first Ctrl-C would be lost.
    """
    handler = signal.getsignal(signal.SIGINT)
    if (
        threading.current_thread() is not threading.main_thread()
        or getattr(handler, "__module__", "") != "ray.tune.tune"
    ):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
