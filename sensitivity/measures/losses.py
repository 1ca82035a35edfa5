"""The losses of one variant on one task as a matrix, configurations by seeds, and how to resample it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sensitivity.results import PREFIX, present

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
        # What is inactive has no place. In the middle of its scale it cannot pass for a high or a low value.
        np.nan_to_num(results.units(firsts, variant), nan=0.5),
        firsts[f"{PREFIX}lr"].to_numpy(float) if "lr" in names else np.ones(len(firsts)),
        [present(names, row) for row in rows],
        tuple(names),
        results.design == "grid",
        float(trials["initial_loss"].mean()),
    )


@dataclass(frozen=True)
class Draws:
    """Bootstrap draws: which configurations each holds ``[draws, configurations]``, the noise of their seeds ``[draws,
    configurations, seeds]``, and
    the mean that this gives each ``[draws, configurations]``.
    """

    chosen: NDArray[np.int64]
    noise: Array
    mean: Array


def resampled(group: Losses, *, draws: int = DRAWS, seed: int = 0) -> Draws:
    r"""Bootstrap over configurations and seeds.

    A grid's configurations are fixed, so they stay and only seeds are drawn anew; otherwise configurations are drawn with
    replacement. Two or three
    seeds are too few to resample as they are, so the noise of a seed is drawn from Student's t with the configuration's variance, moderated
    by that of the others (:func:`moderated`).   Sources: Davison & Hinkley, "Bootstrap Methods and their Application" (1997),
    chapters 2 and 3.
    """
    rng = np.random.default_rng(seed)
    count, seeds = group.loss.shape
    if group.fixed:
        chosen = np.broadcast_to(np.arange(count), (draws, count))
    else:
        chosen = rng.integers(count, size=(draws, count))
    deviation, freedom = moderated(group.loss)
    present = np.isfinite(group.loss).sum(axis=1)
    spread = deviation[chosen] * np.sqrt(freedom / rng.chisquare(freedom, size=(draws, count)) if np.isfinite(freedom) else 1.0)
    noise = spread[:, :, None] * rng.standard_normal((draws, count, seeds))
    mean = noise.mean(axis=2) * np.sqrt(seeds / np.maximum(present, 1))[chosen]
    return Draws(chosen, noise, np.minimum(group.mean[chosen] + mean, group.initial))


def moderated(loss: Array) -> tuple[Array, float]:
    r"""Standard deviation between the seeds of each configuration, moderated by the others', and its degrees of freedom.

    .. math:: \tilde s_c^2 = \frac{d_0 s_0^2 + d_c s_c^2}{d_0 + d_c}

    with the prior :math:`d_0, s_0` fitted to all configurations: where they are equally noisy they are pooled, where they differ
    each keeps its
    own. A configuration without any variance keeps none. Zeros with one seed.

    Source: Smyth, "Linear Models and Empirical Bayes Methods for Assessing Differential Expression", SAGMB 3 (2004), section 6.2.
    """
    from scipy.optimize import brentq
    from scipy.special import digamma, polygamma

    present = np.isfinite(loss).sum(axis=1)
    freedom = np.maximum(present - 1, 0)
    variance = np.zeros(len(loss))
    repeated = freedom > 0
    variance[repeated] = np.nanvar(loss[repeated], axis=1, ddof=1)
    noisy = repeated & (variance > 1e-24)
    if noisy.sum() < 2:
        return np.sqrt(variance), float(max(1, freedom.max(initial=1)))
    half = freedom[noisy] / 2
    logs = np.log(variance[noisy]) - digamma(half) + np.log(half)
    excess = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if excess <= 1e-4:
        pooled = float(np.average(variance[noisy], weights=freedom[noisy]))
        return np.where(noisy | ~repeated, np.sqrt(pooled), 0.0), np.inf
    prior = 2 * float(brentq(lambda x: polygamma(1, x) - excess, 1e-6, 1e6))
    pooled = float(np.exp(logs.mean() + digamma(prior / 2) - np.log(prior / 2)))
    shrunk = (prior * pooled + freedom * variance) / (prior + freedom)
    return np.where(noisy | ~repeated, np.sqrt(shrunk), 0.0), prior + float(freedom[noisy].mean())


def best(group: Losses) -> float:
    r"""The loss of the best configuration, averaged over those that might be it.

    .. math:: \ell^* = \sum_c w_c \bar\ell_c

    with :math:`w_c` the share of bootstrap draws of the seeds in which c is the smallest. The plain minimum is too small wherever several
    configurations are nearly as good, because luck chooses among them; a clear winner has weight 1. With one seed it is the minimum.
    Source: Buckland, Burnham & Augustin, "Model Selection: An Integral Part of Inference", Biometrics 53 (1997).
    """
    winners = resampled(replace(group, fixed=True)).mean.argmin(axis=1)
    return float(np.bincount(winners, minlength=len(group.loss)) @ group.mean / len(winners))


def best_draws(group: Losses, drawn: Draws) -> Array:
    """The best loss of each bootstrap draw, moved as :func:`best` moves the minimum. Shape ``[draws]``.

    A grid's best has the noise of the one configuration with the smallest mean; of other designs it is the smallest mean of each draw.
    """
    smallest = int(np.argmin(group.mean))
    of_each = drawn.mean[:, smallest] if group.fixed else drawn.mean.min(axis=1)
    return np.asarray(of_each + best(group) - group.mean[smallest])


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
