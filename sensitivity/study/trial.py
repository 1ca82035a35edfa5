"""A trial, the unit of result, and the key that identifies its computation."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

STATUSES = ("pending", "running", "completed", "diverged", "stopped", "failed")
"""``stopped``: a scheduler ended the trial early, so it has no result at the full budget."""
METRICS = ("train_loss_end", "train_loss", "test_loss")
"""The losses of an epoch: training set after the epoch, training set during the epoch, test set."""
COSTS = ("seconds_per_step", "optimizer_bytes")
"""What training costs: seconds of a step, and bytes of the optimizer's state; both are minimised."""
DONE = ("completed", "diverged")
"""Statuses that are results; a trial never leaves them."""
SCHEDULES = ("lr_schedule", "mu_schedule", "nu_schedule")


@dataclass(frozen=True)
class Trial:
    """The unit of result; its key is a hash of everything that the result depends on."""

    key: str
    task: str
    variant: str
    configuration: Mapping[str, Any]
    seed: int
    epochs: int
    batch_size: int
    precision: str
    fingerprint: str


def trial_key(
    fingerprint: str,
    variant: str,
    configuration: Mapping[str, Any],
    seed: int,
    epochs: int,
    batch_size: int,
    precision: str,
) -> str:
    """Return the first 20 hexadecimal digits of the SHA-256 of a trial's settings as canonical JSON.

    Equal numbers of different types (0 and 0.0) give the same key, and so does any order of the
    hyperparameters.

    >>> rest = (0, 1, 64, "float32")
    >>> key = trial_key("f", "adam", {"lr": 1, "mu": 0.9}, *rest)
    >>> key == trial_key("f", "adam", {"mu": 0.9, "lr": 1.0}, *rest)
    True
    """
    (key,) = trial_keys(fingerprint, variant, configuration, [seed], epochs, batch_size, precision)
    return key


def trial_keys(
    fingerprint: str,
    variant: str,
    configuration: Mapping[str, Any],
    seeds: Sequence[int],
    epochs: int,
    batch_size: int,
    precision: str,
) -> list[str]:
    """Return the key of one configuration for each seed, as :func:`trial_key` does."""
    settings = {name: _canonical(value) for name, value in configuration.items()}
    before = _json([fingerprint, variant, settings])[:-1]
    after = _end_of_key(epochs, batch_size, precision)
    texts = (f"{before},{seed!r},{after}" for seed in seeds)
    return [hashlib.sha256(text.encode()).hexdigest()[:20] for text in texts]


@lru_cache(maxsize=64)
def _end_of_key(epochs: int, batch_size: int, precision: str) -> str:
    return _json([epochs, batch_size, precision])[1:]


_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _canonical(value: Any) -> Any:
    if isinstance(value, (bool, str)):
        return value
    number = float(value)
    return repr(number) if not number.is_integer() or math.isinf(number) else str(int(number))


def source_of(name: str, value: Any) -> Any:
    """Return a setting for the fingerprint; a user-defined schedule has a hash of its source appended."""
    if name not in SCHEDULES or not isinstance(value, str) or ":" not in value:
        return value
    from trainables.dotted import imported
    from trainables.sources import identity

    return f"{value}@{identity(imported(value, 'schedule'))}"
