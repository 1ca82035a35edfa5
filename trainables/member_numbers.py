"""The numbers of stacked members at every step of an epoch: one for all where they are equal, else a tensor with one entry each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from trainables.lr_schedules import lr_factor
from trainables.training import TrainingLoop
from trainables.update_rule import Numbers, numbers_at

NUMBERS = ("mu", "nu", "epsilon", "p")


class LoopNumbers:
    """The loop's settings of members whose steps are taken together: learning rates, clipping, weight decay.

    Args: loops: the members, which all clip or all do not, and decay in the same way. theta: their parameters, ``[K, N]``.
    """

    def __init__(self, loops: Sequence[TrainingLoop], theta: Tensor) -> None:
        self.loops, self.theta = loops, theta
        self.rates = _one_or_each([loop.rates[0] for loop in loops])
        self.clips, self.kind = loops[0].settings.clip_norm is not None, loops[0].settings.weight_decay_kind
        decays, clips = [loop.settings.weight_decay for loop in loops], [loop.settings.clip_norm for loop in loops]
        self.decays = any(decays)
        self.decay = torch.tensor(decays, dtype=torch.float64, device=theta.device)[:, None]
        self.clip = torch.tensor([each or torch.inf for each in clips], dtype=torch.float64).to(theta)

    def at(self, step: int) -> float | Tensor:
        """The learning rates of a step, those of all where they are equal."""
        if not any(loop.lr_varies for loop in self.loops):
            return self.rates
        kinds = {(loop.settings.lr_schedule, loop.decay) for loop in self.loops}
        factors = {kind: lr_factor(kind[0], step, kind[1]) for kind in kinds}
        return _one_or_each([loop.rates[0] * factors[loop.settings.lr_schedule, loop.decay] for loop in self.loops])

    def clip_and_decay(self, gradient: Tensor, norms: Tensor, alpha: float | Tensor) -> Tensor:
        """The gradient to descend by, as :meth:`TrainingLoop.clip_and_decay` makes it; decoupled decay has moved the parameters.

        Args: gradient: ``[K, N]``, left as it is. norms: of its rows. alpha: the learning rates of the step.
        """
        if self.clips:
            gradient = gradient * (self.clip / (norms + 1e-6)).clamp(max=1.0)[:, None]
        if self.decays and self.kind == "coupled":
            return gradient + self.decay.to(gradient.dtype) * self.theta
        if self.decays:
            rates = alpha.to(self.decay)[:, None] if isinstance(alpha, Tensor) else alpha
            self.theta *= (1 - rates * self.decay).to(self.theta.dtype)
        return gradient


class MemberNumbers(LoopNumbers):
    """What differs between members of the hyperalgorithm.

    Schedules are computed in float64 on the CPU, as a single trial computes them, and go to the device once an epoch.

    Args: as before; the members' choices are equal.
    Attributes: settings: of the hyperalgorithm, with tensors ``[K]`` for the numbers in which members differ.
    """

    def __init__(self, loops: Sequence[TrainingLoop], theta: Tensor) -> None:
        super().__init__(loops, theta)
        self.device = theta.device
        groups = [loop.optimizer.param_groups[0] for loop in loops]
        numbers = {name: _one_or_each([float(group[name]) for group in groups]) for name in NUMBERS}
        numbers["p"] = numbers["p"].to(theta.device) if isinstance(numbers["p"], Tensor) else numbers["p"]
        self.settings: dict[str, Any] = {**groups[0], **numbers, "lr": self.rates}

    def of_steps(self, curved: Sequence[bool], updates: int, *, tensors: bool = False) -> list[Numbers]:
        """The numbers of every step of an epoch.

        Args: curved: which steps have a curvature. updates: of v by curvature so far. tensors: none is a float, equal or not.
        """
        step, second = self.loops[0].step, self.loops[0].second_order is not None
        rows = []
        for each in curved:
            step += 1
            updates = updates + each if second else step
            rows.append(numbers_at({**self.settings, "lr": self.at(step)}, step, updates if each or not second else None))
        if self.device.type == "cpu" and not tensors:
            return rows
        return _on_device(rows, self.device, len(self.loops) if tensors else 0)


def _one_or_each(values: Sequence[float]) -> float | Tensor:
    return values[0] if len(set(values)) == 1 else torch.tensor(values, dtype=torch.float64)


def _on_device(rows: Sequence[Numbers], device: torch.device, least: int) -> list[Numbers]:
    """The numbers of all steps on a device, by one copy of each field that has tensors. Args: least: entries where it has none."""
    columns: list[Sequence[Any]] = []
    for column in zip(*rows, strict=True):
        members = next((len(each) for each in column if isinstance(each, Tensor)), least)
        if not members or all(each is None for each in column):
            columns.append(column)
            continue
        # A step without an update of v has no nu; what stands in for it is not read.
        full = [each if isinstance(each, Tensor) else torch.full((members,), each or 0.0, dtype=torch.float64) for each in column]
        moved = torch.stack(full).to(device).unbind(0)
        columns.append([None if each is None else row for each, row in zip(column, moved, strict=True)])
    return [Numbers(*row) for row in zip(*columns, strict=True)]
