"""The dense models."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from trainables.mlp import LogisticRegression, Mlp
from trainables.names import InputError


def seeded(seed: int = 0, **settings: Any) -> Mlp:
    return Mlp(torch.Generator().manual_seed(seed), **{"shape": (1, 4, 4), "classes": 3, **settings})


@pytest.mark.parametrize(
    ("depth", "width", "parameters"),
    [(0, 9, 16 * 3 + 3), (1, 5, 17 * 5 + 6 * 3), (3, 7, 17 * 7 + 2 * 8 * 7 + 8 * 3)],
)
def test_depth_counts_the_hidden_layers_and_width_their_units(
    depth: int, width: int, parameters: int
) -> None:
    model = seeded(depth=depth, width=width)
    assert sum(weights.numel() for weights in model.parameters()) == parameters
    assert model(torch.rand(5, 1, 4, 4)).shape == (5, 3)


def test_it_is_dense_layers_with_the_activation_between_them() -> None:
    model, inputs = seeded(depth=1, activation="leaky_relu", slope=0.2), torch.randn(5, 1, 4, 4)
    first, last = model.dense
    torch.testing.assert_close(model(inputs), last(nn.functional.leaky_relu(first(inputs.flatten(1)), 0.2)))


def test_a_seed_names_the_weights_and_gradients_reach_them() -> None:
    one, same, other = seeded(3), seeded(3), seeded(4)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.dense[0].weight, other.dense[0].weight)
    nn.functional.cross_entropy(one(torch.rand(6, 1, 4, 4)), torch.arange(6) % 3).backward()
    assert all(
        weights.grad is not None and bool(weights.grad.count_nonzero()) for weights in one.parameters()
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth": -1}, "depth must be a whole number of at least 0, got -1"),
        ({"width": 0}, "width must be a whole number of at least 1, got 0"),
        ({"activation": "gelu"}, "unknown activation 'gelu'"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        seeded(**settings)


@pytest.mark.parametrize(("classes", "outputs"), [(2, 1), (3, 3), (10, 10)])
def test_logistic_regression_begins_undecided(classes: int, outputs: int) -> None:
    scores = LogisticRegression(shape=(1, 4, 4), classes=classes)(torch.rand(5, 1, 4, 4))
    assert scores.shape == (5, outputs)
    assert scores.count_nonzero() == 0
    if classes > 2:
        assert nn.functional.cross_entropy(scores, torch.zeros(5, dtype=torch.int64)).item() == pytest.approx(
            math.log(classes)
        )
