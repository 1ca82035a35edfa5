"""The demo study: a finished run of the preset ``quickstart`` that comes with the package.

Its rows are those of the store that the run wrote, a Parquet file for each table; ``demo_study/MADE.md`` says
by which command, on which machine and when.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

from sensitivity.results.loading import load
from sensitivity.results.results import Results
from sensitivity.store.copying import copy
from sensitivity.store.parquet import fill, temporary_folder
from sensitivity.store.store import Store

FOLDER = pathlib.Path(__file__).parent / "demo_study"
MEASURES = FOLDER / "measures"
"""Folder of its measures (:mod:`sensitivity.measures.stored_tables`)."""
STUDY = "quickstart"


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
    with temporary_folder("demo") as folder:
        place = folder / "demo.sqlite"
        with contextlib.closing(Store(place)) as store:
            fill(store, FOLDER)
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
