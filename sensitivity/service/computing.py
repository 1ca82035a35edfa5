"""The process that computes answers: however long one takes, the service answers others."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import TYPE_CHECKING

from sensitivity.readers.source import Source
from sensitivity.readers.view import View
from sensitivity.service.answering import Ask, answer
from sensitivity.service.degraded import cause_of
from sensitivity.store.databases import Unreachable

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

NICE = 5
"""Lower priority than that of the service; Ray gives the workers of studies a lower one still, 15."""
FOREVER = 86_400.0
ENDED = "the process that computes answers was ended; ask again"


class Computing:
    """A process that starts with the first question.

    Args:
        place: Path or URL of the store.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._alive: Connection | None = None
        """The process ends when this end of a pipe is closed, as it is when the service ends, whichever
        way."""

    def answer(self, ask: Ask, token: str) -> tuple[str, float]:
        """Return the text that answers, and the seconds of the processor that it took; wait for both.

        Args:
            ask: The question.
            token: Revision of the study. Questions about one revision use one reading of the store, not older
                than it.
        Raises: what the answer raises; Unreachable where the process was ended from outside, as for want of
        memory.
        """
        with self._lock:
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                until, self._alive = context.Pipe(duplex=False)
                self._pool = ProcessPoolExecutor(1, context, _begin, (until,))
            pool = self._pool
        try:
            computed = pool.submit(_answer, self._place, ask, token)
        except OSError as error:
            self._drop(pool)
            raise Unreachable(
                f"the process that computes answers cannot be started: {cause_of(error)}"
            ) from None
        except BrokenProcessPool:
            self._drop(pool)
            raise Unreachable(ENDED) from None
        try:
            return computed.result()
        except BrokenProcessPool:
            self._drop(pool)
            raise Unreachable(ENDED) from None

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        """Start another process with the next question."""
        with self._lock:
            if self._pool is pool:
                self._pool = None

    def close(self) -> None:
        """End the process, whatever it is at: it only reads."""
        if self._alive is not None:
            self._alive.close()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _begin(until: Connection) -> None:
    os.nice(NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the service, which then ends this
    threading.Thread(target=_end, args=(until,), daemon=True).start()


def _end(until: Connection) -> None:
    with suppress(EOFError, OSError):
        until.recv()
    os._exit(0)


def _answer(place: str, ask: Ask, token: str) -> tuple[str, float]:
    began = time.process_time()
    view = View(name=ask.study, metric=ask.metric)
    source = _source(place)
    source.revision = token
    text = source.measured(view, lambda measured: answer(measured, ask), ask, patience=FOREVER)
    return text, time.process_time() - began


class _FixedRevision(Source):
    """A store whose revision is set from outside; measures of one revision share what they compute."""

    revision = ""

    def token(self, study: str | None = None) -> str:
        """Return the revision that was set."""
        return self.revision


@functools.lru_cache(maxsize=1)
def _source(place: str) -> _FixedRevision:
    return _FixedRevision(place)
