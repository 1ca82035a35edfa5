"""What a study tells of each variant on a task: mean loss, best loss, and draws of both in common units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sensitivity.measures.best import POOLED, Best, best_of
from sensitivity.measures.distributions import f_tail
from sensitivity.measures.losses import ESTIMATES, Array, Losses, groups
from sensitivity.measures.magnitudes import deviation_of, exponent_of
from sensitivity.measures.moderation import pooled_freedom
from sensitivity.measures.surface import DRAWS, Surface, surface
from sensitivity.results.capping import INITIAL, cap_of
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.results.results import Results

KNOWN = 5.0
"""Standard errors that the initial loss must be above the common best, so that shares have a meaning."""
APART = 1000
"""Difference of the seeds of two tasks, whose noise is independent; more than a task has variants."""
FEWEST = 200
"""Number of draws below which the optimism of a best loss would be too rough."""


@dataclass(frozen=True)
class Estimate:
    """What a study tells of one variant on one task.

    Attributes:
        group: Losses of the variant.
        known: True means of its configurations, as far as they are known.
        inflation: Factor on the standard error of the mean of a fixed design, at least 1: seeds whose noise
            is common to all configurations (:func:`_inflation`).
        freedom: Degrees of freedom of that factor; infinite without one.
        seed: Seed of the draws of the mean.
    """

    group: Losses
    known: Surface
    inflation: float = 1.0
    freedom: float = math.inf
    seed: int = 0

    @property
    def variant(self) -> str:
        return self.group.variant

    @cached_property
    def best(self) -> Best:
        """Best loss of all configurations."""
        return best_of(self.group, self.known)

    @cached_property
    def mean(self) -> float:
        """Mean loss over the configurations of the design, each with equal weight."""
        return float(self.group.mean.mean())

    @cached_property
    def error(self) -> float:
        """Standard error of :attr:`mean`; NaN where it is not known."""
        count = len(self.group.loss)
        if not self.group.fixed:
            return deviation_of(self.group.mean) / math.sqrt(count) if count > 1 else math.nan
        if not self.known.repeated:
            return math.nan
        return self.inflation * deviation_of(self.known.again.mean(axis=1))

    @cached_property
    def mean_draws(self) -> Array:
        """Draws of the true mean loss, ``[draws]``."""
        if self.group.fixed and math.isinf(self.freedom):
            noise = self.known.noise.mean(axis=1)
            return np.asarray(self.mean - noise) if self.known.repeated else np.full(len(noise), np.nan)
        rng = np.random.default_rng((11, self.seed))
        return np.asarray(self.mean + self.error * rng.standard_t(self.degrees, len(self.known.noise)))

    @property
    def degrees(self) -> float:
        """Degrees of freedom of :attr:`error`."""
        if not self.group.fixed:
            return float(max(1, len(self.group.loss) - 1))
        return float(max(1, min(self.freedom, pooled_freedom(self.group.loss))))


@dataclass(frozen=True)
class Stakes:
    """What can be won on a task: from the initial loss to the common best.

    Attributes:
        task: Name of the task.
        initial: Loss before training, or the worst result where that is not known.
        best: Best loss of all variants, expected on a rerun, or a reference that was given.
        source: The variant whose best it is, or "the reference that was given".
        draws: Draws of the common best around ``best``, ``[draws]``.
        lowest: Draws of the smallest true best loss of all variants, ``[draws]``.
        meaningful: True if ``initial`` is a loss before training.
    """

    task: str
    initial: float
    best: float
    source: str
    draws: Array
    lowest: Array
    meaningful: bool

    @property
    def unit(self) -> float:
        """Initial loss less the common best."""
        return self.initial - self.best

    @property
    def units(self) -> Array:
        """Draws of :attr:`unit`, ``[draws]``.

        Which variant has the common best is not certain either, so these are not the draws of its best alone.
        """
        return np.asarray(self.unit - (self.lowest - self.lowest.mean()))

    @property
    def refused(self) -> str:
        """Reason against shares of what can be won; empty where there is none."""
        error = deviation_of(self.draws) if np.isfinite(self.draws).all() else 0.0
        if self.unit > max(KNOWN * error, 1e-12 * abs(self.initial)):
            return ""
        return (
            f"the best loss is not clearly below the "
            f"{'initial loss' if self.meaningful else 'worst result'}, "
            "so shares of what can be won have no meaning"
        )

    def share(self, loss: float, draws: Array, level: float = 0.95) -> tuple[float, float, float]:
        """Return a loss above the common best, as a share of what can be won, and its interval."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = (loss - self.best) / self.unit
            return (float(value), *ends(value, (draws - self.draws) / (self.initial - self.draws), level))


def ends(value: float, draws: Array, level: float = 0.95) -> tuple[float, float]:
    """Return the percentiles of draws, which enclose the value; NaN where a draw is."""
    if not np.isfinite(draws).all():
        return math.nan, math.nan
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return min(float(low), value), max(float(high), value)


def estimates(results: Results, *, draws: int = DRAWS, seed: int = 0) -> dict[str, list[Estimate]]:
    """Return the estimates of every variant with a result, by task.

    Results of :func:`sensitivity.measures.losses.keeping_losses` compute them once.

    Args:
        results: Results of a study.
        draws: Number of draws of each surface, at least :data:`FEWEST`.
        seed: Seed of the draws.
    """
    cache: dict[tuple[int, int], dict[str, list[Estimate]]] = vars(results).get(ESTIMATES, {})
    key = max(draws, FEWEST), seed
    if key not in cache:
        cache[key] = _estimates(results, *key)
    return cache[key]


