"""A plain loop: an optimizer class called by the documented contract of its family."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from trainables.dataset import Dataset
from trainables.randomness import global_stream, stream
from trainables.task_definition import Task

STEPS_PER_EPOCH, EPOCHS, BATCH = 10, 2, 16
MUONS = ("AdaGO", "AdaMuon", "Muon", "MuonClip", "NorMuon")
WITH_GRAPH = ("AdaHessian", "SophiaH")
EVALUATING = ("LBFGS",)


def plain(name: str, task: Task, data: Dataset, configuration: dict[str, Any]) -> nn.Module:
    """Return a model that the class itself has trained, by the contract of its family."""
    make = getattr(*home(name))
    model = task.model(stream(0, "weights"))
    with global_stream(0, "optimizer"):
        optimizers = made(name, make, model, configuration)
    order = stream(0, "shuffling")
    for epoch in range(EPOCHS):
        with global_stream(0, f"dropout/{epoch}"):
            for optimizer in optimizers:
                if hasattr(optimizer, "train"):
                    optimizer.train()
            for chosen in torch.split(torch.randperm(len(data.x_train), generator=order), BATCH):
                x, y = data.x_train[chosen], data.y_train[chosen]
                step(optimizers, make.__name__, lambda x=x, y=y: task.loss(model(x), x, y))  # type: ignore[misc]
    for optimizer in optimizers:
        if hasattr(optimizer, "eval"):
            optimizer.eval()
    return model


def made(name: str, make: Any, model: nn.Module, configuration: dict[str, Any]) -> list[Any]:
    """Return the optimizers of a plain loop."""
    short = make.__name__
    if name.startswith("heavyball"):
        importlib.import_module("heavyball.utils").compile_mode = None
    if short in MUONS and not name.startswith("heavyball"):
        hidden, others = divided(model)
        if name == "torch.optim.Muon":
            options = {"lr": configuration["lr"], "weight_decay": 0.1}
            muon = [make(hidden, adjust_lr_fn="match_rms_adamw", **options)] if hidden else []
            return [*muon, torch.optim.AdamW(others, **options)]
        groups = [{"params": hidden, "use_muon": True}, {"params": others, "use_muon": False}]
        return [make(groups, **configuration)]
    extra = {
        "AdaFactor": {"relative_step": False},
        "Ranger21": {"num_iterations": STEPS_PER_EPOCH * EPOCHS},
    }.get(short, {})
    first = model if "model" in inspect.signature(make).parameters else model.parameters()
    return [make(first, **configuration, **extra)]


def divided(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Return the hidden matrices, and the other parameters."""
    params = dict(model.named_parameters())
    names = [name for name in params if name in ("dense.0.weight", "dense.2.weight", "matrix")]
    return [params[name] for name in names], [params[name] for name in params if name not in names]


def step(optimizers: list[Any], short: str, loss_of: Callable[[], Tensor]) -> None:
    """Take a step by the contract of a family."""

    def closure() -> Tensor:
        optimizers[0].zero_grad()
        with torch.enable_grad():
            loss = loss_of()
            loss.backward()
        return loss

    if short in EVALUATING:
        optimizers[0].step(closure)
        return
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss = loss_of()
    loss.backward(create_graph=short in WITH_GRAPH)
    for optimizer in optimizers:
        optimizer.step(*([lambda: float(loss)] if short == "AliG" else []))


def apart(one: nn.Module, other: nn.Module) -> float:
    """Return the largest difference of two models' parameters, relative to the largest parameter."""
    pairs = list(zip(one.parameters(), other.parameters(), strict=True))
    scale = max(float(b.detach().abs().max()) for _, b in pairs)
    worst = max(float((a - b).detach().abs().max()) for a, b in pairs)
    return worst / scale if math.isfinite(worst) else math.inf


@torch.no_grad()
def full_loss(model: nn.Module, task: Task, data: Dataset) -> float:
    """Return the loss over the training data."""
    return float(task.loss(model(data.x_train), data.x_train, data.y_train))


def home(name: str) -> tuple[Any, str]:
    module, _, short = name.partition(":") if ":" in name else name.rpartition(".")
    return importlib.import_module(module), short
