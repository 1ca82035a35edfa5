"""How long a trial takes on this machine, from an epoch of one batch of random data."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from trainables.function_tasks import FunctionTask
from trainables.settings import SECOND_ORDER

if TYPE_CHECKING:
    from sensitivity.study.study import Study
    from trainables.dataset import Dataset
    from trainables.task_definition import Task
    from trainables.variant_definition import Optimizable

TURNS = 3
LONG_EPOCH, SHORT_EPOCH = 0.5, 0.02
"""Seconds of an epoch of one batch above which no further one is timed, and below which it has more."""
BATCHES, TOGETHER = 16, 16
"""Batches of an epoch that would be short, and trials that are timed together."""
MOST_KINDS = 6
"""Number of different models and batch sizes of a variant that are timed."""


class Stopwatch:
    """Times trials of a study; what takes the same time is timed once.

    Args:
        study: the specification.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._known: dict[Any, tuple[float, float]] = {}

    def trial(self, task: str, variant: str, configurations: Iterable[Mapping[str, Any]]) -> float | None:
        """Estimate the mean seconds of a trial on one core; an epoch evaluates the training and test set too.

        Args:
            task: name of a task of the study.
            variant: name of a variant of the study.
            configurations: configurations of its trials; those that differ in the model or the batch size are
                timed by themselves, at most :data:`MOST_KINDS`.

        Returns:
            None for a user's trainable or data, which cannot be estimated.
        """
        if self.study.trainable is not None:
            return None
        chosen = self.study.resolved.task(task)
        if isinstance(chosen, FunctionTask) or not isinstance(chosen.dataset, str):
            return 0.0 if isinstance(chosen, FunctionTask) else None
        names = {*chosen.settings, "batch_size", *SECOND_ORDER}
        kinds: Counter[tuple[tuple[str, Any], ...]] = Counter()
        first: dict[tuple[tuple[str, Any], ...], Mapping[str, Any]] = {}
        for configuration in configurations:
            kind = tuple((name, value) for name, value in configuration.items() if name in names)
            kinds[kind] += 1
            first.setdefault(kind, configuration)
        ordered = sorted(kinds, key=repr)
        timed = ordered[:: math.ceil(len(ordered) / MOST_KINDS)] if ordered else []
        if not timed:
            return None
        spent = [kinds[kind] * self._seconds(chosen, variant, first[kind]) for kind in timed]
        return math.fsum(spent) / sum(kinds[kind] for kind in timed)

    def _seconds(self, task: Task, variant: str, configuration: Mapping[str, Any]) -> float:
        """Estimate the seconds of one trial."""
        from trainables.datasets import summary
        from trainables.variant_definition import Variant

        study, data = self.study, summary(str(task.dataset))
        train, test = (min(study.limit or size, size) for size in (data.train, data.test))
        batch = min(configuration.get("batch_size") or study.resolved.batch_size(task.name), train)
        optimizer = study.resolved.variant(variant)
        cost: Any = optimizer.name
        if isinstance(optimizer, Variant):
            whole = {**optimizer.fixed, **configuration}
            cost = [whole.get(name) for name in ("order", *SECOND_ORDER)]
        model = [(name, configuration[name]) for name in task.settings if name in configuration]
        key = repr((task.name, cost, model, batch))
        if key not in self._known:
            self._known[key] = batch_seconds(task, optimizer, configuration, batch, study.precision)
        trained, evaluated = self._known[key]
        return (study.epochs or 1) * (trained * train + evaluated * test) / batch


def batch_seconds(
    task: Task, variant: Optimizable, configuration: Mapping[str, Any], batch: int, precision: str
) -> tuple[float, float]:
    """Return the seconds of training and evaluating a batch, and those of evaluating one.

    They are of one trial. Trials that train together on a CPU are timed together.

    Args:
        task: the task, whose dataset has a summary.
        variant: the optimizer.
        configuration: of the trial.
        batch: examples of the batch.
        precision: of the study.
    """
    import torch

    from trainables.cohort_sizes import pays
    from trainables.cohorts import CohortLoop
    from trainables.training import TrainingLoop

    def loops(batches: int, members: int) -> list[TrainingLoop]:
        data = _random_data(task, batches * batch)
        arguments: dict[str, Any] = {
            "data": data, "epochs": TURNS + 1, "batch_size": batch, "precision": precision,
        }  # fmt: skip
        return [
            TrainingLoop(task, variant, configuration, seed, initial_loss=math.inf, **arguments)
            for seed in range(members)
        ]

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as a worker on a CPU
    try:
        (first,) = loops(1, 1)
        spent = _timed(first.train_epoch)
        batches = 1 if spent > SHORT_EPOCH else BATCHES
        members = TOGETHER if pays(first) else 1
        cohort = CohortLoop(loops(batches, members), largest=members)
        turns = [spent] if spent > LONG_EPOCH else [_timed(cohort.train_epoch) for _ in range(TURNS)]
        evaluated = _timed(cohort.loops[0].evaluate_initial) / batches
        share = batches * members if len(turns) > 1 else 1
        return min(turns) / share, min(evaluated, min(turns) / share)
    finally:
        torch.set_num_threads(before)


def _timed(run: Callable[[], object]) -> float:
    began = time.process_time()  # whatever else the machine does
    run()
    return time.process_time() - began


def _random_data(task: Task, size: int) -> Dataset:
    import torch

    from trainables.dataset import Dataset
    from trainables.datasets import summary
    from trainables.losses import next_byte

    data, generator = summary(str(task.dataset)), torch.Generator().manual_seed(0)
    x = torch.rand((size, *data.shape), generator=generator)
    many = x.shape if task.loss is next_byte else (size,)
    y = torch.randint(data.classes, many, generator=generator) if data.classes else torch.zeros(many)
    return Dataset(str(task.dataset), x, y, x[:0], y[:0])
