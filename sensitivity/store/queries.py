"""Cheap repeated queries: the revision of a study, membership of a trial, one trial's curve."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from sensitivity.store.rows import has_results, with_measures
from sensitivity.store.tables import EPOCHS, STUDIES, STUDY_TRIALS, TRIALS
from sensitivity.study.trial import DONE
from trainables.names import InputError

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.store.store import Store


def revision(store: Store, study: str | None = None) -> str:
    """Return a token that changes with every change that a reader of a study (of any study) can see.

    The token of a study whose trials have all ended stays while other studies run.

    Raises: InputError if the store cannot be read.
    """
    counted = (
        sql.select(STUDY_TRIALS.c.study, TRIALS.c.status, sql.func.count(), sql.func.max(TRIALS.c.finished))
        .join(TRIALS, TRIALS.c.key == STUDY_TRIALS.c.key)
        .group_by(STUDY_TRIALS.c.study, TRIALS.c.status)
        .order_by(STUDY_TRIALS.c.study, TRIALS.c.status)
    )
    specs = sql.select(STUDIES.c.name, STUDIES.c.spec).order_by(STUDIES.c.name)
    if study is not None:
        counted, specs = counted.where(STUDY_TRIALS.c.study == study), specs.where(STUDIES.c.name == study)
    counts = store.frame(counted)
    seen = [store.frame(specs).to_numpy().tolist(), counts.astype(str).to_numpy().tolist()]
    # Epochs arrive only while a trial runs, and are never deleted singly.
    if (counts["status"] == "running").any():
        number = sql.literal_column("max(rowid)") if store.dialect == "sqlite" else sql.func.count()
        seen.append(store.frame(sql.select(number.label("epochs")).select_from(EPOCHS))["epochs"].tolist())
    return _digest(seen)


def has_study_results(store: Store, study: str) -> bool:
    """Return True if a trial of a study has a result; False too for a study that the store lacks."""
    with store.database.transaction() as connection:
        return has_results(connection, study)


def full_key(store: Store, study: str, key: str) -> str | None:
    """Return the key of the trial of a study that has this key, or alone begins with it; None if none does.

    Raises:
        InputError: several trials begin with it.
    """
    chosen = sql.select(STUDY_TRIALS.c.key).where(
        STUDY_TRIALS.c.study == study, STUDY_TRIALS.c.key.startswith(key, autoescape=True)
    )
    return only_key(store.frame(chosen)["key"].tolist(), key)


def only_key(keys: Iterable[str], key: str) -> str | None:
    """Return the one of some keys that is this one, or alone begins with it; None if none does.

    Raises:
        InputError: several begin with it.

    >>> only_key(["3f2a", "3f71", "9c00"], "9"), only_key(["3f2a", "3f71"], "4")
    ('9c00', None)
    """
    fitting = sorted(candidate for candidate in keys if candidate.startswith(key))
    if key in fitting:
        return key
    if len(fitting) > 1:
        raise InputError(
            f"{len(fitting):,} trials begin with {key!r}, such as {fitting[0]} and {fitting[1]}; give more "
            "of the key"
        )
    return fitting[0] if fitting else None


def seconds_of_ended(store: Store) -> dict[str, float]:
    """Return the seconds of each trial that completed or diverged, in any study, by key."""
    chosen = (
        sql.select(TRIALS.c.key, sql.func.coalesce(sql.func.sum(EPOCHS.c.seconds), 0.0))
        .join(EPOCHS, EPOCHS.c.key == TRIALS.c.key, isouter=True)
        .where(TRIALS.c.status.in_(DONE))
        .group_by(TRIALS.c.key)
    )
    with store.database.transaction() as connection:
        return {key: float(seconds) for key, seconds in connection.execute(chosen)}


def curve(store: Store, key: str) -> pd.DataFrame:
    """Return every epoch of one trial, in order."""
    return with_measures(store.frame(sql.select(EPOCHS).where(EPOCHS.c.key == key).order_by(EPOCHS.c.epoch)))


def _digest(content: Any) -> str:
    import hashlib

    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()[:16]
