"""Delivery of reports to the store: at once, or through a journal while the store is unreachable."""

from __future__ import annotations

import contextlib
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sensitivity.store.databases import Lost, Unreachable
from sensitivity.store.journal import Journal, journal_path, rescue_path
from sensitivity.store.reported import Reported
from trainables.names import InputError

if TYPE_CHECKING:
    import optuna

    from sensitivity.store.store import Store

Result = TypeVar("Result")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds before a retry; the pause doubles after each failure."""
PATIENCE = 600.0
"""Seconds that a finished run waits for an unreachable store."""


class Delivery:
    """Stores reports exactly once, also if the store is unreachable or the process is killed.

    A SQLite file that is not the one that was opened counts as unreachable: reports wait for the opened file,
    and are never written into another.

    Call :meth:`tick` often: it retries when a retry is due.

    Args:
        store: receives the reports.
        folder: folder of the journal while the store is unreachable.
        say: called with the state in words; "" when the store is reachable again.
    """

    def __init__(
        self, store: Store, folder: pathlib.Path, say: Callable[[str], None] = lambda words: None
    ) -> None:
        self._store, self._folder, self._say = store, folder, say
        self._journal: Journal | None = None
        self._since = self._next = 0.0
        self._pause = FIRST_PAUSE
        self._reason = ""
        self._lost = False
        self._rescued: pathlib.Path | None = None
        self._full: InputError | None = None
        self._reported = Reported()
        self.open = contextlib.ExitStack()
        """Resources that are closed with the delivery."""
        self.open.enter_context(store.database.pinned())

    @property
    def words(self) -> str:
        """The state of the delivery in words; empty while the store is reachable."""
        if not self._reason:
            return ""
        away = f"store unreachable for {time.monotonic() - self._since:.0f} s"
        reports = (
            f"; {self._journal.reports} reports kept in {self._journal.path}"
            if self._journal is not None
            else ""
        )
        where = f"; what it held is in {self._rescued}" if self._rescued is not None else ""
        return f"{away}{reports} ({self._reason}{where})"

    @property
    def left(self) -> str:
        """A description of undelivered reports and how to deliver them; empty if there are none."""
        if not self._reason:
            return ""
        waiting = (
            "the next run in this folder brings them in: "
            if self._journal is not None or self._rescued is not None
            else ""
        )
        return f"{self.words}; {waiting}give the same command again in {str(self._folder)!r}"

    def keep(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """Write reports to the store or the journal; one of them has the reports when this returns.

        If neither can take the reports, :meth:`tick` raises.
        """
        if not reports:
            return
        self._reported.add(reports)
        if self._journal is None:
            try:
                self._store.keep(reports)
                return
            except Unreachable as error:
                self._away(error)
        try:
            if self._journal is None:
                self._journal = Journal(journal_path(self._store, self._folder))
            self._journal.append(reports)
        except OSError as error:
            self._give_up(error)
            return
        self._say(self.words)

    def _away(self, error: Unreachable) -> None:
        if not self._reason:
            self._since, self._pause = time.monotonic(), FIRST_PAUSE
        else:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._reason = str(error)
        self._next = time.monotonic() + self._pause
        self._lost = isinstance(error, Lost)
        if self._rescued is None:
            target = rescue_path(self._store, self._folder)
            self._rescued = target if self._store.database.rescue(target) else None

    def _back(self) -> None:
        self._journal, self._reason = None, ""

    def _give_up(self, error: OSError) -> None:
        """Record that the disk is full: earlier reports are safe, and these epochs will be trained again."""
        place = self._rescued or (None if self._lost else "the store")
        before = (
            f"Everything before is kept in {place}"
            if place is not None
            else "What the store held is gone with its file"
        )
        if self._journal is not None and self._journal.reports:
            before += f", {self._journal.reports} in {self._journal.path}"
        self._full = self._full or InputError(
            f"{self._reason}; reports cannot be kept in {str(self._folder)!r} either ({error.strerror}), so "
            f"the run stops. {before}; make room and give the same command again"
        )

    def tick(self) -> None:
        """Retry the store when a retry is due.

        Raises: InputError if there is no room left for reports, to stop the run.
        """
        if self._full is not None:
            raise self._full
        if self._journal is None or time.monotonic() < self._next:
            return
        try:
            self._journal.deliver(self._store)
        except Unreachable as error:
            self._away(error)
        else:
            self._back()
        self._say(self.words)

    def finish(self) -> None:
        """Wait until the store has every report.

        Raises: Unreachable, naming the journal, after :data:`PATIENCE` seconds; Lost at once if the store
        cannot come back; InputError if it lacks reports that it had confirmed.
        """
        began = time.monotonic()
        while True:
            self.tick()
            if self._journal is None:
                try:
                    # The last reports may be in a file that was deleted in the meantime.
                    self._store.database.check(writing=True)
                    lacking = self._reported.lacking(self._store)
                except Unreachable as error:
                    self._away(error)
                    self._say(self.words)
                else:
                    if self._reason:
                        self._back()
                        self._say("")
                    if lacking:
                        raise InputError(
                            f"store {self._store.place!r} lacks reports of {len(lacking)} trials that it had "
                            "confirmed, as after an earlier copy was written over it; give the same command "
                            "again, which trains them"
                        )
                    return
            if self._lost:
                raise Lost(self.left)
            if time.monotonic() - began > PATIENCE:
                raise Unreachable(self.left)
            time.sleep(0.1)

    def with_retry(self, call: Callable[..., Result]) -> Callable[..., Result]:
        """Wrap a call so that it is retried while the database is unreachable.

        For reads, and for writes that the journal cannot hold.
        """

        def retried(*arguments: Any, **named: Any) -> Result:
            began, pause, waited = time.monotonic(), FIRST_PAUSE, 0.0
            while True:
                try:
                    answer = call(*arguments, **named)
                    if waited:
                        self._say(self.words)
                    return answer
                except Lost as error:
                    self._away(error)
                    raise Lost(self.left) from None
                except Exception as error:
                    failure, waited = error, time.monotonic() - began
                    if waited > PATIENCE and self._reason and _passing(error):
                        raise Unreachable(self.left) from None
                    if not _passing(error) or waited > PATIENCE:
                        raise
                self._say(
                    self.words
                    or f"store unreachable for {waited:.0f} s; the search waits for it ({_reason(failure)})"
                )
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

        return retried

    def close(self) -> None:
        """Close the journal, and leave undelivered reports in it."""
        if self._journal is not None:
            self._journal.close()
        self.open.close()


def _passing(error: Exception) -> bool:
    """Return True if the error says that a database is unreachable, as our error or Optuna's.

    Optuna need not be imported for this.
    """
    return isinstance(error, Unreachable) or type(error).__name__ == "StorageInternalError"


def _reason(error: Exception) -> str:
    """Return the message of an error; Optuna's, which is long and may contain a password, is replaced."""
    return str(error) if isinstance(error, Unreachable) else "Optuna's storage does not answer"


def optuna_storage(store: Store, delivery: Delivery) -> optuna.storages.BaseStorage:
    """Return Optuna's storage in the store's database, with retries while the database is unreachable.

    The storage is open until the delivery is closed.
    """
    from optuna.storages import BaseStorage, get_storage

    def checked(call: Callable[..., Result]) -> Callable[..., Result]:
        def checking(*arguments: Any, **named: Any) -> Result:
            store.database.check(writing=True)
            return call(*arguments, **named)

        return checking

    storage = get_storage(delivery.open.enter_context(store.optuna_storage()))
    for name in filter(lambda name: not name.startswith("_"), dir(BaseStorage)):
        setattr(storage, name, delivery.with_retry(checked(getattr(storage, name))))
    return storage
