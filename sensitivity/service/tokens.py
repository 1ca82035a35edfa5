"""Tokens: the secrets that let readers and writers in, kept as hashes."""

from __future__ import annotations

import hashlib
import hmac
import os
import pathlib
import stat
from collections.abc import MutableMapping
from dataclasses import dataclass, field

from trainables.names import InputError, unknown

READ, WRITE = SCOPES = ("read", "write")
"""Whoever may write may read."""
VARIABLE = "SENSITIVITY_TOKEN"
SHORTEST = 32
"""Characters; 32 of ``secrets.token_hex`` are 128 random bits."""
MAKE_ONE = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'


@dataclass(frozen=True)
class Tokens:
    """Every token that is let in, as its SHA-256 with its scope.

    Args:
        known: Pairs of a digest and one of :data:`SCOPES`.
    """

    known: tuple[tuple[bytes, str], ...] = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self.known)

    def scope(self, token: str) -> str | None:
        """Return the scope of a token; None if the token is unknown.

        The comparison takes the same time for every token, however near it is to a known one.
        """
        digest, granted = _digest(token), None
        for known, scope in self.known:
            if hmac.compare_digest(known, digest):
                granted = scope
        return granted

    @property
    def version(self) -> str:
        """Text that changes with any token; what was signed under the old tokens ends."""
        return hashlib.sha256(
            b"".join(sorted(digest + scope.encode() for digest, scope in self.known))
        ).hexdigest()[:16]


def read_tokens(
    file: pathlib.Path | None = None, environment: MutableMapping[str, str] = os.environ
) -> Tokens:
    """Return the tokens of the environment and of a file.

    Args:
        file: Lines ``read TOKEN`` and ``write TOKEN``; ``#`` begins a comment.
        environment: Its ``SENSITIVITY_TOKEN`` may write, and is taken out, so that the processes of studies
            do not inherit it.
    Raises: InputError for a file that cannot be read or that others may read, another form of line, a token
    that is short, has other than visible ASCII characters, or is given twice. No error holds a token.
    """
    entries = [(VARIABLE, WRITE, environment.pop(VARIABLE))] if environment.get(VARIABLE) else []
    for number, line in enumerate(_lines(file) if file is not None else (), 1):
        if not line.strip() or line.startswith("#"):
            continue
        scope, _, token = line.strip().partition(" ")
        if scope not in SCOPES:
            raise unknown(
                f"scope in line {number} of --token-file",
                "..." if len(scope) > len("write!") else scope,
                SCOPES,
            )
        entries.append((f"the token in line {number} of --token-file", scope, token.strip()))
    known: dict[bytes, str] = {}
    for place, scope, token in entries:
        if (
            len(token) < SHORTEST
            or not token.isascii()
            or not all("!" <= character <= "~" for character in token)
        ):
            raise InputError(
                f"{place} must have at least {SHORTEST} visible ASCII characters, got {len(token)}; make one "
                f"with {MAKE_ONE}"
            )
        if _digest(token) in known:
            raise InputError(f"{place} is given twice; each token has one scope")
        known[_digest(token)] = scope
    return Tokens(tuple(known.items()))


def _lines(file: pathlib.Path) -> list[str]:
    try:
        with file.open(encoding="utf-8") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise InputError(
                    f"--token-file {str(file)!r} may be used by others ({stat.S_IMODE(mode):o}); chmod 600 it"
                )
            return opened.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"--token-file {str(file)!r} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}"
        ) from None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
