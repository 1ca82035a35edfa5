"""The store as the dashboard reads it: each thing once while it stays the same, however many readers look."""

from __future__ import annotations

import importlib
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from sensitivity.measures import Measured
from sensitivity.readers.cache import Cache
from sensitivity.readers.filters import capped, narrowed
from sensitivity.readers.view import FILTERS
from sensitivity.results.results import Results
from sensitivity.store import queries
from sensitivity.store.annotations import (
    NOTHING,
    OF_STUDY,
    Annotation,
    annotations_revision,
    read_annotations,
)
from sensitivity.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.readers.view import View

T = TypeVar("T")
PATIENCE = 0.25
"""Seconds that a page waits for a number before it shows that it is being measured."""
ROWS = 600_000
"""Trials and epochs in memory, of all results together."""
CHARACTERS = 150_000_000
"""Characters of all cached texts and figures."""
AT_ONCE = 3
"""Computations at the same time: each may take all of a core and several hundred megabytes."""


def _size(value: Any) -> float:
    """Return characters of a text or a figure; anything else is small."""
    return float(len(value if isinstance(value, str) else getattr(value, "text", None) or "")) + 1000.0


@dataclass(frozen=True)
class _Look:
    """The revision of the store when it was last read.

    Args:
        token: Token of the revision.
        until: Time until which the token is not read again, by the monotonic clock in seconds.
    """

    token: str
    until: float


@dataclass(frozen=True)
class _Annotated:
    """The annotations of the store when they were last read.

    Args:
        token: Token of their revision.
        until: Time until which the token is not read again, by the monotonic clock in seconds.
        annotations: The annotations by study and key.
    """

    token: str
    until: float
    annotations: dict[tuple[str, str], Annotation]


@dataclass(frozen=True)
class Submitted:
    """A study that was given to a service.

    Args:
        name: Name of the study.
        state: ``queued``, ``running``, ``completed``, ``failed`` or ``cancelled``.
        trials: How many it has.
        waits_for: Names of the studies that train or wait before this one; none unless it is queued.
        error: Why it failed, in one line.
    """

    name: str
    state: str
    trials: int
    waits_for: tuple[str, ...] = ()
    error: str | None = None


