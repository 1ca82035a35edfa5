"""The numbers of stacked members at every step of an epoch: tensors with one entry for each member.

They are tensors also where all members have the same number, since PyTorch rounds ``lerp`` by a number otherwise than by a tensor of it:
a member's arithmetic would depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from trainables.lr_schedules import lr_factor
from trainables.norms import POWERS
from trainables.training import TrainingLoop
from trainables.update_rule import Numbers, numbers_at

WIDTH = 64
"""Schedules are computed on a multiple of so many entries. A CPU computes those that do not fill its vectors by other functions: of powers
in float64, 2% differ in the last digit."""


class LoopNumbers:
    """The loop's settings of members whose steps are taken together: learning rates, clipping, weight decay.

    Args: loops: the members, which all clip or all do not, and decay in the same way. theta: their parameters, ``[K, N]``.
    """

    def __init__(self, loops: Sequence[TrainingLoop], theta: Tensor) -> None:
        self.loops, self.theta = loops, theta
        self.rates = _numbers([loop.rates[0] for loop in loops])
        self.clips, self.kind = loops[0].settings.clip_norm is not None, loops[0].settings.weight_decay_kind
        decays, clips = [loop.settings.weight_decay for loop in loops], [loop.settings.clip_norm for loop in loops]
        self.decays, self.all_decay = any(decays), all(decays)
        self.decay = _numbers(decays).to(theta.device)[:, None]
        self.clip = _numbers([each or torch.inf for each in clips]).to(theta)

    def at(self, step: int) -> Tensor:
        """The learning rates of a step."""
        if not any(loop.lr_varies for loop in self.loops):
            return self.rates
        kinds = {(loop.settings.lr_schedule, loop.decay) for loop in self.loops}
        factors = {kind: lr_factor(kind[0], step, kind[1]) for kind in kinds}
        return _numbers([loop.rates[0] * factors[loop.settings.lr_schedule, loop.decay] for loop in self.loops])

    def clip_and_decay(self, gradient: Tensor, norms: Tensor, alpha: Tensor) -> Tensor:
        """The gradient to descend by, as :meth:`TrainingLoop.clip_and_decay` makes it; decoupled decay has moved the parameters.

        Args: gradient: ``[K, N]``, left as it is. norms: of its rows. alpha: the learning rates of the step.
        """
        if self.clips:
            gradient = gradient * (self.clip / (norms + 1e-6)).clamp(max=1.0)[:, None]
        if self.decays and self.kind == "coupled":
            decayed = gradient + self.decay.to(gradient.dtype) * self.theta
            return decayed if self.all_decay else torch.where(self.decay > 0, decayed, gradient)  # 0 times an infinite weight is not 0
        if self.decays:
            self.theta *= (1 - alpha.to(self.decay)[:, None] * self.decay).to(self.theta.dtype)
        return gradient


class MemberNumbers(LoopNumbers):
    """What differs between members of the hyperalgorithm.

    Schedules are computed in float64 on the CPU, as a single trial computes them, and go to the device once an epoch.

    Args: as before; the members' choices are equal.
    Attributes: settings: of the hyperalgorithm, with tensors for its numbers; p is a float where it is not a norm for each.
    """

    def __init__(self, loops: Sequence[TrainingLoop], theta: Tensor) -> None:
        super().__init__(loops, theta)
        self.device = theta.device
        groups = [loop.optimizer.param_groups[0] for loop in loops]
        numbers = {name: _numbers([float(group[name]) for group in groups]) for name in ("mu", "nu", "epsilon", "p")}
        wide = {name: _wide(numbers[name]) for name in ("mu", "nu")}
        p = groups[0]["p"] if groups[0]["p"] in POWERS else numbers["p"].to(theta.device)
        self.settings: dict[str, Any] = {**groups[0], **wide, "epsilon": numbers["epsilon"], "p": p, "lr": self.rates}

    def of_steps(self, curved: Sequence[bool], updates: int) -> list[Numbers]:
        """The numbers of every step of an epoch, each a tensor ``[K]`` on the device.

        Args: curved: which steps have a curvature. updates: of v by curvature so far.
        """
        step, second = self.loops[0].step, self.loops[0].second_order is not None
        rows = []
        for each in curved:
            step += 1
            updates = updates + each if second else step
            rows.append(numbers_at({**self.settings, "lr": self.at(step)}, step, updates if each or not second else None))
        return _on_device(rows, self.device, len(self.loops))


def _numbers(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _wide(numbers: Tensor) -> Tensor:
    """Numbers followed by copies of the last, up to a multiple of :data:`WIDTH`."""
    return torch.cat([numbers, numbers[-1].expand(-len(numbers) % WIDTH)])


def _on_device(rows: Sequence[Numbers], device: torch.device, members: int) -> list[Numbers]:
    """The numbers of all steps on a device, by one copy of each field. Args: members: entries of a tensor, what is wider is cut."""

    def entries(number: float | Tensor | None) -> Tensor:
        # A step without an update of v has no nu; what stands in for it is not read.
        return number[:members] if isinstance(number, Tensor) else torch.full((members,), number or 0.0, dtype=torch.float64)

    columns: list[Sequence[Any]] = []
    for column in zip(*rows, strict=True):
        if all(number is column[0] for number in column):  # a constant
            columns.append([None if column[0] is None else entries(column[0]).to(device)] * len(column))
            continue
        moved = torch.stack([entries(number) for number in column]).to(device).unbind(0)
        columns.append([None if number is None else row for number, row in zip(column, moved, strict=True)])
    return [Numbers(*row) for row in zip(*columns, strict=True)]
