"""Adapters: the loop calls every optimizer by the contract of its family."""

from __future__ import annotations

import copy
import math
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests import optimizers, plain_loop
from trainables.adapters import PLAIN, adapter_of
from trainables.cohorts import CohortLoop
from trainables.datasets import load
from trainables.names import InputError
from trainables.randomness import stream
from trainables.tasks import task
from trainables.training import TrainingLoop
from trainables.variants import variant

SCHEDULE_FREE = [
    ("pytorch_optimizer:ScheduleFreeAdamW", 0.03),
    ("pytorch_optimizer:ScheduleFreeSGD", 0.3),
    ("pytorch_optimizer:ScheduleFreeRAdam", 0.03),
    ("schedulefree:AdamWScheduleFree", 0.03),
    ("schedulefree:SGDScheduleFree", 0.3),
    ("schedulefree:RAdamScheduleFree", 0.03),
    ("heavyball:SFAdamW", 0.03),
]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def installed(name: str) -> None:
    """Skip a test whose optimizer is of a package that is not installed."""
    pytest.importorskip(name.partition(":")[0], reason="needs the extra optimizers")


# --- Averages


class Averaged(torch.optim.SGD):
    """SGD whose weights of evaluation are the mean of the first weights and of every step's."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, lr=lr)
        self.defaults["averaged"] = False
        for group in self.param_groups:
            group["averaged"] = False

    def step(self, closure: Any = None) -> Any:
        assert not self.param_groups[0]["averaged"]
        params = [param for group in self.param_groups for param in group["params"]]
        for param in params:
            self.state[param].setdefault("sum", param.detach().clone())
            self.state[param].setdefault("count", 1)
        super().step()
        for param in params:
            self.state[param]["sum"] += param.detach()
            self.state[param]["count"] += 1

    @torch.no_grad()
    def _swap(self, averaged: bool) -> None:
        for group in self.param_groups:
            if group["averaged"] == averaged:
                continue
            group["averaged"] = averaged
            for param in group["params"]:
                if state := self.state[param]:
                    if averaged:
                        state["last"] = param.clone()
                    param.copy_(state["sum"] / state["count"] if averaged else state["last"])

    def train(self) -> None:
        self._swap(False)

    def eval(self) -> None:
        self._swap(True)


def test_a_class_with_modes_is_evaluated_at_its_averages_and_continues_from_a_checkpoint() -> None:
    digits, data = task("mlp/digits"), load("digits").limited(256)
    whole = TrainingLoop(digits, variant(Averaged), {"lr": 0.05}, 0, data=data, epochs=3)
    reports = list(whole)
    first = TrainingLoop(digits, variant(Averaged), {"lr": 0.05}, 0, data=data, epochs=3)
    first.train_epoch()
    state = copy.deepcopy(first.state_dict())
    second = TrainingLoop(digits, variant(Averaged), {"lr": 0.05}, 0, data=data, epochs=3)
    second.load_state_dict(state)
    again = list(second)
    assert [report["train_loss_end"] for report in again] == [
        report["train_loss_end"] for report in reports[1:]
    ]
    with torch.no_grad():
        x, y = data.x_train, data.y_train
        averaged = digits.loss(whole.model(x), x, y).item()
        whole.optimizer.train()  # type: ignore[attr-defined]
        last = digits.loss(whole.model(x), x, y).item()
    assert reports[-1]["train_loss_end"] == pytest.approx(averaged, rel=1e-6)
    assert abs(last - averaged) > 1e-3


@pytest.mark.parametrize(("name", "lr"), SCHEDULE_FREE)
def test_schedule_free_is_reported_at_the_loss_of_its_evaluation_weights(name: str, lr: float) -> None:
    installed(name)
    digits, data = task("mlp/digits"), load("digits").limited(512)
    loop = TrainingLoop(digits, variant(name), {"lr": lr}, 0, data=data, epochs=2)
    reports = list(loop)
    model, order = digits.model(stream(0, "weights"), **digits.settings), stream(0, "shuffling")
    (optimizer,) = plain_loop.made(name, getattr(*plain_loop.home(name)), model, {"lr": lr})
    for report in reports:
        optimizer.train()
        for chosen in torch.split(torch.randperm(len(data.x_train), generator=order), digits.batch_size):
            optimizer.zero_grad()
            digits.loss(model(data.x_train[chosen]), data.x_train[chosen], data.y_train[chosen]).backward()
            optimizer.step()
        optimizer.eval()
        assert report["train_loss_end"] == pytest.approx(plain_loop.full_loss(model, digits, data), rel=1e-6)
    with torch.no_grad():
        optimizer.train()
        away = plain_loop.full_loss(model, digits, data)
    assert away != pytest.approx(reports[-1]["train_loss_end"], rel=1e-3)


@pytest.mark.parametrize("name", ["averaged", *(name for name, _ in SCHEDULE_FREE[:4:3])])
def test_a_stack_evaluates_averages_as_the_loops_do(name: str) -> None:
    if ":" in name:
        installed(name)
    chosen = variant(Averaged if name == "averaged" else name)
    small, data = task("logistic/synthetic"), load("synthetic").limited(48)

    def loops() -> list[TrainingLoop]:
        return [
            TrainingLoop(small, chosen, {"lr": lr}, seed, data=data, epochs=2, batch_size=16)
            for seed, lr in enumerate([0.03, 0.1, 0.3])
        ]

    cohort = CohortLoop(loops())
    together = [*cohort]
    assert cohort.reason is None
    for k, loop in enumerate(loops()):
        for epoch, report in enumerate(loop):
            ours = together[epoch][k]
            assert ours["train_loss_end"] == pytest.approx(report["train_loss_end"], rel=1e-5)


class Normed(nn.Module):
    """A dense layer behind batch norm."""

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Linear(8, 4)
        with torch.no_grad():
            for param in (self.first.weight, self.last.weight):
                param.copy_(torch.randn(param.shape, generator=generator) / 3)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.last(self.norm(self.first(x)))
        return scores


def test_batch_norm_has_statistics_of_its_own_at_the_averages() -> None:
    plain, data = optimizers.tasks()["mlp"]
    normed = type(plain)("normed/small", lambda: data, Normed, "cross_entropy", batch_size=16)
    loop = TrainingLoop(normed, variant(Averaged), {"lr": 0.5}, 0, data=data, epochs=2)
    list(loop)
    with torch.no_grad():
        hidden = loop.model.first(data.x_train)
    assert loop.model.norm.momentum == 0.1
    assert torch.allclose(loop.model.norm.running_mean, hidden.mean(0), atol=1e-6)
    cohort = CohortLoop([loop, loop])
    list(TrainingLoop(normed, variant("adam"), {"lr": 0.01}, 0, data=data, epochs=1))
    assert cohort.loops[0].steps.adapter.modes


# --- Closures


def sam(params: Any, lr: float = 0.05) -> torch.optim.Optimizer:
    """Sharpness-aware minimization over SGD."""
    from pytorch_optimizer import SAM

    made: torch.optim.Optimizer = SAM(params, torch.optim.SGD, lr=lr)
    return made


def test_sam_has_the_gradient_first_and_evaluates_the_loss_again() -> None:
    installed("pytorch_optimizer")
    small, data = optimizers.tasks()["mlp"]
    loop = TrainingLoop(small, variant(sam), {"lr": 0.05}, 0, data=data, epochs=1)
    list(loop)
    model, order = small.model(stream(0, "weights")), stream(0, "shuffling")
    optimizer = sam(model.parameters())
    for chosen in torch.split(torch.randperm(len(data.x_train), generator=order), 16):
        x, y = data.x_train[chosen], data.y_train[chosen]

        def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
            optimizer.zero_grad()
            loss = small.loss(model(x), x, y)
            loss.backward()
            return loss

        closure()
        optimizer.step(closure)  # type: ignore[arg-type]
    assert plain_loop.apart(loop.model, model) == 0


def test_a_closure_clips_and_decays_every_gradient() -> None:
    small, data = optimizers.tasks()["mlp"]
    settings = {"lr": 0.1, "clip_norm": 0.5, "weight_decay": 0.01}
    loop = TrainingLoop(small, variant("torch.optim.LBFGS"), settings, 0, data=data, epochs=1)
    (report,) = loop
    assert report["status"] == "completed"
    assert report["train_loss_end"] < loop.initial_loss
    with pytest.raises(InputError, match="weight_decay_kind must be 'coupled' for torch"):
        TrainingLoop(
            small,
            variant("torch.optim.LBFGS"),
            {"lr": 0.1, "weight_decay": 0.1, "weight_decay_kind": "decoupled"},
            0,
            data=data,
            epochs=1,
        )


def test_members_with_closures_train_one_after_another_with_the_reason() -> None:
    small, data = optimizers.tasks()["mlp"]
    cohort = CohortLoop(
        [
            TrainingLoop(small, variant("torch.optim.LBFGS"), {"lr": 0.01}, seed, data=data, epochs=1)
            for seed in (0, 1)
        ]
    )
    reports = list(cohort)
    assert cohort.reason == "its optimizer evaluates the loss or its curvature itself"
    assert {report["status"] for report in reports[0].values()} == {"completed"}


# --- Curvature


class SampledSophia(torch.optim.Optimizer):
    """Sophia with the Gauss-Newton-Bartlett estimate (Liu et al., 2023), as its authors' class is called."""

    def __init__(self, params: Any, lr: float = 0.01, rho: float = 0.04) -> None:
        super().__init__(params, {"lr": lr, "rho": rho})

    @torch.no_grad()
    def update_hessian(self) -> None:
        for group in self.param_groups:
            for param in group["params"]:
                hessian = self.state[param].setdefault("hessian", torch.zeros_like(param))
                hessian.mul_(0.99).addcmul_(param.grad, param.grad, value=0.01)

    @torch.no_grad()
    def step(self, closure: Any = None, bs: int = 5120) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for param in group["params"]:
                hessian = self.state[param].setdefault("hessian", torch.zeros_like(param))
                ratio = (param.grad.abs() / (group["rho"] * bs * hessian + 1e-15)).clamp(max=1)
                param.addcmul_(param.grad.sign(), ratio, value=-group["lr"])


