"""Kill a study of 48 trials again and again, and compare it with a run that nothing disturbed: equal in every
bit but the clocks.

    python -m tests.faults.kills --kills 10

In turn the process group, the driver, a worker and the raylet are killed, each at a random moment; the
command is given again whenever the driver has ended before its study, each time with another size of cohort.
The undisturbed run has one worker and cohorts of 8.
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

from sensitivity.results.results import Results
from sensitivity.store.store import Store
from sensitivity.study.study import Study
from tests.sensitivity.processes import command_of, descendants, epochs_in

ROOT = pathlib.Path(__file__).parents[2]
CLOCKS = {
    "trials": ["seconds", "started", "finished"],
    "epochs": ["seconds", "images_per_second", "seconds_per_step"],
}
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
KEYS = {"trials": ["key"], "epochs": ["key", "epoch"]}
KINDS = ("process group", "driver", "worker", "raylet")
TIMEOUT = 1800.0
"""Seconds of the study with all its kills, at most."""


def start(folder: pathlib.Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a driver in a process group of its own, whose output goes to a file: nobody reads a pipe while it
    runs."""
    with (folder / "output").open("a") as output:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "sensitivity.command.main",
                "run",
                "study.json",
                "--where",
                "ray",
                "--out",
                "report",
                *arguments,
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def targets(kind: str, driver: int, generator: random.Random) -> list[int]:
    """Return the processes that a kill of a kind takes; none while there are none."""
    children = descendants(driver)
    if kind == "process group":
        return [driver, *children]
    if kind == "driver":
        return [driver]
    pattern = rb"ray::\w*Trainable" if kind == "worker" else rb"[^\0]*/raylet\0"
    matching = [pid for pid in children if re.match(pattern, command_of(pid))]
    return [generator.choice(matching)] if matching else []


def kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def run_with_kills(
    folder: pathlib.Path, kills: int, generator: random.Random, say: Callable[[str], None]
) -> int:
    """Run the study to its end with a number of kills. Returns: how many there were."""
    moments = sorted(generator.sample(range(1, ROWS - ROWS // 10), kills))
    store, driver, done = (
        folder / "sensitivity.sqlite",
        start(folder, "--workers", "2", "--cohort-size", "3"),
        0,
    )
    deadline = time.monotonic() + TIMEOUT
    children: list[int] = []
    while time.monotonic() < deadline:
        children = descendants(driver.pid) or children
        if driver.poll() is not None:
            kill(children)  # a killed driver's Ray ends by itself, in a while
            say(f"the driver ended with {driver.returncode}, at {epochs_in(store)} epochs")
            if driver.returncode == 0:
                return done
            driver, children = (
                start(folder, "--workers", "2", "--cohort-size", str(generator.choice([1, 2, 5, 16]))),
                [],
            )
        elif done < kills and epochs_in(store) >= moments[done]:
            kind = KINDS[done % len(KINDS)]
            pids = targets(kind, driver.pid, generator)
            if pids:
                kill(pids)
                done += 1
                say(f"killed: {kind}, at {epochs_in(store)} epochs")
        time.sleep(0.02)
    kill([driver.pid, *children])
    raise TimeoutError(
        f"the study had not ended after {TIMEOUT:g} seconds: {(folder / 'output').read_text()[-2000:]}"
    )


def tables(path: pathlib.Path) -> dict[str, pd.DataFrame]:
    """Trials and epochs of the study, without the clocks."""
    store = Store(path, create=False)
    results = Results.from_store(store, STUDY["name"])
    store.close()
    return {
        name: frame.drop(columns=CLOCKS[name])
        for name, frame in (("trials", results.trials), ("epochs", results.epochs))
    }


def differences(disturbed: pd.DataFrame, undisturbed: pd.DataFrame, keys: list[str]) -> dict[str, int]:
    """Count the rows of the undisturbed table, and those that the other lacks, has more than once, and has
    with another value in any bit.

    Raises: AssertionError for tables of different columns, or a disturbed one with rows that the undisturbed
    one lacks.
    """
    assert set(disturbed) == set(undisturbed)
    doubled = disturbed.duplicated(keys)
    one, other = (
        disturbed[~doubled].set_index(keys),
        undisturbed.set_index(keys)[[name for name in disturbed if name not in keys]],
    )
    assert one.index.isin(other.index).all()
    assert other.index.is_unique
    other_rows = other.loc[one.index]
    equal = ((one == other_rows) | (one.isna() & other_rows.isna())).all(axis=1)
    return {
        "rows": len(other),
        "lost": len(other) - len(one),
        "doubled": int(doubled.sum()),
        "differing": int((~equal).sum()),
    }


def compare(
    kills: int, seed: int, say: Callable[[str], None] = lambda text: None
) -> tuple[int, dict[str, dict[str, int]]]:
    """Run the study with kills and without. Returns: the number of kills, and the differences of each
    table."""
    generator = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="kills-", ignore_cleanup_errors=True) as top:
        disturbed, undisturbed = (pathlib.Path(top) / name for name in ("disturbed", "undisturbed"))
        for folder in (disturbed, undisturbed):
            folder.mkdir()
            (folder / "study.json").write_text(Study(**STUDY).to_json())
        if start(undisturbed, "--workers", "1", "--cohort-size", "8").wait() != 0:
            raise RuntimeError((undisturbed / "output").read_text()[-2000:])
        done = run_with_kills(disturbed, kills, generator, say)
        one, other = (tables(folder / "sensitivity.sqlite") for folder in (disturbed, undisturbed))
    return done, {name: differences(one[name], other[name], KEYS[name]) for name in one}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    done, counts = compare(arguments.kills, arguments.seed, lambda text: print(text, flush=True))  # noqa: T201
    print(f"{done} kills")  # noqa: T201
    print(pd.DataFrame(counts).T.to_string())  # noqa: T201
    if done < arguments.kills or any(
        table["lost"] or table["doubled"] or table["differing"] for table in counts.values()
    ):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
