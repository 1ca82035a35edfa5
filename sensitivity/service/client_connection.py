"""The HTTP connection of a client to a service, and the words of its refusals."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from trainables.names import InputError

if TYPE_CHECKING:
    import httpx

READ_TIMEOUT = 60.0
"""Seconds without data after which a connection counts as lost; the service sends keep-alives."""


class Connection:
    """A connection to a service; a refusal, or no answer, is an :class:`InputError`.

    Args:
        url: Address of the service, such as ``http://127.0.0.1:8050``.
        token: Token of the service; None if it asks for none.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        try:
            import httpx
        except ImportError:
            raise InputError(
                "the client needs httpx; install it with: pip install 'optimizer-sensitivity[service]'"
            ) from None
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        try:
            self._http = httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=READ_TIMEOUT)
        except httpx.InvalidURL as error:
            raise InputError(f"url {url!r} cannot be: {error}") from None
        self._lost = (httpx.TransportError,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _one(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        content: dict[str, Any] = self._ask(method, path, **options).json()
        return content

    def _list(self, path: str, **options: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._ask("GET", path, **options).json()
        return rows

    def _ask(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, **options: Any
    ) -> httpx.Response:
        """Return an answer; what is still computed is asked for again."""
        query = {name: value for name, value in (params or {}).items() if value is not None}
        while True:
            try:
                answer = self._http.request(method, path, params=query, **options)
            except self._lost as error:
                raise self._away(error) from None
            check_answer(answer)
            if answer.status_code != 202 or "retry-after" not in answer.headers:
                return answer
            time.sleep(float(answer.headers["retry-after"]))

    def _away(self, error: Exception) -> InputError:
        return InputError(f"no service at {self.url!r}: {error or type(error).__name__}")


def address(name: str, *parts: str) -> str:
    """Return the path of something of a study."""
    return "/".join(("/studies", *(quote(part, safe="") for part in (name, *parts))))


def check_answer(answer: httpx.Response) -> None:
    """Check an answer.

    Raises: InputError for a refusal, with the words of the service.
    """
    if answer.is_error:
        try:
            detail = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            detail = f"{answer.url} answers {answer.status_code} {answer.reason_phrase}"
        raise InputError(str(detail))
