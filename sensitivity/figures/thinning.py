"""Fewer points than trials, where there are more than anyone can see."""

from __future__ import annotations

import pandas as pd

POINTS, FEWEST = 3000, 500
"""Points that a figure draws of trials; the fewest in each panel of a figure that draws all trials in every panel."""


def thinned(trials: pd.DataFrame, most: int = POINTS) -> tuple[pd.DataFrame, str]:
    """A random part of the trials, always the same, in their order; and what a subtitle says of it.

    >>> part, words = thinned(pd.DataFrame({"loss": range(100)}), 10)
    >>> len(part), words
    (10, '; 10 of 100 trials drawn')
    """
    if len(trials) <= most:
        return trials, ""
    return trials.sample(most, random_state=0).sort_index(), f"; {most:,} of {len(trials):,} trials drawn"
