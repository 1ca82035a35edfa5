"""How much the quickstart decides with other seeds than its own.

``python -m tests.benchmarks.fresh_seeds`` runs the quickstart on ten sets of five new seeds, one store each in
``runs/fresh_seeds`` (a run that is repeated goes on), and prints a line for each: the pairs that are decided on the
primary measure, those that are told from each other, the setting that the first sentence names, and what a learning
rate that is wrong by a factor of 3 costs. It exits with 1 where fewer than :data:`DECIDED` of the pairs are decided in
the median set, or fewer than :data:`BETTER` are told from each other.
"""

from __future__ import annotations

import argparse
import logging
import pathlib
import statistics
import time

from sensitivity.measures import Measured
from sensitivity.measures.verdicts import EQUIVALENT, UNDECIDED
from sensitivity.questions.decided import recommendation
from sensitivity.questions.question import of_task
from sensitivity.running.run import run
from sensitivity.study.study import Study
from tests.benchmarks.optimizer_step import machine

DECIDED, BETTER = 10, 5
"""Pairs of 15 that the median set decides, and those of them with a better variant."""


def main() -> int:
    """Run the sets, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=10, help="number of sets of seeds")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("runs/fresh_seeds"))
    options = parser.parse_args()
    logging.getLogger("sensitivity").setLevel(logging.ERROR)
    quickstart = Study.preset("quickstart")
    count = len(quickstart.seeds)
    options.folder.mkdir(parents=True, exist_ok=True)
    print(machine())
    decided, better = [], []
    for number in range(1, options.sets + 1):
        seeds = tuple(range(number * count, (number + 1) * count))
        study = quickstart.model_copy(update={"seeds": seeds})
        start = time.perf_counter()
        results = run(study, store=options.folder / f"{seeds[0]}.sqlite")
        seconds = time.perf_counter() - start
        measured, task = Measured(results), quickstart.tasks[0]
        pairs = of_task(measured.verdicts, task)
        pairs = pairs[pairs["primary"]]
        decided.append(int((pairs["verdict"] != UNDECIDED).sum()))
        better.append(int((~pairs["verdict"].isin((UNDECIDED, EQUIVALENT))).sum()))
        print(
            f"seeds {seeds[0]} to {seeds[-1]}, {seconds:.0f} s: {decided[-1]} of {len(pairs)} pairs decided, "
            f"{better[-1]} with a better one. {' '.join(recommendation(measured, task))}",
            flush=True,
        )
    print(
        f"median: {statistics.median(decided):g} pairs decided, {statistics.median(better):g} with a better variant"
    )
    return int(statistics.median(decided) < DECIDED or statistics.median(better) < BETTER)


if __name__ == "__main__":
    raise SystemExit(main())
