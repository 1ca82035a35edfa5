"""Seconds and megabytes of the report of a large study: 8 variants, 10,000 trials of 50 epochs.

``python -m tests.benchmarks.report [TRIALS]``; the time is for measures, figures, tables and files together,
on the cores there are.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time

import numpy as np
import pandas as pd

from search_spaces.designs import Random
from search_spaces.hyperparameters import Float
from search_spaces.spaces import SearchSpace
from sensitivity.measures import Measured
from sensitivity.reporting import write_report
from sensitivity.results.results import Results

SPACE = SearchSpace(
    Float("lr", 1e-5, 1.0, "log"), Float("mu", 0.5, 0.99, "log1m", 0.9), Float("nu", 0.9, 0.9999, "log1m", 0.999),
    Float("weight_decay", 1e-6, 1e-2, "log"),
)  # fmt: skip
VARIANTS = ("sgd", "cm", "nag", "adagrad", "rmsprop", "adam", "nadam", "adamax")
SEEDS, EPOCHS, INITIAL = 2, 50, 2.3


def large_study(trials: int, epochs: int = EPOCHS, variants: tuple[str, ...] = VARIANTS) -> Results:
    """Results of a random design whose loss is a valley along a ridge of lr and mu, with noise; a tenth
    diverges."""
    rng = np.random.default_rng(0)
    tables = []
    for place, variant in enumerate(variants):
        configurations = pd.DataFrame(
            Random(trials // (len(variants) * SEEDS), seed=place).configurations(SPACE)
        )
        for seed in range(SEEDS):
            tables.append(
                configurations.add_prefix("config/").assign(variant=variant, seed=seed, place=place)
            )
    table = pd.concat(tables, ignore_index=True)
    rate = np.log10(table["config/lr"] / (1 - table["config/mu"])) + 1.5 - 0.2 * table.pop("place")
    wanted = (
        0.2
        + 0.15 * rate**2
        + 0.02 * np.log10(table["config/weight_decay"]) ** 2 / 10
        + rng.normal(0, 0.02, len(table))
    )
    diverged = rate > 2.6 + rng.normal(0, 0.1, len(table))
    table["key"] = [f"{number:020x}" for number in range(len(table))]
    fixed = {
        "task": "large",
        "epochs": epochs,
        "initial_loss": INITIAL,
        "epochs_done": epochs,
        "seconds": float(epochs),
        "error": None,
    }
    table = table.assign(**fixed, status=np.where(diverged, "diverged", "completed"))
    table["value"] = wanted.where(~diverged)
    table["loss"] = wanted.where(~diverged, INITIAL).clip(upper=INITIAL)
    number = np.tile(np.arange(1, epochs + 1), len(table))
    ends = table["loss"].to_numpy().repeat(epochs)
    curve = ends + (INITIAL - ends) * np.exp(-6 * number / epochs)
    rows = pd.DataFrame(
        {
            "key": table["key"].to_numpy().repeat(epochs),
            "epoch": number,
            "train_loss_end": curve,
            "seconds": 1.0,
        }
    )
    return Results(
        table, rows, dict.fromkeys(variants, SPACE), "train_loss_end", "random", "large", {"name": "large"}
    )


def main() -> None:
    """Print what writing the report takes."""
    results = large_study(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        written = write_report(Measured(results), folder)
        seconds = time.perf_counter() - start
        size = written.stat().st_size / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"report of {len(results.trials):,} trials and {len(results.epochs):,} epochs: {seconds:.1f} s, "
        f"{size:.1f} MB, {peak:,.0f} MiB of memory at most"
    )


if __name__ == "__main__":
    main()
