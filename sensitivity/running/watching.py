"""Watching of a run's workers: hanging workers, workers that wait for a node, loss of the only node."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensitivity.running.places import Place
    from sensitivity.running.progress import Progress

LOOK_EVERY = 1.0
LONGEST_STEP = 5.0
"""Seconds between two checks after which the driver itself was suspended or waited for the store."""
PATIENCE = 5.0
"""Seconds that a worker may take to start before the progress shows the reason."""


class Watch:
    """Kills a worker that reports nothing for too long, and shows what pending trials wait for.

    The silence is counted from the moment a worker is ready; its first report includes loading the data.

    Args:
        place: resources of each worker, and the seconds that it may be silent.
        cluster: returns the amounts that the cluster has now, by name.
        kill: ends the worker of a trial of Tune, wherever it is.
        progress: shows what pending trials wait for.
        fixed: True if the cluster is one node that no other will join.
    """

    def __init__(
        self,
        place: Place,
        cluster: Callable[[], Mapping[str, float]],
        kill: Callable[[Any], None],
        progress: Progress | None,
        *,
        fixed: bool = False,
    ) -> None:
        self._place, self._cluster, self._kill, self._progress = place, cluster, kill, progress
        self._timeout = place.trial_timeout
        self._heard: dict[str, float] = {}
        self._looked = self._served = time.monotonic()
        self._waiting: str | None = None
        self._fixed = fixed
        self.node_lost = False
        """True once a fixed cluster has no node any more."""
        self.hung: set[str] = set()
        """Ids of the trials of Tune whose worker hung and was killed."""

    @property
    def reason(self) -> str:
        """The error message of a trial that hung."""
        return f"no report for {self._timeout:g} seconds, twice"

    def heard(self, trial_id: str) -> None:
        """Note that a worker is ready or has reported."""
        self._heard[trial_id] = time.monotonic()

    def ended(self, trial_id: str) -> None:
        """Stop watching a worker that has nothing left to do."""
        self._heard.pop(trial_id, None)

    def look(self, trials: Sequence[Any]) -> None:
        """Check Tune's trials, at most once a second."""
        now = time.monotonic()
        if now - self._looked < min(LOOK_EVERY, self._timeout or math.inf):
            return
        if now - self._looked > LONGEST_STEP:  # the driver did not process reports in this time
            self._heard = {trial_id: moment + now - self._looked for trial_id, moment in self._heard.items()}
        self._looked = now
        running = [trial for trial in trials if trial.status == "RUNNING"]
        pending = sum(trial.status == "PENDING" for trial in trials)
        for trial in running:
            if self._timeout is not None and now - self._heard.get(trial.trial_id, now) > self._timeout:
                self.hung.add(trial.trial_id)
                self.ended(trial.trial_id)
                self._kill(trial)
        if not pending:
            self._served = now
        self._say(self._lacking(len(running), pending) if now - self._served > PATIENCE else None)

    def _lacking(self, running: int, pending: int) -> str | None:
        amounts = self._cluster()
        self.node_lost = self._fixed and not amounts
        lacking = self._place.lacking(running + pending, amounts)
        if lacking is None and not running:
            return "waiting for workers; the cluster is busy"
        return lacking

    def _say(self, waiting: str | None) -> None:
        if waiting != self._waiting and self._progress is not None:
            self._progress.wait(waiting)
        self._waiting = waiting
