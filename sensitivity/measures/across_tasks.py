"""Losses of the configurations of one variant that several tasks share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sensitivity.measures.designs import joined, need_tasks, refuse_adaptive
from sensitivity.measures.losses import losses, note
from sensitivity.measures.resampling import resampled
from sensitivity.results.results import PREFIX
from sensitivity.study.trial import DONE
from trainables.names import unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sensitivity.measures.losses import Array, Losses
    from sensitivity.results.results import Results

NORMALISATIONS = ("percentile", "min_max")

ONE_TASK = "add trials of another task, or read excess_loss, which is about one"
ADAPTIVE = "its trials differ between tasks, so run a grid, random or sobol design"


@dataclass(frozen=True)
class Shared:
    """One variant on several tasks.

    Attributes:
        variant: Name of the variant.
        groups: Losses of the variant on each task.
        rows: Row of each configuration in each group, ``[tasks, configurations]``; -1 where a task lacks it.
        configurations: The configurations that every task has, or that any has.
    """

    variant: str
    groups: list[Losses]
    rows: NDArray[np.int64]
    configurations: list[dict[str, Any]]

    @property
    def note(self) -> str:
        """Limits of every number that is computed of the shared configurations."""
        remarks = dict.fromkeys(remark for group in self.groups for remark in note(group).split("; "))
        lost = sum(len(group.loss) for group in self.groups) - self.rows.size
        partly = int((self.rows < 0).any(axis=0).sum())
        if partly:
            remarks[
                f"{partly} configurations are not on every task: they count where a task is tuned for "
                "itself, and cannot be the one for all"
            ] = None
        elif lost:
            remarks[f"{lost} configurations are not on every task and are left out"] = None
        return joined(*remarks)

    @property
    def trials(self) -> int:
        """Number of trials of the configurations."""
        return sum(
            int(np.isfinite(group.loss[rows[rows >= 0]]).sum())
            for group, rows in zip(self.groups, self.rows, strict=True)
        )

    def means(self) -> Array:
        """Return the mean over the seeds of each loss, ``[tasks, configurations]``."""
        return self.placed([group.mean for group in self.groups])

    def placed(self, values: list[Array]) -> Array:
        """Return values of each group in the order of the configurations, NaN where a task lacks one.

        Args:
            values: Values of each group, ``[..., configurations of the group]``.

        Returns:
            ``[..., tasks, configurations]``.
        """
        return np.stack(
            [
                np.where(rows >= 0, found[..., rows], np.nan)
                for found, rows in zip(values, self.rows, strict=True)
            ],
            axis=-2,
        )

    def draws(self, draws: int, seed: int, drawn_before: dict[tuple[str, int], Array] | None = None) -> Array:
        """Draw the seed noise of :meth:`means`; the configurations stay.

        Args:
            draws: Number of bootstrap draws.
            seed: Seed of the first task; each further task has the next one.
            drawn_before: Noise by task and seed, shared by several pairs of tasks of one variant; new noise
                is added to it.

        Returns:
            ``[draws, tasks, configurations]``.
        """
        again = []
        memory = {} if drawn_before is None else drawn_before
        for i, (group, rows) in enumerate(zip(self.groups, self.rows, strict=True)):
            if (group.task, seed + i) not in memory:
                memory[group.task, seed + i] = resampled(
                    replace(group, fixed=True), draws=draws, seed=seed + i
                ).noise
            noise = memory[group.task, seed + i][:, rows]
            known = np.isfinite(group.loss[rows])
            drawn = np.where(known, np.minimum(group.mean[rows][:, None] + noise, group.initial), np.nan)
            again.append(np.nanmean(drawn, axis=2))
        return np.stack(again, axis=1)


def shared(results: Results, variant: str, tasks: list[str], *, partly: bool = False) -> Shared | None:
    """Return the configurations of a variant that all its tasks share.

    Args:
        results: Results of a study.
        variant: Name of the variant.
        tasks: Names of the tasks.
        partly: True to add the configurations that only some tasks have.

    Returns:
        The configurations with a result on every task that the variant was run on; None for fewer than two
            tasks, or if the tasks share no configuration.
    """
    groups = set(results.groups)
    by_task = [losses(results, task, variant) for task in tasks if (task, variant) in groups]
    if len(by_task) < 2:
        return None
    places = [
        {
            _named(configuration): i
            for i, configuration in enumerate(group.configurations)
            if np.isfinite(group.loss[i]).any()
        }
        for group in by_task
    ]
    common = [name for name in places[0] if all(name in place for place in places[1:])]
    if not common:
        return None
    names = list(dict.fromkeys(name for place in places for name in place)) if partly else common
    rows = np.array([[place.get(name, -1) for name in names] for place in places], dtype=np.int64)
    written = {_named(one): one for group in by_task for one in group.configurations}
    return Shared(variant, by_task, rows, [written[name] for name in names])


def normalised(results: Results, normalisation: str) -> tuple[Results, dict[str, tuple[float, float]]]:
    r"""Return the results to judge by, and the ends of the normalised score on each task.

    The score is :math:`\Gamma = (p - p_\text{low}) / (p_\text{high} - p_\text{low})`, where p is the negative
    loss. The ends of ``percentile`` are the 5th and the 95th percentile of p over the configurations of every
    variant on the task; those of ``min_max`` are its smallest and largest value. Any other name is a column
    of the trials that is already normalised (higher is better) and is used unchanged; a diverged trial
    without a number gets the smallest value of its task.

    Raises:
        InputError: for another name.
    """
    if normalisation not in NORMALISATIONS:
        table = results.trials
        numeric = [
            str(name)
            for name in table.columns
            if table[name].dtype.kind in "fiu" and not str(name).startswith(PREFIX)
        ]
        if normalisation not in numeric:
            raise unknown("normalisation", normalisation, (*NORMALISATIONS, *numeric))
        done = table["status"].isin(DONE)
        worst = table[normalisation].where(done).groupby(table["task"]).transform("min").fillna(0.0)
        loss = (-table[normalisation].fillna(worst)).where(done)
        scored = table.assign(loss=loss, initial_loss=-worst)
        results = replace(results, trials=scored, defaults=scored.iloc[:0])
        return results, {task: (0.0, 1.0) for task, _ in results.groups}
    means: dict[str, list[Array]] = {}
    for task, variant in results.groups:
        means.setdefault(task, []).append(-losses(results, task, variant).mean)
    ends = (5, 95) if normalisation == "percentile" else (0, 100)
    ranges = {task: np.nanpercentile(np.concatenate(pieces), ends) for task, pieces in means.items()}
    return results, {task: (float(low), float(high)) for task, (low, high) in ranges.items()}


def scores(one: Shared, ends: dict[str, tuple[float, float]], loss: Array) -> Array:
    """Return normalised performance, higher better, not cut to [0, 1].

    Where the two ends of a task are equal, the score is 0; it is minus infinity where a loss is NaN, so that
    a configuration that a task lacks is neither its best nor the best of all tasks.

    Args:
        ends: Ends of the score on each task, from :func:`normalised`.
        loss: Losses, ``[..., tasks, configurations]``.
    """
    low, high = np.array([ends[group.task] for group in one.groups]).T[:, :, None]
    width = high - low
    score = np.where(width > 1e-12, (-loss - low) / np.where(width > 1e-12, width, 1.0), 0.0)
    return np.asarray(np.where(np.isnan(loss), -np.inf, score))


def _named(configuration: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(configuration.items()))


def shared_by_variant(results: Results, measure: str, *, partly: bool = False) -> list[Shared]:
    """Return the shared configurations of every variant that has some.

    Args:
        results: Results of a study.
        measure: Name of the measure, for errors.
        partly: As for :func:`shared`.

    Raises:
        InputError: for fewer than two tasks or an adaptive design.
    """
    tasks = need_tasks(results, measure, ONE_TASK)
    refuse_adaptive(results, measure, ADAPTIVE)
    pairs = [
        shared(results, variant, tasks, partly=partly)
        for variant in dict.fromkeys(variant for _, variant in results.groups)
    ]
    return [one for one in pairs if one is not None]
