"""Batch norm in a trial: the loss before training, and the check that no batch has a single image."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from trainables import compat
from trainables.names import InputError


@contextlib.contextmanager
def batch_statistics(model: nn.Module) -> Iterator[bool]:
    """Let batch norm use the statistics of each batch, as in training; its running statistics are restored on
    exit.

    The running statistics of an untrained model (mean 0, variance 1) describe no data: its loss with them may
    be a hundred times the loss with which training starts. All other layers keep their mode: dropout stays
    off.

    Args:
        model: in evaluation mode.

    Yields:
        True if the model has layers with running statistics.
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
        for layer, mode, buffers in zip(layers, modes, before, strict=True):
            layer.train(mode)
            for name, buffer in layer.named_buffers(recurse=False):
                buffer.copy_(buffers[name])


@torch.no_grad()
def recompute_statistics(model: nn.Module, x: Tensor, size: int) -> None:
    """Set the running statistics of batch norm to the means over a dataset, at the present parameters.

    Args:
        model: left in evaluation mode; its other layers stay in evaluation mode.
        x: the training images.
        size: images of a batch, at most; batches are as even as can be, so that none has one image only.
    """
    layers = _layers(model)
    momenta = [layer.momentum for layer in layers]
    model.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean of all batches
        layer.train()
    try:
        for images in torch.tensor_split(x, max(1, len(x) // max(2, size))):
            model(images)
    finally:
        model.eval()
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


def has_batch_norm(model: nn.Module) -> bool:
    """Return True if a model has layers with running statistics."""
    return bool(_layers(model))


def _layers(model: nn.Module) -> list[compat.NormBase]:
    return [
        module
        for module in model.modules()
        if isinstance(module, compat.NormBase) and module.running_mean is not None
    ]


def check_last_batch(model: nn.Module, x: Tensor, batch_size: int) -> None:
    """Check that batch norm can train on the smallest batch: a single image has no variance, unless its maps
    have several pixels.

    The model is tried on one image, so only models that would fail are refused; the buffers are restored.

    Args:
        model: in any mode, left in evaluation mode.
        x: the training images.
        batch_size: images a step; the last batch has the remainder.

    Raises:
        InputError: with the nearest batch size that leaves no single image.
    """
    n = len(x)
    if not _single(n, batch_size) or not any(
        isinstance(module, compat.BatchNorm) for module in model.modules()
    ):
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
            f"batch_size must leave this model's batch norm no batch of a single image, got {batch_size} for "
            f"{n} training images; the nearest that does is {near}"
        ) from error
    finally:
        model.eval()
        for buffer, value in before:
            buffer.copy_(value)


def _single(n: int, batch_size: int) -> bool:
    """Return True if n images in batches leave a batch of a single image."""
    return 1 in (n, batch_size) or n % batch_size == 1
