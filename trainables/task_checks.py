"""Checks that a task's model fits its data and loss, on a few images, before a run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainables import losses
from trainables.names import InputError
from trainables.sources import title

if TYPE_CHECKING:
    from trainables.dataset import Dataset
    from trainables.task_definition import Task

BATCH = 4
"""Images; the loss is also tried on half as many, so that a batch of another size does not surprise."""


def check_task(task: Task, data: Dataset) -> None:
    """Build the model, and compute its loss and metrics on a few training images.

    Args:
        task: the task to check.
        data: its dataset.

    Raises:
        InputError: in one line that names the task, what is wrong and what is needed: for data whose parts do
            not belong together, for a model that cannot be built, whose weights do not come from the
            generator or that does not take the images, for outputs that do not fit the loss, and for a loss
            or metric that is not a scalar.
    """
    from trainables.function_tasks import FunctionTask

    if isinstance(task, FunctionTask):
        return
    where = f"task {task.name!r}"
    _check_data(where, data)
    model = _built(where, task)
    for images in (BATCH, BATCH // 2):
        x, y = data.x_train[:images], data.y_train[:images]
        if task.augment is not None:
            x = _augmented(where, task.augment, x)
        outputs = _outputs(where, model.to(x.device), x)
        _check_fit(where, task, outputs, x, y, data)
        loss = _scalar(where, "loss", task.loss, outputs, x, y)
        if not loss.requires_grad:
            raise InputError(
                f"{where}: the loss does not depend on the model's weights, so there is nothing to train; "
                "was it detached?"
            )
        for name, metric in task.metrics.items():
            _scalar(where, f"metric {name!r}", metric, outputs, x, y)


def _check_data(where: str, data: Dataset) -> None:
    for part in ("train", "test"):
        x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
        if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
            raise InputError(
                f"{where}: x_{part} and y_{part} of its dataset must be tensors, got {type(x).__name__} and "
                f"{type(y).__name__}"
            )
        if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or len(x) == 0:
            raise InputError(
                f"{where}: x_{part} and y_{part} of its dataset need one entry per image, got shapes "
                f"{list(x.shape)} and {list(y.shape)}"
            )
    if data.x_train.shape[1:] != data.x_test.shape[1:]:
        shapes = f"{list(data.x_train.shape[1:])} and {list(data.x_test.shape[1:])}"
        raise InputError(
            f"{where}: the training and test images of its dataset must have one shape, got {shapes}"
        )


def _built(where: str, task: Task) -> nn.Module:
    """Return a model, after checking that the generator determines its weights."""
    built = []
    for _ in range(2):
        try:
            built.append(task.model(torch.Generator().manual_seed(0), **task.settings))
        except Exception as error:
            called = (
                f"model(generator{''.join(f', {name}={value!r}' for name, value in task.settings.items())})"
            )
            raise InputError(f"{where}: {called} raises {_line(error)}") from error
    if not isinstance(built[0], nn.Module):
        raise InputError(
            f"{where}: model(generator) must return a torch.nn.Module, got {type(built[0]).__name__}"
        )
    model, again = built
    if not any(weights.requires_grad for weights in model.parameters()):
        raise InputError(f"{where}: the model has no parameters to train")
    if any(
        not torch.equal(one, other) for one, other in zip(model.parameters(), again.parameters(), strict=True)
    ):
        raise InputError(
            f"{where}: the model does not draw its weights from the generator, so a seed would not name "
            "them; use model=seeded(...)"
        )
    return model


def _augmented(where: str, augment: Callable[[Tensor, torch.Generator], Tensor], x: Tensor) -> Tensor:
    try:
        changed = augment(x, torch.Generator(x.device).manual_seed(0))
    except Exception as error:
        raise InputError(
            f"{where}: augment does not take images of shape {list(x.shape)}: {_line(error)}"
        ) from error
    if not isinstance(changed, Tensor) or changed.shape != x.shape:
        raise InputError(f"{where}: augment must keep the shape {list(x.shape)}, got {_shape(changed)}")
    return changed


def _outputs(where: str, model: nn.Module, x: Tensor) -> Any:
    try:
        return model.train()(x)
    except Exception as error:
        raise InputError(
            f"{where}: the model does not take images of shape {list(x.shape)}: {_line(error)}"
        ) from error


def _check_fit(where: str, task: Task, outputs: Any, x: Tensor, y: Tensor, data: Dataset) -> None:
    """Check outputs and targets for the named losses; a user's loss raises by itself."""
    if not isinstance(outputs, Tensor):
        return
    n, output_shape, is_integer = (
        len(x),
        f"{where}: the model's output has shape {list(outputs.shape)}",
        not y.is_floating_point(),
    )
    if task.loss is losses.cross_entropy:
        classes = int(max(data.y_train.max(), data.y_test.max())) + 1 if is_integer else 0
        if not is_integer:
            raise InputError(f"{where}: cross_entropy needs classes as whole numbers, got y of {y.dtype}")
        if outputs.ndim != 2 or len(outputs) != n or outputs.shape[1] < classes:
            raise InputError(
                f"{output_shape}, but cross_entropy needs [{n}, classes] with at least {classes} classes"
            )
    elif task.loss is losses.binary_cross_entropy:
        if outputs.numel() != n or len(outputs) != n:
            raise InputError(f"{output_shape}, but binary_cross_entropy needs [{n}] or [{n}, 1]")
        if data.y_train.min() < 0 or data.y_train.max() > 1:
            raise InputError(
                f"{where}: binary_cross_entropy needs classes 0 and 1, got up to {data.y_train.max()}"
            )
    elif task.loss is losses.next_byte:
        if (
            outputs.ndim != y.ndim + 1
            or outputs.shape[:-1] != y.shape
            or not is_integer
            or outputs.shape[-1] < 256
        ):
            raise InputError(f"{output_shape}, but next_byte needs {[*y.shape, 256]}, and y of bytes")
    elif task.loss is losses.reconstruction:
        if outputs.shape != x.shape:
            raise InputError(f"{output_shape}, but reconstruction needs that of the images, {list(x.shape)}")
    elif task.loss is losses.mse and outputs.shape not in (y.shape, (*y.shape, 1)):
        raise InputError(f"{output_shape}, but mse needs that of the targets, {list(y.shape)}")


def _scalar(where: str, what: str, measure: losses.Measure, outputs: Any, x: Tensor, y: Tensor) -> Tensor:
    """Return a loss or metric as a scalar tensor, finite or not."""
    name, shape = title(measure), _shape(outputs)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # torch only warns where mse_loss broadcasts [n, 1] against [n]
            value = measure(outputs, x, y)
    except Exception as error:
        raise InputError(
            f"{where}: {what} {name} does not take outputs of {shape} with y of {_shape(y)}: {_line(error)}"
        ) from error
    if not isinstance(value, Tensor) or value.ndim != 0 or not value.is_floating_point():
        raise InputError(
            f"{where}: {what} {name} must be a scalar tensor, the mean over the images; got {_shape(value)}"
        )
    return value


def _shape(value: Any) -> str:
    return (
        f"shape {list(value.shape)} and {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
    )


def _line(error: Exception) -> str:
    """Return an exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
