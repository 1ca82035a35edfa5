"""Settings that models share: activation, initialisation of the weights, width and depth."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import torch
from torch import nn

from trainables.names import InputError, unknown

ACTIVATIONS = ("leaky_relu", "relu")
INITIALISATIONS: dict[str, Callable[..., object]] = {
    "glorot_uniform": nn.init.xavier_uniform_,
    "glorot_normal": nn.init.xavier_normal_,
    "he_uniform": lambda weight, generator: nn.init.kaiming_uniform_(
        weight, nonlinearity="relu", generator=generator
    ),
    "he_normal": lambda weight, generator: nn.init.kaiming_normal_(
        weight, nonlinearity="relu", generator=generator
    ),
}
"""Variance of a weight: 2 / (fan_in + fan_out) for Glorot's (Glorot & Bengio, 2010), 2 / fan_in for He's (He
et al., 2015, section 2.2)."""


def activation(name: str, slope: float = 0.01) -> nn.Module:
    """Return the nonlinearity between layers.

    Args:
        name: one of :data:`ACTIVATIONS`.
        slope: of ``leaky_relu`` below zero; ``relu`` ignores it.

    Raises:
        InputError: for a value out of range.

    >>> activation("leaky_relu", 0.5)(torch.tensor([-1.0, 2.0]))
    tensor([-0.5000,  2.0000])
    """
    if name not in ACTIVATIONS:
        raise unknown("activation", name, ACTIVATIONS)
    if not math.isfinite(slope):
        raise InputError(f"slope must be finite, got {slope!r}")
    return nn.ReLU() if name == "relu" else nn.LeakyReLU(slope)


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator | None, how: str = "glorot_uniform") -> None:
    """Draw the weights of every convolution and dense layer, in their order; biases are zero.

    Args:
        generator: draws them; the global one where None.
        how: a name of :data:`INITIALISATIONS`.

    Raises:
        InputError: with the nearest name.
    """
    if how not in INITIALISATIONS:
        raise unknown("initialisation", how, INITIALISATIONS)
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            INITIALISATIONS[how](layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def widened(units: int, width: float) -> int:
    """Return the channels or units of a layer scaled by the factor ``width``, at least 1.

    >>> widened(16, 1.0), widened(16, 0.5), widened(16, 0.01)
    (16, 8, 1)
    """
    if not (math.isfinite(width) and width > 0):
        raise InputError(f"width must be above 0, got {width!r}")
    return max(1, round(units * width))


def whole(name: str, number: float, low: int) -> int:
    """Return a whole number of at least ``low``, also from a float that is whole.

    >>> whole("depth", 3.0, 1)
    3
    """
    if float(number) != int(number) or number < low:
        raise InputError(f"{name} must be a whole number of at least {low}, got {number!r}")
    return operator.index(int(number))
