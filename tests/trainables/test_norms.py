"""Norms of any p, term by term and in the optimizer, of numbers whose powers leave the range of their
dtype."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.trainables import transcription
from trainables.curvature import curvature
from trainables.hyperalgorithm import Hyperalgorithm
from trainables.norms import add_in_norm_

EXPONENTS = [1.0, 1.5, 2.0, 3.0, 10.0, 100.0, math.inf]


@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("scale", [1e-30, 1e-5, 1.0, 1e30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("each_its_own", [False, True], ids=["one p", "a p for each"])
def test_it_is_the_vector_norm_of_the_terms_at_any_scale(
    p: float, scale: float, dtype: torch.dtype, each_its_own: bool
) -> None:
    terms = torch.rand(5, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.1
    total = [torch.zeros(3, 4, dtype=dtype)]
    for term in terms:
        add_in_norm_(
            total, [(term * scale).to(dtype)], [torch.full((3, 1), p, dtype=dtype)] if each_its_own else p
        )
    expected = scale * torch.linalg.vector_norm(terms, p, dim=0)
    # Five additions, of a handful of rounded operations each.
    torch.testing.assert_close(total[0].double(), expected, rtol=5 * 8 * torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("p", EXPONENTS)
def test_zeros_infinities_and_nans_are_those_of_the_norm(p: float) -> None:
    total = [torch.tensor([0.0, 0.0, 2.0, math.inf, 1.0, math.inf, math.nan, 1.0])]
    add_in_norm_(total, [torch.tensor([0.0, 3.0, 0.0, 1.0, math.inf, math.inf, 1.0, math.nan])], p)
    torch.testing.assert_close(
        total[0], torch.tensor([0.0, 3.0, 2.0, *[math.inf] * 3, *[math.nan] * 2]), equal_nan=True
    )


# --- in the optimizer

DTYPES = [pytest.param(torch.float32, 1e-5, id="float32"), pytest.param(torch.float64, 1e-60, id="float64")]
PLAIN: dict[str, Any] = {"lr": 0.1, "momentum": "none", "epsilon": 0.0}
STEPS = 12


def stepped(gradients: Tensor, **settings: Any) -> Tensor:
    """Where steps along these gradients lead from 0."""
    param = nn.Parameter(torch.zeros_like(gradients[0]))
    optimizer = Hyperalgorithm([param], **settings)
    for gradient in gradients:
        param.grad = gradient
        optimizer.step()
    return param.detach()


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, 10.0, 1000.0, math.inf])
@pytest.mark.parametrize("as_a_tensor", [False, True], ids=["number", "tensor"])
def test_the_first_step_is_as_long_as_the_learning_rate_whatever_p(p: float, as_a_tensor: bool) -> None:
    gradients = torch.tensor([[[1e-5, -1e-3], [1.0, 1e4]]])
    moved = stepped(gradients, lr=0.1, momentum="none", p=torch.tensor([p, p]) if as_a_tensor else p)
    # epsilon's 1e-8 is a thousandth of the smallest gradient.
    torch.testing.assert_close(moved, torch.tensor([[-0.1, 0.1], [-0.1, -0.1]]), rtol=1.1e-3, atol=0)


@pytest.mark.parametrize("p", [1.5, 3.0, 10.0, 40.0])
@pytest.mark.parametrize("adaptive", ["mean", "sum"])
@pytest.mark.parametrize("schedule", ["constant", "bias_corrected", "true_mean", "handcrafted"])
@pytest.mark.parametrize(("dtype", "scale"), DTYPES)
@pytest.mark.parametrize("as_a_tensor", [False, True], ids=["number", "tensor"])
def test_small_gradients_lead_where_large_ones_do(
    p: float, adaptive: str, schedule: str, dtype: torch.dtype, scale: float, as_a_tensor: bool
) -> None:
    """Without epsilon the gradient's scale does not matter, and the equations can be followed at a scale
    where no power underflows."""
    generator = torch.Generator().manual_seed(1)
    gradients = (torch.rand((STEPS, 2, 5), generator=generator, dtype=torch.float64) + 0.5) * torch.tensor(
        [[1.0], [-1.0]]
    )
    settings = {**PLAIN, "p": p, "nu": 0.9, "adaptive": adaptive, "nu_schedule": schedule, "period": 4}
    every = {**transcription_defaults(), **settings}
    expected = transcription.train(every, lambda _, t: gradients[t - 1].numpy(), np.zeros((2, 5)), STEPS)
    chosen = {
        **settings,
        **(
            {"p": torch.tensor([p, p]), "nu": torch.tensor([0.9, 0.9], dtype=torch.float64)}
            if as_a_tensor
            else {}
        ),
    }
    moved = stepped((gradients * scale).to(dtype), **chosen)
    # Every step rounds r, which the next ones inherit, and theta: 4 roundings each time at most.
    torch.testing.assert_close(
        moved.double(), torch.from_numpy(expected), rtol=4 * STEPS * torch.finfo(dtype).eps, atol=0
    )


def transcription_defaults() -> dict[str, Any]:
    return {
        "mu": 0.0,
        "mu_schedule": "constant",
        "momentum_gradient": "unscaled",
        "momentum_accumulation": "mean",
    }


@pytest.mark.parametrize("p", [10.0, torch.tensor([10.0, 40.0])], ids=["number", "tensor"])
def test_a_gradient_far_below_a_forgotten_one_counts(p: Any) -> None:
    gradients = torch.tensor([1.0, 1e-6]).reshape(2, 1, 1).expand(2, 2, 3)
    torch.testing.assert_close(
        stepped(gradients, **PLAIN, p=p, nu=0.0, nu_schedule="constant"), torch.full((2, 3), -0.2)
    )


def test_a_gradient_of_zero_moves_nothing_and_an_infinite_curvature_stops() -> None:
    assert stepped(torch.zeros(3, 4), lr=0.1, p=3.0).tolist() == [0] * 4
    param = nn.Parameter(torch.ones(2))
    optimizer = Hyperalgorithm([param], lr=0.1, p=3.0, order="second", momentum="none")
    for h in (math.inf, 1.0):
        param.grad = torch.ones(2)
        optimizer.step(curvature=[torch.full((2,), h)])
    assert param.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("p", "name", "value"),
    [
        (1, "v", 4.0),
        (2.0, "v", 16.0),
        (math.inf, "v", 4.0),
        (3.0, "root", 4.0),
        (torch.tensor([1.0, 2.0, 3.0, math.inf]), "root", 4.0),
    ],
    ids=["1", "2", "inf", "3", "a tensor"],
)
def test_the_state_holds_v_or_where_it_could_underflow_its_root(p: Any, name: str, value: float) -> None:
    param, twin = nn.Parameter(torch.zeros(4)), nn.Parameter(torch.zeros(4))
    optimizer, restored = Hyperalgorithm([param], lr=0.1, p=p), Hyperalgorithm([twin], lr=0.1)
    param.grad = torch.full((4,), -4.0)
    optimizer.step()
    assert set(optimizer.state[param]) == {"step", "m", name}
    assert optimizer.state[param][name].tolist() == [value] * 4
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    twin.data.copy_(param.data)
    for each, running in ((param, optimizer), (twin, restored)):
        each.grad = torch.full((4,), -1.0)
        running.step()
    assert torch.equal(param, twin)


@pytest.mark.parametrize("p", [3.0, 10.0, 100.0, math.inf])
def test_the_curvature_of_several_samples_is_their_norm_however_small(p: float) -> None:
    theta = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    found = [
        curvature(theta.pow(3).sum() * scale, [theta], torch.Generator().manual_seed(3), samples=3, p=p)
        for scale in (1.0, 1e-6)
    ]
    torch.testing.assert_close(found[1].h[0], found[0].h[0] * 1e-6, rtol=20 * 2**-23, atol=0)
