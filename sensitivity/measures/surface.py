"""Estimates of the true mean losses of a variant's configurations, shrunk towards a smooth surface."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.distributions import f_tail
from sensitivity.measures.losses import Array, Losses, scaled
from sensitivity.measures.magnitudes import exponent_of
from sensitivity.measures.moderation import moderated, pooled_freedom
from sensitivity.measures.threads import one_thread

DRAWS = 1000
"""Number of draws of the true means."""
SCALES = (0.15, 0.3, 0.6, 1.2)
"""Distances in the unit cube over which the surface may change."""
RATIOS = (0.15, 0.4, 1.0, 3.0, 10.0, 40.0)
"""Variances of the surface, as multiples of the variance of a mean."""
ROUGH = ((0.95, 0.0), (0.6, 1.0), (0.0, 1.0))
"""Share of the surface's variance that is smooth, and the ratio from which that share is tried: differences
between neighbours that are smaller than the noise are taken for noise."""
FLAT = 100.0
"""Prior odds of a flat surface against each other surface."""
NEAR = 12.0
"""Standard errors above the smallest mean up to which the surface is fitted: no optimum hides above."""
TREND = 0.02
"""Level of the test below which noise counts as changing over the space."""
LANDMARKS = 200
"""Most configurations that span the surface."""


@dataclass(frozen=True)
class Surface:
    """True mean losses of the configurations of one variant on one task, as far as they are known.

    Attributes:
        observed: Mean over the seeds of each configuration, ``[configurations]``.
        mean: Posterior mean of the true mean losses, ``[configurations]``.
        truth: Draws of the true mean losses from their posterior, ``[draws, configurations]``.
        noise: Draws of the noise of the observed means, ``[draws, configurations]``.
        again: More such draws, independent of ``truth``.
        initial: Loss before training, the largest possible value.
        repeated: True if the noise is known from configurations with two or more seeds.
        near: True for each configuration that the surface was fitted to, ``[configurations]``.
        shrink: Returns the posterior means that other observed means ``[draws, configurations]`` would have.
    """

    observed: Array
    mean: Array
    truth: Array
    noise: Array
    again: Array
    initial: float
    repeated: bool
    near: NDArray[np.bool_]
    shrink: Callable[[Array], Array] = field(repr=False, default=lambda observed: observed)

    @cached_property
    def simulated(self) -> Array:
        """Means of simulated studies, ``[draws, configurations]``."""
        return np.minimum(self.mean + self.again, self.initial)

    @cached_property
    def simulated_shrunk(self) -> Array:
        """Posterior means of the first half of :attr:`simulated`, ``[draws / 2, configurations]``."""
        return one_thread(self.shrink)(self.simulated[: len(self.again) // 2])


@one_thread
def surface(group: Losses, *, draws: int = DRAWS, seed: int = 0) -> Surface:
    r"""Return the true mean losses by empirical Bayes: a Gaussian process plus roughness plus seed noise.

    .. math:: \overline{\ell_c} = a + f(x_c) + e_c + n_c, \quad
        f \sim \mathcal{GP}(0, w \tau^2 k_s), \quad e_c \sim \mathcal{N}(0, (1 - w) \tau^2), \quad
        n_c \sim \mathcal{N}(0, \tilde s_c^2 / S_c)

    with :math:`x_c` in the unit cube of the scales, :math:`k_s` a squared exponential of scale s, and
    :math:`\tilde s_c` the moderated standard deviation between seeds
    (:func:`sensitivity.measures.moderation.moderated`). The draws mix all (w, :math:`\tau`, s) of a grid by
    their marginal likelihood, with :data:`FLAT` to one for a flat surface. Configurations that are more than
    :data:`NEAR` standard errors above the best keep their means: they tell nothing about the valley, and a
    cliff is no smooth surface. A draw is ``prior + gain (observed - prior - noise)`` (Matheron's rule), so
    that ``noise`` is the noise of exactly that draw.

    Args:
        group: Losses of one variant on one task.
        draws: Number of draws.
        seed: Seed of the draws.

    Sources: Efron & Morris, JASA 68 (1973); Rasmussen & Williams, "Gaussian Processes for Machine Learning"
    (2006), sections 2.2 and 5.4; Wilson et al., "Pathwise Conditioning of Gaussian Processes" (2021).
    """
    exponent = exponent_of(group.loss)
    if not exponent:
        return _surface(group, draws, np.random.default_rng(seed))
    small = _surface(scaled(group), draws, np.random.default_rng(seed))
    with np.errstate(over="ignore"):
        return Surface(
            np.ldexp(small.observed, exponent),
            np.ldexp(small.mean, exponent),
            np.ldexp(small.truth, exponent),
            np.ldexp(small.noise, exponent),
            np.ldexp(small.again, exponent),
            group.initial,
            small.repeated,
            small.near,
            lambda means: np.ldexp(small.shrink(np.ldexp(means, -exponent)), exponent),
        )


def _surface(group: Losses, draws: int, rng: np.random.Generator) -> Surface:
    observed = group.mean
    counts = np.isfinite(group.loss).sum(axis=1)
    deviation, freedom = deviations(group)
    together = pooled_freedom(group.loss)
    variance = deviation**2 / np.maximum(counts, 1)
    noise, again = (_noise(variance, freedom, together, draws, rng) for _ in range(2))
    for place in np.flatnonzero(mixed_with_cap(group)):
        trials = group.loss[place][np.isfinite(group.loss[place])]
        again[:, place], noise[:, place] = (
            sign * (rng.choice(trials, (draws, len(trials))).mean(axis=1) - observed[place])
            for sign in (1, -1)
        )
    if not together or not variance.any():
        still = np.broadcast_to(observed, (draws, len(observed)))
        near = np.zeros(len(observed), bool)
        return Surface(observed, observed, still, noise, again, group.initial, bool(counts.max() > 1), near)
    variance = np.maximum(variance, 1e-6 * variance.max())
    low = 0.0 if np.nanmin(group.loss) >= 0 else -np.inf
    near = observed <= observed.min() + NEAR * math.sqrt(float(np.median(variance)))
    if near.sum() < 3:  # a surface through those that trained: with those at the cap it would be the cap
        near = ~at_cap(group)
    mean, truth = observed.copy(), observed - noise
    if not near.any():
        return Surface(
            observed, mean, np.clip(truth, low, group.initial), noise, again, group.initial, True, near
        )
    mean[near], truth[:, near], gain = _fitted(
        observed[near], variance[near], group.units[near], noise[:, near], rng
    )

    def shrink(means: Array) -> Array:
        result = means.copy()
        result[:, near] = gain(means[:, near])
        return np.clip(result, low, group.initial)

    return Surface(
        observed,
        np.clip(mean, low, group.initial),
        np.clip(truth, low, group.initial),
        noise,
        again,
        group.initial,
        repeated=True,
        near=near,
        shrink=shrink,
    )


def deviations(group: Losses) -> tuple[Array, Array]:
    """Return the standard deviation of a seed of each configuration, and its degrees of freedom.

    Configurations of which some trials are at the cap, and others not, keep their own: whether a trial
    diverges is another kind of noise than that of trials that train. The others are moderated together,
    around a trend with the place in the space where there is one (:func:`noise_trend`).
    """
    loss = group.loss
    counts = np.isfinite(loss).sum(axis=1)
    mixed = mixed_with_cap(group)
    if mixed.sum() > len(loss) - 3:
        mixed[:] = False
    deviation, freedom = np.empty(len(loss)), np.empty(len(loss))
    trend = noise_trend(loss[~mixed], group.units[~mixed])
    deviation[~mixed], freedom[~mixed] = moderated(loss[~mixed] / trend[:, None])
    deviation[~mixed] *= trend
    if mixed.any():
        several = mixed & (counts > 1)
        deviation[mixed], freedom[mixed] = float(np.nanmedian(deviation[~mixed])), 1.0
        deviation[several] = np.nanstd(loss[several], axis=1, ddof=1)
        freedom[several] = counts[several] - 1
    return deviation, freedom


def mixed_with_cap(group: Losses) -> NDArray[np.bool_]:
    """Return True for each configuration of which some trials are at the cap and others are not."""
    at_cap = (group.loss >= group.initial).sum(axis=1)
    return np.asarray((at_cap > 0) & (at_cap < np.isfinite(group.loss).sum(axis=1)))


def at_cap(group: Losses) -> NDArray[np.bool_]:
    """Return True for each configuration of which every trial is at the cap."""
    finished = np.isfinite(group.loss)
    return np.asarray(finished.any(axis=1) & ((group.loss >= group.initial) | ~finished).all(axis=1))


def noise_trend(loss: Array, units: Array) -> Array:
    r"""Return how noise changes over the space, as factors around 1, ``[configurations]``.

    The logarithms of the variances between seeds are regressed on the hyperparameters and their squares where
    an F test finds a trend at the level :data:`TREND`; else all factors are 1.

    Source: Law et al., "voom", Genome Biology 15 (2014), for moderation around a trend.
    """
    none = np.ones(len(loss))
    counts = np.isfinite(loss).sum(axis=1)
    varying = counts > 1
    variance = np.zeros(len(loss))
    variance[varying] = np.nanvar(loss[varying], axis=1, ddof=1)
    varying &= variance > 1e-24
    columns = [np.ones(len(loss)), *units.T, *(units.T - 0.5) ** 2]
    design = np.stack(columns, axis=1)
    rank = int(np.linalg.matrix_rank(design[varying])) if varying.any() else 0
    if varying.sum() < 2 * design.shape[1] or rank < 2:
        return none
    logs = np.log(variance[varying])
    fit = np.linalg.lstsq(design[varying], logs, rcond=None)[0]
    rest = float(((logs - design[varying] @ fit) ** 2).sum())
    explained = float(((logs - logs.mean()) ** 2).sum()) - rest
    freedom = int(varying.sum()) - rank
    if rest <= 0 or f_tail(explained / (rank - 1) / (rest / freedom), rank - 1, freedom) > TREND:
        return none
    trend = design @ fit - logs.mean()
    return np.asarray(np.exp(np.clip(trend, -6, 6) / 2))


def _noise(variance: Array, freedom: Array, together: int, draws: int, rng: np.random.Generator) -> Array:
    """Return noise of means whose variance was estimated: Student's t, with what is common to all."""
    noise = np.sqrt(variance) * rng.standard_normal((draws, len(variance)))
    finite = np.isfinite(freedom)
    if finite.any() and variance.any():
        degrees = freedom[finite]
        noise[:, finite] *= np.sqrt(degrees / rng.chisquare(degrees, (draws, len(degrees))))
    return np.asarray(noise * np.sqrt(together / rng.chisquare(together, (draws, 1)))) if together else noise


def _fitted(
    observed: Array, variance: Array, units: Array, noise: Array, rng: np.random.Generator
) -> tuple[Array, Array, Callable[[Array], Array]]:
    """Return the posterior mean, draws of the truth, and the function from other observed means to theirs."""
    rounding = np.finfo(float).eps * float(np.abs(observed).max())
    variance = np.maximum(variance, rounding**2)
    centre, base = float(observed.mean()), float(np.median(variance))
    spread = 30 * math.sqrt(max(base, float(observed.var())))
    models = [
        _Model.of(np.zeros((len(observed), 0)), 0.0, variance, spread, observed - centre, math.log(FLAT))
    ]
    spans = {scale: _span(units, scale) for scale in SCALES}
    for (smooth, least), ratio in itertools.product(ROUGH, RATIOS):
        if ratio < least:
            continue
        for scale in SCALES if smooth else SCALES[:1]:
            span = spans[scale] * math.sqrt(smooth * ratio * base)
            models.append(
                _Model.of(span, (1 - smooth) * ratio * base, variance, spread, observed - centre, 0.0)
            )
    evidence = np.array([model.evidence for model in models])
    chance = np.exp(evidence - evidence.max())
    chance /= chance.sum()
    truth, place = np.empty_like(noise), 0
    for model, count in zip(models, rng.multinomial(len(noise), chance), strict=True):
        if count:
            part = slice(place, place + count)
            truth[part] = centre + model.drawn(observed - centre, noise[part], rng)
            place += count
    likely = [
        (share / chance[chance > 1e-3].sum(), model)
        for share, model in zip(chance, models, strict=True)
        if share > 1e-3
    ]

    def gain(means: Array) -> Array:
        return np.asarray(centre + sum(share * model.gain(means - centre) for share, model in likely))

    return gain(observed[None])[0], truth, gain


@dataclass(frozen=True)
class _Model:
    """A Gaussian process of given parameters, as features with standard normal weights.

    Attributes:
        features: Features, ``[configurations, features]``; the first is constant.
        rough: Variance of the roughness.
        variance: Variance of roughness and noise together, ``[configurations]``.
        triangle: Cholesky factor of the precision of the weights, ``[features, features]``.
        evidence: Logarithm of the marginal likelihood.
    """

    features: Array
    rough: float
    variance: Array
    triangle: Array
    evidence: float

    @classmethod
    def of(
        cls, span: Array, rough: float, variance: Array, constant: float, observed: Array, prior: float
    ) -> _Model:
        from scipy.linalg.lapack import dpotrf, dpotrs  # cho_factor checks for longer than it factors

        features = np.concatenate([np.full((len(observed), 1), constant), span], axis=1)
        total = rough + variance
        scaled_features = features / np.sqrt(total)[:, None]
        precision = np.eye(features.shape[1]) + scaled_features.T @ scaled_features
        triangle = dpotrf(precision, lower=True, clean=False)[0]
        moved = features.T @ (observed / total)
        explained = moved @ dpotrs(triangle, moved, lower=True)[0]
        squares = float((observed**2 / total).sum() - explained)
        determinant = float(np.log(total).sum() + 2 * np.log(np.diag(triangle)).sum())
        return cls(features, rough, total, triangle, prior - 0.5 * (determinant + squares))

    @cached_property
    def factor(self) -> Array:
        """Covariance of the weights times the features over the variance, ``[features, configurations]``."""
        from scipy.linalg.lapack import dpotrs

        return np.asarray(dpotrs(self.triangle, self.features.T / self.variance, lower=True)[0])

    def gain(self, observed: Array) -> Array:
        """Return the posterior mean given observations, ``[draws, configurations]``."""
        smooth = (observed @ self.factor.T) @ self.features.T
        return np.asarray(smooth + (observed - smooth) * (self.rough / self.variance))

    def drawn(self, observed: Array, noise: Array, rng: np.random.Generator) -> Array:
        """Return draws from the posterior, ``[draws, configurations]``, that match the draws of the noise."""
        prior = rng.standard_normal((len(noise), self.features.shape[1])) @ self.features.T
        prior = prior + math.sqrt(self.rough) * rng.standard_normal(noise.shape)
        return np.asarray(prior + self.gain(observed - prior - noise))


def _span(units: Array, scale: float) -> Array:
    """Return features whose products are a squared exponential of the distances, by landmarks (Nystroem)."""
    chosen: NDArray[np.int64] = np.arange(len(units))
    if len(units) > LANDMARKS:
        chosen = np.sort(np.random.default_rng(0).choice(len(units), LANDMARKS, replace=False))
    squares = ((units[:, None] - units[None, chosen]) ** 2).sum(axis=2)
    kernel = np.exp(-squares / (2 * scale**2))
    values, vectors = np.linalg.eigh(kernel[chosen])
    large = values > 1e-6 * values[-1]
    return np.asarray(kernel @ vectors[:, large] / np.sqrt(values[large]))
