"""Reports while the store is away: kept in a journal, delivered in order, none lost and none doubled."""

from __future__ import annotations

import collections
import errno
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from sensitivity.store import delivery as module
from sensitivity.store.databases import Unreachable
from sensitivity.store.delivery import Delivery
from sensitivity.store.journal import Journal, bring_in, journal_path, left_behind
from sensitivity.store.store import Store
from tests.contracts import report, trial
from tests.postgres import PASSWORD, Server
from trainables.names import InputError

ROOT = pathlib.Path(__file__).parents[2]
ONE, TWO = trial(0.1), trial(1.0)


def epoch(number: int, status: str = "running", key: str = ONE.key) -> dict[str, Any]:
    return {**report(number, status), "key": key, "initial_loss": 1.0}


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    store = Store(place)
    store.add_study("s", "{}", [ONE, TWO])
    yield store
    store.close()


@pytest.fixture
def away(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Makes the database refuse every transaction that writes, as SQLAlchemy says that it does, or end
    that."""
    keep, state = store.keep, {"away": False}

    def refuse(*arguments: Any, **named: Any) -> None:
        if state["away"]:
            with store.database.transaction():
                raise OperationalError("INSERT", {}, Exception("database or disk is full"))
        keep(*arguments, **named)

    monkeypatch.setattr(store, "keep", refuse)
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)
    return lambda now: state.update(away=now)


def test_reports_of_an_outage_are_delivered_in_order_afterwards(
    store: Store, away: Callable[[bool], None], tmp_path: pathlib.Path
) -> None:
    said: list[str] = []
    delivery = Delivery(store, tmp_path, said.append)
    delivery.keep([epoch(1), epoch(1, key=TWO.key)])
    away(True)
    delivery.keep([epoch(2, "completed"), {"key": TWO.key, "status": "failed", "error": "too late\0"}])
    delivery.keep([epoch(2, "diverged", key=TWO.key)])
    delivery.tick()
    assert len(store.epochs("s")) == 2
    (journal,) = left_behind(store, tmp_path)
    assert said[-1].startswith(f"store unreachable for 0 s; 3 reports kept in {journal} (store ")
    assert "database or disk is full" in said[-1]
    away(False)
    delivery.finish()
    assert said[-1] == ""
    assert not left_behind(store, tmp_path)
    assert list(store.statuses("s").values()) == ["completed", "diverged"]
    assert not store.epochs("s").duplicated(["key", "epoch"]).any()
    assert len(store.epochs("s")) == 4


class Clock:
    """A time that passes by waiting only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.pauses = 0.0, list[float]()
        clock = types.SimpleNamespace(monotonic=lambda: self.now, sleep=self.wait)
        monkeypatch.setattr(module, "time", clock)

    def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


PAUSES = [0.5, 1, 2, 4, 8, 15, 15]
"""Seconds between attempts: doubled after each, up to a longest."""


def test_the_store_is_tried_again_after_ever_longer_pauses_up_to_a_longest(
    store: Store, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, tried, keep = Clock(monkeypatch), list[float](), store.keep

    def refuse(*arguments: Any, **named: Any) -> None:
        tried.append(clock.now)
        raise Unreachable("away")

    def outage() -> list[float]:
        tried.clear()
        monkeypatch.setattr(store, "keep", refuse)
        delivery.keep([epoch(1)])
        while len(tried) <= len(PAUSES):
            clock.wait(0.25)
            delivery.tick()
        return [later - earlier for earlier, later in itertools.pairwise(tried)]

    delivery = Delivery(store, tmp_path)
    assert outage() == PAUSES
    monkeypatch.setattr(store, "keep", keep)
    delivery.finish()
    assert outage() == PAUSES  # the next one begins with the first pause again
    delivery.close()


def test_a_call_is_tried_again_after_ever_longer_pauses_and_not_for_ever(
    store: Store, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, left = Clock(monkeypatch), [len(PAUSES)]
    delivery = Delivery(store, tmp_path)

    def call(word: str) -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise Unreachable("away")
        return word

    assert delivery.with_retry(call)("here") == "here"
    assert clock.pauses == PAUSES
    clock.now, left[0] = 0.0, 10**6
    with pytest.raises(Unreachable):
        delivery.with_retry(call)("here")
    assert module.PATIENCE < clock.now <= module.PATIENCE + module.LONGEST_PAUSE
    delivery.close()


def test_a_finished_run_waits_for_its_store_and_not_for_ever(
    store: Store, away: Callable[[bool], None], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, delivery = Clock(monkeypatch), Delivery(store, tmp_path)
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.5)
    away(True)
    delivery.keep([epoch(1)])
    with pytest.raises(
        Unreachable, match=r"1 reports kept in .*; the next run in this folder brings them in"
    ):
        delivery.finish()
    assert clock.now == pytest.approx(module.PATIENCE, abs=1)
    delivery.close()
    assert len(left_behind(store, tmp_path)) == 1


@pytest.mark.parametrize("cut", [0, 7], ids=["between reports", "in the middle of one"])
def test_what_a_killed_run_left_is_brought_in_by_the_next_as_often_as_need_be(
    store: Store, away: Callable[[bool], None], tmp_path: pathlib.Path, cut: int
) -> None:
    delivery = Delivery(store, tmp_path)
    away(True)
    for number in (1, 2):
        delivery.keep([epoch(number)])
    (path,) = left_behind(store, tmp_path)
    assert bring_in(store, tmp_path) == 0  # its run is alive
    delivery.close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:cut])
    with pytest.raises(Unreachable):
        bring_in(store, tmp_path)
    away(False)
    assert bring_in(store, tmp_path) == 2
    path.write_bytes(whole)  # killed after the delivery, before the file was deleted
    assert bring_in(store, tmp_path) == 2
    assert list(store.epochs("s")["epoch"]) == [1, 2]
    assert not left_behind(store, tmp_path)


def test_the_journal_of_another_store_is_left_alone(store: Store, tmp_path: pathlib.Path) -> None:
    other = Store(tmp_path / "other.sqlite")
    journal = Journal(journal_path(other, tmp_path))
    journal.append([epoch(1)])
    journal.close()
    assert bring_in(store, tmp_path) == 0
    assert len(left_behind(other, tmp_path)) == 1
    other.close()


def test_a_disk_without_room_for_the_journal_ends_the_run_in_one_line(
    store: Store, away: Callable[[bool], None], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = Delivery(store, tmp_path)
    away(True)
    delivery.keep([epoch(1)])
    room, sync = iter([False]), os.fsync

    def full(file: int) -> None:
        if not next(room, True):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)

    monkeypatch.setattr(os, "fsync", full)
    delivery.keep([epoch(2)])
    with pytest.raises(
        InputError,
        match=r"disk is full; reports cannot be kept in .*No space left.*1 in .*give the same command",
    ) as ended:
        delivery.tick()
    assert "\n" not in str(ended.value)
    delivery.close()
    away(False)
    assert bring_in(store, tmp_path) == 1
    assert list(store.epochs("s")["epoch"]) == [1]


@pytest.mark.skipif(
    os.geteuid() != 0 or not sys.platform.startswith("linux"), reason="only root may mount a small disk"
)
def test_a_full_disk_loses_nothing_that_was_kept(tmp_path: pathlib.Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], check=True)
    try:
        store = Store(disk / "s.sqlite")
        store.add_study("s", "{}", [ONE])
        delivery = Delivery(store, disk)
        numbers = itertools.count(1)

        def report_one() -> None:
            delivery.keep([epoch(next(numbers))])
            delivery.tick()

        with pytest.raises(
            InputError, match=r"store .* disk is full; reports cannot be kept .*No space left"
        ):
            collections.deque(iter(report_one, "full"), maxlen=0)
        delivery.close()
        reported = next(numbers) - 1
        kept = len(store.epochs("s"))
        waiting = sum(
            len(json.loads(line)["reports"])
            for path in left_behind(store, disk)
            for line in path.read_bytes().splitlines()
        )
        store.close()
        assert kept + waiting == reported - 1  # all but the one that found no room
    finally:
        subprocess.run(["umount", str(disk)], check=True)


