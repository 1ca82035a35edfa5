"""Numbers of seeds of a configuration, worded alike in reports, figures and caveats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensitivity.results.results import PREFIX

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.results.results import Results


def repeats(trials: pd.DataFrame) -> pd.Series[int]:
    """Return the number of seeds of every configuration of each task and variant, in trial order.

    Args:
        trials: the table of :class:`Results`.
    """
    columns = ["task", "variant", *(name for name in trials.columns if name.startswith(PREFIX))]
    return trials.groupby(columns, sort=False, dropna=False)["seed"].nunique()


def seeds_in_words(results: Results, task: str | None = None) -> str:
    """Return the smallest and the largest number of seeds of a configuration, of one task or of all.

    Trials without a result do not count, unless no trial has one.
    """
    trials = results.trials if results.usable.empty else results.usable
    trials = trials if task is None else trials[trials["task"] == task]
    counts = repeats(trials)
    return between(int(counts.min()), int(counts.max())) if len(counts) else between(0, 0)


def between(fewest: int, most: int) -> str:
    """Return a range of numbers of seeds as text.

    >>> between(1, 1), between(3, 3), between(1, 3)
    ('1 seed', '3 seeds', '1 to 3 seeds')
    """
    if fewest == most:
        return f"{most:,} seed{'' if most == 1 else 's'}"
    return f"{fewest:,} to {most:,} seeds"
