"""Comparison of two variants: a test of their difference, and the smallest difference that is detectable."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.measures.designs import check_varied, joined, refuse_adaptive
from sensitivity.measures.excess import excess, mean_over
from sensitivity.measures.losses import NEVER_LEARNED, Array, Losses, note
from sensitivity.measures.magnitudes import deviation_of, exponent_of, root_mean_square
from sensitivity.measures.parts import Part, parts
from sensitivity.measures.resampling import Draws, configurations, drawn, interval, normals
from trainables.names import InputError, meant, unknown

if TYPE_CHECKING:
    from sensitivity.results.results import Results

DRAWS = 500
POWER = 0.8
"""Chance that the smallest detectable difference is detected."""
NINETY_FIVE = 2 * 1.959964
"""Standard errors from the mean to the ends of the middle 95% of a normal distribution."""
COLUMNS = ["task", "a", "b", "value", "low", "high", "p", "p_holm", "detectable", "paired", "n", "note"]
OF = ("sensitivity", "best_loss", "mean_loss")


def compare(
    results: Results,
    a: str | None = None,
    b: str | None = None,
    *,
    of: str = "sensitivity",
    over: str | None = None,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Return the difference between two variants on each task, a minus b, or between all pairs, with a test.

    .. math:: z = \frac{\hat\theta_a - \hat\theta_b}{s}, \qquad p = 2 \, (1 - F(|z|)), \qquad
        \delta = (F^{-1}(1 - \alpha / 2) + \Phi^{-1}(0.8)) \, s

    with s the bootstrap standard error of the difference (half the range of the middle 95% of its draws over
    1.96; that of a best loss is as wide as the interval of :class:`sensitivity.measures.best.Best`) and F the
    normal distribution, or Student's t with one degree of freedom less than configurations where
    configurations were sampled. ``low`` and ``high`` are :math:`\pm F^{-1}(1 - \alpha/2) \, s` around the
    difference, so they enclose 0 exactly where p is above :math:`\alpha`. ``p_holm`` is Holm's correction for
    all rows of the table. ``detectable`` is :math:`\delta`: the true difference that this study would detect
    with 80% power.

    ``paired``: where both variants have the same configurations, both are resampled together: the same
    configurations are drawn for both (where the design drew them), and with the same seeds their noise has
    the observed correlation. Otherwise each variant is resampled independently. With one seed, every
    difference between the two variants at the same configuration (or at neighbouring configurations) counts
    as noise, which overestimates the noise.

    Args:
        results: Results of a study.
        a: Variant, or the last part of its name where that is clear (``AdamW``); None for all pairs.
        b: Variant to compare with; None for every other.
        of: ``sensitivity`` (:func:`sensitivity.measures.excess.excess_loss`), ``best_loss`` or ``mean_loss``.
        over: Hyperparameter of the sensitivity; None for the whole space.
        level: Level of the interval, between 0 and 1.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: for an unknown variant, hyperparameter or ``of``; for an adaptive design, unless of the
            best loss.

    Sources: Efron & Tibshirani, "An Introduction to the Bootstrap" (1993), sections 8.3 and 16.4; Holm, "A
    Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6 (1979).
    """
    from scipy.stats import norm, t

    known = list(dict.fromkeys(variant for _, variant in results.groups))
    a, b = (None if name is None else meant(name, known) for name in (a, b))
    _check(results, a, b, of, over, level)
    every_part = parts(results, over)
    power = float(norm.ppf(POWER))
    rows = []
    for first, second in itertools.combinations(every_part, 2):
        swapped = b == first.group.variant or (b is None and a == second.group.variant)
        part, other = (second, first) if swapped else (first, second)
        one, two = part.group, other.group
        if (
            one.task != two.task
            or (a is not None and one.variant != a)
            or (b is not None and two.variant != b)
        ):
            continue
        value, error, paired, freedom, remark = _difference(part, other, of, over, draws, seed)
        critical = float(t.ppf(0.5 + level / 2, freedom))
        p = 2 * float(t.sf(abs(value) / error, freedom)) if error > 0 else float(abs(value) <= 1e-12)
        ends = {"low": value - critical * error, "high": value + critical * error}
        more = {"p": p, "detectable": (critical + power) * error, "paired": paired}
        keys = {"task": one.task, "a": one.variant, "b": two.variant, "value": value}
        rows.append(keys | ends | more | {"n": one.trials + two.trials, "note": remark})
    table = pd.DataFrame(rows, columns=[column for column in COLUMNS if column != "p_holm"])
    table["p_holm"] = holm(table["p"].to_numpy(float))
    return table[COLUMNS]


