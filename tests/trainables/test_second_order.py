"""The hyperalgorithm with second-order information against its equations, and as a torch optimizer."""

from __future__ import annotations

import copy
import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainables import transcription
from tests.trainables.test_hyperalgorithm import COMBINATIONS, MEMBERS, NUMBERS, SMALL, Problem, assert_same
from trainables.hyperalgorithm import Hyperalgorithm
from trainables.names import InputError

STEPS = 7


def probe(problem: Problem, i: int, t: int, every: int = 1) -> Tensor | None:
    """Curvature times a random vector of the step; None at the steps between."""
    if (t - 1) % every:
        return None
    return problem.curvature[i] * problem.noise[i][-t]


def minimise(optimizer: Any, problems: list[Problem], every: int = 1) -> list[Tensor]:
    """The parameters after the steps; several problems are a cohort, stacked."""

    def together(each: list[Tensor]) -> Tensor:
        return torch.stack(each) if len(problems) > 1 else each[0]

    count = len(problems[0].start)
    params = [
        nn.Parameter(together([problem.start[i].clone() for problem in problems])) for i in range(count)
    ]
    running = optimizer(params)
    for t in range(1, STEPS + 1):
        for i, param in enumerate(params):
            values = param.detach() if len(problems) > 1 else param.detach()[None]
            param.grad = together(
                [problem.gradient(i, theta, t) for problem, theta in zip(problems, values, strict=True)]
            )
        probes = [[probe(problem, i, t, every) for problem in problems] for i in range(count)]
        running.step(curvature=None if probes[0][0] is None else [together(each) for each in probes])
    return [param.detach() for param in params]


def transcribed(variant: dict[str, Any], problem: Problem, every: int = 1) -> list[Tensor]:
    reached = []
    for i, start in enumerate(problem.start):
        values = transcription.train(
            variant,
            lambda theta, t, i=i: problem.gradient(i, torch.from_numpy(theta), t).numpy(),
            start.numpy(),
            STEPS,
            lambda theta, t, i=i: None if (h := probe(problem, i, t, every)) is None else h.numpy(),
        )
        reached.append(torch.from_numpy(values))
    return reached


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, math.inf])
def test_every_second_order_combination_follows_the_equations(p: float, every: int) -> None:
    problem = Problem(11, steps=STEPS, shapes=SMALL)
    for combination in COMBINATIONS:
        variant = {**combination, **NUMBERS, "p": p, "order": "second"}
        assert_same(
            minimise(partial(Hyperalgorithm, **variant), [problem], every),
            transcribed(variant, problem, every),
            1e-12,
        )


@pytest.mark.slow
@pytest.mark.parametrize("momentum", ["none", "nag"])
def test_every_member_of_a_second_order_cohort_follows_the_equations(momentum: str) -> None:
    problems = [Problem(seed, steps=STEPS, shapes=SMALL) for seed in range(5)]
    numbers = {name: torch.tensor(each, dtype=torch.float64) for name, each in MEMBERS.items()}
    for combination in (
        each for each in COMBINATIONS if each["momentum"] == momentum and each["adaptive"] != "none"
    ):
        variant = {**combination, "period": 3, "order": "second"}
        cohort = minimise(partial(Hyperalgorithm, **variant, **numbers), problems, every=2)
        for k, problem in enumerate(problems):
            alone = {**variant, **{name: each[k] for name, each in MEMBERS.items()}}
            assert_same([param[k] for param in cohort], transcribed(alone, problem, every=2), 1e-12)


def stepped(param: nn.Parameter, optimizer: Hyperalgorithm, h: float | None) -> None:
    param.grad = param.detach().clone()
    optimizer.step(curvature=None if h is None else [torch.full_like(param, h)])


def test_the_schedule_of_nu_counts_the_updates_of_v() -> None:
    param = nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = Hyperalgorithm(
        [param], lr=1e-6, momentum="none", order="second", nu_schedule="true_mean", p=1.0
    )
    for h in (2.0, None, None, 4.0, None):
        stepped(param, optimizer, h)
    assert optimizer.state[param]["v"].item() == 3.0  # the mean of 2 and 4, whatever lies between
    assert optimizer.state[param]["step"] == 5


def test_a_restored_second_order_optimizer_continues_bit_identically() -> None:
    param, twin = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    optimizer = Hyperalgorithm([param], lr=0.1, order="second")
    for h in (2.0, None):
        stepped(param, optimizer, h)
    restored = Hyperalgorithm([twin], lr=1.0)
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    twin.data.copy_(param.data)
    for h in (None, 3.0, None):
        stepped(param, optimizer, h)
        stepped(twin, restored, h)
    assert torch.equal(param, twin)


@pytest.mark.parametrize("adaptive", ["mean", "sum"])
def test_second_order_without_any_curvature_is_refused_before_anything_moves(adaptive: str) -> None:
    param = nn.Parameter(torch.ones(2))
    optimizer = Hyperalgorithm([param], lr=0.1, order="second", adaptive=adaptive)
    with pytest.raises(InputError, match=r"order='second' needs step\(curvature=...\)"):
        stepped(param, optimizer, None)
    assert param.tolist() == [1, 1]
    assert not optimizer.state


@pytest.mark.parametrize(
    "h", [[], [torch.ones(2), torch.ones(2)], [torch.ones(3)]], ids=["none", "too many", "another shape"]
)
def test_a_curvature_that_does_not_fit_the_parameters_is_refused(h: list[Tensor]) -> None:
    param = nn.Parameter(torch.ones(2))
    param.grad = torch.ones(2)
    with pytest.raises(InputError, match="curvature needs one tensor for each parameter with a gradient"):
        Hyperalgorithm([param], lr=0.1, order="second").step(curvature=h)


def test_a_parameter_without_a_gradient_has_no_curvature_in_the_list() -> None:
    idle, busy = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = Hyperalgorithm([idle, busy], lr=0.1, momentum="none", order="second", epsilon=0.0)
    busy.grad = torch.ones(2)
    optimizer.step(curvature=[torch.full((2,), -4.0)])
    assert idle.tolist() == [1, 1]
    torch.testing.assert_close(busy.detach(), torch.full((2,), 1 - 0.1 / 4))


def test_without_a_denominator_second_order_needs_no_curvature() -> None:
    param = nn.Parameter(torch.ones(2))
    optimizer = Hyperalgorithm([param], lr=0.1, momentum="none", adaptive="none", order="second")
    assert not optimizer.second_order
    stepped(param, optimizer, None)
    torch.testing.assert_close(param.detach(), torch.full((2,), 0.9))
