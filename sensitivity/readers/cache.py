"""Values that are computed once, by one thread, and cached while they are recently requested."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
ABANDON_AFTER = 20.0
"""A queued computation that nobody has asked for within this many seconds is dropped."""


class Pending(Exception):
    """The value is being computed; ask again."""


class Abandoned(Exception):
    """Nobody requested the value any more when its computation was to begin."""


@dataclass
class _Entry:
    future: Future[Any] = field(default_factory=Future)
    last_request: float = field(default_factory=time.monotonic)
    weight: float = 0.0


class Cache:
    """Values by key, each computed once however many threads request it at the same time.

    An error raises again for every thread that waits for the value, and is not cached.

    Args:
        limit: Total weight of the cached values; the least recently requested value goes first.
        weigh: Returns the weight of a value.
    """

    def __init__(self, limit: float, weigh: Callable[[Any], float] = lambda value: 1.0) -> None:
        self._limit, self._weigh = limit, weigh
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self._total = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def peek(self, key: Hashable) -> Any:
        """Return the cached value, or None; nothing is computed."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
        done = entry is not None and entry.future.done() and entry.future.exception() is None
        return entry.future.result() if entry is not None and done else None

    def put(self, key: Hashable, value: Any) -> None:
        """Cache a value instead of the cached one."""
        entry = _Entry()
        with self._lock:
            self._forget(key)
            self._entries[key] = entry
        self._fill(key, entry, lambda: value)

    def drop(self, key: Hashable) -> None:
        """Drop a value."""
        with self._lock:
            self._forget(key)

    def now(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the value, computed in this thread, or by the thread that is computing it already."""
        entry, mine = self._entry(key)
        if mine:
            self._fill(key, entry, compute)
        return entry.future.result()  # type: ignore[no-any-return]

    def soon(
        self,
        key: Hashable,
        compute: Callable[[], T],
        pool: ThreadPoolExecutor,
        patience: float,
        *,
        begin: bool = True,
    ) -> T:
        """Return the value, computed in the pool.

        Args:
            key: Key of the value.
            compute: Computes the value.
            pool: Threads that compute.
            patience: Seconds to wait.
            begin: False returns only a value that exists or is being computed already.
        Raises: Pending where it takes longer than ``patience`` seconds.
        """
        while True:
            if not begin and key not in self._entries:
                raise Pending
            entry, mine = self._entry(key)
            if mine:
                pool.submit(self._fill, key, entry, compute)
            try:
                return entry.future.result(timeout=patience)  # type: ignore[no-any-return]
            except TimeoutError:
                if not entry.future.done():
                    raise Pending from None
                return entry.future.result()  # type: ignore[no-any-return]  # it came just now; or its own error is this one
            except Abandoned:
                continue

    def _entry(self, key: Hashable) -> tuple[_Entry, bool]:
        """Return the entry of a key, and True if the caller has to fill it."""
        with self._lock:
            mine = key not in self._entries
            if mine:
                self._entries[key] = _Entry()
            entry = self._entries[key]
            entry.last_request = time.monotonic()
            self._entries.move_to_end(key)
            return entry, mine

    def _fill(self, key: Hashable, entry: _Entry, compute: Callable[[], Any]) -> None:
        try:
            if time.monotonic() - entry.last_request > ABANDON_AFTER:
                raise Abandoned
            value = compute()
        except BaseException as error:
            with self._lock:
                self._forget(key, entry)
            entry.future.set_exception(error)
            return
        entry.future.set_result(value)
        with self._lock:
            if self._entries.get(key) is not entry:  # dropped meanwhile: whoever waits has it
                return
            entry.weight = self._weigh(value)
            self._total += entry.weight
            if self._total <= self._limit:
                return
            for old, old_entry in list(self._entries.items()):
                if self._total <= self._limit or old == key:
                    break
                if old_entry.future.done():
                    self._forget(old)

    def _forget(self, key: Hashable, only: _Entry | None = None) -> None:
        """Remove the entry of a key.

        Args:
            key: Key of the entry.
            only: Remove this entry only, not one that has replaced it.
        """
        entry = self._entries.get(key)
        if entry is not None and only in (None, entry):
            del self._entries[key]
            self._total -= entry.weight
