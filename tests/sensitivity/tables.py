"""Results made from a formula instead of training, for tests of what reads them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from search_spaces.designs import Grid
from search_spaces.hyperparameters import Float
from search_spaces.spaces import SearchSpace
from sensitivity import from_table
from sensitivity.results.results import Results

LR = Float("lr", 1e-3, 1.0, "log")
MU = Float("mu", 0.5, 0.99, "log1m", 0.9)
SPACE = SearchSpace(LR, MU)
INITIAL = 1.0
BEGAN = pd.Timestamp("2026-01-01", tz="UTC")


def results(
    loss: Callable[[Mapping[str, Any], int], float],
    *,
    variants: Sequence[str] = ("adam",),
    space: SearchSpace = SPACE,
    configurations: Sequence[Mapping[str, Any]] | None = None,
    seeds: Sequence[int] = (0, 1),
    design: str = "grid",
    task: str = "autoencoder/digits",
    epochs: int = 2,
    status: Callable[[Mapping[str, Any], int], str] | None = None,
) -> Results:
    """Results whose loss is a function of configuration and seed; a loss that is not finite is a diverged
    trial."""
    points = (
        list(configurations) if configurations is not None else Grid({"lr": 4, "mu": 3}).configurations(space)
    )
    trials, curves = [], []
    for variant in variants:
        for place, configuration in enumerate(points):
            for seed in seeds:
                value = loss({**configuration, "variant": variant}, seed)
                ended = "completed" if math.isfinite(value) else "diverged"
                state = status(configuration, seed) if status is not None else ended
                key = f"{variant}-{place}-{seed}"
                capped = (
                    min(value, INITIAL)
                    if state == "completed"
                    else INITIAL
                    if state == "diverged"
                    else math.nan
                )
                trials.append(
                    {
                        "key": key,
                        "task": task,
                        "variant": variant,
                        "seed": seed,
                        "epochs": epochs,
                        "status": state,
                        "initial_loss": INITIAL,
                        "epochs_done": epochs,
                        "seconds": 1.0,
                        "started": BEGAN + pd.Timedelta(seconds=len(trials) // 2),  # two at a time
                        "finished": BEGAN + pd.Timedelta(seconds=len(trials) // 2 + 1),
                        **{f"config/{name}": each for name, each in configuration.items()},
                        "value": value if state == "completed" else math.nan,
                        "loss": capped,
                        "error": None,
                    }
                )
                curves += [
                    {
                        "key": key,
                        "epoch": epoch,
                        "train_loss_end": INITIAL + (value - INITIAL) * epoch / epochs,
                        "seconds": 0.5,
                    }
                    for epoch in range(1, epochs + 1)
                ]
    return Results(
        pd.DataFrame(trials),
        pd.DataFrame(curves),
        dict.fromkeys(variants, space),
        "train_loss_end",
        design,
        "made up",
        {"name": "made up"},
    )


def bowl(configuration: Mapping[str, Any], seed: int) -> float:
    """A U in log10(lr) about 10^-1.5, independent of mu and of the seed."""
    return 0.1 + 0.2 * (math.log10(configuration["lr"]) + 1.5) ** 2


def noisy(
    deviation: float, seed: int = 0, truth: Callable[[Mapping[str, Any], int], float] = bowl
) -> Callable[[Mapping[str, Any], int], float]:
    """The truth with normal noise for every configuration and seed."""
    rng = np.random.default_rng(seed)
    return lambda configuration, seed: truth(configuration, seed) + float(rng.normal(0, deviation))


def two_tasks() -> Results:
    """Two variants on two tasks, on one of which the best lr is ten times that of the other."""
    one = results(noisy(0.02), variants=("adam", "nadam"))
    two = results(
        noisy(0.02, 1, lambda c, seed: bowl({"lr": c["lr"] / 10}, seed)),
        variants=("adam", "nadam"),
        task="resnet/cifar10",
    )
    trials = pd.concat([one.trials, two.trials.assign(key="b" + two.trials["key"])], ignore_index=True)
    epochs = pd.concat([one.epochs, two.epochs.assign(key="b" + two.epochs["key"])], ignore_index=True)
    return replace(one, trials=trials, reported=epochs)


def maximised() -> Results:
    """An imported table whose metric, called accuracy, is maximised."""
    table = results(noisy(0.01), variants=("adam", "nadam")).trials.rename(columns={"value": "accuracy"})
    return from_table(
        table[["variant", "config/lr", "config/mu", "accuracy"]], metric="accuracy", direction="max"
    )
