"""What readers ask of the store, computed once for all of them, and no more often than the studies can bear."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sensitivity.dashboard.cache import Pending
from sensitivity.dashboard.source import Source
from sensitivity.service.computing import Computing
from sensitivity.service.problems import Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from sensitivity.dashboard.view import View
    from sensitivity.results import Results
    from sensitivity.service.answering import Ask

WAITING = 8
"""Threads that wait for the process that computes."""
SHARE = min(0.5, 0.025 * len(os.sched_getaffinity(0)))
"""Of the time, in which what is shown of a study that trains is computed anew: a fortieth of what this machine's processors can do, since
the rest is for training, and never more than half of one of them."""


@dataclass
class _Held:
    """The revision of a study, or of the whole store, that readers see; since when, and the seconds that computing it has taken."""

    token: str
    since: float
    spent: float = 0.0

    def until(self, share: float) -> float:
        """Until when they see it, if computing may take that share of the time."""
        return self.since + self.spent / share


@dataclass(frozen=True)
class Answer:
    """A text that answers, and the revision of the study that it is of."""

    text: str
    token: str


@dataclass
class Paced(Source):
    """A store whose studies are seen anew only when computing the last view of them took at most :data:`SHARE` of the time since."""

    _held: dict[str | None, _Held] = field(default_factory=dict)
    _turn: int = 0
    _pace: threading.Lock = field(default_factory=threading.Lock)
    _looking: threading.RLock = field(default_factory=threading.RLock)
    _asking: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(WAITING, thread_name_prefix="asking"))

    def __post_init__(self) -> None:
        self._computing = Computing(self.place)

    def token(self, study: str | None = None) -> str:
        """As :meth:`Source.token`; that of a study that trains changes no more often than the pace allows.

        One reader at a time looks whether something has changed; meanwhile the others see what was there before.
        """
        held = self._held.get(study)
        now = time.monotonic()
        if held is not None and ((now < held.until(SHARE) and self._trains(study)) or not self._looking.acquire(blocking=False)):
            return held.token
        if held is None:
            self._looking.acquire()
        try:
            token = super().token(study)
        finally:
            self._looking.release()
        with self._pace:
            if held is None or held.token != token:
                self._held[study] = _Held(token, now)
        return token

    def results(self, view: View, *, curves: bool = False) -> Results:
        """As :meth:`Source.results`, with the time noted that this thread takes, and not that in which it waits for another."""
        began = time.thread_time()
        try:
            return super().results(view, curves=curves)
        finally:
            self._note(view.name, time.thread_time() - began)

    def answer(self, ask: Ask) -> Answer:
        """The text that answers, computed once for all who ask; while a study trains, the one before until there is a newer one.

        Raises: Pending where there is none and computing it takes longer than ``patience``.
        """
        token, newest = self.token(ask.study), ("newest", self._turn, ask)
        before: Answer | None = self._drawn.held(newest) if self._trains(ask.study) else None

        def made() -> Answer:
            try:
                text, seconds = self._computing.answer(ask, token)
            except BaseException:
                self._drawn.drop(newest)  # whoever asks next hears why
                raise
            self._note(ask.study, seconds)
            found = Answer(text, token)
            self._drawn.drop(newest)
            return self._drawn.now(newest, lambda: found)

        try:
            return self._drawn.soon((token, ask), made, self._asking, 0 if before else self.patience)
        except Pending:
            if before is None:
                raise
            return before

    def text(self, study: str, name: Hashable, make: Callable[[], str]) -> str:
        """A text that is made once while the study is seen as it is. Args: name: with all that it depends on."""
        return self._drawn.now((self.token(study), study, name), make)

    def close(self) -> None:
        """As :meth:`Source.close`, with the process that computes."""
        self._computing.close()
        self._asking.shutdown(wait=True, cancel_futures=True)
        super().close()

    def _note(self, study: str, seconds: float) -> None:
        with self._pace:
            if study in self._held:
                self._held[study].spent += seconds

    def _trains(self, study: str | None) -> bool:
        """Whether a study may still change."""
        row = self.row(study) if study is not None else None
        return row is not None and row["pending"] + row["running"] > 0

    def row(self, name: str) -> dict[str, Any] | None:
        """The counts of a study; None where the store does not have it."""
        return next((each for each in self.studies() if each["name"] == name), None)

    def check(self, name: str) -> None:
        """Raises: Missing for a study that the store does not have, with the nearest name."""
        from trainables.names import unknown

        names = [each["name"] for each in self.studies()]
        if name not in names:
            raise Missing(str(unknown("study", name, names)))

    def fingerprint(self, ask: Ask, token: str | None = None) -> str:
        """What an answer is known by while it stays the same. Args: token: that of the study as it is now when not given."""
        return hashlib.sha256(repr((token or self.token(ask.study), ask)).encode()).hexdigest()[:20]

    def anew(self) -> None:
        """Look at the store again, now: this process has changed it, or a study has ended. Nothing of before is shown any more."""
        with self._pace:
            self._held.clear()
            self._turn += 1
        self._look = replace(self._look, until=0.0)
