"""A study end to end against the script that a good engineer writes with plain Ray Tune.

Run: ``python -m tests.benchmarks.end_to_end``. Both sides train the same autoencoder on the digits with Adam
at the same learning rates, the same batch size, one thread a worker, the data on the device, and evaluate and
report every epoch; both start and end their own Ray. The script is a function trainable in a ``tune.Tuner``,
one trial for each configuration. (``reuse_actors`` does nothing for functions.) Then the overhead of a trial,
all that is no training, of tiny trials: a thousand of ours against fewer of the script's. It exits with 1
where our trials per hour are less than 1.5 times the script's.
"""

from __future__ import annotations

import argparse
import logging
import os
import pathlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sensitivity.running.run import run
from sensitivity.study.study import Study
from tests.benchmarks.optimizer_step import machine
from tests.benchmarks.overhead import Clock

AIM = 1.5
RATES = 1e-4, 1e-2


@dataclass(frozen=True)
class Work:
    """Trials of Adam that differ in their learning rates."""

    task: str
    trials: int
    epochs: int

    @property
    def rates(self) -> list[float]:
        return np.geomspace(*RATES, self.trials).tolist()


@dataclass(frozen=True)
class Took:
    """Seconds of the clock from start to end, and of training in all workers together."""

    wall: float
    trained: float

    def overhead(self, work: Work, workers: int) -> float:
        """Seconds of a worker that a trial takes beyond its training."""
        return (self.wall * workers - self.trained) / work.trials


def ours(work: Work, workers: int) -> Took:
    """A study."""
    space = [{"name": "lr", "low": RATES[0], "high": RATES[1], "scale": "log"}]
    design = {"kind": "grid", "points": work.trials}
    study = Study(
        name="end",
        tasks=[work.task],
        variants=["adam"],
        space=space,
        design=design,
        seeds=1,
        epochs=work.epochs,
    )
    clock: Any = Clock()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        results = run(
            study, store=pathlib.Path(folder) / "s.sqlite", workers=workers, progress=clock, where="ray"
        )
        wall = time.perf_counter() - began
    assert len(results.usable) == work.trials
    return Took(wall, clock.trained)


def script(work: Work, workers: int) -> Took:
    """Plain Ray Tune."""
    import ray
    from ray import tune

    from trainables.datasets import load
    from trainables.tasks import task

    def train(config: dict[str, Any], data: Any) -> None:
        import torch

        from tests.benchmarks.cohorts import plain

        torch.set_num_threads(1)
        epoch, trained = plain(task(work.task), data, lr=config["lr"]), 0.0
        for _ in range(work.epochs):
            began = time.perf_counter()
            train_loss, train, test = epoch()
            trained += time.perf_counter() - began
            tune.report(
                {
                    "train_loss": train_loss,
                    "train_loss_end": train[0],
                    "test_loss": test[0],
                    "trained": trained,
                }
            )

    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # its banner is printed at verbose=0 too
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        ray.init(
            address="local",
            num_cpus=workers,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        try:
            tuner = tune.Tuner(
                tune.with_parameters(train, data=load(task(work.task).dataset)),
                param_space={"lr": tune.grid_search(work.rates)},
                tune_config=tune.TuneConfig(max_concurrent_trials=workers),
                run_config=tune.RunConfig(storage_path=folder, verbose=0),
            )
            results = tuner.fit()
            trained = sum((each.metrics or {})["trained"] for each in results)
        finally:
            ray.shutdown()
        wall = time.perf_counter() - began
    assert not results.errors
    return Took(wall, trained)


def throughput(work: Work, sides: dict[str, Callable[[Work, int], Took]] | None = None) -> list[float]:
    """Trials per hour at one worker and at two, a Markdown row each; our times the script's."""
    print(
        f"\n| {work.task}, {work.trials} trials of {work.epochs} epochs | script | study | ratio |\n| --- | "
        "--- | --- | --- |"
    )
    ratios = []
    for workers in (1, 2):
        took = {
            name: side(work, workers) for name, side in (sides or {"script": script, "study": ours}).items()
        }
        hours = {name: 3600 * work.trials / each.wall for name, each in took.items()}
        ratios.append(hours["study"] / hours["script"])
        label = f"{workers} worker{'s' if workers > 1 else ''}, trials per hour"
        print(f"| {label} | {hours['script']:.0f} | {hours['study']:.0f} | {ratios[-1]:.2f} |", flush=True)
    return ratios


def overheads(tiny: Work, fewer: Work, workers: int = 2) -> None:
    """Overhead of a trial of both sides. Args: tiny: ours. fewer: the script's."""
    one, other = ours(tiny, workers).overhead(tiny, workers), script(fewer, workers).overhead(fewer, workers)
    print(
        f"\n| overhead of a trial of {tiny.task}, {workers} workers | script, {fewer.trials} trials | study, "
        f"{tiny.trials} trials | ratio |"
    )
    print(
        f"| --- | --- | --- | --- |\n| milliseconds of a worker | {1e3 * other:.0f} | {1e3 * one:.1f} | "
        f"{other / one:.0f} |"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    print(machine())
    ratios = throughput(Work("autoencoder/digits", arguments.trials, arguments.epochs))
    overheads(Work("logistic/synthetic", 1000, 1), Work("logistic/synthetic", 40, 1))
    return 0 if min(ratios) >= AIM else 1


if __name__ == "__main__":
    raise SystemExit(main())
