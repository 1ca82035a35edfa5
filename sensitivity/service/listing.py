"""Studies as the service lists them: those of the store, and those given to the service."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from sensitivity.readers.source import Submitted
from sensitivity.service.models import Annotation, Counts, StudySummary
from sensitivity.study.trial import STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sensitivity.service.runs import Run, Runs
    from sensitivity.service.views import Paced
    from sensitivity.store.annotations import Annotation as Words


def lister(source: Paced, runs: Runs) -> Callable[[], dict[str, StudySummary]]:
    """Return a function that lists every study by name.

    Studies of the service come first, in the order of their submission, then those of the store, the newest
    first.
    """

    def listed() -> dict[str, StudySummary]:
        submitted, waits = (
            runs.all(),
            source.submitted(),
        )  # first: of a study that has ended, what follows is then how it ended
        rows = {str(row["name"]): row for row in source.studies()}
        names = [*submitted, *(name for name in rows if name not in submitted)]
        return {
            name: _summary(name, rows.get(name), submitted.get(name)).model_copy(
                update={
                    "waits_for": list(waits[name].waits_for) if name in waits else [],
                    "annotation": model_of(source.annotation(name)),
                }
            )
            for name in names
        }

    return listed


def model_of(annotation: Words) -> Annotation:
    """Return an annotation of the store as the service answers it."""
    return Annotation(note=annotation.note, tags=list(annotation.tags), star=annotation.star)


def queue(runs: Runs) -> Callable[[], dict[str, Submitted]]:
    """Return a function that returns the studies of a service, and what each of them waits for."""

    def submitted() -> dict[str, Submitted]:
        running = [run.name for run in runs.all().values() if run.state == "running"]
        before, studies = list(running), {}
        for run in runs.all().values():
            waits_for = tuple(before) if run.state == "queued" else ()
            studies[run.name] = Submitted(run.name, run.state, run.trials, waits_for, run.error)
            before += [run.name] if run.state == "queued" else []
        return studies

    return submitted


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
