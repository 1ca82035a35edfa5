"""Variance components of the losses of a variant, and their intervals from simulated studies."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.losses import Array, Losses
from sensitivity.measures.trial_noise import TrialNoise

DRAWS = 1000
"""Number of simulated studies."""
FURTHEST = 60.0
"""Largest logarithm of the ratio of two components that is told apart from infinity."""
STEPS = 28
"""Number of halvings of this range."""
NUMBERS = 4_000_000
"""Most numbers of simulated studies at a time."""


def squares(one: Array, other: Array) -> Array:
    r"""Return the mean product of each effect of two functions on a full grid.

    With :math:`P_U` the projection on the effect U, the value is :math:`\langle P_U x, P_U y \rangle / C`
    over the C cells: from means over the other hyperparameters, as effects are orthogonal.

    Args:
        one: Functions on the grid, ``[functions, levels of each hyperparameter ...]``.
        other: Functions on the grid, of the same shape, or of one function.

    Returns:
        ``[functions, effects]``: one hyperparameter, two hyperparameters, all higher orders where there are
        more than two hyperparameters.
    """
    axes = range(1, one.ndim)
    one, other = (part - part.mean(axis=tuple(axes), keepdims=True) for part in (one, other))

    def product(chosen: tuple[int, ...]) -> Array:
        out = tuple(axis for axis in axes if axis not in chosen)
        both = one.mean(axis=out) * other.mean(axis=out)
        return np.asarray(both.reshape(len(both), -1).mean(axis=1))

    alone = [product((j,)) for j in axes]
    pairs = [product((j, k)) - alone[j - 1] - alone[k - 1] for j, k in itertools.combinations(axes, 2)]
    found = [*alone, *pairs]
    if len(alone) > 2:
        found.append(product(tuple(axes)) - sum(found))
    return np.stack(found, axis=1)


def shares(components: Array, noise: Array) -> Array:
    r"""Return components as shares of the variance of a single trial; what is left to 1 is seed noise.

    .. math:: N = \frac{s^2}{s^2 + \max(0, \sum_U V_U)}, \qquad
        (1 - N) \frac{\max(0, V_U)}{\sum_W \max(0, V_W)}

    Args:
        components: Unbiased estimates of the variances of effects, ``[studies, effects]``.
        noise: Estimates of the variance of the noise, ``[studies]``.
    """
    positive = np.maximum(0.0, components)
    together = np.maximum(0.0, components.sum(axis=1))
    whole = (together + noise) * positive.sum(axis=1)
    factor = np.divide(together, whole, out=np.zeros_like(whole), where=whole > 0)
    return np.asarray(positive * factor[:, None])


def grid_freedoms(shape: tuple[int, ...]) -> Array:
    """Return the degrees of freedom of the effects of :func:`squares`."""
    alone = [levels - 1 for levels in shape]
    found = [*alone, *(one * other for one, other in itertools.combinations(alone, 2))]
    if len(alone) > 2:
        found.append(int(np.prod(shape)) - 1 - sum(found))
    return np.array(found, float)


def grid_components(means: Array, noise: Array, seeds: int) -> Array:
    r"""Return unbiased estimates of the variances of the effects over the cells of a full grid.

    .. math:: V_U = \frac{1}{C} \lVert P_U \bar y \rVert^2 - \frac{df_U s^2}{C S}

    The noise of the means adds :math:`\sum_c (P_U)_{cc} \sigma_c^2 / (C S)`. On a full grid :math:`P_U` is a
    Kronecker product of :math:`I - J / m_j` and :math:`J / m_j`, whose diagonals are constant, so that
    :math:`(P_U)_{cc} = df_U / C` for every U, and the noise adds :math:`df_U \overline{\sigma_c^2} / (C S)`
    also where cells are not equally noisy.

    Args:
        means: Mean losses, ``[studies, levels of each hyperparameter ...]``.
        noise: Means of the cells' variances, ``[studies]``.
        seeds: Number of seeds.

    Source: Searle, Casella & McCulloch, "Variance Components" (1992), section 4.3.
    """
    shape = means.shape[1:]
    return squares(means, means) - grid_freedoms(shape) * noise[:, None] / (np.prod(shape) * seeds)


@dataclass(frozen=True)
class Simulated:
    r"""Simulated studies, as quadratic functions of the true sizes of their effects.

    The estimate of a component whose true size is v is :math:`a v + 2 b \sqrt v + c`.

    Attributes:
        truth: True mean variance of the noise, ``[studies]``.
        noise: Estimated variance of the noise, ``[studies]``.
        square: a, ``[studies, effects]``.
        cross: b, ``[studies, effects]``.
        rest: c, ``[studies, effects]``.
    """

    truth: Array
    noise: Array
    square: Array
    cross: Array
    rest: Array

    @classmethod
    def joined(cls, parts: list[Simulated]) -> Simulated:
        """Return the studies of all parts."""
        names = ("truth", "noise", "square", "cross", "rest")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def interval(
        self, components: Array, members: NDArray[np.bool_], value: float, level: float
    ) -> tuple[float, float]:
        r"""Return the interval of the share of some effects together, by inversion of a test.

        The interval holds every true share of which the estimate is neither among the highest nor among the
        lowest of simulated studies with that true share, so that the effects and the total move together. The
        other effects have their estimated sizes.

        Args:
            components: Estimated components, ``[effects]``.
            members: True for each effect that counts, ``[effects]``.
            value: Estimate of the share.
            level: Level of the interval, between 0 and 1.

        Source: Carpenter, "Test inversion bootstrap confidence intervals", JRSS B 61 (1999).
        """
        sizes = np.maximum(0.0, components)
        others = np.where(members, 0.0, sizes)
        weight = np.where(members, sizes, 0.0)
        weight = weight / weight.sum() if weight.sum() > 0 else members / members.sum()
        base = others.sum() + self.truth
        slack = 1e-9 * max(value, 1e-300)

        fixed = (self.square * others + 2 * self.cross * np.sqrt(others) + self.rest)[:, ~members]
        fixed_sum, fixed_positive = fixed.sum(axis=1), np.maximum(0.0, fixed).sum(axis=1)
        square, cross, rest = (
            part[:, members].T[:, None] for part in (self.square, 2 * self.cross, self.rest)
        )

        def tails(odds: Array) -> Array:
            """Return the share of studies at or above the estimate, and by the second odds at or below."""
            true = weight[members, None, None] * (odds[:, None] * base)
            moved = square * true + cross * np.sqrt(true) + rest
            positive = np.maximum(0.0, moved).sum(axis=0)
            together = np.maximum(0.0, fixed_sum + moved.sum(axis=0))
            whole, effects = together + self.noise, fixed_positive + positive
            share = np.divide(together, whole, out=np.zeros_like(whole), where=whole > 0)
            share *= np.divide(positive, effects, out=np.zeros_like(whole), where=effects > 0)
            beyond = np.count_nonzero(share[0] >= value - slack), np.count_nonzero(share[1] <= value + slack)
            return np.array(beyond) / len(base)

        low, high = np.full(2, -FURTHEST), np.full(2, FURTHEST)
        for _ in range(STEPS):
            middle = (low + high) / 2
            right = (tails(np.exp(middle)) < (1 - level) / 2) == [True, False]
            low, high = np.where(right, middle, low), np.where(right, high, middle)
        first, last = (float(1 / (1 + np.exp(-end))) for end in (low + high) / 2)
        if tails(np.zeros(2))[0] >= (1 - level) / 2:
            first = 0.0
        return min(first, value), max(last, value)


def blocks(draws: int, size: int) -> list[int]:
    """Return numbers of studies to simulate at a time, each of so many trials."""
    most = max(1, NUMBERS // max(1, size))
    return [min(most, draws - start) for start in range(0, draws, most)]


def simulated_grid(
    group: Losses, means: Array, places: NDArray[np.int64], *, draws: int, seed: int
) -> Simulated:
    """Return simulated studies of a full grid with at least two seeds.

    Args:
        group: Losses of one variant on one task.
        means: Mean losses, ``[levels of each hyperparameter ...]``.
        places: Configuration of each cell of the flat grid, ``[cells]``.
        draws: Number of studies.
        seed: Seed of the studies.
    """
    rng = np.random.default_rng(seed)
    law = TrialNoise.of(group)
    size = np.sqrt(np.maximum(squares(means[None], means[None]), 1e-300))
    seeds = group.loss.shape[1]
    parts = []
    for count in blocks(draws, group.loss.size):
        trials, variance = law.draw(count, rng)
        noise = trials.var(axis=2, ddof=1).mean(axis=1)
        cells = trials.mean(axis=2)[:, places].reshape(count, *means.shape)
        rest = grid_components(cells, noise, seeds)
        parts.append(
            Simulated(
                variance.mean(axis=1), noise, np.ones_like(rest), squares(cells, means[None]) / size, rest
            )
        )
    return Simulated.joined(parts)


def simulated_means(means: Array, noise: float, *, draws: int, seed: int) -> Simulated:
    """Return simulated studies of a full grid with one seed, whose last effect is taken as the error.

    Args:
        means: Losses, ``[levels of each hyperparameter ...]``.
        noise: Variance of the noise.
        draws: Number of studies.
        seed: Seed of the studies.
    """
    rng = np.random.default_rng(seed)
    freedoms = grid_freedoms(means.shape)
    size = np.sqrt(np.maximum(squares(means[None], means[None]), 1e-300))
    parts = []
    for count in blocks(draws, means.size):
        cells = np.sqrt(noise) * rng.standard_normal((count, *means.shape))
        raw = squares(cells, cells)
        error = raw[:, -1] * means.size / freedoms[-1]
        rest = (raw - freedoms * error[:, None] / means.size)[:, :-1]
        cross = (squares(cells, means[None]) / size)[:, :-1]
        parts.append(Simulated(np.full(count, noise), error, np.ones_like(rest), cross, rest))
    return Simulated.joined(parts)
