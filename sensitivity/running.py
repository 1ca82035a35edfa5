"""Run a study on Ray: plan what the store lacks, train it in cohorts, keep every epoch as it arrives."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from search_spaces.adaptive import RETRIES, Adaptive, Apart, Persistent, Planned, early_stopping
from search_spaces.designs import AdaptiveDesign
from sensitivity import own_trainables
from sensitivity.assignments import Assignments, OwnAssignments
from sensitivity.centers import asks_for_best, centered
from sensitivity.environment import quiet
from sensitivity.planning import plan, trials
from sensitivity.shipping import by_value, shipped
from sensitivity.study import Study
from trainables.names import InputError
from trainables.ray_tune import CohortTrainable

if TYPE_CHECKING:
    from sensitivity.progress import Progress
    from sensitivity.results import Results
    from sensitivity.store import Store

CHECKPOINT_EVERY = 20
"""Results between two checkpoints of a cohort; a result is about a second of training."""


class Interrupted(Exception):
    """The run was stopped by SIGINT; everything reported is in the store."""


def run(
    study: Study,
    *,
    store: Store | str | pathlib.Path = "sensitivity.sqlite",
    address: str | None = None,
    workers: int | None = None,
    gpus_per_worker: float = 0.0,
    cohort_size: int | None = None,
    data_root: str | pathlib.Path | None = None,
    download: bool = False,
    progress: Progress | None = None,
) -> Results:
    """Train every trial of the study that the store lacks, and return the results.

    Args:
        study: the specification. store: a :class:`Store`, a path to SQLite or a URL; made when it does not exist.
        address: of a Ray cluster; a local Ray is started and stopped when not given. workers: cohorts trained at once; one a core
        when not given.
        gpus_per_worker: share of a GPU for each worker, 0 trains on the CPU.
        cohort_size: trials that a worker is given at once, and on a GPU trains as one program; results do not depend on it. The study's
            own, or what measures best, when not given.
        data_root: the folder that holds the datasets. download: fetch what is missing there.
        progress: shows how far the run is.

    Raises: InputError for a study or data that cannot be run, before anything is written; Interrupted on SIGINT.
    """
    from sensitivity.results import Results
    from sensitivity.store import Store

    _check_place(address, workers, gpus_per_worker)
    if cohort_size is not None and cohort_size < 1:
        raise InputError(f"cohort_size must be at least 1, got {cohort_size}")
    # Workers train in folders of their own, so the path is absolute. What is missing is fetched once, here, unless they are elsewhere.
    root = str(pathlib.Path(data_root or "data").absolute())
    _check_data(study, {"data_root": root, "download": download})
    data = {"data_root": root, "download": download and address is not None}
    own = shipped(study)
    _scheduler(study, str)
    kept = store if isinstance(store, Store) else Store(store, create=not asks_for_best(study))
    kind = Assignments if study.trainable is None else OwnAssignments
    device = "cuda" if gpus_per_worker > 0 else "cpu"
    try:
        study = centered(study, kept)
        largest = 1 if study.trainable is not None else cohort_size or study.cohort_size
        given = kind(study, kept, data, device, largest, stops_early="scheduler" in study.design, shipped=own)
        _train(study, kept, given, progress, address, workers or (os.cpu_count() or 1), gpus_per_worker)
        return Results.from_store(kept, study.name)
    except KeyboardInterrupt:
        raise Interrupted(study.name) from None
    finally:
        if kept is not store:
            kept.close()


def _check_place(address: str | None, workers: int | None, gpus_per_worker: float) -> None:
    """Where the study is to run exists; Ray itself would wait a minute for a cluster that does not answer."""
    import socket

    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    if not 0 <= gpus_per_worker < math.inf:
        raise InputError(f"gpus_per_worker must be at least 0, got {gpus_per_worker}")
    if address is not None and address.startswith("ray://"):
        raise InputError(
            f"address {address!r} is a Ray Client's, through which Ray Tune cannot keep results as they arrive; "
            "run this on a node of the cluster with --address auto, or give the head's HOST:PORT"
        )
    host, separator, port = (address or "").rpartition(":")
    if separator and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except (OSError, OverflowError) as error:
            raise InputError(f"no Ray cluster at address {address!r}: {error}") from None
    if gpus_per_worker > 0 and address is None:
        import torch

        if not torch.cuda.is_available():
            have = "but this machine has no CUDA device; leave it at 0 or give the address of a cluster"
            raise InputError(f"gpus_per_worker is {gpus_per_worker}, {have}")


def _check_data(study: Study, data: Mapping[str, Any]) -> None:
    """Missing data, and a model that does not fit them, are found here, in the first second, not by every worker."""
    from trainables.datasets import load
    from trainables.function_tasks import FunctionTask
    from trainables.task_checks import check_task
    from trainables.tasks import task

    for each in map(task, study.tasks) if study.trainable is None else ():
        if not isinstance(each, FunctionTask):
            check_task(each, load(each.dataset, **data))


def _train(
    study: Study, store: Store, given: Assignments, progress: Progress | None, address: str | None, workers: int, gpus: float
) -> None:
    planned = [] if study.adaptive else trials(study)
    done = store.known(each.key for each in planned)
    cohorts = [] if study.adaptive else plan(planned, done, workers=workers, cohort_size=given.largest, device=given.device)

    def begin(total: int) -> None:
        store.add_study(study.name, study.to_stored(), planned, replace=True)
        if progress is not None:
            progress.begin(study, total, done)

    if not study.adaptive and not cohorts:
        begin(len(planned))
        return
    with quiet(), _ray(address, workers):  # before anything is written: a cluster that does not answer is bad input
        if study.adaptive:
            searcher: Adaptive | Planned = _adaptive(study, store, given)
            planned = [trial for label, configuration in searcher.chosen() for trial in given.members(label, configuration)]
            done = store.known(each.key for each in planned)
            begin(len(study.tasks) * len(study.variants) * len(study.seeds) * study.design["n"])
        else:
            searcher = Planned([given.config(each) for each in cohorts])
            begin(len(planned))
        try:
            _fit(study, store, given, searcher, progress, workers, gpus, checkpoints=address is None)
        finally:
            searcher.close()


def _adaptive(study: Study, store: Store, given: Assignments) -> Adaptive:
    """The searcher of an adaptive study, which goes on from what Optuna's storage has."""
    design = study.rule(study.variants[0])
    assert isinstance(design, AdaptiveDesign)
    return Adaptive(
        {label: study.space(variant) for label, (_, variant) in given.labels().items()},
        n=design.n,
        sampler=design.sampler,
        seed=design.seed,
        cohort_size=1 if given.stops_early else given.largest or 1,
        cohort=given.chosen,
        members=lambda label, configuration: [trial.key for trial in given.members(label, configuration)],
        known=given.known,
        outcome=given.outcome,
        storage=store.optuna_url,
    )


