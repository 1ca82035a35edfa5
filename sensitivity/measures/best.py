"""The loss that a variant's best configuration is expected to have on a rerun."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.losses import Array, Losses
from sensitivity.measures.surface import DRAWS, Surface, surface

UNCERTAIN = 0.5
"""Share of the optimism that is added to the half-width of an interval, in squares: the optimism is an
estimate too."""
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
        means = np.minimum(self.known.mean + self.known.again, self.initial)
        shrunk = self.known.shrink(means[:half])[:, self.members]
        noise = self.known.again[half : half + INNER, self.members]
        least = np.stack([np.minimum(shrunk + one, self.initial).min(axis=1) for one in noise])
        smallest = means[:, self.members].min(axis=1)
        optimism = np.minimum(0.0, least.mean(axis=0) - shrunk.min(axis=1))
        return smallest - truth.min(), smallest[:half] - optimism - truth.min()

    @property
    def optimism(self) -> float:
        """Expected amount by which the smallest mean is too small, as a negative number."""
        if not self.known.repeated:
            return 0.0
        smallest, estimates = self._again
        return min(0.0, float(smallest.mean()) + float(estimates.mean()))

    @property
    def value(self) -> float:
        """Loss that is expected on a rerun."""
        return min(self.observed - self.optimism, max(self.initial, self.observed))

    @cached_property
    def draws(self) -> Array:
        """Draws of the true best loss around :attr:`value`, ``[draws]``; NaN with one seed."""
        if not self.known.repeated:
            return np.full(len(self.known.truth), np.nan)
        drawn = self.known.truth[:, self.members].min(axis=1)
        own, again = _half(drawn), _half(self._again[1])
        wide = np.hypot(max(own, again), UNCERTAIN * self.optimism)
        stretch = wide / own if own > 0 else 1.0
        draws = self.value + stretch * (drawn - drawn.mean())
        lowest = 0.0 if self.known.observed.min() >= 0 and self.known.mean.min() >= 0 else -np.inf
        return np.asarray(np.clip(draws, lowest, self.initial))


def _half(draws: Array) -> float:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(high - low) / 2


def best_of(group: Losses, known: Surface, members: NDArray[np.int64] | None = None) -> Best:
    """Return the best of some configurations of a group, or of all."""
    return Best(known, np.arange(len(group.loss)) if members is None else members, group.initial)


def best(group: Losses) -> float:
    """Return :attr:`Best.value` of all configurations of a group."""
    return best_of(group, surface(group, draws=DRAWS)).value
