"""The dense models of this package, with their losses and metrics, computed for K members at once.

``torch.func.vmap`` computes the same for any model, and costs a small one more than its arithmetic: a step of logistic regression on a CPU
takes twice as long with it. Each operation here computes a member's numbers in the same way, whatever K is: bit by bit on a CPU, K = 1
included, where :func:`trainables.precision.pin_products` holds.

Shapes, in every function: parameters ``[K, ...]``; inputs, targets and outputs ``[K, batch, ...]``; losses and metrics ``[K]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables import losses
from trainables.losses import Measure
from trainables.mlp import LogisticRegression, Mlp
from trainables.synthetic_datasets import Quadratic
from trainables.tasks import Task

Forward = Callable[[nn.Module, Sequence[Tensor], Tensor], Tensor]
RowMeasure = Callable[[Tensor, Tensor], Tensor]
"""Outputs and targets to ``[K]``."""


@dataclass(frozen=True)
class MemberRows:
    """A model with its loss and metrics, for K members at once.

    Fields:
        forward: the model, its parameters in their order and the inputs to the outputs.
        loss: outputs and targets to the loss of each member.
        metrics: of the same form, in the task's order.
    """

    forward: Forward
    loss: RowMeasure
    metrics: tuple[RowMeasure, ...]


def member_rows(task: Task, model: nn.Module) -> MemberRows | None:
    """Return a task's model, loss and metrics for K members at once; None where one of them is not of this package, or was changed."""
    if not all(_unchanged(module) for module in model.modules()):
        return None
    forward, measures = FORWARDS.get(type(model)), MEASURES.get(task.loss)
    metrics = [METRICS.get((task.loss, metric)) for metric in task.metrics.values()]
    if forward is None or measures is None or None in metrics:
        return None
    loss, outputs = measures
    if outputs != _outputs(model) or len({(param.dtype, param.requires_grad) for param in model.parameters()}) != 1:
        return None
    return MemberRows(forward, loss, tuple(metric for metric in metrics if metric is not None))


def _unchanged(module: nn.Module) -> bool:
    """True for a module of a known class without hooks and without a method of its own."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    biased = not isinstance(module, nn.Linear) or module.bias is not None
    return type(module) in KNOWN and biased and not any(hooks) and "forward" not in vars(module)


def _outputs(model: nn.Module) -> str:
    """Return the kind of a model's outputs."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return "values" if not layers else "log-odds" if layers[-1].out_features == 1 else "classes"


def _dense(values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return a layer's outputs; those of a single unit have zeros before them: they are the scores of two classes.

    The product with one vector is another function for one member than for several, that with a matrix is not.
    """
    if weight.shape[1] == 1:
        weight, bias = functional.pad(weight, (0, 0, 1, 0)), functional.pad(bias, (1, 0))
    return torch.baddbmm(bias[:, None, :], values, weight.transpose(1, 2))


def _mlp(model: nn.Module, params: Sequence[Tensor], x: Tensor) -> Tensor:
    values = x.flatten(2)
    for i in range(0, len(params), 2):
        units = params[i].shape[2]
        values = _dense(model.active(values)[:, :, -units:] if i else values, params[i], params[i + 1])
    return values


def _logistic(model: nn.Module, params: Sequence[Tensor], x: Tensor) -> Tensor:
    return _dense(x.flatten(2), *params)


def _quadratic(model: nn.Module, params: Sequence[Tensor], x: Tensor) -> Tensor:
    away = params[0][:, None, :] - x
    return (torch.bmm(away, model.curvature.expand(len(away), -1, -1)) * away).sum(2) / 2


def _cross_entropy(outputs: Tensor, y: Tensor) -> Tensor:
    """Also of log-odds, beside zeros: a CPU computes those sigmoids that do not fill its vectors by another function."""
    values: Tensor = functional.cross_entropy(outputs.flatten(0, 1), y.flatten(0, 1), reduction="none")
    return values.view(len(outputs), -1).mean(1)


def _mean_output(outputs: Tensor, y: Tensor) -> Tensor:
    return outputs.mean(1)


def _accuracy(outputs: Tensor, y: Tensor) -> Tensor:
    return (outputs.argmax(2) == y).to(outputs.dtype).mean(1)


def _binary_accuracy(outputs: Tensor, y: Tensor) -> Tensor:
    return ((outputs[:, :, 1] > 0) == y).to(outputs.dtype).mean(1)


FORWARDS: Mapping[type[nn.Module], Forward] = {Mlp: _mlp, LogisticRegression: _logistic, Quadratic: _quadratic}
MEASURES: Mapping[Measure, tuple[RowMeasure, str]] = {
    losses.cross_entropy: (_cross_entropy, "classes"),
    losses.binary_cross_entropy: (_cross_entropy, "log-odds"),
    losses.mean_output: (_mean_output, "values"),
}
"""Losses, and the kind of outputs that each is of here."""
METRICS: Mapping[tuple[Measure, Measure], RowMeasure] = {
    (losses.cross_entropy, losses.accuracy): _accuracy,
    (losses.binary_cross_entropy, losses.accuracy): _binary_accuracy,
}
"""Metrics by the loss beside them."""
KNOWN = frozenset({*FORWARDS, nn.ModuleList, nn.Linear, nn.ReLU, nn.LeakyReLU})
"""Modules of which those models consist."""
