"""A table of a study as a file, in one format and one revision."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from sensitivity.service.table_writers import WRITERS, Format
from sensitivity.store.batches import epoch_batches, trial_batches

if TYPE_CHECKING:
    from sensitivity.store.store import Store

BATCHES = {"trials": trial_batches, "epochs": epoch_batches}


@dataclass(frozen=True)
class Table:
    """A table of a study in one format and one revision.

    Args:
        study: its name.
        name: ``trials`` or ``epochs``.
        format: of the file.
        revision: of the study (:func:`sensitivity.store.queries.revision`).
    """

    study: str
    name: str
    format: Format
    revision: str

    @property
    def fingerprint(self) -> str:
        """Text by which readers know the file again."""
        return hashlib.sha256(repr(self).encode(errors="surrogatepass")).hexdigest()[:20]

    def write(self, store: Store, file: IO[bytes], check: Callable[[], None]) -> None:
        """Write the table.

        Args:
            store: that has the study.
            file: that is open for writing.
            check: is called now and then; what it raises ends the writing.
        """
        with closing(
            BATCHES[self.name](store, self.study, check=check)
        ) as batches:  # the transaction ends in this thread
            WRITERS[self.format](batches, file)


Write = Callable[[IO[bytes], Callable[[], None]], None]
"""Writes a table to an open file; the second argument is called now and then, and what it raises ends the
writing."""
