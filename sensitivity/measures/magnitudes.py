"""Statistics of numbers so large or so small that their squares overflow or vanish."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

HUGE = 300
"""Exponent of two beyond which losses are scaled before they are squared: the largest float has 1024."""


def exponent_of(loss: NDArray[np.float64]) -> int:
    """Return the exponent of two of the largest loss, where squares would overflow or vanish; else 0.

    >>> exponent_of(np.array([0.5, 3.0])), exponent_of(np.array([0.5, 1e300]))
    (0, 997)
    """
    largest = float(np.nanmax(np.abs(loss), initial=0.0))
    exponent = int(np.frexp(largest)[1])
    return exponent if abs(exponent) >= HUGE and math.isfinite(largest) else 0


def root_mean_square(values: NDArray[np.float64]) -> float:
    """Return the root of the mean square of values of any size.

    >>> root_mean_square(np.array([3e200, -3e200]))
    3e+200
    """
    exponent = exponent_of(values)
    return math.ldexp(float(np.sqrt((np.ldexp(values, -exponent) ** 2).mean())), exponent)


def deviation_of(values: NDArray[np.float64]) -> float:
    """Return the unbiased standard deviation of values of any size.

    >>> deviation_of(np.array([0.0, 2.0, 4.0]))
    2.0
    """
    exponent = exponent_of(values)
    return math.ldexp(float(np.ldexp(values, -exponent).std(ddof=1)), exponent)
