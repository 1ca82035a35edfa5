"""Differences between all pairs of variants, with one error rate for all of them."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from sensitivity.measures.comparison import holm
from sensitivity.measures.losses import Array

FEW_SEEDS = 3
"""Number of seeds below which the joint distribution of differences is too little known for max-T."""


@dataclass(frozen=True)
class Quantity:
    """One number of one variant, with draws of its error.

    Attributes:
        variant: Name of the variant.
        value: Estimate, in units of the loss.
        errors: Draws of the truth less the estimate, ``[draws]``; NaN where the noise is not known.
        degrees: Degrees of freedom of the standard error.
    """

    variant: str
    value: float
    errors: Array
    degrees: float


@dataclass(frozen=True)
class Difference:
    """The difference of a quantity between two variants, ``a`` minus ``b``.

    Attributes:
        a: Name of a variant.
        b: Name of the other.
        value: Difference, in units of the loss.
        low: Lower end of its simultaneous interval.
        high: Upper end of its simultaneous interval.
        error: Standard error.
        critical: Standard errors from the value to the ends of the interval.
        p: p-value, adjusted for all pairs.
    """

    a: str
    b: str
    value: float
    low: float
    high: float
    error: float
    critical: float
    p: float


def differences(quantities: list[Quantity], *, seeds: int, level: float = 0.95) -> list[Difference]:
    r"""Return the differences between all pairs, with simultaneous intervals and adjusted p-values.

    .. math:: T = \max_{ij} \frac{|e_i - e_j|}{s_{ij}}, \qquad
        d_{ij} \pm c \, s_{ij}, \quad c = Q_{0.95}(T)

    over draws e of the errors: all intervals hold their truths at once in 95 of 100 studies. The p-values are
    those of Romano and Wolf's stepdown procedure, which drops pairs that are already told apart from the
    maximum. With fewer than :data:`FEW_SEEDS` seeds, both are Holm's and Bonferroni's with Student's t.

    Args:
        quantities: One of each variant.
        seeds: Number of seeds of the study; of configurations, where the design draws them.
        level: Level of all intervals together, between 0 and 1.

    Sources: Romano & Wolf, "Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing", JASA 100
    (2005); Westfall & Young, "Resampling-Based Multiple Testing" (1993).
    """
    pairs = list(itertools.combinations(quantities, 2))
    if not pairs:
        return []
    value = np.array([a.value - b.value for a, b in pairs])
    errors = np.stack([a.errors - b.errors for a, b in pairs], axis=1)
    spread = np.array([_spread(column) for column in errors.T])
    known = np.isfinite(spread)
    with np.errstate(over="ignore"):  # a difference beyond any noise
        ratio = np.abs(value) / np.where(spread > 0, spread, 1.0)
    statistic = np.where(spread > 0, ratio, np.where(np.abs(value) > 0, np.inf, 0.0))
    critical, p = np.full(len(pairs), math.nan), np.full(len(pairs), math.nan)
    if known.any():
        degrees = np.array([min(a.degrees, b.degrees) for a, b in pairs])[known]
        if seeds >= FEW_SEEDS:
            critical[known], p[known] = _max_t(statistic[known], errors[:, known], spread[known], level)
        else:
            critical[known], p[known] = _holm(statistic[known], degrees, level)
    half = critical * spread
    return [
        Difference(a.variant, b.variant, *map(float, numbers))
        for (a, b), numbers in zip(
            pairs, zip(value, value - half, value + half, spread, critical, p, strict=True), strict=True
        )
    ]


def _spread(errors: Array) -> float:
    """Return half the width of the middle 95% of draws over 1.96, which outliers do not stretch."""
    if not np.isfinite(errors).all():
        return math.nan
    low, high = np.quantile(errors, [0.025, 0.975])
    return float(high - low) / 2 / 1.959964


def _max_t(statistic: Array, errors: Array, spread: Array, level: float) -> tuple[float, Array]:
    """Return the critical value of the maximum over all pairs, and stepdown p-values ``[pairs]``."""
    drawn = np.abs(errors - errors.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    critical = float(np.quantile(drawn.max(axis=1), level))
    order = np.argsort(-statistic, kind="stable")
    p, largest = np.empty(len(statistic)), 0.0
    highest = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]
    for place, pair in enumerate(order):
        beyond = float((highest[:, place] >= statistic[pair]).sum() + 1) / (len(drawn) + 1)
        largest = max(largest, beyond if statistic[pair] > 0 else 1.0)
        p[pair] = largest
    return critical, p


def _holm(statistic: Array, degrees: Array, level: float) -> tuple[Array, Array]:
    """Return Bonferroni's critical values and Holm's p-values, ``[pairs]`` each."""
    from scipy.stats import t

    critical = t.ppf(1 - (1 - level) / 2 / len(statistic), degrees)
    return np.asarray(critical), holm(2 * t.sf(statistic, degrees))


def rank_sets(
    variants: list[str], found: list[Difference], level: float = 0.95
) -> dict[str, tuple[int, int]]:
    """Return the ranks that each variant can have, from the smallest value, at a simultaneous level.

    A variant's best rank is one more than the number of variants that are told apart below it, its worst is
    that many from the end.

    Source: Mogstad, Romano, Shaikh & Wilhelm, "Inference for Ranks", Review of Economic Studies 91 (2024).
    """
    below, above = dict.fromkeys(variants, 0), dict.fromkeys(variants, 0)
    for pair in found:
        if pair.p <= 1 - level:
            better, worse = (pair.a, pair.b) if pair.value < 0 else (pair.b, pair.a)
            below[worse] += 1
            above[better] += 1
    return {name: (1 + below[name], len(variants) - above[name]) for name in variants}
