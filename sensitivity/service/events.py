"""The progress of studies as server-sent events: one reader of the store for however many listen."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from sensitivity.service.connections import PASSING_SECONDS, share_of_descriptors
from sensitivity.service.degraded import Degraded
from sensitivity.service.models import ENDED
from sensitivity.service.problems import Later

if TYPE_CHECKING:
    from fastapi.sse import ServerSentEvent

    from sensitivity.service.models import StudySummary

EVERY = 0.5
"""Seconds between two looks at the store while somebody listens."""
SHARE = 0.1
"""Share of the time that looking takes at most."""
SHARE_OF_STREAMS = 0.25
"""Share of the descriptors for listeners, which leaves room for other readers."""


class Events:
    """Tells listeners what has changed of a study.

    Args:
        look: the studies as they are now, by name. It is called in a thread, only while somebody listens.
        degraded: is told where looking fails.
        most: listeners at once; :data:`SHARE_OF_STREAMS` of the descriptors if None.
    """

    def __init__(
        self,
        look: Callable[[], dict[str, StudySummary]],
        degraded: Degraded | None = None,
        most: int | None = None,
    ) -> None:
        self._look, self._degraded = look, degraded or Degraded()
        self._most = share_of_descriptors(SHARE_OF_STREAMS) if most is None else most
        self._places: Counter[str] = Counter()
        self._seen: dict[str, StudySummary] | None = None
        self._listeners: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def listeners(self) -> int:
        """Number of listeners."""
        return self._listeners.total()

    @contextmanager
    def place(self, address: str) -> Iterator[None]:
        """Take the place of a listener.

        Args:
            address: of the listener.
        Raises: Later where all places, or half of them from this address, are taken.
        """
        if self._places.total() >= self._most or self._places[address] >= max(1, self._most // 2):
            cause = f"{self._most} streams of events at once, half of them from one address, are the most"
            self._degraded.note("streams of events", cause, seconds=PASSING_SECONDS)
            raise Later(f"{cause}; ask again, or for the study itself")
        self._places[address] += 1
        try:
            yield
        finally:
            self._places[address] -= 1
            if not self._places[address]:
                del self._places[address]

    def close(self) -> None:
        """End every stream: the service stops."""
        self._closed = True
        self._changed.set()

    async def of(self, name: str, last: str | None) -> AsyncIterator[ServerSentEvent]:
        """Return the events of a study until it has ended.

        They are ``progress`` with its summary when it differs from the last, and ``end``.

        Args:
            name: Name of the study.
            last: Id of the event that the listener had last; an equal one is not sent again.
        """
        from fastapi.sse import ServerSentEvent

        self._listeners[name] += 1
        try:
            if self._task is None or self._task.done():
                self._seen = None  # what was seen then is of then
                self._task = asyncio.create_task(self._watching())
            while not self._closed:
                changed = self._changed
                if self._seen is None:
                    await changed.wait()
                    continue
                study = self._seen.get(name)
                if study is None:
                    return  # it was deleted
                text = study.model_dump_json()
                identity = hashlib.sha256(text.encode()).hexdigest()[:16]
                if identity != last:
                    last = identity
                    yield ServerSentEvent(raw_data=text, event="progress", id=identity)
                if study.state in ENDED:
                    yield ServerSentEvent(raw_data=text, event="end", id=identity)
                    return
                await changed.wait()
        finally:
            self._listeners[name] -= 1

    async def _watching(self) -> None:
        while self.listeners and not self._closed:
            began = time.monotonic()
            with self._degraded.isolated(
                "events"
            ):  # a store that is away: listeners hear of changes when it is back
                seen = await run_in_threadpool(self._look)
                if seen != self._seen:
                    self._seen = seen
                    changed, self._changed = self._changed, asyncio.Event()
                    changed.set()
            await asyncio.sleep(max(EVERY, (time.monotonic() - began) / SHARE))
