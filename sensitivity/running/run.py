"""Run a study: plan the missing trials, train them in cohorts, store every epoch as it arrives."""

from __future__ import annotations

import contextlib
import logging
import pathlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from search_spaces.adaptive import Adaptive, FixedSearcher
from sensitivity.running.adaptive_search import adaptive_searcher
from sensitivity.running.assignments import Assignments, ProgramAssignments, TrainableAssignments
from sensitivity.running.centers import asks_for_best, centered
from sensitivity.running.in_process import Choice, ThisProcess, Where
from sensitivity.running.node_losses import restarting
from sensitivity.running.places import Place, check_place
from sensitivity.running.reports import Reports
from sensitivity.running.shipping import shipped
from sensitivity.store.delivery import Delivery
from sensitivity.store.journal import bring_in
from sensitivity.store.queries import has_study_results
from sensitivity.store.run_lock import RunLock
from sensitivity.study.checking import check_data
from sensitivity.study.margins import margin_change
from sensitivity.study.own_trainables import is_program
from sensitivity.study.planning import plan, trials
from sensitivity.study.study import Study
from sensitivity.study.trial import DONE
from sensitivity.text.environment import interruptible
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results
    from sensitivity.running.progress import Progress
    from sensitivity.running.through_ray import RayWorkers
    from sensitivity.store.store import Store


class Interrupted(Exception):
    """SIGINT stopped the run; every reported epoch is in the store."""


class AllFailed(RuntimeError):
    """Every trial of the study failed; the message has the error of the first.

    Args:
        results: of the study.
    """

    def __init__(self, results: Results) -> None:
        errors = results.trials["error"].dropna()
        first = f"; the first: {errors.iloc[0]}" if len(errors) else ""
        super().__init__(f"all {len(results.trials)} trials of {results.study!r} failed{first}")
        self.results = results


