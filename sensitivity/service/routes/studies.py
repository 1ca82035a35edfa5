"""Studies: give one, list them, watch one, stop it, delete it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from sensitivity.service import specs
from sensitivity.service.context import Context, Here, Name
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


def summary(here: Context, name: str) -> StudySummary:
    """A study as it is listed. Raises: Missing with the nearest name."""
    found = lister(here.source, here.runs)()
    if name not in found:
        raise Missing(str(unknown("study", name, found)))
    return found[name]


def details(here: Context, name: str) -> StudyDetails:
    """A study with its specification. Raises: Missing."""
    found = summary(here, name)
    store, there = here.source.store, here.source.row(name) is not None
    stored, runs = (json.loads(store.study(name)), store.runs(name)) if there else (None, [])
    return StudyDetails(**found.model_dump(), spec=here.runs.spec(name), stored=stored, runs=runs)


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
async def create(request: Request, response: Response, here: Here) -> StudyDetails:
    """Give a study to the service. The same again is the same study; another one of the same name is
    refused."""
    text = (await request.body()).decode(errors="replace")
    created, found = await run_in_threadpool(_create, here, text)
    response.status_code = 201 if created else 200
    return found


def _create(here: Context, text: str) -> tuple[bool, StudyDetails]:
    study = admit(text, here.settings)
    known = (
        json.loads(here.source.store.study(study.name)) if here.source.row(study.name) is not None else None
    )
    created = here.runs.submit(study, specs.count(study), known)
    return created, details(here, study.name)


@router.get("")
def studies(here: Here) -> list[StudySummary]:
    """Every study: those given to the service in their order, then the others of the store."""
    return list(lister(here.source, here.runs)().values())


@router.get("/{name}")
def study(name: Name, here: Here) -> StudyDetails:
    """A study, how far it is, and its specification."""
    return details(here, name)


@router.post("/{name}/cancel", status_code=202)
def cancel(name: Name, here: Here) -> StudySummary:
    """Stop a study. What it reported stays; give it again to go on."""
    summary(here, name)
    here.runs.cancel(name)
    return summary(here, name)


@router.delete("/{name}", status_code=204)
def delete(
    name: Name,
    here: Here,
    confirm: Annotated[str, Query(description="The name once more: what is deleted does not come back.")],
) -> None:
    """Delete a study with the trials that no other study has, its log and its report."""
    from sensitivity.store.upkeep import delete as delete_study

    summary(here, name)
    if confirm != name:
        raise InputError(f"confirm must be the name of the study, {name!r}; got {confirm!r}")
    here.runs.forget(name)
    if here.source.row(name) is not None:
        delete_study(here.source.store, name)
    here.source.anew(name)
    here.tables.forget(name)


@router.get("/{name}/log", response_class=PlainTextResponse)
def log(name: Name, here: Here) -> str:
    """What the run of a study has said so far, the last 100,000 bytes."""
    summary(here, name)
    file = here.runs.folder(name) / LOG
    if name not in here.runs.all() or not file.exists():
        raise Missing(f"study {name!r} has no log here")
    return tail(file, TAIL)


def _known(name: Name, here: Here) -> str:
    summary(here, name)
    return name


async def _listening(request: Request, here: Here) -> AsyncIterator[None]:
    with here.events.place(request.client.host if request.client else ""):
        yield


@router.get("/{name}/events", response_class=EventSourceResponse, dependencies=[Depends(_listening)])
async def events(
    name: Annotated[str, Depends(_known)],
    here: Here,
    last_event_id: Annotated[
        str | None, Header(description="Of the last event that was received: only what differs is sent.")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """The progress of a study: `progress` with its summary whenever it changes, then `end`. Comments keep
    quiet connections open."""
    async for each in here.events.of(name, last_event_id):
        yield each
