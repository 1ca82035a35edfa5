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
"""Number of bootstrap draws."""


@dataclass(frozen=True)
class Draws:
    """Bootstrap draws of a study.

    Attributes:
        chosen: Configurations of each draw, ``[draws, configurations]``.
        mean: Means over seeds of these configurations, with new noise, ``[draws, configurations]``.
        noise: Noise of each seed of each configuration, ``[draws, configurations, seeds]``, NaN where a trial
            is missing. It is added here and subtracted in ``mean``.
        truth: Possible true means of the configurations, ``[draws, configurations]``.
    """

    chosen: NDArray[np.int64]
    mean: Array
    noise: Array
    truth: Array

    def of(self, members: NDArray[np.int64]) -> Draws:
        """Return draws of some of the configurations, each once."""
        chosen = np.broadcast_to(np.arange(len(members)), (len(self.chosen), len(members)))
        return Draws(chosen, self.mean[:, members], self.noise[:, members], self.truth[:, members])


def resampled(group: Losses, *, draws: int = DRAWS, seed: int = 0) -> Draws:
    r"""Draw a bootstrap sample of configurations and seeds.

    A grid's configurations are fixed, so they stay and only seeds are drawn again; otherwise configurations
    are drawn with replacement. The noise is that of :func:`drawn`.

    Source: Davison & Hinkley, "Bootstrap Methods and their Application" (1997), chapters 2 and 3.
    """
    rng = np.random.default_rng(seed)
    if group.fixed and not moderated(group.loss)[0].any():  # nothing varies between draws
        return drawn(group, configurations(group, draws, rng), *_zeros(group, draws), rng)
    return drawn(group, configurations(group, draws, rng), *normals(group, draws, rng), rng)


def configurations(group: Losses, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the configurations of each bootstrap draw, ``[draws, configurations]``."""
    count = len(group.loss)
    return (
        np.broadcast_to(np.arange(count), (draws, count))
        if group.fixed
        else rng.integers(count, size=(draws, count))
    )


def normals(group: Losses, draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return standard normal numbers for the noise of seeds and for the truth of draws.

    The shapes are those of ``noise`` and ``truth`` in :class:`Draws`.
    """
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
    r"""Return the draws of the ``chosen`` configurations, with noise and truth made of given normal numbers.

    Two or three seeds are too few to resample directly, so the noise of a seed has the standard deviation of
    its configuration, moderated by those of the other configurations (:func:`moderated`), and the noise of a
    mean is therefore Student's t. ``truth`` is drawn around the means, shrunk together to the variance that
    they have without noise, so that noise is not counted twice:

    .. math:: \tilde\mu_c \sim \mathcal{N}\Big(
            \bar\mu + B (\overline{\ell_c} - \bar\mu), \; B \, s_c^2 / S_c
        \Big), \qquad
        B = \max\Big(0, 1 - \frac{\overline{s_c^2 / S_c}}{\mathrm{Var}\,\overline{\ell_c}}\Big)

    Args:
        group: Losses of one variant on one task.
        chosen: Configurations of each draw, ``[draws, configurations]``.
        normal: Normal numbers for the noise, from :func:`normals`.
        about: Normal numbers for the truth, from :func:`normals`.
        rng: Generator of the chi-squared numbers.
        deviation: Standard deviation of the noise where the losses do not tell it (one seed).

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
    # Without noise, drawing the chi-squared numbers would take most of the time.
    if np.isfinite(freedom) and spread.any():
        mean *= np.sqrt(freedom / rng.chisquare(freedom, size=(draws, count)))
    noise *= np.sqrt(together / rng.chisquare(together, size=(draws, 1, 1)))
    noise[:, ~there] = np.nan
    means = np.minimum(group.mean - mean, group.initial)
    error = spread / np.sqrt(seeds)
    between = float(np.nanvar(group.mean, ddof=1)) if count > 1 else 0.0
    with np.errstate(over="ignore"):  # noise far beyond these losses, of one outlier elsewhere
        noisy = float(((error / np.sqrt(between)) ** 2).mean()) if between > 0 else 1.0
    shrinkage = max(0.0, 1 - noisy)
    centre = float(np.nanmean(group.mean))
    truth = centre + shrinkage * (group.mean - centre) + np.sqrt(shrinkage) * error * about
    return Draws(chosen, np.take_along_axis(means, chosen, axis=1), noise, truth)


def interval(draws: Array, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of bootstrap draws.

    Raises:
        InputError: for a level that is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level!r}")
    finite = draws[np.isfinite(draws)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def around(value: float, draws: Array, group: Losses, level: float = 0.95) -> tuple[float, float]:
    """Return a symmetric interval for statistics that contain the best loss.

    The interval is the value plus and minus half the width of :func:`interval`. Where configurations are
    fixed, few of them are near the best and the draws are skewed: there, it is the wider of the symmetric
    interval and the percentiles.
    """
    low, high = interval(draws, level)
    half = (high - low) / 2
    if not group.fixed:
        return value - half, value + half
    return min(low, value - half), max(high, value + half)
