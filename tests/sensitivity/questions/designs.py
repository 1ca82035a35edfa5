"""Small studies made from formulas, for tests of what is said of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from search_spaces.grid import Grid
from search_spaces.hyperparameters import Float, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity import from_table
from sensitivity.results.results import Results
from tests.sensitivity.tables import LR, SPACE, bowl, noisy, results

Loss = Callable[[Mapping[str, Any], int], float]
ALONE = SearchSpace(Float("lr", 1e-3, 1.0, "log", 1e-2))
"""A learning rate, with a default that a grid of 13 has."""
LEVELS = SearchSpace(LR, Ordinal("p", (1.0, 2.0)))


def rates(
    loss: Loss,
    *,
    noise: float = 0.002,
    levels: int = 13,
    seeds: int = 3,
    space: SearchSpace = ALONE,
    **more: Any,
) -> Results:
    """A grid of learning rates alone."""
    points = Grid({"lr": levels}).configurations(space)
    return results(noisy(noise, 0, loss), space=space, configurations=points, seeds=range(seeds), **more)


def grid(
    loss: Loss, *, noise: float = 0.005, lr: int = 9, mu: int = 4, seeds: int = 3, **more: Any
) -> Results:
    """A grid of learning rates and momenta."""
    points = Grid({"lr": lr, "mu": mu}).configurations(SPACE)
    return results(noisy(noise, 0, loss), configurations=points, seeds=range(seeds), **more)


def place(configuration: Mapping[str, Any]) -> float:
    return math.log10(configuration["lr"])


def cliff(configuration: Mapping[str, Any], seed: int) -> float:
    """A slope towards larger learning rates that ends at a cliff just above the best."""
    return 0.8 if place(configuration) > -0.9 else 0.3 - 0.05 * (place(configuration) + 3)


def ridge(exponent: float) -> Loss:
    """The best learning rate is 10^-1 (1 - mu)^exponent."""
    return lambda c, seed: 0.1 + 0.1 * (place(c) + 1 - exponent * math.log10(1 - c["mu"])) ** 2


def steep(slope: float) -> Loss:
    """The valley of cm is steeper."""
    return lambda c, seed: 0.1 + (0.2 + slope * (c["variant"] == "cm")) * (place(c) + 1.5) ** 2


def moved(decades: float) -> Loss:
    """The best learning rate at p = 2 is so many decades higher."""
    return lambda c, seed: 0.1 + 0.2 * (place(c) + 2 - decades * (c["p"] > 1)) ** 2


def product(configuration: Mapping[str, Any], seed: int) -> float:
    """Nothing but an interaction of the learning rate and mu."""
    return 0.5 + 0.15 * (place(configuration) + 1.5) * (math.log10(1 - configuration["mu"]) + 1.15)


def diverging(seeds: Sequence[int], *, above: float = 0.05, variants: Sequence[str] = ("adam", "cm")) -> Loss:
    """These seeds of some variants diverge at large learning rates."""
    return lambda c, seed: (
        math.inf if c["lr"] > above and seed in seeds and c["variant"] in variants else bowl(c, seed)
    )


def frame(rows: Sequence[Mapping[str, Any]], **more: Any) -> Results:
    return from_table(pd.DataFrame(list(rows)), **more)


def fixed(difference: float, *, noise: float = 0.01, seeds: int = 5, metric: str = "loss") -> Results:
    """Two variants at one setting each."""
    random = np.random.default_rng(0)
    sign = 1 if metric == "loss" else -1
    return frame(
        [
            {"variant": name, "lr": 0.1, "seed": seed, metric: 0.5 + sign * (mean + noise * random.normal())}
            for name, mean in (("adam", 0.0), ("sgd", difference))
            for seed in range(seeds)
        ]
    )


def mu_alone(*bends: float, noise: float = 0.0, at: float = 0.6, levels: int = 9) -> Results:
    """Variants, of more or less bent valleys, that vary a momentum and no learning rate."""
    random = np.random.default_rng(0)
    return frame(
        [
            {
                "variant": name,
                "mu": mu,
                "seed": seed,
                "loss": 0.1 + bend * (mu - at) ** 2 + noise * random.normal(),
            }
            for name, bend in zip(("adam", "sgd"), bends, strict=False)
            for mu in np.linspace(0.1, 0.9, levels)
            for seed in range(3)
        ],
        metric="loss",
        seed="seed",
        variant="variant",
    )


def tasks(*losses: Loss, apart: bool = False) -> Results:
    """Two variants on several tasks, with a loss of each; where they are apart, no two share a learning rate."""
    points = Grid({"lr": 7, "mu": 2}).configurations(SPACE)
    parts = [
        results(
            noisy(0.005, number, loss),
            variants=("adam", "nadam"),
            configurations=points[7 * number :][:6] if apart else points,
            seeds=range(3),
            task=f"task {number}",
        )
        for number, loss in enumerate(losses)
    ]
    for number, part in enumerate(parts):
        for table in (part.trials, part.epochs):
            table["key"] = f"{number}-" + table["key"]
    trials, epochs = (
        pd.concat([getattr(part, name) for part in parts], ignore_index=True) for name in ("trials", "epochs")
    )
    return replace(parts[0], trials=trials, reported=epochs)


def elsewhere(decades: float) -> Loss:
    """The same valley at learning rates so many decades higher."""
    return lambda c, seed: bowl({"lr": c["lr"] / 10**decades}, seed)


def with_test_loss(
    shift: float, *, seeds: int = 3, variants: Sequence[str] = ("adam",), noise: float = 0.001
) -> Results:
    """The test loss has its best so many decades below that of the training loss, for adam only."""
    study = rates(bowl, seeds=seeds, variants=variants)
    trials, random = study.trials.set_index("key"), np.random.default_rng(0)
    losses = [
        0.1
        + 0.1 * (math.log10(trials["config/lr"][key]) + 1.5 + shift * (trials["variant"][key] == "adam")) ** 2
        + noise * random.normal()
        for key in study.epochs["key"]
    ]
    return replace(study, reported=study.epochs.assign(test_loss=losses))


def curved(**curves: tuple[float, float, float]) -> Results:
    """Metrics of variants after epochs 1, 4 and 8, on straight lines between them."""
    study = rates(
        lambda c, seed: curves[c["variant"]][2] + bowl(c, seed) / 1e3,
        levels=7,
        variants=tuple(curves),
        epochs=8,
    )
    names = study.epochs["key"].str.partition("-")[0]
    values = [
        float(np.interp(epoch, (1, 4, 8), curves[name]))
        for epoch, name in zip(study.epochs["epoch"], names, strict=True)
    ]
    return replace(study, reported=study.epochs.assign(train_loss_end=values))


def failing(error: str | None) -> Results:
    """Trials at the largest learning rate failed."""
    study = rates(bowl, status=lambda c, seed: "failed" if c["lr"] > 0.9 else "completed")
    errors = [error if status == "failed" else None for status in study.trials["status"]]
    return replace(study, trials=study.trials.assign(error=errors))


def scaled(scale: str, exponent: float) -> Results:
    """The best learning rate moves along another scale of mu."""
    space = SearchSpace(LR, Float("mu", 0.1, 0.9, scale))
    points = Grid({"lr": 9, "mu": 4}).configurations(space)
    read = math.log10 if scale == "log" else float
    loss: Loss = lambda c, seed: 0.1 + 0.1 * (place(c) + 1.5 - exponent * read(c["mu"])) ** 2  # noqa: E731
    return results(noisy(0.002, 0, loss), space=space, configurations=points, seeds=range(3))


def of_one(configuration: Mapping[str, Any], seed: int) -> float:
    """To each variant another hyperparameter matters."""
    return {
        "adam": bowl(configuration, seed),
        "cm": 0.1 + 0.1 * (math.log10(1 - configuration["mu"]) + 1) ** 2,
        "sgd": 0.1 + 0.1 * (configuration.get("p") or 0.0),
    }[configuration["variant"]]


def plain(
    losses: Mapping[str, Loss], *, lrs: Sequence[float] = tuple(10.0 ** np.linspace(-3, 0, 9)), **more: Any
) -> Results:
    """An imported table of a learning rate and two seeds, without an initial loss."""
    return frame(
        [
            {"variant": name, "lr": lr, "seed": seed, "loss": loss({"lr": lr, "variant": name}, seed)}
            for name, loss in losses.items()
            for lr in lrs
            for seed in (0, 1, 2)
        ],
        metric="loss", seed="seed", variant="variant", empty="diverged", **more,
    )  # fmt: skip


def without(
    study: Results, variant: str, *, rates: Sequence[int] = range(100), seeds: Sequence[int] = range(100)
) -> Results:
    """The study without some seeds of a variant at some learning rates, which are known by their places."""
    trials = study.trials
    values = sorted(trials["config/lr"].unique())
    at = trials["config/lr"].isin([value for number, value in enumerate(values) if number in rates])
    gone = at & trials["seed"].isin(list(seeds)) & (trials["variant"] == variant)
    return replace(study, trials=trials[~gone].reset_index(drop=True))


RANDOM = np.random.default_rng(0)


def noise_of(deviation: float) -> Loss:
    return lambda c, seed: 1 + deviation * RANDOM.normal()
