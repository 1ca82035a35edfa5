"""Steps of an optimizer in the training loop, by the contract of its adapter."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from trainables import compat
from trainables.adapters import instance_adapter
from trainables.curvature import curvature
from trainables.hyperalgorithm import Hyperalgorithm
from trainables.names import InputError
from trainables.settings import LoopSettings

INTERVAL = 10
"""Steps between updates of a sampled Hessian, unless curvature_every is set (Liu et al., 2023)."""


class Step(NamedTuple):
    """Numbers of a step.

    Attributes:
        loss: loss of the batch before the step.
        norm: norm of the gradient before clipping.
        fell_back: share of the curvature that fell back to the gradient; None for a step without curvature.
    """

    loss: Tensor
    norm: Tensor
    fell_back: Tensor | None = None


class Steps:
    """An optimizer and the calls that a step of it needs.

    Args:
        optimizer: the optimizer.
        name: of the variant, for errors.
        settings: of the loop.
        generator: draws the random vectors of second order, and labels.
        interval: steps between updates of a sampled Hessian; None for :data:`INTERVAL`.

    Raises:
        InputError: for decoupled weight decay of the loop where the optimizer evaluates the loss itself.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        name: str,
        settings: LoopSettings,
        generator: torch.Generator,
        interval: int | None = None,
    ) -> None:
        self.optimizer, self.settings, self.generator = optimizer, settings, generator
        self.interval = interval or INTERVAL
        self.params = [param for group in optimizer.param_groups for param in group["params"]]
        self.adapter = instance_adapter(optimizer)
        # The optimizer again, where its steps take a curvature.
        self.second_order = (
            optimizer if isinstance(optimizer, Hyperalgorithm) and optimizer.second_order else None
        )
        decoupled = settings.weight_decay and settings.weight_decay_kind == "decoupled"
        if decoupled and self.adapter.closure in ("step", "first"):
            raise InputError(
                f"weight_decay_kind must be 'coupled' for {name}, which evaluates the loss several times a "
                "step, got 'decoupled'"
            )

    def train(self) -> None:
        """Give the parameters the values at which gradients are computed."""
        if self.adapter.modes:
            self.optimizer.train()  # type: ignore[attr-defined]

    def eval(self) -> None:
        """Give the parameters the values at which the model is evaluated, such as averages."""
        if self.adapter.modes:
            self.optimizer.eval()  # type: ignore[attr-defined]

    def take(
        self, step: int, loss_of: Callable[[], Tensor], sampled_loss: Callable[[], Tensor], size: int
    ) -> Step:
        """Take a step.

        Args:
            step: number of the step, from 1.
            loss_of: returns the loss of the batch.
            sampled_loss: returns the loss of the batch with labels drawn from the model.
            size: images of the batch.
        """
        self.optimizer.zero_grad(set_to_none=True)
        if self.adapter.closure in ("step", "first"):
            return self._evaluating(loss_of)
        loss = loss_of()
        if self.second_order is not None and (step - 1) % self.settings.curvature_every == 0:
            h, share = self._backward_twice(loss)
            norm = self.clip_and_decay()
            self.second_order.step(curvature=h)
            return Step(loss.detach(), norm, share)
        if self.adapter.curvature == "graph" and self._due(step):
            return self._with_graph(loss)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = self.clip_and_decay()
        if self.adapter.closure == "loss":
            self.optimizer.step(loss.detach().item)
        elif self.adapter.takes_batch:
            self.optimizer.step(bs=size)  # type: ignore[call-overload]
        else:
            self.optimizer.step()
        if self.adapter.curvature == "sampled" and (step + 1) % self.interval == 0:
            self.optimizer.zero_grad(set_to_none=True)
            sampled_loss().backward()  # type: ignore[no-untyped-call]
            self.optimizer.update_hessian()  # type: ignore[attr-defined]
        return Step(loss.detach(), norm)

    def _evaluating(self, loss_of: Callable[[], Tensor]) -> Step:
        """Take a step that evaluates the loss, and clips and decays every gradient that it computes."""
        evaluated: list[tuple[Tensor, Tensor]] = []

        def closure() -> Tensor:
            with torch.enable_grad():
                self.optimizer.zero_grad(set_to_none=True)
                loss = loss_of()
                loss.backward()  # type: ignore[no-untyped-call]
            evaluated.append((loss.detach(), self.clip_and_decay()))
            return loss.detach()

        if self.adapter.closure == "first":
            closure()
        self.optimizer.step(closure)  # type: ignore[arg-type]
        return Step(*evaluated[0])

    def _due(self, step: int) -> bool:
        """Return True if the optimizer computes Hessian-vector products in a step."""
        every = getattr(self.optimizer, "update_period", 1)
        return (step - 1) % every == 0

    def _with_graph(self, loss: Tensor) -> Step:
        """Take a step with gradients that can be differentiated again.

        ``backward(create_graph=True)`` would leave a circle of references.
        """
        used = [param for param in self.params if param.requires_grad]
        slopes = torch.autograd.grad(loss, used, create_graph=True, allow_unused=True)
        for param, slope in zip(used, slopes, strict=True):
            # a copy in the graph: clipping changes it, and backward may need the original
            param.grad = None if slope is None else slope.clone()
        norm = self.clip_and_decay()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return Step(loss.detach(), norm)

    def _backward_twice(self, loss: Tensor) -> tuple[list[Tensor], Tensor]:
        """Write the gradient to the parameters; return the curvature and the share of it that fell back."""
        p = float(self.optimizer.param_groups[0]["p"])
        estimate = curvature(loss, self.params, self.generator, samples=self.settings.curvature_samples, p=p)
        for param, gradient in zip(self.params, estimate.gradient, strict=True):
            param.grad = gradient
        return [tensor for tensor in estimate.h if tensor is not None], estimate.fell_back

    @torch.no_grad()
    def clip_and_decay(self) -> Tensor:
        """Clip the gradient, then decay the weights.

        Returns:
            the norm of the gradient before clipping.
        """
        params = [param for param in self.params if param.grad is not None]
        norm: Tensor = torch.linalg.vector_norm(
            torch.stack(compat.foreach_norm([param.grad for param in params]))
        )
        if self.settings.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(params, self.settings.clip_norm, norm)
        w = self.settings.weight_decay
        if w and self.settings.weight_decay_kind == "coupled":
            compat.foreach_add_([param.grad for param in params], params, alpha=w)
        elif w:
            for group in self.optimizer.param_groups:
                decayed = [param for param in group["params"] if param.grad is not None]
                if decayed:
                    compat.foreach_mul_(decayed, 1 - group["lr"] * w)
        return norm


def drawn_labels(outputs: Tensor, generator: torch.Generator) -> Tensor:
    """Return a class for every row of scores, drawn with the probabilities of the softmax.

    Args:
        outputs: ``[batch, classes]``; or the log-odds of class 1, ``[batch, 1]`` or ``[batch]``.
    """
    scores = outputs.detach().float()
    if scores.ndim == 1 or scores.shape[1] == 1:
        chance = scores.flatten().sigmoid()
        return torch.bernoulli(chance, generator=generator).long()
    return torch.multinomial(scores.softmax(1), 1, generator=generator).squeeze(1)


def mean_share(total: Tensor, count: int) -> float:
    """Return the mean share of curvature that fell back in an epoch; NaN without curvature."""
    return (total / count).item() if count else math.nan


def optimizer_bytes(optimizer: Any) -> int:
    """Return the bytes of the tensors in an optimizer's state; single numbers, such as its step, count
    nothing.
    """
    leaves, _ = compat.tree_flatten([*optimizer.state.values()])
    return sum(
        leaf.numel() * leaf.element_size() for leaf in leaves if isinstance(leaf, Tensor) and leaf.ndim
    )
