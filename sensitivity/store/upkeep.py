"""Maintenance of a store: consistency checks, removal of unused rows, deletion of a study."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from sensitivity.store.databases import Lost
from sensitivity.store.tables import ANNOTATIONS, EPOCHS, LOCKS, RUNS, STUDIES, STUDY_TRIALS, TRIALS
from sensitivity.study.trial import DONE, STATUSES

if TYPE_CHECKING:
    from sensitivity.store.store import Store

_KEYS = sql.select(TRIALS.c.key)
_MEMBERS = sql.select(STUDY_TRIALS.c.key)
_UNUSED = sql.select(TRIALS.c.key).where(TRIALS.c.key.not_in(_MEMBERS))
_LAST = sql.func.max(EPOCHS.c.epoch)


def contents(store: Store) -> dict[str, int]:
    """Return the numbers of studies, trials and epochs."""
    with store.database.transaction() as connection:
        return {
            name: int(connection.execute(sql.select(sql.func.count()).select_from(table)).scalar_one())
            for name, table in (("studies", STUDIES), ("trials", TRIALS), ("epochs", EPOCHS))
        }


def problems(store: Store) -> list[dict[str, Any]]:
    """Return the inconsistencies of a store; empty if it is intact.

    A row has ``problem``, ``where`` (a trial's key or a study's name) and ``detail``.
    """
    faults = _damage(store)
    if faults:  # the other queries may fail on a damaged file
        return faults

    def note(problem: str, rows: Any) -> None:
        faults.extend(
            {"problem": problem, "where": where, "detail": " ".join(map(str, detail))}
            for where, *detail in rows
        )

    epochs = sql.select(EPOCHS.c.key, sql.func.count(), sql.literal("epochs")).group_by(EPOCHS.c.key)
    span = sql.select(EPOCHS.c.key, sql.func.count(), sql.literal("epochs, the last is"), _LAST).group_by(
        EPOCHS.c.key
    )
    with store.database.transaction() as connection:
        specs = {
            name: json.loads(spec)
            for name, spec in connection.execute(sql.select(STUDIES.c.name, STUDIES.c.spec))
        }
        # A user's trainable may end before its last epoch.
        free = [name for name, spec in specs.items() if spec.get("trainable")]
        short = sql.select(TRIALS.c.key, _LAST, sql.literal("of"), TRIALS.c.epochs).join(
            EPOCHS, EPOCHS.c.key == TRIALS.c.key
        )
        short = short.where(
            TRIALS.c.status == "completed",
            TRIALS.c.key.not_in(_MEMBERS.where(STUDY_TRIALS.c.study.in_(free))),
        )
        queries = {
            "trial is there twice": sql.select(TRIALS.c.key)
            .group_by(TRIALS.c.key)
            .having(sql.func.count() > 1),
            "unknown status": sql.select(TRIALS.c.key, TRIALS.c.status).where(
                TRIALS.c.status.not_in(STATUSES)
            ),
            "epochs of no trial": epochs.where(EPOCHS.c.key.not_in(_KEYS)),
            "epochs are not 1, 2, 3 ...": span.having(
                (sql.func.min(EPOCHS.c.epoch) != 1) | (sql.func.count() != _LAST)
            ),
            "result without an epoch": sql.select(TRIALS.c.key, TRIALS.c.status).where(
                TRIALS.c.status.in_(DONE), TRIALS.c.key.not_in(sql.select(EPOCHS.c.key))
            ),
            "completed before its last epoch": short.group_by(TRIALS.c.key, TRIALS.c.epochs).having(
                TRIALS.c.epochs > _LAST
            ),
            "study lacks its trial": sql.select(STUDY_TRIALS.c.study, STUDY_TRIALS.c.key).where(
                STUDY_TRIALS.c.key.not_in(_KEYS)
            ),
            "trials of a study that is not there": sql.select(
                STUDY_TRIALS.c.study, sql.func.count(), sql.literal("trials")
            )
            .where(STUDY_TRIALS.c.study.not_in(sql.select(STUDIES.c.name)))
            .group_by(STUDY_TRIALS.c.study),
            "annotations of a study that is not there": sql.select(
                ANNOTATIONS.c.study, sql.func.count(), sql.literal("annotations")
            )
            .where(ANNOTATIONS.c.study.not_in(sql.select(STUDIES.c.name)))
            .group_by(ANNOTATIONS.c.study),
        }
        for problem, query in queries.items():
            note(problem, connection.execute(query))
    return faults


def _damage(store: Store) -> list[dict[str, Any]]:
    """Return the faults that SQLite finds in its file; PostgreSQL checks its own files."""
    if not store.database.is_file:
        return []
    try:
        with store.database.transaction() as connection:
            messages = [
                str(message) for message in connection.exec_driver_sql("PRAGMA integrity_check").scalars()
            ]
    except Lost as error:  # too damaged for SQLite's check
        messages = [str(error)]
    return [
        {"problem": "the file is damaged", "where": store.place, "detail": message}
        for message in messages
        if message != "ok"
    ]


def unused(store: Store) -> int:
    """Return the number of trials that belong to no study."""
    with store.database.transaction() as connection:
        return int(
            connection.execute(sql.select(sql.func.count()).select_from(_UNUSED.subquery())).scalar_one()
        )


def vacuum(store: Store) -> dict[str, int]:
    """Delete trials of no study and epochs of no trial, free their space, and return their numbers."""
    with store.database.transaction(writing=True) as connection:
        connection.execute(
            STUDY_TRIALS.delete().where(STUDY_TRIALS.c.study.not_in(sql.select(STUDIES.c.name)))
        )
        connection.execute(STUDY_TRIALS.delete().where(STUDY_TRIALS.c.key.not_in(_KEYS)))
        connection.execute(ANNOTATIONS.delete().where(ANNOTATIONS.c.study.not_in(sql.select(STUDIES.c.name))))
        trials = connection.execute(TRIALS.delete().where(TRIALS.c.key.not_in(_MEMBERS))).rowcount
        epochs = connection.execute(EPOCHS.delete().where(EPOCHS.c.key.not_in(_KEYS))).rowcount
    store.database.vacuum()
    return {"trials": trials, "epochs": epochs}


def only_of(store: Store, study: str) -> dict[str, int]:
    """Return how many trials and epochs only this study has, and how many trials it shares.

    Raises: InputError for an unknown study.
    """
    store.study(study)
    only_here = _only_of(study)
    with store.database.transaction() as connection:

        def count(query: sql.Select[Any]) -> int:
            return int(
                connection.execute(sql.select(sql.func.count()).select_from(query.subquery())).scalar_one()
            )

        members, trials = count(_MEMBERS.where(STUDY_TRIALS.c.study == study)), count(only_here)
        epochs = count(sql.select(EPOCHS.c.key).where(EPOCHS.c.key.in_(only_here)))
    return {"trials": trials, "epochs": epochs, "shared": members - trials}


def delete(store: Store, study: str) -> None:
    """Delete a study and the trials that are in no other study.

    Raises: InputError for an unknown study.
    """
    spec, only_here = json.loads(store.study(study)), _only_of(study)
    with store.database.transaction(writing=True) as connection:
        connection.execute(EPOCHS.delete().where(EPOCHS.c.key.in_(only_here)))
        connection.execute(TRIALS.delete().where(TRIALS.c.key.in_(only_here)))
        connection.execute(STUDY_TRIALS.delete().where(STUDY_TRIALS.c.study == study))
        connection.execute(RUNS.delete().where(RUNS.c.study == study))
        connection.execute(ANNOTATIONS.delete().where(ANNOTATIONS.c.study == study))
        connection.execute(LOCKS.delete().where(LOCKS.c.study == study))
        connection.execute(STUDIES.delete().where(STUDIES.c.name == study))
    if names := optuna_names(store, study, spec):
        import optuna

        with store.optuna_storage() as storage:
            for name in names:
                optuna.delete_study(study_name=name, storage=storage)


def _only_of(study: str) -> sql.Select[Any]:
    others = _MEMBERS.where(STUDY_TRIALS.c.study != study)
    return _MEMBERS.where(STUDY_TRIALS.c.study == study, STUDY_TRIALS.c.key.not_in(others))


def optuna_names(store: Store, study: str, spec: dict[str, Any]) -> list[str]:
    """Return the names of an adaptive study's Optuna studies, for all of its specifications so far.

    See ``Assignments.labels``.
    """
    # The table of Optuna with a distinctive name.
    if not sql.inspect(store.database.engine).has_table("study_directions"):
        return []
    import optuna

    kinds = "|".join(
        re.escape(f"{study}/{task}/{variant}/")
        for task in spec.get("tasks", ())
        for variant in spec.get("variants", ())
    )
    with store.optuna_storage() as storage:
        names = optuna.get_all_study_names(storage)
    return [name for name in names if kinds and re.fullmatch(f"(?:{kinds})[0-9a-f]{{8}}", name)]
