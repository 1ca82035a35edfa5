"""A study whose database goes away in the middle: it goes on, and ends as if nothing had been."""

from __future__ import annotations

import errno
import io
import os
import pathlib
import threading
import time
from contextlib import closing
from typing import Any

import pytest
from rich.console import Console

from sensitivity.running.progress import Progress
from sensitivity.running.run import run
from sensitivity.store.databases import Unreachable
from sensitivity.store.store import Store
from sensitivity.study.study import Study
from sensitivity.study.trial import DONE
from tests.postgres import PASSWORD, Server
from trainables.names import InputError

DESIGNS: dict[str, dict[str, Any]] = {
    "grid": {"kind": "grid", "points": {"lr": 6, "mu": 1, "nu": 1}},
    "adaptive": {"kind": "adaptive", "n": 6, "sampler": "random"},
}


class Outage(Progress):
    """Stops the server when so many epochs have arrived, and starts it so many seconds after the run has said
    that it is away."""

    def __init__(self, server: Server, after: int, lasting: float = 0.0) -> None:
        self.said = io.StringIO()
        super().__init__(Console(file=self.said, width=1000))
        self.server, self.after, self.lasting, self.noticed = server, after, lasting, threading.Event()
        self.thread = threading.Thread(target=self._start_again)

    def report(self, *arguments: Any) -> None:
        super().report(*arguments)
        if self.epochs == self.after:
            self.server.stop()
            self.thread.start()

    def say(self, note: str) -> None:
        super().say(note)
        if note:
            self.noticed.set()

    def _start_again(self) -> None:
        self.noticed.wait(120)
        time.sleep(self.lasting)
        self.server.start()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "seconds"), [(DESIGNS["grid"], 20), (DESIGNS["adaptive"], 0)], ids=["grid, 20 s", "adaptive"]
)
def test_a_study_outlives_an_outage_of_its_database(
    cluster: None,
    postgres: Server,
    design: dict[str, Any],
    seconds: float,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    study = Study(
        name="s",
        tasks=["autoencoder/digits"],
        variants=["adam"],
        design=design,
        default_setting=False,
        seeds=1,
        epochs=3,
        batch_size=16,
        limit=48,
    )
    place, progress = postgres.url(), Outage(postgres, after=4, lasting=seconds)
    results = run(study, store=place, workers=2, progress=progress)
    progress.thread.join()
    assert len(results.trials) == 6
    assert results.trials["status"].isin(DONE).all(), results.trials["error"].tolist()
    assert not results.epochs.duplicated(["key", "epoch"]).any()
    assert (results.epochs.groupby("key")["epoch"].max() == results.epochs.groupby("key").size()).all()
    assert not list(tmp_path.glob("sensitivity-waiting-*"))
    said = progress.said.getvalue()
    assert "store unreachable for 0 s" in said
    assert "the store has everything again" in said
    assert PASSWORD not in said
    if design["kind"] == "grid":
        undisturbed = run(study, store=tmp_path / "s.sqlite", workers=1)
        assert list(undisturbed.trials["key"]) == list(results.trials["key"])
        assert undisturbed.trials["loss"].tolist() == pytest.approx(results.trials["loss"].tolist(), rel=1e-5)


@pytest.mark.slow
def test_a_run_that_waited_long_enough_says_where_the_rest_is_and_the_next_one_brings_it_in(
    postgres: Server, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sensitivity.store.delivery.PATIENCE", 1.0)
    study = Study(
        name="s",
        tasks=["autoencoder/digits"],
        variants=["adam"],
        design=DESIGNS["grid"],
        default_setting=False,
        seeds=1,
        epochs=1,
        limit=48,
    )
    place, progress = postgres.url(), Outage(postgres, after=2)
    monkeypatch.setattr(progress.noticed, "set", lambda: None)
    try:
        with pytest.raises(
            Unreachable, match=r"4 reports kept in .*; the next run in this folder brings them in"
        ):
            run(study, store=place, progress=progress, where="process")
    finally:
        threading.Event.set(progress.noticed)
        progress.thread.join()
    monkeypatch.setattr("sensitivity.running.run.ThisProcess", None)  # everything was trained
    assert len(run(study, store=place, where="process").trials) == 6
    with closing(Store(place)) as store:
        assert set(store.statuses("s").values()) <= set(DONE)


@pytest.mark.slow
def test_a_disk_that_is_full_stops_the_run_in_one_line_and_the_next_run_goes_on(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = Study(
        name="s",
        tasks=["autoencoder/digits"],
        variants=["adam"],
        design=DESIGNS["grid"],
        default_setting=False,
        seeds=1,
        epochs=1,
        limit=48,
    )

    def refuse(store: Store, reports: Any, **named: Any) -> None:
        raise Unreachable("store 's.sqlite': database or disk is full")

    def no_room(path: pathlib.Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(Store, "keep", refuse)
        full.setattr("sensitivity.store.delivery.Journal", no_room)
        with pytest.raises(
            InputError, match=r"disk is full; reports cannot be kept in .*No space left.* so the run stops"
        ) as ended:
            run(study, store="s.sqlite", where="process")
    assert "\n" not in str(ended.value)
    assert set(run(study, store="s.sqlite", where="process").trials["status"]) <= set(DONE)
