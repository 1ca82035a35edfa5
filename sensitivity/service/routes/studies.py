"""Studies: give one, list them, watch one, stop it, delete it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from sensitivity.service import specs
from sensitivity.service.context import Context, Name, ServiceContext
from sensitivity.service.guests import admit
from sensitivity.service.listing import lister
from sensitivity.service.models import StudyDetails, StudySummary
from sensitivity.service.problems import Missing
from sensitivity.service.routes import API
from sensitivity.service.run_folders import LOG, tail
from trainables.names import InputError, unknown

router = APIRouter(prefix=f"{API}/studies", tags=["studies"])
SPECIFICATION = {
    "requestBody": {
        "required": True,
        "description": "The specification of a study: what `sensitivity run` takes as a file.",
        "content": {
            "application/json": {
                "schema": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
            },
            "application/yaml": {"schema": {"type": "string"}},
        },
    }
}
TAIL = 100_000
"""Bytes of a log that are sent: those at its end."""


def summary(context: Context, name: str) -> StudySummary:
    """Return a study as it is listed.

    Raises: Missing with the nearest name.
    """
    summaries = lister(context.source, context.runs)()
    if name not in summaries:
        raise Missing(str(unknown("study", name, summaries)))
    return summaries[name]


def stored_spec(context: Context, name: str) -> dict[str, Any] | None:
    """Return the specification of a study in the store; None where it is not there."""
    if context.source.row(name) is None:
        return None
    spec: dict[str, Any] = json.loads(context.source.store.study(name))
    return spec


def details(context: Context, name: str) -> StudyDetails:
    """Return a study with its specification.

    Raises: Missing.
    """
    listed, stored = summary(context, name), stored_spec(context, name)
    runs = context.source.store.runs(name) if stored is not None else []
    return StudyDetails(**listed.model_dump(), spec=context.runs.spec(name), stored=stored, runs=runs)


@router.post(
    "",
    status_code=201,
    response_model=StudyDetails,
    openapi_extra=SPECIFICATION,
    responses={
        200: {
            "model": StudyDetails,
            "description": "The same study is there already; it goes on where it was stopped.",
        }
    },
)
async def create(request: Request, response: Response, context: ServiceContext) -> StudyDetails:
    """Give a study to the service.

    The same again is the same study; another one of the same name is refused.
    """
    text = (await request.body()).decode(errors="replace")
    created, study = await run_in_threadpool(_create, context, text)
    response.status_code = 201 if created else 200
    return study


def _create(context: Context, text: str) -> tuple[bool, StudyDetails]:
    study = admit(text, context.settings)
    created = context.runs.submit(study, specs.count(study), stored_spec(context, study.name))
    return created, details(context, study.name)


@router.get("")
def studies(context: ServiceContext) -> list[StudySummary]:
    """Return every study: those given to the service in their order, then the others of the store."""
    return list(lister(context.source, context.runs)().values())


@router.get("/{name}")
def study(name: Name, context: ServiceContext) -> StudyDetails:
    """Return a study, how far it is, and its specification."""
    return details(context, name)


@router.post("/{name}/cancel", status_code=202)
def cancel(name: Name, context: ServiceContext) -> StudySummary:
    """Stop a study.

    What it reported stays; give it again to go on.
    """
    summary(context, name)
    context.runs.cancel(name)
    return summary(context, name)


@router.delete("/{name}", status_code=204)
def delete(
    name: Name,
    context: ServiceContext,
    confirm: Annotated[str, Query(description="The name once more: what is deleted does not come back.")],
) -> None:
    """Delete a study with the trials that no other study has, and its log."""
    from sensitivity.store.upkeep import delete as delete_study

    summary(context, name)
    if confirm != name:
        raise InputError(f"confirm must be the name of the study, {name!r}; got {confirm!r}")
    context.runs.forget(name)
    if context.source.row(name) is not None:
        delete_study(context.source.store, name)
    context.source.invalidate(name)
    context.tables.forget(name)


@router.get("/{name}/log", response_class=PlainTextResponse)
def log(name: Name, context: ServiceContext) -> str:
    """Return the last 100,000 bytes of the log of a study's run."""
    summary(context, name)
    file = context.runs.folder(name) / LOG
    if name not in context.runs.all() or not file.exists():
        raise Missing(f"study {name!r} has no log here")
    return tail(file, TAIL)


def _known(name: Name, context: ServiceContext) -> str:
    summary(context, name)
    return name


async def _listening(request: Request, context: ServiceContext) -> AsyncIterator[None]:
    with context.events.place(request.client.host if request.client else ""):
        yield


@router.get("/{name}/events", response_class=EventSourceResponse, dependencies=[Depends(_listening)])
async def events(
    name: Annotated[str, Depends(_known)],
    context: ServiceContext,
    last_event_id: Annotated[
        str | None, Header(description="Of the last event that was received: only what differs is sent.")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Return the progress of a study: `progress` with its summary whenever it changes, then `end`.

    Comments keep quiet connections open.
    """
    async for event in context.events.of(name, last_event_id):
        yield event
