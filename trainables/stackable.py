"""Checks that training loops can be stacked: trained as one program with the losses and gradients of each."""

from __future__ import annotations

import json
import pathlib
import traceback
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainables.cohort_sizes import pinned
from trainables.precision import arithmetic
from trainables.stacked_updates import OneByOne, cloned, kind, stack_refusal, way
from trainables.stacks import Stack
from trainables.training import TrainingLoop

LONGEST_REASON = 500
"""Longest message of an exception in a report, in characters."""
PROBE = 16
"""Images of the batch on which a stack is compared with its members."""
CLOSE = {"float32": (1e-3, 0.1), "tf32": (1e-2, 0.2), "bf16": (0.1, 0.5)}
"""Largest relative distance of a stack's losses from its members', and of its gradients, on that batch: what
tells another computation from rounding. A ReLU that rounding switches moved the gradient of a fresh
ResNet-20 by 0.6%."""


def structure(loop: TrainingLoop) -> Hashable:
    """Return a key that members of one stack share: members differ in seed, variant and numbers only.

    Members of second order share their variant too.
    """
    settings = loop.settings
    shape: list[Any] = [
        id(loop.task),
        id(loop.data),
        loop.batch_size,
        loop.precision,
        loop.step,
        sorted(loop.model_settings.items()),
    ]
    shape += [way(loop).__name__, *([reason] if (reason := stack_refusal(loop)) else [])]
    if loop.second_order is not None:
        shape += [kind(loop), settings.curvature_every, settings.curvature_samples]
    return json.dumps(shape, default=repr)


def moving_buffers(loops: Sequence[TrainingLoop]) -> list[str] | str:
    """Return the names of the buffers that differ between members, or the reason why the loops cannot be
    stacked.

    A stack of the first and the last loop takes the gradient of one small batch, which must agree with the
    loops' own gradients.
    """
    pair = [loops[0], loops[-1]]
    first = pair[0]
    params = dict(first.model.named_parameters())
    if len({(param.dtype, param.requires_grad) for param in params.values()}) != 1:
        return "its parameters are of several types, or some are not trained"
    if first.second_order is not None and way(first) is OneByOne:
        return "its optimizer takes curvature in parameter groups"
    if reason := stack_refusal(first):
        return reason
    if pinned(first):
        return []
    size = min(PROBE, first.batch_size, len(first.data.x_train))
    x, y = first.data.x_train[:size], first.data.y_train[:size]
    before = [cloned(dict(loop.model.named_buffers())) for loop in pair]
    devices = [x.device] if x.device.type == "cuda" else []
    try:
        with arithmetic(first.precision), torch.random.fork_rng(devices=devices):
            losses, alone = zip(*(_gradient(loop, x, y) for loop in pair), strict=True)
            after = [cloned(dict(loop.model.named_buffers())) for loop in pair]
            _restore(pair, before)
            unused = [name for name, slope in zip(params, alone[0], strict=True) if slope is None]
            if unused:
                return f"its loss does not depend on {unused[0]}"
            alone_flat = torch.stack(
                [torch.cat([slope.reshape(-1) for slope in slopes if slope is not None]) for slopes in alone]
            )
            moving = [
                name
                for name in before[0]
                if not all(torch.equal(buffers[name], before[0][name]) for buffers in (*before[1:], *after))
            ]
            difference = _difference(pair, moving, x, y, torch.stack(losses), alone_flat, after)
            return moving if difference is None else difference
    except (Exception, SystemExit) as error:
        return error_line(error)
    finally:
        _restore(pair, before)
        for loop in pair:
            loop.model.eval()


def _difference(
    pair: list[TrainingLoop],
    moving: list[str],
    x: Tensor,
    y: Tensor,
    separate: Tensor,
    alone: Tensor,
    after: list[dict[str, Tensor]],
) -> str | None:
    """Return the first quantity that a stack computes differently from its members, in words, or None."""
    stack = Stack(pair, moving)
    try:
        stack.model.train()
        shared = len(stack.lanes) == 1
        losses = stack.losses(
            x if shared else torch.stack([x, x]), y if shared else torch.stack([y, y]), shared=shared
        )
        together = stack.gradient(losses)
        close, far = CLOSE[pair[0].precision]
        finite = separate.isfinite() & alone.isfinite().all(1)
        if bool((((losses - separate).abs() > close * separate.abs()) & finite).any()):
            return "its losses in a stack are not those of its members"
        apart = torch.linalg.vector_norm(together - alone, dim=1) > far * torch.linalg.vector_norm(
            alone, dim=1
        )
        if bool((apart & finite).any()):
            return "its gradients in a stack are not those of its members"
        for name in moving:
            for k in (0, 1):
                if not torch.allclose(
                    stack.moving[name][k].double(),
                    after[k][name].double(),
                    rtol=close,
                    atol=close,
                    equal_nan=True,
                ):
                    return f"its buffer {name} in a stack is not that of its members"
        return None
    finally:
        stack.dissolve()


def _gradient(loop: TrainingLoop, x: Tensor, y: Tensor) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    loop.model.train()
    loss = loop.loss(x, y)
    return loss.detach(), torch.autograd.grad(loss, list(loop.model.parameters()), allow_unused=True)


def _restore(loops: Sequence[TrainingLoop], buffers: Sequence[Mapping[str, Tensor]]) -> None:
    for loop, values in zip(loops, buffers, strict=True):
        for name, buffer in loop.model.named_buffers():
            buffer.copy_(values[name])


def error_line(error: BaseException) -> str:
    """Return an exception in one line, with the file and line that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{pathlib.Path(last.filename).name}:{last.lineno}"
    return f"{type(error).__name__}: {str(error)[:LONGEST_REASON]} ({place})"
