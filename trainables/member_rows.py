"""The dense models of this package, with their losses and metrics, computed for K members at once.

``torch.func.vmap`` computes the same for any model, and costs a small one more than its arithmetic: a step of
logistic regression on a CPU takes twice as long with it. Each operation here computes a member's numbers in
the same way, whatever K is: bit by bit on a CPU, K = 1 included, where
:func:`trainables.precision.pin_products` holds.

Shapes, in every function: parameters ``[K, ...]``; inputs, targets and outputs ``[K, batch, ...]``; losses
and metrics ``[K]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables import compat, losses
from trainables.losses import Measure
from trainables.mlp import LogisticRegression, Mlp
from trainables.synthetic_datasets import Quadratic
from trainables.task_definition import Task

Forward = Callable[[nn.Module, Sequence[Tensor], Tensor], Tensor]
RowMeasure = Callable[[Tensor, Tensor], Tensor]
"""Outputs and targets to ``[K]``."""


@dataclass(frozen=True)
class MemberRows:
    """A model with its loss and metrics, for K members at once.

    Attributes:
        model: of one member; only its settings count.
        forward: the model, parameters in its order and inputs to the outputs.
        measures: the loss and the metrics, in the task's order.
    """

    model: nn.Module
    forward: Forward
    measures: tuple[RowMeasure, ...]

    def loss(self, params: Sequence[Tensor], x: Tensor, y: Tensor, *, twice: bool = False) -> Tensor:
        """Return the loss of each member.

        Args:
            twice: it will be differentiated twice.
        """
        x, y = _two(x), _two(y)
        loss = self.measures[0]
        return (TWICE.get(loss, loss) if twice else loss)(self.forward(self.model, params, x), y)

    def measure(self, params: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Return loss and metrics of each member, ``[K, measures]`` in float32."""
        x, y = _two(x), _two(y)
        outputs = self.forward(self.model, params, x)
        return torch.stack([measure(outputs, y).float() for measure in self.measures], 1)


def member_rows(task: Task, model: nn.Module) -> MemberRows | None:
    """Return a task's model, loss and metrics for K members at once.

    Returns:
        None if one of them is not of this package, or was modified.
    """
    forward, loss = FORWARDS.get(type(model)), LOSSES.get(task.loss)
    metrics = [METRICS.get(metric) for metric in task.metrics.values()]
    if (
        forward is None
        or loss is None
        or None in metrics
        or not all(_unchanged(module) for module in model.modules())
    ):
        return None
    if len({(param.dtype, param.requires_grad) for param in model.parameters()}) != 1:
        return None
    return MemberRows(model, forward, (loss, *(metric for metric in metrics if metric is not None)))


def _unchanged(module: nn.Module) -> bool:
    """True for a module of a known class without hooks and without a method of its own."""
    biased = not isinstance(module, nn.Linear) or module.bias is not None
    return type(module) in KNOWN and biased and not compat.has_hooks(module) and "forward" not in vars(module)


def _two(batch: Tensor) -> Tensor:
    """Duplicate the image of a batch of one: a product with one vector rounds differently for one member."""
    return torch.cat([batch, batch], 1) if batch.shape[1] == 1 else batch


def _dense(values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return a layer's outputs, ``[K, units, batch]``.

    Args:
        values: ``[K, features, batch]``.
    """
    if weight.shape[1] == 1:  # again a product with one vector
        return (values * weight.transpose(1, 2)).sum(1, keepdim=True) + bias[:, :, None]
    return torch.baddbmm(bias[:, :, None], weight, values)


def _mlp(model: nn.Module, params: Sequence[Tensor], x: Tensor) -> Tensor:
    values = x.flatten(2).transpose(1, 2)
    for i in range(0, len(params), 2):
        values = _dense(cast(Mlp, model).active(values) if i else values, params[i], params[i + 1])
    return values.transpose(1, 2)


def _logistic(model: nn.Module, params: Sequence[Tensor], x: Tensor) -> Tensor:
    weight, bias = params
    if weight.shape[1] == 1:
        return (x.flatten(2) * weight).sum(2) + bias
    return _dense(x.flatten(2).transpose(1, 2), weight, bias).transpose(1, 2)


def _quadratic(model: nn.Module, params: Sequence[Tensor], x: Tensor) -> Tensor:
    away = params[0][:, None, :] - x
    return (torch.bmm(away, cast(Quadratic, model).curvature.expand(len(away), -1, -1)) * away).sum(2) / 2


def _cross_entropy(outputs: Tensor, y: Tensor) -> Tensor:
    values: Tensor = functional.cross_entropy(outputs.flatten(0, 1), y.flatten(0, 1), reduction="none")
    return values.view(len(outputs), -1).mean(1)


def _binary_cross_entropy(outputs: Tensor, y: Tensor) -> Tensor:
    scores = outputs.flatten(1)
    return -functional.logsigmoid(scores * (2 * y - 1)).mean(1)


def _binary_cross_entropy_twice(outputs: Tensor, y: Tensor) -> Tensor:
    """Return the loss of the log-odds beside zeros as two classes.

    A CPU computes sigmoids that do not fill its vectors by another function.
    """
    scores = outputs.flatten(1)
    return _cross_entropy(torch.stack([torch.zeros_like(scores), scores], 2), y)


def _mean_output(outputs: Tensor, y: Tensor) -> Tensor:
    return outputs.mean(1)


def _accuracy(outputs: Tensor, y: Tensor) -> Tensor:
    classes = (
        (outputs.flatten(1) > 0).long() if outputs.ndim < 3 or outputs.shape[2] == 1 else outputs.argmax(2)
    )
    return (classes == y).to(outputs.dtype).mean(1)


FORWARDS: Mapping[type[nn.Module], Forward] = {
    Mlp: _mlp,
    LogisticRegression: _logistic,
    Quadratic: _quadratic,
}
LOSSES: Mapping[Measure, RowMeasure] = {
    losses.cross_entropy: _cross_entropy,
    losses.binary_cross_entropy: _binary_cross_entropy,
    losses.mean_output: _mean_output,
}
TWICE: Mapping[RowMeasure, RowMeasure] = {_binary_cross_entropy: _binary_cross_entropy_twice}
"""Losses whose second derivative needs another form."""
METRICS: Mapping[Measure, RowMeasure] = {losses.accuracy: _accuracy}
KNOWN = frozenset({*FORWARDS, nn.ModuleList, nn.Linear, nn.ReLU, nn.LeakyReLU})
"""Modules of which those models consist."""
