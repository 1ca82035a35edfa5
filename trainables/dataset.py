"""Dataset, the tensors of a task, and Summary, its sizes and statistics."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from trainables.names import InputError


@dataclass(frozen=True)
class Dataset:
    """Inputs and targets.

    Shapes: x ``[n, channels, height, width]`` float32 in [0, 1], or ``[n, features]``; y ``[n]`` int64.
    """

    name: str
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor

    def to(self, device: str | torch.device) -> Dataset:
        """Return the dataset on a device."""
        parts = {part: getattr(self, part).to(device) for part in ("x_train", "y_train", "x_test", "y_test")}
        return replace(self, **parts)

    def limited(self, images: int | None) -> Dataset:
        """Return the first ``images`` training images, and at most as many test images; None limits nothing.

        Raises:
            InputError: for a limit below 1.
        """
        if images is None:
            return self
        if images < 1:
            raise InputError(f"limit must be at least 1 training image, got {images}")
        parts = {part: getattr(self, part)[:images] for part in ("x_train", "y_train", "x_test", "y_test")}
        return replace(self, **parts)


@dataclass(frozen=True)
class Summary:
    """Sizes and statistics of a dataset, known before it is loaded.

    Args:
        shape: of one input.
        classes: number of classes; None if y is not a class.
        train: number of inputs of each part.
        test: number of inputs of each part.
        mean: per channel of the training inputs.
        std: per channel of the training inputs.
        content: hash of a user's data files; empty for the package's datasets.
    """

    shape: tuple[int, ...]
    classes: int | None
    train: int
    test: int
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    content: str = ""
