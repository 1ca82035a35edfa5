"""Two runs of one study at once: the second waits for the first, takes over from a dead one, or is told to go
on beside it."""

from __future__ import annotations

import _thread
import contextlib
import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rich.console import Console

from sensitivity.running.progress import Progress
from sensitivity.running.run import Interrupted, run
from sensitivity.store import run_lock as module
from sensitivity.store.databases import Lost
from sensitivity.store.run_lock import RunLock, machine, machine_lock_path, process_start
from sensitivity.store.store import Store
from sensitivity.store.tables import LOCKS
from sensitivity.store.upkeep import delete
from sensitivity.study.study import Study
from tests.sensitivity.lost_files import delete as delete_file
from tests.sensitivity.lost_files import replace
from tests.sensitivity.processes import wait_for_epochs
from trainables.names import InputError

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    store = Store(place)
    yield store
    store.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("BEAT_EVERY", 0.05), ("STALE_AFTER", 1.0), ("LOOK_EVERY", 0.02)):
        monkeypatch.setattr(module, name, seconds)


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def hold(store: Store, **changes: Any) -> None:
    """The lock of a run of study s in another process, which this test does not start."""
    with store.database.transaction(writing=True) as connection:
        row = {
            "study": "s",
            **RunLock(store, "s", print)._row(),
            "token": "other",
            "host": "elsewhere",
            **changes,
        }
        connection.execute(LOCKS.insert().values(row))


def test_the_second_run_says_who_runs_and_goes_on_when_the_first_has_ended(store: Store, quick: None) -> None:
    said: list[str] = []
    order: list[str] = []
    first, second = RunLock(store, "s", said.append), RunLock(store, "s", said.append)

    def wait() -> None:
        with second.locked():
            order.append("second")

    with first.locked():
        waiting = threading.Thread(target=wait)
        waiting.start()
        with RunLock(store, "another study", said.append).locked():
            pass
        deadline = time.monotonic() + 30
        while (not said or first.holder().beats < 30) and time.monotonic() < deadline:  # type: ignore[union-attr]
            time.sleep(0.01)  # longer than a silent run would be waited for
        order.append("first")
    waiting.join(30)
    assert order == ["first", "second"]
    assert len(said) == 2
    assert f"study 's' is run by process {os.getpid()} on " in said[0]
    assert "waits until that run ends, then trains what is left (--force runs beside it" in said[0]
    assert said[1].startswith("study 's': goes on after ")
    assert first.holder() is None


