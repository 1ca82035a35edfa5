"""A trial of another tool, as it was read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

ENDED = "ended"
"""A trial that ended: completed, diverged or stopped early, as its reports say."""

Direction = Literal["min", "max"]


@dataclass(frozen=True)
class Imported:
    """A trial read from a file, storage or folder.

    key: name of the trial in its source.
    status: one of :data:`sensitivity.study.trial.STATUSES`, or :data:`ENDED`.
    reports: the metric by epoch, in rising order of epochs.
    seed: None if unknown.
    initial_loss: the metric before training; NaN if unknown.
    metrics: other metrics by name, each by epoch.
    """

    key: str
    configuration: Mapping[str, Any]
    status: str
    reports: Sequence[tuple[int, float]]
    variant: str
    task: str
    seed: int | None = None
    seconds: float = math.nan
    initial_loss: float = math.nan
    error: str | None = None
    metrics: Mapping[str, Mapping[int, float]] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The last that was reported."""
        return self.reports[-1][1] if self.reports else math.nan


def as_utf8(name: str) -> str:
    """Return a name with "?" for each byte that is not UTF-8.

    Reports and tables hold UTF-8 only; file names can hold any bytes.

    >>> as_utf8("caf" + chr(0xDCE9)), as_utf8("café")
    ('caf?', 'café')
    """
    return name.encode(errors="replace").decode()
