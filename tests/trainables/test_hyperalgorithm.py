"""The hyperalgorithm against torch.optim, against a transcription of its equations, and as a torch
optimizer."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim.lr_scheduler import StepLR

from tests.trainables import transcription
from trainables.hyperalgorithm import CHOICES, Hyperalgorithm
from trainables.names import InputError

SHAPES = ((4, 3), (5,), ())


class Problem:
    """Minimise a random quadratic whose gradient is noisy; the noise is a fixed function of the step."""

    def __init__(self, seed: int, steps: int, shapes: tuple[tuple[int, ...], ...] = SHAPES) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.steps = steps
        self.start, self.target = [
            [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes] for _ in range(2)
        ]
        self.curvature = [torch.rand(s, generator=generator, dtype=torch.float64) + 0.5 for s in shapes]
        self.noise = [torch.randn((steps, *s), generator=generator, dtype=torch.float64) for s in shapes]

    def gradient(self, i: int, theta: Tensor, t: int) -> Tensor:
        """Of parameter i at step t, counted from 1."""
        return self.curvature[i] * (theta - self.target[i]) + self.noise[i][t - 1]


def minimise(optimizer: Callable[..., torch.optim.Optimizer], problem: Problem) -> list[Tensor]:
    """The parameters of one model after the problem's steps."""
    params = [nn.Parameter(each.clone()) for each in problem.start]
    running = optimizer(params)
    for t in range(1, problem.steps + 1):
        for i, param in enumerate(params):
            param.grad = problem.gradient(i, param.detach(), t)
        running.step()
    return [param.detach() for param in params]


def minimise_together(
    optimizer: Callable[..., torch.optim.Optimizer], problems: list[Problem]
) -> list[list[Tensor]]:
    """The parameters of each member of a cohort, trained as one."""
    params = [
        nn.Parameter(torch.stack(each)) for each in zip(*(problem.start for problem in problems), strict=True)
    ]
    running = optimizer(params)
    for t in range(1, problems[0].steps + 1):
        for i, param in enumerate(params):
            members = zip(problems, param.detach(), strict=True)
            param.grad = torch.stack([problem.gradient(i, theta, t) for problem, theta in members])
        running.step()
    return [[param.detach()[k] for param in params] for k in range(len(problems))]


def assert_same(ours: list[Tensor], theirs: list[Tensor], tolerance: float) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance)


# --- identities with torch.optim

SUM = {"momentum_accumulation": "sum", "mu_schedule": "constant", "adaptive": "none"}
PLAIN = {"momentum": "none", "epsilon": 1e-8}
IDENTITIES = [  # settings, the torch optimizer of (lr, mu, nu), and how closely they agree in float64
    pytest.param(
        {"momentum": "none", "adaptive": "none"},
        lambda lr, mu, nu: partial(torch.optim.SGD, lr=lr),
        1e-12,
        id="SGD",
    ),
    pytest.param(
        {"momentum": "cm", **SUM},
        lambda lr, mu, nu: partial(torch.optim.SGD, lr=lr, momentum=mu),
        1e-12,
        id="SGD with momentum",
    ),
    pytest.param(
        {"momentum": "nag", **SUM},
        lambda lr, mu, nu: partial(torch.optim.SGD, lr=lr, momentum=mu, nesterov=True),
        1e-12,
        id="SGD with Nesterov momentum",
    ),
    pytest.param(
        {**PLAIN, "adaptive": "sum", "nu": 1.0, "nu_schedule": "constant"},
        lambda lr, mu, nu: partial(torch.optim.Adagrad, lr=lr, eps=1e-8),
        1e-12,
        id="Adagrad",
    ),
    pytest.param(
        {**PLAIN, "nu_schedule": "constant"},
        lambda lr, mu, nu: partial(torch.optim.RMSprop, lr=lr, alpha=nu, eps=1e-8),
        1e-12,
        id="RMSprop",
    ),
    pytest.param(
        {}, lambda lr, mu, nu: partial(torch.optim.Adam, lr=lr, betas=(mu, nu), eps=1e-8), 1e-12, id="Adam"
    ),
    # Adamax adds epsilon to the gradient inside the maximum, we to the norm.
    pytest.param(
        {"p": math.inf, "nu_schedule": "constant"},
        lambda lr, mu, nu: partial(torch.optim.Adamax, lr=lr, betas=(mu, nu), eps=1e-8),
        1e-8,
        id="Adamax",
    ),
    # NAdam keeps a product of its mu in float32; momentum_decay=1e6 switches its own warm-up off.
    pytest.param(
        {"momentum": "nag"},
        lambda lr, mu, nu: partial(torch.optim.NAdam, lr=lr, betas=(mu, nu), eps=1e-8, momentum_decay=1e6),
        1e-6,
        id="NAdam",
    ),
]
HYPERPARAMETERS = [  # lr, mu, nu
    pytest.param((0.1, 0.9, 0.999), id="usual"),
    pytest.param((0.01, 0.5, 0.9), id="short memory"),
    pytest.param((0.03, 0.99, 0.9999), id="long memory"),
    pytest.param((0.001, 0.05, 0.5), id="almost none"),
]


