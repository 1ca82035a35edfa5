"""Numbers so large or so small that their squares overflow or vanish."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

HUGE = 300
"""Powers of two from which losses are scaled before they are squared: the largest float has 1024."""


def exponent_of(loss: NDArray[np.float64]) -> int:
    """The power of two of the largest loss, where squares would overflow or vanish; else 0.

    >>> exponent_of(np.array([0.5, 3.0])), exponent_of(np.array([0.5, 1e300]))
    (0, 997)
    """
    largest = float(np.nanmax(np.abs(loss), initial=0.0))
    exponent = int(np.frexp(largest)[1])
    return exponent if abs(exponent) >= HUGE and math.isfinite(largest) else 0
