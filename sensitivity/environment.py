"""What Ray and Tune read from the environment while a study runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # they cannot write a list of members
    "RAY_AIR_NEW_OUTPUT": "0",  # its banner is printed at verbose=0 too
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # SIGINT is ours: it has to end with 130
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # the store is the state: Tune's own copy is never read
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""Settings, where the environment does not have its own."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The settings for the time of a run: what Tune does for others in this process stays as it was."""
    added = {name: value for name, value in ENVIRONMENT.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
