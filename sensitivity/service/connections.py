"""Limits of connections: how many an address may have, and how long the head of a request may take."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from sensitivity.service.degraded import Degraded

HEAD_SECONDS = 10.0
"""Within which the head of a request has to arrive, counted from its first byte or, on a new connection, from its start."""
SHARE = 0.5
"""Of the descriptors that the process may open, for the connections of one address."""
PASSING_SECONDS = 60.0
"""For which a refused or closed connection counts as a fault of the service, and its line is not repeated in the log."""


def connections_per_address() -> int:
    """Return how many connections one address may have: half the descriptors of the process (``ulimit -n``)."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return int(SHARE * soft) if soft != resource.RLIM_INFINITY else 100_000


def limited(degraded: Degraded, most: int | None = None, head_seconds: float = HEAD_SECONDS) -> type[asyncio.Protocol]:
    """Return the protocol of connections, for ``uvicorn.Config(http=...)``.

    Args:
        degraded: is told of what is refused, so the log has a line.
        most: connections of one address; :func:`connections_per_address` if None.
        head_seconds: for the head of a request.
    """
    limit = connections_per_address() if most is None else most
    counts: Counter[str] = Counter()

    class LimitedProtocol(H11Protocol):
        """HTTP/1.1 on a connection whose address and head are within limits."""

        _address: str | None = None
        _head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            """Take a connection, unless its address has too many."""
            super().connection_made(transport)
            address = self.client[0] if self.client else ""
            if counts[address] >= limit:
                degraded.note(f"connections of {address}", f"more than {limit} at once; the rest is refused", seconds=PASSING_SECONDS)
                transport.abort()
                return
            self._address = address
            counts[address] += 1
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            """Forget a connection."""
            self._end_head()
            if self._address is not None:
                counts[self._address] -= 1
                if not counts[self._address]:
                    del counts[self._address]
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

        def _await_head(self) -> None:
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(head_seconds, self._head_is_late)

        def _end_head(self) -> None:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

        def _head_is_late(self) -> None:
            self._head_timer = None
            cause = f"no head of a request within {head_seconds:g} seconds; closed"
            degraded.note(f"connections of {self._address}", cause, seconds=PASSING_SECONDS)
            self.transport.close()

    kind: Any = LimitedProtocol
    return kind  # type: ignore[no-any-return]
