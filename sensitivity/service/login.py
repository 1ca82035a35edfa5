"""The page on which a user enters an access token, once for each browser; it works without JavaScript."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, RedirectResponse, Response

from sensitivity.service.headers import script_hash
from sensitivity.service.origins import from_same_origin
from sensitivity.service.sessions import SECONDS

if TYPE_CHECKING:
    from starlette.requests import Request

    from sensitivity.service.attempts import Attempts
    from sensitivity.service.sessions import Sessions
    from sensitivity.service.tokens import Tokens

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #222222; --soft: #5c5c5c;
  --rule: #e2e2e2; --link: #0b5cad; --bad: #c02337; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #161616; --ink: #e8e8e8; --soft: #ababab; --rule: #3a3a3a; --link: #7db8f2; --bad: #f2788a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header { padding: .7rem 1.5rem; border-bottom: 1px solid var(--rule);
  font-weight: 700; letter-spacing: -.01em; }
main { max-width: 26rem; margin: 12vh auto 0; padding: 0 1.5rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .3rem; } p { color: var(--soft); margin: 0 0 1.2rem; }
label { display: block; font-weight: 600; font-size: .9rem; margin-bottom: .3rem; }
input, button { width: 100%; font: inherit; padding: .55rem .7rem;
  border-radius: 6px; border: 1px solid var(--soft);
  background: var(--paper); color: var(--ink); }
button { margin-top: .8rem; background: var(--link); border-color: var(--link); color: var(--paper);
  font-weight: 600; cursor: pointer; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; } a { color: var(--link); }
.bad { color: var(--bad); font-weight: 600; margin: .8rem 0 0; }
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} | sensitivity</title><link rel="icon" href="data:,"><style>{style}</style>
</head>
<body><header>sensitivity</header><main><h1>{title}</h1>{content}</main></body>
</html>"""
FORM = """<p>The studies of this service are open to those who have a token for them.</p>
<form method="post" action="/login"><input type="hidden" name="next" value="{next}">
<label for="token">Token</label><input id="token" name="token" type="password"
autocomplete="current-password" required autofocus>
<button>Log in</button>{error}</form>"""
INSIDE = """<p>This browser may {scope} here. <a href="/">To the studies</a></p>
<form method="post" action="/logout"><button>Log out</button></form>"""
LOOK = {
    "Content-Security-Policy": f"default-src 'none'; style-src '{script_hash(STYLE)}'; img-src data:; "
    f"form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    # with no-referrer a browser hides the origin of a form, which is what it is known by here
    "Referrer-Policy": "same-origin",
}


class Login:
    """Log in, log out, and the page for both.

    Args:
        tokens: Tokens that are let in.
        sessions: Makes the session of a browser that has shown a token.
        attempts: Counts wrong tokens by address.
    """

    def __init__(self, tokens: Tokens, sessions: Sessions, attempts: Attempts) -> None:
        self.tokens, self.sessions, self.attempts = tokens, sessions, attempts

    async def login(self, request: Request) -> Response:
        """Answer the login page; a posted token becomes a session."""
        if request.method != "POST":
            scope = self.sessions.scope(request.cookies.get(self.sessions.cookie))
            return self._inside(scope) if scope else self._form(200, request.query_params.get("next", "/"))
        fields = parse_qs((await request.body()).decode("utf-8", "replace"))
        after = local(fields.get("next", ["/"])[0])
        if not from_same_origin(request.headers, proven=False):
            return self._form(403, after, "The form was sent from another site.")
        address = request.client.host if request.client else ""
        if wait := self.attempts.wait(address):
            return self._form(
                429, after, f"Too many wrong tokens; try again in {wait} seconds.", {"Retry-After": str(wait)}
            )
        scope = self.tokens.scope(fields.get("token", [""])[0].strip())
        if scope is None:
            self.attempts.fail(address)
            return self._form(401, after, "This is no token of this service.")
        answer = RedirectResponse(after, 303)
        answer.set_cookie(
            self.sessions.cookie,
            self.sessions.open(scope),
            max_age=SECONDS,
            secure=request.scope["scheme"] == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    async def logout(self, request: Request) -> Response:
        """End the session of a browser."""
        if request.method != "POST" or not from_same_origin(request.headers, proven=False):
            return RedirectResponse("/login", 303)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(
            self.sessions.cookie, secure=request.scope["scheme"] == "https", httponly=True, samesite="strict"
        )
        return answer

    def _form(
        self, status: int, after: str, error: str = "", headers: dict[str, str] | None = None
    ) -> Response:
        message = f'<p class="bad" role="alert">{html.escape(error)}</p>' if error else ""
        return self._page(
            "Log in", FORM.format(next=html.escape(local(after)), error=message), status, headers
        )

    def _inside(self, scope: str) -> Response:
        return self._page(
            "Logged in", INSIDE.format(scope="read and write" if scope == "write" else "read"), 200
        )

    def _page(self, title: str, content: str, status: int, headers: dict[str, str] | None = None) -> Response:
        return HTMLResponse(
            PAGE.format(title=title, style=STYLE, content=content), status, {**LOOK, **(headers or {})}
        )


def local(path: str) -> str:
    """Return a path of this service, or its first page for what leads elsewhere.

    >>> local("/study/a?x=1"), local("//elsewhere"), local("https://elsewhere"), local("/\\\\elsewhere")
    ('/study/a?x=1', '/', '/', '/')
    """
    is_local = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isascii() and path.isprintable()
    return path if is_local else "/"
