"""A new name for a study of a store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sql

from sensitivity.store.annotations import moment
from sensitivity.store.run_lock import RunLock
from sensitivity.store.tables import ANNOTATIONS, RUNS, STUDIES, STUDY_TRIALS
from sensitivity.store.upkeep import optuna_names
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.store.store import Store


def rename(store: Store, study: str, name: str) -> None:
    """Give a study another name; its trials, which are named by what they compute, stay as they are.

    Args:
        store: has the study.
        study: its name.
        name: its new name.

    Raises: InputError for an unknown study, a name that another study has, and a study that a run trains.
    """
    spec = json.loads(store.study(study))
    holder = RunLock(store, study, lambda line: None).holder()
    if holder is not None and not holder.is_dead:
        raise InputError(f"study {study!r} is run by {holder}; rename it when that run has ended")
    with store.database.transaction(writing=True) as connection:
        taken = sql.select(STUDIES.c.name).where(STUDIES.c.name == name)
        if connection.execute(taken).first() is not None:
            raise InputError(f"study {name!r} is there already; choose another name")
        renamed = {"name": name, "spec": json.dumps({**spec, "name": name})}
        connection.execute(STUDIES.update().where(STUDIES.c.name == study).values(renamed))
        # Rows that an interrupted deletion left under the new name would be in the way.
        for table in (STUDY_TRIALS, RUNS, ANNOTATIONS):
            connection.execute(table.delete().where(table.c.study == name))
            connection.execute(table.update().where(table.c.study == study).values(study=name))
        # Readers, who look at the time of the last change, then see the annotations under the new name.
        connection.execute(ANNOTATIONS.update().where(ANNOTATIONS.c.study == name).values(changed=moment()))
    _rename_optuna(store, study, name, spec)


def _rename_optuna(store: Store, study: str, name: str, spec: dict[str, object]) -> None:
    """Rename Optuna's studies of an adaptive study, so that it goes on under the new name."""
    before = optuna_names(store, study, spec)
    if not before:
        return
    import optuna

    with store.optuna_storage() as storage:
        for label in before:
            optuna.copy_study(
                from_study_name=label,
                from_storage=storage,
                to_storage=storage,
                to_study_name=f"{name}{label.removeprefix(study)}",
            )
            optuna.delete_study(study_name=label, storage=storage)
