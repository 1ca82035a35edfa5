"""Time of every measure, with its interval, on a study of 10,000 trials of 8 variants.

Run: ``python -m tests.benchmarks.measures``. The study has random configurations of four hyperparameters, two
seeds and diverged trials, on one task; measures that compare tasks have it on two tasks of half the size, and
those that need a design of their own have a study of that design, about as large. Times are in seconds of
processor, so that a busy machine does not count. It prints those of every measure and of all that a report
reads, the three slowest and the peak of memory, and exits with 1 where either takes 60 seconds in all or the
process has needed 2 GiB.
"""

from __future__ import annotations

import inspect
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from search_spaces import Float, Ordinal, SearchSpace
from search_spaces.designs import FixedDesign, Grid, Morris, Random, Saltelli
from sensitivity import measures
from sensitivity.measures import Measured
from sensitivity.results.results import Results

SECONDS, GIBIBYTES = 60.0, 2.0
VARIANTS = ("sgd", "cm", "nag", "rmsprop", "adagrad", "adam", "nadam", "adamax")
SPACE = SearchSpace(
    Float("lr", 1e-4, 1.0, "log", 1e-2),
    Float("mu", 0.5, 0.99, "log1m", 0.9),
    Float("nu", 0.9, 0.999, "log1m", 0.999),
    Ordinal("p", (1, 2, 3, 4), 2),
)
INITIAL = 1.0
EPOCHS = 5
ARGUMENTS: dict[str, list[tuple[str, ...]]] = {
    "coupling": [("lr", "mu"), ("lr", "nu")],
    "best_by_level": [("lr", "p")],
    "selected_on": [("train_loss_end",)],
}
"""Of measures that ask for hyperparameters, or for a metric."""
DESIGNS: dict[str, FixedDesign] = {
    "sobol": Saltelli(64, seed=0),
    "morris": Morris(128, seed=0),
    "factorial": Grid({"lr": 7, "mu": 5, "nu": 5, "p": 4}),
    "tuned_per_task": Grid({"lr": 6, "mu": 4, "nu": 4, "p": 3}),
    "effective_dimensionality": Grid({"lr": 6, "mu": 4, "nu": 4, "p": 3}),
    "robust_setting": Grid({"lr": 11, "mu": 9, "nu": 1, "p": 4}),
    "tuning_order": Grid({"lr": 6, "mu": 4, "nu": 4, "p": 3}),
}
"""Of measures that need one."""
ACROSS = ("cross_task_sensitivity", "effective_dimensionality", "performance_profiles", "profile_score")
ACROSS += ("rank_correlation", "transfer_regret", "tuned_per_task")


def study(design: FixedDesign, *, tasks: int = 1, seed: int = 0) -> Results:
    """Losses with a valley in lr that mu moves, diverged where lr is high for mu, and noise of the seed."""
    rng = np.random.default_rng(seed)
    parts = []
    for task in range(tasks):
        for place, variant in enumerate(VARIANTS):
            configurations = design.configurations(SPACE)
            table = pd.DataFrame(configurations).add_prefix("config/")
            table = table.loc[table.index.repeat(2)].assign(seed=[0, 1] * len(table))
            lr, mu, nu, p = (SPACE[name].to_unit for name in SPACE.names)
            z = (
                np.array([lr(each["lr"]) + 0.3 * mu(each["mu"]) for each in configurations]).repeat(2)
                - 0.05 * place
                - 0.03 * task
            )
            l = np.array([0.1 * nu(each["nu"]) + 0.05 * p(each["p"]) for each in configurations]).repeat(2)  # noqa: E741
            loss = 0.1 + (z - 0.6) ** 2 + l + rng.normal(0, 0.02, len(table))
            diverged = z + rng.normal(0, 0.02, len(table)) > 0.95
            parts.append(
                table.assign(
                    task=f"task-{task}", variant=variant, status=np.where(diverged, "diverged", "completed"),
                    value=np.where(diverged, np.nan, loss), loss=np.where(diverged, INITIAL, np.minimum(loss, INITIAL)),
                )
            )  # fmt: skip
    trials = pd.concat(parts, ignore_index=True)
    keys = [str(each) for each in range(len(trials))]
    trials = trials.assign(
        key=keys, epochs=EPOCHS, epochs_done=EPOCHS, initial_loss=INITIAL, error=None, seconds=1.0
    )
    epochs = trials.loc[trials.index.repeat(EPOCHS), ["key", "value"]].assign(
        epoch=np.tile(np.arange(1, EPOCHS + 1), len(trials)), seconds=0.2
    )
    epochs["train_loss_end"] = INITIAL + (epochs.pop("value") - INITIAL) * epochs["epoch"] / EPOCHS
    spec = {"name": "bench", "design": design.to_dict()}
    return Results(
        trials, epochs, dict.fromkeys(VARIANTS, SPACE), "train_loss_end", design.kind, "bench", spec
    )


def calls() -> dict[str, Callable[[], pd.DataFrame]]:
    """Every measure of the package on the study that it is for."""
    one, two = study(Random(625, seed=0)), study(Random(312, seed=0), tasks=2)
    print(
        f"{len(one.trials):,} trials, {len(one.spaces)} variants, "
        f"{(one.trials['status'] == 'diverged').mean():.0%} diverged"
    )
    found: dict[str, Callable[[], pd.DataFrame]] = {}
    for name in measures.__all__:
        measure = getattr(measures, name)
        if inspect.isclass(measure):
            continue
        results = (
            study(DESIGNS[name], tasks=1 + (name in ACROSS))
            if name in DESIGNS
            else two
            if name in ACROSS
            else one
        )
        for arguments in ARGUMENTS.get(name, [()]):
            found[" ".join((name, *arguments))] = lambda measure=measure, results=results, given=arguments: (
                measure(results, *given)
            )
    return found


def seconds(call: Callable[[], Any]) -> float:
    began = time.process_time()
    table = call()
    took = time.process_time() - began
    assert isinstance(table, pd.DataFrame), table
    return took


def main() -> int:
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}, "
        f"pandas {pd.__version__}"
    )
    took = {}
    for name, call in calls().items():
        took[name] = seconds(call)
        print(f"  {name:26} {took[name]:6.2f} s", flush=True)
    total = sum(took.values())
    slowest = sorted(took, key=lambda name: took[name], reverse=True)[:3]
    print(
        f"all measures: {total:.1f} s; slowest: "
        + ", ".join(f"{name} {took[name]:.1f} s" for name in slowest)
    )
    report = Measured(study(Random(625, seed=0), seed=1))  # whose forests no measure has grown yet
    names = [
        name
        for name, each in vars(Measured).items()
        if isinstance(each, cached_property) and name != "compared_over"
    ]
    read = {name: seconds(lambda name=name: getattr(report, name)) for name in names}  # type: ignore[misc]
    slowest = sorted(read, key=lambda name: read[name], reverse=True)[:3]
    reading = sum(read.values())
    print(
        f"all that a report reads: {reading:.1f} s; slowest: "
        + ", ".join(f"{name} {read[name]:.1f} s" for name in slowest)
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in KiB
    print(f"peak memory: {peak:.2f} GiB")
    missed = []
    if max(total, reading) >= SECONDS:
        missed.append(f"all measures take {SECONDS:.0f} s or more")
    if peak >= GIBIBYTES:
        missed.append(f"memory peaks at {GIBIBYTES:.0f} GiB or more")
    print("; ".join(missed) or "as it should be")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
