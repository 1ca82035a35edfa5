"""How often verdicts err, over simulated studies whose truth is known.

``python -m tests.benchmarks.verdict_errors FILE.csv`` writes a row for each kind of study and error, and prints it:

- six identical variants: how often some pair is told apart (promised: 5% at most), and how often one variant is named
  as the best or the worst of all;
- two variants whose means are exactly a margin apart: how often they are called equivalent (promised: 5% at most).

The file is written as rows come, and a run that is repeated skips the studies that it has. It exits with 1 where an
error is above 5%, and 3,000 studies do not explain it by chance (upper 99% limit of a share of 5%: 6.1%).
"""

from __future__ import annotations

import argparse
import csv
import pathlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from joblib import Parallel, delayed

from sensitivity.measures.differences import differences, rank_sets
from sensitivity.measures.estimates import estimated, stakes_of
from sensitivity.measures.verdicts import EQUIVALENT, MARGIN, UNDECIDED, quantities, verdict_of
from tests.benchmarks.cells import INITIAL, Array, Cell, flat, valley

STUDIES = 3_000
DRAWS = 500
APART = 10
"""Difference of the seeds of two studies, more than a study has variants."""
SIX = tuple(f"variant {place}" for place in range(6))
COLUMNS = ["studies of", "error", "studies", "share", "promised"]
PROMISED, HIGHEST = 0.05, 0.061


def same(units: Array, place: int) -> Array:
    """The valley of the first variant, for all."""
    return valley(units, 0)


def a_margin_apart(units: Array, place: int) -> Array:
    """The valley, and the valley a margin above it."""
    first = valley(units, 0)
    return first + place * MARGIN * (INITIAL - float(first.min()))


def noisier(units: Array) -> Array:
    """Noise that grows with the distance from the best learning rate."""
    return 0.01 + 0.1 * (units[:, 0] - 0.55) ** 2


@dataclass(frozen=True)
class Kind:
    """A kind of study.

    Attributes:
        name: What the studies are of.
        cell: Means and noise.
        seeds: Number of seeds.
        variants: Names of the variants.
        errors: From one study of the kind to the errors that it made.
    """

    name: str
    cell: Cell
    seeds: int
    variants: tuple[str, ...]
    errors: Callable[[Cell, int, tuple[str, ...], int], list[str]]


def told_apart(cell: Cell, seeds: int, variants: tuple[str, ...], number: int) -> list[str]:
    """Return the errors of a study of identical variants, by mean loss."""
    return _errors(cell, seeds, variants, number, "regret")


def told_apart_by_a_miss(cell: Cell, seeds: int, variants: tuple[str, ...], number: int) -> list[str]:
    """Return the errors of a study of identical variants, by the cost of a miss."""
    return _errors(cell, seeds, variants, number, "miss")


def _errors(cell: Cell, seeds: int, variants: tuple[str, ...], number: int, measure: str) -> list[str]:
    every = estimated(cell.draw(seeds, number, variants)[0], draws=DRAWS, seed=APART * number)
    goal = stakes_of(every)
    found = quantities(cell.results_of(variants), every, goal, measure)
    if len(found) < 2:
        return []
    units = cell.random or seeds
    pairs = differences(found, seeds=units)
    ranks = rank_sets([one.variant for one in found], pairs)
    apart = [pair for pair in pairs if verdict_of(pair, MARGIN * goal.unit) not in (UNDECIDED, EQUIVALENT)]
    ends = [
        sum(first == 1 for first, _ in ranks.values()),
        sum(last == len(ranks) for _, last in ranks.values()),
    ]
    return ["some pair is told apart"] * bool(apart) + ["an extreme is named"] * (1 in ends)


def called_equal(cell: Cell, seeds: int, variants: tuple[str, ...], number: int) -> list[str]:
    """Return the error of a study of two variants that are a margin apart."""
    every = estimated(cell.draw(seeds, number, variants)[0], draws=DRAWS, seed=number)
    goal = stakes_of(every)
    found = quantities(cell.results_of(variants), every, goal, "regret")
    (pair,) = differences(found, seeds=cell.random or seeds)
    equal = verdict_of(pair, MARGIN * (INITIAL - 0.05)) == EQUIVALENT
    return ["called equivalent"] * equal


def kinds() -> Iterator[Kind]:
    """Return the kinds of study."""
    for name, seeds, more in (
        ("grid of 8 x 2, 3 seeds", 3, {}),
        ("grid of 8 x 2, 5 seeds", 5, {}),
        ("grid of 8 x 2, 3 seeds, heavy tails", 3, {"heavy": True}),
        ("grid of 8 x 2, 3 seeds, unequal noise", 3, {"noise": noisier}),
        ("40 random configurations, 1 seed", 1, {"random": 40}),
    ):
        yield Kind(
            f"six identical variants, {name}", Cell(name, (8, 2), same, **more), seeds, SIX, told_apart
        )
        pair = Cell(f"{name}, apart", (8, 2), a_margin_apart, **more)
        yield Kind(f"two variants a margin apart, {name}", pair, seeds, SIX[:2], called_equal)
    for name, seeds, cell in (
        ("8 learning rates, 3 seeds", 3, Cell("8 learning rates", (8,), same)),
        ("a plateau of 8 learning rates, 3 seeds", 3, Cell("8 alike", (8,), flat)),
        ("40 random learning rates, 1 seed", 1, Cell("40 rates", (8,), same, random=40)),
    ):
        yield Kind(f"six identical variants, cost of a miss, {name}", cell, seeds, SIX, told_apart_by_a_miss)


ERRORS = {
    told_apart: ("some pair is told apart", "an extreme is named"),
    told_apart_by_a_miss: ("some pair is told apart", "an extreme is named"),
    called_equal: ("called equivalent",),
}


def rows(kind: Kind, studies: int, jobs: int) -> list[list[object]]:
    """Return a row for each error that a kind of study can make."""
    study = partial(kind.errors, kind.cell, kind.seeds, kind.variants)
    made = Parallel(n_jobs=jobs)(delayed(study)(number) for number in range(studies))
    counts = Counter(error for errors in made for error in errors)
    return [
        [kind.name, error, studies, round(counts[error] / studies, 4), PROMISED]
        for error in ERRORS[kind.errors]
    ]


def main() -> int:
    """Write and print the rows, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if not options.file.exists():
        options.file.write_text(",".join(COLUMNS) + "\n")
    with options.file.open(newline="") as file:
        known = {row["studies of"] for row in csv.DictReader(file)}
    for kind in kinds():
        if kind.name not in known:
            made = rows(kind, options.studies, options.jobs)
            with options.file.open("a", newline="") as file:
                csv.writer(file).writerows(made)
    failed = False
    with options.file.open(newline="") as file:
        for row in csv.DictReader(file):
            above = row["error"] != "an extreme is named" and float(row["share"]) > HIGHEST
            failed |= above
            print(
                f"{row['studies of']:60} {row['error']:25} {float(row['share']):.3f} {'above' if above else ''}"
            )
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
