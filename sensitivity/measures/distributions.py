"""Tails of distributions, without ``scipy.stats``, whose import takes half a second.

The values are those of ``scipy.stats``, which calls the same functions.
"""

from __future__ import annotations


def f_tail(value: float, above: float, below: float) -> float:
    """Return the probability of a larger ratio of variances, by the F distribution.

    Args:
        value: ratio; a negative one, by rounding, counts as 0.
        above: degrees of freedom of the numerator.
        below: degrees of freedom of the denominator.

    >>> round(f_tail(4.0, 3, 20), 4)
    0.0221
    """
    from scipy.special import fdtrc

    return float(fdtrc(above, below, max(value, 0.0)))
