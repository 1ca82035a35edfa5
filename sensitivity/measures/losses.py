"""The losses of one variant on one task as a matrix, configurations by seeds, and how to resample it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sensitivity.results import PREFIX

if TYPE_CHECKING:
    from sensitivity.results import Results

Array = NDArray[np.float64]

DRAWS = 1000
"""Bootstrap draws."""


@dataclass(frozen=True)
class Losses:
    """What a measure needs of one (task, variant).

    loss: capped losses ``[configurations, seeds]``, NaN where a trial is missing. units: configurations in the unit cube
    ``[configurations, hyperparameters]``. lr: learning rates ``[configurations]``. fixed: the design chose the configurations, so
    only seeds are
    random. configurations: as dictionaries.
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
        """Mean over the seeds of each configuration. Shape ``[configurations]``."""
        return np.asarray(np.nanmean(self.loss, axis=1))

    @property
    def trials(self) -> int:
        """Trials that count."""
        return int(np.isfinite(self.loss).sum())

    @property
    def lr_range(self) -> tuple[float, float]:
        """The smallest and the largest learning rate."""
        return float(self.lr.min()), float(self.lr.max())


def losses(results: Results, task: str, variant: str) -> Losses:
    """The losses of one variant on one task; unfinished and failed trials are missing."""
    trials = results.group(task, variant)
    names = results.spaces[variant].names
    columns = [f"{PREFIX}{name}" for name in names]
    numbers = trials.groupby(columns, sort=False, dropna=False).ngroup().to_numpy()
    firsts = trials.iloc[np.unique(numbers, return_index=True)[1]]
    seeds = {seed: place for place, seed in enumerate(sorted(trials["seed"].unique()))}
    matrix = np.full((len(firsts), len(seeds)), np.nan)
    matrix[numbers, trials["seed"].map(seeds).to_numpy()] = trials["loss"].to_numpy(float)
    rows = firsts[columns].to_numpy(dtype=object)
    return Losses(
        task,
        variant,
        matrix,
        results.units(firsts, variant),
        firsts[f"{PREFIX}lr"].to_numpy(float) if "lr" in names else np.ones(len(firsts)),
        [dict(zip(names, row, strict=True)) for row in rows],
        tuple(names),
        results.design == "grid",
        float(trials["initial_loss"].mean()),
    )


def resampled(group: Losses, *, draws: int = DRAWS, seed: int = 0) -> tuple[NDArray[np.int64], Array]:
    r"""Bootstrap: which configurations each draw holds, and their mean over resampled seeds. Shapes ``[draws, configurations]``.

    A grid's configurations are fixed, so they stay and only seeds are resampled; otherwise configurations are drawn with
    replacement, then the
    seeds within each (cluster bootstrap). Seeds are resampled as residuals blown up by :math:`\sqrt{S/(S-1)}`, without which two seeds
    would show only half of their variance.   Source: Davison & Hinkley, "Bootstrap Methods and their Application" (1997), section 3.8.
    """
    rng = np.random.default_rng(seed)
    count, seeds = group.loss.shape
    if group.fixed:
        chosen = np.broadcast_to(np.arange(count), (draws, count))
    else:
        chosen = rng.integers(count, size=(draws, count))
    mean = group.mean
    present = np.isfinite(group.loss).sum(axis=1)
    residual = np.nan_to_num(group.loss - mean[:, None]) * np.sqrt(present / np.maximum(present - 1, 1))[:, None]
    drawn = residual[chosen[:, :, None], rng.integers(seeds, size=(draws, count, seeds))] if seeds > 1 else np.zeros((draws, count, 1))
    return chosen, mean[chosen] + drawn.mean(axis=2)


def interval(draws: Array, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of bootstrap draws."""
    finite = draws[np.isfinite(draws)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def note(group: Losses) -> str:
    """What limits every number of a group."""
    remarks = []
    if group.loss.shape[1] == 1:
        remarks.append("one seed: seed noise is not in the interval" if group.fixed else "one seed")
    missing = int((~np.isfinite(group.loss)).sum())
    if missing:
        remarks.append(f"{missing} of {group.loss.size} trials missing")
    return "; ".join(remarks)
