"""The dashboard, a WSGI application, as a part of the service."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from werkzeug.test import run_wsgi_app

from sensitivity.dashboard.writing import ACCESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send


class FromWsgi:
    """An ASGI application that answers with a WSGI application, in a thread.

    Bodies are read and sent whole: the dashboard's are small.

    Starlette's own adapter is deprecated, and Werkzeug, which the dashboard brings along, can call an
    application.
    """

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = await Request(scope, receive).body()
        chunks, status, headers = await run_in_threadpool(
            run_wsgi_app, self._application, _environment(scope, body), buffered=True
        )
        answer = Response(b"".join(chunks), int(status.split()[0]))
        fields = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers
            if name.lower() != "content-length"
        ]
        answer.raw_headers = [*fields, (b"content-length", str(len(answer.body)).encode())]
        await answer(scope, receive, send)


def _environment(scope: Scope, body: bytes) -> dict[str, Any]:
    """Return a request as the ``environ`` dictionary of WSGI (PEP 3333)."""
    host, port = scope.get("server") or ("localhost", 80)
    environment: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "CONTENT_LENGTH": str(len(body)),
        ACCESS: scope.get("state", {}).get("access"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environment[key] = value.decode("latin-1")
        elif key != "CONTENT_LENGTH":
            environment[f"HTTP_{key}"] = ",".join(
                filter(None, [environment.get(f"HTTP_{key}"), value.decode("latin-1")])
            )
    return environment
