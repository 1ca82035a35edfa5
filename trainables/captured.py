"""The training step of a stack as a CUDA graph: recorded once, then replayed with other indices and numbers.

A step of a small model is dozens of kernels that take less time than Python takes to start them; a replay starts all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from trainables.update_rule import Numbers

Step = Callable[[Tensor, Numbers], None]
Capture = Callable[[Callable[[], None]], Callable[[], None]]
WARM = 3
"""Steps before recording, so that libraries have chosen their kernels and every tensor that stays is there."""


def cuda_graph(step: Callable[[], None]) -> Callable[[], None]:
    """Record a step, which is not taken then. Returns: what takes it."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    replay: Callable[[], None] = graph.replay
    return replay


class Captured:
    """A step that is recorded after its first few times.

    Args: step: of the indices of a batch and the numbers of the step, all of them tensors or None, of the same shapes every time. It does
        not wait for the device, draws no random numbers and keeps its results in tensors that stay. capture: records it.
    """

    def __init__(self, step: Step, capture: Capture = cuda_graph) -> None:
        self._step, self._capture = step, capture
        self._taken = 0
        self._replay: Callable[[], None] | None = None

    def __call__(self, chosen: Tensor, numbers: Numbers) -> None:
        """Take the step."""
        if self._taken < WARM:
            self._taken += 1
            self._step(chosen, numbers)
            return
        given = [chosen, *(each for each in numbers if isinstance(each, Tensor))]
        if self._replay is None:
            self._inputs = [each.clone() for each in given]
            waiting = iter(self._inputs[1:])
            fields: list[Any] = [next(waiting) if isinstance(each, Tensor) else each for each in numbers]
            kept = Numbers(*fields)
            self._replay = self._capture(lambda: self._step(self._inputs[0], kept))
        self._inputs[0].copy_(chosen)
        torch._foreach_copy_(self._inputs[1:], given[1:])
        self._replay()
