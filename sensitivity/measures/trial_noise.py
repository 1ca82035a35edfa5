"""Noise of single trials, as drawn for simulated studies: heavy tails, trends over the space, divergence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.losses import Array, Losses
from sensitivity.measures.surface import mixed_with_cap, noise_trend

TAILS = (2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, math.inf)
"""Degrees of freedom of Student's t that the noise of a trial may have."""
NORMAL = 0.5
"""Probability of normal noise before residuals are seen: few of them tell it from heavy tails."""
TEMPER = 0.4
"""Power of the likelihood of the tails: few residuals tell little of tails, and too light ones mislead."""
NEIGHBOURS = 2.0
"""Trials for which the rate at the same levels counts in a configuration's chance to diverge."""


@dataclass(frozen=True)
class TrialNoise:
    r"""Distribution of the noise of a trial of each configuration.

    A trial diverges with a chance from Beta :math:`(k + w r, S - k + w (1 - r))`, with k of S trials at the
    cap, w :data:`NEIGHBOURS`, and r the product of the rates at the configuration's levels; it then ends a
    ``gap`` above the mean of trials that train. The noise of these is Student's t around a trend.

    Attributes:
        deviation: Standard deviation of trials that train, ``[configurations]``.
        tails: Probability of each of :data:`TAILS`.
        beta: Parameters of the chance to diverge, ``[2, configurations]``; 0 for never, or always.
        gap: Distance of the cap from the mean of trials that train, ``[configurations]``.
        finished: True for each trial with a result, ``[configurations, seeds]``.
    """

    deviation: Array
    tails: Array
    beta: Array
    gap: Array
    finished: NDArray[np.bool_]

    @classmethod
    def of(cls, group: Losses) -> TrialNoise:
        """Return the distribution that the trials of a group tell of."""
        loss, finished = group.loss, np.isfinite(group.loss)
        mixed = mixed_with_cap(group)
        calm = ~mixed
        trend = np.ones(len(loss))
        trend[calm] = noise_trend(loss[calm], group.units[calm])
        variance = np.full(len(loss), np.nan)
        repeated = finished.sum(axis=1) > 1
        variance[repeated] = np.nanvar(loss[repeated], axis=1, ddof=1)
        known = calm & (np.nan_to_num(variance) > 0)  # equal trials, as those at the cap are, have no noise
        pooled = float((variance[known] / trend[known] ** 2).mean()) if known.any() else 0.0
        deviation = np.where(mixed | (repeated & ~known), 0.0, math.sqrt(pooled) * trend)
        return cls(deviation, _tails(loss[known], trend[known]), *_divergence(group, mixed), finished)

    def draw(
        self, draws: int, rng: np.random.Generator, chosen: NDArray[np.int64] | None = None
    ) -> tuple[Array, Array]:
        """Return the noise of chosen configurations, and its variance in every configuration.

        The mean is 0. The noise of a missing trial is NaN. A configuration that is chosen twice has the same
        variance, and noise of its own, both times.

        Args:
            draws: Number of studies.
            rng: Random generator.
            chosen: Configurations of each study, ``[draws, configurations]``, which may be one several times;
                all of them once if None.

        Returns:
            ``[draws, configurations, seeds]`` and ``[draws, configurations]``.
        """
        shape = (draws, *self.finished.shape)
        if chosen is None:
            chosen = np.broadcast_to(np.arange(shape[1]), shape[:2])
        noise = rng.standard_normal(shape)
        freedom = rng.choice(TAILS, size=draws, p=self.tails)
        for degrees in np.unique(freedom[np.isfinite(freedom)]):
            heavy = freedom == degrees
            chi = rng.chisquare(degrees, (int(heavy.sum()), *shape[1:]))
            noise[heavy] *= np.sqrt((degrees - 2) / chi)
        noise *= self.deviation[chosen][:, :, None]
        variance = np.broadcast_to(self.deviation**2, shape[:2])
        if self.beta.any():
            certain = (self.beta <= 0).any(axis=0)
            first, second = np.where(certain, 1.0, self.beta)
            chance = rng.beta(first, second, shape[:2])
            chance[:, certain] = (self.beta[0] > 0)[certain]
            variance = (1 - chance) * variance + self.gap**2 * chance * (1 - chance)
            chance, gap = np.take_along_axis(chance, chosen, axis=1)[:, :, None], self.gap[chosen][:, :, None]
            diverged = rng.random(shape) < chance
            noise = np.where(diverged, 0.0, noise) + gap * (diverged - chance)
        noise[~self.finished[chosen]] = np.nan
        return noise, variance