REPORTING = """
import pathlib, sys
from sensitivity.store.delivery import Delivery
from sensitivity.store.store import Store
from tests.contracts import trial
from tests.sensitivity.test_delivery import epoch

store = Store(sys.argv[1])
delivery = Delivery(store, pathlib.Path.cwd())
for number in range(1, 1000):
    sys.stdin.readline()
    delivery.keep([epoch(number)])
    delivery.tick()
    print(number, delivery.words, flush=True)
"""


def test_a_database_that_crashes_and_a_driver_that_is_killed_lose_nothing(
    postgres: Server, tmp_path: pathlib.Path
) -> None:
    place = postgres.url()
    store = Store(place)
    store.add_study("s", "{}", [ONE])
    (tmp_path / "reporting.py").write_text(REPORTING)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    driver = subprocess.Popen(
        [sys.executable, "reporting.py", place],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert driver.stdin is not None
    assert driver.stdout is not None

    def next_report() -> str:
        driver.stdin.write("\n")
        driver.stdin.flush()
        return driver.stdout.readline()

    assert [next_report() for _ in range(3)] == ["1 \n", "2 \n", "3 \n"]
    postgres.stop()
    try:
        words = [next_report() for _ in range(4)]
        assert "4 reports kept in" in words[-1]
        assert PASSWORD not in "".join(words)
        with pytest.raises(Unreachable) as refused:
            store.statuses("s")
        assert PASSWORD not in str(refused.value)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
        postgres.start()
    assert list(store.epochs("s")["epoch"]) == [1, 2, 3]  # the same store goes on with the new server
    assert bring_in(store, tmp_path) == 4
    assert list(store.epochs("s")["epoch"]) == list(range(1, 8))
    store.close()
