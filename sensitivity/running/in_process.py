"""Training of a small study in this process, without the seconds that a Ray takes to start."""

from __future__ import annotations

import itertools
import math
import os
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sensitivity.running.devices import environment
from sensitivity.study.estimates import trial_seconds
from trainables import PINNED
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.adaptive import Adaptive, FixedSearcher
    from sensitivity.running.assignments import Assignments
    from sensitivity.running.places import Place
    from sensitivity.running.reports import Reports
    from sensitivity.store.run_lock import RunLock
    from sensitivity.study.study import Study

Where = Literal["process", "ray"]
WHERE: tuple[Where, ...] = ("process", "ray")
RAY_STARTS = 9.0
"""Seconds that a local Ray and its first workers take to start, on two cores."""
LONGEST = 60.0
"""Seconds of training above which a study is no longer small."""
REPORT_SECONDS = 1e-3
"""Seconds in which an epoch is stored."""


class ThisProcess:
    """This process as the only worker; a context manager around the training.

    PyTorch computes in one thread, as in the workers of Ray, and in as many as before afterwards.

    Args:
        assignments: the cohorts of the study.
        lock: of the run.
    """

    count = 1
    """Number of cohorts trained at once."""

    def __init__(self, assignments: Assignments, lock: RunLock) -> None:
        self._assignments, self._lock = assignments, lock
        self._threads = 1

    def __enter__(self) -> ThisProcess:
        import torch

        self._threads = torch.get_num_threads()
        torch.set_num_threads(1)
        return self

    def __exit__(self, *error: Any) -> None:
        import torch

        torch.set_num_threads(self._threads)

    def environment(self) -> dict[str, Any]:
        """Return workers, hosts and devices, in the form of the store."""
        node = {"Alive": True, "NodeManagerHostname": socket.gethostname(), "Resources": {}}
        return environment([node], self.count, gpus=False)

    def train(self, searcher: Adaptive | FixedSearcher, reports: Reports) -> None:
        """Train the cohorts of a searcher, one after another.

        Args:
            searcher: chooses the cohorts.
            reports: delivers the reports, each before the next epochs are trained.
        """
        from trainables.cohort_training import CohortTraining

        training: CohortTraining | None = None
        for number in itertools.count():
            cohort = searcher.suggest(str(number))
            if not isinstance(cohort, dict):
                return
            if training is None:
                training = CohortTraining(cohort)
            else:
                training.begin(cohort)
            while not training.done:
                self._lock.check()
                reports.delivery.tick()
                result = training.step()
                stepped = self._assignments.reports(cohort, result)
                reports.deliver(cohort, stepped)
                reports.note_reason(cohort, result)
                searcher.on_trial_result(str(number), {"reports": stepped})
            searcher.on_trial_complete(str(number))


@dataclass(frozen=True)
class Choice:
    """Where a run trains: in this process, or through Ray.

    Args:
        place: the resources that the run asks for.
        where: ``process`` or ``ray``; None chooses by the duration.
        per_trial: seconds of a trial in this process; None where this process cannot train, or not as the
            workers of Ray do.
    """

    place: Place
    where: Where | None
    per_trial: float | None

    @classmethod
    def of(cls, study: Study, place: Place, where: Where | None, *, shipped: bool) -> Choice:
        """Return the choice of a run.

        Args:
            study: the specification.
            place: the resources that are asked for.
            where: ``process``, ``ray`` or None.
            shipped: True for tasks, variants or schedules of the user's own, which may end their process.

        Raises: InputError for another word, or for ``process`` where the run needs a Ray.
        """
        if where is not None and where not in WHERE:
            raise unknown("where", where, WHERE)
        needs = _needs_ray(study, place, shipped=shipped)
        if where == "process" and needs is not None:
            raise InputError(f"where 'process' cannot train this study, as {needs} needs Ray")
        return cls(place, where, _per_trial(study) if where is None and needs is None else None)

    def is_process(self, trials: int | None) -> bool:
        """Return True if this process trains so many trials; a number of None is large."""
        if self.per_trial is None or trials is None:
            return self.where == "process"
        total = trials * self.per_trial
        workers = min(self.place.room({}), os.cpu_count() or 1)
        return total <= LONGEST and total <= total / workers + RAY_STARTS


def _needs_ray(study: Study, place: Place, *, shipped: bool) -> str | None:
    needs = {
        f"address {place.address!r}": place.address is not None,
        "gpus_per_worker": place.gpus_per_worker > 0,
        "trial_timeout": place.trial_timeout is not None,
        "storage": place.storage is not None,
        f"trainable {study.trainable!r}": study.trainable is not None,
        "the scheduler of its design": "scheduler" in study.design,
        "a task, variant or schedule of your own": shipped,
    }
    return next((name for name, needed in needs.items() if needed), None)


def _per_trial(study: Study) -> float | None:
    """Estimate the seconds of a trial in this process.

    Returns:
        None where a Ray runs already; where PyTorch's settings in this process are not those of a new
        worker, with which the last digits of losses could differ; and where it cannot be estimated.
    """
    import torch

    ray = sys.modules.get("ray")
    if not PINNED or torch.get_default_dtype() != torch.float32 or (ray and ray.is_initialized()):
        return None
    seconds = [trial_seconds(study, name) for name in study.tasks]
    known = [number for number in seconds if number is not None]
    if len(known) < len(seconds):
        return None
    return math.fsum(known) / len(known) + REPORT_SECONDS * (study.epochs or 1)
