"""Bootstrap draws of the losses of one variant on one task, and the intervals of these draws."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.losses import Array, Losses, scaled
from sensitivity.measures.magnitudes import exponent_of
from sensitivity.measures.moderation import moderated
from trainables.names import InputError

DRAWS = 1000
"""Bootstrap draws."""


@dataclass(frozen=True)
class Draws:
    """Bootstrap draws of a study.

    chosen: the configurations that each draw holds ``[draws, configurations]``. mean: their means over seeds,
    with new noise, of the same shape. noise: of each seed of each configuration ``[draws, configurations,
    seeds]``, NaN where a trial is missing; what is added here is taken from ``mean``, so that what both hold
    of it cancels in a difference to :func:`best_draws`. truth: means that the configurations may have in
    truth ``[draws, configurations]``.
    """

    chosen: NDArray[np.int64]
    mean: Array
    noise: Array
    truth: Array

    def of(self, members: NDArray[np.int64]) -> Draws:
        """Draws of some of the configurations, each once."""
        chosen = np.broadcast_to(np.arange(len(members)), (len(self.chosen), len(members)))
        return Draws(chosen, self.mean[:, members], self.noise[:, members], self.truth[:, members])


def resampled(group: Losses, *, draws: int = DRAWS, seed: int = 0) -> Draws:
    r"""Bootstrap over configurations and seeds.

    A grid's configurations are fixed, so they stay and only seeds are drawn anew; otherwise configurations
    are drawn with replacement. Noise as of :func:`drawn`.   Source: Davison & Hinkley, "Bootstrap Methods and
    their Application" (1997), chapters 2 and 3.
    """
    rng = np.random.default_rng(seed)
    if group.fixed and not moderated(group.loss)[0].any():  # nothing varies between draws
        return drawn(group, configurations(group, draws, rng), *_zeros(group, draws), rng)
    return drawn(group, configurations(group, draws, rng), *normals(group, draws, rng), rng)


def configurations(group: Losses, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which configurations each bootstrap draw holds. Shape ``[draws, configurations]``."""
    count = len(group.loss)
    return (
        np.broadcast_to(np.arange(count), (draws, count))
        if group.fixed
        else rng.integers(count, size=(draws, count))
    )


def normals(group: Losses, draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Standard normal numbers for the noise of seeds and for the truth of draws, of the shapes that these
    have in :class:`Draws`."""
    return rng.standard_normal((draws, *group.loss.shape)), rng.standard_normal((draws, len(group.loss)))


def _zeros(group: Losses, draws: int) -> tuple[Array, Array]:
    return np.zeros((draws, *group.loss.shape)), np.zeros((draws, len(group.loss)))


def drawn(
    group: Losses,
    chosen: NDArray[np.int64],
    normal: Array,
    about: Array,
    rng: np.random.Generator,
    *,
    deviation: float | None = None,
) -> Draws:
    r"""The draws that hold the ``chosen`` configurations, with noise and truth made of the numbers of
    :func:`normals`.

    Two or three seeds are too few to resample as they are, so the noise of a seed has the standard deviation
    of its configuration, moderated by those of the others (:func:`moderated`), and the noise of a mean is
    Student's t for that reason. ``truth`` is drawn around the means, shrunk together to the variance that
    they have without noise, so that noise is not counted twice:

    .. math:: \tilde\mu_c \sim \mathcal{N}\Big(\bar\mu + B (\overline{\ell_c} - \bar\mu), \; B \, s_c^2 / S_c\Big), \qquad
        B = \max\Big(0, 1 - \frac{\overline{s_c^2 / S_c}}{\mathrm{Var}\,\overline{\ell_c}}\Big)

    Args: deviation: of the noise, where the losses do not tell it (one seed).
    Source: Efron & Morris, "Stein's Estimation Rule and Its Competitors", JASA 68 (1973), for the means.
    """
    exponent = exponent_of(group.loss)
    if exponent:
        small = drawn(
            scaled(group),
            chosen,
            normal,
            about,
            rng,
            deviation=deviation and math.ldexp(deviation, -exponent),
        )
        with np.errstate(over="ignore"):
            return Draws(
                chosen, *(np.ldexp(part, exponent) for part in (small.mean, small.noise, small.truth))
            )
    spread, freedom = moderated(group.loss)
    there = np.isfinite(group.loss)
    seeds = np.maximum(there.sum(axis=1), 1)
    together = max(1, int((seeds - 1).sum()))
    if deviation is not None:
        spread, freedom, together = np.full(len(group.loss), deviation), np.inf, 10**9
    draws, count = len(chosen), len(group.loss)
    noise = spread[:, None] * normal
    mean = np.where(there, noise, 0.0).sum(axis=2) / seeds
    if np.isfinite(freedom) and spread.any():  # numbers that would scale no noise take longer than all others
        mean *= np.sqrt(freedom / rng.chisquare(freedom, size=(draws, count)))
    noise *= np.sqrt(together / rng.chisquare(together, size=(draws, 1, 1)))
    noise[:, ~there] = np.nan
    means = np.minimum(group.mean - mean, group.initial)
    variance = spread**2 / seeds
    between = float(np.nanvar(group.mean, ddof=1)) if count > 1 else 0.0
    shrinkage = max(0.0, 1 - float(variance.mean()) / between) if between > 0 else 0.0
    centre = float(np.nanmean(group.mean))
    truth = centre + shrinkage * (group.mean - centre) + np.sqrt(shrinkage * variance) * about
    return Draws(chosen, np.take_along_axis(means, chosen, axis=1), noise, truth)


def interval(draws: Array, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of bootstrap draws. Raises: InputError for a level that is not between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level!r}")
    finite = draws[np.isfinite(draws)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def around(value: float, draws: Array, group: Losses, level: float = 0.95) -> tuple[float, float]:
    """The interval of what holds a best loss: half the range of :func:`interval` to either side of the value.

    Where configurations are fixed, few of them are near the best and the draws are skewed: there, the wider
    of that and the percentiles.
    """
    low, high = interval(draws, level)
    half = (high - low) / 2
    if not group.fixed:
        return value - half, value + half
    return min(low, value - half), max(high, value + half)
