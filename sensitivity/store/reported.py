"""Comparison of what a run reported with what the store has at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from sensitivity.store.tables import EPOCHS, TRIALS

if TYPE_CHECKING:
    from sensitivity.store.store import Store

AT_ONCE = 500
"""Maximal number of trials in one query; databases limit the values that a query may list."""
UNFINISHED = ("pending", "running")


class Reported:
    """The last epoch that a run reported of each trial, and whether the trial has ended.

    A store lacks reports that it confirmed if something else was written into it since, such as an earlier
    copy over its file, or a backup restored into its database.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._ended: set[str] = set()

    def add(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """Note reports."""
        for report in reports:
            key = report["key"]
            epoch = report.get("epoch", -1)
            if epoch > self._last.get(key, -1):  # a trial that was begun again reports its epochs again
                self._last[key] = epoch
                self._counts[key] = self._counts.get(key, 0) + 1
            self._last.setdefault(key, -1)
            if report["status"] not in UNFINISHED:
                self._ended.add(key)

    def lacking(self, store: Store) -> list[str]:
        """Return the keys of trials of which the store lacks an epoch or the end.

        These trials are made unfinished, so that the next run trains them.

        Raises: Unreachable while the store is unreachable.
        """
        found: list[str] = []
        keys = list(self._last)
        for start in range(0, len(keys), AT_ONCE):
            found += self._lacking_of(store, keys[start : start + AT_ONCE])
        for start in range(0, len(found), AT_ONCE):
            some = TRIALS.c.key.in_(found[start : start + AT_ONCE])
            with store.database.transaction(writing=True) as connection:
                connection.execute(TRIALS.update().where(some).values(status="running", finished=None))
        return found

    def _lacking_of(self, store: Store, keys: Sequence[str]) -> list[str]:
        chosen = (
            sql.select(
                TRIALS.c.key, TRIALS.c.status, sql.func.count(EPOCHS.c.epoch), sql.func.max(EPOCHS.c.epoch)
            )
            .select_from(TRIALS.outerjoin(EPOCHS, EPOCHS.c.key == TRIALS.c.key))
            .where(TRIALS.c.key.in_(keys))
            .group_by(TRIALS.c.key, TRIALS.c.status)
        )
        with store.database.transaction() as connection:
            if store.database.is_file:
                connection.exec_driver_sql("PRAGMA shrink_memory")  # read the file, not what was read before
            rows = {
                key: (status, number, -1 if last is None else last)
                for key, status, number, last in connection.execute(chosen)
            }
        return [key for key in keys if not self._is_there(key, *rows.get(key, ("", -1, -1)))]

    def _is_there(self, key: str, status: str, number: int, last: int) -> bool:
        ended = key not in self._ended or status not in UNFINISHED
        return ended and number >= self._counts.get(key, 0) and last >= self._last[key]
