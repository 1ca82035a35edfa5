"""Hyperparameters of the loop at work: decay, clipping, schedules, second order, metrics, batch norm,
precision, odd tasks."""

from __future__ import annotations

import copy
import dataclasses
import io
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainables.test_training import FIELDS, numbers, some_digits
from trainables.dataset import Dataset
from trainables.losses import reconstruction
from trainables.names import InputError
from trainables.task_definition import Task
from trainables.tasks import task
from trainables.training import TrainingLoop, stream
from trainables.variants import variant

EPOCHS, BATCH = 2, 16


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Dense(nn.Module):
    """A small network on flat inputs, in float64."""

    def __init__(self, generator: torch.Generator, *, width: int = 4, norm: bool = False) -> None:
        super().__init__()
        middle = [nn.BatchNorm1d(width)] if norm else []
        self.layers = nn.Sequential(nn.Linear(3, width), *middle, nn.Tanh(), nn.Linear(width, 2)).double()
        with torch.no_grad():
            for layer in self.layers:
                if isinstance(layer, nn.Linear):
                    layer.weight.copy_(
                        torch.randn(layer.weight.shape, generator=generator, dtype=torch.float64)
                    )
                    layer.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


def error(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return (outputs - y).square().mean()


def accuracy(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return (outputs.sign() == y.sign()).double().mean()


def points(train: int = 40, test: int = 10) -> Dataset:
    generator = torch.Generator().manual_seed(3)
    x, y = (torch.randn(train + test, n, generator=generator, dtype=torch.float64) for n in (3, 2))
    return Dataset("points", x[:train], y[:train], x[train:], y[train:])


DENSE = Task(
    "dense/points", "points", Dense, error, {"accuracy": accuracy}, {"width": 4, "norm": False}, BATCH
)


def loop(name: Any, configuration: dict[str, Any], **others: Any) -> TrainingLoop:
    arguments = {"task": DENSE, "data": points(), "epochs": EPOCHS, "seed": 0, **others}
    return TrainingLoop(
        arguments.pop("task"), variant(name), configuration, arguments.pop("seed"), **arguments
    )


def by_hand(optimizer: Any, clip: float | None = None, factor: Any = None) -> list[Tensor]:
    """What plain PyTorch reaches on the same batches."""
    data, model = points(), Dense(stream(0, "weights"))
    running, shuffling, t = optimizer(model.parameters()), stream(0, "shuffling"), 0
    rates = [group["lr"] for group in running.param_groups]
    for _ in range(EPOCHS):
        for chosen in torch.split(torch.randperm(40, generator=shuffling), BATCH):
            t += 1
            for group, lr in zip(running.param_groups, rates, strict=True):
                group["lr"] = lr * (factor(t) if factor else 1)
            running.zero_grad()
            error(model(data.x_train[chosen]), data.x_train[chosen], data.y_train[chosen]).backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            running.step()
    return [param.detach() for param in model.parameters()]


SAME = [  # our configuration of a variant, and PyTorch's own way to the same numbers
    pytest.param(
        "cm", {"lr": 0.1, "mu": 0.9, "weight_decay": 0.3}, {"weight_decay": 0.3}, {}, id="coupled decay"
    ),
    pytest.param("cm", {"lr": 0.1, "mu": 0.9, "clip_norm": 0.05}, {}, {"clip": 0.05}, id="clipping"),
    pytest.param(
        "cm",
        {"lr": 0.1, "mu": 0.9, "clip_norm": 0.05, "weight_decay": 0.3},
        {"weight_decay": 0.3},
        {"clip": 0.05},
        id="clip, then decay",
    ),
    pytest.param(
        "cm",
        {"lr": 0.1, "mu": 0.9, "lr_schedule": "linear"},
        {},
        {"factor": lambda t: 1 - (t - 1) / 6},
        id="a schedule at every step",
    ),
]


@pytest.mark.parametrize(("name", "configuration", "keywords", "others"), SAME)
def test_the_loop_is_plain_pytorch(
    name: str, configuration: dict[str, Any], keywords: dict[str, Any], others: dict[str, Any]
) -> None:
    one = loop(name, configuration)
    list(one)
    theirs = by_hand(lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9, **keywords), **others)
    for mine, other in zip(one.params, theirs, strict=True):
        torch.testing.assert_close(mine.detach(), other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_decoupled_decay_of_adam_is_adamw(schedule: str) -> None:
    factor = (lambda t: (1 + math.cos(math.pi * (t - 1) / 6)) / 2) if schedule == "cosine" else None
    theirs = by_hand(lambda params: torch.optim.AdamW(params, lr=0.1, weight_decay=0.3), factor=factor)
    decayed = {"weight_decay": 0.3, "lr_schedule": schedule}
    ours = loop("adam", {"lr": 0.1, "mu": 0.9, "nu": 0.999, "weight_decay_kind": "decoupled", **decayed})
    torchs = loop("torch.optim.AdamW", {"lr": 0.1, **decayed})
    reports = [list(ours), list(torchs)]
    for mine, same, other in zip(ours.params, torchs.params, theirs, strict=True):
        torch.testing.assert_close(mine.detach(), other, rtol=1e-10, atol=1e-12)
        assert torch.equal(same, other)
    assert reports[0][-1]["lr"] == reports[1][-1]["lr"] == pytest.approx(0.1 * (factor(6) if factor else 1))


def test_the_reported_gradient_is_the_losss_before_clipping_and_decay() -> None:
    plain, changed = ({"lr": 1e-12, **more} for more in ({}, {"clip_norm": 1e-6, "weight_decay": 0.5}))
    assert loop("sgd", plain).train_epoch()["grad_norm"] == pytest.approx(
        loop("sgd", changed).train_epoch()["grad_norm"], rel=1e-6
    )


def test_a_setting_of_the_model_and_the_batch_size_reach_their_places() -> None:
    one = loop("sgd", {"lr": 0.1, "width": 7, "batch_size": 20}, batch_size=5)
    assert one.params[0].shape == (7, 3)
    assert one.batch_size == 20
    list(one)
    assert one.step == 2 * EPOCHS


def test_metrics_are_reported_after_every_epoch_for_both_parts() -> None:
    one = loop("adam", {"lr": 0.01})
    report = one.train_epoch()
    assert set(report) == FIELDS | {"train_accuracy", "test_accuracy"}
    for part, x, y in (
        ("train", one.data.x_train, one.data.y_train),
        ("test", one.data.x_test, one.data.y_test),
    ):
        assert report[f"{part}_accuracy"] == pytest.approx(accuracy(one.model(x), x, y).item(), rel=1e-6)


def test_without_test_images_the_test_numbers_are_nan() -> None:
    report = loop("sgd", {"lr": 0.01}, data=points(test=0)).train_epoch()
    assert math.isnan(report["test_loss"])
    assert math.isnan(report["test_accuracy"])
    assert report["status"] == "running"


# --- second order


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["egd", "egd_momentum", "nag-scaled-mean-constant+l1-sum-constant-second", "linf-mean-constant-second"],
)
@pytest.mark.parametrize("every", [1, 2, 20])
def test_second_order_trains_repeats_and_resumes_to_the_bit(name: str, every: int) -> None:
    chosen = variant(name)
    configuration = {"lr": 1e-3, "curvature_every": every, "curvature_samples": 2, "epsilon": 1e-2}
    data, digit_task = some_digits(), task("autoencoder/digits")

    def fresh() -> TrainingLoop:
        return TrainingLoop(digit_task, chosen, configuration, 0, data=data, epochs=3, batch_size=BATCH)

    whole = list(fresh())
    assert numbers(list(fresh())) == numbers(whole)
    assert set(whole[0]) == FIELDS | {"fell_back"}
    assert [report["fell_back"] for report in whole] == pytest.approx(
        [0.0, *[math.nan if every == 20 else 0.0] * 2], nan_ok=True
    )
    first, file = fresh(), io.BytesIO()
    begun = [first.train_epoch()]
    torch.save(first.state_dict(), file)
    file.seek(0)
    resumed = fresh()
    resumed.load_state_dict(torch.load(file, map_location="cpu"))
    assert numbers([*begun, *resumed]) == numbers(whole)


def test_the_order_may_be_a_hyperparameter() -> None:
    assert "fell_back" in loop("adam", {"lr": 0.01, "order": "second"}).train_epoch()
    assert "fell_back" not in loop("adam", {"lr": 0.01, "order": "first"}).train_epoch()


class Kinked(nn.Module):
    """Half of its weights have an infinite second derivative at 0, where they begin, and a gradient of 0."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.sharp, self.smooth = (nn.Parameter(torch.full((3,), start)) for start in (0.0, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.sharp.abs().pow(1.5) + self.smooth.square()


def test_the_share_that_falls_back_is_reported() -> None:
    kinked = Task("kinked/digits", "digits", Kinked, lambda outputs, x, y: outputs.sum())
    report = loop("egd", {"lr": 1e-3}, task=kinked, data=some_digits()).train_epoch()
    assert report["fell_back"] == 0.5


def test_a_model_that_cannot_be_differentiated_twice_says_so() -> None:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, values: Tensor) -> Tensor:
            return values.clone()

        @staticmethod
        @torch.autograd.function.once_differentiable  # type: ignore[misc]
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return gradient.clone()

    class Model(nn.Module):
        def __init__(self, generator: torch.Generator) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            return Once.apply(x.float() * self.weight)  # type: ignore[no-any-return, no-untyped-call]

    task = Task("once/points", "points", Model, lambda outputs, x, y: outputs.square().mean())
    with pytest.raises(InputError, match="differentiated twice"):
        loop("egd", {"lr": 0.1}, task=task).train_epoch()


# --- batch norm, augmentation, precision, layouts


def test_the_first_loss_of_batch_norm_is_that_of_batches_and_leaves_no_trace() -> None:
    data = points()
    far = dataclasses.replace(
        data, x_train=data.x_train * 100 + 1000
    )  # far from the running statistics of a fresh layer
    one = loop("sgd", {"lr": 0.01, "norm": True}, data=far)
    norm = one.model.layers[1]  # type: ignore[index]
    assert (norm.num_batches_tracked, norm.running_mean.tolist(), norm.running_var.tolist()) == (
        0,
        [0] * 4,
        [1] * 4,
    )
    model = copy.deepcopy(one.model).train()
    assert one.initial_loss == pytest.approx(
        error(model(far.x_train), far.x_train, far.y_train).item(), rel=1e-6
    )


@pytest.mark.parametrize("images", [257, 513])
def test_no_piece_of_the_first_evaluation_is_a_single_image(images: int) -> None:
    assert math.isfinite(
        loop("sgd", {"lr": 0.01, "norm": True}, data=points(train=images), batch_size=15).initial_loss
    )


def test_running_statistics_that_lag_behind_are_no_divergence() -> None:
    def normed(generator: torch.Generator) -> nn.Module:
        return nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)).double()

    data = points()
    far = dataclasses.replace(data, x_train=data.x_train + 1e6, x_test=data.x_test + 1e6)
    one = loop("sgd", {"lr": 0.01}, task=Task("normed/points", "points", normed, error), data=far)
    report = one.train_epoch()
    assert report["train_loss_end"] > 100 * one.initial_loss  # after three steps of batch norm's momentum .1
    assert report["status"] == "running"
    assert list(loop("sgd", {"lr": 1e9}, task=one.task, data=far))[-1]["status"] == "diverged"


def test_batch_norm_trains_in_second_order() -> None:
    reports = list(loop("egd_momentum", {"lr": 0.01, "norm": True, "mu": 0.5}, batch_size=20))
    assert reports[-1]["status"] == "completed"
    assert reports[-1]["fell_back"] == 0


def test_augmentation_touches_training_batches_only_and_resumes() -> None:
    calls: list[int] = []

    def noisy(x: Tensor, generator: torch.Generator) -> Tensor:
        calls.append(len(x))
        return x + torch.randn(x.shape, generator=generator, dtype=x.dtype)

    changed = copy.copy(DENSE)
    object.__setattr__(changed, "augment", noisy)
    plain, one = loop("sgd", {"lr": 0.1}), loop("sgd", {"lr": 0.1}, task=changed)
    assert one.initial_loss == plain.initial_loss
    first = one.train_epoch()
    assert calls == [16, 16, 8]
    assert first["train_loss"] != plain.train_epoch()["train_loss"]
    resumed = loop("sgd", {"lr": 0.1}, task=changed)
    resumed.load_state_dict(copy.deepcopy(one.state_dict()))
    assert numbers([resumed.train_epoch()]) == numbers([one.train_epoch()])


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
def test_a_precision_is_a_choice_that_leaves_the_settings_as_they_were(precision: str) -> None:
    before = torch.backends.cudnn.conv.fp32_precision
    digit_task = task("autoencoder/digits")
    one = TrainingLoop(
        digit_task,
        variant("adam"),
        {"lr": 0.002},
        0,
        data=some_digits(),
        epochs=1,
        batch_size=BATCH,
        precision=precision,
    )
    plain = TrainingLoop(
        digit_task, variant("adam"), {"lr": 0.002}, 0, data=some_digits(), epochs=1, batch_size=BATCH
    )
    ours, theirs = one.train_epoch(), plain.train_epoch()
    assert torch.backends.cudnn.conv.fp32_precision == before
    assert all(param.dtype == torch.float32 for param in one.params)
    if precision == "bf16":
        assert ours["train_loss"] != theirs["train_loss"]
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=0.05)
    else:
        assert numbers([ours]) == numbers([theirs])


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"unknown precision 'bf32'; did you mean .* \(known: float32, tf32, bf16\)"
    ):
        loop("sgd", {"lr": 0.1}, precision="bf32")


def test_a_model_of_volumes_trains() -> None:
    volumes = torch.randn(4, 1, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    data = Dataset("volumes", volumes, volumes, volumes[:0], volumes[:0])
    both = Task("volumes/random", "volumes", lambda generator: nn.Conv3d(1, 1, 1), reconstruction)
    assert loop("sgd", {"lr": 0.01}, task=both, data=data).train_epoch()["status"] == "running"


class Careless(nn.Module):
    """Draws its weights and its dropout from the global generator."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2)).double()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


def test_a_model_that_draws_from_the_global_generator_repeats_and_resumes_to_the_bit() -> None:
    careless = Task("careless/points", "points", Careless, error)

    def fresh(seed: int = 0) -> TrainingLoop:
        return loop("adam", {"lr": 0.01}, task=careless, seed=seed, epochs=3)

    torch.manual_seed(1)
    whole = list(fresh())
    torch.manual_seed(2)
    state = torch.get_rng_state()
    first = fresh()
    begun = [first.train_epoch()]
    resumed = fresh()
    resumed.load_state_dict(copy.deepcopy(first.state_dict()))
    assert numbers([*begun, *resumed]) == numbers(whole)
    assert torch.equal(torch.get_rng_state(), state)
    assert fresh(seed=1).initial_loss != fresh().initial_loss


class Rateless(torch.optim.Optimizer):
    """Has no lr at all."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, {})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for param in self.param_groups[0]["params"]:
            param.sub_(0.01 * param.grad)


def test_an_optimizer_without_lr_trains_but_has_no_schedule() -> None:
    report = loop(Rateless, {"weight_decay": 0.1, "clip_norm": 1.0}).train_epoch()
    assert math.isnan(report["lr"])
    for more in (
        {"lr_schedule": "cosine"},
        {"lr_warmup": 0.5},
        {"weight_decay": 0.1, "weight_decay_kind": "decoupled"},
    ):
        with pytest.raises(InputError, match=r"need an optimizer with lr, which .*Rateless has not"):
            loop(Rateless, more)


@pytest.mark.slow
def test_second_order_in_bfloat16_trains() -> None:
    digit_task = task("autoencoder/digits")
    configuration = {"lr": 1e-3, "epsilon": 1e-2}
    one = TrainingLoop(
        digit_task,
        variant("egd"),
        configuration,
        0,
        data=some_digits(),
        epochs=1,
        batch_size=BATCH,
        precision="bf16",
    )
    report = one.train_epoch()
    assert (report["status"], report["fell_back"]) == ("completed", 0)


# --- optimizers of PyTorch


TORCH = [
    ("torch.optim.SGD", {"lr": 0.01, "mu": 0.9}, 0.9, math.nan),
    ("torch.optim.AdamW", {"lr": 0.01, "mu": 0.8, "nu": 0.95}, 0.8, 0.95),
    ("torch.optim.RMSprop", {"lr": 0.01, "nu": 0.95}, 0.0, 0.95),
    ("torch.optim.Adadelta", {"lr": 0.01, "nu": 0.95}, math.nan, 0.95),
    ("torch.optim.Muon", {"lr": 0.01, "mu": 0.9}, 0.9, math.nan),
    ("torch.optim.ASGD", {"lr": 0.01}, math.nan, math.nan),
    ("torch.optim.Rprop", {"lr": 0.01}, math.nan, math.nan),
]


@pytest.mark.parametrize(("name", "configuration", "mu", "nu"), TORCH)
def test_optimizers_of_pytorch_train_report_and_resume(
    name: str, configuration: dict[str, Any], mu: float, nu: float
) -> None:
    whole = list(loop(name, configuration))
    assert {each: whole[-1][each] for each in ("lr", "mu", "nu")} == pytest.approx(
        {"lr": 0.01, "mu": mu, "nu": nu}, nan_ok=True
    )
    first = loop(name, configuration)
    begun = [first.train_epoch()]
    resumed = loop(name, configuration)
    resumed.load_state_dict(copy.deepcopy(first.state_dict()))
    assert numbers([*begun, *resumed]) == numbers(whole)
