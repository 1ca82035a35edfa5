"""How often intervals of measures off the common reference hold the truth, and tests at 5% reject a true null.

``python -m tests.benchmarks.validate FILE.csv`` writes a row for each measure and setting; a run that is repeated skips the
rows that the file has. tests/sensitivity/measures does the same with fewer studies.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import pathlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from search_spaces.designs import Grid, Random
from sensitivity.measures import best_loss, compare, coupling, expected_best, lr_sensitivity, main_effects
from sensitivity.measures.incumbents import curve
from sensitivity.results.results import Results
from tests.sensitivity.tables import LR, MU, SPACE, bowl, noisy, results

COLUMNS = ["measure", "setting", "studies", "share", "low", "high"]
STUDIES = 300
NULLS = 10
"""Times as many for a null."""
NOISE = 0.02
PAIR = ("adam", "sgd")
Loss = Callable[[Mapping[str, Any], int], float]


@dataclass(frozen=True)
class Check:
    """One row. Args: study: from the number of a study, drawn anew, to whether it holds. low, high: the share
    that is allowed."""

    measure: str
    setting: str
    study: Callable[[int], bool]
    low: float
    high: float
    times: int = 1
    """A test's 3 to 7% needs more studies than an interval's 90 to 98%: at 300 its standard error is 1.3%, at
    3,000 it is .4%."""


def tilted(configuration: Mapping[str, Any], seed: int) -> float:
    """The bowl off the middle of two levels, and better at small mu: one configuration is best."""
    return bowl({"lr": configuration["lr"] * 1.5}, seed) + 0.1 * configuration["mu"]


def steeper(configuration: Mapping[str, Any], seed: int) -> float:
    """sgd cares 30% more than adam."""
    return tilted(configuration, seed) * (1.3 if configuration["variant"] == "sgd" else 1)


def additive(configuration: Mapping[str, Any], seed: int) -> float:
    """lr explains .9 of the variance, mu .1."""
    return 0.2 + 0.3 * LR.to_unit(configuration["lr"]) + 0.1 * MU.to_unit(configuration["mu"])


def grid(loss: Loss, study: int, seeds: int = 3, variants: tuple[str, ...] = ("adam",)) -> Results:
    """A study of 20 configurations whose noise is drawn anew."""
    return results(
        noisy(NOISE, study + 1, loss),
        variants=variants,
        configurations=Grid({"lr": 5, "mu": 4}).configurations(SPACE),
        seeds=range(seeds),
    )


def drawn(
    loss: Loss,
    study: int,
    count: int,
    seeds: int,
    variants: tuple[str, ...] = ("adam",),
    noise: float = NOISE,
) -> Results:
    """A study whose configurations and noise are drawn anew."""
    points = Random(count, seed=study + 1_000_000).configurations(
        SPACE
    )  # not the stream that the noise comes from
    return results(
        noisy(noise, study + 1, loss),
        variants=variants,
        configurations=points,
        design="random",
        seeds=range(seeds),
    )


def holds(row: Any, truth: float) -> bool:
    """Whether the interval of a row holds the truth."""
    return bool(row["low"] <= truth <= row["high"])


def ends_with(k: int, count: int, seeds: int, points: Any = None) -> float:
    """The expected best of k by simulation of 4,000 studies, with the estimator's own rule of choosing and
    measuring."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(4000):
        chosen = points or SPACE.decode(rng.random((count, 2)))
        truth = np.array([tilted(each, 0) for each in chosen])
        loss = np.minimum(truth[:, None] + NOISE * rng.standard_normal((len(truth), seeds)), 1.0)
        found.append(curve(loss[None], [k])[0, 0])
    return float(np.mean(found))


