"""Seed noise: the standard deviation of each configuration, moderated by those of all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.magnitudes import exponent_of

Array = NDArray[np.float64]


def moderated(loss: Array) -> tuple[Array, float]:
    r"""Return the moderated standard deviation between the seeds of each configuration, and its freedom.

    .. math:: \tilde s_c^2 = \frac{d_0 s_0^2 + d_c s_c^2}{d_0 + d_c}

    with the prior :math:`d_0, s_0` fitted to all configurations: where all are equally noisy their variances
    are pooled, where they differ each configuration keeps its own. A configuration without any variance keeps
    none. With one seed the standard deviations are zero.

    Returns:
        Standard deviations ``[configurations]``, and their degrees of freedom.

    Source: Smyth, "Linear Models and Empirical Bayes Methods for Assessing Differential Expression", SAGMB 3
    (2004), section 6.2.
    """
    from scipy.optimize import brentq
    from scipy.special import digamma, polygamma

    exponent = exponent_of(loss)
    if exponent:
        deviation, degrees = moderated(np.ldexp(loss, -exponent))
        return np.ldexp(deviation, exponent), degrees
    counts = np.isfinite(loss).sum(axis=1)
    freedom = np.maximum(counts - 1, 0)
    variance = np.zeros(len(loss))
    repeated = freedom > 0
    variance[repeated] = np.nanvar(loss[repeated], axis=1, ddof=1)
    noisy = repeated & (variance > 1e-24)
    if noisy.sum() < 2:  # one configuration is the only source for those with one seed
        return np.sqrt(np.where(repeated, variance, variance.max(initial=0.0))), float(
            max(1, freedom[noisy].max(initial=1))
        )
    half = freedom[noisy] / 2
    logs = np.log(variance[noisy]) - digamma(half) + np.log(half)
    excess = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if excess <= 1e-4:
        pooled = float(np.average(variance[noisy], weights=freedom[noisy]))
        return np.where(noisy | ~repeated, np.sqrt(pooled), 0.0), np.inf
    prior = 2 * float(brentq(lambda x: polygamma(1, x) - excess, 1e-6, 1e6))
    pooled = float(np.exp(logs.mean() + digamma(prior / 2) - np.log(prior / 2)))
    shrunk = (prior * pooled + freedom * variance) / (prior + freedom)
    return np.where(noisy | ~repeated, np.sqrt(shrunk), 0.0), prior + float(freedom[noisy].mean())


def pooled_freedom(loss: Array) -> int:
    """Return the degrees of freedom of a variance that is pooled over all configurations.

    A configuration whose trials are equal, as those at the cap are, tells nothing of it.

    Args:
        loss: Losses ``[configurations, seeds]``, NaN where there is none.
    """
    counts = np.isfinite(loss).sum(axis=1)
    lowest = np.where(np.isfinite(loss), loss, np.inf).min(axis=1)
    highest = np.where(np.isfinite(loss), loss, -np.inf).max(axis=1)
    return int((counts - 1)[highest > lowest].sum())
