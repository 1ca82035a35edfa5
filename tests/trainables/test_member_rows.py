"""Models, losses and metrics for K members at once: each member's are those of its own model, in float64 to 1e-12."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables.member_rows import member_rows
from trainables.mlp import LogisticRegression, Mlp
from trainables.synthetic_datasets import Quadratic
from trainables.task_definition import Task

MEMBERS, FEATURES = 3, 10
MODELS: dict[str, tuple[Callable[..., nn.Module], str, int]] = {
    "logistic, two classes": (functools.partial(LogisticRegression, shape=(FEATURES,), classes=2), "binary_cross_entropy", 2),
    "logistic, four classes": (functools.partial(LogisticRegression, shape=(2, 5), classes=4), "cross_entropy", 4),
    "perceptron": (functools.partial(Mlp, shape=(1, 2, 5), classes=3, width=7), "cross_entropy", 3),
    "perceptron, leaky": (functools.partial(Mlp, shape=(FEATURES,), classes=3, width=4, activation="leaky_relu"), "cross_entropy", 3),
    "perceptron, one output": (functools.partial(Mlp, shape=(FEATURES,), classes=1, width=5), "binary_cross_entropy", 2),
    "perceptron, one unit": (functools.partial(Mlp, shape=(FEATURES,), classes=2, width=1), "cross_entropy", 2),
    "perceptron, no hidden layer": (functools.partial(Mlp, shape=(FEATURES,), classes=3, depth=0), "cross_entropy", 3),
    "quadratic": (Quadratic, "mean_output", 1),
}


def stacked(models: list[nn.Module]) -> list[Tensor]:
    return [
        torch.stack([param.detach() for param in params]).requires_grad_()
        for params in zip(*(model.parameters() for model in models), strict=True)
    ]


@pytest.mark.parametrize("batch", [1, 2, 11])
@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_each_member_is_its_own_model(name: str, twice: bool, batch: int) -> None:
    factory, loss, classes = MODELS[name]
    task = Task("own/data", "digits", factory, loss, [] if loss == "mean_output" else ["accuracy"])
    generator = torch.Generator().manual_seed(0)
    models: list[Any] = [factory(generator).double() for _ in range(MEMBERS)]
    for model in models:
        for param in model.parameters():
            param.data.normal_(generator=generator)
    shape = getattr(factory, "keywords", {}).get("shape", (FEATURES,))
    x = torch.randn((MEMBERS, batch, *shape), generator=generator, dtype=torch.float64)
    y = torch.randint(0, classes, (MEMBERS, batch), generator=generator)
    rows, params = member_rows(task, models[0]), stacked(models)
    assert rows is not None
    losses = rows.loss(params, x, y, twice=twice)
    gradients = torch.autograd.grad(losses.sum(), params)
    measures = rows.measure(params, x, y)
    for k, model in enumerate(models):
        outputs = model(x[k])
        alone = task.loss(outputs, x[k], y[k])
        torch.testing.assert_close(losses[k], alone, rtol=1e-12, atol=1e-12)
        for together, gradient in zip(gradients, torch.autograd.grad(alone, list(model.parameters())), strict=True):
            torch.testing.assert_close(together[k], gradient, rtol=1e-12, atol=1e-12)
        own = [measure(outputs, x[k], y[k]).item() for measure in (task.loss, *task.metrics.values())]
        assert measures[k].tolist() == pytest.approx(own, rel=1e-6)


def test_frozen_parameters_are_left_to_the_model() -> None:
    factory, loss, _ = MODELS["perceptron"]
    model: Any = factory()
    model.dense[0].bias.requires_grad_(False)
    assert member_rows(Task("own/data", "digits", factory, loss), model) is None
