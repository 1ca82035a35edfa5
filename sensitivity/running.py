"""Run a study on Ray: plan what the store lacks, train it in cohorts, keep every epoch as it arrives."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from search_spaces.adaptive import RETRIES, Adaptive, Persistent, Planned
from search_spaces.designs import AdaptiveDesign
from sensitivity.planning import DONE
from sensitivity.study import Study
from trainables.names import InputError
from trainables.ray_tune import CohortTrainable

if TYPE_CHECKING:
    from sensitivity.planning import Cohort, Trial
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
        data_root: the folder that holds the datasets. download: fetch what is missing there.
        progress: shows how far the run is.

    Raises: InputError for a study or data that cannot be run, before anything is written; Interrupted on SIGINT.
    """
    from sensitivity.results import Results
    from sensitivity.store import Store

    _check_place(address, workers, gpus_per_worker)
    # Workers train in folders of their own, so the path is absolute. What is missing is fetched once, here, unless they are elsewhere.
    root = str(pathlib.Path(data_root or "data").absolute())
    _check_data(study, {"data_root": root, "download": download})
    data = {"data_root": root, "download": download and address is not None}
    kept = store if isinstance(store, Store) else Store(store)
    try:
        _Run(study, kept, data, progress, gpus_per_worker).train(address, workers)
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
    """Missing data is found here, in the first second, not by every worker."""
    from trainables.datasets import load
    from trainables.tasks import task

    for name in {task(each).dataset for each in study.tasks}:
        load(name, **data)