@pytest.mark.parametrize(("variant", "reference", "tolerance"), IDENTITIES)
@pytest.mark.parametrize("hyperparameters", HYPERPARAMETERS)
@pytest.mark.parametrize("seed", [0, 1])
def test_one_model_is_the_torch_optimizer(
    variant: dict[str, Any],
    reference: Callable[..., Any],
    tolerance: float,
    hyperparameters: tuple[float, float, float],
    seed: int,
) -> None:
    lr, mu, nu = hyperparameters
    problem = Problem(seed, steps=50)
    ours = partial(Hyperalgorithm, **{"lr": lr, "mu": mu, "nu": nu, **variant})
    assert_same(minimise(ours, problem), minimise(reference(lr, mu, nu), problem), tolerance)


@pytest.mark.parametrize(("variant", "reference", "tolerance"), IDENTITIES)
@pytest.mark.parametrize("every_number_a_tensor", [False, True], ids=["lr mu nu", "lr mu nu p epsilon"])
def test_each_member_of_a_cohort_is_the_torch_optimizer_alone(
    variant: dict[str, Any], reference: Callable[..., Any], tolerance: float, every_number_a_tensor: bool
) -> None:
    chosen = [each.values[0] for each in HYPERPARAMETERS]
    problems = [Problem(seed, steps=50) for seed in range(len(chosen))]
    numbers: dict[str, Any] = dict(
        zip(("lr", "mu", "nu"), torch.tensor(chosen, dtype=torch.float64).T, strict=True)
    )
    together = {**numbers, **variant}
    if every_number_a_tensor:
        fixed = {"p": 2.0, "epsilon": 1e-8, **variant}
        together |= {
            name: torch.full((len(chosen),), fixed[name], dtype=torch.float64) for name in ("p", "epsilon")
        }
        if "nu" in variant:
            together["nu"] = torch.full((len(chosen),), variant["nu"], dtype=torch.float64)
    cohort = minimise_together(partial(Hyperalgorithm, **together), problems)
    for member, problem, (lr, mu, nu) in zip(cohort, problems, chosen, strict=True):
        assert_same(member, minimise(reference(lr, mu, nu), problem), tolerance)


# --- the transcription

