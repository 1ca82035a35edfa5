"""What the hyperalgorithm's settings may be, also in a group, from NumPy, and after somebody wrote to
them."""

from __future__ import annotations

import copy
import fractions
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from trainables.hyperalgorithm import Hyperalgorithm
from trainables.hyperalgorithm_settings import NUMBERS, SETTINGS
from trainables.names import InputError


def weight(dtype: torch.dtype = torch.float32) -> nn.Parameter:
    param = nn.Parameter(torch.ones(2, dtype=dtype))
    param.grad = torch.ones(2, dtype=dtype)
    return param


# --- groups that are written to

WRITTEN = [  # name, value, message
    ("momentum", "foo", "unknown momentum 'foo'"),
    ("momentum", "Nag", "unknown momentum 'Nag'; did you mean 'nag'?"),
    (
        "momentum",
        0.95,
        "momentum must be one of none, cm, nag, and mu its number, got 0.95; OneCycleLR and CyclicLR .* "
        "cycle_momentum=False",
    ),
    ("momentum_gradient", "scale", "unknown momentum_gradient 'scale'; did you mean 'scaled'?"),
    ("momentum_accumulation", None, "unknown momentum_accumulation None"),
    ("adaptive", "average", "unknown adaptive 'average'"),
    ("order", 2, "unknown order 2"),
    ("mu_schedule", "true-mean", "unknown mu_schedule 'true-mean'; did you mean 'true_mean'?"),
    ("nu_schedule", "constnat", "unknown nu_schedule 'constnat'; did you mean 'constant'?"),
    ("maximize", "yes", "maximize must be True or False, got 'yes'"),
    ("cautious", 1, "cautious must be True or False, got 1"),
    ("sign", "yes", "sign must be True or False, got 'yes'"),
    (
        "sign",
        True,
        "sign must be False unless adaptive='none', since a norm does not change a sign, got True with "
        "adaptive='mean'",
    ),
]


@pytest.mark.parametrize(("name", "value", "message"), WRITTEN)
def test_a_choice_written_into_a_group_is_refused_before_anything_moves(
    name: str, value: Any, message: str
) -> None:
    first, second = weight(), weight()
    optimizer = Hyperalgorithm([{"params": [first]}, {"params": [second]}], lr=0.1)
    optimizer.param_groups[1][name] = value
    with pytest.raises(InputError, match=message):
        optimizer.step()
    assert first.tolist() == second.tolist() == [1, 1]
    assert not optimizer.state


@pytest.mark.parametrize("momentum", ["none", "cm", "nag"])
def test_a_known_choice_written_into_a_group_is_followed(momentum: str) -> None:
    param, other = weight(), weight()
    written, made = Hyperalgorithm([param], lr=0.1), Hyperalgorithm([other], lr=0.1, momentum=momentum)
    written.param_groups[0]["momentum"] = momentum
    for optimizer in (written, made):
        for _ in range(3):
            optimizer.step()
    assert torch.equal(param, other)


CYCLES = [
    pytest.param(lr_scheduler.OneCycleLR, {"max_lr": 0.3, "total_steps": 10}, id="OneCycleLR"),
    pytest.param(lr_scheduler.CyclicLR, {"base_lr": 0.1, "max_lr": 0.3}, id="CyclicLR"),
]


@pytest.mark.parametrize(("scheduler", "arguments"), CYCLES)
def test_a_cycle_of_momentum_is_refused_and_one_of_lr_alone_is_not(
    scheduler: Any, arguments: dict[str, Any]
) -> None:
    optimizer = Hyperalgorithm([weight()], lr=0.1)
    scheduler(optimizer, **arguments)
    with pytest.raises(InputError, match="cycle_momentum=False"):
        optimizer.step()
    optimizer = Hyperalgorithm([weight()], lr=0.1)
    running = scheduler(optimizer, **arguments, cycle_momentum=False)
    for _ in range(3):
        optimizer.step()
        running.step()
    restored = Hyperalgorithm([weight()], lr=1.0)
    restored.load_state_dict(
        copy.deepcopy(optimizer.state_dict())
    )  # with what the scheduler added to the group
    restored.step()
    assert restored.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"] != 0.1


# --- names in a group


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weight_decay", "unknown setting of a parameter group 'weight_decay'"),
        ("epsilom", "unknown setting of a parameter group 'epsilom'; did you mean 'epsilon'?"),
        ("betas", "unknown setting of a parameter group 'betas'"),
    ],
)
def test_an_unknown_setting_of_a_group_is_refused_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Hyperalgorithm([{"params": [weight()], name: 0.1}], lr=0.1)
    assert str(caught.value) == f"{message} (known: {', '.join(SETTINGS)})"
    optimizer = Hyperalgorithm([weight()], lr=0.1)
    with pytest.raises(InputError, match=message):
        optimizer.add_param_group({"params": [weight()], name: 0.1})
    assert len(optimizer.param_groups) == 1


