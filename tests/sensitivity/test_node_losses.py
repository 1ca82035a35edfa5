"""A local Ray that loses its only node: the run starts another, and gives up where no trial ends in
between."""

from __future__ import annotations

import os
import pathlib
import random
import signal
import subprocess
import sys

import pytest

from sensitivity.running.node_losses import LOSSES, NodeLost, restarting
from sensitivity.running.run import run
from sensitivity.study.study import Study
from tests.faults.kills import targets
from tests.sensitivity.clusters import IMPATIENT
from tests.sensitivity.processes import descendants, wait_for_epochs
from tests.sensitivity.test_clusters import CLOCKS, read

ROOT = pathlib.Path(__file__).parents[2]
DESIGN = {"kind": "random", "n": 6}
SMALL = {
    "name": "small",
    "tasks": ["autoencoder/digits"],
    "variants": ["cm"],
    "default_setting": False,
    "design": DESIGN,
    "epochs": 3,
    "limit": 300,
    "cohort_size": 1,
}
"""An epoch takes so long that the study cannot end between its first epochs and the loss of the node."""


def losing(ended: list[int]) -> list[str]:
    """Restart a training that loses its node after so many trials each time. Returns: what is noted."""
    notes: list[str] = []
    left = iter(ended)

    def train() -> None:
        if (count := next(left, None)) is not None:
            raise NodeLost(count)

    restarting(train, notes.append)
    return notes


@pytest.mark.parametrize("ended", [[], [0], [0] * (LOSSES - 1), [1] * 10, [0, 0, 5, 0, 5]])
def test_a_run_continues_after_losses(ended: list[int]) -> None:
    notes = losing(ended)
    assert len(notes) == len(set(notes)) == len(ended)


@pytest.mark.parametrize("ended", [[0] * LOSSES, [5, *[0] * (LOSSES - 1)], [0, 5, *[0] * (LOSSES - 1)]])
def test_a_run_gives_up_where_no_trial_ends_between_losses(ended: list[int]) -> None:
    """Trials that ended before the first of these losses are not between them."""
    with pytest.raises(NodeLost, match=f"{LOSSES} times .* give the same command"):
        losing(ended)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_raylet_changes_nothing(tmp_path: pathlib.Path) -> None:
    (tmp_path / "small.json").write_text(Study(**SMALL).to_json())
    command = [
        sys.executable,
        "-m",
        "sensitivity.command.main",
        "run",
        "small.json",
        "--where",
        "ray",
        "--workers",
        "2",
        "--no-report",
    ]
    with (tmp_path / "output").open("w") as output:
        driver = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, **IMPATIENT, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        assert wait_for_epochs(tmp_path / "sensitivity.sqlite", 2)
        os.kill(targets("raylet", driver.pid, random.Random(0))[0], signal.SIGKILL)
        assert driver.wait(timeout=240) == 0, (tmp_path / "output").read_text()
    finally:
        for pid in [driver.pid, *descendants(driver.pid)] if driver.poll() is None else []:
            os.kill(pid, signal.SIGKILL)
    assert "the local Ray lost its node (loss 1)" in (tmp_path / "output").read_text()
    disturbed, undisturbed = (
        read(tmp_path / "sensitivity.sqlite", "small"),
        run(Study(**SMALL), store=tmp_path / "u.sqlite", where="process"),
    )
    same = [
        each.trials.drop(columns=CLOCKS).sort_values("key", ignore_index=True)
        for each in (disturbed, undisturbed)
    ]
    assert same[0].equals(same[1])
