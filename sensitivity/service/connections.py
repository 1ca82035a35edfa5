"""Limits of connections: how many there may be, of one address and of all, and how long a reader may keep the
service waiting."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Iterator
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from sensitivity.service.degraded import Degraded

HEAD_SECONDS = 10.0
"""Within which the head of a request has to arrive, counted from its first byte or, on a new connection, from
its start."""
SHARE = 0.5
"""Of the descriptors that the process may open, for the connections of one address."""
RESERVED = 64
"""Descriptors that connections leave to the store, files, logs and processes."""
ACCEPTED_AT_ONCE = 8
"""Connections that are accepted before those over a limit are closed: so many descriptors more than the
limits say are in use."""
QUEUE = 1024
"""Connections that the kernel accepts for the service meanwhile."""
READ_SECONDS = 60.0
"""Within which a reader has to take something of what waits for it."""
PASSING_SECONDS = 60.0
"""For which a refused or closed connection counts as a fault of the service, and its line is not repeated in
the log."""


def share_of_descriptors(share: float) -> int:
    """Return a part of the descriptors that this process may open (``ulimit -n``).

    Args:
        share: between 0 and 1.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return int(share * soft) if soft != resource.RLIM_INFINITY else 100_000


def connections_of_all() -> int:
    """Return how many connections there may be: the descriptors of the process, but for :data:`RESERVED`."""
    return max(1, share_of_descriptors(1.0) - RESERVED)


def limited(
    degraded: Degraded,
    most: int | None = None,
    head_seconds: float = HEAD_SECONDS,
    *,
    most_of_all: int | None = None,
    read_seconds: float = READ_SECONDS,
) -> type[asyncio.Protocol]:
    """Return the protocol of connections, for ``uvicorn.Config(http=...)``.

    Args:
        degraded: is told of what is refused, so the log has a line.
        most: connections of one address; :data:`SHARE` of the descriptors if None.
        head_seconds: for the head of a request.
        most_of_all: connections of all addresses; :func:`connections_of_all` if None.
        read_seconds: for a reader to take something of what waits for it.
    """
    limit = share_of_descriptors(SHARE) if most is None else most
    limit_of_all = connections_of_all() if most_of_all is None else most_of_all
    counts: Counter[str] = Counter()
    waiting: dict[LimitedProtocol, None] = {}
    """Connections without a head, the one that has waited longest first: it is closed where a new one would
    be too many."""

    class LimitedProtocol(H11Protocol):
        """HTTP/1.1 on a connection whose address, head and reader are within limits."""

        _address: str | None = None
        _head_timer: asyncio.TimerHandle | None = None
        _read_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            """Take a connection, unless its address has too many."""
            super().connection_made(transport)
            address = self.client[0] if self.client else ""
            if counts[address] >= limit:
                degraded.note(
                    f"connections of {address}",
                    f"more than {limit} at once; the rest is refused",
                    seconds=PASSING_SECONDS,
                )
                place = _closed(protocol for protocol in waiting if protocol._address == address)
            elif counts.total() >= limit_of_all:
                degraded.note(
                    "connections",
                    f"more than {limit_of_all} at once; the rest is refused",
                    seconds=PASSING_SECONDS,
                )
                place = _closed(iter(waiting))
            else:
                place = True
            if not place:
                transport.abort()
                return
            self._address = address
            counts[address] += 1
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            """Forget a connection."""
            self.resume_writing()
            self._release()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            """Read on; a head that has begun has to end in time."""
            if self._address is None:
                return
            super().data_received(data)
            if self.conn.their_state is h11.IDLE:
                self._await_head()
            else:
                self._end_head()

        def pause_writing(self) -> None:
            """Wait for the reader, but not without end."""
            super().pause_writing()
            self._read_timer = self._read_timer or self.loop.call_later(read_seconds, self._reader_is_late)

        def resume_writing(self) -> None:
            """Go on: the reader has taken what waited for it, or has gone."""
            super().resume_writing()
            if self._read_timer is not None:
                self._read_timer.cancel()
                self._read_timer = None

        def _reader_is_late(self) -> None:
            cause = f"a reader did not take what it asked for within {read_seconds:g} seconds; closed"
            degraded.note(f"readers at {self._address}", cause, seconds=PASSING_SECONDS)
            self.transport.abort()

        def _await_head(self) -> None:
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(head_seconds, self._head_is_late)
                waiting[self] = None

        def _end_head(self) -> None:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
                del waiting[self]

        def _head_is_late(self) -> None:
            cause = f"no head of a request within {head_seconds:g} seconds; closed"
            degraded.note(f"heads from {self._address}", cause, seconds=PASSING_SECONDS)
            self._end_head()
            self.transport.close()

        def _release(self) -> None:
            """Count the connection no more."""
            self._end_head()
            if self._address is not None:
                counts[self._address] -= 1
                if not counts[self._address]:
                    del counts[self._address]
                self._address = None

    def _closed(protocols: Iterator[LimitedProtocol]) -> bool:
        """Close the first of some connections; False where there is none."""
        for protocol in protocols:
            protocol._release()
            protocol.transport.abort()
            return True
        return False

    kind: Any = LimitedProtocol
    return kind  # type: ignore[no-any-return]
