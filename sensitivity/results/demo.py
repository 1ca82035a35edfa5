"""The demo study: a finished run of the preset ``quickstart`` that comes with the package.

Its rows are those of the store that the run wrote, a Parquet file for each table; ``demo_study/MADE.md`` says
by which command, on which machine and when.
"""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

from sensitivity.results.loading import load
from sensitivity.results.results import Results
from sensitivity.store.copying import copy
from sensitivity.store.store import Store
from sensitivity.store.tables import EPOCHS, RUNS, STUDIES, STUDY_TRIALS, TRIALS
from trainables.names import InputError

FOLDER = pathlib.Path(__file__).parent / "demo_study"
MEASURES = FOLDER / "measures"
"""Folder of its measures (:mod:`sensitivity.measures.stored_tables`)."""
STUDY = "quickstart"
TABLES = (STUDIES, RUNS, TRIALS, STUDY_TRIALS, EPOCHS)
"""Tables of the store, each a file of the folder."""


def demo() -> Results:
    """Read the results of the demo study: six optimizers on handwritten digits, 400 trials.

    Nothing is trained, downloaded or written.

    Raises:
        InputError: there is no folder for temporary files.

    >>> demo().study
    'quickstart'
    """
    with demo_store() as place:
        return load(place, STUDY)


@contextlib.contextmanager
def demo_store() -> Iterator[pathlib.Path]:
    """Make a store of the demo study in a temporary folder, which is removed at the end.

    Raises:
        InputError: there is no folder for temporary files.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="sensitivity-demo-")
    except OSError as error:
        raise InputError(f"no folder for temporary files: {error.strerror}; set TMPDIR to one") from None
    with folder as name:
        place = pathlib.Path(name) / "demo.sqlite"
        with contextlib.closing(Store(place)) as store, store.database.transaction(writing=True) as writing:
            for table in TABLES:
                store.database.insert(writing, table, rows_of(table.name))
        yield place


def copy_demo(place: str | pathlib.Path) -> None:
    """Add the demo study to a store, which is created if missing; a second copy changes nothing.

    Args:
        place: path of a SQLite file, or URL of a database.

    Raises:
        InputError: the store cannot be written, or has another study of the name.
    """
    with (
        demo_store() as source,
        contextlib.closing(Store(place)) as target,
        contextlib.closing(Store(source, create=False)) as opened,
    ):
        copy(opened, target, STUDY)


def rows_of(table: str) -> list[dict[str, Any]]:
    """Return the rows of one table of the demo study, by column name.

    Args:
        table: name of a table of the store.
    """
    import pyarrow.parquet

    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(FOLDER / f"{table}.parquet").to_pylist()
    return rows
