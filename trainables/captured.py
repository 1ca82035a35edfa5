"""CUDA graphs of a stack's steps: recorded once, then replayed with other indices and numbers.

A step of a small model is dozens of kernels that take less time than Python takes to start them; a replay
starts all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from trainables import compat

Capture = Callable[[Callable[[], None]], Callable[[], None]]
WARM = 3
"""Calls before recording, so that libraries have chosen their kernels and all persistent tensors are
allocated."""


def cuda_graph(step: Callable[[], None]) -> Callable[[], None]:
    """Record a step without executing it.

    Returns:
        a function that executes the step.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    replay: Callable[[], None] = graph.replay
    return replay


class Captured:
    """A step that is recorded after its first :data:`WARM` calls and replayed from then on.

    Args:
        step: a function of tensors of constant shapes, alone or in lists, tuples and dictionaries; other
            arguments keep their first value. It does not wait for the device, draws no random numbers, and
            writes its results to persistent tensors.
        capture: records the step.
    """

    def __init__(self, step: Callable[..., None], capture: Capture = cuda_graph) -> None:
        self._step, self._capture = step, capture
        self._taken = 0
        self._replay: Callable[[], None] | None = None

    def __call__(self, *arguments: Any) -> None:
        """Execute the step."""
        if self._taken < WARM:
            self._taken += 1
            self._step(*arguments)
            return
        leaves, shape = compat.tree_flatten(arguments)
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        if self._replay is None:
            recorded = [leaf.clone() if isinstance(leaf, Tensor) else leaf for leaf in leaves]
            self._inputs = [value for value in recorded if isinstance(value, Tensor)]
            self._replay = self._capture(lambda: self._step(*compat.tree_unflatten(recorded, shape)))
        for place, value in zip(self._inputs, tensors, strict=True):
            place.copy_(value)
        self._replay()
