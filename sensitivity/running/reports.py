"""The reports of a run's trials, on their way to the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensitivity.running.assignments import Assignments
    from sensitivity.running.progress import Progress
    from sensitivity.store.delivery import Delivery


class Reports:
    """Delivers reports, in one transaction, before the next are asked for, and counts them.

    Args:
        delivery: stores the reports.
        assignments: the outcome of a trial whose report is its last.
        progress: shows the progress of the run.
    """

    def __init__(self, delivery: Delivery, assignments: Assignments, progress: Progress | None) -> None:
        self.delivery, self._assignments, self._progress = delivery, assignments, progress
        self.ended: set[str] = set()
        """Keys of the trials that have ended."""

    def deliver(self, cohort: Mapping[str, Any], reports: Sequence[Mapping[str, Any]]) -> None:
        """Store reports of a cohort's members."""
        self.delivery.keep(reports)
        for report in reports:
            if report["status"] != "running":
                self.ended.add(report["key"])
            if self._progress is not None:
                self._progress.report(cohort["variant"], report, self._assignments.outcome(report))

    def note_reason(self, cohort: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Show why the members of a cohort train one after another, if a result gives the reason."""
        if self._progress is not None and result.get("reason") is not None:
            self._progress.note(
                f"{cohort['variant']} on {cohort['task']} trains one trial after another: {result['reason']}"
            )
