"""Results of a query as tables, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

if TYPE_CHECKING:
    import pandas as pd

ROWS = 10_000
"""Of a batch, about."""


def query_batches(
    connection: sql.Connection, query: sql.Select[Any], rows: int = ROWS
) -> Iterator[pd.DataFrame]:
    """Yield what a query finds; one batch without rows where that is nothing. Tuples of Python take five
    times the memory of a table.

    Args:
        connection: in a transaction.
        query: of tables of the store.
        rows: of a batch, about.
    """
    yield from frames_of(
        parts_of(connection, query, rows), [column.name for column in query.selected_columns], rows
    )


def parts_of(connection: sql.Connection, query: sql.Select[Any], rows: int) -> Iterator[Sequence[Any]]:
    """Yield what a query finds in parts; at most so many rows are in memory, also of PostgreSQL, which has a
    cursor for it."""
    yield from connection.execution_options(yield_per=rows).execute(query).partitions(rows)


def frames_of(parts: Iterator[Sequence[Any]], names: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
    """Yield tables of at least so many rows and less than twice as many, but for the last; one without rows
    where there are none."""
    import pandas as pd

    batch: list[tuple[Any, ...]] = []
    is_first = True
    for part in parts:
        batch += map(tuple, part)
        if len(batch) >= rows:
            yield pd.DataFrame(batch, columns=list(names))
            batch, is_first = [], False
    if batch or is_first:
        yield pd.DataFrame(batch, columns=list(names), dtype=None if batch else object)
