"""Trials: pages of them, and the epochs of one."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from sensitivity.readers.view import View
from sensitivity.service.context import Name, ServiceContext
from sensitivity.service.models import Epochs, Trial, Trials
from sensitivity.service.problems import Missing
from sensitivity.service.routes import API
from sensitivity.store.batches import curve_batches
from sensitivity.store.queries import full_key
from sensitivity.study.trial import STATUSES
from trainables.names import unknown

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.store.store import Store

router = APIRouter(prefix=f"{API}/studies/{{name}}", tags=["trials"])
PREFIX = "config/"
MOST = 1000
"""Trials of one page."""
Metric = Annotated[str | None, Query(description="Instead of the study's own.")]
Several = Annotated[list[str] | None, Query()]
Tag = Annotated[str | None, Header(alias="If-None-Match", description="The ETag of what the reader has.")]
UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "It is as the reader has it."}}


@router.get("/trials", response_model=Trials, responses=UNCHANGED)
def trials(
    name: Name,
    context: ServiceContext,
    variant: Several = None,
    task: Several = None,
    status: Annotated[list[Literal[STATUSES]] | None, Query()] = None,  # type: ignore[valid-type]
    seed: Annotated[list[int] | None, Query()] = None,
    sort: Annotated[
        str | None,
        Query(description="A column such as loss or lr, with a minus in front from large to small."),
    ] = None,
    metric: Metric = None,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    tag: Tag = None,
) -> Response:
    """Trials in the study's order, or sorted; several values of a filter keep each of them."""
    context.source.check(name)
    filters = {"variant": variant, "task": task, "status": status, "seed": seed}

    def page() -> str:
        return _page(
            context.source.results(View(name=name, metric=metric or "")).all_trials,
            filters,
            sort,
            offset,
            limit,
        ).model_dump_json()

    request = ("trials", metric, json.dumps(filters), sort, offset, limit)
    answer = context.source.text(name, request, page)
    return known_by(
        f'"{hashlib.sha256(answer.text.encode()).hexdigest()[:20]}"', tag, answer.text, "application/json"
    )


def known_by(shown: str, tag: str | None, text: str, media_type: str) -> Response:
    """Return a text with its ETag; 304 if the reader has the text.

    Args:
        shown: ETag of the text.
        tag: ETag of the text that the reader has.
        text: The text.
        media_type: Media type of the text.
    """
    headers = {"ETag": shown, "Cache-Control": "no-cache"}
    return (
        Response(status_code=304, headers=headers)
        if tag == shown
        else Response(text, headers=headers, media_type=media_type)
    )


def _page(table: pd.DataFrame, filters: dict[str, Any], sort: str | None, offset: int, limit: int) -> Trials:
    for column, wanted in filters.items():
        if wanted is not None:
            table = table[table[column].isin(wanted)]
    if sort:
        column = sort.removeprefix("-")
        columns = {str(column_name).removeprefix(PREFIX): column_name for column_name in table.columns}
        if column not in columns:
            raise unknown("column", column, columns)
        keys = table[columns[column]]
        by = (
            keys.map(str) if keys.dtype == object else keys
        )  # choices of several types have no order but that of their names
        table = table.loc[by.sort_values(ascending=not sort.startswith("-"), kind="stable").index]
    return Trials(
        total=len(table),
        trials=[_trial(row) for row in table.iloc[offset : offset + limit].to_dict("records")],
    )


def _trial(row: dict[Any, Any]) -> Trial:
    fields = {name: _plain(value) for name, value in row.items() if not name.startswith(PREFIX)}
    configuration = {
        name.removeprefix(PREFIX): _plain(value)
        for name, value in row.items()
        if name.startswith(PREFIX) and value == value
    }
    return Trial(**fields, configuration=configuration)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: nothing measured is null, infinity a string."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or value != value:
        return None
    return str(value) if isinstance(value, float) and math.isinf(value) else value


@router.get("/trials/{key}/epochs", response_model=Epochs)
def epochs(name: Name, key: Annotated[str, Path(max_length=64)], context: ServiceContext) -> Response:
    """Return every epoch of a trial, named by its key or the first characters that no other trial has."""
    context.source.check(name)
    store = context.source.store
    found = full_key(store, name, key)
    if found is None:
        raise Missing(f"study {name!r} has no trial {key!r}")
    return StreamingResponse(_epochs_text(found, store), media_type="application/json")


def _epochs_text(key: str, store: Store) -> Iterator[str]:
    """Return the JSON of :class:`Epochs` in parts.

    The first one is read at once, so that a store that is away is a refusal.
    """
    batches = curve_batches(store, key)
    first = next(batches)

    def parts() -> Iterator[str]:
        yield f'{{"key":{json.dumps(key)},"epochs":['
        separator = ""
        for batch in itertools.chain([first], batches):
            rows = [
                {str(name): _plain(value) for name, value in row.items()}
                for row in batch.drop(columns="key").to_dict("records")
            ]
            if rows:
                yield separator + json.dumps(rows, separators=(",", ":"), allow_nan=False)[1:-1]
                separator = ","
        yield "]}"

    return parts()
