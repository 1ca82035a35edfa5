"""Slow strangers: half-sent heads end in time, and one address does not take every connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

from sensitivity.service.connections import limited
from sensitivity.service.degraded import Degraded

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


Send = Callable[[dict[str, object]], Awaitable[None]]


async def answers(scope: object, receive: object, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def served(
    degraded: Degraded,
    most: int,
    head_seconds: float,
    visit: Callable[[Connect], Awaitable[None]],
    application: Any = answers,
    **limits: Any,
) -> None:
    async def serve() -> None:
        protocol = limited(degraded, most, head_seconds, **limits)
        config = uvicorn.Config(application, http=protocol, ws="none", lifespan="off", log_level="warning")
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


@pytest.mark.parametrize(
    "sent",
    [b"", b"G", HEAD, HEAD + b"X-A: 1\r\n"],
    ids=["nothing", "a letter", "half a head", "a header more"],
)
def test_half_a_head_ends_the_connection(sent: bytes) -> None:
    degraded = Degraded()

    async def visit(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(sent)
        assert await reader.read() == b""

    served(degraded, 10, 0.05, visit)
    assert degraded.faults() == {"heads from 127.0.0.1": "no head of a request within 0.05 seconds; closed"}


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


@pytest.mark.parametrize(
    ("most", "limits", "part"),
    [(2, {}, "connections of 127.0.0.1"), (9, {"most_of_all": 2}, "connections")],
    ids=["of one address", "of all"],
)
def test_who_waits_longest_with_half_a_head_makes_room(most: int, limits: dict[str, int], part: str) -> None:
    degraded = Degraded()

    async def visit(connect: Connect) -> None:
        halves = [await connect() for _ in range(2)]
        for _, writer in halves:
            writer.write(HEAD)
        reader, writer = await connect()
        writer.write(HEAD + b"\r\n")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        with suppress(ConnectionError):
            assert await halves[0][0].read() == b""
        halves[1][1].write(b"\r\n")
        assert (await halves[1][0].readuntil(b"ok")).startswith(b"HTTP/1.1 200")

    served(degraded, most, 30, visit, **limits)
    assert degraded.faults() == {part: "more than 2 at once; the rest is refused"}


def test_a_reader_who_takes_nothing_is_disconnected() -> None:
    degraded = Degraded()
    sent: list[int] = []
    ended = asyncio.Event()

    async def endless(scope: object, receive: Callable[[], Awaitable[dict[str, object]]], send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        disconnected = asyncio.ensure_future(_disconnected(receive))
        while not disconnected.done():
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
            sent.append(100_000)
            await asyncio.sleep(0)
        ended.set()

    async def visit(connect: Connect) -> None:
        _, writer = await connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(HEAD + b"\r\n")
        await ended.wait()

    served(degraded, 10, 30, visit, endless, read_seconds=0.2)
    assert degraded.faults() == {
        "readers at 127.0.0.1": "a reader did not take what it asked for within 0.2 seconds; closed"
    }
    assert sum(sent) < 50_000_000, "what nobody takes is not kept"


@pytest.mark.parametrize("pause", [None, 0.2], ids=["before the answer", "after the answer"])
def test_a_body_that_is_none_closes_the_connection_and_logs_no_traceback(
    pause: float | None, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async def visit(connect: Connect) -> None:
        reader, writer = await connect()
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        if pause is not None:
            writer.write(head)
            await asyncio.sleep(pause)
        writer.write(b"no chunk\r\n" if pause is not None else head + b"no chunk\r\n")
        assert (await reader.read()).count(b"HTTP/1.1 ") == 1

    served(Degraded(), 10, 30, visit)
    assert not [record for record in caplog.records if record.exc_info]  # of asyncio
    assert "Traceback" not in capfd.readouterr().err  # of the server


async def _disconnected(receive: Callable[[], Awaitable[dict[str, object]]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
