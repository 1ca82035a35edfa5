"""Progress of a run: a live panel on a terminal, plain lines in a log file."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sensitivity.study.trial import DONE

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from sensitivity.study.study import Study

LOG_EVERY = 10.0
"""Seconds between two lines if the output is not a terminal."""
LOG_FIRST = 2.0
"""Seconds before the first line."""


class Progress:
    """Counts trials and epochs as they are reported; a context manager around the run.

    Args:
        console: output; a terminal shows a live panel, any other output a line every ten seconds,
            the first after two.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Any = None
        self._began = time.monotonic()
        self._logged = self._began - max(0.0, LOG_EVERY - LOG_FIRST)
        self.planned = self.before = self.epochs = self.epochs_per_trial = 0
        self.counts = {"completed": 0, "diverged": 0, "stopped": 0, "failed": 0}
        self.best: dict[str, float] = {}
        self.sign = 1
        self.errors: list[str] = []
        self.standing = ""
        self.waiting: str | None = None
        self.notes: list[str] = []

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(self._panel(), console=self._console, refresh_per_second=4, transient=True)
            self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._live is not None:
            self._live.__exit__(*error)

    def begin(self, study: Study, planned: int, done: Mapping[str, str]) -> None:
        """Start the display, also after a restart of the run.

        Args:
            study: the specification.
            planned: number of trials.
            done: status of each trial in the store.
        """
        self.epochs, self.counts = 0, dict.fromkeys(self.counts, 0)
        self.waiting = None
        self.before = sum(status in DONE for status in done.values())
        self.planned = planned
        self.sign = -1 if study.direction == "max" else 1
        self.epochs_per_trial = study.epochs or 1
        self._began = time.monotonic()
        left = self.planned - self.before
        text = f"{study.name}: {self.planned} trials, {self.before} in the store, {left} to run"
        self._print(text)

    def report(self, variant: str, report: Mapping[str, Any], outcome: tuple[str, float] | None) -> None:
        """Count one epoch of one trial.

        Args:
            variant: variant of the trial.
            report: the report of the epoch.
            outcome: status and capped loss after the trial's last epoch; None before.
        """
        self.epochs += "epoch" in report
        if outcome is not None:
            status, loss = outcome
            self.counts[status] += 1
            if status == "failed":
                self.errors.append(f"{variant} {report['key']}: {report.get('error', '')}")
            elif status != "stopped" and loss < self.best.get(variant, float("inf")):
                self.best[variant] = loss
        if self._live is not None:
            self._live.update(self._panel())
        elif time.monotonic() - self._logged >= LOG_EVERY:
            self._logged = time.monotonic()
            self._print(f"{self.line()}; {self.best_losses()}")

    def say(self, note: str) -> None:
        """Show a message beside the progress, such as an unreachable store; "" removes it."""
        begins_or_ends, self.standing = bool(note) != bool(self.standing), note
        if self._live is not None:
            self._live.update(self._panel())
        elif begins_or_ends or time.monotonic() - self._logged >= LOG_EVERY:
            self._logged = time.monotonic()
            self._print(note or "the store has everything again")

    def wait(self, waiting: str | None) -> None:
        """Show that trials wait for a resource.

        Args:
            waiting: the reason in words; None if no trial waits.
        """
        self.waiting = waiting
        if self._live is not None:
            self._live.update(self._panel())
        elif waiting is not None:
            self._print(waiting)

    def note(self, text: str) -> None:
        """Show a message once."""
        if text not in self.notes:
            self.notes.append(text)
            self._print(text)

    def _print(self, text: str) -> None:
        """Show a line; a log that cannot be written, as on a full disk, stops no training."""
        with contextlib.suppress(OSError):
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def line(self) -> str:
        """Return the state of the run in one line."""
        if not self.planned:
            return "looking for what is left to train"
        ended = self.before + sum(self.counts.values())
        elapsed = time.monotonic() - self._began
        rate = self.epochs / elapsed if elapsed > 0 else 0.0
        text = (
            f"{ended}/{self.planned} trials, {self.counts['diverged']} diverged, {self.counts['failed']} "
            f"failed, {rate:.2f} epochs/s"
        )
        if self.counts["stopped"]:
            text += f", {self.counts['stopped']} stopped early"
        if rate > 0 and ended < self.planned:
            text += f", {_clock(elapsed)} gone"
            left = (self.planned - self.before) * self.epochs_per_trial - self.epochs
            if left > 0:  # the number of a user's reports is unknown
                text += f", at most {_clock(left / rate)} left"
        if self.waiting is not None:
            text += f", {self.waiting}"
        return text

    def best_losses(self) -> str:
        """Return the best loss of each variant so far, or the best metric that is maximised, in one line."""
        best = sorted(self.best.items(), key=lambda item: item[1])
        return "best so far: " + (
            ", ".join(f"{name} {self.sign * loss:.4g}" for name, loss in best) or "none yet"
        )

    def _panel(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        ended = self.before + sum(self.counts.values())
        noted = [Text(self.standing, style="yellow")] if self.standing else []
        # A bar by itself ends without a new line, so that the terminal would crop what follows it.
        rows = Table.grid(expand=True)
        bar = ProgressBar(total=max(self.planned, 1), completed=ended)
        parts: list[RenderableType] = [bar, Text(self.line()), Text(self.best_losses()), *noted]
        for part in parts:
            rows.add_row(part)
        return rows


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
