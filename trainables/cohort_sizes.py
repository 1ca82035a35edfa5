"""Sizes of stacks: the number of members that train fastest as one program and fit the memory."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from trainables.member_rows import member_rows
from trainables.stacked_updates import stack_refusal
from trainables.stacks import Stack
from trainables.training import TrainingLoop
from trainables.transformer import Attention

SMALL = 32_768
"""Parameters of a dense model up to which a stack pays on a CPU, where the time of a step is not its
arithmetic.

Trials per hour of a stack of 4, 16 and 64 to those of a plain run, one thread: logistic/synthetic (11
parameters) 4.3, 12 and 35; mlp/synthetic (18 thousand) 2.8, 4.5 and 3.9; mlp/digits (118 thousand) 1.2 and
1.1; the autoencoder 0.5 and 0.4, whose pooling and copies are slow under vmap (``python -m
tests.benchmarks.cohorts --device cpu``).

A stack with attention is not made on a CPU: vmap computes it by plain products and with copies. The default
decoder of bytes (135 thousand) trains half as fast in a stack of 4 (docs/performance.md). Small ones would
gain, but their last bits would depend on the cohort, which no task of this package allows on a CPU."""
BETTER = 1.05
"""Least speed-up, in members a second, for which the number of members of a stack is doubled."""
SHARE = 0.8
"""Largest share of the free memory that a stack may use."""


def pays(loop: TrainingLoop) -> bool:
    """Return True if stacking members like this one is faster on their device."""
    params = list(loop.model.parameters())
    on_cpu = loop.data.x_train.device.type != "cuda"
    if stack_refusal(loop) or (
        on_cpu and any(isinstance(module, Attention) for module in loop.model.modules())
    ):
        return False
    return loop.data.x_train.device.type == "cuda" or (
        all(param.ndim <= 2 for param in params) and sum(param.numel() for param in params) <= SMALL
    )


def pinned(loop: object) -> bool:
    """Return True if a member has the arithmetic of a stack even in a cohort of one.

    Such a member does not depend on the size of its cohort. Its model, loss and metrics are those of
    :mod:`trainables.member_rows`: with any other a stack of one takes twice as long as the loop.
    """
    if not isinstance(loop, TrainingLoop) or loop.data.x_train.device.type != "cpu" or not pays(loop):
        return False
    return member_rows(loop.task, loop.model) is not None


def fitting(first: TrainingLoop, largest: int) -> int:
    """Return the number of members like this one that train together.

    On a CPU: all members if stacking pays, else 1. On CUDA the number is doubled as long as the stack fits
    the memory and trains more members a second in two trial steps, which change no parameters.

    Args:
        first: a member that has not begun.
        largest: number of members.
    """
    if not pays(first):
        return 1
    device = first.data.x_train.device
    if device.type != "cuda":
        return largest
    names = [name for name, _ in first.model.named_buffers()]

    def rehearse(size: int) -> tuple[float, int]:
        stack = Stack([first] * size, names)
        try:
            return rehearsal(stack)
        finally:
            stack.dissolve()

    free = (
        torch.cuda.mem_get_info(device)[0]
        + torch.cuda.memory_reserved(device)
        - torch.cuda.memory_allocated(device)
    )
    try:
        return chosen(rehearse, largest, free)
    except Exception:  # not stackable; a cohort of two reports the reason
        return min(2, largest)


def chosen(rehearse: Callable[[int], tuple[float, int]], largest: int, free: int) -> int:
    """Return the number of members by measuring stacks of 1, 2, 4 ... members.

    Args:
        rehearse: maps a number of members to seconds and bytes of a step; may raise
            ``torch.OutOfMemoryError``.
        largest: the largest number of members.
        free: free memory in bytes.

    >>> chosen(lambda size: (1.0 + max(0, size - 16), 10 * size), 256, 10_000)  # slower beyond 16
    16
    """
    size, (seconds, used) = 1, rehearse(1)
    while size < largest:
        following = min(2 * size, largest)
        if used * following > SHARE * free * size:
            break
        try:
            later, needed = rehearse(following)
        except torch.OutOfMemoryError:
            break
        if following / later < BETTER * size / seconds:
            break
        size, seconds, used = following, later, needed
    return size


def rehearsal(stack: Stack, steps: int = 2) -> tuple[float, int]:
    """Return seconds and bytes of the gradient of a stack on a batch of its first images; no parameter
    changes.
    """
    data, first = stack.data, stack.loops[0]
    x, y = data.x_train[: first.batch_size], data.y_train[: first.batch_size]
    restore, cuda = stack.snapshot(), x.device.type == "cuda"
    each_x, each_y = (
        part.expand(len(stack.loops), *part.shape) for part in (x, y)
    )  # as members of different seeds have them

    def step() -> float:
        began = time.perf_counter()
        stack.gradient(stack.losses(each_x, each_y, shared=False))
        if cuda:
            torch.cuda.synchronize(x.device)
        return time.perf_counter() - began

    before = 0
    if cuda:
        torch.cuda.reset_peak_memory_stats(x.device)
        before = torch.cuda.memory_allocated(x.device)
    stack.model.train()
    try:
        step()
        seconds = min(step() for _ in range(steps))
    finally:
        stack.model.eval()
        restore()
    return seconds, torch.cuda.max_memory_allocated(x.device) - before if cuda else 0
