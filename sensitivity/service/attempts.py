"""Failed attempts to log in, counted so that guessing is slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_ADDRESSES = 10_000
"""Addresses that are remembered; the one that failed first is forgotten for another."""


@dataclass
class Attempts:
    """Number of failures of each address within a window.

    Args:
        most: Failures after which an address waits for the end of its window.
        seconds: Length of the window in seconds.
        clock: Returns the time in seconds.
    """

    most: int = 10
    seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    _failed: dict[str, tuple[float, int]] = field(default_factory=dict)

    def wait(self, address: str) -> int:
        """Return the seconds until an address may try again; 0 if it may try now."""
        until, failures = self._failed.get(address, (0.0, 0))
        left = until - self.clock()
        if left <= 0:
            self._failed.pop(address, None)
            return 0
        return int(left) + 1 if failures >= self.most else 0

    def fail(self, address: str) -> None:
        """Count a wrong token of an address."""
        until, failures = self._failed.get(address, (self.clock() + self.seconds, 0))
        if address not in self._failed and len(self._failed) >= MOST_ADDRESSES:
            del self._failed[next(iter(self._failed))]
        self._failed[address] = (until, failures + 1)
