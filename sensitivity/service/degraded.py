"""The parts of a service that do not work just now, each with its cause."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trainables.names import InputError

LONGEST = 500
"""Characters of a cause."""
logger = logging.getLogger(__name__)


class Degraded:
    """Faults by part, such as ``study 'a'``.

    The log has one line for a part and its cause, however often the fault comes back.

    Args:
        clock: in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._faults: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def note(self, part: str, cause: str, *, seconds: float = math.inf) -> None:
        """Note a fault.

        Args:
            part: that does not work.
            cause: in one line.
            seconds: after which the fault counts as past, for a part of which nothing says that it works
                again.
        """
        with self._lock:
            earlier, _ = self._faults.get(part, ("", 0.0))
            self._faults[part] = (cause, self._clock() + seconds)
        if cause != earlier:
            logger.warning("%s: %s", part, cause)

    def clear(self, part: str) -> None:
        """Note that a part works."""
        with self._lock:
            fault = self._faults.pop(part, None)
        if fault is not None:
            logger.warning("%s: works again", part)

    def faults(self) -> dict[str, str]:
        """Return the causes by part, in the order in which they came."""
        now = self._clock()
        with self._lock:
            for part in [part for part, (_, until) in self._faults.items() if until < now]:
                del self._faults[part]
            return {part: cause for part, (cause, _) in self._faults.items()}

    @contextmanager
    def isolated(self, part: str) -> Iterator[None]:
        """Run one item of a loop, so that the loop goes on after an exception.

        The exception becomes a fault of the item's part.

        Args:
            part: Part of the item, such as ``study 'a'``.
        """
        try:
            yield
        except Exception as error:
            if not isinstance(error, (OSError, InputError)) and part not in self._faults:
                logger.exception("%s", part)  # a defect: its place is in the log, once
            self.note(part, cause_of(error))
        else:
            self.clear(part)


def cause_of(error: BaseException) -> str:
    """Return what went wrong, in one line.

    >>> cause_of(FileNotFoundError(2, "No such file or directory", "a/run.json")), cause_of(KeyError("code"))
    ('No such file or directory: a/run.json', "KeyError: 'code'")
    """
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}" if error.filename is not None else error.strerror
    else:
        text = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:LONGEST]
