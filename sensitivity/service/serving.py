"""The server of the service."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import uvicorn

from sensitivity.service.connections import ACCEPTED_AT_ONCE, QUEUE, limited
from trainables.names import InputError

if TYPE_CHECKING:
    from fastapi import FastAPI

LONGEST_END = 10
"""Seconds that answers may still take when the service is stopped."""


IDLE = 75
"""Seconds that a connection is kept for another question: longer than readers pause, so that none is closed
as they ask."""


class Server(uvicorn.Server):
    """A server that ends the streams of events when it is stopped, so that listeners connect again."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                ws="none",
                http=limited(
                    app.state.context.degraded
                ),  # h11, which bounds what it reads of a stranger's headers; httptools does not
                timeout_graceful_shutdown=LONGEST_END,
                timeout_keep_alive=IDLE,
                backlog=ACCEPTED_AT_ONCE,
            )
        )
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, with a longer queue in the kernel than the number of connections accepted at once.

        asyncio has one number for both.
        """
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(QUEUE)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, when what is being answered is answered."""
        self._app.state.context.events.close()
        self._app.state.context.tables.stop()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket to serve on.

    Args:
        host: Address.
        port: Port; 0 takes any free port.
    Raises: InputError where the address or port cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=QUEUE)
    except OSError as error:
        raise InputError(
            f"--host {host} --port {port} cannot be listened on: {error.strerror}; --port 0 takes any that "
            "is free"
        ) from None
