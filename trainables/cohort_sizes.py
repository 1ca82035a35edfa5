"""How many members train as one program: what measured best on a CPU, what fits and pays on a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from trainables.member_rows import member_rows
from trainables.stacks import Stack
from trainables.training import TrainingLoop

SMALL = 32_768
"""Parameters of a dense model up to which a stack pays on a CPU, where the time of a step is not its arithmetic.

Trials per hour of a stack of 4, 16 and 64 to those of a plain run, one thread: logistic/synthetic (11 parameters) 4.3, 12 and 35;
mlp/synthetic (18 thousand) 2.8, 4.5 and 3.9; mlp/digits (118 thousand) 1.2 and 1.1; the autoencoder 0.5 and 0.4, whose pooling and copies
are slow under vmap (``python -m tests.benchmarks.cohorts --device cpu``).
"""
BETTER = 1.05
"""A stack of twice as many is kept when it trains this many times as many members a second."""
SHARE = 0.8
"""Of the free memory, at most."""


def pays(loop: TrainingLoop) -> bool:
    """Whether members like this one are to be stacked on their device at all."""
    params = list(loop.model.parameters())
    return loop.data.x_train.device.type == "cuda" or (
        all(param.ndim <= 2 for param in params) and sum(param.numel() for param in params) <= SMALL
    )


def pinned(loop: object) -> bool:
    """True for a member whose arithmetic is that of a stack even where it trains alone, so that it does not depend on the cohort's size.

    Its model, loss and metrics are those of :mod:`trainables.member_rows`: with any other a stack of one takes twice as long as the loop.
    """
    if not isinstance(loop, TrainingLoop) or loop.data.x_train.device.type != "cpu" or not pays(loop):
        return False
    return member_rows(loop.task, loop.model) is not None


def fitting(first: TrainingLoop, largest: int) -> int:
    """How many members like this one train together.

    On a CPU all, where that pays at all. On CUDA the number is doubled as long as it fits the memory and trains more members a second in
    two steps of trial, which move nothing.

    Args: first: a member that has not begun. largest: how many there are.
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
    except Exception:  # it cannot be stacked; a cohort of two finds out why
        return min(2, largest)


def chosen(rehearse: Callable[[int], tuple[float, int]], largest: int, free: int) -> int:
    """The number of members, from trials.

    Args: rehearse: seconds and bytes of a step of so many; it may raise ``torch.OutOfMemoryError``. largest: at most. free: bytes.

    >>> chosen(lambda size: (1.0 + max(0, size - 16), 10 * size), 256, 10_000)  # beyond 16 a step takes longer
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
    """Seconds and bytes that the gradient of a stack takes on a batch of its first images; nothing moves."""
    data, first = stack.data, stack.loops[0]
    x, y = data.x_train[: first.batch_size], data.y_train[: first.batch_size]
    restore, cuda = stack.snapshot(), x.device.type == "cuda"
    each_x, each_y = (
        each.expand(len(stack.loops), *each.shape) for each in (x, y)
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
