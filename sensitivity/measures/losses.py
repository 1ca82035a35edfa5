"""The losses of one variant on one task as a matrix, configurations by seeds, and how to resample it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.magnitudes import exponent_of
from sensitivity.measures.moderation import moderated
from sensitivity.results.repeats import between
from sensitivity.results.results import PREFIX, active_values
from trainables.names import InputError

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.results.results import Results

Array = NDArray[np.float64]

FIXED = ("grid", "explicit", "one_at_a_time")
"""Designs whose configurations are chosen, not drawn."""
NEVER_LEARNED = "never better than a diverged trial"
LOSSES = "losses by task and variant"
"""The attribute in which results keep :func:`losses`; it is no field, so a copy with other trials does not
have it."""
DRAWS = 1000
"""Bootstrap draws."""


@dataclass(frozen=True)
class Losses:
    """What a measure needs of one (task, variant).

    loss: capped losses ``[configurations, seeds]``, NaN where a trial is missing. units: configurations in
    the unit cube ``[configurations, hyperparameters]``. lr: learning rates ``[configurations]``. fixed: the
    design chose the configurations, so only seeds are random. configurations: as dictionaries of what varies.
    names: of what varies.
    """

    task: str
    variant: str
    loss: Array
    units: Array
    lr: Array
    configurations: list[dict[str, Any]]
    names: tuple[str, ...]
    fixed: bool
    initial: float

    @property
    def mean(self) -> Array:
        """Mean over the seeds of each configuration. Shape ``[configurations]``."""
        return np.asarray(np.nanmean(self.loss, axis=1))

    @property
    def trials(self) -> int:
        """Trials that count."""
        return int(np.isfinite(self.loss).sum())

    @property
    def learned(self) -> bool:
        """Whether any configuration did better than not training at all."""
        return bool(self.mean.min() < self.initial - 1e-6 * abs(self.initial))

    @property
    def lr_range(self) -> tuple[float, float]:
        """The smallest and the largest learning rate."""
        return float(self.lr.min()), float(self.lr.max())


def losses(results: Results, task: str, variant: str) -> Losses:
    """Return the losses of one variant on one task; unfinished and failed trials are missing."""
    known: dict[tuple[str, str], Losses] | None = vars(results).get(LOSSES)
    if known is None:
        return _losses(results, task, variant)
    if (task, variant) not in known:
        group = _losses(results, task, variant)
        for array in (group.loss, group.units, group.lr):
            array.setflags(write=False)
        known[task, variant] = group
    return known[task, variant]


def keeping_losses(results: Results) -> Results:
    """Return a copy of results that computes :func:`losses` once for all its measures; its tables must not
    change."""
    if LOSSES in vars(results):
        return results
    copy = replace(results)
    vars(copy)[LOSSES] = {}
    return copy


def with_losses_of(results: Results, other: Results) -> Results:
    """Return the other results, whose trials are the same, with the losses that are computed already."""
    vars(other)[LOSSES] = vars(results)[LOSSES]
    return other


def _losses(results: Results, task: str, variant: str) -> Losses:
    trials = results.group(task, variant)
    names = results.varied(variant)
    every = results.spaces[variant].names
    columns = [f"{PREFIX}{name}" for name in every]
    numbers = trials.groupby(columns, sort=False, dropna=False).ngroup().to_numpy()
    firsts = trials.iloc[np.unique(numbers, return_index=True)[1]]
    seeds = _seeds(trials["seed"], numbers)
    matrix = np.full((len(firsts), int(seeds.max(initial=0)) + 1), np.nan)
    matrix[numbers, seeds] = trials["loss"].to_numpy(float)
    whole = [active_values(every, row) for row in firsts[columns].to_numpy(dtype=object)]
    return Losses(
        task,
        variant,
        matrix,
        # What is inactive has no place. In the middle of its scale it cannot pass for a high or a low value.
        np.nan_to_num(results.units(firsts, variant), nan=0.5),
        firsts[f"{PREFIX}lr"].to_numpy(float) if "lr" in names else np.ones(len(firsts)),
        [{name: each for name, each in one.items() if name in names} or one for one in whole],
        tuple(names),
        results.design_of(variant) in FIXED,
        float(trials["initial_loss"].mean()),
    )


def _seeds(seed: pd.Series[Any], numbers: NDArray[Any]) -> NDArray[np.int64]:
    """The column of each trial: that of its seed, or its place among the seeds of its configuration where
    most seeds are not shared."""
    place = np.unique(seed, return_inverse=True)[1].reshape(-1)
    if np.bincount(numbers).max(initial=0) > 1 and 2 * len(seed) >= (numbers.max(initial=0) + 1) * (
        place.max(initial=0) + 1
    ):
        return place
    order = np.lexsort([place, numbers])
    found = np.empty(len(seed), dtype=np.int64)
    found[order] = np.arange(len(seed)) - np.searchsorted(numbers[order], numbers[order])
    return found


def scaled(group: Losses) -> Losses:
    """The group with losses times a power of two where their squares would overflow or vanish; shares of the
    variance stay as they are."""
    exponent = exponent_of(group.loss)
    return (
        replace(group, loss=np.ldexp(group.loss, -exponent), initial=math.ldexp(group.initial, -exponent))
        if exponent
        else group
    )


def groups(results: Results, having: str | None = None) -> list[Losses]:
    """The losses of every (task, variant) with a result; only of variants that vary the hyperparameter
    ``having``, where it is active."""
    found = [
        losses(results, task, variant)
        for task, variant in results.groups
        if having is None or having in results.varied(variant)
    ]
    return (
        found
        if having is None
        else [part for part in (_active(group, having) for group in found) if len(part.loss)]
    )


def _active(group: Losses, name: str) -> Losses:
    """The configurations that have a hyperparameter."""
    kept = np.array([name in each for each in group.configurations], bool)
    if kept.all():
        return group
    configurations = [each for each in group.configurations if name in each]
    return replace(
        group,
        loss=group.loss[kept],
        units=group.units[kept],
        lr=group.lr[kept],
        configurations=configurations,
    )


def row(group: Losses, value: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    """A row of a measure's table."""
    keys = {"task": group.task, "variant": group.variant}
    return {**keys, "value": value, "low": low, "high": high, "n": group.trials, "note": note(group), **more}