def run(
    study: Study,
    *,
    store: Store | str | pathlib.Path = "sensitivity.sqlite",
    address: str | None = None,
    workers: int | None = None,
    gpus_per_worker: float = 0.0,
    cpus_per_worker: float = 1.0,
    resources: Mapping[str, float] | None = None,
    labels: Mapping[str, str] | None = None,
    trial_timeout: float | None = None,
    storage: str | pathlib.Path | None = None,
    cohort_size: int | None = None,
    data_root: str | pathlib.Path | None = None,
    download: bool = False,
    progress: Progress | None = None,
    force: bool = False,
    where: Where | None = None,
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
        cpus_per_worker: CPUs that Ray sets aside for each worker; a study of this project's tasks uses one.
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
        where: ``process`` trains in this process, ``ray`` through Ray; None takes the process for a small
            study that it trains sooner. Results do not depend on it.

    Raises: InputError for a study or data that cannot be run, before anything is written; Unreachable, a
    subclass, if reports could not be delivered to the store; AllFailed if no trial trained; Interrupted on
    SIGINT.
    """
    from sensitivity.results.results import Results
    from sensitivity.store.store import Store

    place = Place(address, workers, gpus_per_worker, resources or {}, trial_timeout, storage, labels or {})
    place = replace(place, cpus_per_worker=cpus_per_worker)
    if cohort_size is not None and cohort_size < 1:
        raise InputError(f"cohort_size must be at least 1, got {cohort_size}")
    if study.trainable is not None:
        check_place(study, place)
    place.reach()
    # Absolute, as workers run in other folders. Missing data are downloaded here once, unless the workers
    # are on a cluster.
    root = str(pathlib.Path(data_root or "data").absolute())
    check_data(study, {"data_root": root, "download": download})
    data = {"data_root": root, "download": download and address is not None}
    objects = shipped(study)
    choice = Choice.of(study, place, where, shipped=objects is not None)
    if not choice.is_process(_total(study)):
        _check_ray(study, place)
    opened = store if isinstance(store, Store) else Store(store, create=not asks_for_best(study))
    assignments_class = _assignments_class(study)
    device = "cuda" if gpus_per_worker > 0 else "cpu"
    note = progress.note if progress is not None else logging.getLogger(__name__).warning
    lock = RunLock(opened, study.name, note)
    try:
        with interruptible(), opened.database.pinned(), lock.locked(force=force):
            bring_in(opened, pathlib.Path.cwd(), note)  # reports of earlier runs
            study = centered(study, opened)
            before = opened.study(study.name) if has_study_results(opened, study.name) else None
            if before is not None and (said := margin_change(before, study.margin)):
                note(said)
            largest = 1 if study.trainable is not None else cohort_size or study.cohort_size
            assignments = assignments_class(
                study, opened, data, device, largest, stops_early="scheduler" in study.design, shipped=objects
            )
            restarting(lambda: _train(study, assignments, choice, progress, lock), note)
            results = Results.from_store(opened, study.name)
            if len(results.trials) and (results.trials["status"] == "failed").all():
                raise AllFailed(results)
            return results
    except KeyboardInterrupt:
        raise Interrupted(study.name) from None
    finally:
        if opened is not store:
            opened.close()


def _assignments_class(study: Study) -> type[Assignments]:
    if study.trainable is None:
        return Assignments
    return ProgramAssignments if is_program(study.resolved.trainable()) else TrainableAssignments


def _total(study: Study) -> int | None:
    """Return the number of trials; None if it depends on what the store has."""
    if study.adaptive:
        return len(study.tasks) * len(study.variants) * len(study.seeds) * int(study.design["n"])
    return None if asks_for_best(study) else len(trials(study))


def _check_ray(study: Study, place: Place) -> None:
    """Check what Ray needs, before anything is written.

    Raises: InputError.
    """
    import ray

    from sensitivity.running.local_ray import check_temporary_folder
    from sensitivity.running.through_ray import scheduler

    scheduler(study, str)
    if place.address is None and not ray.is_initialized():
        check_temporary_folder()


def _train(
    study: Study, assignments: Assignments, choice: Choice, progress: Progress | None, lock: RunLock
) -> None:
    store = assignments.store
    planned = [] if study.adaptive else trials(study)
    done = store.known(trial.key for trial in planned)

    def begin(total: int) -> None:
        store.add_study(study.name, study.to_stored(), planned, replace=True)
        if progress is not None:
            progress.begin(study, total, done)

    missing = sum(done.get(trial.key) not in DONE for trial in planned)
    if not study.adaptive and not missing:
        begin(len(planned))
        return
    delivery = Delivery(
        store, pathlib.Path.cwd(), progress.say if progress is not None else lambda note: None
    )
    # Connect before anything is written: a cluster that does not answer is bad input.
    with (
        contextlib.closing(delivery),
        _workers(study, assignments, choice, missing or _total(study), progress, lock) as workers,
    ):
        if study.adaptive:
            searcher: Adaptive | FixedSearcher
            searcher = adaptive = adaptive_searcher(study, store, assignments, delivery)
            planned = [
                trial
                for label, configuration in adaptive.chosen()
                for trial in assignments.members(label, configuration)
            ]
            done = store.known(trial.key for trial in planned)
            begin(_total(study) or 0)
        else:
            cohorts = plan(
                planned,
                done,
                workers=workers.count,
                cohort_size=assignments.largest,
                device=assignments.device,
            )
            searcher = FixedSearcher([assignments.config(cohort) for cohort in cohorts])
            begin(len(planned))
        store.add_run(study.name, workers.environment())
        try:
            workers.train(searcher, Reports(delivery, assignments, progress))
            delivery.finish()
        finally:
            searcher.close()


def _workers(
    study: Study,
    assignments: Assignments,
    choice: Choice,
    missing: int | None,
    progress: Progress | None,
    lock: RunLock,
) -> ThisProcess | RayWorkers:
    if choice.is_process(missing):
        if progress is not None and choice.where is None:
            progress.note("training in this process, as the study is small (--where ray uses Ray)")
        return ThisProcess(assignments, lock)
    from sensitivity.running.through_ray import RayWorkers

    return RayWorkers(study, assignments, choice.place, progress, lock)
