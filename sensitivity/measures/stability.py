"""Stability of training: the largest stable learning rate, and the learning rates where the seed decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.designs import check_varied, joined
from sensitivity.measures.divergence import configurations_of, diverged_share, wilson
from sensitivity.measures.losses import groups
from sensitivity.results.repeats import repeats
from sensitivity.results.results import PREFIX

if TYPE_CHECKING:
    from sensitivity.results.results import Results

BINS = 4
"""Number of parts of a hyperparameter without levels."""
LR_BINS = 12
"""Number of parts of a learning-rate axis without levels."""
NOTHING_DIVERGED = "nothing diverged: the boundary is above the range"
ALWAYS_DIVERGED = "every trial diverged: the boundary is below the range"


def stability_boundary(results: Results, *, over: str = "lr") -> pd.DataFrame:
    r"""Return the largest learning rate at which a variant is stable.

    There is one row for each level of each other hyperparameter and one over all of them:

    .. math:: \hat\tau = \max \{ \alpha : \alpha < t \}, \qquad
        t = \arg\min_t \, \#\{\text{stable at } \alpha \ge t\} + \#\{\text{diverged at } \alpha < t\}

    This is the threshold that misplaces the fewest trials; the lower of equals. ``low`` is the largest lr
    such that nothing diverged there or below, ``high`` the smallest from which on everything diverged (the
    first above all stable trials): the boundary of every configuration and seed of the row lies between them,
    so they include the spread over seeds and the distance of the levels. Where an end lies outside the range,
    the end of the range stands for it and the note says so. ``n`` is trials; failed and stopped ones are left
    out.

    The columns ``other`` and ``level`` are both empty for all configurations together; hyperparameters
    without levels are cut into :data:`BINS` parts of equal width on their scale, named by their middle.

    Args:
        results: Results of a study.
        over: Hyperparameter whose large values are unstable.

    Raises:
        InputError: for a hyperparameter that no variant has.

    Source: this package, as there is no published standard; the threshold is the decision stump of least
    error.
    """
    check_varied(results, over)
    rows: list[dict[str, Any]] = []
    for group in groups(results, over):
        trials = results.group(group.task, group.variant)
        x = trials[f"{PREFIX}{over}"].to_numpy(float)
        diverged = (trials["status"] == "diverged").to_numpy()
        active = np.isfinite(x)
        places: list[tuple[str, Any, Any]] = [("", "", active)]
        units = results.units(trials, group.variant)
        for column, name in enumerate(results.varied(group.variant)):
            if name != over:
                places += [
                    (name, level, members & active)
                    for level, members in _levels(results, group.variant, trials, name, units[:, column])
                ]
        for name, level, members in places:
            if members.any():
                keys = {"task": group.task, "variant": group.variant, "other": name, "level": level}
                rows.append(keys | _boundary(x[members], diverged[members]))
    return pd.DataFrame(
        rows, columns=["task", "variant", "other", "level", "value", "low", "high", "n", "note"]
    )


def danger_zone(results: Results, *, over: str = "lr", level: float = 0.95) -> pd.DataFrame:
    """Return the share of configurations, by learning rate, of which only some seeds diverge.

    There is one row for each level of lr (parts of equal width on its scale where there are none), with
    Wilson's interval; ``n`` is the configurations with at least two seeds. ``diverged``, ``diverged_low`` and
    ``diverged_high`` are the share of the configurations of the level that diverged, as of
    :func:`sensitivity.measures.divergence.divergence_rate`, ``trials`` the number of trials. Without two
    seeds the value is 0 and the interval [0, 1].

    Args:
        results: Results of a study.
        over: The hyperparameter.
        level: Level of the interval, between 0 and 1.

    Source: Schmidt, Schneider & Hennig, "Descending through a Crowded Valley", ICML 2021 (arXiv:2007.01547),
    for the name; Wilson (1927).
    """
    check_varied(results, over)
    rows = []
    for group in groups(results, over):
        trials = results.group(group.task, group.variant).reset_index(drop=True)
        units = results.units(trials, group.variant)[:, results.varied(group.variant).index(over)]
        number = configurations_of(results, trials, group.variant)
        diverged = (trials["status"] == "diverged").to_numpy()
        for lr, members in _levels(results, group.variant, trials, over, units, bins=LR_BINS):
            if not members.any():
                continue
            count, bad = np.bincount(number[members]), np.bincount(number[members], diverged[members])
            repeated = count >= 2
            mixed = int(((bad > 0) & (bad < count) & repeated).sum())
            many = int(repeated.sum())
            value, low, high = wilson(mixed / many if many else 0.0, many, level)
            share, share_low, share_high = diverged_share(
                np.unique(number[members], return_inverse=True)[1], diverged[members], level
            )
            remark = "" if repeated.any() else "one seed: whether the seed decides is unknown"
            rows.append(
                {
                    "task": group.task,
                    "variant": group.variant,
                    over: lr,
                    "value": value,
                    "low": low,
                    "high": high,
                }
                | {
                    "n": many,
                    "note": remark,
                    "diverged": share,
                    "diverged_low": share_low,
                    "diverged_high": share_high,
                }
                | {"trials": int(members.sum())}
            )
    more = ["diverged", "diverged_low", "diverged_high", "trials"]
    return pd.DataFrame(rows, columns=["task", "variant", over, "value", "low", "high", "n", "note", *more])


def repeated_rates(results: Results, task: str, *, over: str = "lr") -> dict[str, int]:
    """Return, by variant, the learning rates at which a configuration has results of two or more seeds.

    Only variants that vary the learning rate are included.
    """
    repeated = {}
    for place, variant in results.groups:
        if place == task and over in results.varied(variant):
            counts = repeats(results.group(task, variant))
            rates = counts[counts >= 2].index.get_level_values(f"{PREFIX}{over}")
            repeated[variant] = int(rates.dropna().nunique())
    return repeated


def _boundary(x: Any, diverged: Any) -> dict[str, Any]:
    levels, place = np.unique(x, return_inverse=True)
    place = place.reshape(-1)
    bad = np.bincount(place, diverged, minlength=len(levels))
    good = np.bincount(place, ~diverged, minlength=len(levels))
    # Threshold t in 0 ... levels: those from level t on are called unstable.
    wrong = np.append(np.cumsum(good[::-1])[::-1], 0) + np.append(0, np.cumsum(bad))
    threshold = int(np.argmin(wrong))
    below = int(np.argmax(bad > 0)) if bad.any() else len(levels)
    above = len(levels) - int(np.argmax(good[::-1] > 0)) if good.any() else 0
    remark = ""
    if not bad.any():
        remark = NOTHING_DIVERGED
    elif not good.any():
        remark = ALWAYS_DIVERGED
    else:
        remark = joined(
            "something diverged at the lowest value: the boundary may be below the range"
            if below == 0
            else "",
            "something was stable at the highest value: the boundary may be above the range"
            if above == len(levels)
            else "",
        )
    last = len(levels) - 1
    ends = levels[max(threshold - 1, 0)], levels[max(below - 1, 0)], levels[min(above, last)]
    return {
        "value": float(ends[0]),
        "low": float(ends[1]),
        "high": float(ends[2]),
        "n": len(x),
        "note": remark,
    }


def _levels(
    results: Results, variant: str, trials: pd.DataFrame, name: str, units: Any, *, bins: int = BINS
) -> list[tuple[Any, Any]]:
    """Return the levels of a hyperparameter in the order of its scale, each with its trials.

    Without levels, bins are returned, named by their middles.
    """
    domain = results.spaces[variant][name]
    values = trials[f"{PREFIX}{name}"]
    inside = np.isfinite(units)
    known = np.unique(units[inside])
    if len(known) <= LR_BINS or results.design_of(variant) == "grid":
        return [(values.iloc[int(np.flatnonzero(units == u)[0])], units == u) for u in known]
    place = np.where(inside, np.minimum((np.nan_to_num(units) * bins).astype(int), bins - 1), -1)
    return [(domain.from_unit((i + 0.5) / bins), place == i) for i in range(bins)]