SCHEDULES = ("constant", "bias_corrected", "true_mean", "handcrafted")
COMBINATIONS = [
    dict(
        zip(
            (
                "momentum",
                "momentum_gradient",
                "mu_schedule",
                "momentum_accumulation",
                "adaptive",
                "nu_schedule",
            ),
            each,
            strict=True,
        )
    )
    for each in itertools.chain(
        itertools.product(
            ("cm", "nag"), ("scaled", "unscaled"), SCHEDULES, ("mean", "sum"), ("mean", "sum"), SCHEDULES
        ),
        itertools.product(
            ("none",), ("scaled", "unscaled"), ("constant",), ("mean",), ("mean", "sum"), SCHEDULES
        ),
        itertools.product(
            ("none", "cm", "nag"),
            ("scaled", "unscaled"),
            SCHEDULES,
            ("mean", "sum"),
            ("none",),
            ("constant",),
        ),
    )
]
NUMBERS = {"lr": 0.02, "mu": 0.8, "nu": 0.95, "epsilon": 1e-3, "period": 3}
SMALL = ((2, 2), (3,))


def transcribed(variant: dict[str, Any], problem: Problem) -> list[Tensor]:
    """The parameters that the transcription reaches."""
    return [
        torch.from_numpy(
            transcription.train(
                variant,
                lambda theta, t, i=i: problem.gradient(i, torch.from_numpy(theta), t).numpy(),
                start.numpy(),
                problem.steps,
            )
        )
        for i, start in enumerate(problem.start)
    ]


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
def test_every_first_order_combination_follows_the_equations(p: float) -> None:
    problem = Problem(7, steps=10, shapes=SMALL)
    for combination in COMBINATIONS:
        variant = {**combination, **NUMBERS, "p": p}
        assert_same(
            minimise(partial(Hyperalgorithm, **variant), problem), transcribed(variant, problem), 1e-12
        )


def test_the_combinations_contain_the_papers_384_of_first_order() -> None:
    papers = {
        tuple(each.values())
        for each in COMBINATIONS
        if each["momentum"] != "none"
        and each["adaptive"] != "none"
        and each["momentum_accumulation"] == "mean"
    }
    assert 3 * len(papers) == 768 / 2  # p is 1, 2 or infinite; half of the 768 are of second order


MEMBERS = {
    "lr": [0.02, 0.005, 0.05, 0.01, 0.03],
    "mu": [0.8, 0.0, 0.99, 0.5, 0.9],
    "nu": [0.95, 0.5, 0.999, 0.9, 0.0],
    "epsilon": [1e-3, 1e-8, 1e-2, 1e-1, 1e-3],
    "p": [2.0, 1.0, math.inf, 1.5, 3.0],
}


@pytest.mark.slow
@pytest.mark.parametrize("momentum", ["none", "cm", "nag"])
def test_every_member_of_a_cohort_of_mixed_norms_follows_the_equations(momentum: str) -> None:
    problems = [Problem(seed, steps=6, shapes=SMALL) for seed in range(5)]
    numbers = {name: torch.tensor(each, dtype=torch.float64) for name, each in MEMBERS.items()}
    for combination in (each for each in COMBINATIONS if each["momentum"] == momentum):
        cohort = minimise_together(partial(Hyperalgorithm, **combination, **numbers, period=3), problems)
        for k, (member, problem) in enumerate(zip(cohort, problems, strict=True)):
            alone = {**combination, "period": 3, **{name: each[k] for name, each in MEMBERS.items()}}
            assert_same(member, transcribed(alone, problem), 1e-12)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    combination=st.sampled_from(COMBINATIONS),
    lr=st.floats(1e-6, 0.1),
    mu=st.floats(0, 0.999),
    nu=st.floats(0, 0.999),
    p=st.one_of(st.floats(1, 8), st.just(math.inf)),
    epsilon=st.floats(1e-8, 1),
    period=st.integers(1, 12),
)
def test_any_numbers_follow_the_equations(combination: dict[str, Any], **numbers: float) -> None:
    problem = Problem(3, steps=8, shapes=((3,),))
    variant = {**combination, **numbers}
    assert_same(minimise(partial(Hyperalgorithm, **variant), problem), transcribed(variant, problem), 1e-10)


