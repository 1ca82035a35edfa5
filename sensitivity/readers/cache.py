"""Values that are computed once, by one thread, and kept while they are among the most recently asked for."""

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
"""Seconds after which a computation that has not begun, and that nobody asks for again, is not begun."""


class Pending(Exception):
    """The value is being computed; ask again."""


class Abandoned(Exception):
    """Nobody asked for the value any more when its turn came."""


@dataclass
class _Entry:
    future: Future[Any] = field(default_factory=Future)
    last_request: float = field(default_factory=time.monotonic)
    weight: float = 0.0


class Cache:
    """Values by key, each computed once however many ask for it at the same time.

    Args: limit: total weight of the values that are kept; the one asked for longest ago goes first. weigh:
    the weight of a value.

    What was computed from wrong input raises again for whoever asked, and is not kept.
    """

    def __init__(self, limit: float, weigh: Callable[[Any], float] = lambda value: 1.0) -> None:
        self._limit, self._weigh = limit, weigh
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self._total = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def peek(self, key: Hashable) -> Any:
        """The value where it is there already, else None; nothing is computed."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
        done = entry is not None and entry.future.done() and entry.future.exception() is None
        return entry.future.result() if entry is not None and done else None

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value instead of the one that is there."""
        entry = _Entry()
        with self._lock:
            self._forget(key)
            self._entries[key] = entry
        self._fill(key, entry, lambda: value)

    def drop(self, key: Hashable) -> None:
        """Forget a value."""
        with self._lock:
            self._forget(key)

    def now(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The value, computed in this thread, or by whichever thread is computing it already."""
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
        """The value, computed in the pool. Args: begin: else only what is there, or is being computed
        already.

        Raises: Pending where that takes longer than ``patience`` seconds.
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
        """The entry of a key, and whether it is the caller's to fill."""
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
        """Remove a key's entry. Args: only: that one, not one that has come in its place."""
        entry = self._entries.get(key)
        if entry is not None and only in (None, entry):
            del self._entries[key]
            self._total -= entry.weight
