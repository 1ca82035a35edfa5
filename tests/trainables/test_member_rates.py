"""PyTorch's schedulers on a cohort: every member's learning rate is what its own scheduler would have set."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler

from trainables.hyperalgorithm import Hyperalgorithm
from trainables.member_rates import MemberRates
from trainables.names import InputError

RATES = (0.1, 0.02, 0.5)
STEPS = 7


def halved(step: int) -> float:
    return 0.5**step


def one_after_another(optimizer: torch.optim.Optimizer) -> lr_scheduler.SequentialLR:
    parts = [lr_scheduler.ConstantLR(optimizer, 0.25, 2), lr_scheduler.ExponentialLR(optimizer, 0.8)]
    return lr_scheduler.SequentialLR(optimizer, parts, milestones=[3])


SCHEDULERS = [
    pytest.param(partial(lr_scheduler.StepLR, step_size=2, gamma=0.5), id="StepLR"),
    pytest.param(partial(lr_scheduler.MultiStepLR, milestones=[2, 4]), id="MultiStepLR"),
    pytest.param(partial(lr_scheduler.ExponentialLR, gamma=0.9), id="ExponentialLR"),
    pytest.param(partial(lr_scheduler.CosineAnnealingLR, T_max=STEPS, eta_min=1e-3), id="CosineAnnealingLR"),
    pytest.param(partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=3), id="CosineAnnealingWarmRestarts"),
    pytest.param(partial(lr_scheduler.LambdaLR, lr_lambda=halved), id="LambdaLR"),
    pytest.param(partial(lr_scheduler.MultiplicativeLR, lr_lambda=halved), id="MultiplicativeLR"),
    pytest.param(partial(lr_scheduler.LinearLR, total_iters=4), id="LinearLR"),
    pytest.param(partial(lr_scheduler.PolynomialLR, total_iters=4, power=2.0), id="PolynomialLR"),
    pytest.param(one_after_another, id="SequentialLR"),
    pytest.param(
        partial(lr_scheduler.OneCycleLR, max_lr=0.3, total_steps=20, cycle_momentum=False), id="OneCycleLR"
    ),
    pytest.param(
        partial(lr_scheduler.CyclicLR, base_lr=0.1, max_lr=0.3, step_size_up=3, cycle_momentum=False),
        id="CyclicLR",
    ),
]


def trained(lr: Any, schedule: Callable[..., Any], **kind: Any) -> tuple[Tensor, Tensor]:
    """The parameters, and the learning rates of every step."""
    members = len(lr) if isinstance(lr, Tensor) else 1
    param = nn.Parameter(torch.ones(members, 2, dtype=torch.float64))
    optimizer = Hyperalgorithm([param], lr=lr, **kind)
    scheduler, rates = schedule(optimizer), []
    for _ in range(STEPS):
        param.grad = param.detach() * 3
        optimizer.step()
        scheduler.step()
        rates.append(
            torch.as_tensor(optimizer.param_groups[0]["lr"], dtype=torch.float64).reshape(-1).clone()
        )
    return param.detach(), torch.stack(rates)


@pytest.mark.parametrize("schedule", SCHEDULERS)
@pytest.mark.parametrize("kind", [{}, {"momentum": "nag", "p": 3.0}], ids=["adam", "nag, p 3"])
def test_a_scheduler_drives_every_member_as_it_drives_it_alone(
    schedule: Callable[..., Any], kind: dict[str, Any]
) -> None:
    lr = torch.tensor(RATES, dtype=torch.float64)
    params, rates = trained(lr, schedule, **kind)
    alone = [trained(rate, schedule, **kind) for rate in RATES]
    torch.testing.assert_close(params, torch.cat([each for each, _ in alone]), rtol=1e-12, atol=0)
    torch.testing.assert_close(rates, torch.cat([each for _, each in alone], dim=1), rtol=1e-12, atol=0)
    assert lr.tolist() == list(RATES)  # the caller's own tensor stays


def test_every_group_has_rates_of_its_own() -> None:
    params = [nn.Parameter(torch.ones(2, 3)) for _ in range(2)]
    optimizer = Hyperalgorithm([{"params": [each]} for each in params], lr=torch.tensor([0.1, 0.2]))
    lr_scheduler.LambdaLR(optimizer, [lambda step: 1.0, lambda step: 0.5])
    torch.testing.assert_close(
        torch.stack([group["lr"] for group in optimizer.param_groups]),
        torch.tensor([[0.1, 0.2], [0.05, 0.1]]),
    )


def test_rates_that_came_as_integers_can_be_halved() -> None:
    optimizer = Hyperalgorithm([nn.Parameter(torch.ones(2, 3))], lr=torch.tensor([1, 2]))
    lr_scheduler.LambdaLR(optimizer, lambda step: 0.5)
    assert optimizer.param_groups[0]["lr"].tolist() == [0.5, 1.0]


def test_a_scheduler_that_follows_one_loss_is_refused() -> None:
    optimizer = Hyperalgorithm([nn.Parameter(torch.ones(2, 3))], lr=torch.tensor([0.1, 0.2]))
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    scheduler.step(1.0)
    with pytest.raises(InputError, match="ReduceLROnPlateau does, cannot drive the 2 of a cohort"):
        scheduler.step(2.0)


def through_a_file(optimizer: Hyperalgorithm, path: Any) -> Hyperalgorithm:
    torch.save(optimizer.state_dict(), path)
    restored = Hyperalgorithm([nn.Parameter(torch.ones(2, 3))], lr=torch.tensor([1.0, 1.0]))
    restored.load_state_dict(torch.load(path))
    return restored


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(lambda optimizer, path: copy.deepcopy(optimizer), id="deepcopy"),
        pytest.param(lambda optimizer, path: pickle.loads(pickle.dumps(optimizer)), id="pickle"),
        pytest.param(through_a_file, id="through a file"),
    ],
)
def test_a_copy_can_be_driven_and_is_its_own(copied: Callable[..., Hyperalgorithm], tmp_path: Any) -> None:
    optimizer = Hyperalgorithm([nn.Parameter(torch.ones(2, 3))], lr=torch.tensor([0.1, 0.2]))
    other = copied(optimizer, tmp_path / "state.pt")
    lr_scheduler.LambdaLR(other, lambda step: 0.5)
    assert other.param_groups[0]["lr"].tolist() == pytest.approx([0.05, 0.1])
    assert optimizer.param_groups[0]["lr"].tolist() == pytest.approx([0.1, 0.2])


def test_what_is_computed_from_rates_is_a_plain_tensor() -> None:
    rates = Hyperalgorithm([nn.Parameter(torch.ones(2, 3))], lr=torch.tensor([0.1, 0.2])).param_groups[0][
        "lr"
    ]
    assert type(rates) is MemberRates
    assert {type(each) for each in (rates * 2, 1 - rates, rates.clone(), rates.reshape(2, 1), rates[:1])} == {
        Tensor
    }
