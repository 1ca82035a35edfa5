"""How often the intervals of variance shares hold the truth: ``python -m tests.benchmarks.share_coverage FILE.csv``.

One row a cell of :mod:`tests.benchmarks.cells`, number of seeds and effect: the coverage of its interval, and the
median width over the range that holds 95% of the estimates. 300 studies are made, and 3,000 where a coverage is
outside 92 to 98%. Grids are analysed by factorial (``--forest``: random cells
by variance_shares), cells with missing trials and random cells by seed_noise. The file is written as rows come, and a
run that is repeated skips the rows that it has.
"""

from __future__ import annotations

import argparse
import csv
import pathlib
from dataclasses import astuple, dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from sensitivity.measures.components import squares
from sensitivity.measures.factorial import with_interactions
from sensitivity.measures.losses import LOSSES
from sensitivity.measures.noise import NOISE, seed_noise
from sensitivity.measures.variance_shares import INTERACTIONS, variance_shares
from tests.benchmarks.cells import GRIDS, INITIAL, RANDOM, Cell

COLUMNS = ["cell", "seeds", "effect", "studies", "truth", "bias", "coverage", "width"]
DRAWS = 500
STUDIES, CONFIRMING = 300, 3000
LOWEST, HIGHEST = 0.92, 0.98
"""Coverages between which no more studies are made."""
FINE = 300
"""Number of levels of a hyperparameter over which shares of a random design are integrated."""


@dataclass(frozen=True)
class Covered:
    """Coverage of one effect in simulated studies.

    Attributes:
        studies: Number of studies.
        truth: True share.
        bias: Mean error of the estimates.
        coverage: Share of the intervals that include the truth.
        width: Median width of the intervals, over the range that holds 95% of the estimates.
    """

    studies: int
    truth: float
    bias: float
    coverage: float
    width: float

    def __str__(self) -> str:
        return f"{self.truth:.3f} {self.bias:+.3f} {self.coverage:5.3f} {self.width:5.2f}"


def true_shares(cell: Cell) -> dict[str, float]:
    """Return the true shares of a cell, over its levels or over the space."""
    levels = (FINE,) * len(cell.levels) if cell.random else cell.levels
    axes = [(np.arange(n) + 0.5) / n if cell.random else np.linspace(0, 1, n) for n in levels]
    units = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    mean, variance = np.minimum(cell.mean(units, 0), INITIAL), cell.noise(units) ** 2
    if cell.diverging is not None:
        chance = cell.diverging(units)
        variance = chance * (1 - chance) * (INITIAL - mean) ** 2 + (1 - chance) * variance
        mean = chance * INITIAL + (1 - chance) * mean
    surface = mean.reshape(1, *levels)
    parts = np.maximum(0.0, np.where((found := squares(surface, surface)[0]) > 1e-15, found, 0.0))
    names = cell.space.names
    pairs = [f"{one} x {other}" for i, one in enumerate(names) for other in names[i + 1 :]]
    called = [*names, *pairs, *(["higher order"] if len(names) > 2 else [])]
    whole = parts.sum() + variance.mean()
    truth = dict(zip(called, parts / whole, strict=True)) | {NOISE: variance.mean() / whole}
    if len(names) > 1:
        truth[INTERACTIONS] = float(parts[len(names) :].sum() / whole)
    if len(names) == 2:
        truth |= {f"total {name}": truth[name] + truth[INTERACTIONS] for name in names}
    return truth


def results_of(cell: Cell, seeds: int, number: int) -> Any:
    """Return one study of the first variant, as far as these measures read results."""
    group = cell.draw(seeds, number)[0][0]
    kind = "random" if cell.random else "grid"
    return SimpleNamespace(
        spaces={group.variant: cell.space},
        groups=[(group.task, group.variant)],
        design_of=lambda variant: kind,
        varied=lambda variant: cell.space.names,
        **{LOSSES: {(group.task, group.variant): group}},
    )


def measured(cell: Cell, seeds: int, number: int, *, forest: bool = False) -> pd.DataFrame:
    """Return the shares of one study."""
    results = results_of(cell, seeds, number)
    if forest:
        table = variance_shares(results, draws=DRAWS)
        total = table["order"] == "total"
        return table.assign(effect=np.where(total, "total " + table["effect"], table["effect"]))
    if cell.random or cell.missing or cell.uneven:
        return seed_noise(results, draws=DRAWS).assign(effect=NOISE)
    return with_interactions(results, draws=DRAWS)


def covered(
    cell: Cell, seeds: int, studies: int, confirming: int = 0, *, forest: bool = False, jobs: int = 1
) -> dict[str, Covered]:
    """Return the coverage of every effect over some studies.

    Args:
        cell: Kind of study.
        seeds: Number of seeds.
        studies: Number of studies.
        confirming: Number of studies where some coverage is outside 92 to 98%; 0 for no more.
        forest: True for shares by random forests.
        jobs: Number of processes.
    """
    study = partial(measured, cell, seeds, forest=forest)
    tables: list[pd.DataFrame] = []
    for count in (studies, confirming):
        numbers = range(len(tables) + 1, count + 1)
        tables += (
            map(study, numbers) if jobs == 1 else Parallel(n_jobs=jobs)(delayed(study)(i) for i in numbers)
        )
        found = _covered(cell, tables)
        if all(LOWEST <= row.coverage <= HIGHEST for row in found.values()):
            break
    return found


def _covered(cell: Cell, tables: list[pd.DataFrame]) -> dict[str, Covered]:
    table, truth, found = pd.concat(tables), true_shares(cell), {}
    for effect, part in table.groupby("effect", sort=False):
        if effect not in truth:
            continue
        share, low, high = truth[effect], part["low"].to_numpy(), part["high"].to_numpy()
        inside = (low <= share + 1e-12) & (share - 1e-12 <= high)
        spread = float(np.subtract(*np.quantile(part["value"], [0.975, 0.025])))
        width = float(np.median(high - low)) / spread if spread > 0 else np.nan
        found[str(effect)] = Covered(
            len(tables), share, float(part["value"].mean()) - share, float(inside.mean()), width
        )
    return found


def main() -> None:
    """Write the rows that the file lacks, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--confirming", type=int, default=CONFIRMING)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 5])
    parser.add_argument("--cells", nargs="+", default=None)
    parser.add_argument("--forest", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if not options.file.exists():
        options.file.write_text(",".join(COLUMNS) + "\n")
    with options.file.open(newline="") as file:
        known = {(row["cell"], int(row["seeds"])) for row in csv.DictReader(file)}
    for cell in RANDOM if options.forest else (*GRIDS, *RANDOM):
        for seeds in options.seeds:
            skipped = options.cells is not None and cell.name not in options.cells
            if skipped or (cell.name, seeds) in known or (cell.uneven and seeds < 3):
                continue
            found = covered(
                cell,
                seeds,
                options.studies,
                options.confirming,
                forest=options.forest,
                jobs=options.jobs,
            )
            with options.file.open("a", newline="") as file:
                csv.writer(file).writerows(
                    [
                        [cell.name, seeds, effect, row.studies, *map(_digits, astuple(row)[1:])]
                        for effect, row in found.items()
                    ]
                )
            print(
                f"{cell.name}, {seeds} seeds: {'; '.join(f'{name} {row}' for name, row in found.items())}",
                flush=True,
            )


def _digits(value: float) -> float:
    return round(value, 5)


if __name__ == "__main__":
    main()
