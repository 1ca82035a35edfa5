"""Errors of the service: one shape for every refusal (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from sensitivity.service.degraded import Degraded, cause_of
from sensitivity.store.databases import Unreachable
from sensitivity.text.json_text import to_json
from trainables.names import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"
BROKEN = "the service failed; its log says why"


class Problem(BaseModel):
    """The reason for which a request was refused."""

    title: str = Field(description="The status in words.")
    status: int = Field(description="The status of the answer.")
    detail: str = Field(description="One line that names the argument, its value and what is allowed.")


class Missing(InputError):
    """The address names something that does not exist."""


class Conflict(InputError):
    """The state of a study does not allow the request."""


class Later(InputError):
    """The service cannot do it just now; the same request may succeed later."""


PASSING_SECONDS = 60.0
"""Seconds for which a failed answer counts as a fault of the service."""
REFUSED_NOW = {"Retry-After": "5", "Connection": "close"}
"""Headers of a refusal because of too many readers; the client closes its connection."""
STATUSES: tuple[tuple[type[InputError], int], ...] = (
    (Missing, 404),
    (Conflict, 409),
    (Unreachable, 503),
    (Later, 503),
    (InputError, 422),
)
"""HTTP status by type of error; the first match counts."""
REFUSALS = (400, 401, 403, 404, 408, 409, 413, 421, 422, 429, 503)
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {}}}
    for status in REFUSALS
}
"""For the OpenAPI document: the refusals that any route may answer with."""


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return an answer that says in one line why not."""
    content = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail).model_dump()
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def broken() -> JSONResponse:
    """Return the answer to what the service cannot answer; the server then closes the connection."""
    return problem(500, BROKEN, {"Connection": "close"})


def answer_problems(app: FastAPI, degraded: Degraded | None = None) -> None:
    """Answer every error in that shape, and none with a traceback.

    Args:
        app: that answers.
        degraded: is told of what the machine lacks: open files, room on a disk.
    """
    degraded = degraded or Degraded()

    @app.exception_handler(InputError)
    async def refused(request: Request, error: InputError) -> JSONResponse:
        status = next(status for kind, status in STATUSES if isinstance(error, kind))
        return problem(
            status, " ".join(str(error).split()), REFUSED_NOW if isinstance(error, Later) else None
        )

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"][1:])) or "the request"
        value = f", got {_shown(first['input'])}" if "input" in first and first["input"] is not None else ""
        return problem(422, f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}{value}")

    @app.exception_handler(OSError)
    async def lacking(request: Request, error: OSError) -> JSONResponse:
        """Answer 503 where the machine refuses something just now.

        Examples are no descriptor, no room on the disk, or a folder that may not be written.
        """
        degraded.note("answers", cause_of(error), seconds=PASSING_SECONDS)
        return problem(503, f"the service cannot do this just now: {error.strerror or type(error).__name__}")

    @app.exception_handler(HTTPException)
    async def not_so(request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return broken()


def _shown(value: object) -> str:
    try:
        return to_json(value)[:200]
    except (TypeError, ValueError):
        return repr(value)[:200]
