"""Tables as CSV text that is safe to open in a spreadsheet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMULA = re.compile(r"'*[=+\-@\t\n]")
"""Start of a text that a spreadsheet reads as a formula, and of such a text escaped by :func:`inert`."""


def inert(value: Any) -> Any:
    """Escape a cell against CSV formula injection: prefix an apostrophe, and turn a lone CR into LF.

    Only texts change: the number -1 stays a number.

    Source: OWASP, "CSV Injection".

    >>> inert("=1+1"), inert("adam"), inert(-1.0), original(inert("'=1"))
    ("'=1+1", 'adam', -1.0, "'=1")
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if FORMULA.match(text) else text


def original(value: Any) -> Any:
    """Undo :func:`inert`."""
    return value[1:] if isinstance(value, str) and value.startswith("'") and FORMULA.match(value) else value


def csv_text(table: pd.DataFrame, *, header: bool = True) -> str:
    """Return a table as CSV; texts and column names are escaped by :func:`inert`.

    :func:`sensitivity.exchange.table_files.read_frame` removes the escapes. Parquet files hold unescaped
    texts.

    Args:
        table: any table.
        header: True to write the column names; False to continue an earlier batch of rows.
    """
    return by_cell(table, inert).to_csv(index=False, header=header)


def by_cell(table: pd.DataFrame, change: Any) -> pd.DataFrame:
    """Return the table with ``change`` applied to every text and every column name.

    Args:
        table: any table; it is returned itself where nothing changes.
        change: returns its argument where that stays as it is.
    """
    columns: list[Any] = [change(name) for name in table.columns]
    changed = table if columns == list(table.columns) else table.set_axis(columns, axis="columns")
    copied = False
    for place, dtype in enumerate(table.dtypes):
        if dtype.kind != "O":
            continue
        cells = table.iloc[:, place]
        if any(change(value) is not value for value in cells.tolist()):
            changed, copied = changed if copied else changed.copy(deep=False), True
            changed.isetitem(place, cells.map(change, na_action="ignore").array)
    return changed
