"""What readers ask of the store, computed once for all of them, and no more often than the studies can
bear."""

from __future__ import annotations

import gc
import hashlib
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from joblib import cpu_count

from sensitivity.readers.cache import Pending
from sensitivity.readers.source import Source
from sensitivity.service.computing import Computing
from sensitivity.service.problems import Missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sensitivity.readers.view import View
    from sensitivity.results.results import Results
    from sensitivity.service.answering import Ask

WAITING = 8
"""Threads that wait for the process that computes."""
SHARE = min(0.5, 0.02 * cpu_count())
"""Of the time, in which what is shown of a study that trains is computed anew: a fiftieth of what this
machine's processors can do, since the rest is for training, and never more than half of one of them."""
OLDEST = 60.0
"""Seconds for which an answer is shown while a newer one is computed; where the pace is slow, twice as long
as that makes readers wait."""
FAILED = 10.0
"""Seconds for which whoever asks hears why there is no answer, before it is tried again."""


@dataclass
class _Revision:
    """The revision of a study, or of the whole store, that readers see.

    since: when it was seen first. final: the study had ended by then. before: seconds that computing the
        revision before has taken.
    spent: those that computing this one has taken so far.
    """

    token: str
    first_seen: float
    is_final: bool = False
    previous_cost: float = 0.0
    cost: float = 0.0

    def until(self, share: float) -> float:
        """Until when they see it, if computing may take that share of the time."""
        return self.first_seen + self.cost / share


@dataclass(frozen=True)
class Answer:
    """A text that answers, the revision of the study that it is of, and when it was made."""

    text: str
    token: str
    computed_at: float


@dataclass(frozen=True)
class _Failure:
    """Why there is no answer, and until when it is not tried again."""

    why: Exception
    until: float


