"""Migration of stores of earlier releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sql

from sensitivity.store.tables import ANNOTATIONS, EPOCHS, LOCKS, RUNS, STUDY_TRIALS, TRIALS, VERSIONS

if TYPE_CHECKING:
    from alembic.operations import Operations


def migrate(connection: sql.Connection, current: int) -> None:
    """Migrate the tables step by step, in the caller's transaction.

    Args:
        connection: in a transaction.
        current: version of the tables before the migration.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    operations = Operations(MigrationContext.configure(connection))
    for version, step in STEPS.items():
        if version > current:
            step(operations)
            connection.execute(VERSIONS.update().values(version=version))


def _measures(operations: Operations) -> None:
    """Version 2: a JSON column for additional quantities of an epoch.

    A migration that was killed halfway may have added the column already.
    """
    columns = {column["name"] for column in sql.inspect(operations.get_bind()).get_columns(EPOCHS.name)}
    if "measures" not in columns:
        operations.add_column(EPOCHS.name, sql.Column("measures", sql.Text))


def _long_names(operations: Operations) -> None:
    """Version 3: names of any length, and an index for the studies of a trial. SQLite never cut a name."""
    if operations.get_bind().dialect.name != "sqlite":
        for column in (TRIALS.c.task, TRIALS.c.variant):
            operations.alter_column(column.table.name, column.name, type_=sql.Text)
    (index,) = STUDY_TRIALS.indexes
    operations.create_index(str(index.name), STUDY_TRIALS.name, ["key"], if_not_exists=True)


def _runs(operations: Operations) -> None:
    """Version 4: a table of the workers, hosts and devices of each run."""
    RUNS.create(operations.get_bind(), checkfirst=True)


def _locks(operations: Operations) -> None:
    """Version 5: a table of the locks of running studies."""
    LOCKS.create(operations.get_bind(), checkfirst=True)


def _annotations(operations: Operations) -> None:
    """Version 6: a table of the notes, tags and stars of studies and trials."""
    ANNOTATIONS.create(operations.get_bind(), checkfirst=True)


STEPS = {2: _measures, 3: _long_names, 4: _runs, 5: _locks, 6: _annotations}
"""Migration step to each version from the version before."""
