"""Tables: all trials or all epochs of a study as a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO, Any, Literal

from fastapi import APIRouter, Response

from sensitivity.service.context import Here, Name
from sensitivity.service.models import Pending
from sensitivity.service.routes import API
from sensitivity.service.routes.trials import UNCHANGED, Tag, known_by
from sensitivity.service.table_files import Table
from sensitivity.service.table_response import TableResponse
from sensitivity.service.table_writers import MEDIA_TYPES

router = APIRouter(prefix=f"{API}/studies/{{name}}", tags=["trials"])
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {media_type: {} for media_type in MEDIA_TYPES.values()}},
    202: {"model": Pending, "description": "The file is being written; ask again after `Retry-After` seconds."},
    **UNCHANGED,
}


@router.get("/tables/{table}", response_class=Response, responses=ANSWERS)
def tables(
    name: Name, table: Literal["trials", "epochs"], here: Here, format: Literal["parquet", "csv"] = "parquet", tag: Tag = None
) -> Response:
    """Every trial or every epoch of a study as it is in the store, configurations as JSON. Written once for all who ask."""
    source = here.source
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

    return TableResponse(here.tables, wanted, write, current)
