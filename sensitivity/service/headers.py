"""Security headers of every answer.

They say where scripts may come from, that no other site may show or read an answer, and that no cache keeps
it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sensitivity.service.problems import broken

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""Of every answer."""
DATA = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""The policy of answers that are no pages."""
REPORT = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; style-src "
    "'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The policy of a report, which brings its scripts along: they run, in an origin of their own that sees
nothing of the service."""
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class Headers:
    """An ASGI application that adds the headers of :data:`ALWAYS` and a fitting content policy.

    Headers that the application sets itself are not replaced.

    Args:
        app: Application that answers.
        scripts: Hashes of inline scripts that its pages may run (:func:`dashboard_scripts`).
        api: Prefix of the paths of data; a page below it is a report.
    """

    def __init__(self, app: ASGIApp, scripts: Iterable[str] = (), api: str = "/api/") -> None:
        self.app, self.api, self.page = app, api, page_policy(scripts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers that the answer lacks."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        begun = False

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                from starlette.datastructures import MutableHeaders

                headers = MutableHeaders(scope=message)
                is_page = headers.get("content-type", "").startswith("text/html")
                of_api = scope["path"].startswith(self.api)
                policy = (REPORT if of_api else self.page) if is_page else DATA if of_api else self.page
                for name, value in {
                    **ALWAYS,
                    "Content-Security-Policy": policy,
                    "Cache-Control": "no-store",
                }.items():
                    headers.setdefault(name, value)
                # also where an answer may be asked for again by its ETag: that is for programs, which keep it
                # themselves
                if of_api:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        try:
            await self.app(scope, receive, with_headers)
        except Exception:  # Starlette answers these where no header is added any more
            if not begun:
                await broken()(scope, receive, with_headers)
            raise


def page_policy(scripts: Iterable[str] = ()) -> str:
    """Return the policy of pages: content of the service itself, and inline scripts with these hashes.

    There is no ``eval``. Plotly and Dash write style attributes, which hashes cannot allow; a style cannot
    run anything.

    Args:
        scripts: Hashes of the inline scripts.
    """
    allowed = " ".join(["'self'", *(f"'{digest}'" for digest in scripts)])
    return (
        f"default-src 'self'; script-src {allowed}; style-src 'self' 'unsafe-inline'; img-src 'self' data: "
        "blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action "
        "'self'; frame-ancestors 'none'"
    )


def dashboard_scripts(app: Any) -> list[str]:
    """Return the hashes of the inline scripts of a Dash application: of its index page, and of Dash."""
    added = [quoted.strip("'") for quoted in app.csp_hashes()]
    return [*map(script_hash, SCRIPT.findall(app.index_string)), *added]


def script_hash(text: str) -> str:
    """Return a script as a content policy names it.

    >>> script_hash("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
