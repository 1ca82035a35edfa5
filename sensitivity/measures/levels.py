"""Levels: how often intervals on the common reference hold the truth, as simulated studies show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensitivity.measures.losses import groups
from sensitivity.measures.surface import mixed_with_cap

if TYPE_CHECKING:
    from sensitivity.results.results import Results

USUAL, BY_CHANCE, TWO_SEEDS = "95%", "at least 95%", "at least 90%"
"""Levels of three seeds and more, of them where trials diverge by chance, and of two seeds: no
simulated row (docs/validation.md) is below."""


def printed_level(results: Results, task: str) -> str:
    """Return the level of the intervals of best losses, regrets and costs of a miss on a task, as text.

    It is 95% with three seeds or more. Where a configuration diverges with some seeds and not with others,
    few seeds do not tell how often, so intervals are wide and hold the truth more often. With two seeds the
    noise itself is uncertain, and no share that simulations found is below :data:`TWO_SEEDS`. Intervals that
    hold 0, the least that is possible, hold the truth in at least 95% of studies whatever is returned.

    Args:
        results: Results of a study.
        task: One of its tasks.
    """
    every = [group for group in groups(results) if group.task == task]
    fixed = [group for group in every if group.fixed]
    if any(group.loss.shape[1] == 2 for group in fixed):
        return TWO_SEEDS
    return BY_CHANCE if any(mixed_with_cap(group).any() for group in every) else USUAL
