"""HEAD for every path that has GET: the same head, without a body."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadRequests:
    """An ASGI application that answers HEAD as GET, and stops once the head is sent.

    It stops also where the body would be a stream.

    Args:
        app: Application that answers GET.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        sent = asyncio.Event()

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})
                sent.set()

        answering = asyncio.ensure_future(self.app({**scope, "method": "GET"}, receive, send_head))
        waiting = asyncio.ensure_future(sent.wait())
        try:
            await asyncio.wait((answering, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            if sent.is_set():
                answering.cancel()
            with suppress(asyncio.CancelledError):
                await answering
