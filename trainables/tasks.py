"""Tasks: what is trained, on what, and how well it is done. A task is named; its fingerprint says when two results are comparable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch.nn import functional

from trainables.models import ConvAutoencoder
from trainables.names import unknown

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Task:
    """Model, data and loss.

    Args:
        name: ``model/dataset``.
        dataset: name of the dataset.
        model: makes a fresh model from a generator, which draws its weights, and the settings as keyword arguments.
        loss: ``(outputs, x, y)`` of a batch to a scalar, the mean over its images.
        metrics: further measures of the same form by name, such as accuracy.
        settings: hyperparameters that the model takes, with their defaults.
        batch_size: images a step when a study says nothing else.
        version: raised when the numbers that the task gives change, so that old results are not mixed with new ones.
        description: one line.
    """

    name: str
    dataset: str
    model: Callable[..., nn.Module] = field(repr=False)
    loss: Callable[[Tensor, Tensor, Tensor], Tensor] = field(repr=False)
    metrics: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = field(default_factory=dict, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 64
    version: int = 1
    description: str = ""

    def fingerprint(self, limit: int | None = None) -> str:
        """What results of this task depend on besides the trial's own settings; equal fingerprints are comparable."""
        content = json.dumps([self.name, self.version, limit])
        return hashlib.sha256(content.encode()).hexdigest()[:12]


def reconstruction(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared error of the reconstruction."""
    return functional.mse_loss(outputs, x)


AUTOENCODER = "convolutional autoencoder (224,177 parameters), mean squared error"
TASKS: dict[str, Task] = {
    each.name: each
    for each in (
        Task(
            "autoencoder/digits",
            "digits",
            ConvAutoencoder,
            reconstruction,
            batch_size=64,
            description=f"{AUTOENCODER}, on scikit-learn's digits at 28 x 28",
        ),
        Task("autoencoder/mnist", "mnist", ConvAutoencoder, reconstruction, batch_size=128, description=f"{AUTOENCODER}, on MNIST"),
    )
}


def task(name: str) -> Task:
    """The named task. Raises: InputError with the nearest known name."""
    if name not in TASKS:
        raise unknown("task", name, TASKS)
    return TASKS[name]


def task_names() -> tuple[str, ...]:
    """Every known task."""
    return tuple(TASKS)


def task_fingerprint(name: str, limit: int | None = None) -> str:
    """:meth:`Task.fingerprint` by name."""
    return task(name).fingerprint(limit)


def default_batch_size(name: str) -> int:
    """Images a step when a study says nothing else."""
    return task(name).batch_size
