"""A small study trains in the process of the run: when it does, and that nothing else depends on it."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
from typing import Any

import pandas as pd
import pytest
import torch

from sensitivity.results.results import Results
from sensitivity.running.in_process import LONGEST, RAY_STARTS, Choice, Where
from sensitivity.running.places import Place
from sensitivity.running.progress import Progress
from sensitivity.running.run import Interrupted, run
from sensitivity.store.store import Store
from sensitivity.study.study import Study
from tests.sensitivity.processes import wait_for_epochs
from trainables.names import InputError

ROOT = pathlib.Path(__file__).parents[3]
CLOCKS = ["seconds", "images_per_second", "seconds_per_step", "started", "finished"]
SMALL: dict[str, Any] = {
    "name": "small",
    "tasks": ["mlp/digits", "logistic/synthetic"],
    "variants": ["sgd", "adam"],
    "default_setting": False,
    "design": {"kind": "random", "n": 3},
    "spaces": {"sgd": [{"name": "lr", "low": 0.01, "high": 1e6, "scale": "log"}]},
    "seeds": 2,
    "epochs": 3,
    "batch_size": 16,
    "limit": 43,
}
ADAPTIVE = {**SMALL, "design": {"kind": "adaptive", "n": 4, "sampler": "tpe", "seed": 1}}


def timeless(results: Results) -> list[pd.DataFrame]:
    """Return trials and epochs without their clocks."""
    return [
        table.drop(columns=CLOCKS, errors="ignore").sort_values(keys, ignore_index=True)
        for table, keys in ((results.trials, ["key"]), (results.epochs, ["key", "epoch"]))
    ]


def assert_same(one: Results, other: Results) -> None:
    for first, second in zip(timeless(one), timeless(other), strict=True):
        pd.testing.assert_frame_equal(first, second, check_exact=True)


@pytest.mark.parametrize("spec", [SMALL, ADAPTIVE], ids=["random", "adaptive"])
def test_this_process_and_ray_give_the_same_rows_and_optuna_trials(
    cluster: None, tmp_path: pathlib.Path, spec: dict[str, Any]
) -> None:
    import optuna

    places: tuple[Where, ...] = ("process", "ray")
    threads = torch.get_num_threads()
    here, there = (
        run(Study(**spec), store=tmp_path / f"{place}.sqlite", workers=1, where=place) for place in places
    )
    assert torch.get_num_threads() == threads
    assert len(here.trials) == (24 if spec is SMALL else 32)
    assert {"completed", "diverged"} == set(here.trials["status"])
    assert_same(here, there)
    if spec is ADAPTIVE:
        told = [
            [
                (trial.state.name, trial.value, trial.params)
                for name in sorted(optuna.get_all_study_names(f"sqlite:///{tmp_path}/{place}.sqlite"))
                for trial in optuna.load_study(
                    study_name=name, storage=f"sqlite:///{tmp_path}/{place}.sqlite"
                ).trials
            ]
            for place in places
        ]
        assert told[0] == told[1]
        assert len(told[0]) == 16


class Stopping(Progress):
    """Interrupts the run after so many epochs, as Ctrl-C does."""

    def __init__(self, after: int) -> None:
        from rich.console import Console

        super().__init__(Console(stderr=True))
        self._after = after

    def report(self, *arguments: Any) -> None:
        super().report(*arguments)
        if self.epochs == self._after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("spec", [SMALL, ADAPTIVE], ids=["random", "adaptive"])
def test_an_interrupted_run_continues_and_ends_with_the_same_rows(
    tmp_path: pathlib.Path, spec: dict[str, Any]
) -> None:
    threads = torch.get_num_threads()
    with pytest.raises(Interrupted):
        run(Study(**spec), store=tmp_path / "s.sqlite", progress=Stopping(20), where="process")
    assert torch.get_num_threads() == threads
    store = Store(tmp_path / "s.sqlite")
    assert len(store.epochs()) >= 20
    store.close()
    whole = run(Study(**spec), store=tmp_path / "s.sqlite", where="process")
    if spec is SMALL:  # an interrupted search proposes other configurations
        assert_same(whole, run(Study(**spec), store=tmp_path / "u.sqlite", where="process"))
    assert len(whole.trials) == (24 if spec is SMALL else 32)
    assert not whole.epochs.duplicated(["key", "epoch"]).any()


@pytest.mark.slow
def test_a_killed_command_continues_and_a_run_in_this_process_imports_no_ray(tmp_path: pathlib.Path) -> None:
    study = Study(**{**SMALL, "epochs": 60})
    (tmp_path / "study.json").write_text(study.to_json())
    command = [
        sys.executable, "-c",
        "import sys; from sensitivity.command.run import run; from sensitivity.command import main\n"
        "try: main.main()\n"
        "finally: print([name for name in ('ray', 'optuna', 'sklearn') if name in sys.modules])",
        "run", "study.json", "--no-report", "--store", "s.sqlite",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as driver:
        assert wait_for_epochs(tmp_path / "s.sqlite", 2)
        os.kill(driver.pid, signal.SIGKILL)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "training in this process, as the study is small (--where ray uses Ray)" in done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    continued = Results.from_store(Store(tmp_path / "s.sqlite"), "small")
    assert_same(continued, run(study, store=tmp_path / "u.sqlite", where="process"))


def test_a_small_study_is_trained_where_it_ends_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    two = Place(workers=2)
    seconds = 2 * RAY_STARTS  # half of it is what the start of Ray takes
    assert Choice(two, None, 1.0).is_process(int(seconds))
    assert not Choice(two, None, 1.0).is_process(int(seconds) + 1)
    assert Choice(Place(workers=1), None, 1.0).is_process(int(LONGEST))
    assert not Choice(Place(workers=1), None, 1.0).is_process(int(LONGEST) + 1)
    assert not Choice(two, None, None).is_process(1)
    assert not Choice(two, None, 1.0).is_process(None)
    assert Choice(two, "process", None).is_process(10**6)
    assert not Choice(two, "ray", None).is_process(1)


NEEDS = {
    "address '10.0.0.1:1'": Place(address="10.0.0.1:1"),
    "gpus_per_worker": Place(gpus_per_worker=0.5),
    "trial_timeout": Place(trial_timeout=5),
    "storage": Place(storage="/checkpoints"),
}


@pytest.mark.parametrize("needs", NEEDS)
def test_what_needs_a_ray_is_said_and_chosen(needs: str) -> None:
    study = Study(**SMALL)
    with pytest.raises(InputError, match=f"where 'process' cannot train this study, as {needs} needs Ray"):
        Choice.of(study, NEEDS[needs], "process", shipped=False)
    assert not Choice.of(study, NEEDS[needs], None, shipped=False).is_process(1)


def test_a_scheduler_or_code_of_the_user_needs_a_ray() -> None:
    stopping = Study(**{**SMALL, "seeds": 1, "design": {"kind": "adaptive", "n": 3, "scheduler": "asha"}})
    for study, shipped, words in (
        (stopping, False, "the scheduler of its design"),
        (Study(**SMALL), True, "a task, variant or schedule of your own"),
    ):
        with pytest.raises(InputError, match=f"as {words} needs Ray"):
            Choice.of(study, Place(), "process", shipped=shipped)
        assert not Choice.of(study, Place(), None, shipped=shipped).is_process(1)


def test_settings_of_the_process_that_change_digits_leave_it_to_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    study = Study(**SMALL)
    assert Choice.of(study, Place(), None, shipped=False).is_process(1)
    torch.set_default_dtype(torch.float64)
    try:
        assert not Choice.of(study, Place(), None, shipped=False).is_process(1)
    finally:
        torch.set_default_dtype(torch.float32)
    monkeypatch.setattr("sensitivity.running.in_process.PINNED", False)
    assert not Choice.of(study, Place(), None, shipped=False).is_process(1)


def test_another_place_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="unknown where 'proces'; did you mean 'process'"):
        run(Study(**SMALL), where="proces")  # type: ignore[arg-type]