def estimate_of(results: Results, task: str, variant: str, *, draws: int = DRAWS, seed: int = 0) -> Estimate:
    """Return the estimate of one variant on one task."""
    every = estimates(results, draws=draws, seed=seed)[task]
    return next(one for one in every if one.variant == variant)


def _estimates(results: Results, draws: int, seed: int) -> dict[str, list[Estimate]]:
    by_task: dict[str, list[Losses]] = {}
    for group in groups(results):
        by_task.setdefault(group.task, []).append(group)
    return {
        task: estimated(every, draws=draws, seed=seed + APART * number)
        for number, (task, every) in enumerate(by_task.items())
    }


def estimated(every: Sequence[Losses], *, draws: int = DRAWS, seed: int = 0) -> list[Estimate]:
    """Return the estimates of the variants of one task."""
    return _with_common_noise(
        [
            Estimate(group, surface(group, draws=draws, seed=seed + place), seed=seed + place)
            for place, group in enumerate(every)
        ]
    )


def _with_common_noise(every: list[Estimate]) -> list[Estimate]:
    fixed = [one for one in every if one.group.fixed and one.known.repeated]
    factor, freedom = _inflation(fixed)
    return [replace(one, inflation=factor, freedom=freedom) if one in fixed else one for one in every]


def _inflation(every: list[Estimate]) -> tuple[float, float]:
    r"""Return the factor on standard errors for noise that all configurations of a variant share.

    .. math:: F = \frac{\sum_{w, s} (\bar\ell_{ws} - \bar\ell_w - \bar\ell_s + \bar\ell)^2 / ((W - 1)(S - 1))}
        {\overline{\mathrm{Var}\,\bar\ell_{ws}}}

    compares how the means of variants differ from seed to seed with what independent noise of their
    configurations explains. Where it is larger at the level :data:`POOLED` of an F test, the factor is its
    root, with (W - 1)(S - 1) degrees of freedom; else 1. What all variants share cancels in their
    differences.

    Source: Bancroft, "Analysis and Inference for Incompletely Specified Models" (1964): the rule "sometimes
    pool", with its level.
    """
    seeds = min((one.group.loss.shape[1] for one in every), default=0)
    whole = [one for one in every if np.isfinite(one.group.loss).all() and one.group.loss.shape[1] == seeds]
    if len(whole) < 2 or seeds < 2:
        return 1.0, math.inf
    means = np.array([one.group.loss.mean(axis=0) for one in whole])
    exponent = exponent_of(means)
    means = np.ldexp(means, -exponent)
    rest = means - means.mean(axis=1, keepdims=True) - means.mean(axis=0) + means.mean()
    freedom = (len(whole) - 1) * (seeds - 1)
    noise = [np.ldexp(one.known.again.mean(axis=1), -exponent) for one in whole]
    expected = seeds * float(np.mean([part.var() for part in noise]))
    if expected <= 0:
        return 1.0, math.inf
    ratio = float((rest**2).sum()) / freedom / expected
    together = sum(pooled_freedom(one.group.loss) for one in whole)
    return (
        (math.sqrt(ratio), float(freedom))
        if f_tail(ratio, freedom, together) < POOLED and ratio > 1
        else (1.0, math.inf)
    )


def stakes(results: Results, *, reference: float | Mapping[str, float] | None = None) -> dict[str, Stakes]:
    """Return what can be won on each task.

    Args:
        results: Results of a study.
        reference: Loss to reach instead of the best of all variants, for all tasks or by task.

    Raises:
        InputError: for an unknown task, or a reference that is not a finite number.
    """
    every = estimates(results)
    references: dict[str, float] = {}
    if reference is not None:
        references = dict(reference) if isinstance(reference, Mapping) else dict.fromkeys(every, reference)
    for task, loss in references.items():
        if task not in every:
            raise unknown("task", task, list(every))
        if not isinstance(loss, int | float) or not math.isfinite(loss):
            raise InputError(f"reference must be a finite loss, got {loss!r}")
    return {
        task: stakes_of(part, reference=references.get(task), meaningful=cap_of(results, task) == INITIAL)
        for task, part in every.items()
    }


def stakes_of(
    every: Sequence[Estimate], *, reference: float | None = None, meaningful: bool = True
) -> Stakes:
    """Return what can be won on one task.

    Args:
        every: Estimates of its variants.
        reference: Loss to reach instead of the best of all variants.
        meaningful: True if the initial loss is a loss before training.
    """
    task, initial = every[0].group.task, float(np.mean([one.group.initial for one in every]))
    if reference is not None:
        draws = np.full(len(every[0].known.truth), float(reference))
        return Stakes(
            task, initial, float(reference), "the reference that was given", draws, draws, meaningful
        )
    leader = min(every, key=lambda one: one.best.value)
    drawn = np.array([one.best.draws for one in every if np.isfinite(one.best.draws).all()])
    lowest = drawn.min(axis=0) if len(drawn) else leader.best.draws
    return Stakes(task, initial, leader.best.value, leader.variant, leader.best.draws, lowest, meaningful)