@dataclass(frozen=True)
class Draws:
    """Bootstrap draws of a study.

    chosen: the configurations that each draw holds ``[draws, configurations]``. mean: their means over seeds,
    with new noise, of the same shape. noise: of each seed of each configuration ``[draws, configurations,
    seeds]``, NaN where a trial is missing; what is added here is taken from ``mean``, so that what both hold
    of it cancels in a difference to :func:`best_draws`. truth: means that the configurations may have in
    truth ``[draws, configurations]``.
    """

    chosen: NDArray[np.int64]
    mean: Array
    noise: Array
    truth: Array

    def of(self, members: NDArray[np.int64]) -> Draws:
        """Draws of some of the configurations, each once."""
        chosen = np.broadcast_to(np.arange(len(members)), (len(self.chosen), len(members)))
        return Draws(chosen, self.mean[:, members], self.noise[:, members], self.truth[:, members])


def resampled(group: Losses, *, draws: int = DRAWS, seed: int = 0) -> Draws:
    r"""Bootstrap over configurations and seeds.

    A grid's configurations are fixed, so they stay and only seeds are drawn anew; otherwise configurations
    are drawn with replacement. Noise as of :func:`drawn`.   Source: Davison & Hinkley, "Bootstrap Methods and
    their Application" (1997), chapters 2 and 3.
    """
    rng = np.random.default_rng(seed)
    if group.fixed and not moderated(group.loss)[0].any():  # nothing varies between draws
        return drawn(group, configurations(group, draws, rng), *_zeros(group, draws), rng)
    return drawn(group, configurations(group, draws, rng), *normals(group, draws, rng), rng)


