"""How sensitive a variant is to its learning rate."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensitivity.measures.losses import DRAWS, Array, Losses, best, best_draws, interval, losses, note, resampled

if TYPE_CHECKING:
    from sensitivity.results import Results

WITHIN = 0.10
"""Losses within this share of the best count as robust."""
BINS = 12
"""Bins of a learning-rate axis where the design has no levels."""


def lr_sensitivity(results: Results, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    r"""Learning-rate sensitivity: the mean excess of the capped loss over the best, over the range of learning rates.

    .. math:: \mathbb{E}_{\log \alpha \in [a, b]} \left[ \min(\ell(\alpha), \ell_0) - \ell^* \right]

    In units of the loss; 0 is a variant that does not care. The mean is over the levels of lr (equal weights; over configurations where the
    design has no levels), and at each lr over the other hyperparameters and the seeds: the variant as it was run, not tuned.
    :math:`\ell^*` is :func:`sensitivity.measures.losses.best`.

    Args: draws, seed: of the bootstrap (95 % percentile interval).
    Source: Wortsman et al., arXiv:2309.14322, section 2.2.
    """
    rows = []
    for group in _groups(results):
        drawn = _sensitivity_draws(group, draws, seed)
        value = _sensitivity(group)
        low, high = interval(drawn)
        a, b = group.lr_range
        rows.append(_row(group, value, low, high, lr_low=a, lr_high=b))
    return pd.DataFrame(rows, columns=[*COLUMNS, "lr_low", "lr_high"])


def lr_sensitivity_differences(results: Results, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Difference of :func:`lr_sensitivity` between every two variants on a task, ``a`` minus ``b``; the two are resampled apart.

    An interval that holds 0 is a difference that this study cannot tell from noise.
    """
    rows = []
    groups = list(_groups(results))
    drawn = {(each.task, each.variant): _sensitivity_draws(each, draws, seed + i) for i, each in enumerate(groups)}
    values = {(each.task, each.variant): _sensitivity(each) for each in groups}
    for a, b in itertools.combinations(groups, 2):
        if a.task != b.task:
            continue
        one, other = (a.task, a.variant), (b.task, b.variant)
        low, high = interval(drawn[one] - drawn[other])
        rows.append(
            {
                "task": a.task,
                "a": a.variant,
                "b": b.variant,
                "value": values[one] - values[other],
                "low": low,
                "high": high,
                "n": a.trials + b.trials,
                "note": "",
            }
        )
    return pd.DataFrame(rows, columns=["task", "a", "b", "value", "low", "high", "n", "note"])


