"""The two lines of a script: by hand they change nothing, in a trial they read its values and store reports."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import sensitivity as s
from sensitivity.running.channel import EPOCH, VARIABLE, Worker, WorkerGone
from trainables.names import InputError


@pytest.fixture
def worker(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """Yield the worker's side of a channel that this process is the program of."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    channel = Worker(tmp_path, {"lr": 0.5, "seed": 3})
    yield channel
    channel.close()


def sent(**report: Any) -> threading.Thread:
    """Report from another thread, as the call waits for the store."""
    thread = threading.Thread(target=s.report, kwargs=report)
    thread.start()
    return thread


def arrived(worker: Worker) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 20
    while not (reports := worker.reports()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return reports


def test_by_hand_the_defaults_are_given_and_a_report_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    cfg = s.suggested(lr=3e-4, weight_decay=0.1)
    assert (cfg.lr, cfg["weight_decay"]) == (3e-4, 0.1)
    assert vars(cfg) == dict(**cfg) == {"lr": 3e-4, "weight_decay": 0.1}
    assert repr(cfg) == "Suggested(lr=0.0003, weight_decay=0.1)"
    s.report(loss=1.0, step=5)


def test_in_a_trial_its_values_replace_the_defaults(worker: Worker) -> None:
    cfg = s.suggested(lr=3e-4, weight_decay=0.1, seed=0)
    assert dict(**cfg) == {"lr": 0.5, "weight_decay": 0.1, "seed": 3}
    assert worker.used() == {"lr", "weight_decay", "seed"}


def test_a_report_returns_when_it_is_stored(worker: Worker) -> None:
    import torch

    thread = sent(loss=torch.tensor(0.25), val={"acc": 1}, note="text", step=100)
    assert arrived(worker) == [{"loss": 0.25, "val/acc": 1.0, EPOCH: 100}]
    thread.join(0.1)
    assert thread.is_alive()
    worker.confirm()
    thread.join(20)
    assert not thread.is_alive()
    thread = sent(loss=0.125)
    assert arrived(worker) == [{"loss": 0.125}]
    worker.confirm()
    thread.join(20)
    assert not thread.is_alive()


def test_a_report_that_nobody_takes_ends_the_program(worker: Worker) -> None:
    worker.close()
    with pytest.raises(WorkerGone, match="is gone"):
        s.report(loss=1.0)


def test_of_several_processes_the_first_reports(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    s.report(loss=1.0)
    assert worker.reports() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"loss": 1, "step": 1.5}, "step must be a whole number", id="half a step"),
        pytest.param({"loss": 1, "step": -1}, "step must be a whole number", id="a step below 0"),
        pytest.param({"loss": 1, "step": 2**31}, "in thousands or millions", id="a step too large"),
        pytest.param({"step": 1}, "report needs a number", id="nothing"),
        pytest.param({"loss": "low"}, "report needs a number", id="text"),
    ],
)
def test_what_cannot_be_reported_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        s.report(**arguments)


def test_a_script_imports_nothing_large() -> None:
    code = (
        "import sys, sensitivity as s; s.suggested(lr=1); s.report(loss=1);"
        "print(*{'torch', 'ray', 'numpy', 'pandas', 'pydantic', 'sqlalchemy'} & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert loaded.split() == []
