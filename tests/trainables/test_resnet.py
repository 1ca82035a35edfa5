"""The residual network against the numbers of He et al."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables.names import InputError
from trainables.resnet import Block, CifarResNet


def seeded(seed: int = 0, **settings: Any) -> CifarResNet:
    return CifarResNet(torch.Generator().manual_seed(seed), **settings)


def count(model: nn.Module) -> int:
    return sum(weights.numel() for weights in model.parameters())


@pytest.mark.parametrize(
    ("depth", "parameters", "published"),
    [
        (3, 269_722, 0.27e6),
        (5, 464_154, 0.46e6),
        (7, 658_586, 0.66e6),
        (9, 853_018, 0.85e6),
        (18, 1_727_962, 1.7e6),
    ],
    ids=["ResNet-20", "ResNet-32", "ResNet-44", "ResNet-56", "ResNet-110"],
)
def test_it_has_the_published_parameters_and_layers(depth: int, parameters: int, published: float) -> None:
    """He et al. (2015), table 6, which rounds to two digits."""
    model = seeded(depth=depth)
    assert count(model) == parameters
    assert parameters == pytest.approx(published, rel=0.02)
    assert sum(isinstance(layer, (nn.Conv2d, nn.Linear)) for layer in model.modules()) == 6 * depth + 2


def test_its_maps_shrink_32_16_8_while_its_channels_grow_16_32_64() -> None:
    model = seeded()
    shapes: list[tuple[int, ...]] = []

    def note(layer: nn.Module, given: Any, returned: Tensor) -> None:
        shapes.append(tuple(returned.shape[1:]))

    for block in model.blocks:
        block.register_forward_hook(note)
    model(torch.rand(2, 3, 32, 32))
    assert shapes == [(16, 32, 32)] * 3 + [(32, 16, 16)] * 3 + [(64, 8, 8)] * 3


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 9, 7), (4, 1, 1)])
def test_it_takes_images_of_any_size(shape: tuple[int, ...]) -> None:
    model = seeded(shape=shape, classes=7, depth=1)
    assert model(torch.rand(3, *shape)).shape == (3, 7)


def test_the_shortcut_is_every_second_pixel_and_zeros_for_the_new_channels() -> None:
    block = Block(2, 5, 2, "relu", 0.01)
    with torch.no_grad():
        block.norm_2.weight.zero_()  # the residual is gone
    maps = torch.rand(3, 2, 6, 6)
    shortcut = block(maps)
    assert torch.equal(shortcut[:, :2], maps[:, :, ::2, ::2])
    assert shortcut[:, 2:].count_nonzero() == 0


def test_it_standardises_its_input() -> None:
    plain, standard = seeded(shape=(2, 8, 8)), seeded(shape=(2, 8, 8), mean=(0.25, 0.5), std=(0.5, 0.125))
    images = torch.rand(4, 2, 8, 8)
    away = (images - torch.tensor([0.25, 0.5]).reshape(1, 2, 1, 1)) / torch.tensor([0.5, 0.125]).reshape(
        1, 2, 1, 1
    )
    torch.testing.assert_close(standard(images), plain(away))
    assert count(plain) == count(standard)


def test_a_seed_names_the_weights_whatever_the_global_generator() -> None:
    torch.manual_seed(1)
    one = seeded(3)
    torch.manual_seed(2)
    same, other = seeded(3), seeded(4)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.conv.weight, other.conv.weight)


def test_gradients_reach_every_parameter() -> None:
    model = seeded()
    nn.functional.cross_entropy(model(torch.rand(4, 3, 32, 32)), torch.arange(4)).backward()
    assert all(
        weights.grad is not None and bool(weights.grad.count_nonzero()) for weights in model.parameters()
    )


def test_it_can_be_differentiated_twice() -> None:
    model = seeded(shape=(1, 8, 8), depth=1)
    loss = nn.functional.cross_entropy(model(torch.rand(4, 1, 8, 8)), torch.arange(4))
    weights = list(model.parameters())
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    product = torch.autograd.grad(sum((each.sum() for each in gradients), torch.zeros(())), weights)
    assert all(bool(each.isfinite().all()) for each in product)


@pytest.mark.parametrize(("width", "channels"), [(0.5, [8, 16, 32]), (1.3, [21, 42, 83])])
def test_width_scales_the_channels(width: float, channels: list[int]) -> None:
    model = seeded(width=width, depth=1)
    assert [block.conv_2.out_channels for block in model.blocks] == channels
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth": 0}, "depth must be a whole number of at least 1, got 0"),
        ({"depth": 2.5}, "depth must be a whole number of at least 1, got 2.5"),
        ({"width": -1}, "width must be above 0, got -1"),
        ({"activation": "tanh"}, "unknown activation 'tanh'"),
        ({"initialisation": "he_norml"}, "unknown initialisation 'he_norml'; did you mean 'he_normal'"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        seeded(**settings)
