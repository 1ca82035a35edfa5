"""Optimizer steps of stacked members: members of one kind step together, each with its own numbers.

The gradient of a stack does not depend on the optimizers, so members of different variants share it; every
kind updates its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from trainables import compat
from trainables.hyperalgorithm import CHOICES, Hyperalgorithm
from trainables.hyperalgorithm_settings import SWITCHES
from trainables.layouts import Layout, flat
from trainables.member_numbers import MemberNumbers
from trainables.norms import POWERS
from trainables.row_updates import RowsUpdate, alike, level_of
from trainables.training import TrainingLoop
from trainables.update_rule import Numbers, update

MOMENTS = ("m", "v", "root", "m_slow")


class Update(Protocol):
    """Optimizer of neighbouring rows of a stack.

    The constructor takes the loops, their rows ``[k, N]`` and the layout of a row.
    """

    recordable: bool
    """True if a step can be recorded (:mod:`trainables.captured`)."""

    def __init__(self, loops: Sequence[TrainingLoop], theta: Tensor, layout: Layout) -> None: ...

    def numbers(self, curved: Sequence[bool]) -> Sequence[Any]:
        """Return the numbers of each step of an epoch.

        Args:
            curved: True for the steps with a curvature.
        """

    def step(self, gradient: Tensor, norms: Tensor, h: Tensor | None, numbers: Any) -> None:
        """Update the rows.

        Args:
            gradient: ``[k, N]``.
            norms: Euclidean norms of the gradient's rows, ``[k]``.
            h: curvature, ``[k, N]``, or None.
            numbers: one entry of :meth:`numbers`.
        """

    def count(self, steps: int, curved: int) -> None:
        """Set the members' loops and optimizers to the state after an epoch of ``steps`` steps, ``curved`` of
        them with curvature.
        """

    def snapshot(self) -> Callable[[], None]:
        """Return a function that restores the present state and counts."""

    def dissolve(self) -> None:
        """Give the optimizer of every member copies of its state."""


class HyperalgorithmUpdate:
    """The hyperalgorithm once for all members, with a number for each where they differ."""

    recordable = True

    def __init__(self, loops: Sequence[TrainingLoop], theta: Tensor, layout: Layout) -> None:
        self.loops, self.theta, self.layout = loops, theta, layout
        self.shared = MemberNumbers(loops, theta)
        self.second = loops[0].second_order is not None
        states = [_states(loop) for loop in loops]
        self.updates = states[0][0].get("updates", 0)
        names = [name for name in MOMENTS if name in states[0][0]]
        self.moments = {
            name: torch.stack([flat([tensors[name] for tensors in state]) for state in states])
            for name in names
        }

    def numbers(self, curved: Sequence[bool]) -> list[Numbers]:
        return self.shared.of_steps(curved, self.updates)

    def step(self, gradient: Tensor, norms: Tensor, h: Tensor | None, numbers: Numbers) -> None:
        gradient = self.shared.clip_and_decay(gradient, norms, torch.as_tensor(numbers.alpha))
        if self.shared.settings["maximize"]:
            gradient = -gradient
        curvature = [gradient] if not self.second else None if h is None else [h]
        settings, pieces = self.shared.settings, self.layout.stacked
        update(settings, numbers, [self.theta], [gradient], curvature, self._moment, pieces)

    def _moment(self, name: str) -> list[Tensor]:
        if name not in self.moments:
            self.moments[name] = torch.zeros_like(self.theta)
        return [self.moments[name]]

    def count(self, steps: int, curved: int) -> None:
        self.updates += curved
        for k, loop in enumerate(self.loops):
            loop.step += steps
            loop.set_learning_rate()
            states = [loop.optimizer.state[param] for param in loop.params]
            counts = {"step": loop.step, **({"updates": self.updates} if self.second else {})}
            for state in states:
                state.update(counts)
            for name, moment in self.moments.items():
                for state, view in zip(states, self.layout.views(moment[k]), strict=True):
                    state[name] = view

    def snapshot(self) -> Callable[[], None]:
        moments = {name: moment.clone() for name, moment in self.moments.items()}

        def restore() -> None:
            self.moments = {name: self.moments[name].copy_(moment) for name, moment in moments.items()}

        return restore

    def dissolve(self) -> None:
        for loop in self.loops:
            _copy_state(loop, MOMENTS)


class OneByOne:
    """Each member's own optimizer on its model, whose parameters are views of its row."""

    recordable = False

    def __init__(self, loops: Sequence[TrainingLoop], theta: Tensor, layout: Layout) -> None:
        self.loops, self.gradient = loops, torch.zeros_like(theta)
        self.views = [
            pair
            for loop, row in zip(loops, self.gradient, strict=True)
            for pair in zip(loop.model.parameters(), layout.views(row), strict=True)
        ]

    def numbers(self, curved: Sequence[bool]) -> list[None]:
        return [None] * len(curved)

    def step(self, gradient: Tensor, norms: Tensor, h: Tensor | None, numbers: None) -> None:
        self.gradient.copy_(gradient)
        for param, view in self.views:  # some optimizers drop or replace the gradients that they have used
            param.grad = view
        for loop in self.loops:
            loop.step += 1
            loop.set_learning_rate()
            loop.clip_and_decay()
            loop.optimizer.step()

    def count(self, steps: int, curved: int) -> None:
        """Do nothing: the steps of each member have counted already."""

    def snapshot(self) -> Callable[[], None]:
        states = [(loop, loop.step, cloned(loop.optimizer.state_dict())) for loop in self.loops]

        def restore() -> None:
            for loop, step, state in states:
                loop.step = step
                loop.optimizer.load_state_dict(state)

        return restore

    def dissolve(self) -> None:
        for loop in self.loops:
            for param in loop.model.parameters():
                param.grad = None


