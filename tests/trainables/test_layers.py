"""What every model lets a configuration choose."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from trainables.layers import INITIALISATIONS, activation, initialise, whole, widened
from trainables.names import InputError

VARIANCES = [  # of a weight, by its source; fan_in 30 * 9, fan_out 50 * 9
    ("glorot_uniform", 2 / (270 + 450)),
    ("glorot_normal", 2 / (270 + 450)),
    ("he_uniform", 2 / 270),
    ("he_normal", 2 / 270),
]


@pytest.mark.parametrize(("how", "variance"), VARIANCES)
def test_weights_have_the_published_variance_and_biases_are_zero(how: str, variance: float) -> None:
    layer = nn.Conv2d(30, 50, 3)
    initialise(layer, torch.Generator().manual_seed(0), how)
    n = layer.weight.numel()
    # The standard error of a variance is at most sqrt(2 / n) of it.
    assert layer.weight.var().item() == pytest.approx(variance, rel=5 * math.sqrt(2 / n))
    assert abs(layer.weight.mean()) < 5 * math.sqrt(variance / n)
    bounded = bool(layer.weight.abs().max() <= math.sqrt(3 * variance))
    assert bounded is how.endswith("uniform")
    assert layer.bias is not None
    assert layer.bias.count_nonzero() == 0


@pytest.mark.parametrize("how", INITIALISATIONS)
def test_the_generator_draws_every_weight(how: str) -> None:
    layers = [nn.Sequential(nn.Conv2d(2, 3, 3), nn.Linear(4, 5)) for _ in range(3)]
    for layer, seed in zip(layers, (0, 0, 1), strict=True):
        initialise(layer, torch.Generator().manual_seed(seed), how)
    one, same, other = (torch.cat([weights.flatten() for weights in layer.parameters()]) for layer in layers)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_activations_are_torchs_own() -> None:
    values = torch.linspace(-2, 2, 9)
    assert torch.equal(activation("relu", 0.3)(values), values.clamp(min=0))
    assert torch.equal(activation("leaky_relu", 0.3)(values), torch.where(values > 0, values, 0.3 * values))


@pytest.mark.parametrize("number", [0, -1, 1.5, 2.25])
def test_what_is_not_a_whole_number_is_refused(number: float) -> None:
    with pytest.raises(InputError, match=f"depth must be a whole number of at least 1, got {number}"):
        whole("depth", number, 1)


@pytest.mark.parametrize("width", [0.0, -1.0, math.inf, math.nan])
def test_a_width_that_is_none_is_refused(width: float) -> None:
    with pytest.raises(InputError, match="width must be above 0"):
        widened(16, width)
