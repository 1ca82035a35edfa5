"""Batch norm's two wants: batches of more than one image, and a first loss before it has seen anything."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from trainables.names import InputError


@contextlib.contextmanager
def batch_statistics(model: nn.Module) -> Iterator[bool]:
    """Batch norm uses each batch's own statistics, as in training, and its running ones are as before afterwards.

    A fresh model's running statistics (mean 0, variance 1) are nobody's, and its loss with them may be a hundred times what training starts
    from. All other layers keep their mode: dropout stays off.

    Args: model: in evaluation mode. Yields: whether it has such layers.
    """
    layers = _layers(model)
    before = [
        {name: buffer.clone() for name, buffer in layer.named_buffers(recurse=False)} for layer in layers
    ]
    modes = [layer.training for layer in layers]
    try:
        for layer in layers:
            layer.train()
        yield bool(layers)
    finally:
        for layer, mode, kept in zip(layers, modes, before, strict=True):
            layer.train(mode)
            for name, buffer in layer.named_buffers(recurse=False):
                buffer.copy_(kept[name])


def has_batch_norm(model: nn.Module) -> bool:
    """Whether a model has layers with running statistics."""
    return bool(_layers(model))


def _layers(model: nn.Module) -> list[_NormBase]:
    return [each for each in model.modules() if isinstance(each, _NormBase) and each.running_mean is not None]


def check_last_batch(model: nn.Module, x: Tensor, batch_size: int) -> None:
    """Hold the smallest batch against a model's batch norm: a single image has no variance, unless its maps have several pixels.

    Tried on one image, so that only models that would fail are refused; their buffers are as before afterwards.

    Args: model: in any mode, left in evaluation mode. x: the training images. batch_size: images a step; a last batch has what is left.
    Raises: InputError with the nearest batch size that leaves no single image.
    """
    n = len(x)
    if not _single(n, batch_size) or not any(isinstance(each, _BatchNorm) for each in model.modules()):
        return
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    model.train()
    try:
        with torch.no_grad():
            model(x[:1])
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        if n == 1:
            raise InputError(
                f"this model's batch norm needs at least 2 training images, got 1 (batch_size {batch_size})"
            ) from error
        near = min(
            (size for size in range(2, n + 1) if not _single(n, size)),
            key=lambda size: abs(size - batch_size),
        )
        raise InputError(
            f"batch_size must leave this model's batch norm no batch of a single image, got {batch_size} for {n} training images;"
            f" the nearest that does is {near}"
        ) from error
    finally:
        model.eval()
        for buffer, kept in before:
            buffer.copy_(kept)


def _single(n: int, batch_size: int) -> bool:
    """Whether n images in batches have one of a single image."""
    return 1 in (n, batch_size) or n % batch_size == 1
