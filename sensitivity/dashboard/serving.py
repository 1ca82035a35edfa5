"""The server of the dashboard, for one machine."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, make_server

from sensitivity.dashboard.app import dashboard
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.readers.source import Source


def server(source: Source, host: str = "127.0.0.1", port: int = 0) -> BaseWSGIServer:
    """Return a server with a thread for every reader; ``serve_forever`` starts it.

    Args:
        source: The store.
        host: Address on which the server listens.
        port: Port on which the server listens; 0 takes any free port.
    Raises: InputError where the port is taken.
    """
    source.warm()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for every request
    try:
        return make_server(host, port, dashboard(source).server, threaded=True)
    except (OSError, SystemExit):
        raise InputError(f"--port {port} cannot be listened on; --port 0 takes any that is free") from None
