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
    """The numbers of members of the hyperalgorithm.

    Schedules are computed in float64 on the CPU, as a single trial computes them, and go to the device once an epoch. For members on a CPU
    they are computed as Python's floats, once for each pair of mu and nu: PyTorch computes the entries that do not fill a CPU's vectors by
    other functions, of powers in float64 2% with another last digit, so that an entry would depend on how many there are.

    Args: as before; the members' choices are equal.
    Attributes: settings: of the hyperalgorithm; p is a tensor where it is not one of :data:`trainables.norms.POWERS`.
    """

    def __init__(self, loops: Sequence[TrainingLoop], theta: Tensor) -> None:
        super().__init__(loops, theta)
        self.device = theta.device
        groups = [loop.optimizer.param_groups[0] for loop in loops]
        p = groups[0]["p"] if groups[0]["p"] in POWERS else _numbers([float(group["p"]) for group in groups]).to(theta.device)
        self.settings: dict[str, Any] = {**groups[0], "p": p}
        self.epsilon = _numbers([float(group["epsilon"]) for group in groups])
        pairs = [(float(group["mu"]), float(group["nu"])) for group in groups]
        if theta.device.type == "cpu":
            places = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
            self.kinds: list[dict[str, Any]] = [{**self.settings, "mu": mu, "nu": nu} for mu, nu in places]
            self.kind_of = [places[pair] for pair in pairs]
        else:
            mu, nu = (_numbers(column) for column in zip(*pairs, strict=True))
            self.kinds, self.kind_of = [{**self.settings, "mu": mu, "nu": nu}], [0]

    def of_steps(self, curved: Sequence[bool], updates: int) -> list[Numbers]:
        """The numbers of every step of an epoch, each a tensor ``[K]`` on the device.

        Args: curved: which steps have a curvature. updates: of v by curvature so far.
        """
        step, second = self.loops[0].step, self.loops[0].second_order is not None
        alphas, rows = [], []
        for curves in curved:
            step += 1
            updates = updates + curves if second else step
            alphas.append(self.at(step))
            rows.append([numbers_at(kind, step, updates if curves or not second else None) for kind in self.kinds])
        decays = [self._of_members([[getattr(kind, name) for kind in row] for row in rows]) for name in ("mu", "mu_next", "nu")]
        epsilons = [self.epsilon.to(self.device)] * len(rows)
        return [Numbers(*fields) for fields in zip(self._moved(alphas), epsilons, *decays, strict=True)]

    def _of_members(self, rows: list[list[Any]]) -> Sequence[Any]:
        """A number of every step by kind as tensors by member; None where it is None, as nu is in a step without an update of v."""
        present = [row for row in rows if row[0] is not None]
        if not present:
            return [None] * len(rows)
        if isinstance(present[0][0], Tensor):
            moved = self._moved([row[0] for row in present])
        else:
            by_member = [[row[kind] for kind in self.kind_of] for row in present]
            moved = _numbers(by_member).expand(len(present), len(self.loops)).to(self.device).unbind(0)
        found = iter(moved)
        return [None if row[0] is None else next(found) for row in rows]

    def _moved(self, column: Sequence[Tensor]) -> Sequence[Tensor]:
        """Tensors on the device, by one copy."""
        if all(number is column[0] for number in column):
            return [column[0].to(self.device)] * len(column)
        return torch.stack(list(column)).to(self.device).unbind(0)


def _numbers(values: Sequence[Any]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
