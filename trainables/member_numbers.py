"""The numbers of stacked members at every step of an epoch: one for all where they are equal, else a tensor with one entry each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from trainables.lr_schedules import lr_factor
from trainables.training import TrainingLoop
from trainables.update_rule import Numbers, numbers_at

NUMBERS = ("lr", "mu", "nu", "epsilon", "p")


class MemberNumbers:
    """What differs between members whose steps are taken together.

    Schedules are computed in float64 on the CPU, as a single trial computes them, and go to the device once an epoch.

    Args: loops: the members, of one structure, with the hyperalgorithm as optimizer. theta: their parameters, ``[K, N]``.
    Attributes: settings: of the hyperalgorithm, with tensors ``[K]`` for the numbers in which members differ. clip: largest norms, ``[K]``.
        decay: weight decays, ``[K, 1]`` in float64; decays: whether there are any.
    """

    def __init__(self, loops: Sequence[TrainingLoop], theta: Tensor) -> None:
        self.loops, self.device = loops, theta.device
        groups = [{**loop.optimizer.param_groups[0], "lr": loop.rates[0]} for loop in loops]
        numbers = {name: _one_or_each([float(group[name]) for group in groups]) for name in NUMBERS}
        numbers["p"] = numbers["p"].to(theta.device) if isinstance(numbers["p"], Tensor) else numbers["p"]
        self.settings: dict[str, Any] = {**groups[0], **numbers}
        decays, clips = [loop.settings.weight_decay for loop in loops], [loop.settings.clip_norm for loop in loops]
        self.decay = torch.tensor(decays, dtype=torch.float64, device=theta.device)[:, None]
        self.decays = any(decays)
        self.clip = torch.tensor([each or torch.inf for each in clips], dtype=torch.float64).to(theta)

    def of_steps(self, curved: Sequence[bool], updates: int, *, tensors: bool = False) -> list[Numbers]:
        """The numbers of every step of an epoch.

        Args: curved: which steps have a curvature. updates: of v by curvature so far. tensors: none is a float, equal or not.
        """
        step, second = self.loops[0].step, self.loops[0].second_order is not None
        rows = []
        for each in curved:
            step += 1
            updates = updates + each if second else step
            rows.append(numbers_at({**self.settings, "lr": self._rates(step)}, step, updates if each or not second else None))
        if self.device.type == "cpu" and not tensors:
            return rows
        return _on_device(rows, self.device, len(self.loops) if tensors else 0)

    def _rates(self, step: int) -> float | Tensor:
        """The learning rates of a step."""
        if not any(loop.lr_varies for loop in self.loops):
            rates: float | Tensor = self.settings["lr"]
            return rates
        kinds = {(loop.settings.lr_schedule, loop.decay) for loop in self.loops}
        factors = {kind: lr_factor(kind[0], step, kind[1]) for kind in kinds}
        return _one_or_each([loop.rates[0] * factors[loop.settings.lr_schedule, loop.decay] for loop in self.loops])


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
