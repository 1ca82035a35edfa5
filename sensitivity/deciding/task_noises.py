"""Noise and margin of every task of a study that is planned, in shares of what can be won."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from search_spaces.combinations import distinct
from sensitivity.deciding.needs import UPPER
from sensitivity.deciding.noises import Noise, of_configurations, of_seeds
from sensitivity.deciding.pilots import differing
from sensitivity.measures.estimates import Estimate, Stakes, estimates, stakes
from sensitivity.measures.losses import FIXED
from sensitivity.measures.regret import learned
from sensitivity.measures.verdicts import MARGIN, margin_of, primary_of
from sensitivity.study.trial import METRICS
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results
    from sensitivity.study.study import Study


@dataclass(frozen=True)
class TaskNoise:
    """What a plan knows of a task.

    Attributes:
        task: Name of the task.
        noises: Noise of every variant, in squared shares of what can be won.
        margin: Share of what can be won that counts as no difference; NaN without a margin.
    """

    task: str
    noises: tuple[Noise, ...]
    margin: float


class UnknownNoise(InputError):
    """A pilot does not tell the noise; the message is the reason."""


def is_fixed(study: Study) -> bool:
    """Return True if the designs choose the configurations, False if they draw them.

    Raises:
        InputError: for an adaptive design, and where some variants' designs choose and others' draw.
    """
    kinds = {study.resolved.design(name).kind for name in study.variants}
    if "adaptive" in kinds:
        raise InputError(
            "plan needs a random or fixed design, got 'adaptive', whose trials say nothing of the space"
        )
    if len({kind in FIXED for kind in kinds}) > 1:
        raise InputError(
            f"plan needs designs that all choose ({', '.join(FIXED)}) or all draw their configurations, got "
            f"{', '.join(sorted(kinds))}"
        )
    return kinds <= set(FIXED)


def configurations(study: Study) -> dict[str, int]:
    """Return the number of different configurations of every variant."""
    return {
        name: len(distinct(study.resolved.design(name).configurations(study.space(name))))
        for name in study.variants
    }


def given_noises(study: Study, noise: float, *, fixed: bool) -> tuple[list[TaskNoise], list[str]]:
    """Return the noise of a standard deviation that is given, and notes.

    Args:
        study: Study that is planned.
        noise: Standard deviation of one seed, or of one trial of a drawn design, as a share of what can be
            won.
        fixed: True if the design chooses its configurations.
    """
    counts = configurations(study)
    noises = tuple(
        Noise(name, noise**2 / count, math.inf, float(count))
        if fixed
        else Noise(name, noise**2, math.inf, 1.0)
        for name, count in counts.items()
    )
    of_what = "one seed" if fixed else "one trial, over configurations and seeds,"
    notes = [f"Noise: {noise:.2g} of what can be won, the standard deviation of {of_what} as it is given."]
    margin = MARGIN if study.metric in METRICS else math.nan
    if study.margin is not None:
        margin = math.nan
        notes.append(
            f"The margin {study.margin:g} is in units of {study.metric}; only a pilot tells its share of "
            f"what "
            "can be won."
        )
    return [TaskNoise(task, noises, margin) for task in study.tasks], notes


def pilot_noises(study: Study, pilot: Results, *, fixed: bool) -> tuple[list[TaskNoise], list[str]]:
    """Return the noise that a pilot tells, and notes.

    Args:
        study: Study that is planned.
        pilot: Results on the study's tasks.
        fixed: True if the design chooses its configurations.

    Raises:
        UnknownNoise: where the pilot has one seed, one configuration, or won next to nothing.
    """
    there, goals = estimates(pilot), stakes(pilot)
    lacking = [task for task in study.tasks if task not in there]
    if lacking:
        raise UnknownNoise(f"the pilot has no results on {', '.join(lacking)}")
    notes = [
        f"Noise: that of {len(pilot.usable)} trials of {pilot.study!r}, the variance at its "
        f"{UPPER:.0%} upper confidence bound."
    ]
    tasks = []
    for task in study.tasks:
        noises, remarks = _of_task(study, goals[task], there[task], fixed=fixed)
        share = margin_of(pilot, goals[task], study.margin) / goals[task].unit
        tasks.append(TaskNoise(task, noises, share))
        notes += remarks
        if primary_of(pilot, there[task]) != "regret":
            notes.append(
                f"On {task}, ranges of lr differ in width: verdicts are about the cost of a miss there, and "
                "this plan is about regret."
            )
    if unlike := differing(study, pilot):
        notes.append(f"The pilot is unlike the study: {'; '.join(unlike)}. Its noise may be another.")
    return tasks, notes


def _of_task(
    study: Study, goal: Stakes, every: list[Estimate], *, fixed: bool
) -> tuple[tuple[Noise, ...], list[str]]:
    if goal.refused:
        raise UnknownNoise(f"on {goal.task}, {goal.refused}")
    counts, seeds, notes = configurations(study), len(study.seeds), []
    known: dict[str, Noise] = {}
    left_out = []
    for one in every:
        if one.variant not in counts:
            continue
        if not learned(one, goal):
            left_out.append(one.variant)
            continue
        noise = of_seeds(one, counts[one.variant], len(counts)) if fixed else of_configurations(one, seeds)
        if noise is not None:
            known[one.variant] = replace(noise, variance=noise.variance / goal.unit**2)
    if not known:
        reason = (
            "one seed of each configuration" if fixed else "fewer than two configurations of each variant"
        )
        raise UnknownNoise(f"on {goal.task}, the pilot has {reason}")
    if left_out:
        notes.append(
            f"On {goal.task}, {', '.join(left_out)} did not learn in the pilot, and takes part in no pair."
        )
    noisiest = max(known.values(), key=lambda noise: noise.variance)
    guessed = [name for name in counts if name not in known and name not in left_out]
    if guessed:
        notes.append(
            f"On {goal.task}, the pilot does not tell the noise of {', '.join(guessed)}: taken as that of "
            f"{noisiest.variant}, the largest."
        )
    noises = (*known.values(), *(replace(noisiest, variant=name) for name in guessed))
    if len(noises) < 2:
        raise UnknownNoise(f"on {goal.task}, fewer than two variants learned in the pilot")
    return noises, notes
