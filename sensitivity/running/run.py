"""Run a study on Ray: plan the missing trials, train them in cohorts, store every epoch as it arrives."""

from __future__ import annotations

import contextlib
import logging
import pathlib
import tempfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from search_spaces.adaptive import Adaptive, FixedSearcher
from search_spaces.persistent import Persistent
from search_spaces.schedulers import PerVariantScheduler, early_stopping
from sensitivity.running import local_ray
from sensitivity.running.adaptive_search import adaptive_searcher
from sensitivity.running.assignments import Assignments, TrainableAssignments
from sensitivity.running.centers import asks_for_best, centered
from sensitivity.running.compat import uncounted_callbacks
from sensitivity.running.devices import environment
from sensitivity.running.node_losses import restarting
from sensitivity.running.places import Place, check_place
from sensitivity.running.recorder import Recorder, kill_worker
from sensitivity.running.shipping import by_value, shipped
from sensitivity.running.watching import Watch
from sensitivity.store.delivery import Delivery
from sensitivity.store.journal import bring_in
from sensitivity.store.queries import has_study_results
from sensitivity.store.run_lock import RunLock
from sensitivity.study import own_trainables
from sensitivity.study.checking import check_data
from sensitivity.study.margins import margin_change
from sensitivity.study.planning import plan, trials
from sensitivity.study.study import Study
from sensitivity.study.trial import DONE
from sensitivity.text.environment import interruptible, quiet
from trainables.names import InputError
from trainables.ray_tune import CohortTrainable

if TYPE_CHECKING:
    from sensitivity.results.results import Results
    from sensitivity.running.progress import Progress
    from sensitivity.store.store import Store

CHECKPOINT_EVERY = 20
"""Number of results between two checkpoints of a cohort; a result is about a second of training."""


class Interrupted(Exception):
    """SIGINT stopped the run; every reported epoch is in the store."""


def run(
    study: Study,
    *,
    store: Store | str | pathlib.Path = "sensitivity.sqlite",
    address: str | None = None,
    workers: int | None = None,
    gpus_per_worker: float = 0.0,
    resources: Mapping[str, float] | None = None,
    labels: Mapping[str, str] | None = None,
    trial_timeout: float | None = None,
    storage: str | pathlib.Path | None = None,
    cohort_size: int | None = None,
    data_root: str | pathlib.Path | None = None,
    download: bool = False,
    progress: Progress | None = None,
    force: bool = False,
) -> Results:
    """Train every trial of the study that the store lacks, and return the results.

    If another run of the study is active on any machine, this run waits, and then trains the missing trials.

    Args:
        study: the specification.
        store: a :class:`Store`, a path of a SQLite file or a URL; created if missing.
        address: address of a Ray cluster; None starts a local Ray and stops it afterwards.
        workers: maximal number of cohorts trained at once; if None, one a core, or as many as the cluster has
            room for.
        gpus_per_worker: share of a GPU for each worker; 0 trains on the CPU.
        resources: amounts of the cluster's custom resources for each worker, by name.
        labels: labels of the nodes that train.
        trial_timeout: seconds without a report after which a worker is killed; its trial is tried once more.
        storage: folder of checkpoints, shared by all nodes, or a URL; if None, this machine, and no
            checkpoints on a cluster.
        cohort_size: number of trials in a worker's cohort, which a GPU trains as one program; if None, the
            study's own, or a measured optimum. Results do not depend on it: bit by bit on a CPU; to the
            rounding of the precision on a GPU and for user-defined small dense models.
        data_root: folder of the datasets.
        download: True to download missing datasets.
        progress: shows the progress of the run.
        force: True to run beside another run of the study; both may train the same trials.

    Raises: InputError for a study or data that cannot be run, before anything is written; Unreachable, a
    subclass, if reports could not be delivered to the store; Interrupted on SIGINT.
    """
    from sensitivity.results.results import Results
    from sensitivity.store.store import Store

    place = Place(address, workers, gpus_per_worker, resources or {}, trial_timeout, storage, labels or {})
    if cohort_size is not None and cohort_size < 1:
        raise InputError(f"cohort_size must be at least 1, got {cohort_size}")
    if study.trainable is not None:
        check_place(study, place)
    place.reach()
    if place.address is None and not ray.is_initialized():
        local_ray.check_temporary_folder()
    # Absolute, as workers run in other folders. Missing data are downloaded here once, unless the workers
    # are on a cluster.
    root = str(pathlib.Path(data_root or "data").absolute())
    check_data(study, {"data_root": root, "download": download})
    data = {"data_root": root, "download": download and address is not None}
    objects = shipped(study)
    _scheduler(study, str)
    opened = store if isinstance(store, Store) else Store(store, create=not asks_for_best(study))
    assignments_class = Assignments if study.trainable is None else TrainableAssignments
    device = "cuda" if gpus_per_worker > 0 else "cpu"
    note = progress.note if progress is not None else logging.getLogger(__name__).warning
    lock = RunLock(opened, study.name, note)
    try:
        with interruptible(), opened.database.pinned(), lock.locked(force=force):
            bring_in(opened, pathlib.Path.cwd())  # reports of earlier runs
            study = centered(study, opened)
            before = opened.study(study.name) if has_study_results(opened, study.name) else None
            if before is not None and (said := margin_change(before, study.margin)):
                note(said)
            largest = 1 if study.trainable is not None else cohort_size or study.cohort_size
            assignments = assignments_class(
                study, opened, data, device, largest, stops_early="scheduler" in study.design, shipped=objects
            )
            restarting(lambda: _train(study, opened, assignments, place, progress, lock), note)
            return Results.from_store(opened, study.name)
    except KeyboardInterrupt:
        raise Interrupted(study.name) from None
    finally:
        if opened is not store:
            opened.close()