def test_sophias_hessian_is_updated_by_labels_drawn_from_the_model() -> None:
    small, data = optimizers.tasks()["mlp"]
    loop = TrainingLoop(small, variant(SampledSophia), {"lr": 0.01}, 0, data=data, epochs=2)
    reports = list(loop)
    assert all(bool((state["hessian"] > 0).any()) for state in loop.optimizer.state.values())
    assert reports[-1]["train_loss_end"] < loop.initial_loss
    often = TrainingLoop(
        small, variant(SampledSophia), {"lr": 0.01, "curvature_every": 1}, 0, data=data, epochs=2
    )
    list(often)
    states = [
        sum(float(state["hessian"].sum()) for state in made.optimizer.state.values())
        for made in (loop, often)
    ]
    assert states[1] > 3 * states[0]
    bowl, other = optimizers.tasks()["bowl"]
    with pytest.raises(InputError, match="needs a task with the loss cross_entropy or binary_cross_entropy"):
        TrainingLoop(bowl, variant(SampledSophia), {"lr": 0.01}, 0, data=other, epochs=1)


@pytest.mark.parametrize("name", ["pytorch_optimizer:AdaHessian", "pytorch_optimizer:SophiaH"])
def test_hessian_products_are_those_of_a_graph_and_clipping_does_not_disturb_them(name: str) -> None:
    installed(name)
    small, data = optimizers.tasks()["mlp"]
    (row,) = optimizers.rows([name])
    assert (row.kind, row.difference) == ("right", 0.0)
    loop = TrainingLoop(small, variant(name), {"lr": 0.01, "clip_norm": 0.1}, 0, data=data, epochs=1)
    (report,) = loop
    assert math.isfinite(report["train_loss_end"])
    assert all(param.grad is None or param.grad.grad_fn is None for param in loop.model.parameters())


