"""Hessian-vector products against explicit Hessians, and what is said of models that have none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables.curvature import curvature
from trainables.datasets import digits
from trainables.models import ConvAutoencoder
from trainables.names import InputError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(params: list[Tensor], source: torch.Generator) -> Tensor:
    """One u, as the product draws it."""
    return torch.randn(sum(each.numel() for each in params), generator=source, dtype=params[0].dtype)


def hessian(loss: Callable[[Tensor], Tensor], model: nn.Module) -> Tensor:
    """The explicit Hessian of a loss of the model's outputs, all parameters in one row."""
    params = dict(model.named_parameters())
    x = torch.randn(6, 2, generator=generator(1), dtype=torch.float64)

    def at(vector: Tensor) -> Tensor:
        pieces = vector.split([each.numel() for each in params.values()])
        named = {
            name: piece.view(each.shape) for (name, each), piece in zip(params.items(), pieces, strict=True)
        }
        return loss(torch.func.functional_call(model, named, (x,)))

    found: Tensor = torch.autograd.functional.hessian(
        at, nn.utils.parameters_to_vector(model.parameters()).detach()
    )
    return found


NETWORKS = [
    pytest.param(lambda: nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3)), id="tanh"),
    pytest.param(
        lambda: nn.Sequential(nn.Linear(2, 5), nn.LeakyReLU(0.1), nn.Linear(5, 3), nn.Sigmoid()),
        id="leaky ReLU",
    ),
    pytest.param(
        lambda: nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1)),
        id="batch norm in training",
    ),
]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_product_is_the_explicit_hessian_times_u(network: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    model = network().double()
    params = list(model.parameters())

    def loss(outputs: Tensor) -> Tensor:
        return (outputs - 0.3).pow(4).mean()

    x = torch.randn(6, 2, generator=generator(1), dtype=torch.float64)
    found = curvature(loss(model(x)), params, generator(7))
    explicit = hessian(loss, model) @ drawn(params, generator(7))
    torch.testing.assert_close(
        torch.cat([each.reshape(-1) for each in found.h]), explicit, rtol=1e-8, atol=1e-8
    )
    assert found.fell_back == 0
    for one, other in zip(found.gradient, torch.autograd.grad(loss(model(x)), params), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("p", "samples"), [(1.0, 3), (2.0, 4), (3.0, 2), (math.inf, 3)])
def test_several_samples_average_what_the_hyperalgorithm_accumulates(p: float, samples: int) -> None:
    theta = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    found = curvature(theta.pow(3).sum(), [theta], generator(3), samples=samples, p=p)
    source = generator(3)
    products = torch.stack([6 * theta.detach() * drawn([theta], source) for _ in range(samples)]).abs()
    expected = products.amax(0) if math.isinf(p) else products.pow(p).mean(0).pow(1 / p)
    torch.testing.assert_close(found.h[0], expected, rtol=1e-12, atol=0)


def test_no_element_falls_back_on_max_pooling() -> None:
    model = ConvAutoencoder(generator())
    images = digits().x_train[:8]
    found = curvature(nn.functional.mse_loss(model(images), images), list(model.parameters()), generator())
    assert found.fell_back == 0
    assert all(bool(each.isfinite().all()) and bool((each != 0).any()) for each in found.h)


def test_elements_that_are_not_finite_are_the_gradient_and_are_counted() -> None:
    theta = torch.tensor([0.0, 4.0, 1.0, 0.0], requires_grad=True)
    # The second derivative of |theta|^1.5 is infinite at 0, where the first is 0.
    found = curvature(theta.abs().pow(1.5).sum() + theta.sum(), [theta], generator(), samples=1)
    assert found.fell_back == 0.5
    assert found.h[0][[0, 3]].tolist() == found.gradient[0][[0, 3]].tolist() == [1.0, 1.0]
    assert bool(found.h[0].isfinite().all())


def test_a_gradient_that_depends_on_nothing_has_no_curvature() -> None:
    linear, bent, idle = (torch.ones(2, requires_grad=True) for _ in range(3))
    found = curvature(linear.sum() + bent.square().sum(), [linear, bent, idle], generator())
    assert found.h[0].tolist() == [0.0, 0.0]
    assert found.h[1].tolist() != [0.0, 0.0]
    assert found.h[2] is found.gradient[2] is None  # as backward leaves a parameter that takes no part
    alone = curvature(linear.sum(), [linear], generator())
    assert alone.h[0].tolist() == [0.0, 0.0]


def test_the_same_generator_gives_the_same_curvature_to_the_bit() -> None:
    theta = torch.ones(5, requires_grad=True)
    one, other, third = (curvature(theta.pow(4).sum(), [theta], generator(seed)).h[0] for seed in (0, 0, 1))
    assert torch.equal(one, other)
    assert not torch.equal(one, third)


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return slope * x.cos()


def attention(theta: Tensor) -> Tensor:
    query = theta.reshape(1, 1, 4, 2)
    return nn.functional.scaled_dot_product_attention(query, query, query).square().sum()


@pytest.mark.parametrize(
    ("loss", "operation"),
    [
        pytest.param(
            lambda theta: Once.apply(theta).square().sum(),
            "Once is once_differentiable",
            id="a function of the user's",
        ),
        pytest.param(
            lambda theta: Once.apply(theta).sum(),
            "Once is once_differentiable",
            id="where torch would say zero",
        ),
        pytest.param(attention, "scaled_dot_product.* cannot: derivative for", id="fused attention"),
    ],
)
def test_a_model_that_cannot_be_differentiated_twice_is_refused_by_its_operation(
    loss: Any, operation: str
) -> None:
    theta = torch.linspace(0.1, 1, 8).requires_grad_()
    with pytest.raises(
        InputError, match=f"order='second' needs a model that can be differentiated twice, and .*{operation}"
    ):
        curvature(loss(theta), [theta], generator())


def test_an_error_of_another_kind_stays_what_it_is() -> None:
    theta = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="scalar"):
        curvature(theta.square(), [theta], generator())


@pytest.mark.parametrize("samples", [0, -1, 1.5, True])
def test_a_bad_number_of_samples_is_refused(samples: Any) -> None:
    theta = torch.ones(2, requires_grad=True)
    with pytest.raises(
        InputError, match=f"curvature_samples must be an integer of at least 1, got {samples!r}"
    ):
        curvature(theta.square().sum(), [theta], samples=samples)
