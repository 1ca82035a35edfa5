"""The answer that is the file of a table."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sensitivity.readers.cache import Pending
from sensitivity.service.models import Pending as PendingAnswer
from sensitivity.service.table_writers import MEDIA_TYPES

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from sensitivity.service.study_table import Table, Write
    from sensitivity.service.table_files import TableFiles

CHUNK = 256 * 1024
"""Bytes that are read and sent at a time."""
AGAIN_AFTER = "1"
"""Seconds after which a reader asks again for what is being computed or written."""


class TableResponse(Response):
    """Sends the file of a table in chunks; ends with its reader, also while the file is being written.

    Args:
        files: the cache of tables.
        table: that is sent.
        write: writes it, where it is not there yet.
        tag: the ETag.
        wait_seconds: for which the reader waits for that.
    """

    def __init__(self, files: TableFiles, table: Table, write: Write, tag: str, wait_seconds: float) -> None:
        headers = {"ETag": tag, "Content-Disposition": f"attachment; filename={table.name}.{table.format}"}
        super().__init__(headers=headers, media_type=MEDIA_TYPES[table.format])
        self._files, self._table, self._write, self._wait_seconds = files, table, write, wait_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        sending = asyncio.ensure_future(self._send(scope, receive, send))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._files.reading(self._table, self._write, self._wait_seconds) as (
                descriptor,
                size,
            ):
                self.headers["Content-Length"] = str(size)
                await send(
                    {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
                )
                place = 0
                while place < size:
                    chunk = await run_in_threadpool(os.pread, descriptor, CHUNK, place)
                    if not chunk:
                        raise OSError(
                            f"the file of table {self._table.name} of study {self._table.study!r} was cut"
                        )
                    place += len(chunk)
                    await send({"type": "http.response.body", "body": chunk, "more_body": place < size})
        except Pending:
            answer = Response(
                PendingAnswer().model_dump_json(), 202, {"Retry-After": AGAIN_AFTER}, "application/json"
            )
            await answer(scope, receive, send)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
