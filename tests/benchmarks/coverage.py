"""How often 95% intervals of the measures on a common reference hold the truth, over simulated studies.

``python -m tests.benchmarks.coverage FILE.csv`` writes a row for each cell, number of seeds and statistic. Every
statistic sees the same studies: :data:`STUDIES` to screen, and :data:`CONFIRMING` where some coverage is outside 92 to
98%. It ends with the rows that are below 92% or above 98.5%, by tests whose errors together are at most 1%. Intervals
that hold 0, the least that is possible, promise at least 95% (docs/method.md), as do those of two seeds. The file
is written as rows come, and a run that is repeated skips the rows that it has.
"""

from __future__ import annotations

import argparse
import csv
import math
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import starmap

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import binom

from sensitivity.measures.estimates import Estimate, Stakes, ends, estimated, stakes_of
from sensitivity.measures.losses import Array
from sensitivity.measures.miss import miss_row
from sensitivity.measures.regret import tuned_share
from sensitivity.measures.tuned_curve import TunedCurve, tuned_curve
from tests.benchmarks.cells import GRIDS, INITIAL, RANDOM, Cell

STUDIES = 300
CONFIRMING = 3000
SEEDS = (3, 5, 2, 1)
DRAWS = 500
LOWEST, HIGHEST = 0.92, 0.985
SCREENED = 0.98
"""Coverage above which, and above HIGHEST surely, more studies are simulated."""
LEVEL = 0.01
PLAIN = "plain minimum"
"""The statistic without an interval, for comparison."""


@dataclass(frozen=True)
class Row:
    """One statistic in one cell.

    Attributes:
        cell: Name of the cell.
        seeds: Number of seeds.
        simulated: Number of studies.
        statistic: Name of the statistic.
        studies: Number of studies in which it has an interval.
        coverage: Share of these studies whose interval holds the truth.
        width: Mean width of the interval over the middle 95% of the estimates around the truth.
        bias: Mean error, in standard errors of a mean over the seeds.
        rmse: Root of the mean squared error, likewise.
        from_zero: Share of the intervals that hold 0 or less.
    """

    cell: str
    seeds: int
    simulated: int
    statistic: str
    studies: int
    coverage: float
    width: float
    bias: float
    rmse: float
    from_zero: float


Found = dict[str, tuple[float, float, float, float]]
"""Value, ends and truth of every statistic."""


def row_of(
    cell: Cell, seeds: int, simulated: int, statistic: str, found: Sequence[tuple[float, float, float, float]]
) -> Row:
    """Return a row from value, ends and truth of every study that has them."""
    numbers = np.array(found)
    error = numbers[:, 0] - numbers[:, 3]
    inside = (numbers[:, 1] <= numbers[:, 3] + 1e-9) & (numbers[:, 3] <= numbers[:, 2] + 1e-9)
    spread = float(np.quantile(error, 0.975) - np.quantile(error, 0.025))
    width = float((numbers[:, 2] - numbers[:, 1]).mean()) / spread if spread > 0 else math.nan
    unit = 0.02 / math.sqrt(seeds)
    rmse = float(np.sqrt((error**2).mean()))
    return Row(
        cell.name,
        seeds,
        simulated,
        statistic,
        len(found),
        float(inside.mean()),
        width,
        float(error.mean()) / unit,
        rmse / unit,
        float((numbers[:, 1] <= 0).mean()),
    )


def studied(cell: Cell, seeds: int, number: int) -> Found:
    """Return value, ends and truth of every statistic of the second variant of one simulated study."""
    groups, truths = cell.draw(seeds, number)
    every = estimated(groups, draws=DRAWS, seed=10 * number)
    goal, one, truth = stakes_of(every), every[1], truths[1]
    common, untuned = min(float(part.min()) for part in truths), cell.expected(1, truth)
    unit = INITIAL - common
    found: Found = {
        "best": (one.best.value, *ends(one.best.value, one.best.draws), float(truth.min())),
        PLAIN: (one.best.observed, math.nan, math.nan, float(truth.min())),
        "regret": (*goal.share(one.mean, one.mean_draws), (untuned - common) / unit),
        "tuned": (*tuned_share(one, goal), (float(truth.min()) - common) / unit),
        "untuned": (*_untuned(one, goal), (untuned - float(truth.min())) / unit),
    }
    return found | _miss(cell, one, goal, truth, unit)


def _untuned(one: Estimate, goal: Stakes) -> tuple[float, float, float]:
    value = (one.mean - one.best.value) / goal.unit
    low, high = ends(value, (one.mean_draws - one.best.draws) / goal.units)
    return value, low if math.isnan(low) else max(0.0, low), high