@pytest.mark.parametrize("name", ["pytorch_optimizer:AdaHessian", "pytorch_optimizer:SophiaH"])
def test_hessian_products_go_through_attention(name: str) -> None:
    installed(name)
    gpt = task("gpt/text")
    data = load("text").limited(16)
    (report,) = TrainingLoop(gpt, variant(name), {"lr": 1e-3}, 0, data=data, epochs=1, batch_size=8)
    assert math.isfinite(report["train_loss_end"])


# --- Named parameters, the model, numbers of the run


class Choosy(torch.optim.SGD):
    """SGD that asks for everything that a loop knows."""

    def __init__(self, named_parameters: Any, model: nn.Module, num_iterations: int, lr: float = 0.1) -> None:
        self.names = [name for name, _ in named_parameters]
        self.model, self.num_iterations = model, num_iterations
        super().__init__(model.parameters(), lr=lr)


def test_names_the_model_and_the_number_of_steps_are_passed_by_keyword() -> None:
    small, data = optimizers.tasks()["mlp"]
    chosen = variant(Choosy)
    assert chosen.accepts == {"lr", "mu"} - {"mu"}
    loop = TrainingLoop(small, chosen, {"lr": 0.1}, 0, data=data, epochs=2)
    made = loop.optimizer
    assert isinstance(made, Choosy)
    assert made.names == [name for name, _ in loop.model.named_parameters()]
    assert (made.model, made.num_iterations) == (loop.model, 20)
    assert isinstance(chosen.optimizer([nn.Parameter(torch.zeros(2))], {"lr": 0.1}), Choosy)


