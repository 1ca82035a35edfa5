"""The fault campaign: faults injected at random into studies on a cluster; what survived, what was lost, what was doubled.

    python -m tests.faults.campaign --injections 200 --seed 0

A trial survives when it has the one outcome that is defined for it: a guest that always raises, exits, dies or hangs has failed with that
reason; every other trial is completed, at the value that its function has in closed form. A worker, a node or a driver that was killed
survives when all trials of its study do. Lost is a trial with another outcome; doubled, a trial or an epoch that the store has twice.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sensitivity.planning import Trial, trials
from sensitivity.results import Results
from sensitivity.store import Store
from sensitivity.study import Study
from tests.sensitivity.clusters import Nodes, nodes
from tests.sensitivity.processes import epochs_in
from trainables.task_modules import load_task_module

REASONS = {
    "raise": r"RuntimeError: a bad guest!{489} \(",
    "exit": r"SystemExit: 3 \(",
    "die": "worker lost 4 times: ",
    "hang": "no report for .* seconds, twice",
}
"""Guests that always misbehave, and what their trials say of it."""
ONCE = ("die once", "hang once", "print")
"""Guests whose trials are completed nevertheless."""
KILLS = ("kill a worker", "kill a node", "kill the driver")
WEIGHTS = {"raise": 3, "exit": 3, "die": 1, "hang": 1, "die once": 3, "hang once": 1, "print": 2}
TRIALS, EPOCHS = 24, 2
TIMEOUT = 5.0
LONGEST = 300.0


@dataclass
class Tally:
    """Counts by kind of fault."""

    injected: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)

    def table(self) -> pd.DataFrame:
        rows = [
            {"fault": kind, "injected": count, "survived": count - self.lost[kind], "lost": self.lost[kind], "doubled": self.doubled[kind]}
            for kind, count in sorted(self.injected.items())
        ]
        total = {"fault": "all", **pd.DataFrame(rows).drop(columns="fault").sum().to_dict()}
        return pd.DataFrame([*rows, total])


def study_of(number: int, drawn: random.Random) -> Study:
    design = {"kind": "random", "n": TRIALS, "seed": number}
    return Study(name=f"round-{number}", tasks=["function/guest"], design=design, epochs=EPOCHS, cohort_size=drawn.choice([1, 2, 4]))


def guests(planned: list[Trial], count: int, drawn: random.Random, forced: list[str]) -> dict[str, str]:
    """Which trials misbehave, by key."""
    kinds = [*forced, *drawn.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)][:count]
    return dict(zip([each.key for each in drawn.sample(planned, len(kinds))], kinds, strict=True))


def inject(cluster: Nodes, folder: pathlib.Path, kills: list[str], drawn: random.Random) -> str:
    """Run the study of a folder to its end, killing what is to be killed at random moments; what the last driver said."""
    store, arguments = folder / "sensitivity.sqlite", ["study.json", "--task-module", "guests.py", "--trial-timeout", str(TIMEOUT)]
    driver = cluster.run(folder, *arguments, "--workers", "2")
    moments = sorted((drawn.randint(1, TRIALS), kill) for kill in kills)
    deadline = time.monotonic() + LONGEST
    while driver.poll() is None and time.monotonic() < deadline:
        if moments and epochs_in(store) >= moments[0][0]:
            kill = moments[0][1]
            if kill == "kill a worker":
                workers = cluster.workers()
                if not workers:
                    continue  # there is a moment with one
                os.kill(drawn.choice(workers), signal.SIGKILL)
            elif kill == "kill a node":
                cluster.kill()
                cluster.add()
            else:
                driver.kill()
                driver.communicate()
                driver = cluster.run(folder, *arguments, "--workers", "2")
            del moments[0]
        time.sleep(0.05)
    if moments:
        raise RuntimeError(f"the study ended before {moments} could be injected")
    if driver.poll() is None:
        driver.kill()
        return f"not at its end after {LONGEST:g} seconds"
    return driver.communicate()[1]


def judge(folder: pathlib.Path, study: Study, expected: dict[str, str], truth: Any) -> tuple[dict[str, str], int]:
    """Trials without the outcome defined for them, with what they have instead; and how many rows the store has twice."""
    store = Store(folder / "sensitivity.sqlite", create=False)
    results = Results.from_store(store, study.name)
    store.close()
    rows = {str(row["key"]): row for _, row in results.trials.iterrows()}
    lost = {}
    for trial in trials(study):
        row, kind = rows.get(trial.key), expected.get(trial.key, "")
        if row is None:
            lost[trial.key] = "not there"
        elif kind in REASONS:
            if row["status"] != "failed" or not re.match(REASONS[kind], str(row["error"])):
                lost[trial.key] = f"{kind}: {row['status']} {row['error']}"
        elif row["status"] != "completed" or row["epochs_done"] != EPOCHS or abs(row["loss"] - truth(trial.configuration)) > 1e-12:
            lost[trial.key] = f"{kind or 'well-behaved'}: {row['status']} {row['loss']} {row['error']}"
    doubled = int(results.trials["key"].duplicated().sum() + results.epochs.duplicated(["key", "epoch"]).sum())
    return lost, doubled


def campaign(injections: int, seed: int, say: Any = lambda text: None, tally: Tally | None = None) -> Tally:
    """Inject so many faults, a handful in each study. Args: say: told of every study. tally: kept up to date, for who interrupts it."""
    drawn, tally = random.Random(seed), Tally() if tally is None else tally
    kinds = [*REASONS, *ONCE]
    with tempfile.TemporaryDirectory(prefix="faults-") as place, nodes(2) as cluster:
        shutil.copy(pathlib.Path(__file__).with_name("bad_guests.py"), pathlib.Path(place) / "guests.py")
        module = load_task_module(pathlib.Path(place) / "guests.py")
        number = 0
        while (left := injections - tally.injected.total()) > 0:
            folder = pathlib.Path(place)
            kills = [KILLS[number % 3], *drawn.sample(KILLS, drawn.randint(0, 1))] if left > 3 else []
            if number == 0 and left > 3:
                kills = list(KILLS)
            study = study_of(number, drawn)
            planned = trials(study)
            expected = guests(planned, min(left - len(kills), len(kinds) if number == 0 else 12), drawn, kinds if number == 0 else [])
            names = {trial.key: module.name_of(trial.configuration) for trial in planned}
            for mark in folder.glob("done-*"):
                mark.unlink()
            (folder / "faults.json").write_text(json.dumps({names[key]: kind for key, kind in expected.items()}))
            (folder / "study.json").write_text(study.to_json())
            (folder / "sensitivity.sqlite").unlink(missing_ok=True)
            began = time.monotonic()
            said = inject(cluster, folder, kills, drawn)
            lost, doubled = judge(folder, study, expected, module.Ishigami())
            tally.injected.update([*expected.values(), *kills])
            for key in lost:
                tally.lost.update([expected.get(key) or (kills or ["none"])[0]])
            for kind in kills[:1]:
                tally.doubled[kind] += doubled
            say(f"study {number}: {len(expected)} guests, {', '.join(kills) or 'no kill'}: {time.monotonic() - began:.0f} s")
            for key, what in lost.items():
                say(f"  lost {key}: {what}")
            if lost:
                say(said[-2000:])
            number += 1
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--injections", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began, tally = time.monotonic(), Tally()
    with contextlib.suppress(KeyboardInterrupt):
        campaign(given.injections, given.seed, lambda text: print(text, flush=True), tally)  # noqa: T201
    table = tally.table()
    print(f"\n{table.to_string(index=False)}\n\n{os.cpu_count()} cores, {(time.monotonic() - began) / 60:.0f} minutes")  # noqa: T201
    if table.iloc[-1][["lost", "doubled"]].any():
        raise SystemExit(1)


if __name__ == "__main__":
    main()
