"""Limits of connections.

They bound the number of connections, of one address and of all, and the time for which a client may keep the
service waiting.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from sensitivity.service.degraded import Degraded

HEAD_SECONDS = 10.0
"""Seconds in which the head of a request has to arrive, from its first byte or, on a new connection, from the
start of the connection."""
SHARE = 0.5
"""Share of the descriptors of the process that the connections of one address may take."""
RESERVED = 64
"""Descriptors that connections leave to the store, files, logs and processes."""
ACCEPTED_AT_ONCE = 8
"""Connections that are accepted before those over a limit are closed; they need as many more descriptors."""
QUEUE = 1024
"""Connections that wait in the queue of the kernel."""
READ_SECONDS = 60.0
"""Seconds in which a client has to read something of an answer."""
PASSING_SECONDS = 60.0
"""Seconds for which a refused or closed connection counts as a fault of the service; the log does not repeat
its line meanwhile."""


def share_of_descriptors(share: float) -> int:
    """Return a part of the descriptors that this process may open (``ulimit -n``).

    Args:
        share: Part of the descriptors, from 0 to 1.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return int(share * soft) if soft != resource.RLIM_INFINITY else 100_000


def connections_of_all() -> int:
    """Return the number of connections allowed: the descriptors of the process less :data:`RESERVED`."""
    return max(1, share_of_descriptors(1.0) - RESERVED)


@dataclass
class Limits:
    """The limits of a server, and the connections that count towards them.

    Args:
        degraded: Gets a fault for every refused or closed connection, so that the log has a line.
        of_address: Connections of one address.
        of_all: Connections of all addresses.
        head_seconds: Seconds for the head of a request.
        read_seconds: Seconds in which a client has to read something of an answer.
        counts: Open connections by address.
        waiting: Connections without a head, the longest waiting first. The first is closed where a new
            connection would be one too many.
    """

    degraded: Degraded
    of_address: int
    of_all: int
    head_seconds: float = HEAD_SECONDS
    read_seconds: float = READ_SECONDS
    counts: Counter[str] = field(default_factory=Counter)
    waiting: dict[LimitedProtocol, None] = field(default_factory=dict)

    def admit(self, address: str) -> bool:
        """Make a place for a connection of an address; False if there is none."""
        if self.counts[address] >= self.of_address:
            self._note(
                f"connections of {address}", f"more than {self.of_address} at once; the rest is refused"
            )
            return _close_first(protocol for protocol in self.waiting if protocol._address == address)
        if self.counts.total() >= self.of_all:
            self._note("connections", f"more than {self.of_all} at once; the rest is refused")
            return _close_first(self.waiting)
        return True

    def release(self, address: str) -> None:
        """Count a connection of an address no more."""
        self.counts[address] -= 1
        if not self.counts[address]:
            del self.counts[address]

    def note_late_head(self, address: str | None) -> None:
        """Note a connection that is closed because the head of its request did not arrive in time."""
        cause = f"no head of a request within {self.head_seconds:g} seconds; closed"
        self._note(f"heads from {address}", cause)

    def note_late_reader(self, address: str | None) -> None:
        """Note a connection that is closed because its client did not read the answer."""
        cause = f"a reader did not take what it asked for within {self.read_seconds:g} seconds; closed"
        self._note(f"readers at {address}", cause)

    def _note(self, part: str, cause: str) -> None:
        self.degraded.note(part, cause, seconds=PASSING_SECONDS)


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 on a connection whose address, head and client are within limits."""

    limits: ClassVar[Limits]
    _address: str | None = None
    _head_timer: asyncio.TimerHandle | None = None
    _read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless its address has too many."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not self.limits.admit(address):
            transport.abort()
            return
        self._address = address
        self.limits.counts[address] += 1
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

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that breaks off or is none, and close its connection.

        What else would answer the request is not sent: uvicorn would log a traceback for it.
        """
        with suppress(h11.LocalProtocolError):  # the answer has begun
            super().send_400_response(msg)
        self.transport.close()
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def pause_writing(self) -> None:
        """Wait for the client to read, for a bounded time."""
        super().pause_writing()
        self._read_timer = self._read_timer or self.loop.call_later(
            self.limits.read_seconds, self._reader_is_late
        )

    def resume_writing(self) -> None:
        """Go on after the client has read, or has gone."""
        super().resume_writing()
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _reader_is_late(self) -> None:
        self.limits.note_late_reader(self._address)
        self.transport.abort()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.limits.head_seconds, self._head_is_late)
            self.limits.waiting[self] = None

    def _end_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
            del self.limits.waiting[self]

    def _head_is_late(self) -> None:
        self.limits.note_late_head(self._address)
        self._end_head()
        self.transport.close()

    def _release(self) -> None:
        """Count the connection no more."""
        self._end_head()
        if self._address is not None:
            self.limits.release(self._address)
            self._address = None


def _close_first(protocols: Iterable[LimitedProtocol]) -> bool:
    """Close the first of some connections; False if there is none."""
    for protocol in protocols:
        protocol._release()
        protocol.transport.abort()
        return True
    return False


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
        degraded: Gets a fault for every refused or closed connection, so that the log has a line.
        most: Connections of one address; :data:`SHARE` of the descriptors if None.
        head_seconds: Seconds for the head of a request.
        most_of_all: Connections of all addresses; :func:`connections_of_all` if None.
        read_seconds: Seconds in which a client has to read something of an answer.
    """
    limits_of_server = Limits(
        degraded,
        share_of_descriptors(SHARE) if most is None else most,
        connections_of_all() if most_of_all is None else most_of_all,
        head_seconds,
        read_seconds,
    )

    class Protocol(LimitedProtocol):
        """The protocol of one server."""

        limits = limits_of_server

    return Protocol
