"""What readers ask of the store, computed once for all of them, and no more often than the studies can bear."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from sensitivity.dashboard.source import Source
from sensitivity.service.problems import Missing

if TYPE_CHECKING:
    from sensitivity.dashboard.view import View
    from sensitivity.measures import Measured

T = TypeVar("T")
SHARE = 0.1
"""Of the time, in which what is shown of a study that trains is computed anew: the rest is for training."""


@dataclass
class _Held:
    """The revision of a study that readers see, since when, and the seconds that computing it has taken."""

    token: str
    since: float
    spent: float = 0.0


@dataclass
class Paced(Source):
    """A store whose studies are seen anew only when computing the last view of them took at most :data:`SHARE` of the time since."""

    _held: dict[str, _Held] = field(default_factory=dict)
    _pace: threading.Lock = field(default_factory=threading.Lock)

    def token(self, study: str | None = None) -> str:
        """As :meth:`Source.token`; that of a study changes no more often than the pace allows."""
        if study is None:
            return super().token()
        now = time.monotonic()
        with self._pace:
            held = self._held.get(study)
        if held is not None and now - held.since < held.spent / SHARE:
            return held.token
        token = super().token(study)
        with self._pace:
            if held is None or held.token != token:
                self._held[study] = _Held(token, now)
        return token

    def measured(self, view: View, compute: Callable[[Measured], T], name: Any, **options: Any) -> T:
        """As :meth:`Source.measured`, with the time that it takes noted."""

        def timed(measured: Measured) -> T:
            began = time.thread_time()
            try:
                return compute(measured)
            finally:
                with self._pace:
                    if view.name in self._held:
                        self._held[view.name].spent += time.thread_time() - began

        return super().measured(view, timed, name, **options)

    def row(self, name: str) -> dict[str, Any] | None:
        """The counts of a study; None where the store does not have it."""
        return next((each for each in self.studies() if each["name"] == name), None)

    def check(self, name: str) -> None:
        """Raises: Missing for a study that the store does not have, with the nearest name."""
        from trainables.names import unknown

        names = [each["name"] for each in self.studies()]
        if name not in names:
            raise Missing(str(unknown("study", name, names)))

    def fingerprint(self, view: View, key: Any) -> str:
        """What an answer is known by while it stays the same."""
        return hashlib.sha256(repr((self.key(view), key)).encode()).hexdigest()[:20]

    def anew(self) -> None:
        """Look at the store again, now: this process has changed it."""
        self._look = replace(self._look, until=0.0)
