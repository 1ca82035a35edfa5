"""The body of a request, read whole before it is answered, and no further than a limit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sensitivity.service.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = 30.0
"""Seconds in which a body has to arrive."""
CLOSE = {"Connection": "close"}


class BodyLimit:
    """An ASGI application behind which no body is larger than a limit, with or without a stated length.

    A larger body is answered with 413 as soon as that is known, and a body that does not arrive in time with
    408.

    Args:
        app: Application that answers.
        most: Bytes of a body, at most.
        seconds: Seconds for the whole body.
    """

    def __init__(self, app: ASGIApp, most: int, seconds: float = SECONDS) -> None:
        self.app, self.most, self.seconds = app, most, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then hand it on in one piece."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        if (
            b"content-length" in headers and b"transfer-encoding" in headers
        ):  # two lengths: a proxy may believe the other one
            await problem(400, "a body has Content-Length or Transfer-Encoding, not both", CLOSE)(
                scope, receive, send
            )
            return
        if not length.isdigit() or int(length[:20]) > self.most:
            await self._refuse(413, scope, receive, send)
            return
        parts: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(self.seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    parts.append(message.get("body", b""))
                    size, more = size + len(parts[-1]), message.get("more_body", False)
                    if size > self.most:
                        await self._refuse(413, scope, receive, send)
                        return
        except TimeoutError:
            await self._refuse(408, scope, receive, send)
            return
        read = False

        async def whole() -> Message:
            nonlocal read
            if read:
                return await receive()  # what follows is that the reader has gone
            read = True
            return {"type": "http.request", "body": b"".join(parts), "more_body": False}

        await self.app(scope, whole, send)

    async def _refuse(self, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        why = (
            f"a body must have at most {self.most:,} bytes"
            if status == 413
            else f"a body must arrive within {self.seconds:g} seconds"
        )
        await problem(status, why, CLOSE)(scope, receive, send)