@pytest.mark.parametrize("happen", [delete_file, replace])
@pytest.mark.parametrize("force", [False, True])
def test_a_run_whose_file_is_gone_is_waited_for_on_its_machine(
    tmp_path: pathlib.Path, quick: None, happen: Callable[[pathlib.Path], None], force: bool
) -> None:
    place = tmp_path / "s.sqlite"
    said: list[str] = []
    order: list[str] = []
    store = Store(place)
    with store.database.pinned(), RunLock(store, "s", said.append).locked():
        happen(place)
        other = Store(place)

        def wait() -> None:
            with RunLock(other, "s", said.append).locked(force=force):
                order.append("second")

        waiting = threading.Thread(target=wait)
        waiting.start()
        deadline = time.monotonic() + 30
        while (
            not (order if force else said and "store was deleted" in said[-1]) and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        order.append("first")
    waiting.join(30)
    store.close()
    assert order == (["second", "first"] if force else ["first", "second"])
    if force:
        assert not said or "--force: both may train the same trials" in said[0]
    else:
        waits = (
            "study 's' is run by another process on this machine, whose store was deleted or replaced; waits "
            "until"
        )
        assert sum(line.startswith(waits) for line in said) == 1
        assert said[-1].startswith("study 's': goes on after ")
    assert force or RunLock(other, "s", print).holder() is None
    other.close()
    assert not machine_lock_path(str(place), "s").exists() or force


def test_without_a_folder_for_temporary_files_the_lock_of_the_store_is_enough(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with RunLock(store, "s", print).locked():
        pass


def other_machine(pid: int) -> dict[str, Any]:
    return {"machine": "another", "pid": pid, "process_start": "1"}


DEAD: dict[str, tuple[Callable[[int], dict[str, Any]], str]] = {
    "a process that was killed": (
        lambda pid: {"pid": pid, "process_start": process_start(pid)},
        "whose process has ended",
    ),
    "its process id is another's now": (
        lambda pid: {"pid": os.getppid(), "process_start": "1"},
        "whose process has ended",
    ),
    "an earlier run of this process": (lambda pid: {}, "whose process has ended"),
    "silent on another machine": (other_machine, "without a heartbeat for 1 s"),
}


@pytest.mark.parametrize(("changes", "why"), DEAD.values(), ids=DEAD)
def test_a_dead_run_is_taken_over_once(
    store: Store, quick: None, changes: Callable[[int], dict[str, Any]], why: str
) -> None:
    process = sleeper()
    row = changes(process.pid)
    process.kill()  # and not waited for: it is a zombie, as a driver is whose shell is busy
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    hold(store, **row)
    said: list[str] = []
    inside, most = [0], [0]

    def lock() -> None:
        with RunLock(store, "s", said.append).locked():
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.2)
            inside[0] -= 1

    waiting = [threading.Thread(target=lock) for _ in range(3)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(60)
    process.communicate()
    assert most == [1]
    assert [line for line in said if "takes over" in line] == [
        line for line in said if f"takes over from a run {why} (process " in line
    ]
    assert sum("takes over" in line for line in said) == 1


@pytest.mark.slow
def test_a_run_that_lives_elsewhere_is_waited_for(store: Store, quick: None) -> None:
    hold(store, **other_machine(1))
    ended = threading.Event()

    def beat() -> None:
        for _ in range(40):
            time.sleep(0.05)
            with store.database.transaction(writing=True) as connection:
                connection.execute(LOCKS.update().values(beats=LOCKS.c.beats + 1))
        ended.set()
        with store.database.transaction(writing=True) as connection:
            connection.execute(LOCKS.delete())

    beating = threading.Thread(target=beat)
    beating.start()
    with RunLock(store, "s", lambda text: None).locked():
        assert ended.is_set()
    beating.join()


def check_for(lock: RunLock, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        lock.check()


def test_a_run_that_was_suspended_and_taken_over_stops(store: Store, quick: None) -> None:
    lock = RunLock(store, "s", lambda text: None)
    with lock.locked():
        lock.check()
        with store.database.transaction(writing=True) as connection:
            connection.execute(LOCKS.update().values(token="other", host="elsewhere"))
        with pytest.raises(
            InputError, match=r"study 's' was taken over by another run .* on elsewhere .*this run stops"
        ) as stopped:
            check_for(lock, 30)
        assert "\n" not in str(stopped.value)
    holder = lock.holder()
    assert holder is not None
    assert holder.token == "other"


def test_a_study_that_is_deleted_under_its_run_stays_locked(store: Store, quick: None) -> None:
    store.add_study("s", "{}", [])
    lock = RunLock(store, "s", lambda text: None)
    with lock.locked():
        delete(store, "s")
        deadline = time.monotonic() + 30
        while lock.holder() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        lock.check()
        assert lock.holder() is not None
    assert lock.holder() is None


def test_force_goes_on_beside_the_other_and_leaves_its_lock(store: Store) -> None:
    said: list[str] = []
    with RunLock(store, "s", said.append).locked():
        with RunLock(store, "s", said.append).locked(force=True):
            pass
        holder = RunLock(store, "s", said.append).holder()
    assert len(said) == 1
    assert "--force: both may train the same trials" in said[0]
    assert holder is not None


def test_a_run_that_waits_does_not_go_on_in_another_file(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "s.sqlite"
    said = Progress(Console(file=io.StringIO(), width=1000))
    with contextlib.closing(Store(place)) as store:
        hold(store, host="here", token="other", process_start=process_start(os.getppid()), pid=os.getppid())
        monkeypatch.setattr(said, "note", lambda text: replace(place))
        with pytest.raises(Lost, match="the file was deleted; another file is at its path"):
            run(SMALL, store=store, progress=said)
    with contextlib.closing(Store(place)) as other:
        assert [row["name"] for row in other.studies()] == ["another"]


def test_this_machine_and_its_processes_are_known() -> None:
    assert machine() == machine()
    assert process_start(os.getpid())
    assert process_start(2**30) == ""


STUDY = """
name: s
tasks: [function/counted]
design: {kind: random, n: 16, seed: 0}
epochs: 1
cohort_size: 1
"""
COUNTED = """
import pathlib, time
from trainables import FunctionTask, register_task
from trainables.known_answers import Ishigami

class Counted(Ishigami):
    def __call__(self, configuration, seed=0):
        with (pathlib.Path(__file__).parent / "evaluations").open("a") as file:
            file.write(f"{configuration['x1']:.9f}\\n")
        time.sleep(0.25)
        return super().__call__(configuration, seed)

register_task(FunctionTask("function/counted", Counted()))
"""


def start(folder: pathlib.Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    command = [
        sys.executable,
        "-m",
        "sensitivity.command.main",
        "run",
        "s.yaml",
        "--task-module",
        "counted.py",
        "--store",
        "s.sqlite",
    ]
    return subprocess.Popen(
        [*command, "--workers", "1", "--no-report"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip


def ended(driver: subprocess.Popen[str]) -> str:
    """Wait for a driver. Returns: its lines for people."""
    said = driver.communicate(timeout=240)[1]
    assert driver.returncode == 0, said
    return said


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_three_commands_at_once_train_every_trial_once_although_the_first_is_killed(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "s.yaml").write_text(STUDY)
    (tmp_path / "counted.py").write_text(COUNTED)
    drivers = [start(tmp_path) for _ in range(3)]
    try:
        assert wait_for_epochs(tmp_path / "s.sqlite", 3)
        with contextlib.closing(Store(tmp_path / "s.sqlite")) as store:
            holder = RunLock(store, "s", print).holder()
        assert holder is not None
        (first,) = [driver for driver in drivers if driver.pid == holder.pid]
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate(timeout=60)
        said = [ended(driver) for driver in drivers if driver is not first]
    finally:
        for driver in drivers:
            driver.kill()
    with contextlib.closing(Store(tmp_path / "s.sqlite")) as store:
        assert list(store.statuses("s").values()) == ["completed"] * 16
        assert len(store.epochs("s")) == 16
        assert RunLock(store, "s", print).holder() is None
    trained = (tmp_path / "evaluations").read_text().splitlines()
    assert len(set(trained)) == 16
    assert len(trained) <= 17  # what the worker of the first had begun is begun again
    assert all("waits until that run ends, then trains what is left" in text for text in said)
    assert sum("takes over from a run whose process has ended (process " in text for text in said) == 1
    assert sum("16 trials, 16 in the store, 0 to run" in text for text in said) == 1


SMALL = Study(name="s", tasks=["function/ishigami"], design={"kind": "random", "n": 2}, epochs=1)


def _interrupt_once_said(log: pytest.LogCaptureFixture, words: str) -> None:
    while words not in log.text:
        time.sleep(0.05)
    _thread.interrupt_main()


@pytest.mark.slow
def test_a_run_from_python_waits_until_it_is_interrupted_or_forced(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("s.sqlite")
    with RunLock(store, "s", print).locked():
        impatient = threading.Thread(target=_interrupt_once_said, args=(caplog, "waits until that run ends"))
        impatient.start()
        with pytest.raises(Interrupted):
            run(SMALL, store=store)
        impatient.join()
        assert store.studies() == []
        console = Console(file=io.StringIO(), width=1000)
        results = run(SMALL, store=store, progress=Progress(console), force=True)
        assert list(results.trials["status"]) == ["completed"] * 2
        assert "--force: both may train the same trials" in console.file.getvalue()  # type: ignore[attr-defined]
    store.close()
