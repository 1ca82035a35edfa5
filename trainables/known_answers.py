"""Test functions with exactly known sensitivities, with wrappers for noise and divergence."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainables.exact_sensitivities import Factor, Hyperparameter, KnownAnswer
from trainables.names import InputError, unknown


def _one(u: Any) -> Any:
    return np.ones_like(u)


@dataclass(frozen=True)
class Ishigami(KnownAnswer):
    r"""Ishigami's function of three angles, of which x3 acts through x1 only.

    .. math:: f(x) = \sin x_1 + a \sin^2 x_2 + b x_3^4 \sin x_1, \quad x_i \in [-\pi, \pi]

    Closed forms: mean a/2; variance :math:`a^2/8 + b\pi^4/5 + b^2\pi^8/18 + 1/2`, of which x1 alone :math:`(1
        + b\pi^4/5)^2/2`, x2 alone :math:`a^2/8`, x1 with x3 :math:`8 b^2\pi^8/225`.

    Source: Ishigami & Homma, "An importance quantification technique in uncertainty analysis for computer
        models" (1990).

    >>> {name: round(share, 4) for name, share in Ishigami().first_order.items()}
    {'x1': 0.3139, 'x2': 0.4424, 'x3': 0.0}
    """

    a: float = 7.0
    b: float = 0.1

    @property
    def parameters(self) -> tuple[Hyperparameter, ...]:
        """The three angles x1, x2 and x3."""
        return tuple(Hyperparameter(f"x{i}", -math.pi, math.pi) for i in (1, 2, 3))

    @property
    def ceiling(self) -> float:
        """The bound with every sine at 1."""
        return 1 + self.a + self.b * math.pi**4

    @property
    def terms(self) -> Sequence[Sequence[Factor]]:
        """Terms in the order of the formula."""

        def angle(u: Any) -> Any:
            return math.pi * (2 * u - 1)

        def sine(u: Any) -> Any:
            return np.sin(angle(u))

        return [
            (sine, _one, _one),
            (_one, lambda u: self.a * np.sin(angle(u)) ** 2, _one),
            (sine, _one, lambda u: self.b * angle(u) ** 4),
        ]


@dataclass(frozen=True)
class SobolG(KnownAnswer):
    r"""Sobol's g-function, whose hyperparameters matter less the larger their a.

    .. math:: f(x) = \prod_i \frac{|4 x_i - 2| + a_i}{1 + a_i}, \quad x_i \in [0, 1]

    Closed forms, with :math:`V_i = 1 / (3 (1 + a_i)^2)`: mean 1, variance :math:`\prod (1 + V_i) - 1`, of
    which x_i alone :math:`V_i` and in all :math:`V_i \prod_{j \ne i} (1 + V_j)`.

    Source: Saltelli & Sobol', "About the use of rank transformation in sensitivity analysis of model output"
        (1995).

    >>> round(SobolG((0.0, 0.0)).variance, 4)
    0.7778
    """

    a: tuple[float, ...] = (0.0, 1.0, 4.5, 9.0)

    @property
    def parameters(self) -> tuple[Hyperparameter, ...]:
        """One hyperparameter for every entry of a."""
        return tuple(Hyperparameter(f"x{i}", 0.0, 1.0) for i in range(1, len(self.a) + 1))

    @property
    def ceiling(self) -> float:
        """The value at the corners."""
        return math.prod((2 + a) / (1 + a) for a in self.a)

    @property
    def breaks(self) -> Mapping[str, tuple[float, ...]]:
        """The kink of the absolute value."""
        return dict.fromkeys(self.names, (0.5,))

    @property
    def terms(self) -> Sequence[Sequence[Factor]]:
        """The single product."""
        return [[functools.partial(_valley, a=a) for a in self.a]]


def _valley(u: Any, a: float) -> Any:
    return (abs(4 * u - 2) + a) / (1 + a)


@dataclass(frozen=True)
class LrValley(KnownAnswer):
    r"""A loss that is U-shaped in the logarithm of lr, less so in that of 1 - mu, and does not depend on nu.

    .. math:: f = f_0 + a (z - z^*)^2 + b (l - l^*)^2 + c (z - \bar z)(l - \bar l),
        \quad z = \log_{10} lr, \; l = \log_{10}(1 - mu)

    where a bar is the middle of the range. Closed forms, with h the half width of a range and d the distance
    of its middle from the best: lr alone explains :math:`a^2 (4 h_z^4 / 45 + 4 d_z^2 h_z^2 / 3)`, mu alone
    the same with b and l, both together :math:`c^2 h_z^2 h_l^2 / 9`, nu nothing.

    Args:
        floor: f_0, a, b, c.
        steep_lr: f_0, a, b, c.
        steep_mu: f_0, a, b, c.
        tilt: f_0, a, b, c.
        best_lr: where the two valleys lie.
        best_mu: where the two valleys lie.

    >>> {name: round(share, 3) for name, share in LrValley().first_order.items()}
    {'lr': 0.931, 'mu': 0.055, 'nu': 0.0}
    """

    floor: float = 0.05
    steep_lr: float = 0.04
    steep_mu: float = 0.02
    tilt: float = 0.01
    best_lr: float = 1e-2
    best_mu: float = 0.9

    @property
    def parameters(self) -> tuple[Hyperparameter, ...]:
        """lr, and mu and nu between an average over 2 steps and one over 1000."""
        return (
            Hyperparameter("lr", 1e-5, 1.0, "log"),
            Hyperparameter("mu", 0.5, 0.999, "log1m"),
            Hyperparameter("nu", 0.5, 0.999, "log1m"),
        )

    @property
    def ceiling(self) -> float:
        """Above the highest corner, where both valleys and the tilt are at their highest."""
        at = np.array([0.0, 1.0])
        walls = [
            float(np.max(np.square(place(at) - best)))
            for place, best in ((_z, self._best[0]), (_l, self._best[1]))
        ]
        tilt = abs(self.tilt) * float(np.ptp(_z(at)) * np.ptp(_l(at))) / 4
        return self.floor + self.steep_lr * walls[0] + self.steep_mu * walls[1] + tilt

    @property
    def _best(self) -> tuple[float, float]:
        return math.log10(self.best_lr), math.log10(1 - self.best_mu)

    @property
    def terms(self) -> Sequence[Sequence[Factor]]:
        """Terms in the order of the formula."""
        best_z, best_l = self._best
        return [
            (lambda u: self.floor * _one(u), _one, _one),
            (lambda u: self.steep_lr * (_z(u) - best_z) ** 2, _one, _one),
            (_one, lambda u: self.steep_mu * (_l(u) - best_l) ** 2, _one),
            (lambda u: self.tilt * (_z(u) - _z(0.5)), lambda u: _l(u) - _l(0.5), _one),
        ]


def _z(u: Any) -> Any:
    return -5.0 + 5.0 * u


def _l(u: Any) -> Any:
    return math.log10(0.5) + (math.log10(0.001) - math.log10(0.5)) * u


@dataclass(frozen=True)
class Noisy(KnownAnswer):
    """A function with normal noise, which is reproducible: seed and configuration determine it.

    Shares are of the variance with the noise in it, so first orders no longer add up to the whole even
    without interactions.

    Args:
        function: without divergence (``Diverging(Noisy(f))``, not the other way round).
        sd: standard deviation of the noise.

    Raises:
        InputError: for a value out of range.
    """

    function: KnownAnswer
    sd: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sd) and self.sd >= 0):
            raise InputError(f"sd must be at least 0, got {self.sd!r}")
        if self.function.divergence_rate > 0:
            raise InputError("noise goes inside: Diverging(Noisy(function, sd=...), above=...)")

    def __call__(self, configuration: Mapping[str, float], seed: int = 0) -> float:
        """Return the value with its noise."""
        drawn = hashlib.sha256(
            json.dumps([seed, sorted((name, float(value)) for name, value in configuration.items())]).encode()
        ).digest()
        noise = np.random.default_rng(int.from_bytes(drawn[:8], "big")).normal()
        return self.function(configuration, seed) + self.sd * float(noise)

    @property
    def parameters(self) -> tuple[Hyperparameter, ...]:
        """The hyperparameters of the wrapped function."""
        return self.function.parameters

    @property
    def ceiling(self) -> float:
        """Ten standard deviations above the function's."""
        return self.function.ceiling + 10 * self.sd

    @property
    def terms(self) -> Sequence[Sequence[Factor]]:
        """The terms of the wrapped function."""
        return self.function.terms

    @property
    def breaks(self) -> Mapping[str, tuple[float, ...]]:
        """The breaks of the wrapped function."""
        return self.function.breaks

    @property
    def noise_variance(self) -> float:
        """The noise variance of the wrapped function plus sd squared."""
        return self.function.noise_variance + self.sd**2