def checks() -> Iterator[Check]:
    """All rows, in the order of the table."""
    truth = lr_sensitivity(grid_of_truth(tilted)).iloc[0]["value"]
    for seeds in (2, 3, 5):
        yield Check(
            "lr_sensitivity",
            f"grid of 20, {seeds} seeds",
            lambda i, s=seeds: holds(lr_sensitivity(grid(tilted, i, s)).iloc[0], truth),
            0.9,
            0.98,
        )
        lowest = min(tilted(each, 0) for each in Grid({"lr": 5, "mu": 4}).configurations(SPACE))
        yield Check(
            "best_loss",
            f"grid of 20, {seeds} seeds",
            lambda i, s=seeds, t=lowest: holds(best_loss(grid(tilted, i, s)).iloc[0], t),
            0.9,
            0.98,
        )
    mean = float(np.mean([bowl({"lr": LR.from_unit((i + 0.5) / 1000)}, 0) for i in range(1000)])) - 0.1
    # The truth of a random design is the mean over the range less the best of the range.
    for count, seeds in ((200, 2), (40, 3)):
        yield Check(
            "lr_sensitivity",
            f"random {count}, {seeds} seeds",
            lambda i, c=count, s=seeds: holds(lr_sensitivity(drawn(bowl, i, c, s)).iloc[0], mean),
            0.9,
            0.98,
        )
    total = 0.3**2 / 12 + 0.1**2 / 12 + NOISE**2
    for count, (name, share) in itertools.product(
        (50, 100, 300), (("lr", 0.3**2 / 12 / total), ("mu", 0.1**2 / 12 / total))
    ):
        yield Check(
            "main_effects",
            f"{name}, random {count}, 2 seeds",
            lambda i, c=count, n=name, s=share: holds(of_effect(drawn(additive, i, c, 2), n), s),
            0.9,
            0.98,
        )
    for (count, seeds), k in itertools.product(((60, 1), (60, 3)), (1, 4)):
        end = ends_with(k, count, seeds)
        yield Check(
            "expected_best",
            f"best of {k}, random {count}, {seeds} seeds",
            lambda i, c=count, s=seeds, k=k, e=end: holds(
                expected_best(drawn(tilted, i, c, s), k).iloc[0], e
            ),
            0.9,
            0.98,
        )
    points = Grid({"lr": 5, "mu": 4}).configurations(SPACE)
    for k in (1, 4):
        end = ends_with(k, 20, 3, points)
        yield Check(
            "expected_best",
            f"best of {k}, grid of 20, 3 seeds",
            lambda i, k=k, e=end: holds(expected_best(grid(tilted, i), k).iloc[0], e),
            0.9,
            0.98,
        )
    apart = -compare(grid_of_truth(steeper), *PAIR, over="lr").iloc[0]["value"]
    for seeds in (2, 3, 5):
        yield Check(
            "compare",
            f"a difference, grid of 20, {seeds} seeds",
            lambda i, s=seeds: holds(
                compare(grid(steeper, i, s, PAIR), *PAIR[::-1], over="lr").iloc[0], apart
            ),
            0.9,
            0.98,
        )
        yield Check(
            "compare",
            f"a true null is rejected, grid of 20, {seeds} seeds",
            lambda i, s=seeds: bool(compare(grid(tilted, i, s, PAIR), over="lr").iloc[0]["p"] < 0.05),
            0.03,
            0.07,
            NULLS,
        )
    for of in ("sensitivity", "best_loss", "mean_loss"):
        yield Check(
            "compare",
            f"a true null of {of} is rejected, random 40, 3 seeds",
            lambda i, o=of: bool(compare(drawn(tilted, i, 40, 3, PAIR), of=o).iloc[0]["p"] < 0.05),
            0.03,
            0.07,
            NULLS,
        )
    for name, table in (("grid of 9 x 4, 2 seeds", fine_ridge), ("random 150, 2 seeds", random_ridge)):
        yield Check(
            "coupling",
            f"exponent 0.5, {name}",
            lambda i, t=table: holds(coupling(t(i), draws=300).iloc[0], 0.5),
            0.9,
            0.98,
        )


def grid_of_truth(loss: Loss) -> Results:
    """The study of :func:`grid` without noise."""
    return results(loss, variants=PAIR, configurations=Grid({"lr": 5, "mu": 4}).configurations(SPACE))


def of_effect(table: Results, name: str) -> Any:
    """The row of a hyperparameter."""
    return main_effects(table).set_index("effect").loc[name]


def ridge(configuration: Mapping[str, Any], seed: int) -> float:
    """The best lr is .1 sqrt(1 - mu)."""
    return 0.1 + 0.1 * (math.log10(configuration["lr"]) + 1 - 0.5 * math.log10(1 - configuration["mu"])) ** 2


def fine_ridge(study: int) -> Results:
    """On a grid."""
    return results(noisy(0.01, study, ridge), configurations=Grid({"lr": 9, "mu": 4}).configurations(SPACE))


def random_ridge(study: int) -> Results:
    """On random configurations."""
    return drawn(ridge, study, 150, 2, noise=0.01)


def main() -> None:
    """Write the rows that the file lacks, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if not options.file.exists():
        options.file.write_text(",".join(COLUMNS) + "\n")
    with options.file.open(newline="") as file:
        known = {(row["measure"], row["setting"]) for row in csv.DictReader(file)}
    for check in checks():
        if (check.measure, check.setting) in known:
            continue
        count = options.studies * check.times
        share = float(np.mean(Parallel(options.jobs)(delayed(check.study)(study) for study in range(count))))
        row = [check.measure, check.setting, count, round(share, 5), check.low, check.high]
        with options.file.open("a", newline="") as file:
            csv.writer(file).writerow(row)
        print(*row, "" if check.low <= share <= check.high else "outside", flush=True)


if __name__ == "__main__":
    main()
