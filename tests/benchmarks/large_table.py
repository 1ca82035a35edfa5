"""A large table from elsewhere, imported by the command: 12,205 rows of 7 variants on 5 tasks, with a report."""

from __future__ import annotations

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd

ROOT = pathlib.Path(__file__).parents[2]
ROWS, VARIANTS, TASKS, SEEDS = 12_205, 7, 5, 2
LEVELS = {
    "lr": [10.0**-k for k in range(1, 7)],
    "batch_size": [16, 32, 64, 128, 256],
    "weight_decay": [0.0, 1e-5, 1e-4, 1e-3, 1e-2],
    "dropout": [0.0, 0.1, 0.2, 0.3, 0.5],
}


def table() -> pd.DataFrame:
    """Draw the table: a grid with holes, one metric, two seeds."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "optimizer": f"variant-{variant}",
            "task": f"task-{task}",
            "seed": seed,
            **dict(zip(LEVELS, row, strict=True)),
        }
        for variant in range(VARIANTS)
        for task in range(TASKS)
        for row in _grid(rng, -(-ROWS // (VARIANTS * TASKS * SEEDS)))
        for seed in range(SEEDS)
    ]
    frame = pd.DataFrame(rows).iloc[:ROWS]
    place = frame["optimizer"].str[-1].astype(int)
    distance = (np.log10(frame["lr"]) + 2 + place / 3) ** 2 / 8 + frame["dropout"] + frame["weight_decay"]
    noise = 0.02 * rng.standard_normal(len(frame))
    diverged = (frame["lr"] > 0.05) & (rng.random(len(frame)) < 0.2)
    return frame.assign(loss=np.where(diverged, np.nan, 0.3 + distance + noise))


def _grid(rng: np.random.Generator, count: int) -> list[tuple[float, ...]]:
    mesh = np.meshgrid(*LEVELS.values(), indexing="ij")
    whole = [
        tuple(float(value) for value in row) for row in zip(*(axis.ravel() for axis in mesh), strict=True)
    ]
    return [whole[k] for k in np.sort(rng.permutation(len(whole))[:count])]


def main() -> None:
    """Print the rows, the seconds of the command and of the processor, and the peak of its memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        frame = table()
        frame.to_csv(folder / "table.csv", index=False)
        command = ["import", "table.csv", "--empty", "diverged", "--out", "report"]
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "sensitivity", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        spent = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{len(frame):,} rows: {spent:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processor, "
        f"{used.ru_maxrss / 2**20:.1f} GiB"
    )


if __name__ == "__main__":
    main()
