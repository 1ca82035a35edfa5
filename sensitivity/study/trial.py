"""A trial, the unit of result: what it computes, and the key that names that."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STATUSES = ("pending", "running", "completed", "diverged", "stopped", "failed")
"""``stopped`` is a trial that a scheduler ended early: it has no result at the full budget."""
METRICS = ("train_loss_end", "train_loss", "test_loss")
"""The losses that a study can be judged by: over the training set after the epoch, during the epoch, and over
the test set."""
DONE = ("completed", "diverged")
"""Statuses that are results, which a trial keeps."""
SCHEDULES = ("lr_schedule", "mu_schedule", "nu_schedule")


@dataclass(frozen=True)
class Trial:
    """The unit of result, named by what it computes."""

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
    """The first 20 hexadecimal digits of the SHA-256 of what the trial computes, as canonical JSON.

    Equal numbers are equal whatever their type (0 and 0.0), and the order of the hyperparameters does not
    matter.

    >>> rest = (0, 1, 64, "float32")
    >>> trial_key("f", "adam", {"lr": 1, "mu": 0.9}, *rest) == trial_key("f", "adam", {"mu": 0.9, "lr": 1.0}, *rest)
    True
    """
    content = [
        fingerprint,
        variant,
        {name: _canonical(value) for name, value in configuration.items()},
        seed,
        epochs,
        batch_size,
        precision,
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _canonical(value: Any) -> Any:
    if isinstance(value, (bool, str)):
        return value
    number = float(value)
    return repr(number) if not number.is_integer() or math.isinf(number) else str(int(number))


def source_of(name: str, value: Any) -> Any:
    """A schedule of the user's own by its source, which its import path does not tell; any other setting as
    it is."""
    if name not in SCHEDULES or not isinstance(value, str) or ":" not in value:
        return value
    from trainables.dotted import imported
    from trainables.sources import identity

    return f"{value}@{identity(imported(value, 'schedule'))}"
