"""Where a request comes from: another site's page in the reader's own browser is no reader."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names of this machine that only it can reach."""
SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""


def names_this_machine(host: str) -> bool:
    """Whether a Host header is a loopback name. A page whose name was pointed here after it was loaded (DNS
    rebinding) has its own.

    >>> names_this_machine("localhost:8050"), names_this_machine("[::1]"), names_this_machine("rebound.example:8050")
    (True, True, False)
    """
    try:
        return urlsplit(f"//{host}").hostname in LOOPBACK and "@" not in host and "/" not in host
    except ValueError:
        return False


def from_same_origin(headers: Mapping[str, str], *, proven: bool) -> bool:
    """Whether a request comes from a page of this service, as the browser says: by Sec-Fetch-Site, else by
    Origin.

    The two headers cannot be set by a page. As in Go's ``http.CrossOriginProtection`` the scheme is not
    compared, since a proxy may end TLS before the service.

    Args: headers: by names in lower case. proven: else a request with neither header, which no browser of
    today sends for a change, passes.

    >>> from_same_origin({"host": "here:8050", "origin": "http://here:8050"}, proven=True)
    True
    >>> from_same_origin({"host": "here:8050", "origin": "http://there"}, proven=False), from_same_origin({}, proven=True)
    (False, False)
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
