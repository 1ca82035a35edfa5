"""Bad tasks: each gives one clear line before anything runs."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables.dataset import Dataset
from trainables.names import InputError
from trainables.task_checks import check_task
from trainables.task_definition import Task
from trainables.tasks import task


def tiny(shape: tuple[int, ...] = (1, 4, 4), classes: int = 3) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    return Dataset(
        "tiny",
        torch.rand(9, *shape, generator=generator),
        torch.arange(9) % classes,
        torch.rand(3, *shape),
        torch.arange(3) % classes,
    )


class Linear(nn.Module):
    """A linear model whose output is reshaped."""

    def __init__(
        self,
        generator: torch.Generator,
        *,
        outputs: int = 3,
        inputs: int = 16,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, outputs)
        self.shape = (outputs,) if shape is None else shape
        nn.init.normal_(self.dense.weight, generator=generator)
        nn.init.zeros_(self.dense.bias)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.dense(images.flatten(1)).reshape(len(images), *self.shape)
        return scores


class Other(Linear):
    """Not a tensor, but two."""

    def forward(self, images: Tensor) -> Any:
        return self.dense(images.flatten(1)), images


class OfFour(Linear):
    """Takes batches of four images only."""

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.dense(images.reshape(4, 16))
        return scores


def frozen(generator: torch.Generator) -> nn.Module:
    """Return a model whose weights take no gradient."""
    return Linear(generator).requires_grad_(False)


class Careless(nn.Module):
    """Weights from the global generator."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.dense = nn.Linear(16, 3)


def test_good_tasks_pass() -> None:
    check_task(Task("good/tiny", tiny, Linear, "cross_entropy", ["accuracy"]), tiny())
    check_task(Task("good/tiny", tiny, Linear, "mse", settings={"outputs": 1}), tiny())
    check_task(
        Task("good/tiny", tiny, Linear, "reconstruction", settings={"outputs": 16, "shape": (1, 4, 4)}),
        tiny(),
    )
    check_task(
        Task("good/tiny", tiny, Linear, "binary_cross_entropy", ["accuracy"], {"outputs": 1}), tiny(classes=2)
    )
    check_task(
        Task("good/tiny", tiny, Linear, lambda outputs, x, y: outputs.mean() * math.nan), tiny()
    )  # diverging is a result
    check_task(task("function/ishigami"), tiny())


def swapped(**parts: Tensor) -> Dataset:
    return dataclasses.replace(tiny(), **parts)


