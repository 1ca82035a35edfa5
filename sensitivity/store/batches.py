"""A study's tables read in batches of rows, so that memory does not depend on the size of the study."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from sensitivity.store.frames import ROWS, frames_of, parts_of, query_batches
from sensitivity.store.rows import read_measures, with_measures
from sensitivity.store.tables import EPOCHS, STUDY_TRIALS, TRIALS

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.store.store import Store

TRIALS_AT_ONCE = 500
"""Maximal number of trials in one query of epochs; databases limit the values that a query may list."""
Frames = Generator["pd.DataFrame", None, None]


def unchecked() -> None:
    """Do nothing: the default check before a batch."""


def trial_batches(
    store: Store, study: str, *, rows: int = ROWS, check: Callable[[], None] = unchecked
) -> Frames:
    """Yield a study's trials in order, with ``configuration`` as JSON; at least one batch, maybe empty.

    Args:
        store: has the study.
        study: the name of the study.
        rows: approximate number of rows in a batch.
        check: called before each batch; an exception that it raises ends the reading.
    """
    chosen = (
        sql.select(*TRIALS.c)
        .join(STUDY_TRIALS, STUDY_TRIALS.c.key == TRIALS.c.key)
        .where(STUDY_TRIALS.c.study == study)
        .order_by(STUDY_TRIALS.c.position)
    )
    whole_numbers = {column.name: "int64" for column in TRIALS.c if isinstance(column.type, sql.Integer)}
    texts = [column for column in TRIALS.c if column.nullable and isinstance(column.type, sql.String)]
    with store.database.transaction(snapshot=True) as connection:
        counts = connection.execute(
            chosen.with_only_columns(*map(sql.func.count, texts)).order_by(None)
        ).one()
        # The same type in every batch, also in a batch of nulls.
        kinds = {column.name: "str" for column, count in zip(texts, counts, strict=True) if count}
        for batch in query_batches(connection, chosen, rows):
            check()
            yield batch.astype({**whole_numbers, **kinds, "initial_loss": float})


def epoch_batches(
    store: Store, study: str, *, rows: int = ROWS, check: Callable[[], None] = unchecked
) -> Frames:
    """Yield a study's epochs, by trial in the study's order; at least one batch, maybe empty.

    Every batch has a column for every quantity that any epoch of the study measured.

    Args:
        store: has the study.
        study: the name of the study.
        rows: approximate number of rows in a batch.
        check: called before each query; an exception that it raises ends the reading.
    """
    of_study = (
        sql.select(STUDY_TRIALS.c.key).where(STUDY_TRIALS.c.study == study).order_by(STUDY_TRIALS.c.position)
    )
    names = [column.name for column in EPOCHS.c]
    with store.database.transaction(snapshot=True) as connection:
        keys = list(connection.execute(of_study).scalars())

        def epochs_in_parts(columns: Sequence[sql.Column[Any]]) -> Iterator[Sequence[Any]]:
            chosen = _of_trials(study, columns)
            for start in range(0, len(keys), TRIALS_AT_ONCE):
                check()
                yield from parts_of(
                    connection, chosen.params(some=keys[start : start + TRIALS_AT_ONCE]), rows
                )

        more: dict[str, Any] = {}
        """Names of the additional measured quantities, in the order of their first occurrence."""
        if connection.execute(sql.select(sql.exists().where(EPOCHS.c.measures.is_not(None)))).scalar_one():
            for part in epochs_in_parts([EPOCHS.c.measures]):
                for measures in read_measures(text for (text,) in part):
                    more.update(measures)
        columns = [*(name for name in names if name != "measures"), *more]
        for batch in frames_of(epochs_in_parts(list(EPOCHS.c)), names, rows):
            yield (
                with_measures(batch)
                .reindex(columns=columns)
                .astype({"epoch": "int64", **dict.fromkeys(columns[2:], float)})
            )


def curve_batches(store: Store, key: str, *, rows: int = ROWS) -> Iterator[pd.DataFrame]:
    """Yield one trial's epochs in order, each batch in its own transaction; at least one batch, maybe empty.

    A batch has columns only for the quantities that its epochs measured.

    Args:
        store: has the trial.
        key: key of the trial.
        rows: number of rows in a batch.
    """
    last, number = -1, rows
    while number == rows:
        chosen = (
            sql.select(EPOCHS)
            .where(EPOCHS.c.key == key, EPOCHS.c.epoch > last)
            .order_by(EPOCHS.c.epoch)
            .limit(rows)
        )
        batch = with_measures(store.frame(chosen))
        yield batch
        number = len(batch)
        last = int(batch["epoch"].iloc[-1]) if number else last


def _of_trials(study: str, columns: Sequence[sql.Column[Any]]) -> sql.Select[Any]:
    """Return the query for the epochs of trials, whose keys are the parameter ``some``."""
    return (
        sql.select(*columns)
        .join(STUDY_TRIALS, STUDY_TRIALS.c.key == EPOCHS.c.key)
        .where(STUDY_TRIALS.c.study == study, EPOCHS.c.key.in_(sql.bindparam("some", expanding=True)))
        .order_by(STUDY_TRIALS.c.position, EPOCHS.c.epoch)
    )
