"""Model families: every model of the package makes a task with every dataset that fits it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from trainables import file_datasets
from trainables.dataset import Summary
from trainables.datasets import KNOWN, summary
from trainables.mlp import LogisticRegression, Mlp
from trainables.models import ConvAutoencoder
from trainables.named_tasks import AUGMENTED, TITLES, kind_of_files
from trainables.names import InputError, unknown
from trainables.resnet import CifarResNet
from trainables.synthetic_datasets import Quadratic
from trainables.task_definition import Task, augmented
from trainables.transformer import Gpt, Vit

Model = Callable[..., nn.Module]


@dataclass(frozen=True)
class Family:
    """A model with its loss and metrics, for any dataset that fits.

    Args:
        title: name of the model in descriptions.
        model: maps a summary of the data to the factory of the model.
        misfit: maps name and summary of a dataset to the requirement that it does not meet; empty if it fits.
        loss: maps a summary of the data to the name of the loss.
        metrics: names.
        settings: hyperparameters of the model, with their defaults.
        batch_size: images a step on datasets that :data:`BATCH_SIZES` does not list.
    """

    title: str
    model: Callable[[Summary], Model]
    misfit: Callable[[str, Summary], str]
    loss: Callable[[Summary], str]
    metrics: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 128


def _sized(factory: Model) -> Callable[[Summary], Model]:
    return lambda data: functools.partial(factory, shape=data.shape, classes=data.classes)


def _windowed(data: Summary) -> Model:
    return functools.partial(Gpt, shape=data.shape)


def _standardised(data: Summary) -> Model:
    return functools.partial(_sized(CifarResNet)(data), mean=data.mean, std=data.std)


def _images_of_classes(name: str, data: Summary) -> str:
    return _classes(name, data) or (
        "" if len(data.shape) == 3 else "images of shape [channels, height, width]"
    )


def _classes(name: str, data: Summary) -> str:
    return "" if data.classes is not None and data.classes > 1 else "two or more classes as targets"


def _mnist_like(name: str, data: Summary) -> str:
    return "" if data.shape == (1, 28, 28) else "images of 1 x 28 x 28"


def _a_text(name: str, data: Summary) -> str:
    return "" if name == "text" or kind_of_files(name) == "text" else "a text (text, or text:FILE)"


def _the_bowl(name: str, data: Summary) -> str:
    return "" if name == "ill_conditioned" else "the dataset ill_conditioned"


def _one_or_many(data: Summary) -> str:
    return "binary_cross_entropy" if data.classes == 2 else "cross_entropy"


FAMILIES = {
    "autoencoder": Family(
        "convolutional autoencoder (224,177 parameters), mean squared error",
        lambda data: ConvAutoencoder,
        _mnist_like,
        lambda data: "reconstruction",
        settings={
            "activation": "leaky_relu",
            "slope": 0.01,
            "initialisation": "glorot_uniform",
            "width": 1.0,
        },
    ),
    "resnet": Family(
        "residual network of 6 depth + 2 layers, cross entropy",
        _standardised,
        _images_of_classes,
        lambda data: "cross_entropy",
        ("accuracy",),
        {"depth": 3, "width": 1.0, "activation": "relu", "slope": 0.01, "initialisation": "he_normal"},
    ),
    "mlp": Family(
        "multilayer perceptron, cross entropy",
        _sized(Mlp),
        _classes,
        lambda data: "cross_entropy",
        ("accuracy",),
        {"width": 128, "depth": 2, "activation": "relu", "slope": 0.01, "initialisation": "he_normal"},
    ),
    "logistic": Family(
        "logistic regression",
        _sized(LogisticRegression),
        _classes,
        _one_or_many,
        ("accuracy",),
        batch_size=64,
    ),
    "quadratic": Family(
        "bowl with known optimum and minimum",
        lambda data: Quadratic,
        _the_bowl,
        lambda data: "mean_output",
        batch_size=16,
    ),
    "gpt": Family(
        "decoder of bytes (GPT), cross entropy of the next byte",
        _windowed,
        _a_text,
        lambda data: "next_byte",
        settings={"width": 64, "depth": 2, "heads": 4, "context": 64, "qk_norm": False},
        batch_size=8,
    ),
    "vit": Family(
        "vision transformer, cross entropy",
        _sized(Vit),
        _images_of_classes,
        lambda data: "cross_entropy",
        ("accuracy",),
        {"width": 64, "depth": 2, "heads": 4, "patch": 4, "qk_norm": False},
    ),
}
BATCH_SIZES = {"digits": 64, "synthetic": 16}
"""Images a step on the small datasets."""
LISTED = (
    "autoencoder/digits", "autoencoder/mnist", "autoencoder/fashion_mnist",
    "resnet/digits", "resnet/cifar10", "resnet/cifar10+augmented",
    "mlp/digits", "mlp/mnist", "logistic/digits", "logistic/synthetic", "quadratic/ill_conditioned",
    "gpt/text", "vit/digits", "vit/cifar10",
)  # fmt: skip
"""Tasks that tables list; any other pair of model and dataset that fits is a task as well."""


def compose(name: str) -> Task | None:
    """Return the task of ``model/dataset``; None for an unknown model or dataset.

    Raises:
        InputError: for a user's files that are missing or malformed, for an unknown model for them, and for
            data that do not fit.
    """
    model, _, dataset = name.partition("/")
    files = kind_of_files(dataset) is not None
    if files and model not in FAMILIES:
        raise unknown("model", model, FAMILIES)
    if model not in FAMILIES or not (files or dataset in TITLES):
        return None
    return _composed(name, model, dataset, summary(dataset))


@functools.lru_cache(maxsize=256)
def _composed(name: str, model: str, dataset: str, data: Summary) -> Task:
    family = FAMILIES[model]
    lacking = family.misfit(dataset, data)
    if lacking:
        fitting = [known for known, other in FAMILIES.items() if not other.misfit(dataset, data)]
        shape, classes = " x ".join(map(str, data.shape)), "no" if data.classes is None else data.classes
        have = f"shape {shape} and {classes} classes"
        raise InputError(
            f"model {model!r} needs {lacking}; {dataset} has {have} (models that fit: "
            f"{', '.join(fitting) or 'none'})"
        )
    return Task(
        name,
        file_datasets.absolute(dataset) if dataset not in KNOWN else dataset,
        family.model(data),
        family.loss(data),
        family.metrics,
        family.settings,
        BATCH_SIZES.get(dataset, family.batch_size),
        description=f"{family.title}, on {TITLES.get(dataset, dataset)}",
    )


def listed_tasks() -> list[Task]:
    """Return the tasks of :data:`LISTED`."""
    tasks = []
    for name in LISTED:
        plain = compose(name.removesuffix(AUGMENTED))
        if plain is not None:
            tasks.append(augmented(plain) if name.endswith(AUGMENTED) else plain)
    return tasks
