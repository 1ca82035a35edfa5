"""Studies as the service lists them: those of the store, and those given to the service."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from sensitivity.service.models import Counts, StudySummary
from sensitivity.study.trial import STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sensitivity.service.runs import Run, Runs
    from sensitivity.service.views import Paced


def lister(source: Paced, runs: Runs) -> Callable[[], dict[str, StudySummary]]:
    """Return a function that lists every study by name.

    Studies of the service come first, in the order of their submission, then those of the store, the newest
    first.
    """

    def listed() -> dict[str, StudySummary]:
        submitted = runs.all()  # first: of a study that has ended, what follows is then how it ended
        rows = {str(row["name"]): row for row in source.studies()}
        names = [*submitted, *(name for name in rows if name not in submitted)]
        return {name: _summary(name, rows.get(name), submitted.get(name)) for name in names}

    return listed


def _summary(name: str, row: dict[str, Any] | None, run: Run | None) -> StudySummary:
    counts = (
        Counts(**{status: row[status] for status in STATUSES})
        if row is not None
        else Counts(pending=run.trials if run else 0)
    )
    return StudySummary(
        name=name,
        state=run.state if run is not None else "elsewhere",
        asked=datetime.datetime.fromisoformat(run.asked) if run is not None else None,
        error=run.error if run is not None else None,
        trials=max(row["trials"] if row is not None else 0, run.trials if run is not None else 0),
        counts=counts,
    )
