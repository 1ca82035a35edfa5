"""Sensitivity of a variant to its learning rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensitivity.measures.excess import COLUMNS, excess_loss
from sensitivity.measures.losses import Array, Losses, groups, note, row
from sensitivity.measures.parts import parts
from sensitivity.measures.resampling import DRAWS, interval, resampled

if TYPE_CHECKING:
    from sensitivity.results.results import Results

WITHIN = 0.10
"""Share of the best loss within which losses count as robust."""
BINS = 12
"""Number of bins of a learning-rate axis where the design has no levels."""


def lr_sensitivity(
    results: Results, *, tuned: bool = False, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the mean excess of the capped loss over the best, over the range of learning rates.

    .. math:: \mathbb{E}_{\log \alpha \in [a, b]} \left[ \min(\ell(\alpha), \ell_0) - \ell^* \right]

    This is :func:`sensitivity.measures.excess.excess_loss` over lr, with the range of lr.

    Args:
        results: Results of a study.
        tuned: Tune the other hyperparameters at each lr.
        level: Level of the interval, between 0 and 1.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Source: Wortsman et al., arXiv:2309.14322, section 2.2.
    """
    if not any("lr" in results.varied(name) for name in results.spaces):
        return pd.DataFrame(columns=[*COLUMNS, "lr_low", "lr_high"])
    table = excess_loss(results, over="lr", tuned=tuned, level=level, draws=draws, seed=seed)
    ranges = [group.lr_range for group in groups(results, "lr")]
    return table.assign(lr_low=[low for low, _ in ranges], lr_high=[high for _, high in ranges])


def robust_width(
    results: Results, *, within: float = WITHIN, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the decades of learning rate within a share of the best loss, the rest tuned at each lr.

    The width of :math:`\{\log_{10} \alpha : \ell(\alpha) \le (1 + \text{within}) \, \ell^*\}` on the curve of
    :func:`lr_curve`, which is linear in log lr between its levels; a basin that ends at the edge of the range
    is cut there, and the note says so.

    Args:
        results: Results of a study.
        within: Share of the best loss.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.
    """
    rows = []
    for group in groups(results, "lr"):
        levels, places = lr_levels(group)
        drawn = resampled(group, draws=draws, seed=seed)
        curves = _tuned(drawn.chosen, drawn.mean, places, len(levels))
        curve = _tuned(np.arange(len(group.lr))[None], group.mean[None], places, len(levels))
        grid = np.log10(levels)
        value, (low, high) = float(_width(grid, curve, within)[0]), interval(_width(grid, curves, within))
        if not group.learned:  # a flat line at the initial loss is no basin
            value, low, high = 0.0, 0.0, 0.0
        remark = note(group)
        inside = curve[0] <= (1 + within) * np.nanmin(curve[0])
        edges = [name for name, end in (("lowest", 0), ("highest", -1)) if len(levels) > 1 and inside[end]]
        if edges:
            remark = "; ".join(
                filter(
                    None,
                    [remark, f"still robust at the {' and the '.join(edges)} lr: wider than the range shows"],
                )
            )
        rows.append(row(group, value, min(low, value), max(high, value)) | {"note": remark})
    return pd.DataFrame(rows, columns=COLUMNS)


def robust_share(
    results: Results, *, within: float = WITHIN, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the share of the space within a share of the best loss.

    This is the chance that an untuned configuration is good enough:

    .. math:: P_x \left[ \ell(x) \le (1 + \text{within}) \, \ell^* \right]

    over the configurations of the design, with :math:`\ell^*` as in
    :func:`sensitivity.measures.excess.best_loss`. The interval is of draws of the true means and the true
    best, and of the configurations where the design drew them. The share is 0 for a variant that did not
    learn.

    Args:
        results: Results of a study.
        within: Share of the best loss.
        draws: Number of draws.
        seed: Seed of the draws.
    """
    rows = []
    for part in parts(results, draws=draws, seed=seed):
        group = part.group
        limit, limits = (top + within * np.abs(top) for top in (part.best.value, part.best_draws))
        value = float((group.mean <= limit).mean())
        means = np.take_along_axis(part.true_means, part.chosen, axis=1)
        shares = np.where(part.unknown, np.nan, (means <= limits[:, None]).mean(axis=1))
        value, (low, high) = (value, interval(shares)) if group.learned else (0.0, (0.0, 0.0))
        rows.append(row(group, value, min(low, value), max(high, value)))
    return pd.DataFrame(rows, columns=COLUMNS)


def lr_curve(results: Results) -> pd.DataFrame:
    """Return the loss by learning rate, the other hyperparameters tuned at each lr.

    ``value`` is the mean over seeds, ``low`` and ``high`` the range of the seeds. There is one row for each
    level of lr, or for each of :data:`BINS` bins where the design has no levels. ``untuned`` is the mean over
    all configurations of the level, ``diverged`` the share of trials whose loss is at the cap.
    """
    rows = []
    for group in groups(results, "lr"):
        levels, places = lr_levels(group)
        mean = group.mean
        for level, lr in enumerate(levels):
            members = np.flatnonzero(places == level)
            if not len(members):
                continue
            tuned = members[np.argmin(mean[members])]
            at_rate = group.loss[members]
            low, high = np.nanmin(group.loss[tuned]), np.nanmax(group.loss[tuned])
            rows.append(
                row(group, float(mean[tuned]), float(low), float(high))
                | {
                    "lr": float(lr),
                    "untuned": float(np.nanmean(at_rate)),
                    "n": int(np.isfinite(at_rate).sum()),
                }
                | {"configuration": group.configurations[tuned]}
            )
    return pd.DataFrame(
        rows,
        columns=["task", "variant", "lr", "value", "low", "high", "untuned", "configuration", "n", "note"],
    )


def lr_levels(group: Losses) -> tuple[Array, NDArray[np.int64]]:
    """Return the levels of lr and the level of each configuration.

    The levels are the grid's own, or the centres of bins of equal width in log lr.
    """
    levels, places = np.unique(group.lr, return_inverse=True)
    if group.fixed or len(levels) <= BINS:
        return levels, places.reshape(-1)
    low, high = (math.log(end) for end in group.lr_range)
    bins = max(2, min(BINS, len(group.lr) // 3))
    places = np.minimum(((np.log(group.lr) - low) / (high - low) * bins).astype(int), bins - 1)
    return np.exp(low + (np.arange(bins) + 0.5) * (high - low) / bins), places


def _tuned(chosen: NDArray[np.int64], means: Array, places: NDArray[np.int64], levels: int) -> Array:
    """Return the smallest mean at each level, NaN where a draw has none, ``[draws, levels]``."""
    curves = np.full((len(means), levels), np.inf)
    draws = np.broadcast_to(np.arange(len(means))[:, None], chosen.shape)
    np.minimum.at(curves, (draws, places[chosen]), means)
    return np.where(np.isfinite(curves), curves, np.nan)


def _width(x: Array, curves: Array, within: float) -> Array:
    """Return the length of x where the curve is within the share of its minimum, ``[draws]``.

    The curve is linear between its points.
    """
    if len(x) < 2:
        return np.zeros(len(curves))
    widths = np.empty(len(curves))
    for i, curve in enumerate(curves):
        known = np.isfinite(curve)
        at, y = x[known], curve[known]
        limit = y.min() + within * abs(y.min())
        left, right = y[:-1], y[1:]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            crossing = np.clip((limit - np.minimum(left, right)) / np.abs(right - left), 0, 1)
        share = np.where(left == right, left <= limit, crossing)
        widths[i] = float((share * np.diff(at)).sum())
    return widths
