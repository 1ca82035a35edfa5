"""Losses of one variant on one task as a matrix, configurations by seeds."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.magnitudes import exponent_of
from sensitivity.results.repeats import between
from sensitivity.results.results import PREFIX, Results, active_values

if TYPE_CHECKING:
    import pandas as pd


Array = NDArray[np.float64]

FIXED = ("grid", "explicit", "one_at_a_time")
"""Designs whose configurations are chosen, not drawn."""
NEVER_LEARNED = "never better than a diverged trial"
LOSSES = "losses by task and variant"
"""Attribute of results in which :func:`losses` are cached; it is no field, so a copy with other trials lacks
it."""
ESTIMATES = "estimates of all tasks"
"""Attribute of such results in which :func:`sensitivity.measures.estimates.estimates` are cached."""


@dataclass(frozen=True)
class Losses:
    """Losses of one variant on one task, and the configurations that they belong to.

    Attributes:
        task: Name of the task.
        variant: Name of the variant.
        loss: Capped losses, ``[configurations, seeds]``, NaN where a trial is missing.
        units: Configurations in the unit cube, ``[configurations, hyperparameters]``.
        lr: Learning rates, ``[configurations]``.
        configurations: Values of the varied hyperparameters by name.
        names: Names of the varied hyperparameters.
        fixed: True if the design chose the configurations, so that only seeds are random.
        initial: Loss before training.
    """

    task: str
    variant: str
    loss: Array
    units: Array
    lr: Array
    configurations: list[dict[str, Any]]
    names: tuple[str, ...]
    fixed: bool
    initial: float

    @property
    def mean(self) -> Array:
        """Mean over the seeds of each configuration, ``[configurations]``."""
        return np.asarray(np.nanmean(self.loss, axis=1))

    @property
    def trials(self) -> int:
        """Number of trials with a result."""
        return int(np.isfinite(self.loss).sum())

    @property
    def learned(self) -> bool:
        """True if some configuration has a lower mean loss than the initial loss."""
        return bool(self.mean.min() < self.initial - 1e-6 * abs(self.initial))

    @property
    def lr_range(self) -> tuple[float, float]:
        """Smallest and largest learning rate."""
        return float(self.lr.min()), float(self.lr.max())


def losses(results: Results, task: str, variant: str) -> Losses:
    """Return the losses of one variant on one task; unfinished and failed trials are missing."""
    known: dict[tuple[str, str], Losses] | None = vars(results).get(LOSSES)
    if known is None:
        return _losses(results, task, variant)
    if (task, variant) not in known:
        group = _losses(results, task, variant)
        for array in (group.loss, group.units, group.lr):
            array.setflags(write=False)
        known[task, variant] = group
    return known[task, variant]


class UnchangingResults(Results):
    """Results whose tables do not change: usable trials are chosen and grouped once."""

    @cached_property
    def usable(self) -> pd.DataFrame:
        """Trials with a result: completed or diverged."""
        return super().usable

    @property
    def groups(self) -> list[tuple[str, str]]:
        """Every (task, variant) with at least one usable trial, in the study's order."""
        return list(self._by_group)

    def group(self, task: str, variant: str) -> pd.DataFrame:
        """Return the usable trials of one variant on one task."""
        found = self._by_group.get((task, variant))
        return self.usable.iloc[:0] if found is None else found

    @cached_property
    def _by_group(self) -> dict[tuple[str, str], pd.DataFrame]:
        grouped = self.usable.groupby(["task", "variant"], sort=False)
        return {(str(task), str(variant)): rows for (task, variant), rows in grouped}

    def __getstate__(self) -> dict[str, Any]:
        computed = {"usable", "_by_group"}
        return {name: value for name, value in super().__getstate__().items() if name not in computed}


def keeping_losses(results: Results) -> Results:
    """Return a copy of results that computes groups, losses and estimates once for all its measures.

    The tables of the copy must not change.
    """
    if LOSSES in vars(results):
        return results
    copy = UnchangingResults(**{field.name: getattr(results, field.name) for field in fields(Results)})
    vars(copy).update({LOSSES: {}, ESTIMATES: {}})
    return copy


def with_losses_of(results: Results, other: Results) -> Results:
    """Return the other results, which have the same trials, with losses and estimates that are computed."""
    vars(other).update({name: vars(results)[name] for name in (LOSSES, ESTIMATES)})
    return other


