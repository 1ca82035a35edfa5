"""What a stack does again and again as a CUDA graph: recorded once, then replayed with other indices and numbers.

A step of a small model is dozens of kernels that take less time than Python takes to start them; a replay starts all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

Capture = Callable[[Callable[[], None]], Callable[[], None]]
WARM = 3
"""Times before recording, so that libraries have chosen their kernels and every tensor that stays is there."""


def cuda_graph(step: Callable[[], None]) -> Callable[[], None]:
    """Record a step, which is not taken then. Returns: what takes it."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    replay: Callable[[], None] = graph.replay
    return replay


class Captured:
    """A step that is recorded after its first few times.

    Args: step: of tensors, which have the same shapes every time, alone or in lists, tuples and dictionaries; what else it is given is what
        it was given first. It does not wait for the device, draws no random numbers and keeps its results in tensors that stay. capture:
        records it.
    """

    def __init__(self, step: Callable[..., None], capture: Capture = cuda_graph) -> None:
        self._step, self._capture = step, capture
        self._taken = 0
        self._replay: Callable[[], None] | None = None

    def __call__(self, *given: Any) -> None:
        """Take the step."""
        if self._taken < WARM:
            self._taken += 1
            self._step(*given)
            return
        leaves, shape = tree_flatten(given)
        tensors = [each for each in leaves if isinstance(each, Tensor)]
        if self._replay is None:
            kept = [each.clone() if isinstance(each, Tensor) else each for each in leaves]
            self._inputs = [each for each in kept if isinstance(each, Tensor)]
            self._replay = self._capture(lambda: self._step(*tree_unflatten(kept, shape)))
        for place, each in zip(self._inputs, tensors, strict=True):
            place.copy_(each)
        self._replay()
