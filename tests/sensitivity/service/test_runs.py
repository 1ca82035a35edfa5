"""The queue of studies: how many train, what a killed process means, and what another service finds."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from sensitivity.service.exit_codes import KILLED
from sensitivity.service.problems import Conflict
from sensitivity.service.run_folders import LOG
from sensitivity.service.runs import ATTEMPTS, LOCK, Runs
from sensitivity.service.settings import Settings
from sensitivity.service.study_process import start_process
from sensitivity.store.run_lock import RunLock
from sensitivity.store.store import Store
from sensitivity.study.study import Study
from tests.sensitivity.service.served import SPEC, Held, until
from trainables.names import InputError


def study(name: str, **changes: object) -> Study:
    return Study(**{**SPEC, "name": name, **changes})


@contextmanager
def opened(settings: Settings, launch: object) -> Iterator[Runs]:
    runs = Runs(settings, launch)  # type: ignore[arg-type]
    try:
        yield runs
    finally:
        runs.close()


def states(runs: Runs) -> dict[str, str]:
    return {name: each.state for name, each in runs.all().items()}


def give(runs: Runs, *names: str) -> None:
    for name in names:
        assert runs.submit(study(name), 2, None)


def test_as_many_train_as_may_and_the_rest_wait_in_order(settings: Settings, held: Held) -> None:
    with opened(dataclasses.replace(settings, max_studies=2), held) as runs:
        give(runs, "a", "b", "c", "d")
        assert states(runs) == {"a": "running", "b": "running", "c": "queued", "d": "queued"}
        held.end(runs.folder("b"), "b", 0)
        runs.tend()
        assert states(runs) == {"a": "running", "b": "completed", "c": "running", "d": "queued"}


@pytest.mark.parametrize(
    ("code", "cancelled", "state"),
    [
        pytest.param(0, False, "completed", id="it has ended well"),
        pytest.param(1, False, "failed", id="trials failed"),
        pytest.param(2, False, "failed", id="it was refused"),
        pytest.param(130, True, "cancelled", id="it was stopped"),
        pytest.param(None, True, "cancelled", id="it was stopped and did not obey"),
        pytest.param(0, True, "completed", id="it was at its end when it was stopped"),
        pytest.param(None, False, "running", id="its process was killed, so it goes on"),
        pytest.param(KILLED, False, "running", id="the machine shuts down, so it goes on"),
        pytest.param(KILLED, True, "cancelled", id="it was stopped and had to be pressed"),
    ],
)
def test_how_a_study_ends(
    settings: Settings, held: Held, code: int | None, cancelled: bool, state: str
) -> None:
    with opened(settings, held) as runs:
        give(runs, "a")
        (runs.folder("a") / LOG).write_text("a: 2 trials\nError: no such data\n")
        if cancelled:
            runs.cancel("a")
        held.end(runs.folder("a"), "a", code)
        runs.tend()
        assert states(runs) == {"a": state}
        assert runs.all()["a"].error == ("no such data" if state == "failed" else None)


def test_who_shows_results_hears_of_an_end_before_it_is_said(settings: Settings, held: Held) -> None:
    """So that nobody who hears that a study has ended is shown what was before."""
    said: list[dict[str, str]] = []
    runs = Runs(settings, held, ended=lambda name: said.append({**states(runs), "it is": name}))  # type: ignore[arg-type]
    give(runs, "a")
    runs.tend()
    held.end(runs.folder("a"), "a", None)  # killed: it goes on
    runs.tend()
    assert not said
    held.end(runs.folder("a"), "a", 0)
    runs.tend()
    runs.close()
    assert said == [{"a": "running", "it is": "a"}]
    assert states(runs) == {"a": "completed"}


def test_a_process_that_is_always_killed_is_given_up(settings: Settings, held: Held) -> None:
    with opened(settings, held) as runs:
        give(runs, "a")
        for _ in range(ATTEMPTS):
            assert states(runs) == {"a": "running"}
            held.end(runs.folder("a"), "a", None)
            runs.tend()
        assert held.started == ["a"] * ATTEMPTS
        assert runs.all()["a"].error == "its process was killed 3 times"


def test_another_service_finds_what_runs_and_what_waits(settings: Settings, held: Held) -> None:
    with opened(settings, held) as runs:
        give(runs, "running", "ended meanwhile", "waiting")
        held.end(runs.folder("running"), "running", 0)
        runs.tend()
    held.end(runs.folder("ended meanwhile"), "ended meanwhile", 0)
    with opened(settings, held) as runs:
        assert states(runs) == {"running": "completed", "ended meanwhile": "running", "waiting": "queued"}
        runs.tend()
        assert states(runs) == {"running": "completed", "ended meanwhile": "completed", "waiting": "running"}
    with opened(settings, held) as runs:
        runs.tend()
        assert states(runs)["waiting"] == "running"
    assert held.started == ["running", "ended meanwhile", "waiting"]


def test_two_services_do_not_share_a_folder(settings: Settings, held: Held) -> None:
    with opened(settings, held), pytest.raises(InputError, match="in use by another service"):
        Runs(settings, held)


@pytest.mark.parametrize(
    ("changes", "known", "message"),
    [
        pytest.param({}, None, None, id="the same"),
        pytest.param({"seeds": 2}, None, r"seeds is not given, got \[0, 1\]", id="more seeds"),
        pytest.param({"epochs": 3}, None, "epochs is 1, got 3", id="other epochs"),
    ],
)
def test_a_name_is_one_study(
    settings: Settings, held: Held, changes: dict[str, object], known: None, message: str | None
) -> None:
    with opened(settings, held) as runs:
        give(runs, "a")
        if message is None:
            assert not runs.submit(study("a", **changes), 2, known)
        else:
            with pytest.raises(Conflict, match=message):
                runs.submit(study("a", **changes), 2, known)
        assert held.started == ["a"]


def test_a_study_of_the_store_is_compared_with_what_is_there(settings: Settings, held: Held) -> None:
    stored = json.loads(study("a").to_stored())
    with opened(settings, held) as runs:
        with pytest.raises(Conflict, match="epochs is 1, got 2"):
            runs.submit(study("a", epochs=2), 2, stored)
        assert not runs.submit(study("a"), 2, stored)
        assert states(runs) == {"a": "running"}


def test_another_margin_alone_is_the_same_study_once_it_has_ended(settings: Settings, held: Held) -> None:
    with opened(settings, held) as runs:
        give(runs, "a")
        with pytest.raises(Conflict, match=r"margin is not given, got 0\.1"):
            runs.submit(study("a", margin=0.1), 2, None)
        held.end(runs.folder("a"), "a", 0)
        runs.tend()
        assert not runs.submit(study("a", margin=0.1), 2, None)
        assert states(runs) == {"a": "running"}
        assert Study.load(runs.folder("a") / "study.json").margin == 0.1
        held.end(runs.folder("a"), "a", 0)
        runs.tend()
        assert not runs.submit(study("a", margin=0.1), 2, None)
        assert states(runs) == {"a": "completed"}


def test_the_same_again_goes_on_with_what_was_stopped(settings: Settings, held: Held) -> None:
    with opened(settings, held) as runs:
        give(runs, "a")
        runs.cancel("a")
        held.end(runs.folder("a"), "a", 130)
        runs.tend()
        assert not runs.submit(study("a"), 2, None)
        assert states(runs) == {"a": "running"}


def test_what_waits_is_cancelled_and_what_runs_is_not_deleted(settings: Settings, held: Held) -> None:
    with opened(settings, held) as runs:
        give(runs, "runs", "waits")
        runs.cancel("waits")
        assert states(runs)["waits"] == "cancelled"
        with pytest.raises(Conflict, match="cancel it first"):
            runs.forget("runs")
        with pytest.raises(Conflict, match="it is cancelled"):
            runs.cancel("waits")
        runs.forget("waits")
        assert states(runs) == {"runs": "running"}
        assert not runs.folder("waits").exists()


def test_names_stay_in_the_folder(settings: Settings, held: Held) -> None:
    with opened(settings, held) as runs:
        for name in ("../../up", "/etc", "..", "a/b", "a\\b", "\u202e", "x" * 200):
            folder = runs.folder(name)
            assert folder.parent == settings.data.absolute() / "studies"
            assert folder.name.strip(".")


OBEDIENT = "import time; open('ready', 'w').close(); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {OBEDIENT}"


@pytest.mark.parametrize(
    ("code", "ends_by"), [(OBEDIENT, signal.SIGINT), (STUBBORN, signal.SIGTERM)], ids=["obeys", "does not "
"obey"]
)  # fmt: skip
def test_a_process_that_is_to_stop_is_pressed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, code: str, ends_by: signal.Signals
) -> None:
    """SIGINT first; who does not obey is ended with its session."""
    monkeypatch.setattr("sensitivity.service.runs.GRACE", 0.2)
    started: list[subprocess.Popen[bytes]] = []

    def launch(folder: pathlib.Path, settings: Settings, lock: int) -> subprocess.Popen[bytes]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=folder,
                pass_fds=[lock],
                start_new_session=True,
                stderr=subprocess.DEVNULL,
            )
        )
        return started[0]

    with opened(settings, launch) as runs:
        give(runs, "a")
        until(
            (runs.folder("a") / "ready").exists
        )  # an interpreter that is interrupted while it starts exits with 1
        runs.cancel("a")
        until(lambda: runs.tend() or states(runs) == {"a": "cancelled"})
    assert started[0].wait() == -ends_by


@pytest.mark.slow
def test_the_process_holds_the_lock_and_says_how_it_ended(settings: Settings) -> None:
    """A study that is refused when it begins: its data is not there."""
    with opened(dataclasses.replace(settings, data_root=settings.data / "empty"), start_process) as runs:
        assert runs.submit(study("a", tasks=["autoencoder/mnist"]), 2, None)
        assert (runs.folder("a") / LOCK).read_text().strip().isdigit()
        until(lambda: runs.tend() or states(runs)["a"] != "running")
        assert states(runs) == {"a": "failed"}
        assert "mnist" in str(runs.all()["a"].error).lower()


def test_the_process_of_a_study_writes_no_report(
    settings: Settings, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service answers the report from the store, so a folder of the process would never be read."""
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: commands.append(command))
    start_process(tmp_path, settings, 3)
    assert "--no-report" in commands[0]
    assert "--out" not in commands[0]


@pytest.mark.slow
def test_a_study_that_a_command_runs_already_waits_for_that_command(settings: Settings) -> None:
    with (
        closing(Store(settings.store)) as store,
        RunLock(store, "a", print).locked(),
        opened(settings, start_process) as runs,
    ):
        give(runs, "a")
        log = runs.folder("a") / LOG
        until(lambda: "study 'a' is run by process " in log.read_text())
        assert "waits until that run ends, then trains what is left" in log.read_text()
        runs.tend()
        assert states(runs) == {"a": "running"}
        runs.cancel("a")
        until(lambda: runs.tend() or states(runs) == {"a": "cancelled"})
        assert "a" not in [row["name"] for row in store.studies()]
