"""Origin of a request: a page of another site in the reader's own browser is no reader."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names of this machine that only it can reach."""
SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""


def names_this_machine(host: str) -> bool:
    """Return True if a Host header is a loopback name.

    A page whose name was pointed to this machine after it was loaded (DNS rebinding) has its own name in the
    header.

    >>> names_this_machine("localhost:8050"), names_this_machine("[::1]")
    (True, True)
    >>> names_this_machine("rebound.example:8050")
    False
    """
    try:
        return urlsplit(f"//{host}").hostname in LOOPBACK and "@" not in host and "/" not in host
    except ValueError:
        return False


def from_same_origin(headers: Mapping[str, str], *, proven: bool) -> bool:
    """Return True if a request comes from a page of this service.

    The browser says so by Sec-Fetch-Site, else by Origin; a page cannot set these two headers. As in Go's
    ``http.CrossOriginProtection`` the scheme is not compared, since a proxy may end TLS before the service.

    Args:
        headers: Headers by names in lower case.
        proven: False lets a request with neither header pass; no browser of today sends a change without one.

    >>> from_same_origin({"host": "here:8050", "origin": "http://here:8050"}, proven=True)
    True
    >>> from_same_origin({"host": "here:8050", "origin": "http://there"}, proven=False)
    False
    >>> from_same_origin({}, proven=True)
    False
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site in ("same-origin", "none")
    if origin is None:
        return not proven
    try:
        return urlsplit(origin).netloc == headers.get("host") != ""
    except ValueError:
        return False
