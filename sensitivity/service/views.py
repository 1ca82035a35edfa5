"""Cached answers for all API and dashboard readers.

A running study is recomputed for at most :data:`SHARE` of the time.
"""

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
"""Threads that wait for the computing process."""
SHARE = min(0.5, 0.02 * cpu_count())
"""Share of the time in which answers about a running study are recomputed: a fiftieth of the processors of
this machine, since the rest is for training, and at most half of one processor."""
OLDEST = 60.0
"""Seconds for which an answer is shown while a newer one is computed; if computing is slow, twice the time
that the pace makes readers wait."""
FAILED = 10.0
"""Seconds for which a failed answer is repeated before it is computed again."""


@dataclass
class _Revision:
    """The revision of a study, or of the whole store, that readers see.

    Args:
        token: Token of the revision.
        first_seen: Time at which the revision was first seen, by the monotonic clock in seconds.
        is_final: True if the study had ended by then.
        previous_cost: Seconds of the processor for the answers of the previous revision.
        cost: Seconds of the processor for the answers of this revision so far.
    """

    token: str
    first_seen: float
    is_final: bool = False
    previous_cost: float = 0.0
    cost: float = 0.0

    def until(self, share: float) -> float:
        """Return the time until which readers see the revision.

        Args:
            share: Share of the time that computing may take, from 0 to 1.
        """
        return self.first_seen + self.cost / share


@dataclass(frozen=True)
class Answer:
    """A text that answers.

    Args:
        text: The answer.
        token: Revision of the study that the answer is of.
        computed_at: Time at which the answer was computed, by the monotonic clock in seconds.
    """

    text: str
    token: str
    computed_at: float


@dataclass(frozen=True)
class _Failure:
    """The reason for which there is no answer, and the time until which it is not tried again."""

    why: Exception
    until: float


@dataclass
class Paced(Source):
    """A store as the readers of a service see it.

    A study that trains is seen anew only when computing the last view of it took at most :data:`SHARE` of the
    time since.
    """

    _revisions: dict[str | None, _Revision] = field(default_factory=dict)
    _invalidations: Counter[str | None] = field(default_factory=Counter)
    """Invalidations of each study; answers from before an invalidation are not shown after it."""
    _busy: Counter[str | None] = field(default_factory=Counter)
    """Answers of each study that are being computed."""
    _pace: threading.Lock = field(default_factory=threading.Lock)
    _looking: threading.RLock = field(default_factory=threading.RLock)
    _asking: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(WAITING, thread_name_prefix="asking")
    )

    def __post_init__(self) -> None:
        self._computing = Computing(self.place)

    def _import(self) -> None:
        """Import, and freeze the imported objects, so that the garbage collector does not scan them again."""
        super()._import()
        gc.collect()
        gc.freeze()

    def token(self, study: str | None = None) -> str:
        """Return the token of :meth:`Source.token`.

        The token of a study that trains changes no more often than the pace allows.
        One reader at a time looks for a change; meanwhile the other readers see the last revision, unless the
        study has ended.
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
        """Return the results of :meth:`Source.results`, and note the seconds that this thread computes."""
        began = time.thread_time()
        try:
            return super().results(view)
        finally:
            self.note(view.name, time.thread_time() - began)

    def answer(self, ask: Ask) -> Answer:
        """Return the text that answers, computed once for all readers.

        While a study trains, readers get the previous answer until there is a newer one.

        Raises: Pending where there is no answer and computing it takes longer than ``patience``; what
        computing it raises.
        """
        # Read the invalidation counters before the revision: an invalidation in between must make this key
        # stale.
        newest = _key("newest", self._invalidations[ask.study], self._invalidations[None], ask)
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
        """Return a recent answer that may be shown until there is a newer one; else None.

        Only a study that trains has one.
        """
        revision = self._revisions.get(ask.study)
        if answer is None or revision is None or not self._trains(ask.study):
            return None
        oldest = max(OLDEST, 2 * max(revision.previous_cost, revision.cost) / SHARE)
        return answer if time.monotonic() - answer.computed_at < oldest else None

    def text(self, study: str, name: object, make: Callable[[], str]) -> Answer:
        """Return a text that is made once per revision of a study.

        Args:
            study: Name of the study.
            name: Name of the text with all that it depends on.
            make: Makes the text.
        """
        token = self.token(study)
        return self._drawn.now(_key(token, study, name), lambda: Answer(make(), token, time.monotonic()))

    def close(self) -> None:
        """Close the source, and end the process that computes."""
        self._computing.close()
        self._asking.shutdown(wait=True, cancel_futures=True)
        super().close()

    def note(self, study: str, seconds: float) -> None:
        """Note the cost of an answer, whichever revision the answer is of.

        Args:
            study: Name of the study.
            seconds: Seconds of the processor.
        """
        with self._pace:
            if study in self._revisions:
                self._revisions[study].cost += seconds

    def _trains(self, study: str) -> bool:
        """Return True if a study may still change."""
        row = self.row(study)
        return row is not None and row["pending"] + row["running"] > 0

    def row(self, name: str) -> dict[str, Any] | None:
        """Return the counts of a study; None if the store does not have it."""
        return next((row for row in self.studies() if row["name"] == name), None)

    def check(self, name: str) -> None:
        """Check that the store has a study.

        Raises: Missing for a study that the store does not have, with the nearest name.
        """
        from trainables.names import unknown

        names = [row["name"] for row in self.studies()]
        if name not in names:
            raise Missing(str(unknown("study", name, names)))

    def fingerprint(self, ask: Ask, token: str | None = None) -> str:
        """Return a text that stays the same as long as an answer does.

        Args:
            ask: The question.
            token: Revision of the study; the current one if None.
        """
        return _key(token or self.token(ask.study), ask)[:20]

    def invalidate(self, study: str | None = None) -> None:
        """Drop the cached revision of a study (of all studies, if None).

        Answers of before are not shown any more. To be called after this process has changed the study, or
        the study has ended.
        """
        self.forget_annotations()
        with self._looking:  # no look of before is noted after this
            with self._pace:
                self._invalidations[study] += 1
                for name in [study] if study is not None else list(self._revisions):
                    self._revisions.pop(name, None)
            self._look = replace(self._look, until=0.0)


def _key(*parts: object) -> str:
    """Return a short key of parts that readers may spell out at any length."""
    return hashlib.sha256(repr(parts).encode(errors="surrogatepass")).hexdigest()
