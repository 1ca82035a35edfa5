"""The scripts of docs/examples: two lines each, swept by one command, killed and continued."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time

import pytest

from sensitivity.results.results import Results
from sensitivity.store.store import Store
from tests.sensitivity.processes import command_of, descendants, epochs_in, wait_for_epochs

ROOT = pathlib.Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
TOYS = {
    "nanogpt": (None, "{args} --seed={seed} --max_iters=40 --eval_interval=10 --n_layer=1 --n_embd=16"),
    "lightning": ("lightning", "{args} --seed={seed} --max_epochs=4"),
    "transformers": (
        "transformers",
        "{args} --seed={seed} --output_dir={folder} --n_layer=1 --n_embd=16 --max_steps=8 --eval_strategy=steps "
        "--eval_steps=4 --logging_steps=2 --save_strategy=no --report_to=none --use_cpu",
    ),
    "hydra": ("hydra", "{overrides} seed={seed} hydra.run.dir={folder} epochs=4"),
}
"""The package that an example needs beside this project's, and the words after ``train.py`` of a small run."""

MOST_SECONDS = 300
"""Seconds that a small sweep may take on a machine that does much else; it takes some twenty."""


@pytest.mark.parametrize("name", TOYS)
def test_an_example_differs_by_two_lines_from_its_own_project(name: str, tmp_path: pathlib.Path) -> None:
    shutil.copy(EXAMPLES / name / "train.py", tmp_path)
    difference = (EXAMPLES / name / "lines.diff").read_text(encoding="utf-8")
    lines = [line for line in difference.splitlines() if not line.startswith(("---", "+++"))]
    assert sum(line.startswith("+") for line in lines) == 2
    assert not any(line.startswith("-") for line in lines)
    assert difference.rstrip("\n") in (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8")
    subprocess.run(["git", "apply", "--reverse", "-"], input=difference, text=True, check=True, cwd=tmp_path)
    assert "sensitivity" not in (tmp_path / "train.py").read_text(encoding="utf-8")


def start(folder: pathlib.Path, words: str) -> subprocess.Popen[str]:
    """Start a small sweep of a copy of an example: two configurations, one seed, one trial at once."""
    command = [sys.executable, "-m", "sensitivity.command.main", "sweep", "study.yaml", "--workers", "1"]
    command += ["--seeds", "1", "--configurations", "2", "--no-default-setting"]
    path = os.pathsep.join([str(ROOT), *sys.path])
    return subprocess.Popen(
        [*command, "--", sys.executable, "train.py", *shlex.split(words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def outputs(folder: pathlib.Path) -> dict[str, int]:
    """Return when the output of every trial was begun or written last."""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("runs/*/trials/*/output.txt")}


@pytest.mark.slow
@pytest.mark.timeout(3 * MOST_SECONDS)
@pytest.mark.parametrize("name", TOYS)
def test_an_example_is_swept_killed_and_continued(name: str, tmp_path: pathlib.Path) -> None:
    package, words = TOYS[name]
    if package is not None and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed (pip install 'optimizer-sensitivity[examples]')")
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder)
    store = folder / "sensitivity.sqlite"
    process = start(folder, words)
    reported = wait_for_epochs(store, 1, MOST_SECONDS)
    started = descendants(process.pid)
    programs = [pid for pid in started if b"train.py" in command_of(pid)]
    for pid in [process.pid, *started]:
        if pid not in programs and b"killpg" not in command_of(pid):  # nor what ends them with their worker
            os.kill(pid, signal.SIGKILL)
    _, errors = process.communicate()
    deadline = time.monotonic() + 20
    while any(b"train.py" in command_of(pid) for pid in programs):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert reported, errors
    before, number = outputs(folder), epochs_in(store)
    again = start(folder, words)
    _, errors = again.communicate(timeout=MOST_SECONDS)
    assert again.returncode == 0, errors
    opened = Store(store, create=False)
    results = Results.from_store(opened, opened.studies()[0]["name"])
    opened.close()
    assert list(results.trials["status"]) == ["completed"] * 2, results.trials["error"].tolist()
    counts = results.epochs.groupby("key")["epoch"].agg(["count", "nunique"])
    assert (counts["count"] == counts["nunique"]).all()
    assert len(results.epochs) > number
    assert before.keys() <= outputs(folder).keys()
    assert len(list((folder / "runs").glob("*/report.html"))) == 1
