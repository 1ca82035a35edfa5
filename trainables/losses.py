"""The losses and metrics that tasks name: of a batch ``(outputs, x, y)`` to a scalar, the mean over its images."""

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
    """Minus the logarithm of the softmax at the right class."""
    return functional.cross_entropy(outputs, y)


def binary_cross_entropy(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Minus the logarithm of the sigmoid at the right one of two classes; outputs are the log-odds of class 1."""
    return functional.binary_cross_entropy_with_logits(outputs.flatten(), y.to(outputs.dtype))


def mse(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared difference from the targets; ``[batch, 1]`` is read as ``[batch]``."""
    targets = y.to(outputs.dtype)
    return functional.mse_loss(outputs.squeeze(1) if outputs.ndim == targets.ndim + 1 else outputs, targets)


def mean_output(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The mean of the outputs, for a model that gives the loss of every image itself."""
    return outputs.mean()


def accuracy(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The share of images whose class is the largest output, or the sign of the single one."""
    chosen = (
        (outputs.flatten() > 0).long() if outputs.ndim < 2 or outputs.shape[1] == 1 else outputs.argmax(1)
    )
    return (chosen == y).to(outputs.dtype).mean()


LOSSES: dict[str, Measure] = {
    each.__name__: each for each in (cross_entropy, binary_cross_entropy, mse, reconstruction, mean_output)
}
METRICS: dict[str, Measure] = {"accuracy": accuracy}


def loss_of(given: Measure | str) -> Measure:
    """A loss itself, or the one of a name. Raises: InputError with the nearest name.

    >>> loss_of("cross_entropy").__name__
    'cross_entropy'
    """
    if isinstance(given, str):
        if given not in LOSSES:
            raise unknown("loss", given, LOSSES)
        return LOSSES[given]
    if not callable(given):
        raise InputError(
            f"loss must be a callable of (outputs, x, y) or one of {', '.join(LOSSES)}; got {given!r}"
        )
    return given


def metrics_of(given: Mapping[str, Measure] | Iterable[str]) -> dict[str, Measure]:
    """Metrics by name, from a mapping or from names alone. Raises: InputError with the nearest name.

    >>> list(metrics_of(["accuracy"]))
    ['accuracy']
    """
    if isinstance(given, Mapping):
        for name, measure in given.items():
            if not callable(measure):
                raise InputError(f"metric {name!r} must be a callable of (outputs, x, y), got {measure!r}")
        return dict(given)
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
    return {name: METRICS[name] for name in names}
