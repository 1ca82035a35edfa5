"""What a trial costs beyond its training: 1,000 one-epoch trials of logistic/synthetic through ``run``, Ray's
start and end included.

Run: ``python -m tests.benchmarks.overhead``. The overhead is the time of all workers, minus the seconds that
trials report, by trial and worker. It exits with 1 when it is above 25 ms. A busy machine starts Ray several
times as slowly, so the time from the first to the last result is printed too.
"""

from __future__ import annotations

import argparse
import pathlib
import tempfile
import time
from typing import Any

from sensitivity.running.run import run
from sensitivity.study.study import Study
from tests.benchmarks.optimizer_step import machine

ALLOWED = 0.025


class Clock:
    """Stands in for the progress display: notes when reports come, and how long they trained."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.trained = 0.0

    def begin(self, *given: Any) -> None:
        """Nothing to note."""

    def note(self, text: str | None) -> None:
        """Nothing to note."""

    say = wait = note

    def report(self, variant: str, report: dict[str, Any], outcome: Any) -> None:
        """A report came."""
        self.times.append(time.perf_counter())
        self.trained += report["seconds"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    design = {"kind": "random", "n": arguments.trials, "seed": 0}
    study = Study(
        name="tiny", tasks=["logistic/synthetic"], variants=["adam"], design=design, seeds=1, epochs=1
    )
    clock: Any = Clock()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run(
            study,
            store=pathlib.Path(folder) / "tiny.sqlite",
            workers=arguments.workers,
            progress=clock,
            where="ray",
        )
        wall = time.perf_counter() - began
    assert len(clock.times) == arguments.trials
    share = clock.trained / arguments.workers
    overhead, steady = (
        (seconds - share) / arguments.trials for seconds in (wall, clock.times[-1] - clock.times[0])
    )
    print(f"{machine()}; {arguments.workers} workers")
    first = clock.times[0] - began
    print(
        f"{arguments.trials} trials in {wall:.1f} s; the workers trained {share:.1f} s; first result after "
        f"{first:.1f} s"
    )
    print(
        f"overhead of a trial: {1e3 * overhead:.1f} ms; from the first to the last result {1e3 * steady:.1f} "
        "ms"
    )
    return 0 if overhead <= ALLOWED else 1


if __name__ == "__main__":
    raise SystemExit(main())