def test_what_pytorch_keeps_in_a_group_is_welcome() -> None:
    model = nn.Linear(2, 1)
    assert Hyperalgorithm(model.named_parameters(), lr=0.1).param_groups[0]["param_names"] == [
        "weight",
        "bias",
    ]
    first = Hyperalgorithm([weight()], lr=0.1)
    scheduler = lr_scheduler.StepLR(first, 1)
    first.step()
    scheduler.step()
    again = Hyperalgorithm([{**first.param_groups[0], "params": [weight()]}], lr=0.1)  # with its initial_lr
    assert lr_scheduler.StepLR(again, 1, last_epoch=1).get_last_lr() == pytest.approx([0.001])


def test_every_argument_is_a_setting_of_a_group() -> None:
    optimizer = Hyperalgorithm([weight()], lr=0.1)
    assert set(SETTINGS) == set(optimizer.defaults)
    optimizer.add_param_group({"params": [weight()], **{name: optimizer.defaults[name] for name in SETTINGS}})


# --- numbers of other kinds

NUMPYS = {"lr": 0.1, "mu": 0.5, "nu": 0.75, "p": 2, "epsilon": 0.125, "slow_mu": 0.5, "slow_weight": 0.25}


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, fractions.Fraction])
@pytest.mark.parametrize("in_a_group", [False, True], ids=["argument", "group"])
def test_a_real_number_of_any_type_is_that_number(kind: Any, in_a_group: bool, tmp_path: Any) -> None:
    numbers = {name: kind(value) for name, value in NUMPYS.items()}
    param, other = weight(), weight()
    optimizer = (
        Hyperalgorithm([{"params": [param], **numbers}], lr=0.1)
        if in_a_group
        else Hyperalgorithm([param], **numbers)
    )
    reference = Hyperalgorithm([other], **{name: float(value) for name, value in numbers.items()})
    for each in (optimizer, reference):
        each.step()
    assert torch.equal(param, other)
    assert {type(optimizer.param_groups[0][name]) for name in NUMBERS} == {float}
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    reference.load_state_dict(torch.load(tmp_path / "state.pt"))  # takes no objects of NumPy's back


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
def test_an_integer_of_any_type_is_that_integer(kind: Any) -> None:
    group = Hyperalgorithm([weight()], lr=kind(1), p=kind(2), period=kind(3)).param_groups[0]
    assert [(type(group[name]), group[name]) for name in ("lr", "p", "period")] == [
        (int, 1),
        (int, 2),
        (int, 3),
    ]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lr", np.array([0.1]), r"lr must be above 0 and finite, got array\(\[0.1\]\) of type ndarray"),
        ("lr", np.float32(-1), "lr must be above 0 and finite, got -1.0"),
        ("mu", 0.5j, "mu must be in .* of type complex"),
        ("nu", "0.9", "nu must be in .* got '0.9' of type str"),
        ("period", np.float64(2), "period must be an integer of at least 1, got"),
        ("period", np.int64(0), "period must be an integer of at least 1, got 0"),
    ],
)
def test_what_is_no_number_is_refused_by_its_type(name: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Hyperalgorithm([weight()], **{"lr": 0.1, name: value})


# --- epsilon in the parameters' dtype


@pytest.mark.parametrize(
    "epsilon", [1e-8, 2.9e-8, torch.tensor([1e-3, 1e-8])], ids=["default", "rounds to 0", "one member's"]
)
def test_an_epsilon_that_is_zero_in_the_dtype_is_refused(epsilon: Any) -> None:
    with pytest.raises(
        InputError,
        match=r"epsilon must be at least 6e-08 \(or 0\) for torch.float16, which rounds it to 0, got",
    ):
        Hyperalgorithm([weight(torch.float16)], lr=0.1, epsilon=epsilon)


@pytest.mark.parametrize(
    ("dtype", "settings"),
    [
        (torch.float16, {"epsilon": 6e-8}),
        (torch.float16, {"epsilon": 0}),
        (torch.float16, {"adaptive": "none"}),
        (torch.bfloat16, {}),
        (torch.float32, {}),
    ],
)
def test_an_epsilon_that_is_something_or_meant_as_nothing_is_welcome(
    dtype: torch.dtype, settings: dict[str, Any]
) -> None:
    param = weight(dtype)
    Hyperalgorithm([param], lr=0.1, **settings).step()
    assert bool(param.isfinite().all())