def configurations(group: Losses, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which configurations each bootstrap draw holds. Shape ``[draws, configurations]``."""
    count = len(group.loss)
    return (
        np.broadcast_to(np.arange(count), (draws, count))
        if group.fixed
        else rng.integers(count, size=(draws, count))
    )


def normals(group: Losses, draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Standard normal numbers for the noise of seeds and for the truth of draws, of the shapes that these
    have in :class:`Draws`."""
    return rng.standard_normal((draws, *group.loss.shape)), rng.standard_normal((draws, len(group.loss)))


def _zeros(group: Losses, draws: int) -> tuple[Array, Array]:
    return np.zeros((draws, *group.loss.shape)), np.zeros((draws, len(group.loss)))


def drawn(
    group: Losses,
    chosen: NDArray[np.int64],
    normal: Array,
    about: Array,
    rng: np.random.Generator,
    *,
    deviation: float | None = None,
) -> Draws:
    r"""The draws that hold the ``chosen`` configurations, with noise and truth made of the numbers of
    :func:`normals`.

    Two or three seeds are too few to resample as they are, so the noise of a seed has the standard deviation
    of its configuration, moderated by those of the others (:func:`moderated`), and the noise of a mean is
    Student's t for that reason. ``truth`` is drawn around the means, shrunk together to the variance that
    they have without noise, so that noise is not counted twice:

    .. math:: \tilde\mu_c \sim \mathcal{N}\Big(\bar\mu + B (\overline{\ell_c} - \bar\mu), \; B \, s_c^2 / S_c\Big), \qquad
        B = \max\Big(0, 1 - \frac{\overline{s_c^2 / S_c}}{\mathrm{Var}\,\overline{\ell_c}}\Big)

    Args: deviation: of the noise, where the losses do not tell it (one seed).
    Source: Efron & Morris, "Stein's Estimation Rule and Its Competitors", JASA 68 (1973), for the means.
    """
    exponent = exponent_of(group.loss)
    if exponent:
        small = drawn(
            scaled(group),
            chosen,
            normal,
            about,
            rng,
            deviation=deviation and math.ldexp(deviation, -exponent),
        )
        with np.errstate(over="ignore"):
            return Draws(
                chosen, *(np.ldexp(part, exponent) for part in (small.mean, small.noise, small.truth))
            )
    spread, freedom = moderated(group.loss)
    there = np.isfinite(group.loss)
    seeds = np.maximum(there.sum(axis=1), 1)
    together = max(1, int((seeds - 1).sum()))
    if deviation is not None:
        spread, freedom, together = np.full(len(group.loss), deviation), np.inf, 10**9
    draws, count = len(chosen), len(group.loss)
    noise = spread[:, None] * normal
    mean = np.where(there, noise, 0.0).sum(axis=2) / seeds
    if np.isfinite(freedom) and spread.any():  # numbers that would scale no noise take longer than all others
        mean *= np.sqrt(freedom / rng.chisquare(freedom, size=(draws, count)))
    noise *= np.sqrt(together / rng.chisquare(together, size=(draws, 1, 1)))
    noise[:, ~there] = np.nan
    means = np.minimum(group.mean - mean, group.initial)
    variance = spread**2 / seeds
    between = float(np.nanvar(group.mean, ddof=1)) if count > 1 else 0.0
    kept = max(0.0, 1 - float(variance.mean()) / between) if between > 0 else 0.0
    centre = float(np.nanmean(group.mean))
    truth = centre + kept * (group.mean - centre) + np.sqrt(kept * variance) * about
    return Draws(chosen, np.take_along_axis(means, chosen, axis=1), noise, truth)


def best(group: Losses) -> float:
    r"""The loss of the best configuration, chosen by some seeds and measured by another.

    .. math:: \ell^* = \frac1S \sum_s \ell_{c_s, s}, \qquad c_s = \arg\min_c \overline{\ell_{c, -s}}

    The plain minimum is too small wherever several configurations are nearly as good, because luck chooses
    among them and is then counted as merit. Where one is clearly best this is its mean. With one seed it is
    the minimum (:func:`held_out`). Source: Stone, "Cross-Validatory Choice and Assessment of Statistical
    Predictions", JRSS B 36 (1974).
    """
    return float(_cross_fitted(group.loss[None])[0])


def best_draws(group: Losses, drawn: Draws) -> Array:
    r"""Draws of where the best loss is: :func:`best` less what it missed the truth by in studies like this
    one. Shape ``[draws]``.

    .. math:: \ell^* - (\ell^*_b - \min_c \tilde\mu_{c, b})

    A study b has the configurations of this one, true means (:func:`drawn`) and new noise; its best is chosen
    and measured anew. Luck in choosing makes it miss upwards, so the percentiles of the draws are those of
    the basic bootstrap interval, which allows for that.

    Source: Davison & Hinkley (1997), section 5.2.1.
    """
    known = np.isfinite(group.loss).any(axis=1)
    missed = _cross_fitted(np.minimum(drawn.truth[:, :, None] + drawn.noise, group.initial)) - drawn.truth[
        :, known
    ].min(axis=1)
    return _possible(best(group) - missed, group)


def _possible(loss: Array, group: Losses) -> Array:
    """No worse than the initial loss, and above 0 where every loss is."""
    return np.clip(loss, 0.0 if np.nanmin(group.loss) >= 0 else -np.inf, group.initial)


def _cross_fitted(loss: Array) -> Array:
    """The mean over seeds of the loss of what the other seeds find best. Shape ``[draws, configurations,
    seeds]`` to ``[draws]``."""
    present = np.isfinite(loss)
    known = np.where(present, loss, 0.0)
    total, count = known.sum(axis=2), present.sum(axis=2)
    draws, found = np.arange(len(loss)), np.zeros(len(loss))
    for seed in range(loss.shape[2]):
        choosing, measured = held_out(known[:, :, seed], present[:, :, seed], total, count)
        found += measured[draws, np.where(count > 0, choosing, np.inf).argmin(axis=1)]
    return np.asarray(found / loss.shape[2])


def held_out(
    known: Array, present: NDArray[np.bool_], total: Array, count: NDArray[np.int64]
) -> tuple[Array, Array]:
    """What the other seeds say of each configuration, and what the seed itself does; where either has no
    trial, the mean of all.

    So a configuration with one seed is chosen and measured by that, as all are in a study of one seed: left
    out, the best might be.

    Args: known: losses of a seed, 0 where not ``present``. total, count: of all seeds. All of the same shape.
    """
    mean, rest = total / np.maximum(count, 1), count - present
    return np.where(rest > 0, (total - known) / np.maximum(rest, 1), mean), np.where(present, known, mean)


def interval(draws: Array, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of bootstrap draws. Raises: InputError for a level that is not between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level!r}")
    finite = draws[np.isfinite(draws)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def around(value: float, draws: Array, group: Losses, level: float = 0.95) -> tuple[float, float]:
    """The interval of what holds a best loss: half the range of :func:`interval` to either side of the value.

    Where configurations are fixed, few of them are near the best and the draws are skewed: there, the wider
    of that and the percentiles.
    """
    low, high = interval(draws, level)
    half = (high - low) / 2
    if not group.fixed:
        return value - half, value + half
    return min(low, value - half), max(high, value + half)


def note(group: Losses) -> str:
    """What limits every number of a group."""
    remarks = []
    if not group.learned:
        remarks.append(NEVER_LEARNED)
    if group.loss.shape[1] == 1:
        remarks.append("one seed: seed noise is not in the interval" if group.fixed else "one seed")
    missing = int((~np.isfinite(group.loss)).sum())
    if missing:
        counts = np.isfinite(group.loss).sum(axis=1)
        uneven = f"{between(int(counts.min()), int(counts.max()))}: " if counts.min() < counts.max() else ""
        remarks.append(f"{uneven}{missing} of {group.loss.size} trials missing")
    return "; ".join(remarks)
