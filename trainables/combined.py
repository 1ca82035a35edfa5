"""One optimizer made of several, each for different parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from trainables.names import InputError

PART = "part"
"""Key of a parameter group: position of the optimizer that it belongs to."""


class Combined(torch.optim.Optimizer):
    """Optimizers that step together and look like one: their groups, state, state_dict and zero_grad are
    joined.

    The groups are the parts' own, so that a schedule which sets ``group["lr"]`` reaches them.

    Args:
        parts: optimizers without a common parameter, at least one.

    Raises:
        InputError: for none, or a common parameter.

    >>> one, other = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))
    >>> both = Combined([torch.optim.SGD([one], lr=0.1), torch.optim.SGD([other], lr=0.5)])
    >>> one.grad = other.grad = torch.ones(1)
    >>> both.step()
    >>> [round(each.item(), 1) for each in (one, other)]
    [0.9, 0.5]
    """

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        if not parts:
            raise InputError("a combined optimizer needs at least one part")
        groups = [{**group, PART: i} for i, part in enumerate(parts) for group in part.param_groups]
        params = [param for group in groups for param in group["params"]]
        if len(set(map(id, params))) < len(params):
            raise InputError(
                "the parts of a combined optimizer need parameters of their own, got one in two of them"
            )
        self.parts = list(parts)
        super().__init__(groups, {})
        self._share()

    def _share(self) -> None:
        """Give every part its groups and the shared state."""
        for i, part in enumerate(self.parts):
            part.param_groups = [group for group in self.param_groups if group[PART] == i]
            part.state = self.state

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of one of the parts.

        Raises:
            InputError: for a group that belongs to no part.
        """
        if PART not in param_group:
            raise InputError(
                "a combined optimizer takes no further groups: make it of optimizers that have them"
            )
        super().add_param_group(param_group)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step of every part.

        Args:
            closure: re-evaluates the loss, which is returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a state_dict of the same parts."""
        super().load_state_dict(state_dict)
        self._share()

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {**state, "parts": self.parts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share()
