"""The callback of Ray Tune through which every report reaches the store."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from search_spaces.persistent import RETRIES
from sensitivity.running.node_losses import NodeLost

if TYPE_CHECKING:
    from sensitivity.running.assignments import Assignments
    from sensitivity.running.reports import Reports
    from sensitivity.running.watching import Watch
    from sensitivity.store.run_lock import RunLock


class Recorder(tune.Callback):
    """The callback that delivers every result, in one transaction, before Tune asks for the next."""

    def __init__(
        self,
        reports: Reports,
        assignments: Assignments,
        watch: Watch,
        lock: RunLock,
    ) -> None:
        self._reports, self._assignments, self._watch, self._lock = reports, assignments, watch, lock
        self._trials: list[Any] = []
        self.cohorts: Mapping[str, Mapping[str, Any]] = {}
        """Cohorts by the id of their trial of Tune."""

    def __getstate__(self) -> dict[str, Any]:
        """Return an empty state, as runs resume from the store, not from Tune's pickled callbacks."""
        return {}

    def kind(self, trial: Any) -> tuple[str, str]:
        """Return task and variant of a trial of Tune."""
        cohort = self.cohorts[trial.trial_id]
        return cohort["task"], cohort["variant"]

    def attempts(self, trial_id: str) -> int:
        """Return how often a trial of the cohort may end with the error of this trial of Tune."""
        if trial_id in self._watch.hung:
            return 2
        return 1 if isinstance(self._error(trial_id), ray.exceptions.RayTaskError) else RETRIES + 1

    def give_up(self, trial_id: str, keys: Sequence[str]) -> None:
        """Report trials as failed, with the error of a trial of Tune as the reason."""
        error = self._error(trial_id)
        cause = getattr(error, "cause", None) or error
        reason = " ".join(str(cause).split())[:500]
        if trial_id in self._watch.hung:
            reason = self._watch.reason
        elif self.attempts(trial_id) == 1:
            reason = f"{type(cause).__name__}: {reason}"
        else:
            reason = f"worker lost {RETRIES + 1} times: {reason}"
        self._reports.deliver(
            self.cohorts[trial_id], [{"key": key, "status": "failed", "error": reason} for key in keys]
        )

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Check for hanging workers and for workers that wait for a node.

        Raises: NodeLost.
        """
        self._trials = trials  # Tune updates this list in place
        self._watch.look(trials)
        if self._watch.node_lost:
            raise NodeLost(len(self._reports.ended))

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Note that the worker is ready."""
        self._watch.heard(trial.trial_id)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Retry an unreachable store.

        An exception raised here ends the run; in the other callbacks Tune would blame the trial.
        """
        self._lock.check()
        self._reports.delivery.tick()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Deliver the epochs that a worker reports."""
        self._watch.heard(trial.trial_id)
        cohort = self.cohorts[trial.trial_id]
        self._reports.deliver(cohort, self._assignments.reports(cohort, result))
        self._reports.note_reason(cohort, result)

    def on_checkpoint(
        self, iteration: int, trials: list[Any], trial: Any, checkpoint: Any, **info: Any
    ) -> None:
        """Let Tune restore the trial from its checkpoint after a lost worker.

        Without a checkpoint the cohort's trials are scheduled again.
        """
        trial.max_failures = trial.num_failures + RETRIES

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Deliver the final reports of a cohort."""
        cohort = self.cohorts[trial.trial_id]
        self._reports.deliver(cohort, self._assignments.ending(cohort, trial.last_result))
        self._watch.ended(trial.trial_id)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Stop watching a worker whose cohort was scheduled again or failed."""
        self._watch.ended(trial.trial_id)

    def _error(self, trial_id: str) -> Exception:
        """Return the exception that ended a trial of Tune.

        Tune stores only the text of an error outside the actor, such as a node without memory.
        """
        trial = next(candidate for candidate in reversed(self._trials) if candidate.trial_id == trial_id)
        try:
            if trial.pickled_error_file:
                error: Exception = ray.cloudpickle.loads(pathlib.Path(trial.pickled_error_file).read_bytes())
                return error
            return RuntimeError(
                pathlib.Path(trial.error_file).read_text().rpartition("Failure # ")[2].partition("\n")[2]
            )
        except (OSError, TypeError):  # Tune's folder was deleted
            return RuntimeError("its worker is gone")


def kill_worker(trial: Any) -> None:
    """Kill the worker of a trial of Tune, and do not restore its cohort, which would hang again."""
    trial.max_failures = 0
    ray.kill(trial.temporary_state.ray_actor)
