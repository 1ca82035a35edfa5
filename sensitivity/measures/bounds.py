"""Natural bounds of a hyperparameter, and the range to search next within them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from sensitivity.measures.losses import Array
from sensitivity.text.wording import number

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter

RATES = ("lr", "rate", "eta", "alpha", "stepsize", "step")
"""Words in the name of a learning rate, which is positive and not bounded by 1."""
SHARES = (
    "prob",
    "probability",
    "fraction",
    "frac",
    "share",
    "dropout",
    "smoothing",
    "momentum",
    "subsample",
    "colsample",
    "quantile",
)
"""Words in the name of a share, which is at most 1 on any scale."""


def natural_bounds(domain: Hyperparameter, tried: Array) -> tuple[float, float]:
    """Return the values that a hyperparameter cannot go beyond, judged by its name and the values tried.

    The lower bound is 0 where no value is negative, and 1 for a count (integers from 1). The upper bound is 1
    for a share (all values within 0 and 1, on a linear or log1m scale or by its name). Without a bound the
    value is infinite.

    >>> import numpy as np
    >>> from search_spaces import Float, Integer
    >>> natural_bounds(Float("label_smoothing", 0, 0.4), np.array([0, 0.2, 0.4]))
    (0.0, 1.0)
    >>> natural_bounds(Integer("depth", 1, 9), np.array([1, 5, 9]))
    (1.0, inf)
    """
    low, high = float(tried.min()), float(tried.max())
    least = -np.inf if low < 0 else 1.0 if low >= 1 and domain.kind == "integer" else 0.0
    is_share = _is_named(domain, SHARES) or (domain.scale != "log" and not _is_named(domain, RATES))
    return least, 1.0 if is_share and low >= 0 and high <= 1 else np.inf


def _is_named(domain: Hyperparameter, words: tuple[str, ...]) -> bool:
    return not set(words).isdisjoint(re.split(r"[^a-z]+", domain.name.lower()))


def next_range(domain: Hyperparameter, tried: Array, best: float, *, higher: bool) -> str:
    """Return a range as wide as the values tried, on their scale, with the best value in its middle.

    The range is empty where the natural bounds leave nothing new.

    Args:
        domain: The hyperparameter.
        tried: Values of the hyperparameter that were tried.
        best: The best of these values.
        higher: True to extend the upper end of the range, False for the lower.
    """
    if domain.scale == "log":
        tried = tried[tried > 0]
    low, high = float(tried.min()), float(tried.max())
    least, most = natural_bounds(domain, tried)
    if best >= most if higher else best <= least:
        return ""
    first, last = _around(domain, low, high, best)
    if first <= 0 < low and _is_named(domain, RATES) and not _is_named(domain, SHARES):
        first = best / 10
    first, last = max(least, first), min(most, last)
    if domain.kind == "integer" and np.isfinite([first, last]).all():
        first, last = float(np.floor(first)), float(np.ceil(last))
        first = max(1.0, first) if domain.scale == "log" else first
    first, last = _readable(domain, first, last)
    new = last > high if higher else first < low
    return f"{number(first)} to {number(last)}" if new and np.isfinite([first, last]).all() else ""


def _around(domain: Hyperparameter, low: float, high: float, best: float) -> tuple[float, float]:
    if domain.scale == "log":
        reach = float(np.exp((np.log(high) - np.log(low)) / 2))
        return best / reach, best * reach
    if domain.scale == "log1m":
        reach = float(np.sqrt((1 - low) / (1 - high))) if high < 1 else np.inf
        return 1 - (1 - best) * reach, 1 - (1 - best) / reach
    half = high / 2 - low / 2
    first, last = (
        0.0 if abs(end) < 1e-9 * half else end for end in (best - half, best + half)
    )  # removes rounding errors such as 0.1 - 0.1 != 0
    return first, last


def _readable(domain: Hyperparameter, first: float, last: float) -> tuple[float, float]:
    """Return round to three digits; on log1m, to two digits of the distance from 1."""
    if domain.scale == "log1m":
        first, last = (1 - float(f"{1 - end:.2g}") for end in (first, last))
        return float(f"{first:.10g}"), float(f"{last:.10g}")
    return float(f"{first:.3g}"), float(f"{last:.3g}")
