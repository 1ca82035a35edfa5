"""Studies as jobs, on a head that `ray start --head` made and that asks for a token."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sensitivity.store.store import Store
from tests.sensitivity import ray_head
from tests.sensitivity.ray_head import Head

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(ray_head.lacking()),
        reason=f"Ray's dashboard lacks {', '.join(ray_head.lacking())}: pip install 'ray[default]'",
    ),
]

MODULE = """
import time
import torch
from trainables import Task, register_task, seeded

def flat(images=None):
    time.sleep(SECONDS)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))

register_task(Task("NAME/digits", "digits", seeded(flat), "cross_entropy", ["accuracy"]))
"""
QUICKSTART = ["submit", "--preset", "quickstart"]
SPEC = {
    "variants": ["sgd"],
    "design": {"kind": "grid", "points": {"lr": 3}},
    "epochs": 2,
    "default_setting": False,
    "limit": 64,
    "seeds": 2,
}


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with tempfile.TemporaryDirectory(
        prefix="r-", dir="/tmp", ignore_cleanup_errors=True
    ) as home:  # the path of a socket is short
        process, started = ray_head.start(pathlib.Path(home), cpus=1)  # each job trains in one worker
        yield started
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def write(folder: pathlib.Path, name: str, *, seconds: float = 0.0, **fields: Any) -> list[str]:
    """A study on a task of its own, in files; the arguments that name them."""
    (folder / f"{name}_module.py").write_text(MODULE.replace("SECONDS", str(seconds)).replace("NAME", name))
    (folder / f"{name}.json").write_text(
        json.dumps({"name": name, "tasks": [f"{name}/digits"], **SPEC, **fields})
    )
    return [f"{name}.json", "--task-module", f"{name}_module.py"]


def command(
    head: Head, folder: pathlib.Path, *arguments: str, token: str | None = None
) -> subprocess.CompletedProcess[str]:
    """The `sensitivity` command on a laptop, which has nothing but the address and the token."""
    laptop = folder / "laptop"
    laptop.mkdir(exist_ok=True)
    kept = {name: each for name, each in os.environ.items() if not name.startswith(("RAY_", "SENSITIVITY_"))}
    given = {"RAY_AUTH_TOKEN": head.token if token is None else token}
    return subprocess.run(
        [sys.executable, "-m", "sensitivity.command.main", *arguments, "--address", head.address],
        cwd=folder,
        env={**kept, **given, "HOME": str(laptop), "PYTHONPATH": str(ray_head.ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )


def status(head: Head, folder: pathlib.Path, name: str) -> list[dict[str, Any]]:
    return list(json.loads(command(head, folder, "jobs", "status", name, "--json").stdout))


def statuses(place: pathlib.Path, study: str) -> list[str]:
    store = Store(place, create=False)
    try:
        return list(store.statuses(study).values())
    finally:
        store.close()


def test_a_study_travels_with_its_module_and_is_followed_to_its_end(
    head: Head, tmp_path: pathlib.Path
) -> None:
    submitted = command(head, tmp_path, "submit", *write(tmp_path, "travels"))
    assert submitted.returncode == 0, submitted.stderr + submitted.stdout
    assert "study travels is job travels-1" in submitted.stderr
    assert "travels: 6 trials, 0 in the store, 6 to run" in submitted.stdout  # its progress came here
    assert statuses(head.home / "sensitivity.sqlite", "travels") == ["completed"] * 6
    assert (head.home / "runs/travels/report.html").is_file()
    assert [(row["job"], row["study"], row["status"]) for row in status(head, tmp_path, "travels")] == [
        ("travels-1", "travels", "succeeded")
    ]
    assert command(head, tmp_path, "jobs", "logs", "travels").stdout.endswith(submitted.stdout[-40:])
    again = command(head, tmp_path, "submit", *write(tmp_path, "travels"))  # nothing is left to run
    assert "travels: 6 trials, 6 in the store, 0 to run" in again.stdout


def test_a_running_study_is_joined_then_cancelled_and_continued(head: Head, tmp_path: pathlib.Path) -> None:
    arguments = write(tmp_path, "slow", seconds=3, cohort_size=1)
    assert command(head, tmp_path, "submit", *arguments, "--no-wait").returncode == 0
    joined = command(head, tmp_path, "submit", *arguments, "--no-wait")
    assert "study slow runs already as job slow-1" in joined.stderr
    other = command(head, tmp_path, "submit", *write(tmp_path, "slow", seconds=3, epochs=3), "--no-wait")
    assert other.returncode == 2
    assert (
        other.stderr
        == "Error: another study 'slow' is running as job slow-1; cancel it, or give this one another name\n"
    )
    deadline = time.monotonic() + 120
    while "completed" not in (
        statuses(head.home / "sensitivity.sqlite", "slow") if known(head, "slow") else []
    ):
        assert time.monotonic() < deadline, command(head, tmp_path, "jobs", "logs", "slow").stdout
        time.sleep(0.2)
    assert command(head, tmp_path, "jobs", "cancel", "slow").stdout == "slow: stopped\n"
    assert command(head, tmp_path, "jobs", "wait", "slow-1").returncode == 1
    assert "completed" in statuses(head.home / "sensitivity.sqlite", "slow")
    again = command(head, tmp_path, "submit", *write(tmp_path, "slow", seconds=3, cohort_size=1))
    assert re.search(r"6 trials, [1-5] in the store", again.stdout), again.stdout
    assert statuses(head.home / "sensitivity.sqlite", "slow") == ["completed"] * 6


def known(head: Head, study: str) -> bool:
    store = Store(head.home / "sensitivity.sqlite")
    try:
        return study in [each["name"] for each in store.studies()]
    finally:
        store.close()


@pytest.mark.parametrize(
    ("arguments", "token", "said"),
    [
        pytest.param(["jobs", "status"], "", "asks for a token: set RAY_AUTH_TOKEN", id="no token"),
        pytest.param(["jobs", "status"], "f" * 64, "refuses the token", id="wrong token"),
        pytest.param(["jobs", "logs", "travelz"], None, "unknown job or study 'travelz'", id="unknown"),
        pytest.param(
            [*QUICKSTART, "--store", "s.sqlite"],
            None,
            "is relative to a folder that is deleted",
            id="relative",
        ),
        pytest.param(
            [*QUICKSTART, "--store", "postgresql://me:secret@host/db"], None, "has a password", id="password"
        ),
        pytest.param([*QUICKSTART, "--working-dir", "nowhere"], None, "is not a folder", id="no folder"),
        pytest.param(
            [*QUICKSTART, "--working-dir", "large"], None, "(largest: part/big.bin)", id="large folder"
        ),
    ],
)
def test_what_cannot_be_is_one_line(
    head: Head, tmp_path: pathlib.Path, arguments: list[str], token: str | None, said: str
) -> None:
    (tmp_path / "large/part").mkdir(parents=True)
    with (tmp_path / "large/part/big.bin").open("wb") as file:
        file.truncate(100_000_001)
    refused = command(head, tmp_path, *arguments, token=token)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "secret" not in refused.stderr
    assert re.fullmatch(r"Error: .*\n", refused.stderr)


def test_files_that_go_along_replace_no_module(head: Head, tmp_path: pathlib.Path) -> None:
    along = tmp_path / "along"
    along.mkdir()
    for name in ("queue", "secrets", "trainables", "search_spaces"):
        (along / f"{name}.py").write_text(
            f"raise SystemExit('{name}.py of the working directory was imported')"
        )
    (along / "rate.py").write_text("RATE = 0.25")
    train = (
        "from ray import tune\ndef train(config):\n    import queue, rate, trainables\n    "
        "tune.report({'loss': rate.RATE * config['lr']})"
    )
    (along / "mine.py").write_text(train)
    space = {"train": [{"type": "float", "name": "lr", "low": 0.1, "high": 1.0}]}
    design = {"kind": "explicit", "rows": [{"lr": 0.5}]}
    (along / "along.json").write_text(
        json.dumps(
            {"name": "along", "trainable": "mine:train", "metric": "loss", "design": design, "spaces": space}
        )
    )
    submitted = command(head, along, "submit", "along.json", "--working-dir", ".")
    assert submitted.returncode == 0, submitted.stderr + submitted.stdout
    assert statuses(head.home / "sensitivity.sqlite", "along") == ["completed"]
    assert "0.125" in submitted.stdout