def _divergence(group: Losses, mixed: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return the parameters of the chances to diverge, and the gaps; zeros where no cell has both kinds."""
    loss, count = group.loss, len(group.loss)
    if not mixed.any():
        return np.zeros((2, count)), np.zeros(count)
    seeds = np.isfinite(loss).sum(axis=1)
    at_cap = loss >= group.initial
    rate = at_cap.sum(axis=1) / np.maximum(seeds, 1)
    nearby = np.full(count, rate.mean())
    for column in group.units.T:
        _, level, members = np.unique(column, return_inverse=True, return_counts=True)
        if members.min() > 1:
            nearby *= (np.bincount(level.reshape(-1), rate) / members)[level.reshape(-1)] / rate.mean()
        elif len(members) == count:  # no two share a level
            nearby = np.minimum(nearby, rate)
    nearby = np.clip(nearby, 0.0, 1.0)
    beta = np.stack(
        [
            at_cap.sum(axis=1) + NEIGHBOURS * nearby,
            seeds - at_cap.sum(axis=1) + NEIGHBOURS * (1 - nearby),
        ]
    )
    trained = np.where(at_cap, np.nan, loss)
    mean = np.full(count, float(np.nanmean(trained[mixed])))
    some = np.isfinite(trained).any(axis=1)
    mean[some] = np.nanmean(trained[some], axis=1)
    return beta, group.initial - mean


def _tails(loss: Array, trend: Array) -> Array:
    """Return the probability of each of :data:`TAILS`: a prior times a tempered likelihood of the residuals.

    The scale is that of the greatest likelihood. A residual of one of S seeds counts as :math:`(S - 1) / S`.
    """
    normal = np.array([float(math.isinf(degrees)) for degrees in TAILS])
    if not len(loss):
        return normal
    seeds = np.isfinite(loss).sum(axis=1)[:, None]
    residual = (
        (loss - np.nanmean(loss, axis=1, keepdims=True)) / trend[:, None] * np.sqrt(seeds / (seeds - 1))
    )
    there = np.isfinite(residual)
    weight = np.broadcast_to((seeds - 1) / seeds, residual.shape)[there]
    residual = residual[there]
    largest = math.sqrt(float(np.average(residual**2, weights=weight)))
    if not largest > 0:
        return normal
    scales = largest * np.geomspace(0.2, 1.1, 25)[:, None]
    standard, shift = residual / scales, np.log(scales)
    squared = standard**2
    likelihood = [
        float((density - shift).dot(weight).max())
        for density in (_log_density(squared, degrees) for degrees in TAILS)
    ]
    prior = np.where(normal > 0, NORMAL, (1 - NORMAL) / (len(TAILS) - 1))
    chance = prior * np.exp(TEMPER * (np.array(likelihood) - max(likelihood)))
    return np.asarray(chance / chance.sum())


def _log_density(squared: Array, degrees: float) -> Array:
    """Return the logarithm of the density of Student's t at numbers whose squares these are.

    With the checks of :mod:`scipy.stats` it would take four times as long.
    """
    from scipy.special import gammaln

    if math.isinf(degrees):
        return np.asarray(-squared / 2 - math.log(2 * math.pi) / 2)
    constant = gammaln((degrees + 1) / 2) - gammaln(degrees / 2) - math.log(degrees * math.pi) / 2
    return np.asarray(constant - (degrees + 1) / 2 * np.log1p(squared / degrees))