@dataclass
class Source:
    """A store and the values that are computed from it.

    Every reading is known by the token of :func:`sensitivity.store.queries.revision`, so it is made again
    only after a change. Reading takes at most a fifth of the time, however large a study is that runs.

    Args:
        place: Path or URL of the store.
        patience: Seconds that a page waits for a value.
        submitted: Returns the studies that were given to the service of the store, by name; none without a
            service.
    """

    place: str
    patience: float = PATIENCE
    submitted: Callable[[], Mapping[str, Submitted]] = dict
    _annotated: _Annotated = field(default_factory=lambda: _Annotated("", 0.0, {}))
    _store: Store | None = None
    _look: _Look = field(default_factory=lambda: _Look("", 0.0))
    _tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    _seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _results: Cache = field(default_factory=lambda: Cache(ROWS, lambda results: len(results.trials)))
    _measured: Cache = field(default_factory=lambda: Cache(ROWS, lambda one: len(one.results.trials) + 1000))
    _epochs: Cache = field(default_factory=lambda: Cache(ROWS, len))
    _drawn: Cache = field(default_factory=lambda: Cache(CHARACTERS, _size))
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(AT_ONCE, thread_name_prefix="measuring")
    )

    @property
    def store(self) -> Store:
        """The store.

        Raises: InputError where it cannot be opened; Unreachable where its file went away.
        """
        with self._lock:
            if self._store is None:
                self._store = Store(self.place, create=False)
            self._store.database.check()
            return self._store

    @property
    def named(self) -> str:
        """The store as it was named, without a password."""
        return self.store.place if "://" in self.place else self.place

    def warm(self) -> None:
        """Import what the first reader would wait for: seconds, in the background."""
        self._pool.submit(self._import)

    def _import(self) -> None:
        importlib.import_module("sensitivity.study.study")

    def close(self) -> None:
        """Let go of the store and of what is still being computed."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._store is not None:
            self._store.close()

    def token(self, study: str | None = None) -> str:
        """Return the revision of a study, or of the whole store, read at most once a second.

        The revision of a study is read again whenever that of the store has changed, so that a page that
        hears of the change does not read older results.

        Raises: InputError where the store cannot be read.
        """
        store, now = self.store, time.monotonic()
        if now >= self._look.until:
            self._look = _Look(queries.revision(store), now + max(1.0, 5 * self._seconds))
        whole = self._look.token
        if study is None:
            return whole
        known = self._tokens.get(study)
        if known is None or known[0] != whole:
            known = self._tokens[study] = (whole, queries.revision(store, study))
        return known[1]

    def studies(self) -> list[dict[str, Any]]:
        """Return every study with its counts, the newest first."""
        return self._drawn.now(("studies", self.token()), lambda: self.store.studies()[::-1])

    def page_token(self, view: View) -> str:
        """Return a token of everything that a page shows: results, annotations, studies that wait.

        It holds the revisions of the studies of the view as readers see them: they may see the revision of
        the store first.

        Raises: InputError where the store cannot be read.
        """
        queue = "\n".join(map(repr, self.submitted().values()))
        self.annotations()
        seen = [self.token(), *(self.token(name) for name in (view.name, *view.study) if name)]
        return f"{' '.join(seen)} {self._annotated.token} {zlib.crc32(queue.encode()):08x}"

    def annotations(self) -> dict[tuple[str, str], Annotation]:
        """Return the annotations of every study and trial, by study and key, read at most once a second."""
        now = time.monotonic()
        if now >= self._annotated.until:
            token = annotations_revision(self.store)
            same = token == self._annotated.token
            read = self._annotated.annotations if same else read_annotations(self.store)
            self._annotated = _Annotated(token, now + 1.0, read)
        return self._annotated.annotations

    def annotation(self, study: str, key: str = OF_STUDY) -> Annotation:
        """Return the annotation of a study, or of one of its trials."""
        return self.annotations().get((study, key), NOTHING)

    def forget_annotations(self) -> None:
        """Read the annotations again when they are next wanted, as after this process has changed one."""
        self._annotated = replace(self._annotated, until=0.0)

    def results(self, view: View) -> Results:
        """Return the whole study of a view, by its metric and cap.

        Raises: InputError for what is unknown.
        """
        key = (view.name, self.token(view.name), view.metric)
        read = self._results.now(key, lambda: self._read(view, key))
        return (
            self._results.now((*key, "worst"), lambda: capped(read, "worst")) if view.cap == "worst" else read
        )

    def _read(self, view: View, key: tuple[str, ...]) -> Results:
        begun = time.monotonic()
        read = Results.from_store(
            self.store, view.name, metric=view.metric or None, cache=partial(self._epochs.now, key)
        )
        self._seconds = time.monotonic() - begun
        return read

    def filtered_results(self, view: View) -> Results:
        """Return the trials that pass the filters of a view."""
        whole = self.results(view)
        return (
            self._results.now((*self.key(view), "kept"), lambda: narrowed(whole, view))
            if view.filtered
            else whole
        )

    def key(self, view: View) -> tuple[Any, ...]:
        """Return a key of everything that the measures of a view depend on."""
        filters = tuple(getattr(view, name) for name in FILTERS)
        return (view.name, self.token(view.name), view.metric, view.cap, *filters)

    def curve(self, key: str) -> pd.DataFrame:
        """Return every epoch of a trial."""
        return queries.curve(self.store, key)

    def measured(
        self,
        view: View,
        compute: Callable[[Measured], T],
        name: Any,
        *,
        patience: float | None = None,
        begin: bool = True,
    ) -> T:
        """Return what a function computes of the measures of a view, in the pool.

        Args:
            view: The view.
            compute: Computes from the measures.
            name: Name of what is computed, with all that it depends on.
            patience: Seconds to wait, instead of the usual.
            begin: False returns only a value that exists or is being computed already.
        Raises: Pending where it takes longer than a page waits.
        """
        key = self.key(view)

        def compute_in_pool() -> T:
            whole = self._measured.now(key, lambda: _Shared(self.filtered_results(view)))
            return compute(whole)

        wait = self.patience if patience is None else patience
        return self._drawn.soon((*key, name), compute_in_pool, self._pool, wait, begin=begin)


TABLES = frozenset(
    name for name, attribute in vars(Measured).items() if isinstance(attribute, cached_property)
)


@dataclass(frozen=True)
class _Shared(Measured):
    """Measures for several threads.

    One thread computes a table; the other threads wait for that table only.
    """

    locks: dict[str, threading.RLock] = field(
        default_factory=lambda: {name: threading.RLock() for name in TABLES}
    )

    def __getattribute__(self, name: str) -> Any:
        if name not in TABLES:
            return super().__getattribute__(name)
        with self.locks[name]:
            return super().__getattribute__(name)
