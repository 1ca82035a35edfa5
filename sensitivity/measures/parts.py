"""Parts of variants: the configurations in which a hyperparameter is active, with draws of their losses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sensitivity.measures.best import Best, best_of
from sensitivity.measures.estimates import Estimate, estimate_of
from sensitivity.measures.losses import Array, Losses, active, groups, keeping_losses
from sensitivity.measures.resampling import configurations
from sensitivity.measures.surface import DRAWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sensitivity.results.results import Results


@dataclass(frozen=True)
class Part:
    """Configurations of one variant on one task, which share the surface of all its configurations.

    Attributes:
        group: Losses of these configurations.
        whole: Estimate of the variant.
        members: Places of these configurations among all, ``[configurations]``.
    """

    group: Losses
    whole: Estimate
    members: NDArray[np.int64]

    @cached_property
    def best(self) -> Best:
        """Best loss of these configurations."""
        if len(self.members) == len(self.whole.group.loss):
            return self.whole.best
        return self.best_among(np.arange(len(self.members)))

    def best_among(self, places: NDArray[np.int64]) -> Best:
        """Return the best loss of some of these configurations."""
        return best_of(self.whole.group, self.whole.known, self.members[places])

    @property
    def unknown(self) -> bool:
        """True if nothing is known of an interval: fixed configurations, one seed of each."""
        return self.group.fixed and not self.whole.known.repeated

    @cached_property
    def chosen(self) -> NDArray[np.int64]:
        """Configurations of such studies, ``[draws, configurations]``, drawn where the design drew them."""
        rng = np.random.default_rng(self.whole.seed)
        return configurations(self.group, len(self.whole.known.noise), rng)

    @cached_property
    def true_means(self) -> Array:
        """Draws of the true means of these configurations, ``[draws, configurations]``.

        They are the observed means less the noise that :attr:`best_draws` assume. They are NaN if
        :attr:`unknown`.
        """
        if self.unknown:
            return np.full(self.chosen.shape, np.nan)
        known = self.whole.known
        means = known.observed[self.members] - known.noise[:, self.members]
        return np.minimum(means, self.group.initial)

    @cached_property
    def best_draws(self) -> Array:
        """Draws of the true best loss, ``[draws]``; its value for drawn configurations of one seed each."""
        known = self.whole.known
        if known.repeated or self.group.fixed:
            return self.best.draws
        return np.full(len(known.noise), self.best.value)


def parts(results: Results, having: str | None = None, *, draws: int = DRAWS, seed: int = 0) -> list[Part]:
    """Return a part of every (task, variant) with a result, in the order of :func:`groups`.

    Args:
        results: Results of a study.
        having: Hyperparameter: only variants that vary it, and configurations in which it is active. None for
            all.
        draws: Number of draws of each surface.
        seed: Seed of the draws.
    """
    results = keeping_losses(results)
    return [part_of(results, group, having, draws=draws, seed=seed) for group in groups(results, having)]


def part_of(
    results: Results, group: Losses, having: str | None = None, *, draws: int = DRAWS, seed: int = 0
) -> Part:
    """Return the part of a group of :func:`groups`, which has the same arguments."""
    whole = estimate_of(results, group.task, group.variant, draws=draws, seed=seed)
    members: NDArray[np.int64] = np.arange(len(whole.group.loss))
    if having is not None:
        members = np.flatnonzero(active(whole.group, having))
    return Part(group, whole, members)
