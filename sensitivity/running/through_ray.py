"""Training of a study's cohorts by workers of Ray Tune."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from search_spaces.persistent import Persistent
from search_spaces.schedulers import PerVariantScheduler, early_stopping
from sensitivity.running import local_ray
from sensitivity.running.channel import EPOCH
from sensitivity.running.compat import uncounted_callbacks
from sensitivity.running.devices import environment
from sensitivity.running.recorder import Recorder, kill_worker
from sensitivity.running.shipping import by_value
from sensitivity.running.watching import Watch
from sensitivity.study import own_trainables
from sensitivity.text.environment import quiet
from trainables.ray_tune import CohortTrainable

if TYPE_CHECKING:
    from search_spaces.adaptive import Adaptive, FixedSearcher
    from sensitivity.running.assignments import Assignments
    from sensitivity.running.places import Place
    from sensitivity.running.progress import Progress
    from sensitivity.running.reports import Reports
    from sensitivity.store.run_lock import RunLock
    from sensitivity.study.study import Study

CHECKPOINT_EVERY = 20
"""Number of results between two checkpoints of a cohort; a result is about a second of training."""


class RayWorkers:
    """The workers of a cluster, or of a local Ray; a context manager around the training.

    Args:
        study: the specification.
        assignments: the cohorts of the study.
        place: the cluster, and the resources of each worker.
        progress: shows what pending trials wait for.
        lock: of the run.
    """

    def __init__(
        self, study: Study, assignments: Assignments, place: Place, progress: Progress | None, lock: RunLock
    ) -> None:
        self._study, self._assignments, self._place = study, assignments, place
        self._progress, self._lock = progress, lock
        self._open = contextlib.ExitStack()
        self.count = 0
        """Number of cohorts trained at once."""

    def __enter__(self) -> RayWorkers:
        """Connect; a cluster that does not answer is bad input."""
        with contextlib.ExitStack() as opened:
            opened.enter_context(quiet())
            self._fixed = opened.enter_context(local_ray.connection(self._place))
            self.count = self._place.room(self._place.amounts(ray.nodes()))
            self._open = opened.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def environment(self) -> dict[str, Any]:
        """Return workers, hosts and devices, in the form of the store."""
        return environment(ray.nodes(), self.count, gpus=self._place.gpus_per_worker > 0)

    def train(self, searcher: Adaptive | FixedSearcher, reports: Reports) -> None:
        """Train the cohorts of a searcher.

        Args:
            searcher: chooses the cohorts.
            reports: delivers what workers report.

        Raises: NodeLost, if the only node of a local Ray is gone.
        """
        watch = Watch(
            self._place,
            lambda: self._place.amounts(ray.nodes()),
            kill_worker,
            self._progress,
            fixed=self._fixed,
        )
        recorder = Recorder(reports, self._assignments, watch, self._lock)
        persistent = Persistent(
            searcher,
            reports.ended,
            trainable_config=self._assignments.trainable_config,
            reports=self._assignments.reports,
            ending=self._assignments.ending,
            attempts=recorder.attempts,
            give_up=recorder.give_up,
        )
        recorder.cohorts = persistent.cohorts
        is_users = self._study.trainable is not None
        trainable = self._study.resolved.trainable() if self._study.trainable is not None else CohortTrainable
        is_program = is_users and own_trainables.is_program(trainable)
        # Workers on other machines cannot use a checkpoint on this machine: they restart a lost cohort.
        checkpoints = not is_users and (self._place.storage is not None or self._place.address is None)
        with tempfile.TemporaryDirectory(prefix="sensitivity-", ignore_cleanup_errors=True) as folder:
            tuner = tune.Tuner(
                trainable
                if own_trainables.asks_for_resources(trainable)
                else tune.with_resources(
                    trainable, tune.PlacementGroupFactory([self._place.request], **self._place.selector)
                ),
                tune_config=tune.TuneConfig(
                    search_alg=persistent,
                    num_samples=-1,
                    max_concurrent_trials=self.count,
                    scheduler=scheduler(self._study, recorder.kind),
                    reuse_actors=not is_users,
                    # Tune's default folder name contains the whole config of the cohort.
                    trial_dirname_creator=_trial_id,
                    trial_name_creator=_trial_id,
                ),
                run_config=tune.RunConfig(
                    name=pathlib.Path(folder).name,
                    storage_path=str(self._place.storage or folder),
                    verbose=0,
                    stop={"training_iteration": self._study.epochs}
                    if is_users and self._study.epochs is not None and not is_program
                    else None,
                    callbacks=[recorder],
                    failure_config=tune.FailureConfig(max_failures=0),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False)
                    if is_users
                    else tune.CheckpointConfig(
                        num_to_keep=1,
                        checkpoint_frequency=CHECKPOINT_EVERY if checkpoints else 0,
                        checkpoint_at_end=False,
                    ),
                ),
            )
            with by_value(ray.cloudpickle), uncounted_callbacks():
                tuner.fit()


def scheduler(study: Study, kind: Callable[[Any], Any]) -> Any:
    """Return the scheduler of a study's design, or None.

    Args:
        study: the specification.
        kind: function that returns task and variant of a trial of Tune.

    Raises: InputError for a scheduler that cannot be made.
    """
    name = study.design.get("scheduler")
    if name is None:
        return None
    is_users = study.trainable is not None
    metric, mode = (study.metric, study.direction) if is_users else ("objective", "min")
    is_program = is_users and own_trainables.is_program(study.resolved.trainable())
    arguments = (name, metric, mode, study.epochs or 1, EPOCH if is_program else "training_iteration")
    early_stopping(*arguments)  # raises for a bad scheduler
    return PerVariantScheduler(lambda: early_stopping(*arguments), kind)


def _trial_id(trial: Any) -> str:
    return str(trial.trial_id)
