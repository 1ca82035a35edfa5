"""The autoencoder against the paper's own totals."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables.models import ConvAutoencoder
from trainables.names import InputError


def seeded(seed: int) -> ConvAutoencoder:
    return ConvAutoencoder(torch.Generator().manual_seed(seed))


def test_it_has_the_papers_224177_parameters() -> None:
    assert sum(param.numel() for param in ConvAutoencoder().parameters()) == 224_177


def test_its_dense_layers_go_800_128_16_128_800() -> None:
    dense = [layer for layer in ConvAutoencoder().modules() if isinstance(layer, nn.Linear)]
    assert [dense[0].in_features, *(layer.out_features for layer in dense)] == [800, 128, 16, 128, 800]


def test_its_maps_have_the_papers_sizes() -> None:
    model = ConvAutoencoder()
    sizes: list[tuple[int, int]] = []

    def note(layer: nn.Module, given: tuple[Tensor, ...], returned: Tensor) -> None:
        sizes.append((given[0].shape[-1], returned.shape[-1]))

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(note)
    model(torch.zeros(1, 1, 28, 28))
    assert sizes == [(28, 26), (26, 24), (12, 10), (10, 12), (24, 26), (26, 28)]


@pytest.mark.parametrize("batch", [1, 3])
def test_it_returns_images_of_the_shape_it_was_given(batch: int) -> None:
    model, images = seeded(0), torch.rand(batch, 1, 28, 28)
    assert model.encode(images).shape == (batch, 16)
    assert model(images).shape == images.shape


def test_its_output_is_linear() -> None:
    model, images = seeded(0), torch.rand(2, 1, 28, 28)
    before = model(images)
    with torch.no_grad():
        model.decode_3.weight.mul_(-1)
    torch.testing.assert_close(model(images), -before)


def test_weights_are_glorot_uniform_and_biases_zero() -> None:
    for layer in seeded(0).modules():
        if not isinstance(layer, (nn.Conv2d, nn.Linear)):
            continue
        receptive = math.prod(layer.weight.shape[2:])
        bound = math.sqrt(6 / (receptive * (layer.weight.shape[0] + layer.weight.shape[1])))
        assert layer.weight.abs().max() <= bound
        n = layer.weight.numel()
        # A uniform mean of |w| is bound / 2 with a standard error of bound / sqrt(12 n).
        assert abs(layer.weight.abs().mean() - bound / 2) < 5 * bound / math.sqrt(12 * n)
        assert layer.bias.count_nonzero() == 0


def test_a_seed_names_the_weights() -> None:
    one, again, other = seeded(3), seeded(3), seeded(4)
    named = zip(one.named_parameters(), again.parameters(), other.parameters(), strict=True)
    for (name, a), b, c in named:
        assert torch.equal(a, b)
        assert name.endswith("bias") or not torch.equal(a, c)


def test_a_generator_of_its_own_leaves_the_global_one_alone() -> None:
    before = torch.get_rng_state()
    seeded(0)
    # torch's layers draw from the global generator when they are built; what counts is that the weights do
    # not.
    torch.manual_seed(99)
    one = seeded(3)
    torch.manual_seed(100)
    assert torch.equal(one.encode_1.weight, seeded(3).encode_1.weight)
    torch.set_rng_state(before)


def test_gradients_reach_every_parameter() -> None:
    model, images = seeded(0), torch.rand(4, 1, 28, 28)
    nn.functional.mse_loss(model(images), images).backward()
    assert all(param.grad is not None and bool(param.grad.count_nonzero()) for param in model.parameters())


def test_its_default_weights_are_those_of_all_results_so_far() -> None:
    """The digest was taken before the model had settings: results in a store stay comparable."""
    weights = b"".join(param.detach().numpy().tobytes() for param in seeded(3).parameters())
    assert hashlib.sha256(weights).hexdigest()[:16] == "d26bab5a9b7838e5"


@pytest.mark.parametrize(
    ("width", "few", "many", "hidden"), [(0.5, 8, 16, 64), (2.0, 32, 64, 256), (0.01, 1, 1, 1)]
)
def test_width_scales_every_layer_but_the_code(width: float, few: int, many: int, hidden: int) -> None:
    model = ConvAutoencoder(torch.Generator().manual_seed(0), width=width)
    assert [model.encode_1.out_channels, model.encode_3.out_channels, model.narrow_1.out_features] == [
        few,
        many,
        hidden,
    ]
    images = torch.rand(2, 1, 28, 28)
    assert model.encode(images).shape == (2, 16)
    assert model(images).shape == images.shape


def test_relu_is_leaky_relu_with_slope_0() -> None:
    relu = ConvAutoencoder(torch.Generator().manual_seed(0), activation="relu")
    leaky = ConvAutoencoder(torch.Generator().manual_seed(0), activation="leaky_relu", slope=0.0)
    images = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(relu(images), leaky(images), rtol=0, atol=0)
    assert not torch.equal(relu(images), seeded(0)(images))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"activation": "rellu"},
            r"unknown activation 'rellu'; did you mean 'relu'\? \(known: leaky_relu, relu\)",
        ),
        ({"initialisation": "he"}, "unknown initialisation 'he'"),
        ({"slope": math.nan}, "slope must be finite, got nan"),
        ({"width": 0.0}, "width must be above 0, got 0.0"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ConvAutoencoder(**settings)
