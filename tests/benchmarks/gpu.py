"""The three figures that a GPU is judged by, a line each; how they came about is written to standard error.

Run: ``python -m tests.benchmarks.gpu [--only tables]``. It needs torch 2.11 and numpy, no Ray, and exits with 1
where an aim is missed; ``--only tables`` is the third figure alone.

1. Trials of the autoencoder per hour in the best cohort, by those of plain PyTorch one after another (:mod:`tests.benchmarks.cohorts`).
2. The same of ResNet-20.
3. Minutes of Tables 1 to 3 of the paper: every cell at three learning rates and three seeds, all of them one cohort of 15 variants, 50
   epochs of MNIST, from an epoch of part of it.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import time

import torch

from search_spaces.paper import table
from tests.benchmarks.cohorts import EPOCHS, Found, compare, noise, settings
from tests.benchmarks.optimizer_step import machine, wait
from tests.benchmarks.sharing import shared
from trainables.captured import Capture
from trainables.cohorts import CohortLoop
from trainables.dataset import Dataset
from trainables.datasets import KNOWN
from trainables.task_definition import Task
from trainables.tasks import task
from trainables.training import TrainingLoop
from trainables.variants import variant

NUMBERS, SEEDS = (1, 2, 3), 3
PROCESSES = (2, 4, 8)
IMAGES = 12_800
AIMS = {"autoencoder": 20.0, "resnet": 5.0, "minutes": 15.0}


def tables(chosen: Task, data: Dataset) -> list[TrainingLoop]:
    """The trials of the tables: 42 cells at three learning rates and three seeds."""
    return [
        TrainingLoop(
            chosen, variant(name), configuration, seed, data=data, epochs=1_000_000, initial_loss=math.inf
        )
        for number in NUMBERS
        for name in table(number).variants
        for configuration in table(number).design(name).configurations(table(number).space(name))
        for seed in range(SEEDS)
    ]


def minutes(loops: list[TrainingLoop], known: int, capture: Capture | None = None) -> float:
    """Of 50 epochs of all loops as one cohort, from the second of part of the dataset. Args: known: images of
    the whole."""
    data = loops[0].data
    cohort = CohortLoop(loops, capture=capture)
    cohort.train_epoch()  # finds out how many fit, records the step
    if cohort.reason is not None:
        raise SystemExit(f"the tables cannot be stacked: {cohort.reason}")
    wait(data.x_train.device.type)
    began = time.perf_counter()
    cohort.train_epoch()
    wait(data.x_train.device.type)
    print(f"tables: {len(loops)} trials, at most {cohort.largest} together", file=sys.stderr)
    return (time.perf_counter() - began) * known / len(data.x_train) * EPOCHS / 60


def figures(autoencoder: Found, resnet: Found, took: float) -> tuple[list[str], bool]:
    """The three lines, and whether all aims are reached. Args: what :func:`tests.benchmarks.cohorts.compare`
    found; minutes."""
    best, other = (max(ratio for _, ratio in found.values()) for found in (autoencoder, resnet))
    lines = [
        f"1. autoencoder, best K: {best:.1f} times the trials per hour of plain PyTorch (aim: at least "
        f"{AIMS['autoencoder']:.0f})",
        f"2. ResNet-20, best K: {other:.1f} times (aim: at least {AIMS['resnet']:.0f})",
        third(took),
    ]
    return lines, best >= AIMS["autoencoder"] and other >= AIMS["resnet"] and took <= AIMS["minutes"]


def third(took: float) -> str:
    """The line of the tables. Args: took: minutes."""
    return (
        f"3. Tables 1-3, 378 trials of {EPOCHS} epochs as one cohort: {took:.1f} minutes (aim: at most "
        f"{AIMS['minutes']:.0f})"
    )


def in_minutes() -> float:
    """Minutes of Tables 1 to 3."""
    return minutes(tables(task("autoencoder/mnist"), noise("mnist", IMAGES, "cuda")), KNOWN["mnist"].train)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["tables"], help="the third figure alone")
    only = parser.parse_args().only
    if not torch.cuda.is_available():
        raise SystemExit(
            "these figures need a CUDA GPU; python -m tests.benchmarks.cohorts --device cpu compares on a CPU"
        )
    torch.set_num_threads(1)
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
    if only:
        took = in_minutes()
        print(third(took))
        return int(took > AIMS["minutes"])
    found: dict[str, Found] = {}
    with contextlib.redirect_stdout(sys.stderr):
        print(machine())
        for name, images, sizes in settings("cuda"):
            if name.startswith("mlp"):
                continue
            found[name] = compare(name, images, sizes, "cuda")
            alone = shared(name, images, 1, "cuda")
            for processes in PROCESSES:
                print(
                    f"{name}: {processes} plain processes at once, "
                    f"{alone / shared(name, images, processes, 'cuda'):.2f} times one"
                )
        took = in_minutes()
    lines, reached = figures(found["autoencoder/mnist"], found["resnet/cifar10"], took)
    print("\n".join(lines))
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
