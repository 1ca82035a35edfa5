"""Tables written as Parquet or CSV, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Literal

from sensitivity.text.csv_text import csv_text

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Format = Literal["parquet", "csv"]
MEDIA_TYPES: dict[Format, str] = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv"}


def write_parquet(batches: Iterator[pd.DataFrame], file: IO[bytes]) -> None:
    """Write a table as Parquet, a row group a batch.

    Args:
        batches: at least one; all have the columns of the first, and a column has the same type in all of
            them.
        file: that is open for writing.
    """
    import pyarrow as pa
    from pyarrow import parquet

    first = next(batches)
    schema = pa.schema([(str(name), _kind(first[name])) for name in first.columns])
    with parquet.ParquetWriter(file, schema) as writer:
        batch: pd.DataFrame | None = first
        while batch is not None:
            writer.write_table(pa.Table.from_pandas(batch, schema=schema, preserve_index=False))
            batch = next(batches, None)


def write_csv(batches: Iterator[pd.DataFrame], file: IO[bytes]) -> None:
    """Write a table as CSV that a spreadsheet shows and does not run.

    :func:`sensitivity.text.csv_text.csv_text` escapes its cells.

    Args:
        batches: At least one; all have the columns of the first.
        file: File that is open for writing.
    """
    for number, batch in enumerate(batches):
        file.write(csv_text(batch, header=number == 0).encode())


WRITERS: dict[Format, Callable[[Iterator[pd.DataFrame], IO[bytes]], None]] = {
    "parquet": write_parquet,
    "csv": write_csv,
}


def _kind(column: pd.Series) -> pa.DataType:
    """Return the type of a column; one of objects has no value in any batch."""
    import pyarrow as pa

    return {"int64": pa.int64(), "float64": pa.float64(), "object": pa.null()}.get(
        str(column.dtype), pa.string()
    )