def best_loss(results: Results, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """The best loss (:func:`sensitivity.measures.losses.best`) with its bootstrap interval, and the configuration with the
    smallest mean.
    """
    rows = []
    for group in _groups(results):
        low, high = interval(best_draws(group, resampled(group, draws=draws, seed=seed)))
        rows.append(_row(group, best(group), low, high, configuration=group.configurations[int(np.argmin(group.mean))]))
    return pd.DataFrame(rows, columns=[*COLUMNS, "configuration"])


def robust_width(results: Results, *, within: float = WITHIN, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    r"""Decades of learning rate within ``within`` of the best loss, the other hyperparameters tuned at each lr.

    The width of :math:`\{\log_{10} \alpha : \ell(\alpha) \le (1 + \text{within}) \, \ell^*\}` on the curve of :func:`lr_curve`,
    which is linear in
    log lr between its levels; a basin that ends at the edge of the range is cut there, and the note says so.
    """
    rows = []
    for group in _groups(results):
        levels, places = lr_levels(group)
        drawn = resampled(group, draws=draws, seed=seed)
        curves = _tuned(drawn.chosen, drawn.mean, places, len(levels))
        curve = _tuned(np.arange(len(group.lr))[None], group.mean[None], places, len(levels))
        grid = np.log10(levels)
        value = float(_width(grid, curve, within)[0])
        low, high = interval(_width(grid, curves, within))
        remark = note(group)
        inside = curve[0] <= (1 + within) * np.nanmin(curve[0])
        edges = [name for name, end in (("lowest", 0), ("highest", -1)) if len(levels) > 1 and inside[end]]
        if edges:
            remark = "; ".join(filter(None, [remark, f"still robust at the {' and the '.join(edges)} lr: wider than the range shows"]))
        rows.append(_row(group, value, low, high) | {"note": remark})
    return pd.DataFrame(rows, columns=COLUMNS)


def lr_curve(results: Results) -> pd.DataFrame:
    """Loss against learning rate, the other hyperparameters tuned at each lr: value is the mean over seeds, low and high their range.

    One row for each level of lr, or for each of :data:`BINS` bins where the design has no levels. ``untuned`` is the mean over all
    configurations
    there, ``diverged`` the share of trials whose loss is at the cap.
    """
    rows = []
    for group in _groups(results):
        levels, places = lr_levels(group)
        mean = group.mean
        for level, lr in enumerate(levels):
            members = np.flatnonzero(places == level)
            if not len(members):
                continue
            tuned = members[np.argmin(mean[members])]
            here = group.loss[members]
            low, high = np.nanmin(group.loss[tuned]), np.nanmax(group.loss[tuned])
            rows.append(
                _row(group, float(mean[tuned]), float(low), float(high))
                | {"lr": float(lr), "untuned": float(np.nanmean(here)), "n": int(np.isfinite(here).sum())}
                | {"configuration": group.configurations[tuned]}
            )
    return pd.DataFrame(rows, columns=["task", "variant", "lr", "value", "low", "high", "untuned", "configuration", "n", "note"])


COLUMNS = ["task", "variant", "value", "low", "high", "n", "note"]


def _groups(results: Results) -> list[Losses]:
    found = [losses(results, task, variant) for task, variant in results.groups]
    return [group for group in found if "lr" in group.names]


def _row(group: Losses, value: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    keys = {"task": group.task, "variant": group.variant}
    return {**keys, "value": value, "low": low, "high": high, "n": group.trials, "note": note(group), **more}


def lr_levels(group: Losses) -> tuple[Array, NDArray[np.int64]]:
    """The levels of lr and the level of each configuration: the grid's own, or bins of equal width in log lr (their centres)."""
    levels, places = np.unique(group.lr, return_inverse=True)
    if group.fixed or len(levels) <= BINS:
        return levels, places.reshape(-1)
    low, high = (math.log(end) for end in group.lr_range)
    bins = max(2, min(BINS, len(group.lr) // 3))
    places = np.minimum(((np.log(group.lr) - low) / (high - low) * bins).astype(int), bins - 1)
    return np.exp(low + (np.arange(bins) + 0.5) * (high - low) / bins), places


def _sensitivity(group: Losses) -> float:
    return float(_level_mean(group, group.mean[None])[0]) - best(group)


def _sensitivity_draws(group: Losses, draws: int, seed: int) -> Array:
    drawn = resampled(group, draws=draws, seed=seed)
    return _level_mean(group, drawn.mean) - best_draws(group, drawn)


def _level_mean(group: Losses, means: Array) -> Array:
    """Mean over the levels of lr of the mean within each; over configurations where there are none. ``[draws, configurations]`` ->
    ``[draws]``.
    """
    if not group.fixed:
        return np.asarray(means.mean(axis=1))
    _, places, counts = np.unique(group.lr, return_inverse=True, return_counts=True)
    return np.asarray(means @ (1 / (counts[places.reshape(-1)] * len(counts))))


def _tuned(chosen: NDArray[np.int64], means: Array, places: NDArray[np.int64], levels: int) -> Array:
    """The smallest mean at each level, NaN where a draw has none. Shape ``[draws, levels]``."""
    curves = np.full((len(means), levels), np.inf)
    draws = np.broadcast_to(np.arange(len(means))[:, None], chosen.shape)
    np.minimum.at(curves, (draws, places[chosen]), means)
    return np.where(np.isfinite(curves), curves, np.nan)


def _width(x: Array, curves: Array, within: float) -> Array:
    """Length of x where the curve, linear between its points, is within the share of its minimum. Shape ``[draws]``."""
    if len(x) < 2:
        return np.zeros(len(curves))
    widths = np.empty(len(curves))
    for i, curve in enumerate(curves):
        known = np.isfinite(curve)
        at, y = x[known], curve[known]
        limit = y.min() + within * abs(y.min())
        left, right = y[:-1], y[1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = np.clip((limit - np.minimum(left, right)) / np.abs(right - left), 0, 1)
        share = np.where(left == right, left <= limit, crossing)
        widths[i] = float((share * np.diff(at)).sum())
    return widths
