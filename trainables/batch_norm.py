"""The loss of a model whose batch norm has not seen anything yet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _NormBase


@contextlib.contextmanager
def batch_statistics(model: nn.Module) -> Iterator[bool]:
    """Batch norm uses each batch's own statistics, as in training, and its running ones are as before afterwards.

    A fresh model's running statistics (mean 0, variance 1) are nobody's, and its loss with them may be a hundred times what training starts
    from. All other layers keep their mode: dropout stays off.

    Args: model: in evaluation mode. Yields: whether it has such layers.
    """
    layers = [each for each in model.modules() if isinstance(each, _NormBase) and each.running_mean is not None]
    before = [{name: buffer.clone() for name, buffer in layer.named_buffers(recurse=False)} for layer in layers]
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
