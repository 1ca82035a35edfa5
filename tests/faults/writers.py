"""Writers of one store beside a study: processes that keep epochs of a study of their own, one transaction
each.

python -m tests.faults.writers STORE NAME
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from contextlib import closing

from sensitivity.store.store import Store
from tests.contracts import report, trial

ROOT = pathlib.Path(__file__).parents[2]
WRITERS, EPOCHS = 8, 100
"""Processes at once, and epochs that each of them keeps."""


def start(place: str) -> list[subprocess.Popen[str]]:
    """Start the writers."""
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.writers", place, f"writer-{number}"],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(WRITERS)
    ]  # fmt: skip


def lacking(store: Store) -> list[str]:
    """Return the writers, of those in a store, whose epochs are not all there, or not once."""
    names = [row["name"] for row in store.studies() if row["name"].startswith("writer-")]
    epochs = {name: store.epochs(name)["epoch"].tolist() for name in names}
    return [
        f"{name}: {len(numbers)} epochs"
        for name, numbers in epochs.items()
        if numbers != list(range(1, EPOCHS + 1))
    ]


def main() -> None:
    place, name = sys.argv[1:]
    one = trial(float(name.partition("-")[2]) + 1)
    with closing(Store(place)) as store:
        store.add_study(name, "{}", [one])
        for number in range(1, EPOCHS + 1):
            store.record(
                one.key,
                initial_loss=1.0,
                reports=[report(number, "completed" if number == EPOCHS else "running")],
            )


if __name__ == "__main__":
    main()
