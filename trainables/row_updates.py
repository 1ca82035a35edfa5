"""One optimizer for the rows of a stack, with a number for each row where the settings of members differ.

It is the class itself that computes, on the rows as one tensor (:mod:`trainables.row_numbers`). That a class
updates every number independently, and computes with numbers by row as with one, is tried on made-up numbers
before its first use (:func:`takes_rows`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from trainables.layouts import Layout, flat
from trainables.member_numbers import LoopNumbers
from trainables.row_numbers import RowNumber, Rows
from trainables.row_states import (
    EVERY,
    EXACT,
    LEVELS,
    RATE,
    RowsDifferError,
    by_row,
    class_name,
    joined_state,
    pieces_of,
    shared_settings,
)
from trainables.training import TrainingLoop

REFUSED: set[str] = set()
"""Classes that failed with numbers by row in training."""
PACKAGES = ("torch.optim.", "pytorch_optimizer.")
"""Packages whose classes are tried."""
TRIED, CLOSE = 10, 1e-5
"""Steps that are tried, and the largest difference from members one after another."""
_TRIED: dict[Hashable, frozenset[str] | None] = {}


class RowsUpdate:
    """One optimizer whose parameter is all rows; every float among its settings is a number for each row.

    The first step of a trial is that of the members' own optimizers, which make their state.
    """

    recordable = False

    def __init__(
        self,
        loops: Sequence[TrainingLoop],
        theta: Tensor,
        layout: Layout,
        level: frozenset[str] | None = None,
    ) -> None:
        self.loops, self.layout = loops, layout
        self.level = level or level_of(loops[0]) or EVERY
        self.shared = LoopNumbers(loops, theta)
        self.gradient = torch.zeros_like(theta)
        self.rows = theta.as_subclass(Rows)
        self.rows.grad = self.gradient.as_subclass(Rows)
        self.optimizer: torch.optim.Optimizer | None = None
        if loops[0].step:  # some optimizers have no state after a step either
            self._join()

    def _join(self) -> None:
        """Make the optimizer of the rows from those of the members."""
        optimizers = [loop.optimizer for loop in self.loops]
        groups = [optimizer.param_groups[0] for optimizer in optimizers]
        joined = {
            name: by_row(name, [group[name] for group in groups], self.level)
            for name in groups[0]
            if name != "params"
        }
        joined |= {"foreach": False} if "foreach" in joined else {}
        self.optimizer = object.__new__(type(optimizers[0]))
        self.optimizer.__dict__.update(vars(optimizers[0]))
        self.optimizer.param_groups = [{**joined, "params": [self.rows]}]
        self.optimizer.state = defaultdict(dict)
        self.optimizer.state[self.rows] = joined_state(
            [_states(loop) for loop in self.loops], [_params(loop) for loop in self.loops]
        )

    def numbers(self, curved: Sequence[bool]) -> list[int]:
        return [self.loops[0].step + i for i in range(1, len(curved) + 1)]

    def step(self, gradient: Tensor, norms: Tensor, h: Tensor | None, numbers: int) -> None:
        self.gradient.copy_(self.shared.clip_and_decay(gradient, norms, self.shared.at(numbers)))
        if self.optimizer is None:
            self._first(numbers)
            return
        if any(loop.lr_varies for loop in self.loops):
            rates = [loop.rates[0] * loop.lr_factor(numbers) for loop in self.loops]
            self.optimizer.param_groups[0]["lr"] = RowNumber(rates)
        try:
            self.optimizer.step()
        except TypeError as error:
            REFUSED.add(class_name(self.optimizer))
            raise RowsDifferError(str(error)) from None

    def _first(self, number: int) -> None:
        """Take a step with the members' own optimizers, and join their states."""
        for loop, row in zip(self.loops, self.gradient, strict=True):
            if loop.lr_varies:
                loop.optimizer.param_groups[0]["lr"] = loop.rates[0] * loop.lr_factor(number)
            for param, view in zip(_params(loop), self.layout.views(row), strict=True):
                param.grad = view
            loop.optimizer.step()
            for param in _params(loop):
                param.grad = None
        self._join()

    def count(self, steps: int, curved: int) -> None:
        for loop in self.loops:
            loop.step += steps
            loop.set_learning_rate()
        self._publish()

    def _publish(self) -> None:
        """Give the members' optimizers views of their rows of the state, and the counts of the group."""
        if self.optimizer is None:
            return
        state = self.optimizer.state[self.rows]
        counts = {
            name: value
            for name, value in self.optimizer.param_groups[0].items()
            if isinstance(value, int) and not isinstance(value, bool) and name != "lr"
        }
        for k, loop in enumerate(self.loops):
            loop.optimizer.param_groups[0].update(counts)
            for name, value in state.items():
                pieces = pieces_of(value, k, self.layout, self.rows.shape)
                for param, piece in zip(_params(loop), pieces, strict=True):
                    loop.optimizer.state[param][name] = piece

    def snapshot(self) -> Callable[[], None]:
        if self.optimizer is None:
            return self._forget
        optimizer = self.optimizer
        group = {name: value for name, value in optimizer.param_groups[0].items() if name != "params"}
        state = {name: _clone(value) for name, value in optimizer.state[self.rows].items()}

        def restore() -> None:
            optimizer.param_groups[0].update(group)
            optimizer.state[self.rows] = {name: _clone(value) for name, value in state.items()}
            self._publish()  # the members have views of what was before

        return restore

    def _forget(self) -> None:
        """Restore the state before the first step: none."""
        self.optimizer = None
        for loop in self.loops:
            loop.optimizer.state.clear()
            loop.set_learning_rate()

    def dissolve(self) -> None:
        for loop in self.loops:
            for param, state in zip(_params(loop), _states(loop), strict=True):
                for name, value in state.items():
                    if isinstance(value, Tensor) and value.shape == param.shape:
                        state[name] = torch.empty_like(param).copy_(value)


