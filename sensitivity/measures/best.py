"""The loss that a variant's best configuration is expected to have on a rerun."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.distributions import f_tail
from sensitivity.measures.losses import Array, Losses
from sensitivity.measures.magnitudes import deviation_of
from sensitivity.measures.surface import Surface

NORMAL = 1.959964
"""The 97.5% quantile of the normal distribution."""
WIDER = 1.07
"""Factor on the half-width of an interval: simulated studies, whose truth is the shrunk one, scatter 0 to 13%
less than studies of the same kind (docs/validation.md)."""
UNCERTAIN = 0.5
"""Share of the optimism that is added to the half-width of an interval, in squares: the optimism is an
estimate too."""
TRIMMED = 0.1
"""Share of the simulated studies that is left out at each end of a mean: with two seeds the noise has heavy
tails, of which few draws would decide the optimism."""
POOLED = 0.25
"""Level of the test below which noise between seeds counts as common to the configurations of a variant."""
INNER = 64
"""Number of draws of the optimism of a simulated study."""


@dataclass(frozen=True)
class Best:
    r"""The best loss of some configurations: the smallest mean less its optimism.

    .. math:: \hat m = \min_c \overline{\ell_c} - \Big(
            \mathbb{E}_n \min_c (\hat\mu_c + n_c) - \min_c \hat\mu_c
        \Big)

    with :math:`\hat\mu` the means shrunk by empirical Bayes towards a smooth surface
    (:func:`sensitivity.measures.surface.surface`) and n noise of the means. The smallest of several means is
    too small wherever luck chooses among nearly equal configurations; where one configuration is clearly the
    best, there is nothing to correct. With one seed nothing is known of the noise: the value is the observed
    minimum, and there is no interval.

    Attributes:
        known: The surface.
        members: Configurations among which the best is chosen.
        initial: Loss before training, the largest possible value.

    Sources: Efron, "Tweedie's Formula and Selection Bias", JASA 106 (2011); Efron & Tibshirani, "An
    Introduction to the Bootstrap" (1993), chapter 10.
    """

    known: Surface
    members: NDArray[np.int64]
    initial: float

    @property
    def observed(self) -> float:
        """Smallest observed mean."""
        return float(self.known.observed[self.members].min())

    @property
    def place(self) -> int:
        """Configuration with the smallest observed mean."""
        return int(self.members[np.argmin(self.known.observed[self.members])])

    @cached_property
    def _again(self) -> tuple[Array, Array]:
        """Smallest means of simulated studies, and the estimates of those studies, ``[draws]`` each."""
        truth = self.known.mean[self.members]
        half = len(self.known.again) // 2
        shrunk = self.known.simulated_shrunk[:, self.members]
        noise = self.known.again[half : half + INNER, self.members]
        near = shrunk.min(axis=0) + noise.min(axis=0) <= (shrunk.max(axis=0) + noise.max(axis=0)).min()
        close = np.ascontiguousarray(shrunk[:, near])  # no other configuration is the best of any study
        least = np.stack([(close + one).min(axis=1) for one in noise[:, near]]).clip(max=self.initial)
        smallest = self.known.simulated[:, self.members].min(axis=1)
        optimism = np.minimum(0.0, trimmed_mean(least) - shrunk.min(axis=1))
        return smallest - truth.min(), smallest[:half] - optimism - truth.min()

    @cached_property
    def optimism(self) -> float:
        """Expected amount by which the smallest mean is too small, as a negative number."""
        if not self.known.repeated:
            return 0.0
        smallest, estimates = self._again
        return min(0.0, float(trimmed_mean(smallest) + trimmed_mean(estimates)))

    @property
    def value(self) -> float:
        """Loss that is expected on a rerun."""
        return min(self.observed - self.optimism, max(self.initial, self.observed))

    @property
    def _seed(self) -> list[int]:
        """Seed of the noise of the estimate: another one for each variant, and the same in any unit.

        It is the order of the first draws of the first configuration with noise; at the cap there is none.
        """
        again = self.known.again[:16, self.members]
        first = int(again.any(axis=0).argmax())
        return [int(place) for place in np.argsort(again[:, first], kind="stable")]

    @cached_property
    def draws(self) -> Array:
        """Draws of the true best loss, symmetric around :attr:`value`, ``[draws]``; NaN with one seed.

        Those of the surface share their noise with the means. Where simulated studies scatter more than these
        draws, the rest is noise of the estimate, which no mean shares.
        """
        if not self.known.repeated:
            return np.full(len(self.known.truth), np.nan)
        drawn = self.known.truth[:, self.members].min(axis=1)
        spread, again = WIDER * _half(drawn), WIDER * _half(self._again[1])
        wide = np.hypot(max(spread, again), UNCERTAIN * self.optimism)
        rest = math.sqrt(max(0.0, 1 - (spread / wide) ** 2)) * wide / NORMAL if wide > 0 else 0.0
        noise = np.random.default_rng(self._seed).standard_normal(len(drawn))
        draws = self.value + symmetric(WIDER * (drawn - drawn.mean())) + rest * symmetric(noise)
        lowest = 0.0 if self.known.observed.min() >= 0 and self.known.mean.min() >= 0 else -np.inf
        return np.asarray(np.clip(draws, lowest, self.initial))


def _half(draws: Array) -> float:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(high - low) / 2


def trimmed_mean(draws: Array) -> Array:
    """Return the mean of draws ``[draws, ...]`` without the share :data:`TRIMMED` at each end."""
    count = len(draws)
    cut = int(TRIMMED * count)
    ordered = np.partition(draws, [cut, count - cut - 1], axis=0) if cut else draws
    return np.asarray(ordered[cut : count - cut].mean(axis=0))


def symmetric(errors: Array) -> Array:
    """Return draws of an error ``[draws, ...]`` with the same order and a distribution symmetric around 0.

    A smallest mean has its long tail below, so that of a true one less its estimate may be on either side.
    """
    ordered = np.sort(errors, axis=0)
    ranks = np.argsort(np.argsort(errors, axis=0, kind="stable"), axis=0, kind="stable")
    return np.asarray(np.take_along_axis((ordered - ordered[::-1]) / 2, ranks, axis=0))


def best_of(group: Losses, known: Surface, members: NDArray[np.int64] | None = None) -> Best:
    """Return the best of some configurations of a group, or of all."""
    return Best(known, np.arange(len(group.loss)) if members is None else members, group.initial)


def common_noise(group: Losses, known: Surface) -> Array:
    r"""Return draws of the noise that all configurations share, ``[draws]``; zeros where there is none to
    see.

    Seeds that are good or bad for a whole variant move all its losses together. The noise matters for a loss
    by itself, and cancels in differences. It is what the variance between the means of seeds has beyond
    independent noise of the configurations, where an F test finds more at the level :data:`POOLED`, with S -
    1 degrees of freedom.
    """
    loss = group.loss[np.isfinite(group.loss).all(axis=1)]
    draws, seeds = len(known.truth), loss.shape[1]
    if seeds < 2 or len(loss) < 2:
        return np.zeros(draws)
    error = deviation_of(loss.mean(axis=0)) / math.sqrt(seeds)
    independent = deviation_of(known.again.mean(axis=1))
    if error <= independent:
        return np.zeros(draws)
    ratio = (error / independent) ** 2 if independent > 0 else math.inf
    if f_tail(ratio, seeds - 1, len(loss) * (seeds - 1)) > POOLED:
        return np.zeros(draws)
    drawn = np.random.default_rng(23).standard_t(seeds - 1, draws)
    return np.asarray(error * math.sqrt(1 - 1 / ratio) * drawn)
