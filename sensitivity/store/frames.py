"""Results of a query as tables, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

if TYPE_CHECKING:
    import pandas as pd

ROWS = 10_000
"""Approximate number of rows in a batch."""


def query_batches(
    connection: sql.Connection, query: sql.Select[Any], rows: int = ROWS
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a query as tables; at least one batch, maybe empty.

    Python tuples would take five times the memory of a table.

    Args:
        connection: in a transaction.
        query: a query of the store's tables.
        rows: approximate number of rows in a batch.
    """
    yield from frames_of(
        parts_of(connection, query, rows), [column.name for column in query.selected_columns], rows
    )


def parts_of(connection: sql.Connection, query: sql.Select[Any], rows: int) -> Iterator[Sequence[Any]]:
    """Yield the rows of a query in parts of at most ``rows`` rows.

    PostgreSQL uses a server-side cursor, so that only one part is in memory.
    """
    yield from connection.execution_options(yield_per=rows).execute(query).partitions(rows)


def frames_of(parts: Iterator[Sequence[Any]], names: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
    """Yield tables of ``rows`` to ``2 * rows`` rows, except for a shorter last table; at least one table."""
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
