"""Training of a study by a command: its progress, its errors, its report."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sensitivity.command.terminal import conclude

if TYPE_CHECKING:
    from sensitivity.study.study import Study

MOST_SHOWN = 5
"""Errors of trials that are shown at the end."""


def train(study: Study, place: pathlib.Path | None, as_json: bool, options: Mapping[str, Any]) -> bool:
    """Train the missing trials of a study, and write its report.

    Args:
        study: the specification.
        place: folder of the report; None for no report.
        as_json: True to print JSON.
        options: arguments of :func:`sensitivity.running.run.run`.

    Returns: True if no trial failed.
    """
    from sensitivity.running.progress import Progress
    from sensitivity.running.run import AllFailed, run

    console = Console(stderr=True)
    with Progress(console) as progress:
        try:
            results = run(study, progress=progress, **options)
        except AllFailed as ended:
            results = ended.results
    with contextlib.suppress(OSError):  # a log that cannot be written; the report is made all the same
        for error in progress.errors[:MOST_SHOWN]:
            console.print(f"failed: {error}", style="red", markup=False, highlight=False)
    if place is not None and (not results.usable.empty or not progress.errors):
        conclude(results, place, as_json)
    return not (results.all_trials["status"] == "failed").any()
