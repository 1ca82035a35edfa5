"""Exact mean, variance and Sobol indices of a function that is a sum of products."""

from __future__ import annotations

import functools
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from trainables.names import InputError, unknown

Factor: TypeAlias = Callable[[Any], Any]
"""A function of one unit coordinate, a float or an array."""
NODES = 64
"""Nodes of the Gauss-Legendre rule on each smooth piece: exact to rounding for the factors of this package.
"""
SCALES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "linear": (float, float),
    "log": (math.log, math.exp),
    "log1m": (lambda x: -math.log1p(-x), lambda y: -math.expm1(-y)),
}
"""The coordinate in which a hyperparameter is uniform, rising with the value, and its inverse."""


@dataclass(frozen=True)
class Hyperparameter:
    """An input of a function, uniform between its inclusive bounds on a scale: linear, log or log1m."""

    name: str
    low: float
    high: float
    scale: str = "linear"

    def unit(self, value: float) -> float:
        """Return the unit coordinate of a value, in [0, 1].

        Raises:
            InputError: outside the range.
        """
        if not self.low <= value <= self.high:
            raise InputError(f"{self.name} must be in [{self.low:g}, {self.high:g}], got {value!r}")
        forth, _ = SCALES[self.scale]
        low, high = forth(self.low), forth(self.high)
        return (forth(value) - low) / (high - low)

    def value(self, unit: float) -> float:
        """Return the value at a unit coordinate in [0, 1]."""
        forth, back = SCALES[self.scale]
        low, high = forth(self.low), forth(self.high)
        if unit in (0, 1):  # rounding must not move the ends
            return self.high if unit else self.low
        return min(max(back(low + (high - low) * unit), self.low), self.high)


class KnownAnswer(ABC):
    r"""A function of independent hyperparameters, uniform on their scales, as a sum of products of functions
    of one coordinate.

    .. math:: f(u) = \sum_k \prod_i g_{ki}(u_i)

    so its mean, its variance and its Sobol indices need integrals over one coordinate only, which
    Gauss-Legendre gives to rounding:

    .. math:: \operatorname{Var} E[f | u_S] = \sum_{kl} \prod_{i \in S} E[g_{ki} g_{li}]
        \prod_{i \notin S} E[g_{ki}] E[g_{li}]
        - E[f]^2

    Source: Sobol', "Global sensitivity indices for nonlinear mathematical models" (2001); Homma & Saltelli
        (1996) for the total order.
    """

    @property
    @abstractmethod
    def parameters(self) -> tuple[Hyperparameter, ...]:
        """The hyperparameters, in order."""

    @property
    @abstractmethod
    def ceiling(self) -> float:
        """Upper bound of the values: the initial loss, which a diverged trial counts as."""

    @property
    @abstractmethod
    def terms(self) -> Sequence[Sequence[Factor]]:
        """The factors of every term, one per hyperparameter."""

    @property
    def breaks(self) -> Mapping[str, tuple[float, ...]]:
        """Unit coordinates where a factor is not smooth, by hyperparameter."""
        return {}

    @property
    def hyperparameters(self) -> list[dict[str, Any]]:
        """The hyperparameters as plain data: name, low, high, scale."""
        return [dict(vars(parameter)) for parameter in self.parameters]

    @property
    def names(self) -> tuple[str, ...]:
        """The hyperparameters' names."""
        return tuple(parameter.name for parameter in self.parameters)

    def units(self, configuration: Mapping[str, float]) -> dict[str, float]:
        """Return the unit coordinates of a configuration.

        Raises:
            InputError: for a hyperparameter that is unknown, lacking or out of range.
        """
        for name in configuration:
            if name not in self.names:
                raise unknown("hyperparameter", name, self.names)
        for name in self.names:
            if name not in configuration:
                raise InputError(f"a configuration needs {name}, got {dict(configuration)!r}")
        return {
            parameter.name: parameter.unit(float(configuration[parameter.name]))
            for parameter in self.parameters
        }

    def __call__(self, configuration: Mapping[str, float], seed: int = 0) -> float:
        """Return the value at a configuration; only :class:`Noisy` uses the seed."""
        at = list(self.units(configuration).values())
        return float(
            sum(
                math.prod(float(factor(u)) for factor, u in zip(term, at, strict=True)) for term in self.terms
            )
        )

    @functools.cached_property
    def _moments(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """E[g_ki] as [i, k] and Cov[g_ki, g_li] as [i, k, l], exactly 0 where a factor is constant."""
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        first, covariances = [], []
        for position, name in enumerate(self.names):
            edges = sorted({0.0, *self.breaks.get(name, ()), 1.0})
            pieces = [
                (low + (high - low) * (nodes + 1) / 2, (high - low) / 2 * weights)
                for low, high in itertools.pairwise(edges)
            ]
            at, weight = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
            values = np.stack([np.broadcast_to(term[position](at), at.shape) for term in self.terms])
            shifted = values - values[:, :1]  # rounding must not make a constant vary
            means = shifted @ weight
            first.append(values[:, 0] + means)
            covariances.append(((shifted - means[:, None]) * weight) @ (shifted - means[:, None]).T)
        return np.stack(first), np.stack(covariances)

    def _product(self, names: Sequence[str], varied: str = "") -> float:
        """Sum over terms of E[g_k g_l] of the named hyperparameters, Cov[g_k, g_l] of the varied one, and
        E[g_k] E[g_l] of the rest.
        """
        first, covariances = self._moments
        product = np.ones(covariances.shape[1:])
        for position, name in enumerate(self.names):
            means = np.outer(first[position], first[position])
            product *= (
                covariances[position]
                if name == varied
                else means + covariances[position]
                if name in names
                else means
            )
        return float(product.sum())

    def closed(self, names: Sequence[str]) -> float:
        """Return the variance that some hyperparameters explain alone and together."""
        return self._product(names) - self.mean**2

    @property
    def mean(self) -> float:
        """The mean over the hyperparameters, and over the noise if there is any."""
        return float(self._moments[0].prod(0).sum())

    @property
    def variance(self) -> float:
        """The variance over the hyperparameters, and over the noise if there is any."""
        return self.closed(self.names) + self.noise_variance

    @property
    def noise_variance(self) -> float:
        """The part of the variance that no hyperparameter explains."""
        return 0.0

    @property
    def first_order(self) -> dict[str, float]:
        """The share of the variance that each hyperparameter explains alone."""
        return {name: max(self._product([], varied=name), 0.0) / self.variance for name in self.names}

    @property
    def total_order(self) -> dict[str, float]:
        """The share of the variance that each hyperparameter has a part in."""
        return {name: max(self._product(self.names, varied=name), 0.0) / self.variance for name in self.names}

    @property
    def divergence_rate(self) -> float:
        """The share of configurations that diverge."""
        return 0.0
