"""Sessions: the cookie of a browser that has shown a token."""

from __future__ import annotations

import hashlib
import os
import pathlib
import secrets
import tempfile
from contextlib import suppress

from itsdangerous import BadData, URLSafeTimedSerializer

from sensitivity.service.tokens import SCOPES, Tokens
from trainables.names import InputError

SECONDS = 12 * 60 * 60
"""Seconds that a session lasts."""
KEY_FILE = "session.key"


class Sessions:
    """Signed cookies that hold the scope of a browser and an expiry, without the token.

    The service stores no session, so a session outlives a restart. All sessions end when a token is changed,
    or the key file is removed.

    Args:
        folder: Folder of the service, which holds the key; made if it does not exist.
        tokens: Tokens that sessions are opened with.
    Raises: InputError where the key cannot be written, or others may read it.
    """

    def __init__(self, folder: pathlib.Path, tokens: Tokens) -> None:
        key = _key(folder)
        self.cookie = f"sensitivity_{hashlib.sha256(key).hexdigest()[:8]}"
        """Its name: browsers do not tell the ports of a host apart, so two services on one machine would
        overwrite each other's."""
        self._serializer = URLSafeTimedSerializer(
            key, salt=tokens.version, signer_kwargs={"digest_method": hashlib.sha256}
        )

    def open(self, scope: str) -> str:
        """Return the value of the cookie of a new session."""
        return str(self._serializer.dumps(scope))

    def scope(self, cookie: str | None) -> str | None:
        """Return the scope of a session; None if the session is forged or has ended."""
        with suppress(BadData):
            scope = self._serializer.loads(cookie or "", max_age=SECONDS)
            return scope if scope in SCOPES else None
        return None


def _key(folder: pathlib.Path) -> bytes:
    """Return the random key of a folder.

    The file is linked into place whole, so that two services that start together have the same key.
    """
    place = folder / KEY_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            with tempfile.NamedTemporaryFile(dir=folder) as temporary:  # only its owner may read it
                temporary.write(secrets.token_bytes(32))
                temporary.flush()
                with suppress(FileExistsError):
                    os.link(temporary.name, place)
        if place.stat().st_mode & 0o077:
            raise InputError(f"{str(place)!r} may be read by others; remove it or chmod 600 it")
        return place.read_bytes()
    except OSError as error:
        raise InputError(
            f"--data {str(folder)!r} cannot keep the key of sessions: {error.strerror}"
        ) from None
