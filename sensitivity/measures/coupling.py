"""Coupling of two hyperparameters: the best value of one at each level of the other, and their ridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.axes import Axis, axis_of, levels_of
from sensitivity.measures.designs import check_varied, joined, refuse_adaptive
from sensitivity.measures.losses import Array, Losses, groups, note, row
from sensitivity.measures.resampling import DRAWS, interval, resampled
from trainables.names import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sensitivity.results.results import Results

GOOD = 0.5
"""Share of the configurations, the better ones, that the surface is fitted to in a design without levels."""
FEWEST = 12
"""Fewest configurations that a surface of six coefficients is fitted to."""
INSTEAD = "its trials crowd near the best, so run a grid, random or sobol design"


def best_by_level(
    results: Results, one: str = "lr", other: str = "mu", *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """Return the best value of one hyperparameter at each level of another, all further ones tuned.

    An example is the best lr for every mu, p or norm. The value is the bottom of the parabola through the
    best level and its neighbours on the scale of ``one``, or the best level itself at the end of the range,
    where the note says so. Levels of ``other`` are those of the design, or four parts of its scale, named by
    their middles. The interval is a bootstrap over configurations (where the design drew them) and seeds.

    Args:
        results: Results of a study.
        one: Numeric hyperparameter whose best value is returned.
        other: Hyperparameter with the levels.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: for an adaptive design, an unknown hyperparameter, or a ``one`` that is not numeric.

    Source: Brent, "Algorithms for Minimization without Derivatives" (1973), section 5.2, for the parabola.
    """
    rows = []
    for group, first, second in _pairs(results, one, other, "best_by_level", draws, seed):
        for name, value, ends, edge, count in _by_level(group, first, second, draws, seed):
            low, high = (first.back(end) for end in ends)
            low, high = min(low, high), max(low, high)
            remark = joined(note(group), f"best at the {edge} {one} tried" if edge else "")
            rows.append(row(group, first.back(value), low, high) | {other: name, "n": count, "note": remark})
    return pd.DataFrame(rows, columns=["task", "variant", other, "value", "low", "high", "n", "note"])


def coupling(
    results: Results, one: str = "lr", other: str = "mu", *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the exponent c with which the best value of one hyperparameter follows another.

    .. math:: \log \alpha^*(\mu) = \text{const} + c \, \log(1 - \mu)

    each on the logarithm of its scale: log x on ``log``, log(1 - x) on ``log1m``, x itself on ``linear``. For
    lr and mu, c = 1 means that only lr / (1 - mu) matters, c = 0 that mu does not move the best lr; c = 0.5
    for lr and 1 - nu would be lr / sqrt(1 - nu). ``explains`` is the share of the variance of the best values
    that the line explains, ``levels`` the number of best values.

    A design with levels: least squares through :func:`best_by_level` without levels whose best is at the end
    of the range. Its interval covers seed noise (bootstrap) and, from three levels on, the scatter about the
    line beyond that noise (Student's t). Other designs: the quadratic surface in both scales through the
    better half of the configurations, whose valley has :math:`c = -s_{12} / (2 s_{11})`; bootstrap. Where no
    estimate is possible the value is NaN and the note gives the reason.

    Args:
        results: Results of a study.
        one: Numeric hyperparameter whose best value is explained.
        other: Numeric hyperparameter that explains it.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: as :func:`best_by_level`, and for an ``other`` that is not numeric.

    Source: Smith & Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", ICLR 2018
    (arXiv:1710.06451), for the ridge of lr / (1 - mu); the estimate is this package's.
    """
    rows = []
    for group, first, second in _pairs(results, one, other, "coupling", draws, seed):
        if not second.numeric:
            raise InputError(
                f"coupling needs a numeric hyperparameter, got {other!r}; use best_by_level({one!r}, "
                f"{other!r})"
            )
        if group.fixed:
            fit = _line(group, first, second, draws, seed)
        else:
            fit = _valley(group, first, second, draws, seed)
        value, low, high, explains, levels, remark = fit
        more = {"explains": explains, "levels": levels, "note": joined(note(group), remark)}
        rows.append(row(group, value, low, high) | more)
    return pd.DataFrame(
        rows, columns=["task", "variant", "value", "low", "high", "n", "note", "explains", "levels"]
    )


