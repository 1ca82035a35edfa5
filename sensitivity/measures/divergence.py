"""How often a variant diverges."""

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
    """Share of the configurations that diverged, with Wilson's interval (which says something also when none
    did).

    Every configuration has the same weight, whatever the number of its seeds (:func:`diverged_share`);
    ``diverged`` of ``n`` are trials, and a note says where the two shares differ. Failed trials are errors,
    not divergence, and are left out. Source: Wilson, "Probable Inference, the Law of Succession, and
    Statistical Inference", JASA 22 (1927).
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
    """The number of the configuration of each trial of one variant."""
    columns = [f"{PREFIX}{name}" for name in results.spaces[variant].names]
    return (
        trials.groupby(columns, sort=False, dropna=False).ngroup().to_numpy()
        if columns
        else np.zeros(len(trials), int)
    )


def weights(number: Any) -> Any:
    """The weight of each trial: one over the seeds of its configuration. Args: number: of the configuration
    of each trial."""
    return 1.0 / np.bincount(number)[number] if len(number) else np.zeros(0)


def diverged_share(number: Any, diverged: Any, level: float) -> tuple[float, float, float]:
    r"""The share of the configurations that diverged, of each the share of its seeds, and Wilson's interval.

    .. math:: p = \sum_i w_i d_i / \sum_i w_i, \qquad n = \Big(\sum_i w_i\Big)^2 / \sum_i w_i^2

    n is for Wilson's interval, and the number of trials where all configurations have equally many seeds.
    Without trials the share is 0 and the interval everything.

    Args:
        number: of the configuration of each trial.
        diverged: of each trial.
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
    """A share of so many, and Wilson's interval of it; all of it where there are none. Raises: InputError for
    an impossible level."""
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level!r}")
    if total <= 0:
        return 0.0, 0.0, 1.0
    z = float(ndtri((1 + level) / 2))
    centre = share + z**2 / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    low, high = ((centre + sign * half) / (1 + z**2 / total) for sign in (-1, 1))
    # At none and at all the ends are 0 and 1 but for rounding.
    return share, 0.0 if share == 0 else max(0.0, low), 1.0 if share == 1 else min(1.0, high)
