"""The fault campaign: faults injected at random into studies on a cluster; what survived, what was lost, what
was doubled.

    python -m tests.faults.campaign --injections 200 --seed 0 --log campaign.jsonl

Every study is a line of the log, so a campaign that is stopped goes on where it was when the same command is
given, and several seeds may share a log; the table counts all of it, and ``--injections 0`` only shows it.

A trial survives when it has the one outcome that is defined for it: a guest that always raises, exits, dies,
hangs or takes all memory has failed with that reason; every other trial is completed, at the value that its
function has in closed form. What befalls a study from outside (a worker, a node or a driver killed, the head,
the database or the disk) survives when all its trials do. Lost is a trial with another outcome. Doubled is a
trial or an epoch that the store has twice, a trial that was evaluated again after its end, and a run that
trains while another run of the study does.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import itertools
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
from collections.abc import Sequence
from typing import Any

import pandas as pd

from sensitivity.results.results import Results
from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from tests.faults import writers
from tests.faults.calamities import (
    BACK,
    CLOCK,
    FILL,
    KILLS,
    STOP,
    STORES,
    Siege,
    backward_clock,
    may_compile,
    may_mount,
    small_disk,
)
from tests.postgres import Server, missing
from tests.sensitivity.clusters import Nodes, nodes
from trainables.task_modules import load_task_module

REASONS = {
    "raise": r"RuntimeError: a bad guest!{489} \(",
    "exit": r"SystemExit: 3 \(",
    "die": "worker lost 4 times: ",
    "memory": "worker lost 4 times: ",
    "GPU memory": r"OutOfMemoryError: CUDA out of memory",
    "hang": "no report for .* seconds, twice",
    "allocate": "MemoryError",
}
"""Guests that always misbehave, and what their trials say of it."""
ONCE = ("die once", "memory once", "hang once", "print", "fork", "close output", "threads")
"""Guests whose trials are completed nevertheless."""
GUESTS = {
    "raise": 3, "exit": 3, "GPU memory": 3, "die": 1, "memory": 1, "hang": 1, "die once": 2, "memory once": 2, "hang "
"once": 1, "print": 3,
    "allocate": 2, "fork": 2, "close output": 2, "threads": 2,
}  # fmt: skip
"""How often each is drawn."""
TRIALS, EPOCHS = 24, 2
TIMEOUT = 20.0
DYING = 5.0
"""Seconds that Ray may take to end the workers of a driver that was killed."""
FROM_OUTSIDE, FROM_INSIDE = 3, 14
"""Faults of a study."""


def kinds_here() -> list[str]:
    """The faults that can be injected on this machine."""
    possible = {CLOCK: may_compile(), STOP: not missing(), FILL: may_mount()}
    return [*GUESTS, *(kind for kind in (*KILLS, *STORES) if possible.get(kind, True))]


def draw(
    number: int, kinds: Sequence[str], most: int, drawn: random.Random, inside: int
) -> tuple[list[str], list[str]]:
    """Draw the faults of a study from outside, and its guests. The first studies, as many as a store has
    faults, have every kind.

    Args:
        number: of the study.
        kinds: of faults.
        most: faults, of both together.
        drawn: the generator.
        inside: guests.
    """
    of_store = [kind for kind in STORES if kind in kinds]
    turns = len(STORES)
    own = (
        of_store[number % turns : number % turns + 1]
        if number < turns
        else of_store and [drawn.choice(of_store)]
    )
    kills, guests = ([kind for kind in each if kind in kinds] for each in (KILLS, GUESTS))
    forced, rest = (kills[number::turns], guests[number::turns]) if number < turns else ([], [])
    outside = [*own, *forced]
    if number >= turns and kills:
        outside += drawn.sample(kills, min(len(kills), FROM_OUTSIDE - len(own)))
    outside = outside[:most]
    if guests:
        rest += drawn.choices(guests, [GUESTS[kind] for kind in guests], k=max(0, inside - len(rest)))
    return outside, rest[: most - len(outside)]


def judge(
    place: str,
    study: Study,
    expected: dict[str, str],
    names: dict[str, str],
    folder: pathlib.Path,
    truth: Any,
) -> tuple[Any, Any]:
    """By trial: what is there instead of the outcome that is defined for it; and what was done to it
    twice."""
    store = Store(place, create=False)
    results = Results.from_store(store, study.name)
    lost: dict[str, str] = {words: words for words in writers.lacking(store)}
    store.close()
    rows = {str(row["key"]): row for _, row in results.trials.iterrows()}
    for trial in trials(study):
        row, kind = rows.get(trial.key), expected.get(trial.key, "")
        if row is None:
            lost[trial.key] = "not there"
        elif kind in REASONS:
            if row["status"] != "failed" or not re.match(REASONS[kind], str(row["error"])):
                lost[trial.key] = f"{kind}: {row['status']} {row['error']}"
        elif (
            row["status"] != "completed"
            or row["epochs_done"] != EPOCHS
            or abs(row["loss"] - truth(trial.configuration)) > 1e-12
        ):
            lost[trial.key] = f"{kind or 'well-behaved'}: {row['status']} {row['loss']} {row['error']}"
    doubled = dict.fromkeys(
        results.trials.loc[results.trials["key"].duplicated(), "key"], "twice in the store"
    )
    doubled |= dict.fromkeys(
        results.epochs.loc[results.epochs.duplicated(["key", "epoch"]), "key"],
        "an epoch is twice in the store",
    )
    begun: dict[str, list[float]] = {}
    runs: dict[str, list[float]] = {}
    for line in (folder / "evaluations").read_text().splitlines():
        at, name, job = line.split()
        begun.setdefault(name, []).append(float(at))
        runs.setdefault(job, []).append(float(at))
    doubled |= {
        job: f"two runs trained at once for {seconds:.1f} s" for job, seconds in overlapping(runs).items()
    }
    for key, row in rows.items():
        times = begun.get(names[key], [])
        if row["status"] == "completed":
            ended = (
                datetime.datetime.fromisoformat(str(row["finished"])).timestamp() + 1
            )  # which the store keeps in whole seconds
            if ended < min(min(begun.values())):  # by a clock that went back
                ended += BACK
            if times[-1] > ended:
                doubled[key] = f"evaluated again {times[-1] - ended:.1f} s after its end"
        if key in lost:
            lost[key] += (
                f" (evaluated at {', '.join(f'{each - min(min(begun.values())):.1f}' for each in times)} s)"
            )
    return lost, doubled


def overlapping(runs: dict[str, list[float]]) -> dict[str, float]:
    """Return the runs that went on evaluating while a later run did, with the seconds. Args: runs: moments of
    evaluations, by job."""
    in_order = sorted(runs, key=lambda job: min(runs[job]))
    both = {job: max(runs[job]) - min(runs[later]) for job, later in itertools.pairwise(in_order)}
    return {job: seconds for job, seconds in both.items() if seconds > DYING}


class Campaign:
    """Studies on one cluster, a handful of faults in each.

    Args:
        folder: for their files.
        cluster: where they are trained.
        server: of databases.
        seed: of what is drawn.
        kinds: of faults.
        inside: guests of a study.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        cluster: Nodes,
        server: Server | None,
        seed: int,
        kinds: Sequence[str],
        inside: int = FROM_INSIDE,
    ) -> None:
        self.folder, self.cluster, self.server, self.seed, self.kinds, self.inside = (
            folder,
            cluster,
            server,
            seed,
            kinds,
            inside,
        )
        shutil.copy(pathlib.Path(__file__).with_name("bad_guests.py"), folder / "guests.py")
        self.module = load_task_module(folder / "guests.py")

    def study(self, number: int, most: int) -> dict[str, Any]:
        """Run a study with at most so many faults; its line."""
        drawn = random.Random(f"{self.seed} {number}")
        outside, inside = draw(number, self.kinds, most, drawn, self.inside)
        design = {"kind": "random", "n": TRIALS, "seed": number}
        study = Study(
            name=f"round-{number}",
            tasks=["function/guest"],
            design=design,
            epochs=EPOCHS,
            cohort_size=drawn.choice([1, 2, 4]),
        )
        planned = trials(study)
        expected = dict(zip([each.key for each in drawn.sample(planned, len(inside))], inside, strict=True))
        names = {trial.key: self.module.name_of(trial.configuration) for trial in planned}
        moments = sorted((drawn.randint(1, TRIALS), kind) for kind in outside)
        for old in [*self.folder.glob("done-*"), *self.folder.glob("evaluations")]:
            old.unlink()
        (self.folder / "faults.json").write_text(
            json.dumps({names[key]: kind for key, kind in expected.items()})
        )
        (self.folder / "study.json").write_text(study.to_json())
        began = time.monotonic()
        with contextlib.ExitStack() as disks:
            where = self.folder / f"round-{number}"
            disks.enter_context(small_disk(where)) if FILL in outside else where.mkdir()
            server = self.server if STOP in outside else None
            place = server.url() if server is not None else str(where / "sensitivity.sqlite")
            siege = Siege(
                self.cluster,
                where,
                ["../study.json", "--task-module", "../guests.py", "--out", "../report"],
                store=place,
                timeout=TIMEOUT,
                server=server,
                evaluations=self.folder / "evaluations",
                drawn=drawn,
                environment=backward_clock(self.folder, where / "back") if CLOCK in outside else {},
            )
            siege.run(moments)
            lost, doubled = judge(place, study, expected, names, self.folder, self.module.Ishigami())
        return {
            "seed": self.seed,
            "study": number,
            "injected": [*siege.injected, *expected.values()],
            "lost": [
                [expected.get(key) or (siege.injected or ["none"])[0], what] for key, what in lost.items()
            ],
            "doubled": [
                [expected.get(key) or (siege.injected or ["none"])[0], what] for key, what in doubled.items()
            ],
            "seconds": round(time.monotonic() - began),
            **({"said": siege.said} if lost or doubled or moments else {}),
        }