@dataclass(frozen=True)
class Diverging(KnownAnswer):
    """A function that is infinite in a share 1 - above of the space: beyond ``above`` in one unit coordinate.

    Its mean, variance and shares count diverged trials at the ceiling, which is the initial loss of its
    trials.

    Args:
        function: any other.
        above: in (0, 1).
        along: the hyperparameter; the first where not given.

    Raises:
        InputError: for a value out of range.

    >>> Diverging(Ishigami(), above=0.9)({"x1": 3.0, "x2": 0.0, "x3": 0.0})
    inf
    """

    function: KnownAnswer
    above: float
    along: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.above < 1:
            raise InputError(
                "above must be between 0 and 1, the share of the space that does not diverge; got "
                f"{self.above!r}"
            )
        if self.along is not None and self.along not in self.function.names:
            raise unknown("hyperparameter in along", self.along, self.function.names)
        if self.function.divergence_rate > 0:
            raise InputError("the function diverges already; wrap it once")

    def __call__(self, configuration: Mapping[str, float], seed: int = 0) -> float:
        """Return the value, or infinity if the trial diverges."""
        return (
            math.inf
            if self.units(configuration)[self._along] > self.above
            else self.function(configuration, seed)
        )

    @property
    def _along(self) -> str:
        return self.along if self.along is not None else self.function.names[0]

    @property
    def parameters(self) -> tuple[Hyperparameter, ...]:
        """The hyperparameters of the wrapped function."""
        return self.function.parameters

    @property
    def ceiling(self) -> float:
        """The ceiling of the wrapped function."""
        return self.function.ceiling

    @property
    def breaks(self) -> Mapping[str, tuple[float, ...]]:
        """Those of the function, and the edge beyond which it diverges."""
        inner = dict(self.function.breaks)
        return {**inner, self._along: (*inner.get(self._along, ()), self.above)}

    @property
    def terms(self) -> Sequence[Sequence[Factor]]:
        """The function's up to the edge, and the ceiling beyond it."""
        position = self.names.index(self._along)
        inside: list[Sequence[Factor]] = []
        for term in self.function.terms:
            inside.append(
                [
                    *term[:position],
                    functools.partial(_up_to, term[position], self.above),
                    *term[position + 1 :],
                ]
            )
        beyond: list[Factor] = [_one] * len(self.names)
        beyond[position] = lambda u: self.ceiling * (np.asarray(u) > self.above)
        return [*inside, beyond]

    @property
    def noise_variance(self) -> float:
        """Variance of the noise: diverged trials have none."""
        return self.above * self.function.noise_variance

    @property
    def divergence_rate(self) -> float:
        """1 - above, exactly."""
        return 1 - self.above


def _up_to(factor: Factor, above: float, u: Any) -> Any:
    return factor(u) * (np.asarray(u) <= above)
