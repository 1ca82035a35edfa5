"""Tables: all trials or all epochs of a study as a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO, Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from sensitivity.readers.view import View
from sensitivity.service.context import Name, ServiceContext
from sensitivity.service.models import Pending
from sensitivity.service.problems import problem
from sensitivity.service.routes import API
from sensitivity.service.routes.trials import UNCHANGED, Tag, known_by
from sensitivity.service.study_table import Table
from sensitivity.service.table_files import LONGEST_WAIT_SECONDS, WAIT_SECONDS
from sensitivity.service.table_response import TableResponse
from sensitivity.service.table_writers import MEDIA_TYPES

router = APIRouter(prefix=f"{API}/studies/{{name}}", tags=["trials"])
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {media_type: {} for media_type in MEDIA_TYPES.values()}},
    202: {
        "model": Pending,
        "description": "The file is being written; ask again after `Retry-After` seconds.",
    },
    **UNCHANGED,
}

Wait = Annotated[
    float,
    Query(
        ge=0,
        le=LONGEST_WAIT_SECONDS,
        description="Seconds to wait for a file that is being written, before a 202.",
    ),
]


@router.get("/tables/{table}", response_class=Response, responses=ANSWERS)
def tables(
    name: Name,
    table: Literal["trials", "epochs"],
    context: ServiceContext,
    format: Literal["parquet", "csv"] = "parquet",
    wait: Wait = WAIT_SECONDS,
    tag: Tag = None,
) -> Response:
    """Return every trial or every epoch of a study as it is in the store, configurations as JSON.

    Written once for all who ask.
    """
    source = context.source
    source.check(name)
    wanted = Table(name, table, format, source.token(name))
    current = f'"{wanted.fingerprint}"'
    if tag == current:
        return known_by(current, tag, "", MEDIA_TYPES[format])

    def write(file: IO[bytes], check: Callable[[], None]) -> None:
        began = time.thread_time()
        try:
            wanted.write(source.store, file, check)
        finally:
            source.note(name, time.thread_time() - began)

    return TableResponse(context.tables, wanted, write, current, wait)


def epochs_of_dashboard(request: Request) -> Response:
    """Redirect from the dashboard's file of every epoch to the table of epochs.

    The table is written once for all readers.
    """
    view = View.read("/study/x", request.url.query)
    if view.filtered:
        return problem(422, "every epoch is of a whole study; leave the filters out of the address")
    name = quote(request.query_params.get("of", ""), safe="")
    return RedirectResponse(f"{API}/studies/{name}/tables/epochs?format=csv&wait={LONGEST_WAIT_SECONDS:g}")
