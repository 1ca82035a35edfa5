"""Tables as CSV that a spreadsheet shows and does not run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMULA = re.compile(r"'*[=+\-@\t\n]")
"""How a text begins that a spreadsheet takes for a formula, or that :func:`inert` made of one."""


def inert(value: Any) -> Any:
    """A cell; a text that begins as a formula does has an apostrophe before it, and a lone return, which
    would end the row, is a line feed.

    Numbers stay: -1 is no text.

    Source: OWASP, "CSV Injection".

    >>> inert("=1+1"), inert("adam"), inert(-1.0), original(inert("'=1"))
    ("'=1+1", 'adam', -1.0, "'=1")
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if FORMULA.match(text) else text


def original(value: Any) -> Any:
    """What a cell was before :func:`inert`."""
    return value[1:] if isinstance(value, str) and value.startswith("'") and FORMULA.match(value) else value


def csv_text(table: pd.DataFrame, *, header: bool = True) -> str:
    """Return a table as CSV, each text of it and each name of a column as :func:`inert` has it.

    :func:`sensitivity.exchange.table_files.read_frame` undoes it, and Parquet has every text as it is.

    Args:
        table: any.
        header: with the names of the columns; without them, the text continues that of an earlier batch of
            rows.
    """
    return by_cell(table, inert).to_csv(index=False, header=header)


def by_cell(table: pd.DataFrame, change: Any) -> pd.DataFrame:
    """The table with every text and every name of a column changed."""
    texts = [name for name, dtype in table.dtypes.items() if dtype.kind == "O"]
    return table.assign(**{str(name): table[name].map(change, na_action="ignore") for name in texts}).rename(
        columns=change
    )