def test_the_contract_of_torch_is_plain() -> None:
    assert adapter_of(torch.optim.AdamW) == PLAIN
    assert adapter_of(lambda params, lr: torch.optim.SGD(params, lr=lr)) == PLAIN


FORCE: list[tuple[str, Mapping[str, Any], Callable[[Any], float]]] = [
    ("prodigyopt:Prodigy", {"lr": 1.0}, lambda group: group["d"] * group["lr"]),
    ("pytorch_optimizer:Prodigy", {"lr": 1.0}, lambda group: group["d"] * group["lr"]),
]


@pytest.mark.parametrize(("name", "configuration", "rate"), FORCE)
def test_the_lr_in_force_is_d_times_lr(
    name: str, configuration: Mapping[str, Any], rate: Callable[[Any], float]
) -> None:
    installed(name)
    small, data = optimizers.tasks()["mlp"]
    loop = TrainingLoop(small, variant(name), configuration, 0, data=data, epochs=2)
    reports = list(loop)
    assert reports[-1]["lr"] == pytest.approx(rate(loop.optimizer.param_groups[0]))
    assert reports[-1]["lr"] < 0.5


# --- The table of all names


QUICK = ["torch.optim.Muon", "torch.optim.SparseAdam", "torch.optim.AdamW"]


@pytest.mark.parametrize("name", QUICK)
def test_optimizers_of_torch_are_right_or_refused(name: str) -> None:
    assert optimizers.check(name).kind == ("refused" if name == "torch.optim.SparseAdam" else "right")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_every_name_is_right_or_refused() -> None:
    installed("pytorch_optimizer")
    rows = list(optimizers.rows(optimizers.supported()))
    assert [row for row in rows if row.kind == "wrong"] == []
    refused = [row for row in rows if row.kind == "refused"]
    assert all(row.detail and "\n" not in row.detail for row in refused)
    assert len(refused) <= 0.15 * len(rows)
    assert (pathlib.Path(__file__).parents[2] / "docs" / "optimizers.md").read_text(encoding="utf-8")