def _losses(results: Results, task: str, variant: str) -> Losses:
    trials = results.group(task, variant)
    names = results.varied(variant)
    every = results.spaces[variant].names
    columns = [f"{PREFIX}{name}" for name in every]
    numbers = trials.groupby(columns, sort=False, dropna=False).ngroup().to_numpy()
    firsts = trials.iloc[np.unique(numbers, return_index=True)[1]]
    seeds = _seeds(trials["seed"], numbers)
    matrix = np.full((len(firsts), int(seeds.max(initial=0)) + 1), np.nan)
    matrix[numbers, seeds] = trials["loss"].to_numpy(float)
    whole = [active_values(every, row) for row in firsts[columns].to_numpy(dtype=object)]
    return Losses(
        task,
        variant,
        matrix,
        # An inactive hyperparameter has no value; 0.5 cannot pass for a high or a low one.
        np.nan_to_num(results.units(firsts, variant), nan=0.5),
        firsts[f"{PREFIX}lr"].to_numpy(float) if "lr" in names else np.ones(len(firsts)),
        [{name: entry for name, entry in one.items() if name in names} or one for one in whole],
        tuple(names),
        results.design_of(variant) in FIXED,
        float(trials["initial_loss"].mean()),
    )


def _seeds(seed: pd.Series[Any], numbers: NDArray[Any]) -> NDArray[np.int64]:
    """Return the column of each trial in the matrix of losses.

    The column is that of the trial's seed, or its place among the seeds of its configuration where most seeds
    are not shared.
    """
    place = np.unique(seed, return_inverse=True)[1].reshape(-1)
    if np.bincount(numbers).max(initial=0) > 1 and 2 * len(seed) >= (numbers.max(initial=0) + 1) * (
        place.max(initial=0) + 1
    ):
        return place
    order = np.lexsort([place, numbers])
    columns = np.empty(len(seed), dtype=np.int64)
    columns[order] = np.arange(len(seed)) - np.searchsorted(numbers[order], numbers[order])
    return columns


FAR = 2.0**500
"""Largest initial loss of scaled losses: beyond all of them, and its square is finite."""


def scaled(group: Losses) -> Losses:
    """Return the group with losses times a power of two, where their squares would overflow or vanish.

    Shares of the variance stay the same.
    """
    exponent = exponent_of(group.loss)
    if not exponent:
        return group
    with np.errstate(over="ignore"):  # an initial loss far above tiny losses stays far above them
        initial = min(float(np.ldexp(group.initial, -exponent)), FAR)
    return replace(group, loss=np.ldexp(group.loss, -exponent), initial=initial)


def groups(results: Results, having: str | None = None) -> list[Losses]:
    """Return the losses of every (task, variant) with a result.

    Args:
        results: Results of a study.
        having: Hyperparameter: only variants that vary it, and configurations in which it is active. None for
            all.
    """
    every_group = [
        losses(results, task, variant)
        for task, variant in results.groups
        if having is None or having in results.varied(variant)
    ]
    return (
        every_group
        if having is None
        else [part for part in (_active(group, having) for group in every_group) if len(part.loss)]
    )


def active(group: Losses, name: str) -> NDArray[np.bool_]:
    """Return True for each configuration in which a hyperparameter is active, ``[configurations]``."""
    return np.array([name in configuration for configuration in group.configurations], bool)


def _active(group: Losses, name: str) -> Losses:
    """Return the configurations in which a hyperparameter is active."""
    members = active(group, name)
    if members.all():
        return group
    configurations = [configuration for configuration in group.configurations if name in configuration]
    return replace(
        group,
        loss=group.loss[members],
        units=group.units[members],
        lr=group.lr[members],
        configurations=configurations,
    )


def row(group: Losses, value: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    """Return a row of a measure's table."""
    keys = {"task": group.task, "variant": group.variant}
    return {**keys, "value": value, "low": low, "high": high, "n": group.trials, "note": note(group), **more}


def note(group: Losses) -> str:
    """Return the limits of every number of a group."""
    remarks = []
    if not group.learned:
        remarks.append(NEVER_LEARNED)
    if group.loss.shape[1] == 1:
        remarks.append("one seed: seed noise is not known" if group.fixed else "one seed")
    missing = int((~np.isfinite(group.loss)).sum())
    if missing:
        counts = np.isfinite(group.loss).sum(axis=1)
        uneven = f"{between(int(counts.min()), int(counts.max()))}: " if counts.min() < counts.max() else ""
        remarks.append(f"{uneven}{missing} of {group.loss.size} trials missing")
    return "; ".join(remarks)
