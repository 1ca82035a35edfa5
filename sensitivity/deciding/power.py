"""Power of the verdict on a pair: the chance that a difference is found, or that its absence is shown."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from sensitivity.measures.differences import FEW_SEEDS
from sensitivity.measures.losses import Array

DRAWS = 40_000
"""Number of simulated studies behind a critical value."""
NODES = 400
"""Number of quantiles by which an expectation over the estimated variance is computed."""
NORMAL = 1.959964
"""The 97.5% quantile of the normal distribution."""


def critical_value(variants: int, degrees: float, *, units: int, level: float = 0.95) -> float:
    r"""Return the standard errors from a difference to the end of its simultaneous interval.

    .. math:: c = Q_{0.95} \Big( \frac{\max_w e_w - \min_w e_w}{\sqrt2} \Big), \qquad e_w \sim t_\nu

    the critical value of max-T over all pairs, as :func:`sensitivity.measures.differences.differences` finds
    it, of variants whose means are equally well known; unequal ones need no larger value. With fewer units
    than :data:`sensitivity.measures.differences.FEW_SEEDS` it is Bonferroni's, as there.

    Args:
        variants: Number of variants, at least 2.
        degrees: Degrees of freedom of the standard error of a variant's mean.
        units: Number of seeds, or of configurations of a design that draws them.
        level: Level of all intervals together, between 0 and 1.

    Source: Hayter, "A Proof of the Conjecture that the Tukey-Kramer Multiple Comparisons Procedure is
    Conservative", Annals of Statistics 12 (1984).
    """
    rounded = _rounded(degrees)
    if units >= FEW_SEEDS:
        return _range(variants, rounded, level)
    from scipy.stats import t

    pairs = variants * (variants - 1) / 2
    return float(t.ppf(1 - (1 - level) / 2 / pairs, degrees)) * _range(2, rounded, 0.95) / NORMAL


def _rounded(degrees: float) -> float:
    """Return degrees of freedom with two significant digits, so that few distributions are computed."""
    if not degrees < 1000:
        return math.inf
    return float(f"{degrees:.2g}")


@lru_cache(maxsize=512)
def _range(variants: int, degrees: float, level: float) -> float:
    rng = np.random.default_rng(variants)
    errors = rng.standard_normal((DRAWS, variants))
    if math.isfinite(degrees):
        errors *= np.sqrt(degrees / rng.chisquare(degrees, (DRAWS, variants)))
    return float(np.quantile(errors.max(axis=1) - errors.min(axis=1), level)) / math.sqrt(2)


def power_apart(gap: float, error: float, critical: float, degrees: float) -> float:
    r"""Return the chance that two variants are told apart.

    .. math:: P(|D| > c \hat s) = \mathbb{E}_q \Big[ \Phi\Big(\frac{\delta}{s} - c \sqrt{q}\Big)
        + \Phi\Big(-\frac{\delta}{s} - c \sqrt{q}\Big) \Big], \quad q \sim \chi^2_\nu / \nu

    the tail of the noncentral t distribution.

    Args:
        gap: True difference.
        error: True standard error of the difference, in the unit of the gap.
        critical: Critical value.
        degrees: Degrees of freedom of the estimated standard error.
    """
    from scipy.special import ndtr

    if error == 0:
        return 1.0
    far, near = gap / error, critical * _roots(_rounded(degrees))
    return float(np.mean(ndtr(far - near) + ndtr(-far - near)))


def power_equal(margin: float, error: float, critical: float, degrees: float) -> float:
    r"""Return the chance that two equal variants are shown to differ by less than the margin.

    .. math:: P(|D| + c \hat s < m) = \mathbb{E}_q \max\Big(0,
        2 \Phi\Big(\frac{m}{s} - c \sqrt{q}\Big) - 1 \Big), \quad q \sim \chi^2_\nu / \nu

    Args:
        margin: Difference that counts as none.
        error: True standard error of the difference, in the unit of the margin.
        critical: Critical value.
        degrees: Degrees of freedom of the estimated standard error.

    Source: Phillips, "Power of the Two One-Sided Tests Procedure in Bioequivalence", J. Pharmacokinetics 18
    (1990), for intervals of any level.
    """
    from scipy.special import ndtr

    if error == 0:
        return 1.0
    return float(
        np.mean(np.maximum(0.0, 2 * ndtr(margin / error - critical * _roots(_rounded(degrees))) - 1))
    )


@lru_cache(maxsize=4096)
def _roots(degrees: float) -> Array:
    """Return quantiles of an estimated standard error over the true one."""
    if not math.isfinite(degrees):
        return np.ones(1)
    from scipy.stats import chi2

    return np.asarray(np.sqrt(chi2.ppf((np.arange(NODES) + 0.5) / NODES, degrees) / degrees))


@lru_cache(maxsize=4096)
def upper_factor(degrees: float, level: float) -> float:
    r"""Return the upper confidence bound of a variance over its estimate, :math:`\nu / \chi^2_{\nu, 1 - p}`.

    Args:
        degrees: Degrees of freedom of the estimate; infinite where the variance is known.
        level: Confidence of the bound, between 0 and 1.

    >>> round(upper_factor(10, 0.8), 2), upper_factor(float("inf"), 0.8)
    (1.62, 1.0)
    """
    if not math.isfinite(degrees):
        return 1.0
    from scipy.stats import chi2

    return float(degrees / chi2.ppf(1 - level, degrees))