def _pairs(
    results: Results, one: str, other: str, measure: str, draws: int, seed: int
) -> list[tuple[Losses, Axis, Axis]]:
    check_varied(results, one, other)
    refuse_adaptive(results, measure, INSTEAD)
    if one == other:
        raise InputError(f"{measure} needs two hyperparameters, got {one!r} twice")
    pairs = []
    for group in groups(results, one):
        if other not in group.names:
            continue
        first, second = (axis_of(results, group, name) for name in (one, other))
        if not first.numeric:
            raise InputError(
                f"{one!r} must be numeric to have a best value between its levels; use "
                f"best_by_level({other!r}, {one!r})"
            )
        pairs.append((group, first, second))
    return pairs


def _by_level(
    group: Losses, first: Axis, second: Axis, draws: int, seed: int
) -> list[tuple[Any, float, tuple[float, float], str, int]]:
    """Return name, best place, its interval, the end of the range (if it is there) and trials by level."""
    tops, columns = levels_of(group, first, 8)
    names, places = levels_of(group, second, 4)
    drawn = resampled(group, draws=draws, seed=seed)
    x = np.array(tops)
    levels = []
    for level, name in enumerate(names):
        members = np.flatnonzero((places == level) & (columns >= 0))
        if not len(members):
            continue
        value, edge = _bottom(x, _curve(group.mean[None, members], columns[members][None], len(x)))
        inside = places[drawn.chosen] == level
        means = np.where(inside & (columns[drawn.chosen] >= 0), drawn.mean, np.inf)
        values, _ = _bottom(x, _curve(means, columns[drawn.chosen], len(x)))
        low, high = interval(values)
        at = float(value[0])
        called = second.back(name) if second.numeric else second.domain.from_unit(name)
        if second.numeric and group.fixed:  # the exact level, without the rounding of the logarithm
            called = group.configurations[int(members[0])][second.domain.name]
        end = {-1: "smallest", 0: "", 1: "largest"}[
            int(edge[0] * (-1 if first.domain.scale == "log1m" else 1))
        ]
        levels.append(
            (called, at, (min(low, at), max(high, at)), end, int(np.isfinite(group.loss[members]).sum()))
        )
    return levels


def _curve(means: Array, columns: NDArray[np.int64], levels: int) -> Array:
    """Return the smallest mean at each level, infinite where there is none.

    Args:
        means: Mean losses, ``[draws, configurations]``.

    Returns:
        ``[draws, levels]``.
    """
    curves = np.full((len(means), levels), np.inf)
    inside = np.isfinite(means)
    draws = np.broadcast_to(np.arange(len(means))[:, None], means.shape)
    np.minimum.at(curves, (draws[inside], np.broadcast_to(columns, means.shape)[inside]), means[inside])
    return curves


def _bottom(x: Array, curves: Array) -> tuple[Array, Array]:
    """Return the place where each curve is lowest, and -1 or 1 where that is an end.

    The place lies between levels where both neighbours are known; without a curve it is NaN.
    """
    known = np.isfinite(curves)
    bottom, edge = np.full(len(curves), np.nan), np.zeros(len(curves))
    for i, (curve, there) in enumerate(zip(curves, known, strict=True)):
        at, y = x[there], curve[there]
        if not len(at):
            continue
        best = int(y.argmin())
        bottom[i] = at[best]
        if best in (0, len(at) - 1):
            edge[i] = 0.0 if len(at) == 1 else -1.0 if best == 0 else 1.0
            continue
        (a, b, c), (p, q, r) = at[best - 1 : best + 2], y[best - 1 : best + 2]
        bend = (b - a) * (q - r) - (b - c) * (q - p)
        if bend != 0:
            bottom[i] = np.clip(b - ((b - a) ** 2 * (q - r) - (b - c) ** 2 * (q - p)) / (2 * bend), a, c)
    return bottom, edge


_Fit = tuple[float, float, float, float, int, str]