@pytest.mark.parametrize("momentum", ["cm", "nag"])
def test_a_float32_member_is_the_float32_model_alone_when_its_numbers_are_float64(momentum: str) -> None:
    chosen = [(0.01, 0.9, 0.999), (0.01, 0.99, 0.9999), (0.01, 0.999, 1 - 1e-6)]
    numbers = dict(zip(("lr", "mu", "nu"), torch.tensor(chosen, dtype=torch.float64).T, strict=True))
    generator = torch.Generator().manual_seed(0)
    start, noise = torch.randn(3, 20, generator=generator), torch.randn(50, 3, 20, generator=generator)

    def last(rows: slice | int, **numbers: float | Tensor) -> Tensor:
        param = nn.Parameter(start[rows].clone())
        optimizer = Hyperalgorithm([param], momentum=momentum, **numbers)
        for each in noise:
            param.grad = param.detach() + each[rows]
            optimizer.step()
        return param.detach()

    alone = torch.stack([last(k, lr=lr, mu=mu, nu=nu) for k, (lr, mu, nu) in enumerate(chosen)])
    # Each of 50 steps rounds theta, of order 1, by half a unit in the last place at most.
    torch.testing.assert_close(last(slice(None), **numbers), alone, rtol=0, atol=50 * 2**-24)


# --- a torch optimizer like any other

KINDS = [
    pytest.param({"lr": 0.05}, id="adam"),
    pytest.param(
        {"lr": 0.05, "momentum": "nag", "momentum_gradient": "scaled", "p": 1.5}, id="nag, scaled, p 1.5"
    ),
    pytest.param({"lr": 0.05, "momentum": "none", "p": math.inf}, id="maximum norm alone"),
    pytest.param({"lr": 0.05, "momentum": "none", "adaptive": "none"}, id="sgd"),
]


def model_and_loss() -> tuple[nn.Module, Callable[[], Tensor]]:
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    with torch.no_grad():
        for param in model.parameters():
            param.copy_(torch.randn(param.shape, generator=generator))
    x, y = torch.randn(8, 3, generator=generator), torch.randn(8, 1, generator=generator)
    return model, lambda: nn.functional.mse_loss(model(x), y)


def steps(optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor], count: int) -> None:
    for _ in range(count):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def equal(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("through_a_file", [False, True], ids=["in memory", "through a file"])
def test_a_restored_optimizer_continues_bit_identically(
    kind: dict[str, Any], through_a_file: bool, tmp_path: Any
) -> None:
    model, loss = model_and_loss()
    optimizer = Hyperalgorithm(model.parameters(), **kind)
    steps(optimizer, loss, 5)
    state = {"model": copy.deepcopy(model.state_dict()), "optimizer": copy.deepcopy(optimizer.state_dict())}
    steps(optimizer, loss, 5)
    if through_a_file:
        torch.save(state, tmp_path / "state.pt")
        state = torch.load(tmp_path / "state.pt")
    again, again_loss = model_and_loss()
    restored = Hyperalgorithm(again.parameters(), lr=1.0)
    again.load_state_dict(state["model"])
    restored.load_state_dict(state["optimizer"])
    steps(restored, again_loss, 5)
    assert equal(again, model)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))], ids=["deepcopy", "pickle"]
)
def test_a_copied_optimizer_continues_bit_identically(copied: Callable[[Any], Any]) -> None:
    param = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = Hyperalgorithm([param], lr=0.1)

    def descend(each: Hyperalgorithm) -> Tensor:
        (own,) = each.param_groups[0]["params"]
        own.grad = own.detach() * 2
        each.step()
        return own.detach()

    descend(optimizer)
    other = copied(optimizer)
    assert torch.equal(descend(optimizer), descend(other))


def test_a_cohorts_tensors_survive_the_state_dict() -> None:
    def cohort() -> tuple[nn.Parameter, Hyperalgorithm]:
        param = nn.Parameter(torch.ones(2, 3))
        return param, Hyperalgorithm([param], lr=torch.tensor([0.1, 0.2]), p=torch.tensor([2.0, math.inf]))

    def descend(param: nn.Parameter, optimizer: Hyperalgorithm) -> None:
        param.grad = param.detach() * 3
        optimizer.step()

    param, optimizer = cohort()
    descend(param, optimizer)
    other, restored = cohort()
    other.data.copy_(param.data)
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))  # a state_dict shares its tensors
    descend(param, optimizer)
    descend(other, restored)
    assert torch.equal(param, other)
    assert torch.equal(restored.param_groups[0]["lr"], torch.tensor([0.1, 0.2]))