def stack_refusal(loop: TrainingLoop) -> str:
    """Return the reason why a member cannot be in a stack: its optimizer does more than take a gradient.

    Modes are no reason, unless batch norm needs statistics of its own for the averaged parameters.
    """
    adapter = loop.steps.adapter
    if adapter.closure != "none" or adapter.curvature != "none" or adapter.takes_batch:
        return "its optimizer evaluates the loss or its curvature itself"
    if not adapter.stackable:
        return "its optimizer finds the state of a parameter by its memory"
    return "its averaged parameters need their own batch norm" if adapter.modes and loop.batch_norm else ""


def way(loop: TrainingLoop) -> type[Update]:
    """Return the class that takes the steps of a member's optimizer in a stack."""
    groups = loop.optimizer.param_groups
    params = list(loop.model.parameters())
    if len(groups) == 1 and list(map(id, groups[0]["params"])) == list(map(id, params)):
        if isinstance(loop.optimizer, Hyperalgorithm):
            return HyperalgorithmUpdate
        # The state of a parameter without dimensions cannot be told from its step.
        ordinary = loop.steps.adapter.plain and any(param.ndim for param in params)
        if ordinary and level_of(loop) is not None:
            return RowsUpdate
    return OneByOne


def kind(loop: TrainingLoop) -> Hashable:
    """Return a key that members updated together share: they differ in the numbers of optimizer and loop
    only.

    The norm p is a number only where v is kept as a norm, and without second order.
    """
    group, chosen = loop.optimizer.param_groups[0], way(loop)
    shape: list[Any] = [chosen.__name__]
    if chosen is HyperalgorithmUpdate:
        state = _states(loop)[0]
        p = "norm" if group["p"] not in POWERS and loop.second_order is None else float(group["p"])
        shape += [
            [group[name] for name in (*CHOICES, "period", *SWITCHES)],
            p,
            bool(group["slow_weight"]),
            state.get("updates"),
            sorted(state),
        ]
    elif chosen is RowsUpdate:
        shape.append(alike(loop))
    else:
        shape.append(type(loop.optimizer).__qualname__)
    return repr([*shape, loop.settings.weight_decay_kind, loop.settings.clip_norm is None])


def _states(loop: TrainingLoop) -> list[dict[str, Any]]:
    """Return the optimizer's state of each parameter of a member."""
    return [loop.optimizer.state.get(param, {}) for param in loop.model.parameters()]


def _copy_state(loop: TrainingLoop, names: Sequence[str] | None = None) -> None:
    """Replace the state of a member, views of its stack's tensors, by copies.

    Args:
        names: names of the states to copy; None for all.
    """
    for param, state in zip(loop.model.parameters(), _states(loop), strict=True):
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == param.shape and (names is None or name in names):
                state[name] = torch.empty_like(param).copy_(value)


def cloned(state: Any) -> Any:
    """Return a state with copies of its tensors: saving a view would save all of the tensor that it views."""
    return compat.tree_map(lambda leaf: leaf.detach().clone() if isinstance(leaf, Tensor) else leaf, state)