def _line(group: Losses, first: Axis, second: Axis, draws: int, seed: int) -> _Fit:
    tops, columns = levels_of(group, first, 8)
    names, places = levels_of(group, second, 4)
    drawn, x, y = resampled(group, draws=draws, seed=seed), np.array(tops), np.array(names)
    best, best_draws, ends = [], [], []
    for level in range(len(names)):
        at_level = (places == level) & (columns >= 0)
        value, edge = _bottom(x, _curve(group.mean[None, at_level], columns[at_level][None], len(x)))
        values, _ = _bottom(x, _curve(drawn.mean[:, at_level], columns[at_level][None], len(x)))
        best.append(value[0])
        best_draws.append(values)
        ends.append(edge[0])
    inner = (
        np.flatnonzero((np.array(ends) == 0) & np.isfinite(best)) if len(x) > 1 else np.array([], dtype=int)
    )
    left = len(names) - len(inner)
    remark = f"{left} of {len(names)} levels left out, whose best is at the end of the range" if left else ""
    if not group.learned or np.ptp(group.mean) <= 1e-12:
        return np.nan, np.nan, np.nan, np.nan, 0, "no ridge: the loss does not change"
    if len(inner) < 2:
        return (
            np.nan,
            np.nan,
            np.nan,
            np.nan,
            len(inner),
            joined("no ridge: fewer than two levels have their best inside the range", remark),
        )
    centred = y[inner] - y[inner].mean()
    size = float(centred @ centred)
    z = np.array(best)[inner]
    slope = float(centred @ z) / size
    slopes = centred @ np.array(best_draws)[inner] / size
    rest = z - z.mean() - slope * centred
    total = float(((z - z.mean()) ** 2).sum())
    explains = 1 - float(rest @ rest) / total if total > 1e-24 else 0.0
    freedom = len(inner) - 2
    if freedom > 0:
        of_seeds = float(np.nanvar(np.array(best_draws)[inner], axis=1).mean())
        error = float(np.sqrt(max(0.0, rest @ rest / freedom - of_seeds) / size))
        slopes = slopes + error * np.random.default_rng(seed).standard_t(freedom, draws)
    else:
        remark = joined(remark, "two levels: the interval holds seed noise only")
    low, high = interval(slopes)
    return slope, min(low, slope), max(high, slope), explains, len(inner), remark


def _valley(group: Losses, first: Axis, second: Axis, draws: int, seed: int) -> _Fit:
    usable = np.isfinite(first.x) & np.isfinite(second.x)
    mean = np.where(usable, group.mean, np.inf)
    good = (
        np.flatnonzero(usable & (mean <= np.quantile(mean[usable], GOOD)) & (group.mean < group.initial))
        if usable.any()
        else np.array([])
    )
    if len(good) < FEWEST or np.ptp(group.mean[good]) <= 1e-12:
        few = f"no ridge: {len(good)} configurations are better than the median (at least {FEWEST})"
        return (
            np.nan,
            np.nan,
            np.nan,
            np.nan,
            0,
            few if len(good) < FEWEST else "no ridge: the loss does not change",
        )
    u, v = first.x[good] - first.x[good].mean(), second.x[good] - second.x[good].mean()
    design = np.stack([np.ones(len(good)), u, v, u * u, u * v, v * v], axis=1)
    y = group.mean[good]
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    rest = y - design @ coefficients
    explains = 1 - float(rest @ rest) / float(((y - y.mean()) ** 2).sum())
    if coefficients[3] <= 0:
        return (
            np.nan,
            np.nan,
            np.nan,
            explains,
            len(good),
            "no ridge: the surface has no valley along the first hyperparameter",
        )
    value = float(-coefficients[4] / (2 * coefficients[3]))
    chosen = np.random.default_rng(seed).integers(len(good), size=(draws, len(good)))
    drawn = design[chosen]
    again = np.linalg.pinv(drawn) @ y[chosen][:, :, None]
    curved = again[:, 3, 0] > 0
    low, high = interval(-again[curved, 4, 0] / (2 * again[curved, 3, 0]))
    remark = "" if curved.all() else f"{int((~curved).sum())} of {draws} draws have no valley"
    return value, min(low, value), max(high, value), explains, len(good), remark
