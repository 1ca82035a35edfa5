"""Synthetic datasets: small, drawn with a fixed seed, with a computable minimum of the loss."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from trainables.dataset import Dataset

FEATURES = 10
CONDITION = 1000.0
NOISE = 0.1
"""Standard deviation of a sample around the optimum of :class:`Quadratic`."""


@lru_cache(maxsize=1)
def synthetic() -> Dataset:
    r"""Two classes in 10 dimensions that overlap: 400 train, 200 test, drawn with seed 0.

    .. math:: x \sim N(0, I), \quad y \sim \mathrm{Bernoulli}(\sigma(w^T x)), \quad w_i = (-1)^i \, 2 / i

    Overlapping classes keep the best weights finite, so logistic regression has one optimum.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((600, FEATURES), generator=generator)
    index = torch.arange(1, FEATURES + 1)
    weights = 2.0 / index * (1 - 2 * (index % 2))
    y = (torch.rand(600, generator=generator) < torch.sigmoid(x @ weights)).long()
    return Dataset("synthetic", x[:400], y[:400], x[400:], y[400:])


def curvature() -> Tensor:
    """The matrix A of :class:`Quadratic`, float64: eigenvalues from 1 to 1/1000, log-spaced, in a basis of
    seed 0.
    """
    basis, _ = torch.linalg.qr(
        torch.randn((FEATURES, FEATURES), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    )
    eigenvalues = torch.logspace(0, -float(torch.tensor(CONDITION).log10()), FEATURES, dtype=torch.float64)
    steep: Tensor = basis @ torch.diag(eigenvalues) @ basis.T
    return steep


def optimum() -> Tensor:
    """The best weights of :class:`Quadratic`: one everywhere. float64."""
    return torch.ones(FEATURES, dtype=torch.float64)


def minimum() -> float:
    r"""The least loss of :class:`Quadratic`, on the training set as on the test set: :math:`\sigma^2 \,
    \mathrm{tr} A / 2`.

    >>> round(minimum(), 6)
    0.009327
    """
    return float(NOISE**2 * curvature().trace() / 2)


@lru_cache(maxsize=1)
def ill_conditioned() -> Dataset:
    """Noisy samples of the optimum of :class:`Quadratic`: 256 train, 256 test, drawn with seed 0.

    Each part is shifted and scaled to have the optimum as its mean and ``NOISE**2`` times the identity as its
    covariance, so that the optimum and the minimum are exact for this very sample.
    """
    generator = torch.Generator().manual_seed(0)
    parts = []
    for _ in range(2):
        drawn = torch.randn((256, FEATURES), generator=generator, dtype=torch.float64)
        centred = drawn - drawn.mean(0)
        factor = torch.linalg.cholesky(centred.T @ centred / len(centred))
        white = torch.linalg.solve_triangular(factor, centred.T, upper=False).T
        parts += [(optimum() + NOISE * white).float(), torch.zeros(256, dtype=torch.int64)]
    return Dataset("ill_conditioned", *parts)


class Quadratic(nn.Module):
    r"""A bowl a thousand times as steep in one direction as in another, whose optimum and minimum are known.

    .. math:: \ell(\theta; x) = \tfrac12 (\theta - x)^T A (\theta - x)

    Gradient descent converges for lr below 2 (the largest eigenvalue is 1), and its slowest direction keeps 1
    - lr/1000 a step.

    Args:
        generator: draws the ten weights from N(0, 1).

    Shapes: samples ``[batch, 10]`` to the loss of each, ``[batch]``.
    """

    curvature: Tensor

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.randn(FEATURES, generator=generator))
        self.register_buffer("curvature", curvature().float())

    def forward(self, samples: Tensor) -> Tensor:
        away = self.theta - samples
        return ((away @ self.curvature) * away).sum(1) / 2
