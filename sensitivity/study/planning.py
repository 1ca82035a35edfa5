"""Planning of a run: a study's trials, and their cohorts without the trials that the store has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search_spaces.combinations import distinct
from sensitivity.study.default_settings import default_setting
from sensitivity.study.fields import StudyFields
from sensitivity.study.trial import DONE, Trial, source_of, trial_keys

COHORTS_PER_WORKER = {"cpu": 16, "cuda": 1}
LARGEST_COHORT = {"cpu": 32, "cuda": 256}
"""Maximal number of trials in a cohort: scheduling a cohort costs Ray Tune some 0.3 s; a GPU trains a cohort
as one program."""


@dataclass(frozen=True)
class Cohort:
    """Trials of one task and one variant that one worker trains."""

    task: str
    variant: str
    trials: tuple[Trial, ...]


def trials_of(study: StudyFields, task: str, variant: str, configuration: Mapping[str, Any]) -> list[Trial]:
    """Return the trials of one configuration: one for every seed."""
    batch_size, fingerprint = (
        int(configuration.get("batch_size", study.resolved.batch_size(task))),
        study.resolved.fingerprint(task),
    )
    epochs = study.epochs or 0  # a user's trainable reports as many epochs as it likes
    identity = study.resolved.variant_id(variant)
    named = (
        configuration
        if study.trainable is not None
        else {name: source_of(name, value) for name, value in configuration.items()}
    )
    keys = trial_keys(fingerprint, identity, named, study.seeds, epochs, batch_size, study.precision)
    return [
        Trial(
            key,
            task,
            variant,
            dict(configuration),
            seed,
            epochs,
            batch_size,
            study.precision,
            fingerprint,
        )
        for key, seed in zip(keys, study.seeds, strict=True)
    ]


def trials(study: StudyFields) -> list[Trial]:
    """Return every trial of a study with a fixed design.

    The order spreads trials over each variant's space and interleaves tasks and variants, so that the trials
    of an interrupted run are balanced. The default settings that are trained beside the designs come first.
    """
    queues = []
    for task in study.tasks:
        for variant in study.variants:
            # The rows of some designs repeat each other (saltelli, morris); a trial is trained once.
            configurations = distinct(study.resolved.design(variant).configurations(study.space(variant)))
            spread = [configurations[i] for i in _spread(len(configurations))]
            by_seed = [trials_of(study, task, variant, configuration) for configuration in spread]
            setting = default_setting(study, variant)
            first = [] if setting is None else trials_of(study, task, variant, setting)
            queues.append([*first, *(trial for seed in zip(*by_seed, strict=True) for trial in seed)])
    return _interleaved(queues)


def _spread(count: int) -> list[int]:
    """Return 0 .. count-1 in an order whose every prefix covers the whole range.

    The order ranks the multiples of the golden section.
    """
    golden = (math.sqrt(5) - 1) / 2
    places = sorted(range(count), key=lambda i: (i * golden) % 1)
    order = [0] * count
    for rank, i in enumerate(places):
        order[i] = rank
    return order


def _interleaved(queues: Sequence[Sequence[Any]]) -> list[Any]:
    """Merge queues in proportion to their lengths: an item's rank is its relative position in its queue."""
    items = [item for queue in queues for item in queue]
    places = [(np.arange(len(queue)) + 0.5) / len(queue) for queue in queues if len(queue)]
    order = np.argsort(np.concatenate(places), kind="stable") if places else ()
    return [items[place] for place in order]


def plan(
    planned: Sequence[Trial],
    done: Mapping[str, str],
    *,
    workers: int = 1,
    cohort_size: int | None = None,
    device: str = "cpu",
) -> list[Cohort]:
    """Return the cohorts that are still to be trained.

    Args:
        planned: the trials of a study.
        done: status of each key that the store has; completed and diverged trials are not run again, failed
            trials are.
        workers: number of cohorts trained at once; cohorts are small enough to keep all workers busy.
        cohort_size: number of trials in a cohort; chosen from ``workers`` if None.
        device: ``cpu`` or ``cuda``.
    """
    left = list({trial.key: trial for trial in planned if done.get(trial.key) not in DONE}.values())
    size = cohort_size or max(
        1, min(LARGEST_COHORT[device], math.ceil(len(left) / (COHORTS_PER_WORKER[device] * workers)))
    )
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in left:
        groups.setdefault((trial.task, trial.variant), []).append(trial)
    queues = [
        [Cohort(task, variant, tuple(group[start : start + size])) for start in range(0, len(group), size)]
        for (task, variant), group in groups.items()
    ]
    return _interleaved(queues)
