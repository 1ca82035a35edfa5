"""Results of a study, from a store that is opened for them alone."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sensitivity.results.results import Results
from sensitivity.store.store import Store
from trainables.names import InputError

if TYPE_CHECKING:
    import pathlib


def load(
    store: str | pathlib.Path,
    study: str | None = None,
    *,
    metric: str | None = None,
    direction: str | None = None,
) -> Results:
    """Read the results of a study as they are now, also while it runs.

    Args:
        store: path of a SQLite file, or URL of a database.
        study: name of the study; None for the only one.
        metric: metric instead of the study's own.
        direction: ``min`` or ``max`` of that metric; None for what its name says.

    Raises:
        InputError: there is no such store, study or metric; the store has several studies and none is named;
            or the name of the metric states no direction and none is given.
    """
    with contextlib.closing(Store(store, create=False)) as opened:
        return Results.from_store(opened, study or only_study(opened), metric=metric, direction=direction)


def only_study(store: Store) -> str:
    """Return the name of the only study of a store.

    Raises:
        InputError: the store has several studies, or none.
    """
    names = [str(row["name"]) for row in store.studies()]
    if len(names) != 1:
        raise InputError(
            f"name one of the {len(names)} studies of this store: {', '.join(names) or 'it is empty'}"
        )
    return names[0]
