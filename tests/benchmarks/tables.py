"""Reports of thousands of odd tables: how many are written, and in how many of them nothing fails.

``make validate`` runs 2,000; tests/sensitivity/test_odd_tables.py the first 20.
"""

from __future__ import annotations

import logging
import pathlib
import sys
import tempfile
import time
import warnings

from joblib import Parallel, delayed

from sensitivity.exchange.from_tables import from_table
from sensitivity.measures import Measured
from sensitivity.reporting import write_report
from tests.sensitivity.odd_tables import odd_table

TABLES = 2000


def fault_of(number: int) -> str:
    """Return what fails in the report of an odd table, or nothing."""
    logging.getLogger("sensitivity").setLevel(logging.CRITICAL)
    table, features = odd_table(number)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            measured = Measured(from_table(table, direction="min", empty="diverged"))
            write_report(measured, pathlib.Path(folder))
        except Exception as error:
            return f"table {number} ({features}): {type(error).__name__}: {error}"
    return f"table {number} ({features}): {measured.failures}" if measured.failures else ""


def main(count: int = TABLES) -> int:
    """Print the faults and their number; return 1 where there is any."""
    start = time.perf_counter()
    faults = [
        fault for fault in Parallel(n_jobs=-1)(delayed(fault_of)(number) for number in range(count)) if fault
    ]
    print(
        "\n".join(
            [
                *faults,
                f"{count - len(faults):,} of {count:,} odd tables have a report in which nothing fails.",
            ]
        )
    )
    print(f"{time.perf_counter() - start:.0f} s")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else TABLES))
