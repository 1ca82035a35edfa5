"""Access to the service: which requests are let in.

==============================  =====================================================================
bound to                        who gets in
==============================  =====================================================================
loopback, no token              any program of this machine that uses a loopback name (against DNS
                                rebinding), and no page of another site
any address, with tokens        ``Authorization: Bearer TOKEN``, or the session of a browser that has
                                logged in
another address, no token       nobody: the service does not start
==============================  =====================================================================

GET and HEAD read, every other method writes; only Dash's callbacks read by POST. Paths are those of the
scope, which the router reads too: ``request.url`` is made of the Host header, which anyone may write a path
into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sensitivity.service.attempts import Attempts
from sensitivity.service.body import BodyLimit
from sensitivity.service.headers import Headers
from sensitivity.service.login import Login
from sensitivity.service.origins import LOOPBACK, SAFE, from_same_origin, names_this_machine
from sensitivity.service.problems import problem
from sensitivity.service.sessions import Sessions
from sensitivity.service.tokens import VARIABLE, WRITE, Tokens, read_tokens
from trainables.names import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sensitivity.service.settings import Settings

LOGIN, LOGOUT = "/login", "/logout"
OPEN = ("/healthz", "/readyz")
"""Paths that a probe may request without a token; they tell the state of the service only."""
CALLBACK = "/_dash-update-component"
"""Path of Dash's callbacks; the dashboard changes nothing, so readers may post to it."""
IN_URL = ("token", "access_token", "api_key")
AGAIN = '<!doctype html><meta http-equiv="refresh" content="0"><title>sensitivity</title>'
LONGEST_FORM = 4_096
"""Bytes of the login form."""


def required_tokens(settings: Settings) -> Tokens:
    """Return the tokens that a service asks for; none if it is open to this machine.

    Args:
        settings: ``host`` and ``token_file``; ``SENSITIVITY_TOKEN`` is taken out of the environment.
    Raises: InputError for a service that others could reach without a token, and for tokens that cannot be
    used.
    """
    tokens = read_tokens(settings.token_file)
    if not tokens and settings.host not in LOOPBACK:
        raise InputError(
            f"--host must be {', '.join(LOOPBACK)} without a token, got {settings.host!r}; set {VARIABLE} or "
            "give --token-file for others"
        )
    return tokens


def guard(app: FastAPI, settings: Settings, tokens: Tokens, scripts: Iterable[str] = ()) -> None:
    """Put access, the limit of a request's body and the security headers around an application.

    Args:
        app: The application.
        settings: ``data`` for the key of sessions, ``max_body``.
        tokens: Tokens of :func:`required_tokens`.
        scripts: Hashes of the inline scripts that pages may run
            (:func:`sensitivity.service.headers.dashboard_scripts`).
    Raises: InputError where the key of sessions cannot be written.
    """
    sessions = Sessions(settings.data, tokens) if tokens else None
    app.add_middleware(BodyLimit, most=settings.max_body)  # the last one added is the first to be asked
    app.add_middleware(Access, tokens=tokens, sessions=sessions)
    app.add_middleware(Headers, scripts=scripts)


class Access:
    """An ASGI application behind which every request may do what it asks.

    ``request.state.access`` is ``read`` or ``write``.

    Args:
        app: Application that answers.
        tokens: Tokens that are let in; without any, the service is open to this machine.
        sessions: Sessions of browsers; None without tokens.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens, sessions: Sessions | None) -> None:
        self.app, self.tokens, self.sessions, self.attempts = app, tokens, sessions, Attempts()
        self.login = Login(tokens, sessions, self.attempts) if sessions else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] == "websocket":  # nothing here speaks it, and browsers let any site open one
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        if any(name in request.query_params for name in IN_URL):
            refused: Response | None = problem(
                400, "a token in an address ends up in logs: send it as 'Authorization: Bearer TOKEN'"
            )
        elif self.login and scope["path"] in (LOGIN, LOGOUT):
            await BodyLimit(self._pages, LONGEST_FORM)(scope, receive, send)
            return
        else:
            refused = self._refused(request) if self.tokens else _refused_here(request)
        await (refused or self.app)(scope, receive, send)

    async def _pages(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.login is not None
        request = Request(scope, receive)
        answer = await (self.login.login if scope["path"] == LOGIN else self.login.logout)(request)
        await answer(scope, receive, send)

    def _refused(self, request: Request) -> Response | None:
        """Return the refusal of a request; None if the request is let in."""
        bearer = request.headers.get("authorization")
        if request.scope["path"] in OPEN and request.method in SAFE:
            if bearer is not None and isinstance(scope := self._bearer(request, bearer), str):
                request.state.access = scope  # who has a token is told which parts do not work
            return None
        if bearer is not None:
            may = self._bearer(request, bearer)
        else:
            may = self.sessions.scope(request.cookies.get(self.sessions.cookie)) if self.sessions else None
            if (
                may is not None
                and request.method not in SAFE
                and not from_same_origin(request.headers, proven=True)
            ):
                return problem(403, "a change that a browser asks for must come from a page of this service")
        if isinstance(may, Response):
            return may
        if may is None:
            return (
                _to_login(request)
                if _is_page(request)
                else _unknown("a token is needed: send it as 'Authorization: Bearer TOKEN'")
            )
        if may != WRITE and _changes(request):
            return problem(403, "this token may read; to change something takes one that may write")
        request.state.access = may
        return None

    def _bearer(self, request: Request, header: str) -> str | Response | None:
        address = request.client.host if request.client else ""
        if wait := self.attempts.wait(address):
            return problem(
                429, f"too many wrong tokens; try again in {wait} seconds", {"Retry-After": str(wait)}
            )
        kind, _, token = header.partition(" ")
        scope = self.tokens.scope(token.strip()) if kind.lower() == "bearer" else None
        if scope is None:
            self.attempts.fail(address)
            return _unknown("this is no token of this service")
        return scope


def _refused_here(request: Request) -> Response | None:
    """Return the refusal of a request to a service without tokens; None if the request is let in.

    Only this machine reaches such a service, but the browser on it shows pages of other sites too.
    """
    if not names_this_machine(request.headers.get("host", "")):
        return problem(421, f"without a token the service answers to {', '.join(LOOPBACK)} only")
    if request.method not in SAFE and not from_same_origin(request.headers, proven=False):
        return problem(403, "a change that a browser asks for must come from a page of this service")
    request.state.access = WRITE
    return None


def _changes(request: Request) -> bool:
    path = request.scope["path"]
    callback = request.method == "POST" and path.endswith(CALLBACK) and not path.startswith("/api/")
    return request.method not in SAFE and not callback


def _is_page(request: Request) -> bool:
    return (
        request.method == "GET"
        and "text/html" in request.headers.get("accept", "")
        and not request.scope["path"].startswith("/api/")
    )


def _to_login(request: Request) -> Response:
    """Return a redirect to the login page.

    A link on another site leads first to the same page again, since the browser withholds a strict cookie
    from such a visit.
    """
    if request.headers.get("sec-fetch-site") == "cross-site":
        return HTMLResponse(AGAIN)
    query = request.scope["query_string"].decode("latin-1")
    after = quote(request.scope["path"]) + (f"?{query}" if query else "")
    return RedirectResponse(f"{LOGIN}?next={quote(after, safe='/')}", 303)


def _unknown(why: str) -> Response:
    return problem(401, why, {"WWW-Authenticate": 'Bearer realm="sensitivity"'})
