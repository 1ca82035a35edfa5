"""Copying of studies from one store to another, between any two databases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from sensitivity.store.tables import ANNOTATIONS, EPOCHS, RUNS, STUDIES, STUDY_TRIALS, TRIALS
from sensitivity.store.upkeep import optuna_names
from sensitivity.study.trial import DONE
from trainables.names import InputError

if TYPE_CHECKING:
    import optuna

    from sensitivity.store.store import Store

AT_ONCE = 5000
"""Number of epochs read and written together."""
PROGRESS = {"pending": 0, "running": 1, "failed": 2, "stopped": 2, **dict.fromkeys(DONE, 3)}
"""Rank of a status: of two versions of a trial, the version of higher rank is kept."""
CHANGING = ("status", "initial_loss", "error", "started", "finished")


def copy(
    source: Store, target: Store, study: str | None = None, *, merge: bool = False
) -> list[dict[str, Any]]:
    """Copy a study, or all studies, with everything about them; a second copy adds only new rows.

    Trials, epochs, annotations and Optuna's state are copied. Of an annotation that both stores have, the
    one that was changed later is kept.

    Each study is copied in one transaction, which compares the numbers of rows read and written.

    Args:
        source: the store to read.
        target: the store to write.
        study: the name of one study; all studies if None.
        merge: True to add the trials to a study of the target that has another specification, instead of
            refusing.

    Returns: one row a study: name, trials, epochs, and how many of each were new.

    Raises: InputError for an unknown study, a study with another specification in the target, or numbers that
    differ.
    """
    if source.place == target.place:
        raise InputError(f"store {source.place!r} cannot be copied onto itself")
    names = [study] if study is not None else [row["name"] for row in source.studies()]
    specs, there = {name: source.study(name) for name in names}, {row["name"] for row in target.studies()}
    for name, spec in specs.items():
        if not merge and name in there and json.loads(target.study(name)) != json.loads(spec):
            raise InputError(
                f"study {name!r} is another one in {target.place!r}; delete it there, or give one of them "
                "another name"
            )
    return [{"study": name, **_copy(source, target, name, json.loads(spec))} for name, spec in specs.items()]


def _copy(source: Store, target: Store, study: str, spec: dict[str, Any]) -> dict[str, int]:
    of_study = STUDY_TRIALS.c.study == study
    trials = sql.select(TRIALS).join(STUDY_TRIALS, STUDY_TRIALS.c.key == TRIALS.c.key).where(of_study)
    epochs = sql.select(EPOCHS).join(STUDY_TRIALS, STUDY_TRIALS.c.key == EPOCHS.c.key).where(of_study)
    with source.database.transaction() as reading, target.database.transaction(writing=True) as writing:

        def rows(query: sql.Select[Any]) -> list[dict[str, Any]]:
            return [dict(row) for row in reading.execute(query).mappings()]

        def counts() -> tuple[int, int]:
            counted = (
                writing.execute(sql.select(sql.func.count()).select_from(query.subquery())).scalar_one()
                for query in (trials, epochs)
            )
            return tuple(counted)  # type: ignore[return-value]

        before = counts()
        target.database.insert(writing, STUDIES, rows(sql.select(STUDIES).where(STUDIES.c.name == study)))
        target.database.insert(writing, RUNS, rows(sql.select(RUNS).where(RUNS.c.study == study)))
        annotations = rows(sql.select(ANNOTATIONS).where(ANNOTATIONS.c.study == study))
        target.database.insert(writing, ANNOTATIONS, annotations)
        for row in annotations:
            _keep_latest(writing, row)
        trial_rows = rows(trials)
        target.database.insert(writing, TRIALS, trial_rows)
        for row in trial_rows:
            _take_over(writing, row)
        target.database.insert(writing, STUDY_TRIALS, rows(sql.select(STUDY_TRIALS).where(of_study)))
        read = 0
        for part in reading.execution_options(yield_per=AT_ONCE).execute(epochs).mappings().partitions():
            target.database.insert(writing, EPOCHS, [dict(row) for row in part])
            read += len(part)
        after = counts()
        if after[0] < len(trial_rows) or after[1] < read:
            raise InputError(
                f"study {study!r}: {len(trial_rows)} trials and {read} epochs became {after[0]} and "
                f"{after[1]}; nothing was copied"
            )
    if names := optuna_names(source, study, spec):
        with source.optuna_storage() as ours, target.optuna_storage() as theirs:
            for name in names:
                _copy_optuna(ours, theirs, name)
    return {
        "trials": after[0],
        "epochs": after[1],
        "new_trials": after[0] - before[0],
        "new_epochs": after[1] - before[1],
    }


def _take_over(writing: sql.Connection, row: Mapping[str, Any]) -> None:
    """Update a trial that both stores have if the source's status is further along."""
    behind = [status for status, progress in PROGRESS.items() if progress < PROGRESS[row["status"]]]
    if behind:
        state = {name: row[name] for name in CHANGING}
        writing.execute(
            TRIALS.update().where(TRIALS.c.key == row["key"], TRIALS.c.status.in_(behind)).values(state)
        )


def _keep_latest(writing: sql.Connection, row: Mapping[str, Any]) -> None:
    """Update an annotation that both stores have if the source's was changed later."""
    same = (ANNOTATIONS.c.study == row["study"], ANNOTATIONS.c.key == row["key"])
    writing.execute(
        ANNOTATIONS.update().where(*same, ANNOTATIONS.c.changed < row["changed"]).values(dict(row))
    )


def _copy_optuna(source: optuna.storages.RDBStorage, target: optuna.storages.RDBStorage, name: str) -> None:
    """Copy Optuna's study if the target has fewer trials, so that an adaptive study can continue there."""
    import optuna

    def size(storage: optuna.storages.RDBStorage) -> int:
        return len(optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    there = name in optuna.get_all_study_names(target)
    if there and size(target) >= size(source):
        return
    if there:
        optuna.delete_study(study_name=name, storage=target)
    optuna.copy_study(from_study_name=name, from_storage=source, to_storage=target)