@dataclass
class Paced(Source):
    """A store as the readers of a service see it.

    A study that trains is seen anew only when computing the last view of it took at most :data:`SHARE` of the
    time since.
    """

    _revisions: dict[str | None, _Revision] = field(default_factory=dict)
    _turns: Counter[str | None] = field(default_factory=Counter)
    """How often readers were to see a study anew: the answers of before a turn are not shown after it."""
    _busy: Counter[str | None] = field(default_factory=Counter)
    """How much is being computed of a study."""
    _pace: threading.Lock = field(default_factory=threading.Lock)
    _looking: threading.RLock = field(default_factory=threading.RLock)
    _asking: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(WAITING, thread_name_prefix="asking")
    )

    def __post_init__(self) -> None:
        self._computing = Computing(self.place)

    def _import(self) -> None:
        """What is imported stays, so that the collector of garbage need not look through it again and
        again."""
        super()._import()
        gc.collect()
        gc.freeze()

    def token(self, study: str | None = None) -> str:
        """As :meth:`Source.token`; that of a study that trains changes no more often than the pace allows.

        One reader at a time looks whether something has changed; meanwhile the others see what was there
        before, but for a study's end.
        """
        now, revision = time.monotonic(), self._revisions.get(study)
        ended = study is not None and not self._trains(study)
        if revision is not None and not ended:
            computed = (
                self._busy[study] and now < revision.first_seen + OLDEST
            )  # another revision would make it worthless before it is there
            if computed or now < revision.until(SHARE):
                return revision.token
        if (
            not self._looking.acquire(blocking=revision is None or (ended and not revision.is_final))
            and revision is not None
        ):
            return revision.token
        try:
            token = super().token(study)
            with self._pace:
                revision = self._revisions.get(study)
                if revision is None or revision.token != token:
                    self._revisions[study] = _Revision(token, now, ended, revision.cost if revision else 0.0)
                elif ended:
                    revision.is_final = True
        finally:
            self._looking.release()
        return token

    def results(self, view: View) -> Results:
        """As :meth:`Source.results`, with the time noted that this thread takes, and not that in which it
        waits for another."""
        began = time.thread_time()
        try:
            return super().results(view)
        finally:
            self.note(view.name, time.thread_time() - began)

    def answer(self, ask: Ask) -> Answer:
        """The text that answers, computed once for all who ask; while a study trains, the one before until
        there is a newer one.

        Raises: Pending where there is none and computing it takes longer than ``patience``; what computing it
        raises.
        """
        newest = _key(
            "newest", self._turns[ask.study], self._turns[None], ask
        )  # before the revision: a turn between them ends this one
        key = _key(self.token(ask.study), ask)
        before = self._before(ask, self._drawn.peek(newest))
        if isinstance(failure := self._drawn.peek(key), _Failure) and time.monotonic() > failure.until:
            self._drawn.drop(key)

        def compute() -> Answer | _Failure:
            token, began = self.token(ask.study), time.monotonic()
            with self._pace:
                self._busy[ask.study] += 1
            try:
                text, seconds = self._computing.answer(ask, token)
                self.note(ask.study, seconds)
            except Exception as error:
                self.note(ask.study, time.monotonic() - began)
                self._drawn.drop(newest)
                return _Failure(error, time.monotonic() + FAILED)
            finally:
                with self._pace:
                    self._busy[ask.study] -= 1
            outcome = Answer(text, token, time.monotonic())
            self._drawn.put(newest, outcome)
            return outcome

        try:
            outcome = self._drawn.soon(key, compute, self._asking, 0 if before else self.patience)
        except Pending:
            if before is None:
                raise
            return before
        if isinstance(outcome, _Failure):
            raise outcome.why.with_traceback(None)
        return outcome

    def _before(self, ask: Ask, answer: Answer | None) -> Answer | None:
        """An answer that may still be shown while a newer one is computed: of a study that trains, and not
        too old."""
        revision = self._revisions.get(ask.study)
        if answer is None or revision is None or not self._trains(ask.study):
            return None
        oldest = max(OLDEST, 2 * max(revision.previous_cost, revision.cost) / SHARE)
        return answer if time.monotonic() - answer.computed_at < oldest else None

    def text(self, study: str, name: object, make: Callable[[], str]) -> Answer:
        """A text that is made once while the study is seen as it is. Args: name: with all that it depends
        on."""
        token = self.token(study)
        return self._drawn.now(_key(token, study, name), lambda: Answer(make(), token, time.monotonic()))

    def close(self) -> None:
        """As :meth:`Source.close`, with the process that computes."""
        self._computing.close()
        self._asking.shutdown(wait=True, cancel_futures=True)
        super().close()

    def note(self, study: str, seconds: float) -> None:
        """Note the seconds of the processor that an answer has cost: whichever revision they were for, the
        study has lost them."""
        with self._pace:
            if study in self._revisions:
                self._revisions[study].cost += seconds

    def _trains(self, study: str) -> bool:
        """Whether a study may still change."""
        row = self.row(study)
        return row is not None and row["pending"] + row["running"] > 0

    def row(self, name: str) -> dict[str, Any] | None:
        """The counts of a study; None where the store does not have it."""
        return next((row for row in self.studies() if row["name"] == name), None)

    def check(self, name: str) -> None:
        """Raises: Missing for a study that the store does not have, with the nearest name."""
        from trainables.names import unknown

        names = [row["name"] for row in self.studies()]
        if name not in names:
            raise Missing(str(unknown("study", name, names)))

    def fingerprint(self, ask: Ask, token: str | None = None) -> str:
        """What an answer is known by while it stays the same. Args: token: that of the study as it is now
        when not given."""
        return _key(token or self.token(ask.study), ask)[:20]

    def invalidate(self, study: str | None = None) -> None:
        """Look at a study (at all) again, now: this process has changed it, or it has ended. What was before
        is not shown any more."""
        with self._looking:  # no look of before is noted after this
            with self._pace:
                self._turns[study] += 1
                for name in [study] if study is not None else list(self._revisions):
                    self._revisions.pop(name, None)
            self._look = replace(self._look, until=0.0)


def _key(*parts: object) -> str:
    """A short name of what readers may spell out at any length."""
    return hashlib.sha256(repr(parts).encode(errors="surrogatepass")).hexdigest()
