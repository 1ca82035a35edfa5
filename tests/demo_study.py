"""The demo study, from a real run: the rows of a store that ``sensitivity demo`` reads, as Parquet in the package.

``make study`` and then ``python -m tests.demo_study sensitivity.sqlite`` write ``sensitivity/results/demo_study`` anew: a
file for each table, the study as YAML, and ``MADE.md``, which says by which command, on which machine and when it was
made. Every row is as the run left it, without the name of its machine.

``python -m tests.demo_study`` measures these rows again, in ten seconds. Until then a change of ``sensitivity/measures``
makes ``sensitivity demo`` measure for itself, which takes three seconds longer, and ``make wheel`` refuses.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys

import pandas as pd

from sensitivity.measures import Measured
from sensitivity.measures.stored_tables import save_tables, with_stored_tables
from sensitivity.reporting.provenance import PACKAGES
from sensitivity.results.demo import FOLDER, MEASURES, STUDY, demo
from sensitivity.results.loading import load
from sensitivity.store.copying import copy
from sensitivity.store.parquet import folder_store
from sensitivity.store.store import Store
from sensitivity.store.tables import RUNS, VERSION
from sensitivity.study.study import Study

RUN, WRITE = f"sensitivity run --preset {STUDY}", "python -m tests.demo_study sensitivity.sqlite"


def made(place: pathlib.Path) -> str:
    """What ``MADE.md`` says."""
    results = load(place, STUDY)
    trials, run = results.all_trials, results.runs[-1]
    seconds = (trials["finished"].max() - trials["started"].min()).total_seconds()
    commit = subprocess.run(
        ["git", "describe", "--always", "--abbrev=12"], check=True, capture_output=True, text=True
    ).stdout.strip()
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    lines = {
        "Study": f"`study.yaml`, the preset `{STUDY}`: {len(trials)} trials, {len(results.epochs)} epochs",
        "Run": f"`{RUN}`, {trials['started'].min():%Y-%m-%d %H:%M} UTC, {seconds:.0f} s from the first report to the last",
        "Machine": f"{', '.join(run['devices'])}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, up to {run['workers']} workers",
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "Commit": f"`{commit}`, store of version {VERSION}",
        "Written by": f"`{WRITE}`; the name of the machine is left out of `{RUNS.name}.parquet`",
    }
    return (
        "# The demo study\n\nThe rows of a store after a real run, a Parquet file for each table.\n\n"
        + "".join(f"- {name}: {text}\n" for name, text in lines.items())
    )


def main() -> None:
    """Write the rows of a store if one is named, and the measures of the rows that are there."""
    for place in map(pathlib.Path, sys.argv[1:2]):
        write_rows(place)
    results = demo()
    save_tables(Measured(results), MEASURES)
    stored, computed = with_stored_tables(results, MEASURES), Measured(results)
    for path in MEASURES.glob("*.parquet"):
        pd.testing.assert_frame_equal(
            stored.table_named(path.stem), computed.table_named(path.stem), check_exact=True
        )


def write_rows(place: pathlib.Path) -> None:
    """Write the rows of the study in a store, and what says where they come from."""
    with (
        contextlib.closing(Store(place, create=False)) as store,
        folder_store(FOLDER, write=True) as folder,
    ):
        copy(store, folder, STUDY)
    (FOLDER / "study.yaml").write_text(Study.preset(STUDY).to_yaml())
    (FOLDER / "MADE.md").write_text(made(place))


if __name__ == "__main__":
    main()
