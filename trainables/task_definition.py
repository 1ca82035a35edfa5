"""Task: a model, the data that train it, and the loss and metrics by which it is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from trainables.augmentation import crop_and_flip
from trainables.datasets import KNOWN, summary
from trainables.losses import Measure, loss_of, metrics_of
from trainables.named_tasks import AUGMENTED
from trainables.names import InputError
from trainables.sources import identity, title

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainables.dataset import Dataset


@dataclass(frozen=True, init=False)
class Task:
    """A model with its data, loss and metrics.

    Two tasks are equal if their callables have the same sources, not only if they are the same objects.

    Args:
        name: ``model/dataset``.
        dataset: name of the dataset (:func:`trainables.datasets.load`), or a callable without arguments that
            returns a :class:`trainables.dataset.Dataset`.
        model: makes an untrained model from a generator, which draws the weights, and the settings as keyword
            arguments. Wrap a factory that takes no generator in :func:`trainables.tasks.seeded`.
        loss: maps ``(outputs, x, y)`` of a batch to a scalar, the mean over the batch; or a name of
            :data:`trainables.losses.LOSSES`.
        metrics: further functions of the same form, by name; or names of :data:`trainables.losses.METRICS`.
        settings: hyperparameters of the model, with their defaults.
        batch_size: images a step when the study does not set it, at least 1.
        version: number to raise when the task's results change, so that old results are not mixed with new
            ones.
        description: one line.
        augment: maps a training batch and a generator on its device to the batch to train on; None for no
            augmentation.

    Raises:
        InputError: for an unknown loss or metric, and for a batch size below 1.

    >>> from trainables.models import ConvAutoencoder
    >>> Task("mine/digits", "digits", ConvAutoencoder, "reconstruction").loss.__name__
    'reconstruction'
    """

    name: str
    dataset: str | Callable[[], Dataset]
    model: Callable[..., nn.Module] = field(repr=False, compare=False)
    loss: Measure = field(repr=False, compare=False)
    metrics: Mapping[str, Measure] = field(repr=False, compare=False)
    settings: Mapping[str, Any]
    batch_size: int
    version: int
    description: str
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = field(repr=False, compare=False)
    sources: tuple[str, ...] = field(init=False, repr=False)

    def __init__(
        self,
        name: str,
        dataset: str | Callable[[], Dataset],
        model: Callable[..., nn.Module],
        loss: Measure | str,
        metrics: Mapping[str, Measure] | Iterable[str] = (),
        settings: Mapping[str, Any] | None = None,
        batch_size: int = 64,
        version: int = 1,
        description: str = "",
        augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size of task {name!r} must be at least 1, got {batch_size}")
        values = {
            "name": name,
            "dataset": dataset,
            "model": model,
            "loss": loss_of(loss),
            "metrics": metrics_of(metrics),
            "settings": dict(settings or {}),
            "batch_size": batch_size,
            "version": version,
            "description": description,
            "augment": augment,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)
        # Computed now rather than on first use: a task on another machine has no source files.
        data = [] if isinstance(dataset, str) else [dataset]
        callables = [self.model, self.loss, *self.metrics.values(), *data, augment]
        object.__setattr__(self, "sources", tuple(identity(part) for part in callables))

    @property
    def parameters(self) -> int | None:
        """Number of trainable parameters of the model; None for a task without a model."""
        model = self.model(torch.Generator().manual_seed(0), **self.settings)
        return sum(weights.numel() for weights in model.parameters())

    def _known_parameters(self) -> int | None:
        try:
            return self.parameters
        except (
            Exception
        ):  # one model that cannot be made does not hide the other tasks; a run of the task names the reason
            return None

    def row(self) -> dict[str, Any]:
        """Return the task's row of a table.

        Returns:
            name, model, parameters, dataset, images (training, test), loss, metrics, settings and
            description. An entry is None if the task does not have it, or if it is unknown before the data
            are loaded.
        """
        data = KNOWN.get(self.dataset) if isinstance(self.dataset, str) else None
        return {
            "name": self.name,
            "model": title(self.model),
            "parameters": self._known_parameters(),
            "dataset": self.dataset if isinstance(self.dataset, str) else title(self.dataset),
            "images": (data.train, data.test) if data is not None else None,
            "loss": title(self.loss),
            "metrics": tuple(self.metrics),
            "settings": dict(self.settings),
            "description": self.description,
        }


def augmented(plain: Task) -> Task:
    """Return a task that crops and mirrors the training images of another task at random.

    Raises:
        InputError: for a task whose inputs are not images.
    """
    if isinstance(plain.dataset, str) and len(summary(plain.dataset).shape) != 3:
        raise InputError(f"task {plain.name!r} has no images to augment")
    description = f"{plain.description}, cropped and mirrored at random"
    return replace(plain, name=plain.name + AUGMENTED, augment=crop_and_flip, description=description)