def test_a_closure_is_evaluated_with_gradients_and_its_loss_returned() -> None:
    model, loss = model_and_loss()
    twin, twin_loss = model_and_loss()
    optimizer = Hyperalgorithm(model.parameters(), lr=0.01)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    before = loss().item()
    assert optimizer.step(closure).item() == before
    steps(Hyperalgorithm(twin.parameters(), lr=0.01), twin_loss, 1)
    assert equal(model, twin)


def test_a_scheduler_drives_the_learning_rate() -> None:
    param = nn.Parameter(torch.tensor([0.0]))
    optimizer = Hyperalgorithm([param], lr=1.0, momentum="none", adaptive="none")
    scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    for _ in range(4):
        param.grad = torch.tensor([-1.0])
        optimizer.step()
        scheduler.step()
    assert param.item() == 1.0 + 1.0 + 0.5 + 0.5


def test_a_later_group_has_settings_and_a_clock_of_its_own() -> None:
    first, second = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    optimizer = Hyperalgorithm([first], lr=0.1)
    first.grad = torch.ones(2)
    optimizer.step()
    optimizer.add_param_group({"params": [second], "lr": 0.5, "p": math.inf})
    second.grad = torch.ones(2)
    optimizer.step()
    torch.testing.assert_close(first.detach(), torch.full((2,), -0.2))
    torch.testing.assert_close(
        second.detach(), torch.full((2,), -0.5)
    )  # its first step, so the mean has no bias to lose


def test_a_refused_group_leaves_the_optimizer_as_it_was() -> None:
    optimizer = Hyperalgorithm([nn.Parameter(torch.zeros(2))], lr=0.1)
    with pytest.raises(InputError, match="lr must be above 0"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2))], "lr": -1.0})
    with pytest.raises(InputError, match="complex64"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2, dtype=torch.complex64))]})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_maximize_is_descent_on_the_negative(kind: dict[str, Any]) -> None:
    problem = Problem(0, steps=5)
    negative = Problem(0, steps=5)
    negative.gradient = lambda i, theta, t: -problem.gradient(i, theta, t)
    climbed = minimise(partial(Hyperalgorithm, **kind, maximize=True), negative)
    for one, other in zip(climbed, minimise(partial(Hyperalgorithm, **kind), problem), strict=True):
        assert torch.equal(one, other)


def test_a_parameter_without_a_gradient_stays_and_its_clock_waits() -> None:
    busy, idle = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.ones(2))
    optimizer = Hyperalgorithm([busy, idle], lr=0.1)
    for _ in range(3):
        busy.grad = torch.ones(2)
        optimizer.step()
    assert torch.equal(idle, torch.ones(2))
    assert idle not in optimizer.state
    idle.grad = torch.ones(2)
    optimizer.step()
    assert (optimizer.state[busy]["step"], optimizer.state[idle]["step"]) == (4, 1)
    torch.testing.assert_close(idle.detach(), torch.full((2,), 0.9))


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(order=st.permutations(range(4)), cut=st.integers(1, 3))
def test_the_order_and_grouping_of_parameters_change_no_bit(order: list[int], cut: int) -> None:
    problem = Problem(5, steps=3, shapes=((2, 3), (4,), (), (3, 1, 2)))

    def arranged(params: list[nn.Parameter]) -> Hyperalgorithm:
        chosen = [params[i] for i in order]
        return Hyperalgorithm(
            [{"params": chosen[:cut]}, {"params": chosen[cut:]}], lr=0.1, momentum="nag", p=3.0
        )

    plain = minimise(partial(Hyperalgorithm, lr=0.1, momentum="nag", p=3.0), problem)
    assert all(torch.equal(a, b) for a, b in zip(minimise(arranged, problem), plain, strict=True))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("kind", KINDS)
