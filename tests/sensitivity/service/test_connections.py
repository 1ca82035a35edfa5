"""Slow strangers: half-sent heads end in time, and one address does not take every connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import uvicorn

from sensitivity.service.connections import limited
from sensitivity.service.degraded import Degraded

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def answers(scope: object, receive: object, send: Callable[[dict[str, object]], Awaitable[None]]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def served(degraded: Degraded, most: int, head_seconds: float, visit: Callable[[Connect], Awaitable[None]]) -> None:
    async def serve() -> None:
        protocol = limited(degraded, most, head_seconds)
        config = uvicorn.Config(answers, http=protocol, ws="none", lifespan="off", log_level="warning")  # type: ignore[arg-type]
        config.load()
        state = uvicorn.server.ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: protocol(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]
            "127.0.0.1", 0,
        )  # fmt: skip
        port = server.sockets[0].getsockname()[1]
        writers: list[asyncio.StreamWriter] = []

        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writers.append(writer)
            return reader, writer

        async with server, asyncio.timeout(60):
            await visit(connect)
            for writer in writers:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

    asyncio.run(serve())


@pytest.mark.parametrize("sent", [b"", b"G", HEAD, HEAD + b"X-A: 1\r\n"], ids=["nothing", "a letter", "half a head", "a header more"])
def test_half_a_head_ends_the_connection(sent: bytes) -> None:
    degraded = Degraded()

    async def visit(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(sent)
        assert await reader.read() == b""

    served(degraded, 10, 0.05, visit)
    assert degraded.faults() == {"connections of 127.0.0.1": "no head of a request within 0.05 seconds; closed"}


def test_an_address_has_no_more_connections_than_it_may_and_gets_them_back() -> None:
    degraded = Degraded()

    async def visit(connect: Connect) -> None:
        held = [await connect() for _ in range(3)]
        for reader, writer in held:
            writer.write(HEAD + b"\r\n")
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        refused, writer = await connect()
        writer.write(HEAD + b"\r\n")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await refused.readexactly(1)
        for _, writer in held:
            writer.close()
        served_again = False
        while not served_again:
            reader, writer = await connect()
            writer.write(HEAD + b"\r\n")
            try:
                served_again = (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            except (asyncio.IncompleteReadError, ConnectionError):
                continue  # the service has not heard yet that three connections are closed

    served(degraded, 3, 30, visit)
    assert degraded.faults() == {"connections of 127.0.0.1": "more than 3 at once; the rest is refused"}
