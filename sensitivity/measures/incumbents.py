"""Incumbents: the distribution and the expectation of the best of k random configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sensitivity.measures.magnitudes import exponent_of
from sensitivity.measures.resampling import interval, resampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sensitivity.measures.losses import Array, Losses

CHUNK = 4_000_000
"""Number of losses that are ordered at once."""


def weights(count: int, budgets: Sequence[int], *, replacement: bool = False) -> Array:
    r"""Return the chance that the i-th best of ``count`` configurations is the best of a random k of them.

    .. math:: w_{k,i} = \binom{B - i}{k - 1} \Big/ \binom{B}{k}
        \qquad\text{with replacement}\qquad \left(\tfrac{B - i + 1}{B}\right)^k - \left(\tfrac{B -
        i}{B}\right)^k

    A budget above ``count`` is ``count``.

    Args:
        count: Number of configurations, B.
        budgets: Numbers of drawn configurations, k.
        replacement: Draw with replacement.

    Returns:
        ``[budgets, count]``.

    >>> weights(4, [1, 2, 4]).round(3).tolist()
    [[0.25, 0.25, 0.25, 0.25], [0.5, 0.333, 0.167, 0.0], [1.0, 0.0, 0.0, 0.0]]
    """
    from scipy.special import gammaln

    k = np.asarray(budgets, dtype=float)[:, None]
    rest = count - np.arange(1, count + 1, dtype=float)[None]  # B - i
    if replacement:
        return np.asarray(((rest + 1) / count) ** k - (rest / count) ** k)
    k = np.minimum(k, count)
    possible = rest >= k - 1
    free = np.where(possible, rest - k + 1, 0)
    chance = (
        gammaln(rest + 1)
        - gammaln(k)
        - gammaln(free + 1)
        - gammaln(count + 1)
        + gammaln(k + 1)
        + gammaln(count - k + 1)
    )
    weight = np.where(possible, np.exp(np.minimum(chance, 0.0)), 0.0)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def ordered(loss: Array) -> Array:
    """Return losses measured by one seed, in the order that the other seeds rank the configurations.

    With one seed, the order is that of its own losses; see :func:`held_out`.

    Args:
        loss: Losses, ``[draws, configurations, seeds]``.

    Returns:
        ``[draws, seeds, configurations]``; NaN, last, for configurations without a trial.
    """
    finite = np.isfinite(loss)
    known = np.where(finite, loss, 0.0)
    total, count = known.sum(axis=2, keepdims=True), finite.sum(axis=2, keepdims=True)
    choosing, measured = held_out(known, finite, total, count)
    order = np.argsort(np.where(count > 0, choosing, np.inf), axis=1, kind="stable")
    return np.take_along_axis(np.where(count > 0, measured, np.nan), order, axis=1).transpose(0, 2, 1)


def held_out(
    known: Array, finite: NDArray[np.bool_], total: Array, count: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Return the mean loss over the other seeds, and the loss of the seed, of each configuration.

    Where either has no trial, the mean over all seeds replaces it. So a configuration with one seed is chosen
    and measured by that seed, as all are in a study of one seed: left out, the best might be lost.

    Args:
        known: Losses of a seed, 0 where it has no trial.
        finite: True where the seed has a trial.
        total: Sum of the losses of all seeds.
        count: Number of seeds with a trial.
    """
    mean, rest = total / np.maximum(count, 1), count - finite
    return np.where(rest > 0, (total - known) / np.maximum(rest, 1), mean), np.where(finite, known, mean)


def curve(loss: Array, budgets: Sequence[int], *, replacement: bool = False) -> Array:
    """Return the expected loss of the best of k configurations.

    Args:
        loss: Losses, ``[draws, configurations, seeds]``.
        budgets: Numbers of configurations, k.
        replacement: Draw with replacement.

    Returns:
        ``[draws, budgets]``.
    """
    size = max(1, CHUNK // (loss.shape[1] * loss.shape[2]))
    return np.concatenate(
        [_curve(loss[i : i + size], budgets, replacement) for i in range(0, len(loss), size)]
    )


def _curve(loss: Array, budgets: Sequence[int], replacement: bool) -> Array:
    losses = ordered(loss)
    counts = np.isfinite(losses).sum(axis=2)
    total, seeds = np.zeros((len(loss), len(budgets))), np.zeros((len(loss), 1))
    for count in np.unique(counts[counts > 0]):
        chance = weights(int(count), budgets, replacement=replacement)
        for seed in range(losses.shape[1]):
            draws = counts[:, seed] == count
            if draws.any():
                total[draws] += losses[draws, seed, :count] @ chance.T
                seeds[draws] += 1
    return total / seeds


def drawn_losses(group: Losses, draws: int, seed: int) -> Array:
    """Return losses of bootstrap draws, ``[draws, configurations, seeds]``.

    Configurations are drawn again where the design drew them; where it fixed them, only the noise is new.
    """
    drawn = resampled(group, draws=draws, seed=seed)
    if not group.fixed:
        return group.loss[drawn.chosen]
    return np.where(
        np.isfinite(group.loss), np.minimum(group.mean[:, None] + drawn.noise, group.initial), np.nan
    )


def curve_draws(group: Losses, budgets: Sequence[int], draws: int, seed: int) -> Array:
    """Return bootstrap draws of :func:`curve`, centred on it, ``[draws, budgets]``.

    They are centred for two reasons: a draw contains some configurations twice, so its best of k is worse
    than that of k different ones; and noise that is added to noisy means counts twice.
    """
    curves = curve(drawn_losses(group, draws, seed), budgets)
    value = curve(group.loss[None], budgets)[0]
    return np.asarray(np.minimum(curves - curves.mean(axis=0) + value, group.initial))


def around(value: float, draws: Array, group: Losses) -> tuple[float, float]:
    """Return the 95% interval of a value, within possible losses.

    The interval is the wider of the draws' percentiles and of 1.96 of their standard deviations. Either alone
    covers too seldom where k is more than a tenth of the configurations, since draws cannot be better than
    the best tried.
    """
    low, high = interval(draws)
    exponent = exponent_of(draws)
    half = 1.96 * float(np.ldexp(np.ldexp(draws, -exponent).std(), exponent))
    floor = 0.0 if np.nanmin(group.loss) >= 0 else -np.inf
    return max(floor, min(low, value - half)), min(group.initial, max(high, value + half))


def known(group: Losses) -> int:
    """Return the number of configurations with a result, of which a random search can draw."""
    return int(np.isfinite(group.loss).any(axis=1).sum())


def spaced(most: int, points: int) -> NDArray[np.int64]:
    """Return budgets from 1 to ``most``: each whole number up to 10, then about evenly spaced logarithms.

    >>> spaced(40, 20).tolist()
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 22, 27, 33, 40]
    """
    return np.unique(
        np.concatenate([np.arange(1, min(most, 10) + 1), np.geomspace(1, most, points).round().astype(int)])
    )