def _fit(
    study: Study,
    store: Store,
    given: Assignments,
    searcher: Adaptive | Planned,
    progress: Progress | None,
    workers: int,
    gpus: float,
    *,
    checkpoints: bool,
) -> None:
    ended: set[str] = set()
    recorder = Recorder(store, given, progress, ended)
    persistent = Persistent(
        searcher, ended, present=given.present, reports=given.reports, ending=given.ending, lost=recorder.lost_its_worker
    )
    recorder.cohorts = persistent.cohorts
    own = study.trainable is not None
    trainable = own_trainables.resolve(study.trainable) if study.trainable is not None else CohortTrainable
    with tempfile.TemporaryDirectory(prefix="sensitivity-", ignore_cleanup_errors=True) as folder:
        tuner = tune.Tuner(
            trainable if _asks_for_resources(trainable) else tune.with_resources(trainable, {"cpu": 1, "gpu": gpus}),
            tune_config=tune.TuneConfig(
                search_alg=persistent,
                num_samples=-1,
                max_concurrent_trials=workers,
                scheduler=_scheduler(study, recorder.kind),
                reuse_actors=not own,
                # The cohort's members would otherwise be spelt out in the name of its folder.
                trial_dirname_creator=_trial_id,
                trial_name_creator=_trial_id,
            ),
            run_config=tune.RunConfig(
                name="study",
                storage_path=folder,
                verbose=0,
                stop={"training_iteration": study.epochs} if own and study.epochs is not None else None,
                callbacks=[recorder],
                failure_config=tune.FailureConfig(max_failures=0 if own else RETRIES),
                # A checkpoint lies on this machine, where workers elsewhere could not write it; they begin a lost cohort anew.
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False)
                if own
                else tune.CheckpointConfig(
                    num_to_keep=1, checkpoint_frequency=CHECKPOINT_EVERY if checkpoints else 0, checkpoint_at_end=False
                ),
            ),
        )
        with by_value(ray.cloudpickle):
            tuner.fit()


