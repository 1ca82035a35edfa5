"""Tasks: what is trained, on what, and how well it is done. A task is named; its fingerprint says when two results are comparable."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainables.names import unknown

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Task:
    """Model, data and loss.

    Args:
        name: ``model/dataset``.
        dataset: name of the dataset.
        batch_size: images a step when a study says nothing else.
        version: raised when the numbers that the task gives change, so that old results are not mixed with new ones.
        description: one line.
    """

    name: str
    dataset: str
    batch_size: int
    version: int
    description: str

    def model(self, generator: torch.Generator) -> nn.Module:
        """A fresh model whose weights come from the generator."""
        from trainables.models import ConvAutoencoder

        return ConvAutoencoder(generator)

    def loss(self, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """The mean loss of a batch, a scalar: the mean squared error of the reconstruction."""
        from torch.nn import functional

        return functional.mse_loss(model(x), x)

    def fingerprint(self, limit: int | None = None) -> str:
        """What results of this task depend on besides the trial's own settings; equal fingerprints are comparable."""
        content = json.dumps([self.name, self.version, limit])
        return hashlib.sha256(content.encode()).hexdigest()[:12]


AUTOENCODER = "convolutional autoencoder (224,177 parameters), mean squared error"
TASKS: dict[str, Task] = {
    each.name: each
    for each in (
        Task("autoencoder/digits", "digits", 64, 1, f"{AUTOENCODER}, on scikit-learn's digits at 28 x 28"),
        Task("autoencoder/mnist", "mnist", 128, 1, f"{AUTOENCODER}, on MNIST"),
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
