r"""Scales of hyperparameters: the coordinate u in [0, 1] of each value of a domain.

Bounds are inclusive. The coordinate of a value x of a domain from low to high:

=============  ==========================================================================
linear         u = (x - low) / (high - low)
log            u = (log x - log low) / (log high - log low)
log1m          u = (log(1 - low) - log(1 - x)) / (log(1 - low) - log(1 - high))
integers       the middle of the integer's bin; bins are equally wide on the integer's scale
ordinal        the middle of one of as many equal bins as there are levels, in order
categorical    the middle of one of as many equal bins as there are choices; order is arbitrary
=============  ==========================================================================

``log1m`` suits decays: .9, .99 and .999 average over 10, 100 and 1000 steps, and are equally far apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from trainables.names import InputError

_T = TypeVar("_T")
Transform = Callable[[float], float]


def _expm1m(t: float) -> float:
    return -math.expm1(-t)


def _log1m(x: float) -> float:
    return -math.log1p(-x)


SCALES: dict[str, tuple[Transform, Transform]] = {
    "linear": (float, float),
    "log": (math.log, math.exp),
    "log1m": (_log1m, _expm1m),
}
"""Increasing transform of each scale, and its inverse."""


def place(name: str, u: float) -> float:
    """Clip a coordinate to [0, 1].

    Args:
        name: name of the hyperparameter, for the error message.
        u: coordinate of any size.

    Raises:
        InputError: ``u`` is NaN.
    """
    if math.isnan(u):
        raise InputError(f"place of {name} must be in [0, 1], got nan")
    return min(max(float(u), 0.0), 1.0)


def bin_of(values: Sequence[_T], u: float) -> _T:
    """Return the value whose bin contains a coordinate, of ``len(values)`` equal bins of [0, 1].

    Args:
        values: at least one value, in the order of the bins.
        u: coordinate in [0, 1].
    """
    return values[min(math.floor(u * len(values)), len(values) - 1)]