def holm(p: Array) -> Array:
    r"""Return p-values with Holm's correction.

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min(1, (m - j + 1) \, p_{(j)})

    >>> import numpy as np
    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    scaled = np.minimum(1.0, p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.maximum.accumulate(scaled) if len(p) else scaled
    return corrected


def _check(results: Results, a: str | None, b: str | None, of: str, over: str | None, level: float) -> None:
    known = list(dict.fromkeys(variant for _, variant in results.groups))
    for name in (a, b):
        if name is not None and name not in known:
            raise unknown("variant", name, known)
    if a is None and b is not None:
        raise InputError(
            f"a must be a variant where b is one, got None; compare({b!r}) compares {b} with every other"
        )
    if a is not None and a == b:
        raise InputError(f"compare needs two variants, got {a!r} twice")
    if of not in OF:
        raise unknown("value to compare", of, OF)
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level!r}")
    if over is not None:
        check_varied(results, over)
    if of != "best_loss":
        refuse_adaptive(
            results,
            "compare",
            "its trials crowd near the best, so compare of='best_loss', or run a random design",
        )


def _difference(
    part: Part, other: Part, of: str, over: str | None, draws: int, seed: int
) -> tuple[float, float, bool, float, str]:
    """Return the difference of two variants, its error and the note.

    Returns:
        The value, its standard error, True if the variants were paired, the degrees of freedom of the error,
            and the note.
    """
    statistic, again = _statistics(of, over)
    value = statistic(part) - statistic(other)
    one, two = part.group, other.group
    pair = _aligned(one, two)
    remarks = [f"{group.variant} {NEVER_LEARNED}" for group in (one, two) if not group.learned]
    remarks += list(
        dict.fromkeys(
            remark for group in (one, two) for remark in note(group).split("; ") if "missing" in remark
        )
    )
    noises: tuple[float | None, float | None] = (None, None)
    if min(one.loss.shape[1], two.loss.shape[1]) == 1:
        noises = _unrepeated(one, two, pair)
        bound = "of the two variants" if pair is not None else "of neighbouring configurations"
        remarks.append(f"one seed: all differences between configurations {bound} count as noise")
        if pair is not None:  # paired variants share configurations, so only noise is drawn
            one, pair = replace(one, fixed=True), replace(pair, fixed=True)
    second_group = two if pair is None else pair
    first, second = _draws(one, second_group, noises, pair is not None, draws, seed)
    # Half the 95% range: with few seeds the tails of the noise would dominate a standard deviation.
    low, high = interval(again(one, part, first) - again(second_group, other, second))
    error = (high - low) / NINETY_FIVE
    count = min(len(one.loss), len(two.loss))
    freedom = np.inf
    if (not one.fixed or noises[0] is not None) and count > 1:
        error, freedom = error * np.sqrt(count / (count - 1)), count - 1.0
    if error <= 1e-15 * max(1.0, abs(value)):
        error = 0.0
        remarks.append("no noise to test against")
    return value, error, pair is not None, freedom, joined(*remarks)


def _unrepeated(one: Losses, two: Losses, pair: Losses | None) -> tuple[float, float]:
    """Return an upper bound of the seed noise with one seed.

    The bound is the difference of the two variants at the same configuration, or at neighbouring ones.
    """
    from scipy.spatial import KDTree

    if pair is not None:
        counted = (one.mean < one.initial) | (pair.mean < pair.initial)
        both = deviation_of((one.mean - pair.mean)[counted]) / math.sqrt(2) if counted.sum() > 1 else 0.0
        return both, both
    rows = []
    for group in (one, two):
        counted = group.mean < group.initial
        if counted.sum() < 2 or group.units.shape[1] == 0:
            rows.append(0.0)
            continue
        _, near = KDTree(group.units[counted]).query(group.units[counted], k=2)
        mean = group.mean[counted]
        rows.append(root_mean_square(mean - mean[near[:, 1]]) / math.sqrt(2))
    return rows[0], rows[1]


_Statistic = Callable[[Part], float]
_Again = Callable[[Losses, Part, Draws], Array]


def _statistics(of: str, over: str | None) -> tuple[_Statistic, _Again]:
    def means(group: Losses, drawn: Draws) -> Array:
        return drawn.mean if group.fixed else group.mean[drawn.chosen]

    if of == "best_loss":
        return lambda part: part.best.value, lambda _, part, drawn: _best_draws(part, drawn)
    if of == "mean_loss":
        return lambda part: float(
            mean_over(part.group, part.group.mean[None], over)[0]
        ), lambda group, _, drawn: mean_over(group, means(group, drawn), over)
    # The draws are not cut at 0, which would understate the noise of two insensitive variants.
    return lambda part: excess(
        part, over
    ), lambda group, part, drawn: mean_over(group, means(group, drawn), over) - _best_draws(part, drawn)


def _best_draws(part: Part, drawn: Draws) -> Array:
    """Return draws around the best loss, ``[draws]``: with the noise that a pair of variants shares.

    They are the errors of the smallest mean in simulated studies, as wide as the draws of
    :class:`sensitivity.measures.best.Best` where those are known.
    """
    noise = np.nanmean(drawn.noise, axis=2)
    errors = np.minimum(drawn.truth + noise, part.group.initial).min(axis=1) - drawn.truth.min(axis=1)
    width, known = np.ptp(interval(errors)), np.ptp(interval(part.best.draws))
    stretch = known / width if width > 0 and np.isfinite(known) else 1.0
    return np.asarray(part.best.value - stretch * (errors - errors.mean()))


def _aligned(one: Losses, two: Losses) -> Losses | None:
    """Return the second variant with its configurations in the order of the first; None where they differ."""
    if one.fixed != two.fixed or one.names != two.names or len(one.loss) != len(two.loss):
        return None
    places = {tuple(sorted(configuration.items())): i for i, configuration in enumerate(two.configurations)}
    order = [places.get(tuple(sorted(configuration.items()))) for configuration in one.configurations]
    if any(place is None for place in order):
        return None
    at = np.array(order, dtype=int)
    return replace(
        two,
        loss=two.loss[at],
        units=two.units[at],
        lr=two.lr[at],
        configurations=[two.configurations[i] for i in at],
    )


def _draws(
    one: Losses, two: Losses, noises: tuple[float | None, float | None], paired: bool, draws: int, seed: int
) -> tuple[Draws, Draws]:
    """Return bootstrap draws of both variants, as :func:`sensitivity.measures.resampling.resampled`.

    Paired variants are resampled together.

    Args:
        noises: Standard deviations of a seed where the losses do not tell them.
    """
    rng = np.random.default_rng(seed)
    chosen = [configurations(group, draws, rng) for group in (one, two)]
    if paired:
        chosen[1] = chosen[0]
    numbers = [normals(group, draws, rng) for group in (one, two)]
    if paired and one.loss.shape == two.loss.shape:
        r = _correlation(one.loss, two.loss)
        numbers[1] = tuple(
            r * first + np.sqrt(1 - r**2) * other for first, other in zip(*numbers, strict=True)
        )
    scales = [
        np.random.default_rng([seed, 0 if paired else place]) for place in (0, 1)
    ]  # paired variants share the uncertainty of the noise
    first, second = (
        drawn(group, which, *normal, scale, deviation=noise)
        for group, which, normal, scale, noise in zip(
            (one, two), chosen, numbers, scales, noises, strict=True
        )
    )
    return first, second


def _correlation(one: Array, two: Array) -> float:
    """Return the correlation of the deviations of the seeds from the means of their configurations.

    It is taken over all configurations with both results; without noise it is 0.
    """
    both = np.isfinite(one) & np.isfinite(two)
    usable = both.sum(axis=1) >= 2
    if not usable.any():
        return 0.0
    losses = [np.where(both, loss, np.nan)[usable] for loss in (one, two)]
    losses = [np.ldexp(loss, -exponent_of(loss)) for loss in losses]
    a, b = (np.nan_to_num(loss - np.nanmean(loss, axis=1, keepdims=True)) for loss in losses)
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float(np.clip((a * b).sum() / size, -1, 1)) if size > 1e-24 else 0.0
