r"""Scales: where on [0, 1] each value of a domain lies.

Every domain is inclusive and has a place u in [0, 1] for each of its values:

=============  ==========================================================================
linear         u = (x - low) / (high - low)
log            u = (log x - log low) / (log high - log low)
log1m          u = (log(1 - low) - log(1 - x)) / (log(1 - low) - log(1 - high))
integers       the middle of the value's bin, each as wide as the scale has it
ordinal        the middle of one of as many equal bins as there are levels, in order
categorical    the same, in the order of the choices, which means nothing
=============  ==========================================================================

``log1m`` is for decays: .9, .99 and .999 average over 10, 100 and 1000 steps, and are equally far apart.
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
"""The transformed coordinate of each scale, which rises with the value, and its inverse."""


def place(name: str, u: float) -> float:
    """u within [0, 1]: what is below is 0, what is above 1. Raises: InputError for nan."""
    if math.isnan(u):
        raise InputError(f"place of {name} must be in [0, 1], got nan")
    return min(max(float(u), 0.0), 1.0)


def bin_of(values: Sequence[_T], u: float) -> _T:
    """The value in whose bin u is, of equal bins."""
    return values[min(math.floor(u * len(values)), len(values) - 1)]