BAD = [
    pytest.param(
        {"loss": "cross_entropy", "settings": {"outputs": 2}},
        {},
        r"\[4, 2\], but cross_entropy needs \[4, classes\] with at least 3 classes",
        id="too few classes",
    ),
    pytest.param(
        {"loss": "cross_entropy", "settings": {"outputs": 3, "shape": (3, 1)}},
        {},
        r"shape \[4, 3, 1\], but cross_entropy needs \[4, classes\]",
        id="a dimension too many",
    ),
    pytest.param(
        {"loss": "reconstruction"},
        {},
        r"output has shape \[4, 3\], but reconstruction needs that of the images, \[4, 1, 4, 4\]",
        id="no images",
    ),
    pytest.param(
        {"loss": "mse"},
        {},
        r"output has shape \[4, 3\], but mse needs that of the targets, \[4\]",
        id="broadcast",
    ),
    pytest.param(
        {"loss": "binary_cross_entropy"},
        {},
        r"output has shape \[4, 3\], but binary_cross_entropy needs \[4\] or \[4, 1\]",
        id="one per class",
    ),
    pytest.param(
        {"loss": "binary_cross_entropy", "settings": {"outputs": 1}},
        {},
        "needs classes 0 and 1, got up to 2",
        id="three classes",
    ),
    pytest.param(
        {"loss": "binary_cross_entropy", "settings": {"outputs": 1}},
        {"y_train": torch.arange(9) % 2 * 2 - 1},
        "binary_cross_entropy needs classes 0 and 1, got",
        id="classes of -1 and 1",
    ),
    pytest.param(
        {"loss": "cross_entropy"},
        {"y_test": torch.tensor([0, 1, 3])},
        r"\[4, 3\], but cross_entropy needs \[4, classes\] with at least 4 classes",
        id="a class that only the test images have",
    ),
    pytest.param(
        {"loss": "cross_entropy"},
        {"y_train": torch.rand(9)},
        "cross_entropy needs classes as whole numbers, got y of torch.float32",
        id="real classes",
    ),
    pytest.param(
        {"settings": {"inputs": 7}},
        {},
        r"the model does not take images of shape \[4, 1, 4, 4\]: RuntimeError: mat1 and mat2",
        id="other inputs",
    ),
    pytest.param(
        {"settings": {"width": 7}},
        {},
        r"model\(generator, width=7\) raises TypeError: .*unexpected keyword argument 'width'",
        id="unknown setting",
    ),
    pytest.param(
        {"model": lambda generator: "a model"},
        {},
        r"model\(generator\) must return a torch.nn.Module, got str",
        id="no module",
    ),
    pytest.param(
        {"model": nn.Linear}, {}, r"model\(generator\) raises TypeError", id="a class without generator"
    ),
    pytest.param(
        {"model": lambda generator: nn.Flatten()}, {}, "the model has no parameters to train", id="no weights"
    ),
    pytest.param({"model": frozen}, {}, "the model has no parameters to train", id="frozen weights"),
    pytest.param(
        {"model": OfFour},
        {},
        r"the model does not take images of shape \[2, 1, 4, 4\]: RuntimeError",
        id="one size of batches",
    ),
    pytest.param(
        {"model": Careless},
        {},
        r"does not draw its weights from the generator, .*; use model=seeded",
        id="global generator",
    ),
    pytest.param(
        {"model": Other},
        {},
        r"loss cross_entropy does not take outputs of tuple with y of shape \[4\] and torch.int64: TypeError",
        id="two outputs",
    ),
    pytest.param(
        {"loss": lambda outputs, x, y: outputs},
        {},
        r"loss <lambda> must be a scalar tensor, the mean over the images; got shape \[4, 3\]",
        id="loss per image",
    ),
    pytest.param(
        {"loss": lambda outputs, x, y: 1.0},
        {},
        "must be a scalar tensor, the mean over the images; got float",
        id="a number as loss",
    ),
    pytest.param(
        {"loss": lambda outputs, x, y: outputs.argmax()},
        {},
        r"must be a scalar tensor.*; got shape \[\] and torch.int64",
        id="a whole number as loss",
    ),
    pytest.param(
        {"loss": lambda outputs, x, y: outputs.detach().mean()},
        {},
        "the loss does not depend on the model's weights",
        id="detached",
    ),
    pytest.param(
        {"loss": lambda outputs, x: 1.0},
        {},
        r"does not take outputs of shape \[4, 3\] .*: TypeError: .*positional argument",
        id="two arguments",
    ),
    pytest.param(
        {"loss": lambda outputs, x, y: nn.functional.mse_loss(outputs, y)},
        {},
        r"loss <lambda> does not take outputs of shape \[4, 3\]",
        id="own loss that broadcasts",
    ),
    pytest.param(
        {"metrics": {"top": lambda outputs, x, y: outputs[0]}},
        {},
        r"metric 'top' <lambda> must be a scalar tensor.*; got shape \[3\]",
        id="metric per class",
    ),
    pytest.param(
        {"metrics": {"top": lambda outputs, x, y: 1 / 0}},
        {},
        r"metric 'top' <lambda> does not take .*: ZeroDivisionError: division by zero",
        id="metric that raises",
    ),
    pytest.param(
        {"augment": lambda x, generator: x[:, :, 1:]},
        {},
        r"augment must keep the shape \[4, 1, 4, 4\], got shape \[4, 1, 3, 4\]",
        id="augmentation that crops",
    ),
    pytest.param(
        {"augment": lambda x: x},
        {},
        r"augment does not take images of shape \[4, 1, 4, 4\]: TypeError",
        id="augmentation without generator",
    ),
    pytest.param(
        {},
        {"y_train": torch.arange(5)},
        r"x_train and y_train of its dataset need one entry per image, got shapes \[9, 1, 4, 4\] and \[5\]",
        id="labels lack",
    ),
    pytest.param(
        {},
        {"x_train": torch.rand(0, 1, 4, 4), "y_train": torch.arange(0)},
        r"x_train and y_train of its dataset need one entry per image, got shapes \[0, 1, 4, 4\] and \[0\]",
        id="no training images",
    ),
    pytest.param(
        {},
        {"y_test": torch.tensor(1)},
        r"x_test and y_test of its dataset need one entry per image, got shapes \[3, 1, 4, 4\] and \[\]",
        id="one label for all",
    ),
    pytest.param(
        {},
        {"x_test": torch.rand(3, 1, 5, 5)},
        r"must have one shape, got \[1, 4, 4\] and \[1, 5, 5\]",
        id="other test images",
    ),
    pytest.param(
        {},
        {"y_test": [0, 1, 2]},
        "x_test and y_test of its dataset must be tensors, got Tensor and list",
        id="a list of labels",
    ),
]


@pytest.mark.parametrize(("fields", "parts", "message"), BAD)
def test_bad_tasks_give_one_line(fields: dict[str, Any], parts: dict[str, Any], message: str) -> None:
    bad = Task("bad/tiny", tiny, **{"model": Linear, "loss": "cross_entropy", **fields})
    with pytest.raises(InputError, match=message) as caught:
        check_task(bad, swapped(**parts))
    assert str(caught.value).startswith("task 'bad/tiny': ")
    assert "\n" not in str(caught.value)
