"""Kill a study of 48 trials again and again, and compare it with a run that nothing disturbed: equal in every bit but the clocks.

    python -m tests.faults.kills --kills 10

In turn the whole process group, the driver, a worker and the raylet are killed, each at a random moment of the epochs that are left; the
command is given again whenever the driver has ended before its study. The undisturbed run has other cohorts and one worker more.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import pandas as pd

from sensitivity.results import Results
from sensitivity.store import Store
from sensitivity.study import Study
from tests.sensitivity.processes import command_of, descendants, epochs_in

ROOT = pathlib.Path(__file__).parents[2]
CLOCKS = {"trials": ["seconds", "started", "finished"], "epochs": ["seconds", "images_per_second"]}
STUDY: dict[str, Any] = {
    "name": "kills",
    "tasks": ["logistic/synthetic", "mlp/synthetic", "autoencoder/digits"],
    "variants": ["cm", "adam"],
    "design": {"kind": "random", "n": 4, "seed": 0},
    "seeds": 2,
    "epochs": 6,
    "limit": 200,
}
ROWS = 48 * 6
LONGEST = 1200.0
"""Seconds of the study with all its kills, at most."""


def start(folder: pathlib.Path, *arguments: str) -> subprocess.Popen[str]:
    """A driver in a process group of its own. Its words go to a file: nobody reads a pipe while it runs."""
    with (folder / "output").open("a") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "sensitivity.cli", "run", "study.json", "--out", "report", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def victims(kind: str, driver: int, drawn: random.Random) -> list[int]:
    """The processes that a kill of a kind takes; none where there are none at this moment."""
    below = descendants(driver)
    if kind == "process group":
        return [driver, *below]
    if kind == "driver":
        return [driver]
    pattern = rb"ray::\w*Trainable" if kind == "worker" else rb"[^\0]*/raylet\0"
    found = [pid for pid in below if re.match(pattern, command_of(pid))]
    return [drawn.choice(found)] if found else []


KINDS = ("process group", "driver", "worker", "raylet")


def kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def besieged(folder: pathlib.Path, kills: int, drawn: random.Random, say: Callable[[str], None]) -> int:
    """Run the study to its end with so many kills. Returns: how many there were."""
    moments = sorted(drawn.sample(range(1, ROWS - ROWS // 10), kills))
    store, driver, done = folder / "sensitivity.sqlite", start(folder, "--workers", "2", "--cohort-size", "3"), 0
    deadline = time.monotonic() + LONGEST
    below: list[int] = []
    while time.monotonic() < deadline:
        below = descendants(driver.pid) or below
        if driver.poll() is not None:
            kill(below)  # a killed driver's Ray ends by itself, in a while
            say(f"the driver ended with {driver.returncode}, at {epochs_in(store)} epochs")
            if driver.returncode == 0:
                return done
            driver, below = start(folder, "--workers", "2", "--cohort-size", str(drawn.choice([1, 2, 5, 16]))), []
        elif done < kills and epochs_in(store) >= moments[done]:
            kind = KINDS[done % len(KINDS)]
            chosen = victims(kind, driver.pid, drawn)
            if chosen:
                kill(chosen)
                done += 1
                say(f"killed: {kind}, at {epochs_in(store)} epochs")
        time.sleep(0.02)
    kill([driver.pid, *below])
    raise TimeoutError(f"the study had not ended after {LONGEST:g} seconds: {(folder / 'output').read_text()[-2000:]}")


def tables(place: pathlib.Path) -> dict[str, pd.DataFrame]:
    """Trials and epochs of the study, without the clocks."""
    store = Store(place, create=False)
    results = Results.from_store(store, STUDY["name"])
    store.close()
    frames = {"trials": results.trials, "epochs": results.epochs}
    order = {"trials": ["key"], "epochs": ["key", "epoch"]}
    return {name: frame.drop(columns=CLOCKS[name]).sort_values(order[name], ignore_index=True) for name, frame in frames.items()}


def differing(one: pd.DataFrame, other: pd.DataFrame) -> int:
    """Rows that are not equal in every bit; all where the tables have other rows."""
    if one.shape != other.shape or list(one) != list(other):
        return max(len(one), len(other))
    return int((~((one == other) | (one.isna() & other.isna())).all(axis=1)).sum())


def compare(kills: int, seed: int, say: Callable[[str], None] = lambda text: None) -> dict[str, int]:
    """Run the study with kills and without. Returns: the kills, and the rows of each table that differ."""
    drawn = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="kills-", ignore_cleanup_errors=True) as top:
        disturbed, undisturbed = (pathlib.Path(top) / name for name in ("disturbed", "undisturbed"))
        for folder in (disturbed, undisturbed):
            folder.mkdir()
            (folder / "study.json").write_text(Study(**STUDY).to_json())
        if start(undisturbed, "--workers", "1", "--cohort-size", "8").wait() != 0:
            raise RuntimeError((undisturbed / "output").read_text()[-2000:])
        done = besieged(disturbed, kills, drawn, say)
        one, other = (tables(folder / "sensitivity.sqlite") for folder in (disturbed, undisturbed))
    assert len(other["epochs"]) <= ROWS
    return {"kills": done, **{f"{name} that differ": differing(one[name], other[name]) for name in one}, "epochs": len(other["epochs"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    found = compare(chosen.kills, chosen.seed, lambda text: print(text, flush=True))  # noqa: T201
    print(found)  # noqa: T201
    if found["kills"] < chosen.kills or found["trials that differ"] or found["epochs that differ"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