def level_of(loop: TrainingLoop) -> frozenset[str] | None:
    """Return the settings that an optimizer takes as numbers by row; None if it cannot compute rows.

    Two members of made-up parameters and gradients take :data:`TRIED` steps one after another, and as rows
    with a first and last steps of their own; parameters and states must agree. The first of :data:`LEVELS`
    with which they do is returned. Only classes of ``torch.optim`` and ``pytorch_optimizer`` are tried.
    """
    name = class_name(loop.optimizer)
    if name in REFUSED or not name.startswith(PACKAGES):
        return None
    key = shared_settings(loop.optimizer, EVERY)
    if key not in _TRIED:
        levels = LEVELS[LEVELS.index(EXACT.get(name, EVERY)) :]
        _TRIED[key] = next((level for level in levels if _tried(loop.optimizer, level)), None)
    return _TRIED[key]


def _tried(optimizer: torch.optim.Optimizer, level: frozenset[str]) -> bool:
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        try:
            return _agrees(optimizer, level)
        except Exception:  # the class may raise anything on what it was not made for
            return False
        finally:
            REFUSED.discard(class_name(optimizer))


def _agrees(optimizer: torch.optim.Optimizer, level: frozenset[str]) -> bool:
    together, alone = _made_up(optimizer, level), _made_up(optimizer, level)
    layout = Layout(_params(together[0]))
    theta = torch.stack([flat(_params(loop)) for loop in together])
    for loop, row in zip(together, theta, strict=True):
        for param, view in zip(_params(loop), layout.views(row), strict=True):
            param.data = view
    rows = RowsUpdate(together, theta, layout, level)
    generator = torch.Generator().manual_seed(1)
    for number in range(1, TRIED + 1):
        gradient = torch.randn(theta.shape, generator=generator)
        for loop, row in zip(alone, gradient, strict=True):
            _step(loop, layout.views(row))
        if number < TRIED - 1:
            rows.step(gradient.clone(), gradient.norm(dim=1), None, number)
            continue
        if number == TRIED - 1:
            rows.count(number - 1, 0)
            rows.dissolve()
        for loop, row in zip(together, gradient, strict=True):
            _step(loop, layout.views(row))
    return all(
        torch.allclose(flat(_params(one)), flat(_params(other)), rtol=CLOSE, atol=CLOSE)
        and _same(_states(one), _states(other))
        for one, other in zip(together, alone, strict=True)
    )


def _step(loop: TrainingLoop, gradient: Sequence[Tensor]) -> None:
    for param, part in zip(_params(loop), gradient, strict=True):
        param.grad = part.clone()
    loop.optimizer.step()
    for param in _params(loop):
        param.grad = None


def _same(one: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]) -> bool:
    return all(
        a.keys() == b.keys()
        and all(
            torch.allclose(torch.as_tensor(a[name]), torch.as_tensor(b[name]), rtol=CLOSE, atol=CLOSE)
            for name in a
            if isinstance(a[name], (Tensor, int, float))
        )
        for a, b in zip(one, other, strict=True)
    )


def _made_up(optimizer: torch.optim.Optimizer, level: frozenset[str]) -> list[Any]:
    """Return two members with small parameters, the second with other numbers, as far as an update reads
    them.
    """
    generator = torch.Generator().manual_seed(0)
    members = []
    for factor in (1.0, 0.9):
        model = torch.nn.ParameterList(
            [torch.randn(3, 2, generator=generator), torch.randn(2, generator=generator)]
        )
        group = {
            name: _scaled(value, factor if name in level or level is EVERY else 1.0)
            for name, value in optimizer.param_groups[0].items()
            if name != "params"
        }
        copied = object.__new__(type(optimizer))
        copied.__dict__.update(vars(optimizer))
        copied.param_groups = [{**group, "params": list(model.parameters())}]
        copied.state = defaultdict(dict)
        settings = SimpleNamespace(clip_norm=None, weight_decay_kind="coupled", weight_decay=0.0)
        members.append(
            SimpleNamespace(
                model=model,
                optimizer=copied,
                rates=[group["lr"]],
                settings=settings,
                lr_varies=False,
                step=0,
                set_learning_rate=lambda: None,
            )
        )
    return members


def _scaled(value: Any, factor: float) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_scaled(part, factor) for part in value)
    return value * factor if isinstance(value, float) else value


def alike(loop: TrainingLoop) -> Hashable:
    """Return a key that the rows of one update share: whatever decides what an optimizer computes.

    Settings that are numbers by row share only whether they are 0; others are equal, and so are the plain
    attributes of the optimizer.
    """
    return shared_settings(loop.optimizer, level_of(loop) or RATE)


def _params(loop: TrainingLoop) -> list[Tensor]:
    return list(loop.model.parameters())


def _states(loop: TrainingLoop) -> list[dict[str, Any]]:
    return [loop.optimizer.state.get(param, {}) for param in _params(loop)]


def _clone(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value
