"""Epochs that the store takes a second: each in a transaction of its own, those of a cohort's result together,
and ten thousand at once, as of a study that is copied.

Run: python -m tests.benchmarks.store [PLACE ...]   (a SQLite file in a temporary folder, or a PostgreSQL URL;
it must be empty)
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import closing

from sensitivity.store.addresses import without_password
from sensitivity.store.store import Store
from tests.contracts import report, trial

MEMBERS, EPOCHS, MANY = 8, 100, 10_000


def main() -> None:
    """A line for each place."""
    with tempfile.TemporaryDirectory() as folder:
        for place in sys.argv[1:] or [f"{folder}/s.sqlite"]:
            members = [trial(float(seed), seed) for seed in range(MEMBERS)]
            others = [trial(float(seed), seed + 1000) for seed in range(MEMBERS)]
            with closing(Store(place)) as store:
                store.add_study("benchmark", "{}", [*members, *others])
                began = time.perf_counter()
                for number in range(1, EPOCHS + 1):
                    for one in members:
                        store.record(one.key, initial_loss=1.0, reports=[report(number)])
                alone = time.perf_counter() - began
                for number in range(1, EPOCHS + 1):
                    store.keep([{**report(number), "key": one.key, "initial_loss": 1.0} for one in others])
                together = time.perf_counter() - began - alone
                last = [
                    {**report(EPOCHS + 1 + number), "key": members[0].key, "initial_loss": 1.0}
                    for number in range(MANY)
                ]
                began = time.perf_counter()
                store.keep(last)
                at_once = time.perf_counter() - began
                assert len(store.epochs()) == 2 * MEMBERS * EPOCHS + MANY
            rates = [MEMBERS * EPOCHS / seconds for seconds in (alone, together)]
            print(
                f"{without_password(place)}: one by one {rates[0]:.0f} epochs/s, {MEMBERS} together "
                f"{rates[1]:.0f} epochs/s, {MANY:,} at once {MANY / at_once:.0f} epochs/s"
            )


if __name__ == "__main__":
    main()
