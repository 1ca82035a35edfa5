"""Numbers of stacked members at every step of an epoch: tensors with one entry a member.

They are tensors also where all members have the same number, since PyTorch rounds ``lerp`` by a number
otherwise than by a tensor of it: a member's arithmetic would depend on its neighbours.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainables.lr_schedules import lr_factor
from trainables.norms import POWERS
from trainables.training import TrainingLoop
from trainables.update_rule import Numbers, numbers_at

DECAYS = ("mu", "mu_next", "nu")


class LoopNumbers:
    """Settings of the loops of stacked members: learning rates, clipping, weight decay.

    Args:
        loops: the members, which all clip or all do not, and decay in the same way.
        theta: their parameters, ``[K, N]``.
    """

    def __init__(self, loops: Sequence[TrainingLoop], theta: Tensor) -> None:
        self.loops, self.theta = loops, theta
        self.rates = _numbers([loop.rates[0] for loop in loops])
        self.clips, self.kind = loops[0].settings.clip_norm is not None, loops[0].settings.weight_decay_kind
        decays, clips = (
            [loop.settings.weight_decay for loop in loops],
            [loop.settings.clip_norm for loop in loops],
        )
        self.decays, self.all_decay = any(decays), all(decays)
        self.decay = _numbers(decays).to(theta.device)[:, None]
        self.clip = _numbers([clip or torch.inf for clip in clips]).to(theta)

    def at(self, step: int) -> Tensor:
        """Return the learning rates of a step, ``[K]``."""
        if not any(loop.lr_varies for loop in self.loops):
            return self.rates
        kinds = {(loop.settings.lr_schedule, loop.decay) for loop in self.loops}
        factors = {kind: lr_factor(kind[0], step, kind[1]) for kind in kinds}
        return _numbers(
            [loop.rates[0] * factors[loop.settings.lr_schedule, loop.decay] for loop in self.loops]
        )

    def clip_and_decay(self, gradient: Tensor, norms: Tensor, alpha: Tensor) -> Tensor:
        """Return the clipped and decayed gradient, as :meth:`TrainingLoop.clip_and_decay` does; decoupled
        decay changes the parameters.

        Args:
            gradient: ``[K, N]``; not changed.
            norms: of its rows.
            alpha: the learning rates of the step, ``[K]`` or ``[K, 1]``.
        """
        if self.clips:
            gradient = gradient * (self.clip / (norms + 1e-6)).clamp(max=1.0)[:, None]
        if self.decays and self.kind == "coupled":
            decayed = gradient + self.decay.to(gradient.dtype) * self.theta
            return (
                decayed if self.all_decay else torch.where(self.decay > 0, decayed, gradient)
            )  # 0 times an infinite weight is not 0
        if self.decays:
            self.theta *= (1 - alpha.to(self.decay).view(-1, 1) * self.decay).to(self.theta.dtype)
        return gradient


class MemberNumbers(LoopNumbers):
    """The numbers of members of the hyperalgorithm, computed once an epoch for all its steps.

    Schedules are computed in float64. For members on a CPU they are computed as Python's floats, once for
    each pair of mu and nu, and rounded to the parameters' dtype: PyTorch computes the entries that do not
    fill a CPU's vectors by other functions, of powers in float64 2% with another last digit, so that an entry
    would depend on how many there are.

    Args:
        loops: the members, whose choices are equal; all have a slow momentum or none has.
        theta: their parameters, ``[K, N]``.

    Attributes:
        settings: of the hyperalgorithm; p is a tensor where it is not one of :data:`trainables.norms.POWERS`.
    """

    def __init__(self, loops: Sequence[TrainingLoop], theta: Tensor) -> None:
        super().__init__(loops, theta)
        self.on_cpu = theta.device.type == "cpu"
        groups = [loop.optimizer.param_groups[0] for loop in loops]
        p = (
            groups[0]["p"]
            if groups[0]["p"] in POWERS
            else _numbers([float(group["p"]) for group in groups]).to(theta.device)
        )
        self.settings: dict[str, Any] = {
            **groups[0],
            "p": p[:, None] if isinstance(p, Tensor) and self.on_cpu else p,
        }
        self.constants = {"epsilon": _numbers([float(group["epsilon"]) for group in groups])}
        if groups[0]["slow_weight"]:
            self.constants["slow_weight"] = _numbers([float(group["slow_weight"]) for group in groups])
            self.constants["slow_rest"] = _numbers([1 - float(group["slow_mu"]) for group in groups])
        pairs = [(float(group["mu"]), float(group["nu"])) for group in groups]
        if self.on_cpu:
            places = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
            self.kinds: list[dict[str, Any]] = [{**self.settings, "mu": mu, "nu": nu} for mu, nu in places]
            self.kind_of = [places[pair] for pair in pairs]
        else:
            mu, nu = (_numbers(column) for column in zip(*pairs, strict=True))
            self.kinds, self.kind_of = [{**self.settings, "mu": mu, "nu": nu}], [0]

    def of_steps(self, curved: Sequence[bool], updates: int) -> list[Numbers]:
        """Return the numbers of every step of an epoch, each a tensor on the device: ``[K, 1]`` on a CPU,
        ``[K]`` elsewhere.

        Args:
            curved: which steps have a curvature.
            updates: of v by curvature so far.
        """
        step, second = self.loops[0].step, self.loops[0].second_order is not None
        alphas, rows = [], []
        for curves in curved:
            step += 1
            updates = updates + curves if second else step
            alphas.append(self.at(step))
            rows.append(
                [numbers_at(kind, step, updates if curves or not second else None) for kind in self.kinds]
            )
        return (
            self._as_columns(alphas, rows) if self.on_cpu else self._moved(alphas, [row[0] for row in rows])
        )

    def _as_columns(self, alphas: Sequence[Tensor], rows: Sequence[Sequence[Numbers]]) -> list[Numbers]:
        """Return the numbers of steps as columns in the parameters' dtype, with 1 - mu and 1 - nu."""

        def column(number: Callable[[Numbers], Any]) -> list[Any]:
            rows_with_number = [row for row in rows if number(row[0]) is not None]
            by_kind = _numbers(
                [[float(number(kind) or 0.0) for kind in row] for row in rows_with_number]
                or [[0.0] * len(self.kinds)]
            )
            columns = iter(self._columns(by_kind[:, self.kind_of]))
            return [None if number(row[0]) is None else next(columns) for row in rows]

        fields = {
            "alpha": self._columns(torch.stack(list(alphas))),
            **{name: self._columns(number[None]) * len(rows) for name, number in self.constants.items()},
            **{name: column(operator.attrgetter(name)) for name in DECAYS},
            "mu_rest": column(lambda numbers: 1 - numbers.mu),
            "nu_rest": column(lambda numbers: None if numbers.nu is None else 1 - numbers.nu),
        }
        return _by_step(fields)

    def _columns(self, numbers: Tensor) -> list[Tensor]:
        """Numbers ``[steps, K]`` as a column ``[K, 1]`` for each step."""
        columns = numbers.to(self.theta.dtype)[:, :, None]
        return [columns[0]] * len(columns) if bool((numbers == numbers[0]).all()) else list(columns.unbind(0))

    def _stacked(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        return torch.stack(list(tensors)).to(self.theta.device).unbind(0)

    def _moved(self, alphas: Sequence[Tensor], rows: Sequence[Numbers]) -> list[Numbers]:
        """Numbers of steps on the device, each field by one copy."""
        columns: dict[str, Sequence[Any]] = {
            "alpha": alphas,
            **{name: [number] * len(rows) for name, number in self.constants.items()},
            **{name: [getattr(row, name) for row in rows] for name in DECAYS},
        }
        moved: dict[str, list[Any]] = {}
        for name, column in columns.items():
            full = [
                number
                if isinstance(number, Tensor)
                else torch.full((len(self.loops),), number, dtype=torch.float64)
                for number in column
                if number is not None
            ]
            same = all(number is full[0] for number in full)
            on_device = iter(
                [tensor.to(self.theta.device) for tensor in full[:1]] * len(full)
                if same
                else self._stacked(full)
            )
            moved[name] = [None if number is None else next(on_device) for number in column]
        return _by_step(moved)


def _by_step(fields: Mapping[str, Sequence[Any]]) -> list[Numbers]:
    """Return fields with an entry for each step as the numbers of each step."""
    return [Numbers(**dict(zip(fields, row, strict=True))) for row in zip(*fields.values(), strict=True)]


def _numbers(values: Sequence[Any]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
