"""Dense models: the multilayer perceptron, of which logistic regression is the one without hidden layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from trainables import layers
from trainables.layers import initialise, whole


class Mlp(nn.Module):
    """Dense layers with a nonlinearity between them, on flattened inputs.

    Args:
        generator: draws the weights; biases are zero.
        shape: of one input, without the batch.
        classes: how many numbers come out.
        width: units of each hidden layer.
        depth: hidden layers; 0 leaves a linear model.
        activation: see :mod:`trainables.layers`.
        slope: see :mod:`trainables.layers`.
        initialisation: see :mod:`trainables.layers`.

    Shapes: ``[batch, *shape]`` to ``[batch, classes]``.

    Speed: 127,000 images/s of 28 x 28 pixels (forward, backward, batch of 128, one core of an x86 server,
        torch 2.14).

    Raises:
        InputError: for a setting out of range.

    >>> sum(weights.numel() for weights in Mlp(shape=(1, 28, 28), classes=10).parameters())
    118282
    """

    def __init__(
        self,
        generator: torch.Generator | None = None,
        *,
        shape: Sequence[int],
        classes: int,
        width: int = 128,
        depth: int = 2,
        activation: str = "relu",
        slope: float = 0.01,
        initialisation: str = "he_normal",
    ) -> None:
        super().__init__()
        units = [math.prod(shape), *[whole("width", width, 1)] * whole("depth", depth, 0), classes]
        self.active = layers.activation(activation, slope)
        self.dense = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(units))
        initialise(self, generator, initialisation)

    def forward(self, inputs: Tensor) -> Tensor:
        values = inputs.flatten(1)
        for position, layer in enumerate(self.dense):
            values = layer(self.active(values) if position else values)
        return values


class LogisticRegression(nn.Module):
    """A linear model of the classes' log-odds: one number for two classes, one per class for more.

    Weights and biases begin at zero, as is usual for a convex problem, so the initial loss is exactly the
    logarithm of the number of classes, and a seed names the order of the data only.

    Args:
        generator: draws nothing.
        shape: of one input, without the batch.
        classes: how many.

    Shapes: ``[batch, *shape]`` to ``[batch, classes]``, or ``[batch, 1]`` for two classes.
    """

    def __init__(
        self, generator: torch.Generator | None = None, *, shape: Sequence[int], classes: int
    ) -> None:
        super().__init__()
        self.dense = nn.Linear(math.prod(shape), 1 if classes == 2 else classes)
        nn.init.zeros_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        scores: Tensor = self.dense(inputs.flatten(1))
        return scores
