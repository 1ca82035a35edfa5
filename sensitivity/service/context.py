"""The parts of a service that every route works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Path, Request
from pydantic import AfterValidator

from sensitivity.service.degraded import Degraded
from sensitivity.service.events import Events
from sensitivity.service.runs import Runs
from sensitivity.service.settings import Settings
from sensitivity.service.table_files import TableFiles
from sensitivity.service.views import Paced


@dataclass(frozen=True)
class Context:
    """The parts of one service."""

    settings: Settings
    source: Paced
    runs: Runs
    events: Events
    degraded: Degraded
    tables: TableFiles


async def _context(request: Request) -> Context:
    """Return the context of a request, in the event loop.

    A plain function would run in a thread, at every request.
    """
    context: Context = request.app.state.context
    return context


ServiceContext = Annotated[Context, Depends(_context)]
Name = Annotated[
    str,
    AfterValidator(unquote),
    Path(description="Name of a study, percent-encoded.", min_length=1, max_length=2000),
]


class KeptSlashes:
    """An ASGI application whose paths keep ``%2F`` and ``%25`` as they came.

    A name with a slash is then one part of a path.
    """

    def __init__(self, app: object) -> None:
        self._app = app

    async def __call__(self, scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
        raw = scope.get("raw_path", b"")
        if scope["type"] == "http" and raw.startswith(b"/api/") and b"%" in raw:
            path = (
                raw.partition(b"?")[0]
                .decode("latin-1")
                .replace("%25", "%2525")
                .replace("%2F", "%252F")
                .replace("%2f", "%252F")
            )
            scope = {**scope, "path": unquote(path)}
        await self._app(scope, receive, send)  # type: ignore[operator]
