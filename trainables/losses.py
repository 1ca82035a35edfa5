"""Losses and metrics that tasks name: each maps ``(outputs, x, y)`` of a batch to a scalar, the mean over its
images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from torch import Tensor
from torch.nn import functional

from trainables.names import InputError, unknown

Measure: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]


def reconstruction(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared error of the reconstruction."""
    return functional.mse_loss(outputs, x)


def cross_entropy(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Minus the logarithm of the softmax at the target class."""
    return functional.cross_entropy(outputs, y)


def binary_cross_entropy(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Minus the logarithm of the sigmoid at the target class of two; outputs are the log-odds of class 1."""
    return functional.binary_cross_entropy_with_logits(outputs.flatten(), y.to(outputs.dtype))


def mse(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared difference from the targets; ``[batch, 1]`` is read as ``[batch]``."""
    targets = y.to(outputs.dtype)
    return functional.mse_loss(outputs.squeeze(1) if outputs.ndim == targets.ndim + 1 else outputs, targets)


def next_byte(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Minus the logarithm of the softmax at the byte that follows, the mean over the bytes of the windows."""
    return functional.cross_entropy(outputs.flatten(0, -2), y.flatten().long())


def mean_output(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The mean of the outputs, for a model whose outputs are the losses of the images."""
    return outputs.mean()


def accuracy(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The share of images whose class is the largest output, or the sign of the single one."""
    chosen = (
        (outputs.flatten() > 0).long() if outputs.ndim < 2 or outputs.shape[1] == 1 else outputs.argmax(1)
    )
    return (chosen == y).to(outputs.dtype).mean()


LOSSES: dict[str, Measure] = {
    loss.__name__: loss
    for loss in (cross_entropy, binary_cross_entropy, mse, reconstruction, next_byte, mean_output)
}
METRICS: dict[str, Measure] = {"accuracy": accuracy}


def loss_of(loss: Measure | str) -> Measure:
    """Return a loss by its name; a callable is returned unchanged.

    Raises:
        InputError: with the nearest name.

    >>> loss_of("cross_entropy").__name__
    'cross_entropy'
    """
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise unknown("loss", loss, LOSSES)
        return LOSSES[loss]
    if not callable(loss):
        raise InputError(
            f"loss must be a callable of (outputs, x, y) or one of {', '.join(LOSSES)}; got {loss!r}"
        )
    return loss


def metrics_of(metrics: Mapping[str, Measure] | Iterable[str]) -> dict[str, Measure]:
    """Return metrics by name, from a mapping or from names.

    Raises:
        InputError: with the nearest name.

    >>> list(metrics_of(["accuracy"]))
    ['accuracy']
    """
    if isinstance(metrics, Mapping):
        for name, measure in metrics.items():
            if not callable(measure):
                raise InputError(f"metric {name!r} must be a callable of (outputs, x, y), got {measure!r}")
        return dict(metrics)
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
    return {name: METRICS[name] for name in names}
