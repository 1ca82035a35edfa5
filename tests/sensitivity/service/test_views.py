"""The pace at which readers see a study that trains: a large one later, none at its cost."""

from __future__ import annotations

import json
import pathlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from sensitivity.readers.cache import Pending
from sensitivity.readers.view import View
from sensitivity.service import views
from sensitivity.service.answering import Ask
from sensitivity.service.views import Answer, Paced
from sensitivity.store import queries
from sensitivity.store.store import Store
from sensitivity.study.trial import Trial
from tests.sensitivity.dashboard.stored import finish, plan
from tests.sensitivity.service.served import until
from trainables.names import InputError

ASK = Ask("watched", "measure", "excess_loss")


@dataclass
class Trained:
    """A study of which half has been trained, and how readers see it."""

    source: Paced
    store: Store
    left: list[Trial]

    def train(self, trials: int) -> None:
        """Some more of its trials end."""
        finish(self.store, self.left[:trials])
        del self.left[:trials]

    def look(self) -> None:
        """A second has passed."""
        self.source._look = type(self.source._look)("", 0.0)

    def answer(self) -> Answer:
        """What is answered when something is."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.source.answer(ASK)
            except Pending:
                assert time.monotonic() < deadline


@pytest.fixture
def trained(tmp_path: pathlib.Path) -> Iterator[Trained]:
    store, trials = plan(tmp_path / "results.sqlite")
    finish(store, trials[:24])
    source = Paced(str(tmp_path / "results.sqlite"))
    yield Trained(source, store, trials[24:])
    source.close()
    store.close()


def test_what_cost_little_is_seen_at_once(trained: Trained) -> None:
    first = trained.source.token("watched")
    trained.train(1)
    until(lambda: trained.source.token("watched") != first, 10)


def test_what_cost_much_is_seen_later(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds of computing are a tenth of a hundred seconds."""
    monkeypatch.setattr(views, "SHARE", 0.1)
    source = trained.source
    first = source.token("watched")
    source.note("watched", 10.0)
    trained.train(1)
    trained.look()
    assert (source.row("watched") or {})["pending"] == 23
    assert source.token("watched") == first
    assert 90 < source._revisions["watched"].until(0.1) - time.monotonic() <= 100
    source.invalidate()
    assert source.token("watched") != first


