"""Divergence rate of a variant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.results.results import PREFIX
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results


def divergence_rate(results: Results, *, level: float = 0.95) -> pd.DataFrame:
    """Return the share of the configurations that diverged, with Wilson's interval.

    Wilson's interval is informative also where no configuration diverged. Every configuration has the same
    weight, whatever the number of its seeds (:func:`diverged_share`); ``diverged`` of ``n`` are trials, and a
    note says where the two shares differ. Failed trials are errors, not divergence, and are left out.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927).
    """
    rows = []
    for task, variant in results.groups:
        trials = results.group(task, variant)
        diverged = (trials["status"] == "diverged").to_numpy()
        share, low, high = diverged_share(configurations_of(results, trials, variant), diverged, level)
        bad, count = int(diverged.sum()), len(trials)
        even = math.isclose(share, bad / count)
        rows.append(
            {
                "task": task,
                "variant": variant,
                "value": share,
                "low": low,
                "high": high,
                "n": count,
                "note": "" if even else f"configurations weighted alike; {bad / count:.0%} of trials",
                "diverged": bad,
            }
        )
    return pd.DataFrame(rows, columns=["task", "variant", "value", "low", "high", "n", "note", "diverged"])


def configurations_of(results: Results, trials: pd.DataFrame, variant: str) -> Any:
    """Return the number of the configuration of each trial of one variant."""
    columns = [f"{PREFIX}{name}" for name in results.spaces[variant].names]
    return (
        trials.groupby(columns, sort=False, dropna=False).ngroup().to_numpy()
        if columns
        else np.zeros(len(trials), int)
    )


def weights(number: Any) -> Any:
    """Return the weight of each trial: one over the seeds of its configuration.

    Args:
        number: Number of the configuration of each trial.
    """
    return 1.0 / np.bincount(number)[number] if len(number) else np.zeros(0)


def diverged_share(number: Any, diverged: Any, level: float) -> tuple[float, float, float]:
    r"""Return the share of the configurations that diverged, and Wilson's interval.

    Each configuration counts by the share of its seeds that diverged.

    .. math:: p = \sum_i w_i d_i / \sum_i w_i, \qquad n = \Big(\sum_i w_i\Big)^2 / \sum_i w_i^2

    n is the sample size for Wilson's interval, and equals the number of trials where all configurations have
    equally many seeds. Without trials the share is 0 and the interval [0, 1].

    Args:
        number: Number of the configuration of each trial.
        diverged: True for each trial that diverged.
        level: Level of the interval, between 0 and 1.

    Source: Kish, "Survey Sampling" (1965), section 8.2, for n.
    """
    if not len(number):
        return wilson(0.0, 0.0, level)
    weight = weights(number)
    weight = weight / weight.max()
    return wilson(
        float((weight * diverged).sum() / weight.sum()), float(weight.sum() ** 2 / (weight**2).sum()), level
    )


def wilson(share: float, total: float, level: float) -> tuple[float, float, float]:
    """Return a share of a total, and Wilson's interval of it; [0, 1] where the total is 0.

    Raises:
        InputError: for a level that is not between 0 and 1.
    """
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level!r}")
    if total <= 0:
        return 0.0, 0.0, 1.0
    z = float(ndtri((1 + level) / 2))
    centre = share + z**2 / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    low, high = ((centre + sign * half) / (1 + z**2 / total) for sign in (-1, 1))
    # For shares of 0 and 1 the ends are exactly 0 and 1, without rounding errors.
    return share, 0.0 if share == 0 else max(0.0, low), 1.0 if share == 1 else min(1.0, high)
