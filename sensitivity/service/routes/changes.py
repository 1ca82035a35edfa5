"""Changes of studies: a plan before one is given, more seeds for one, another name."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from sensitivity.results.results import IMPORTED
from sensitivity.service import specs
from sensitivity.service.context import Context, Name, ServiceContext
from sensitivity.service.guests import admit, check_name
from sensitivity.service.models import Extension, NewName, Plan, PlanRow, StudyDetails
from sensitivity.service.problems import Conflict, Later
from sensitivity.service.routes import API
from sensitivity.service.routes.studies import SPECIFICATION, details, stored_spec, summary

if TYPE_CHECKING:
    from sensitivity.study.study import Study

router = APIRouter(prefix=API, tags=["studies"])
_PLANNING = threading.Lock()
PATIENCE = 30.0
"""Seconds that a plan waits for another one, since both time steps of training."""


@router.post("/plan", openapi_extra=SPECIFICATION)
async def plan(request: Request, context: ServiceContext) -> Plan:
    """Return the trials of a study and about how long they take, before it is given."""
    text = (await request.body()).decode(errors="replace")
    return await run_in_threadpool(_plan, context, text)


def _plan(context: Context, text: str) -> Plan:
    from sensitivity.store.queries import seconds_of_ended
    from sensitivity.study.estimates import plan_rows, plan_summary

    study = admit(text, context.settings)
    context.runs.check(study, stored_spec(context, study.name))
    if not _PLANNING.acquire(timeout=PATIENCE):
        raise Later("another plan is being made; ask again")
    try:
        rows = plan_rows(study, seconds_of_ended(context.source.store))
    finally:
        _PLANNING.release()
    hours = [row["hours"] for row in rows if row["hours"] is not None]
    on_cluster = context.settings.address is not None
    return Plan(
        name=study.name,
        trials=sum(row["trials"] for row in rows),
        stored=sum(row["stored"] for row in rows),
        hours=sum(hours) if hours else None,
        summary=plan_summary(rows, None if on_cluster else os.cpu_count() or 1),
        rows=[PlanRow(**row) for row in rows],
    )


@router.post("/studies/{name}/extend", status_code=202)
def extend(name: Name, extension: Extension, context: ServiceContext) -> StudyDetails:
    """Give a study again with more seeds; it trains the trials that it lacks.

    With 0 more it goes on where it was stopped. A study that another program has run is taken over.
    """
    study = _extended(context, name, extension.seeds)
    context.runs.submit(study, specs.count(study), stored_spec(context, name), extend=True)
    return details(context, name)


def _extended(context: Context, name: str, more: int) -> Study:
    """Return a study with seeds after the largest that it has.

    Raises: Missing; Conflict for a study that cannot have more; InputError for one that is too large then.
    """
    summary(context, name)
    spec = context.runs.spec(name) or _as_submitted(stored_spec(context, name) or {})
    study = admit(json.dumps(spec), context.settings)
    if not more:
        return study
    if study.adaptive:
        raise Conflict(
            f"study {name!r} is adaptive: its configurations were chosen by the results of its "
            f"{len(study.seeds)} seeds; give a study of another name with more"
        )
    first = max(study.seeds) + 1
    seeds = [*study.seeds, *range(first, first + more)]
    return admit(json.dumps({**spec, "seeds": seeds}), context.settings)


def _as_submitted(stored: dict[str, Any]) -> dict[str, Any]:
    """Return the specification of a study of the store as it is given.

    Raises: Conflict for results that were imported.
    """
    from sensitivity.study.study import BESIDE, Study

    if IMPORTED in stored:
        raise Conflict(f"study {stored['name']!r} was imported; nothing here can train more of it")
    # A store of an earlier version has studies without default settings.
    return {BESIDE: False, **{field: value for field, value in stored.items() if field in Study.model_fields}}


@router.post("/studies/{name}/rename")
def rename(name: Name, new_name: NewName, context: ServiceContext) -> StudyDetails:
    """Give a study that has ended another name; everything about it stays."""
    from sensitivity.store.renaming import rename as rename_study

    summary(context, name)
    check_name(new_name.name)

    def in_store() -> None:
        if context.source.row(new_name.name) is not None:
            raise Conflict(f"study {new_name.name!r} is there already; choose another name")
        if context.source.row(name) is not None:
            rename_study(context.source.store, name, new_name.name)

    context.runs.rename(name, new_name.name, in_store)
    for changed in (name, new_name.name):
        context.source.invalidate(changed)
    context.source.forget_annotations()
    context.tables.forget(name)
    return details(context, new_name.name)