def test_a_page_hears_of_a_revision_when_its_readers_see_it(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store may be seen anew before the study, whose page would else stay as it was until the next
    trial."""
    monkeypatch.setattr(views, "SHARE", 0.1)
    source, view = trained.source, View(page="study", name="watched")
    source.page_token(view)
    source.note("watched", 10.0)
    trained.train(1)
    trained.look()
    after = source.page_token(view)  # the store has changed, the study is seen as it was
    first = source.token("watched")
    source._revisions["watched"].cost = 0.0  # as when the pace allows it
    trained.look()
    assert source.page_token(view) != after
    assert source.token("watched") != first
    assert source.page_token(View(page="compare", study=("watched",))) == source.page_token(view)


def test_a_revision_stays_while_something_is_computed_of_it(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the first answers of a large study would be old before they are there, and none of their seconds
    would count."""
    source, begun, go = trained.source, threading.Event(), threading.Event()
    first = source.token("watched")

    def slow(ask: Ask, token: str) -> tuple[str, float]:
        begun.set()
        go.wait(60)
        return token, 1000.0

    monkeypatch.setattr(source._computing, "answer", slow)
    source.patience = 0.01
    with pytest.raises(Pending):
        source.answer(ASK)
    assert begun.wait(60)
    trained.train(1)
    trained.look()
    assert source.token("watched") == first
    go.set()
    assert trained.answer().text == first
    trained.look()
    assert source.token("watched") == first, "it was paid for dearly"
    assert source._revisions["watched"].cost >= 1000


@pytest.mark.slow
def test_a_study_that_has_ended_is_seen_as_it_ended(trained: Trained) -> None:
    """Whatever it has cost so far, and whoever has trained it."""
    first = trained.answer()
    trained.source.note("watched", 1e6)
    trained.train(24)
    trained.look()
    assert trained.answer().token != first.token


@pytest.mark.slow
def test_while_a_study_trains_readers_have_the_answer_before(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, known by what it is of, until there is a newer one."""
    source = trained.source
    monkeypatch.setattr(views, "SHARE", 1e9)
    first = trained.answer()
    computing, go = source._computing.answer, threading.Event()
    monkeypatch.setattr(source._computing, "answer", lambda *asked: go.wait(60) and computing(*asked))
    trained.train(1)
    trained.look()
    assert source.token("watched") != first.token
    assert source.answer(ASK) is first
    assert source.fingerprint(ASK, first.token) != source.fingerprint(ASK)
    go.set()
    assert until(
        lambda: answer if (answer := source.answer(ASK)) is not first else None
    ).token == source.token("watched")


@pytest.mark.slow
@pytest.mark.parametrize("ended", [False, True], ids=["it raises", "the study was stopped"])
def test_the_answer_before_hides_nothing(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    """Why there is no answer any more, or that a study was stopped: it has trials left, but is not
    trained."""
    source = trained.source
    monkeypatch.setattr(views, "SHARE", 1e9)
    trained.answer()

    def gone(*_: object) -> tuple[str, float]:
        raise InputError("no such results any more")

    monkeypatch.setattr(source._computing, "answer", gone)
    trained.train(1)
    source.invalidate() if ended else trained.look()
    with pytest.raises(InputError, match="no such results"):
        until(lambda: source.answer(ASK) is None, 10)


@pytest.mark.slow
def test_an_answer_before_is_not_shown_for_ever(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks once an hour is not an hour behind."""
    source = trained.source
    monkeypatch.setattr(views, "SHARE", 1e9)
    first = trained.answer()
    trained.train(1)
    trained.look()
    monkeypatch.setattr(views, "OLDEST", 0.0)
    source.patience = 60.0
    assert source.answer(ASK).token == source.token("watched") != first.token


def test_why_there_is_no_answer_is_heard_however_long_it_takes(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By all who ask, found out once, and again after a while."""
    source, asked, go = trained.source, [], threading.Event()

    def slow(*_: object) -> tuple[str, float]:
        asked.append(1)
        go.wait(60)
        raise InputError("no such results")

    monkeypatch.setattr(source._computing, "answer", slow)
    source.patience = 0.01
    with pytest.raises(Pending):
        source.answer(ASK)
    go.set()
    for _ in range(3):
        with pytest.raises(InputError, match="no such results"):
            trained.answer()
    assert len(asked) == 1
    monkeypatch.setattr(views.time, "monotonic", lambda now=time.monotonic: now() + views.FAILED)
    with pytest.raises(InputError, match="no such results"):
        trained.answer()
    assert len(asked) == 2


def test_a_look_that_was_under_way_is_not_noted_after_a_turn(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, revision = trained.source, queries.revision
    first = source.token("watched")
    asked, go = threading.Event(), threading.Event()

    def slow(*given: object) -> str:
        found = revision(*given)  # type: ignore[arg-type]
        asked.set()
        go.wait(30)
        return found

    monkeypatch.setattr(queries, "revision", slow)
    trained.look()
    with ThreadPoolExecutor(2) as pool:
        looking = pool.submit(source.token, "watched")
        assert asked.wait(30)
        trained.train(1)
        turning = pool.submit(source.invalidate, "watched")
        go.set()
        turning.result(30)
        looking.result(30)
    assert source.token("watched") != first


@pytest.mark.slow
def test_all_that_is_asked_of_one_revision_is_of_one_reading(trained: Trained) -> None:
    """However much is trained between two questions: what they have in common is computed once."""
    answer = trained.source._computing.answer
    counts = Ask("watched", "measure", "divergence_rate")
    answer(ASK, "first")
    trained.train(12)
    before, after = (json.loads(answer(counts, token)[0])["rows"] for token in ("first", "second"))
    assert (sum(row["n"] for row in before), sum(row["n"] for row in after)) == (24, 36)


def test_texts_are_kept_while_the_study_is_seen_as_it_is(trained: Trained) -> None:
    made: list[int] = []

    def text() -> str:
        made.append(1)
        return "x"

    source = trained.source
    assert [source.text("watched", "page", text).text for _ in range(3)] == ["x"] * 3
    trained.train(1)
    trained.look()
    source.text("watched", "page", text)
    assert len(made) == 2


def test_one_reader_at_a_time_asks_whether_something_has_changed(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty that ask at once do not all read the store: the others see what was there."""
    source = trained.source
    first = source.token()
    asked, go = threading.Semaphore(0), threading.Event()

    def slow(*_: object) -> str:
        asked.release()
        go.wait(30)
        return "another"

    monkeypatch.setattr(queries, "revision", slow)
    source._look = type(source._look)(first, 0.0)
    with ThreadPoolExecutor(41) as pool:
        one = pool.submit(source.token)
        assert asked.acquire(timeout=30)
        assert {each.result(timeout=30) for each in [pool.submit(source.token) for _ in range(40)]} == {first}
        go.set()
        assert one.result(timeout=30) == "another"
    assert not asked.acquire(blocking=False)