def _miss(cell: Cell, one: Estimate, goal: Stakes, truth: Array, unit: float) -> Found:
    if cell.random:
        return {}
    curve = tuned_curve(cell.results, one, "lr")
    row = miss_row(one, goal, curve, 3.0)
    if curve is None or math.isnan(row["value"]):
        return {}
    return {"miss": (row["value"], row["low"], row["high"], _true_miss(curve, one, truth, row, unit))}


def _true_miss(curve: TunedCurve, one: Estimate, truth: Array, row: dict[str, float], unit: float) -> float:
    """Return the cost of a factor of 3 on the true curve, at the same middle and of the same sides."""
    place = np.log10(one.group.lr)
    levels = [float(truth[np.abs(place - x) < 1e-6].min()) for x in curve.x]
    floor, below, above = (
        float(np.interp(curve.middle + step, curve.x, levels))
        for step in (0.0, -math.log10(3), math.log10(3))
    )
    if row["value"] == row["above"]:
        return (above - floor) / unit
    return ((below if row["value"] == row["below"] else (below + above) / 2) - floor) / unit


def rows(cell: Cell, seeds: int, studies: int = STUDIES, confirming: int = 0, jobs: int = 1) -> Iterator[Row]:
    """Return a row for every statistic of a cell that has an interval in a tenth of the studies.

    Args:
        cell: Kind of study.
        seeds: Number of seeds.
        studies: Number of studies to screen.
        confirming: Number of studies where some coverage is outside 92 to 98%; 0 for no more.
        jobs: Number of processes.
    """
    found: list[Found] = []
    for count in (studies, confirming):
        found += _all(cell, seeds, range(len(found), count), jobs)
        made = [
            row_of(cell, seeds, len(found), statistic, values)
            for statistic in dict.fromkeys(name for one in found for name in one)
            if len(values := _with_interval(found, statistic)) >= len(found) / 10
        ]
        if all(LOWEST <= row.coverage <= SCREENED for row in made if row.statistic != PLAIN):
            break
    yield from made


def _all(cell: Cell, seeds: int, numbers: range, jobs: int) -> list[Found]:
    tasks = [(cell, seeds, number) for number in numbers]
    if jobs == 1:
        return list(starmap(studied, tasks))
    return list(Parallel(n_jobs=jobs)(delayed(studied)(*task) for task in tasks))


def _with_interval(found: Sequence[Found], statistic: str) -> list[tuple[float, float, float, float]]:
    values = [one[statistic] for one in found if statistic in one]
    return values if statistic == PLAIN else [value for value in values if not math.isnan(value[1])]


def contradicted(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose coverage is below 92% or above 98.5%, by binomial tests with Holm's correction.

    Rows that promise at least 95% are not too high: those of two seeds, of configurations of which some seeds
    diverge, and those of which most intervals hold 0.
    """
    table = table[table["statistic"] != PLAIN]
    hits = (table["coverage"] * table["studies"]).round()
    less = binom.cdf(hits, table["studies"], LOWEST)
    at_least = (table["seeds"] == 2) | (table["from_zero"] > 0.5) | table["cell"].str.contains("diverged")
    more = np.where(at_least, 1.0, binom.sf(hits - 1, table["studies"], HIGHEST))
    chance = np.concatenate([less, more])
    order = np.argsort(chance)
    allowed = LEVEL / np.arange(len(chance), 0, -1)
    rejected = np.zeros(len(chance), bool)
    rejected[order] = np.logical_and.accumulate(chance[order] <= allowed)
    return table[rejected.reshape(2, -1).any(axis=0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--confirming", type=int, default=CONFIRMING)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    names = [field.name for field in fields(Row)]
    known = set()
    if arguments.file.exists():
        with arguments.file.open(newline="") as file:
            known = {(row["cell"], int(row["seeds"])) for row in csv.DictReader(file)}
    else:
        arguments.file.write_text(",".join(names) + "\n")
    for seeds in SEEDS:
        for cell in (*GRIDS, *RANDOM):
            if (cell.name, seeds) in known:
                continue
            made = list(rows(cell, seeds, arguments.studies, arguments.confirming, arguments.jobs))
            with arguments.file.open("a", newline="") as file:
                csv.writer(file).writerows([[getattr(row, name) for name in names] for row in made])
            for row in made:
                print(
                    f"{row.cell:28} {row.seeds} {row.simulated:5} {row.statistic:14} {row.coverage:.3f} "
                    f"width {row.width:.2f} bias {row.bias:.2f}",
                    flush=True,
                )
    print("\nbelow 92% or above 98.5%:")
    print(contradicted(pd.read_csv(arguments.file)).to_string(index=False))


if __name__ == "__main__":
    main()
