"""Valley: the decades of a hyperparameter within which a variant is nearly as good as at its best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.designs import check_varied, joined, refuse_adaptive
from sensitivity.measures.estimates import Estimate, Stakes, estimates, stakes
from sensitivity.measures.losses import Array, keeping_losses, note
from sensitivity.measures.tuned_curve import TunedCurve, tuned_curve

if TYPE_CHECKING:
    from sensitivity.results.results import Results

SHARE = 0.1
"""Share of what can be won within which a loss counts as in the valley."""
FAR = 1e6
"""Shares of what can be won by which a level is worse that ends the valley whatever its loss."""
COLUMNS = [
    "task", "variant", "value", "low", "high", "common", "common_low", "common_high",
    "first", "last", "at_least", "n", "note",
]  # fmt: skip


def valley(
    results: Results,
    *,
    over: str = "lr",
    within: float = SHARE,
    reference: float | Mapping[str, float] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""Return the width of the valley of each variant in decades, the other hyperparameters tuned.

    .. math:: \Big| \{ \log_{10} \alpha : m(\alpha) \le m^* + \tfrac1{10} (\ell_0 - B) \} \Big|

    The width is that around the lowest level, on the curve that is linear between levels. ``value`` counts
    from the variant's own floor :math:`m^*`, ``common`` from the common best B. Neither changes where all
    losses are shifted or scaled. ``first`` and ``last`` are the ends of the valley. ``at_least`` is True
    where the range cuts it: the valley is at least so wide. A level at which some trials diverged and others
    did not ends the valley, since luck decides which trials a reader would see; only the upper ends of the
    intervals count it by the trials that trained.

    Args:
        results: Results of a study.
        over: A hyperparameter with numeric levels; decades where its scale is logarithmic.
        within: Share of what can be won, above 0.
        reference: Loss to reach instead of the best of all variants, for all tasks or by task.
        level: Level of the intervals, between 0 and 1.

    Raises:
        InputError: for an unknown hyperparameter or an adaptive design.
    """
    check_varied(results, over)
    refuse_adaptive(results, "valley", "its trials crowd where the optimizer looked")
    results = keeping_losses(results)
    goals, rows = stakes(results, reference=reference), []
    for task, every in estimates(results).items():
        for one in every:
            if over in one.group.names:
                rows.append(_row(one, goals[task], tuned_curve(results, one, over), within, level))
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(
    one: Estimate, goal: Stakes, curve: TunedCurve | None, within: float, level: float
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, math.nan)
    row |= {"task": goal.task, "variant": one.variant, "n": one.group.trials, "at_least": False}
    if curve is None or goal.refused:
        return row | {"note": joined(note(one.group), goal.refused or "one level")}
    limit = within * goal.unit
    floor, floors = one.best.value, one.best.draws
    doubtful = (curve.capped > 0) & (curve.capped < 1)
    far = goal.initial + FAR * goal.unit
    value, draws = np.where(doubtful, far, curve.value)[None], np.where(doubtful, far, curve.draws)
    widths, first, last = _widths(curve.x, value, np.array([floor + limit]))
    common, _, _ = _widths(curve.x, value, np.array([goal.best + limit]))
    for name, width, limits in (("", widths, floors + limit), ("common", common, goal.draws + limit)):
        row |= _interval(name, float(width[0]), curve.x, (draws, curve.draws), limits, level)
    cut = bool(first[0] <= curve.x[0] + 1e-9 or last[0] >= curve.x[-1] - 1e-9)
    edges = sorted((10 ** first[0], 10 ** last[0]))
    row |= (
        {"first": 1 - edges[1], "last": 1 - edges[0]}
        if curve.backwards
        else {"first": edges[0], "last": edges[1]}
    )
    remark = "the range cuts it: at least so wide" if cut else ""
    return row | {"at_least": cut, "note": joined(note(one.group), remark)}


def _interval(
    name: str, value: float, x: Array, draws: tuple[Array, Array], limits: Array, level: float
) -> dict[str, float]:
    """Return a width and its interval: the lower end from the first draws of the curve, the upper from the
    second."""
    names = (name or "value", *(f"{name}_{end}" if name else end for end in ("low", "high")))
    found = []
    for curves, share in zip(draws, ((1 - level) / 2, (1 + level) / 2), strict=True):
        widths = _widths(x, curves, limits)[0]
        known = widths[np.isfinite(widths)]
        found.append(float(np.quantile(known, share)) if len(known) else math.nan)
    low, high = found
    if math.isnan(low) or math.isnan(high):
        return dict(zip(names, (value, math.nan, math.nan), strict=True))
    return dict(zip(names, (value, min(low, value), max(high, value)), strict=True))


def _widths(x: Array, curves: Array, limits: Array) -> tuple[Array, Array, Array]:
    """Return the width around the lowest level where a curve is below its limit, and its two ends.

    Args:
        x: Levels, ``[levels]``.
        curves: Losses, ``[draws, levels]``.
        limits: Limits, ``[draws]``.
    """
    lowest = curves.argmin(axis=1)
    rows = np.arange(len(curves))
    inside = curves <= limits[:, None]
    first, last = x[lowest].copy(), x[lowest].copy()
    for ends_at, step in ((first, -1), (last, 1)):
        place, going = lowest.copy(), inside[rows, lowest].copy()
        while going.any():
            following = place + step
            there = going & (following >= 0) & (following < len(x))
            ends_at[going & ~there] = x[place[going & ~there]]
            reach = np.where(there, following, place)
            on = there & inside[rows, reach]
            out = there & ~on
            inner, beyond = curves[rows, place], curves[rows, reach]
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                share = np.clip((limits - inner) / (beyond - inner), 0, 1)
            ends_at[out] = (x[place] + share * (x[reach] - x[place]))[out]
            ends_at[on] = x[reach[on]]
            place, going = np.where(on, reach, place), on
    known = np.isfinite(curves).all(axis=1) & np.isfinite(limits)
    widths = np.where(inside[rows, lowest], last - first, 0.0)
    return np.where(known, widths, np.nan), first, last