def test_every_real_dtype_moves_and_keeps_its_dtype(kind: dict[str, Any], dtype: torch.dtype) -> None:
    param = nn.Parameter(torch.full((3,), 2.0, dtype=dtype))
    optimizer = Hyperalgorithm([param], **kind, epsilon=1e-3)
    for _ in range(5):
        param.grad = param.detach().clone()
        optimizer.step()
    assert param.dtype == dtype
    assert bool(((param > 0) & (param < 2)).all())
    assert all(value.dtype == dtype for value in optimizer.state[param].values() if isinstance(value, Tensor))


def test_momentum_moves_in_the_memory_format_of_its_parameter() -> None:
    param = nn.Parameter(torch.ones(2, 3, 4, 4).to(memory_format=torch.channels_last))
    optimizer = Hyperalgorithm([param], lr=0.1)
    param.grad = torch.ones_like(param)
    optimizer.step()
    assert all(
        optimizer.state[param][name].is_contiguous(memory_format=torch.channels_last) for name in ("m", "v")
    )


# --- what is refused


def weight(*shape: int) -> list[nn.Parameter]:
    return [nn.Parameter(torch.zeros(shape or (2,)))]


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        pytest.param(lambda: [], ValueError, "empty parameter list", id="no parameters"),
        pytest.param(
            lambda: [nn.Parameter(torch.zeros(2, dtype=torch.complex64))],
            InputError,
            "complex64",
            id="complex",
        ),
        pytest.param(lambda: [torch.zeros(2).long()], InputError, "int64", id="integers"),
    ],
)
def test_parameters_that_cannot_be_trained_are_refused(
    params: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Hyperalgorithm(params(), lr=0.1)


def test_a_sparse_gradient_is_refused() -> None:
    embedding = nn.Embedding(4, 2, sparse=True)
    optimizer = Hyperalgorithm(embedding.parameters(), lr=0.1)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(InputError, match="sparse=False"):
        optimizer.step()


NUMBERS_OF_MEMBERS = ("lr", "mu", "nu", "p", "epsilon", "slow_mu", "slow_weight")
BAD_NUMBERS = [  # argument, value, what else is set
    *(("lr", value, {}) for value in (0.0, -0.1, math.nan, math.inf, "0.1", None, True)),
    *(("mu", value, {}) for value in (1.0, 1.5, -0.1, math.nan, "0.9")),
    *(("nu", value, {}) for value in (1.0, -0.1, math.nan, 2)),
    ("nu", 1.0, {"adaptive": "mean", "nu_schedule": "constant"}),
    *(
        ("nu", 1.0, {"adaptive": "sum", "nu_schedule": schedule})
        for schedule in ("bias_corrected", "true_mean", "handcrafted")
    ),
    ("nu", 1.1, {"adaptive": "sum", "nu_schedule": "constant"}),
    *(("p", value, {}) for value in (0.5, 0.999, 0.0, -1.0, -math.inf, math.nan, "inf")),
    *(("epsilon", value, {}) for value in (-1e-9, math.nan, math.inf)),
    *(("period", value, {}) for value in (0, -1, 2.5, True, "250")),
    *((name, value, {}) for name in ("maximize", "sign", "cautious") for value in (1, "yes", None)),
    *(("slow_mu", value, {}) for value in (1.0, -0.1, math.nan, "0.9", True)),
    *(("slow_weight", value, {}) for value in (-0.1, math.nan, math.inf, "5", False)),
    ("sign", True, {}),
    ("sign", True, {"adaptive": "sum", "momentum": "none"}),
    *((name, torch.tensor([0.5, math.nan]), {}) for name in NUMBERS_OF_MEMBERS),
    ("mu", torch.tensor([0.5, 1.0]), {}),
    ("p", torch.tensor([2.0, 0.5]), {}),
    ("lr", torch.tensor([]), {}),
    ("lr", torch.ones(2, 2), {}),
]


@pytest.mark.parametrize(
    ("name", "value", "others"), BAD_NUMBERS, ids=lambda each: str(each).replace("\n", "")
)
def test_a_bad_number_is_refused_by_name_and_value(name: str, value: Any, others: dict[str, Any]) -> None:
    arguments = {"lr": 0.1, **others, name: value}
    with pytest.raises(InputError) as caught:
        Hyperalgorithm(weight(2), **arguments)
    shown = value.tolist() if isinstance(value, Tensor) else value
    assert str(caught.value).startswith(f"{name} must be ")
    assert repr(shown) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [
        ("momentum", "nga", "nag"),
        ("momentum_gradient", "unscale", "unscaled"),
        ("momentum_accumulation", "summ", "sum"),
        ("adaptive", "Mean", "mean"),
        ("order", "frist", "first"),
        ("mu_schedule", "bias-corrected", "bias_corrected"),
        ("nu_schedule", "truemean", "true_mean"),
    ],
)
def test_an_unknown_choice_is_refused_with_the_nearest(name: str, value: str, nearest: str) -> None:
    with pytest.raises(InputError) as caught:
        Hyperalgorithm(weight(), lr=0.1, **{name: value})
    assert (
        str(caught.value)
        == f"unknown {name} {value!r}; did you mean {nearest!r}? (known: {', '.join(CHOICES[name])})"
    )


