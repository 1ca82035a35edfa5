"""Normalised scores of configurations on several tasks, and statistics less their optimism."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sensitivity.measures.across_tasks import Shared, normalised, scores, shared_by_variant
from sensitivity.measures.best import UNCERTAIN, symmetric, trimmed_mean
from sensitivity.measures.estimates import estimate_of
from sensitivity.measures.losses import Array, keeping_losses
from sensitivity.measures.surface import DRAWS

if TYPE_CHECKING:
    from sensitivity.results.results import Results


@dataclass(frozen=True)
class Scores:
    """Normalised scores of one variant on several tasks: higher is better, minus infinity where one lacks.

    Attributes:
        one: The variant and its configurations.
        observed: Scores of the observed means, ``[tasks, configurations]``.
        expected: Scores of the posterior means, ``[tasks, configurations]``.
        truth: Draws of the scores of the true means, ``[draws, tasks, configurations]``.
        again: Scores of the means of simulated studies, ``[draws, tasks, configurations]``.
        repeated: True if the noise of every task is known.
    """

    one: Shared
    observed: Array
    expected: Array
    truth: Array
    again: Array
    repeated: bool

    def estimated(self, statistic: Callable[[Array], Array]) -> tuple[Array, Array]:
        r"""Return statistics that choose among configurations, less their optimism, and draws of their truth.

        .. math:: T(\overline\ell) - \big( \mathbb{E}_n T(\hat\mu + n) - T(\hat\mu) \big)

        as for :class:`sensitivity.measures.best.Best`, whose rule for the width of the draws holds here too.
        With one seed on a task the statistics are those observed, and the draws are NaN.

        Args:
            statistic: Returns the statistics ``[draws, statistics]`` of scores ``[draws, tasks,
                configurations]``.

        Returns:
            The values ``[statistics]`` and the draws ``[draws, statistics]``.
        """
        value = statistic(self.observed[None])[0]
        if not self.repeated:
            return value, np.full((len(self.truth), len(value)), np.nan)
        again, truth = statistic(self.again), statistic(self.truth)
        optimism = trimmed_mean(again) - statistic(self.expected[None])[0]
        value, spread = value - optimism, _half(truth)
        wide = np.hypot(np.maximum(spread, _half(again)), UNCERTAIN * optimism)
        stretch = np.divide(wide, spread, out=np.ones_like(spread), where=spread > 0)
        return value, value + symmetric(stretch * (truth - truth.mean(axis=0)))


def _half(draws: Array) -> Array:
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return np.asarray(high - low) / 2


def scored(results: Results, measure: str, normalisation: str, draws: int, seed: int) -> list[Scores]:
    """Return the scores of every variant that has configurations on several tasks.

    Args:
        results: Results of a study.
        measure: Name of the measure, for errors.
        normalisation: As for :func:`sensitivity.measures.across_tasks.normalised`.
        draws: Number of draws.
        seed: Seed of the draws.

    Raises:
        InputError: for fewer than two tasks, an adaptive design or an unknown normalisation.
    """
    judged, ends = normalised(results, normalisation)
    judged, tables = keeping_losses(judged), []
    for one in shared_by_variant(judged, measure, partly=True):
        known = [
            estimate_of(judged, group.task, one.variant, draws=max(draws, DRAWS), seed=seed).known
            for group in one.groups
        ]
        again = [
            np.minimum(part.mean + part.again[:draws], group.initial)
            for group, part in zip(one.groups, known, strict=True)
        ]
        observed, expected, truth, simulated = (
            scores(one, ends, one.placed(losses))
            for losses in (
                [group.mean for group in one.groups],
                [part.mean for part in known],
                [part.truth[:draws] for part in known],
                again,
            )
        )
        repeated = all(part.repeated for part in known)
        tables.append(Scores(one, observed, expected, truth, simulated, repeated))
    return tables