def lines_of(log: pathlib.Path) -> list[dict[str, Any]]:
    """The studies of a log."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def injected_in(lines: Sequence[dict[str, Any]]) -> int:
    """How many faults were injected."""
    return sum(len(line["injected"]) for line in lines)


def table_of(lines: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Injected, survived, lost and doubled, by kind of fault."""
    injected = Counter(kind for line in lines for kind in line["injected"])
    lost, doubled = (
        Counter(kind for line in lines for kind, _ in line[name]) for name in ("lost", "doubled")
    )
    rows = [
        {
            "fault": kind,
            "injected": injected[kind],
            "survived": injected[kind] - lost[kind],
            "lost": lost[kind],
            "doubled": doubled[kind],
        }
        for kind in sorted({*injected, *lost, *doubled}, key=str.lower)
    ]
    total = {"fault": "all", **pd.DataFrame(rows).drop(columns="fault").sum().to_dict()}
    return pd.DataFrame([*rows, total])


def campaign(
    injections: int,
    seed: int,
    kinds: Sequence[str],
    log: pathlib.Path,
    say: Any = lambda text: None,
    *,
    inside: int = FROM_INSIDE,
) -> pd.DataFrame:
    """Inject so many faults with a seed, less those that the log has.

    Args:
        injections: how many.
        seed: of what is drawn.
        kinds: of faults.
        log: a line for each study.
        say: told of every study.
        inside: guests of a study.

    Returns: the table of the log.
    """
    own = [line for line in lines_of(log) if line["seed"] == seed]
    with contextlib.ExitStack() as open_:
        if injections <= injected_in(own):
            return table_of(lines_of(log))
        folder = pathlib.Path(
            open_.enter_context(tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True))
        )
        server = open_.enter_context(contextlib.closing(Server())) if STOP in kinds else None
        under_way = Campaign(folder, open_.enter_context(nodes(2)), server, seed, kinds, inside)
        while (left := injections - injected_in(own)) > 0:
            line = under_way.study(len(own), left)
            own.append(line)
            with log.open("a") as file:
                file.write(f"{json.dumps(line)}\n")
            say(f"seed {seed}, study {line['study']}, {line['seconds']} s: {', '.join(line['injected'])}")
            for name in ("lost", "doubled", "said"):
                for each in line.get(name, []):
                    say(f"  {name}: {each}")
    return table_of(lines_of(log))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--injections", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--kinds",
        default=",".join(kinds_here()),
        help="of faults, with commas between them; all that can be here",
    )
    parser.add_argument("--log", type=pathlib.Path, default=pathlib.Path("campaign.jsonl"))
    given = parser.parse_args()
    kinds = given.kinds.split(",")
    if unknown := set(kinds) - set(kinds_here()):
        parser.error(
            f"unknown kinds, or not possible here: {', '.join(sorted(unknown))} (possible: "
            f"{', '.join(kinds_here())})"
        )
    for each in (signal.SIGINT, signal.SIGTERM):  # which a process in the background would not see
        signal.signal(each, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        campaign(
            given.injections, given.seed, kinds, given.log.absolute(), lambda text: print(text, flush=True)
        )
    lines = lines_of(given.log)
    table = table_of(lines)
    print(
        f"\n{table.to_string(index=False)}\n\n{os.cpu_count()} cores, "
        f"{sum(each['seconds'] for each in lines) / 60:.0f} minutes"
    )
    if table.iloc[-1][["lost", "doubled"]].any():
        raise SystemExit(1)


if __name__ == "__main__":
    main()