class _Run:
    """One call of :func:`run`."""

    def __init__(self, study: Study, store: Store, data: Mapping[str, Any], progress: Progress | None, gpus: float) -> None:
        self.study, self.store, self.data, self.progress, self.gpus = study, store, dict(data), progress, gpus

    def train(self, address: str | None, workers: int | None) -> None:
        from sensitivity.planning import plan, trials

        study = self.study
        planned = [] if study.adaptive else trials(study)
        done = self.store.known(each.key for each in planned)
        count = workers or (os.cpu_count() or 1)
        cohorts = [] if study.adaptive else plan(planned, done, workers=count, cohort_size=study.cohort_size)
        if not study.adaptive and not cohorts:
            self._begin(planned, len(planned), done)
            return
        with _ray(address, count):  # before anything is written: a cluster that does not answer is bad input
            if study.adaptive:
                searcher: Adaptive | Planned = self._adaptive()
                planned = self._chosen_before(searcher)
                done = self.store.known(each.key for each in planned)
                self._begin(planned, len(study.tasks) * len(study.variants) * len(study.seeds) * study.design["n"], done)
            else:
                searcher = Planned([self._config(each) for each in cohorts])
                self._begin(planned, len(planned), done)
            try:
                self._fit(searcher, count, checkpoints=address is None)
            finally:
                searcher.close()

    def _begin(self, planned: Sequence[Trial], total: int, done: Mapping[str, str]) -> None:
        self.store.add_study(self.study.name, self.study.to_stored(), planned, replace=True)
        if self.progress is not None:
            self.progress.begin(self.study, total, done)

    def _chosen_before(self, searcher: Adaptive) -> list[Trial]:
        """The trials of the configurations that an earlier run of this question chose: an optimizer goes on from them."""
        from sensitivity.planning import trials_of

        return [
            trial for label, configuration in searcher.chosen() for trial in trials_of(self.study, *self._labels()[label], configuration)
        ]

    def _labels(self) -> dict[str, tuple[str, str]]:
        """Task and variant of each of Optuna's sub-studies."""
        study, question = self.study, self._question(self.study)
        return {f"{study.name}/{task}/{variant}/{question}": (task, variant) for task in study.tasks for variant in study.variants}

    def _question(self, study: Study) -> str:
        """What has to be equal for an optimizer to go on: everything but how far it is to go, and how."""
        same = study.model_dump(exclude={"name", "design", "cohort_size", "variants", "tasks"})
        return hashlib.sha256(json.dumps([same, study.design["kind"]], sort_keys=True, default=str).encode()).hexdigest()[:8]

    def _fit(self, searcher: Adaptive | Planned, workers: int, *, checkpoints: bool) -> None:
        ended: set[str] = set()
        with tempfile.TemporaryDirectory(prefix="sensitivity-", ignore_cleanup_errors=True) as folder:
            tuner = tune.Tuner(
                tune.with_resources(CohortTrainable, {"cpu": 1, "gpu": self.gpus}),
                tune_config=tune.TuneConfig(
                    search_alg=Persistent(searcher, ended),
                    num_samples=-1,
                    max_concurrent_trials=workers,
                    reuse_actors=True,
                    # The cohort's members would otherwise be spelt out in the name of its folder.
                    trial_dirname_creator=_trial_id,
                    trial_name_creator=_trial_id,
                ),
                run_config=tune.RunConfig(
                    name="study",
                    storage_path=folder,
                    verbose=0,
                    callbacks=[Recorder(self.store, self._outcome, self.progress, ended)],
                    failure_config=tune.FailureConfig(max_failures=RETRIES),
                    # A checkpoint lies on this machine, where workers elsewhere could not write it; they begin a lost cohort anew.
                    checkpoint_config=tune.CheckpointConfig(
                        num_to_keep=1, checkpoint_frequency=CHECKPOINT_EVERY if checkpoints else 0, checkpoint_at_end=False
                    ),
                ),
            )
            tuner.fit()

    def _config(self, cohort: Cohort) -> dict[str, Any]:
        return {
            "task": cohort.task,
            "variant": cohort.variant,
            "limit": self.study.limit,
            "data": self.data,
            "device": "cuda" if self.gpus > 0 else "cpu",
            "members": [
                {
                    "key": trial.key,
                    "configuration": dict(trial.configuration),
                    "seed": trial.seed,
                    "epochs": trial.epochs,
                    "batch_size": trial.batch_size,
                }
                for trial in cohort.trials
            ],
        }

    def _outcome(self, report: Mapping[str, Any]) -> tuple[str, float] | None:
        """Status and capped loss of a member whose report is its last."""
        status = report["status"]
        if status == "running":
            return None
        if status == "failed":
            return status, math.nan
        initial, loss = report["initial_loss"], report[self.study.metric]
        return status, initial if status == "diverged" or not math.isfinite(loss) else min(loss, initial)

    def _adaptive(self) -> Adaptive:
        from sensitivity.planning import Cohort, trials_of

        study = self.study
        labels = self._labels()

        def members(label: str, configuration: Mapping[str, Any]) -> list[Trial]:
            return trials_of(study, *labels[label], configuration)

        def cohort(label: str, configurations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
            chosen = [trial for configuration in configurations for trial in members(label, configuration)]
            self.store.add_study(study.name, study.to_stored(), chosen)
            wanted = self.store.statuses(study.name)
            fresh = [trial for trial in chosen if wanted.get(trial.key) not in DONE]
            return self._config(Cohort(*labels[label], tuple(fresh)))

        design = study.rule(study.variants[0])
        assert isinstance(design, AdaptiveDesign)
        return Adaptive(
            {label: study.space(variant) for label, (_, variant) in labels.items()},
            n=design.n,
            sampler=design.sampler,
            seed=design.seed,
            cohort_size=study.cohort_size or 1,
            cohort=cohort,
            members=lambda label, configuration: [trial.key for trial in members(label, configuration)],
            known=self._known,
            outcome=self._outcome,
            storage=self.store.optuna_url,
        )

    def _known(self, key: str) -> tuple[str, float] | None:
        last = self.store.last_report(key)
        return self._outcome(last) if last is not None and last["status"] in DONE else None


class Recorder(tune.Callback):
    """Writes every result into the store before Tune asks the worker for the next."""

    def __init__(
        self, store: Store, outcome: Callable[[Mapping[str, Any]], tuple[str, float] | None], progress: Progress | None, ended: set[str]
    ) -> None:
        self._store, self._outcome, self._progress, self._ended = store, outcome, progress, ended

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles what it is given to restore a run from, and here the store is what a run is restored from."""
        return {}

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any) -> None:
        """Keep the epochs that a worker reports."""
        for report in result.get("reports", ()):
            if report["status"] == "failed":
                self._fail(trial, report["key"], report["error"])
            else:
                self._store.record(report["key"], initial_loss=report["initial_loss"], reports=[report])
                self._show(trial, report)
                if report["status"] != "running":
                    self._ended.add(report["key"])

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """The worker was lost more often than it is started again: what it had not finished has failed."""
        if trial.config["attempt"] <= RETRIES:
            return
        reason = str(getattr(trial, "get_error", lambda: None)() or "worker lost").strip().splitlines()
        for member in trial.config["members"]:
            if member["key"] not in self._ended:
                self._fail(trial, member["key"], f"worker lost {RETRIES + 1} times: {reason[-1]}")

    def _fail(self, trial: Any, key: str, error: str) -> None:
        self._store.fail(key, error)
        self._ended.add(key)
        self._show(trial, {"key": key, "status": "failed", "error": error})

    def _show(self, trial: Any, report: Mapping[str, Any]) -> None:
        if self._progress is not None:
            self._progress.report(trial.config["variant"], report, self._outcome(report))


def _trial_id(trial: Any) -> str:
    return str(trial.trial_id)


@contextlib.contextmanager
def _ray(address: str | None, workers: int) -> Iterator[None]:
    """A connection to the cluster, or a Ray of our own for the time of the run."""
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # they cannot write a list of members
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # its banner is printed at verbose=0 too
    os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")  # SIGINT is ours: it has to end with 130
    os.environ.setdefault("TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S", "0")
    os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "3600")  # the store is the state: Tune's own copy is never read
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    already = ray.is_initialized()
    if not already:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if address is None:
            ray.init(address="local", num_cpus=workers, include_dashboard=False, **quiet)
        else:
            try:
                ray.init(address=address, **quiet)
            except (ConnectionError, ValueError) as error:
                first = str(error).strip().splitlines()[0]
                raise InputError(f"no Ray cluster at address {address!r}: {first}") from error
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        if not already:
            ray.shutdown()