@pytest.mark.parametrize(
    ("params", "numbers", "message"),
    [
        pytest.param(
            weight(3, 2),
            {"lr": torch.ones(2)},
            r"each of 2 members, .* \[2, \.\.\.\], got \(3, 2\)",
            id="another number of members",
        ),
        pytest.param(
            weight(2, 3),
            {"mu": torch.full((3,), 0.5)},
            r"mu has one entry for each of 3 members",
            id="members last",
        ),
        pytest.param(
            [nn.Parameter(torch.zeros(()))],
            {"p": torch.full((2,), 2.0)},
            r"p has one entry.*got \(\)",
            id="a scalar",
        ),
        pytest.param(
            weight(2),
            {"lr": torch.ones(2), "nu": torch.full((3,), 0.5)},
            r"lengths \{'lr': 2, 'nu': 3\}",
            id="two lengths",
        ),
    ],
)
def test_a_cohort_whose_shapes_disagree_is_refused(
    params: list[nn.Parameter], numbers: dict[str, Tensor], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Hyperalgorithm(params, **{"lr": 0.1, **numbers})


@pytest.mark.parametrize("choices", [{"adaptive": "sum", "nu_schedule": "constant"}], ids=["AdaGrad's sum"])
@pytest.mark.parametrize("nu", [1.0, torch.ones(2)], ids=["one model", "cohort"])
def test_nu_of_one_is_welcome_where_it_means_something(choices: dict[str, str], nu: float | Tensor) -> None:
    assert Hyperalgorithm(weight(2), lr=0.1, nu=nu, **choices).param_groups[0]["nu"] is nu


@pytest.mark.parametrize(
    "lr",
    [0.1, torch.tensor(0.1), torch.tensor([0.1]), torch.tensor([0.1, 0.1])],
    ids=["float", "tensor", "one entry", "one entry per member"],
)
@pytest.mark.parametrize("kind", ["cm", "nag", "none"])
def test_a_number_may_be_a_float_or_a_tensor(lr: float | Tensor, kind: str) -> None:
    def stepped(lr: float | Tensor) -> Tensor:
        param = nn.Parameter(torch.zeros(2, 3))
        param.grad = torch.ones(2, 3)
        Hyperalgorithm([param], lr=lr, momentum=kind).step()
        return param.detach()

    torch.testing.assert_close(stepped(lr), stepped(0.1))