def _train(
    study: Study,
    store: Store,
    assignments: Assignments,
    place: Place,
    progress: Progress | None,
    lock: RunLock,
) -> None:
    planned = [] if study.adaptive else trials(study)
    done = store.known(trial.key for trial in planned)

    def begin(total: int) -> None:
        store.add_study(study.name, study.to_stored(), planned, replace=True)
        if progress is not None:
            progress.begin(study, total, done)

    if not study.adaptive and all(done.get(trial.key) in DONE for trial in planned):
        begin(len(planned))
        return
    delivery = Delivery(
        store, pathlib.Path.cwd(), progress.say if progress is not None else lambda note: None
    )
    # Connect before anything is written: a cluster that does not answer is bad input.
    with contextlib.closing(delivery), quiet(), local_ray.connection(place) as started:
        workers = place.room(place.amounts(ray.nodes()))
        if study.adaptive:
            searcher: Adaptive | FixedSearcher = adaptive_searcher(study, store, assignments, delivery)
            planned = [
                trial
                for label, configuration in searcher.chosen()
                for trial in assignments.members(label, configuration)
            ]
            done = store.known(trial.key for trial in planned)
            begin(len(study.tasks) * len(study.variants) * len(study.seeds) * study.design["n"])
        else:
            cohorts = plan(
                planned, done, workers=workers, cohort_size=assignments.largest, device=assignments.device
            )
            searcher = FixedSearcher([assignments.config(cohort) for cohort in cohorts])
            begin(len(planned))
        store.add_run(study.name, environment(ray.nodes(), workers, gpus=place.gpus_per_worker > 0))
        watch = Watch(place, lambda: place.amounts(ray.nodes()), kill_worker, progress, fixed=started)
        try:
            _fit(
                study,
                assignments,
                searcher,
                Recorder(delivery, assignments, progress, watch, lock),
                workers,
                place,
            )
            delivery.finish()
        finally:
            searcher.close()


def _fit(
    study: Study,
    assignments: Assignments,
    searcher: Adaptive | FixedSearcher,
    recorder: Recorder,
    workers: int,
    place: Place,
) -> None:
    persistent = Persistent(
        searcher,
        recorder.ended,
        trainable_config=assignments.trainable_config,
        reports=assignments.reports,
        ending=assignments.ending,
        attempts=recorder.attempts,
        give_up=recorder.give_up,
    )
    recorder.cohorts = persistent.cohorts
    is_users = study.trainable is not None
    trainable = study.resolved.trainable() if study.trainable is not None else CohortTrainable
    # Workers on other machines cannot use a checkpoint on this machine: they restart a lost cohort.
    checkpoints = not is_users and (place.storage is not None or place.address is None)
    with tempfile.TemporaryDirectory(prefix="sensitivity-", ignore_cleanup_errors=True) as folder:
        tuner = tune.Tuner(
            trainable
            if own_trainables.asks_for_resources(trainable)
            else tune.with_resources(
                trainable, tune.PlacementGroupFactory([place.request], **place.selector)
            ),
            tune_config=tune.TuneConfig(
                search_alg=persistent,
                num_samples=-1,
                max_concurrent_trials=workers,
                scheduler=_scheduler(study, recorder.kind),
                reuse_actors=not is_users,
                # Tune's default folder name contains the whole config of the cohort.
                trial_dirname_creator=_trial_id,
                trial_name_creator=_trial_id,
            ),
            run_config=tune.RunConfig(
                name=pathlib.Path(folder).name,
                storage_path=str(place.storage or folder),
                verbose=0,
                stop={"training_iteration": study.epochs} if is_users and study.epochs is not None else None,
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


def _scheduler(study: Study, kind: Callable[[Any], Any]) -> Any:
    name = study.design.get("scheduler")
    if name is None:
        return None
    is_users = study.trainable is not None
    metric, mode = (study.metric, study.direction) if is_users else ("objective", "min")
    early_stopping(name, metric, mode, study.epochs or 1)  # raises for a bad scheduler
    return PerVariantScheduler(lambda: early_stopping(name, metric, mode, study.epochs or 1), kind)


def _trial_id(trial: Any) -> str:
    return str(trial.trial_id)
