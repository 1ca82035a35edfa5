"""Many rows at once into PostgreSQL, by its command COPY."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sql
from sqlalchemy import exc

FEWEST = 200
"""Number of rows from which COPY, which costs a table and four statements, is quicker than INSERT."""


def may_copy(connection: sql.Connection) -> bool:
    """Return True if the driver has COPY and the user may make a temporary table."""
    if connection.dialect.driver != "psycopg":
        return False
    allowed = connection.exec_driver_sql("SELECT has_database_privilege(current_database(), 'TEMPORARY')")
    return bool(allowed.scalar_one())


def copied(connection: sql.Connection, table: sql.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose primary key is missing, and return their number.

    The rows go into a table that ends with the transaction, and from there, in their order, into ``table``.

    Args:
        connection: in a transaction of PostgreSQL by psycopg.
        table: has the columns of the rows.
        rows: mappings with the same names; a column that they lack is null.

    Raises:
        sqlalchemy.exc.DBAPIError: the database refuses a row, or is away.

    Source: PostgreSQL manual, section 14.4, "Populating a Database".
    """
    names = list(rows[0])
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, names))
    target, incoming = quote(table.name), quote(f"incoming_{table.name}")
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} (LIKE {target}, arrival bigserial) ON COMMIT DROP"
    )
    statement = f"COPY {incoming} ({columns}) FROM STDIN"
    driver = connection.connection.driver_connection
    assert driver is not None
    errors: Any = connection.dialect.loaded_dbapi.Error
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([row[name] for name in names])
    except errors as error:
        raise exc.DBAPIError.instance(
            statement, None, error, errors, hide_parameters=True, dialect=connection.dialect
        ) from error
    found = connection.exec_driver_sql(
        f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {incoming} ORDER BY arrival "
        "ON CONFLICT DO NOTHING"
    )
    connection.exec_driver_sql(f"DELETE FROM {incoming}")
    return found.rowcount
