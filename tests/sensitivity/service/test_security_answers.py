"""What answers tell the browser, and what a request may carry: headers, content policies, the size of a body,
what is logged."""

from __future__ import annotations

import asyncio
import logging
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sensitivity.service.body import BodyLimit
from tests.sensitivity.service.guarded import HERE, READER, WRITER, Visitor, bearer, guarded

STUDIES = "/api/v1/studies"
LIMIT = 1000


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        pytest.param(STUDIES, "default-src 'none'; frame-ancestors 'none'; sandbox", id="data"),
        pytest.param("/", "default-src 'self'; script-src 'self';", id="a page"),
        pytest.param(
            f"{STUDIES}/x/report", "sandbox allow-scripts allow-downloads; default-src 'none';", id="a report"
        ),
        pytest.param("/none", "default-src 'self'", id="nothing"),
    ],
)
def test_every_answer_says_what_the_browser_may_do_with_it(
    tmp_path: pathlib.Path, path: str, policy: str
) -> None:
    answer = Visitor(guarded(tmp_path)).get(path, headers=bearer(READER))
    assert answer.headers["content-security-policy"].startswith(policy)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "unsafe-eval" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


def test_refusals_have_the_headers_too(tmp_path: pathlib.Path) -> None:
    answer = Visitor(guarded(tmp_path)).get(STUDIES)
    assert (
        answer.status_code,
        answer.headers["x-content-type-options"],
        answer.headers["cache-control"],
    ) == (401, "nosniff", "no-store")


async def pieces(total: int) -> AsyncIterator[bytes]:
    for _ in range(total // 100):
        yield b"x" * 100


@pytest.mark.parametrize(
    ("size", "chunked", "status"),
    [
        (LIMIT, False, 200),
        (LIMIT + 1, False, 413),
        (LIMIT, True, 200),
        (LIMIT + 100, True, 413),
        (100 * LIMIT, True, 413),
        (0, False, 200),
    ],
)
def test_a_body_is_no_larger_than_allowed(
    tmp_path: pathlib.Path, size: int, chunked: bool, status: int
) -> None:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(guarded(tmp_path, max_body=LIMIT))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as sender:
            return await sender.post(
                STUDIES, content=pieces(size) if chunked else b"x" * size, headers=bearer(WRITER)
            )

    answer = asyncio.run(send())
    assert answer.status_code == status
    assert (
        answer.json() == {"bytes": size}
        if status == 200
        else answer.json()["detail"] == "a body must have at most 1,000 bytes"
    )


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 5000, "x", " 5"])
def test_a_length_that_is_none_is_refused(tmp_path: pathlib.Path, length: str) -> None:
    answer = Visitor(guarded(tmp_path)).post(STUDIES, headers={**bearer(WRITER), "content-length": length})
    assert answer.status_code in (400, 413)


def test_a_stranger_is_refused_before_the_body_is_read(tmp_path: pathlib.Path) -> None:
    read: list[bytes] = []

    async def endless() -> AsyncIterator[bytes]:
        while len(read) < 1000:
            read.append(b"x" * 100)
            yield read[-1]

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(guarded(tmp_path)), base_url=HERE
        ) as sender:
            return await sender.post(STUDIES, content=endless())

    assert asyncio.run(send()).status_code == 401
    assert not read


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    answered: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nothing to answer")

    async def never() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        answered.append(message)

    asyncio.run(BodyLimit(app, LIMIT, seconds=0.01)({"type": "http", "headers": []}, never, send))
    assert answered[0]["status"] == 408


def test_a_reader_that_goes_is_heard_of_after_the_body(tmp_path: pathlib.Path) -> None:
    """Events end when their reader has gone, which is what follows the body."""
    heard: list[Any] = []
    messages = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b"},
        {"type": "http.disconnect"},
    ]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.extend([await receive(), await receive()])

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None: ...

    asyncio.run(BodyLimit(app, LIMIT)({"type": "http", "headers": []}, receive, send))
    assert heard == [{"type": "http.request", "body": b"ab", "more_body": False}, {"type": "http.disconnect"}]


def test_no_secret_is_logged(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a token nor a session, whatever went wrong; the server itself notes no requests."""
    caplog.set_level(logging.DEBUG)
    visitor = Visitor(guarded(tmp_path))
    visitor.log_in(WRITER)
    session = next(iter(visitor.cookies.values()))
    for headers in (bearer(WRITER), bearer("wrong" * 10), {}):
        visitor.get(f"{STUDIES}?token={WRITER}", headers=headers)
        visitor.delete(f"{STUDIES}/x", headers=headers)
    ours = [each.getMessage() for each in caplog.records if each.name != "httpx"]  # the test's own client
    assert not [each for each in ours if WRITER in each or session in each or "wrongwrong" in each]