def _scheduler(study: Study, kind: Callable[[Any], Any]) -> Any:
    name = study.design.get("scheduler")
    if name is None:
        return None
    own = study.trainable is not None
    metric, mode = (study.metric, study.direction) if own else ("objective", "min")
    early_stopping(name, metric, mode, study.epochs or 1)  # what is wrong with it is said at once
    return Apart(lambda: early_stopping(name, metric, mode, study.epochs or 1), kind)


def _asks_for_resources(trainable: Any) -> bool:
    """Whether a trainable of the user's own came with ``tune.with_resources``."""
    return hasattr(trainable, "_resources") or "default_resource_request" in vars(trainable if isinstance(trainable, type) else type)


class Recorder(tune.Callback):
    """Writes every result into the store before Tune asks the worker for the next."""

    def __init__(self, store: Store, given: Assignments, progress: Progress | None, ended: set[str]) -> None:
        self._store, self._given, self._progress, self._ended = store, given, progress, ended
        self._tunes: dict[str, Any] = {}
        self.cohorts: Mapping[str, Mapping[str, Any]] = {}
        """The cohort of each of Tune's trials, by its id."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles what it is given to restore a run from, and here the store is what a run is restored from."""
        return {}

    def kind(self, trial: Any) -> tuple[str, str]:
        """Task and variant of one of Tune's trials."""
        cohort = self.cohorts[trial.trial_id]
        return cohort["task"], cohort["variant"]

    def lost_its_worker(self, trial_id: str) -> bool:
        """Whether the error of one of Tune's trials was the loss of its worker, and not an exception in the trainable."""
        return not isinstance(_error(self._tunes.get(trial_id)), ray.exceptions.RayTaskError)

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Note the trial, to look up its error."""
        self._tunes[trial.trial_id] = trial

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any) -> None:
        """Keep the epochs that a worker reports."""
        cohort = self.cohorts[trial.trial_id]
        self._keep(cohort, self._given.reports(cohort, result))
        if self._progress is not None and result.get("reason") is not None:
            self._progress.note(f"{cohort['variant']} on {cohort['task']} trains one trial after another: {result['reason']}")

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Keep what the end of a cohort says."""
        cohort = self.cohorts[trial.trial_id]
        self._keep(cohort, self._given.ending(cohort, trial.last_result))
        self._tunes.pop(trial.trial_id, None)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """An exception in the trainable, or a worker lost more often than it is replaced: what had not ended has failed."""
        cohort = self.cohorts[trial.trial_id]
        lost = self.lost_its_worker(trial.trial_id)
        if lost and cohort["attempt"] <= RETRIES:
            return
        error = _error(trial)
        cause = getattr(error, "cause", None) or error
        reason = " ".join(str(cause).split())[:500]
        reason = f"worker lost {RETRIES + 1} times: {reason}" if lost else f"{type(cause).__name__}: {reason}"
        left = [member["key"] for member in cohort["members"] if member["key"] not in self._ended]
        self._keep(cohort, [{"key": key, "status": "failed", "error": reason} for key in left])
        self._tunes.pop(trial.trial_id, None)

    def _keep(self, cohort: Mapping[str, Any], reports: Sequence[Mapping[str, Any]]) -> None:
        measured = [each for each in reports if each["status"] not in ("failed", "stopped")]
        self._store.record_all([(each["key"], each["initial_loss"], [each]) for each in measured])
        for report in reports:
            key, status = report["key"], report["status"]
            if status == "failed":
                self._store.fail(key, report["error"])
            elif status == "stopped":
                self._store.end(key, status)
            if status != "running":
                self._ended.add(key)
            if self._progress is not None:
                self._progress.report(cohort["variant"], report, self._given.outcome(report))


def _error(trial: Any) -> Exception | None:
    """The exception that ended one of Tune's trials; Tune's own way to ask finds it only after its next checkpoint."""
    file = pathlib.Path(trial.pickled_error_file) if trial is not None and trial.pickled_error_file else None
    return ray.cloudpickle.loads(file.read_bytes()) if file is not None and file.exists() else None


def _trial_id(trial: Any) -> str:
    return str(trial.trial_id)


@contextlib.contextmanager
def _ray(address: str | None, workers: int) -> Iterator[None]:
    """A connection to the cluster, or a Ray of our own for the time of the run."""
    already = ray.is_initialized()
    if not already:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if address is None:
            ray.init(address="local", num_cpus=workers, include_dashboard=False, **options)
        else:
            try:
                ray.init(address=address, **options)
            except (ConnectionError, ValueError) as error:
                first = str(error).strip().splitlines()[0]
                raise InputError(f"no Ray cluster at address {address!r}: {first}") from error
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        if not already:
            ray.shutdown()
