"""Cohorts: training loops of any kind, those of one structure trained as one program.

A member's history does not depend on its neighbours. On a CPU it is the same in every cohort, bit by bit, a cohort of one included: for the
dense models of this package (:mod:`trainables.member_rows`), and for each model that does not train as one program there
(:func:`trainables.cohort_sizes.pays`), such as those with convolutions. Small dense models of a user's own, and all models on a GPU, agree
to the rounding of their precision.
"""

from __future__ import annotations

import json
import math
import pathlib
import traceback
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainables.captured import Capture, cuda_graph
from trainables.cohort_sizes import pinned
from trainables.precision import arithmetic, pin_products
from trainables.stacked_updates import OneByOne, cloned, kind, way
from trainables.stacks import Stack
from trainables.training import Report, TrainingLoop

pin_products()  # here, since most programs load a dataset, and with it compute a product, before they make a cohort
LONGEST_REASON = 500
"""Characters of an exception's message that are kept."""
PROBE = 16
"""Images of the batch on which a stack is held against its members."""
CLOSE = {"float32": (1e-3, 0.1), "tf32": (1e-2, 0.2), "bf16": (0.1, 0.5)}
"""Largest relative distance of a stack's losses from its members', and of its gradients, on that batch: what tells another computation
from rounding. A ReLU that rounding switches moved the gradient of a fresh ResNet-20 by 0.6%."""


class CohortLoop:
    """Trains loops together: iterate over it for the reports of every epoch, by the position of the member.

    Members of one structure (:func:`structure`) and epoch, whatever their variants, train as one program
    (:class:`trainables.stacks.Stack`); those behind train first, so that members resumed from different epochs meet. What cannot be stacked
    trains member by member, and :attr:`reason` says why. One member is a stack too where its own loop would round otherwise.
    A member that has completed, diverged or failed leaves, and its numbers are as it left them.

    Args: loops: the members; one made with ``initial_loss=math.nan`` is evaluated here, with the others. largest: members of a stack at
        most. Running out of memory halves it and repeats the epoch. capture: of a stack's training step; CUDA graphs on CUDA.
    """

    def __init__(
        self, loops: Sequence[TrainingLoop], *, largest: int | None = None, capture: Capture | None = None
    ) -> None:
        self.loops, self.largest = list(loops), largest or max(1, len(loops))
        cuda = (
            bool(self.loops)
            and hasattr(self.loops[0], "data")
            and self.loops[0].data.x_train.device.type == "cuda"
        )
        self.capture = cuda_graph if capture is None and cuda else capture
        self.reasons: dict[Hashable, str] = {}
        """Why members of a structure train one after another."""
        self.single: set[Hashable] = set()
        """Structures, and positions of members, that train by their own loops: not even a stack of one does."""
        self.stacks: dict[tuple[int, ...], Stack] = {}
        self.broken: dict[int, Report] = {}
        """Reports of members that could not even be evaluated."""
        for group in self._groups([k for k, loop in enumerate(self.loops) if math.isnan(loop.initial_loss)]):
            self._evaluate(group)

    def _evaluate(self, group: tuple[int, ...]) -> None:
        """The initial losses of a group."""
        stack = self._stack(group)
        if stack is not None:
            try:
                losses = stack.initial_losses()
            except (Exception, SystemExit) as error:
                self._gives_way(group, error, said(error))
                for smaller in self._groups(group):
                    self._evaluate(smaller)
                return
            for k, loss in zip(group, losses, strict=True):
                self.loops[k].initial_loss = loss
            return
        for k in group:
            try:
                self.loops[k].initial_loss = self.loops[k].evaluate_initial()
            except (Exception, SystemExit) as error:
                self.broken[k] = _failure(self.loops[k], error)

    @property
    def running(self) -> bool:
        """Whether there is anything left to report."""
        return bool(self.broken) or any(loop.status == "running" for loop in self.loops)

    @property
    def reason(self) -> str | None:
        """Why members train one after another, or None where all are stacked or there is only one."""
        return "; ".join(dict.fromkeys(self.reasons.values())) or None if len(self.loops) > 1 else None

    def __iter__(self) -> Iterator[dict[int, Report]]:
        while self.running:
            yield self.train_epoch()

    def train_epoch(self) -> dict[int, Report]:
        """Train the running members that have the fewest epochs for one more, and report it.

        A member whose code raises reports ``status="failed"`` with ``error``.
        """
        running = [k for k, loop in enumerate(self.loops) if loop.status == "running"]
        lowest = min((self.loops[k].epoch for k in running), default=0)
        reports, self.broken = self.broken, {}
        waiting = self._groups([k for k in running if self.loops[k].epoch == lowest])
        while waiting:
            group = waiting.pop(0)
            found = self._train(group)
            if found is None:
                waiting = self._groups([*group, *(k for each in waiting for k in each)])
            else:
                reports |= found
        return reports

    def state_dict(self, k: int) -> dict[str, Any]:
        """The state of a member, as of :meth:`TrainingLoop.state_dict`: it continues alone or in another cohort."""
        state: dict[str, Any] = cloned(self.loops[k].state_dict())
        return state

    def load_state_dict(self, k: int, state: Mapping[str, Any]) -> None:
        """Continue a member from such a state."""
        self.dissolve()
        self.loops[k].load_state_dict(state)

    def dissolve(self) -> None:
        """Give every member its own tensors again, which frees the stacks' memory."""
        for stack in self.stacks.values():
            stack.dissolve()
        self.stacks = {}

    def _groups(self, members: Sequence[int]) -> list[tuple[int, ...]]:
        """Members by structure, at most ``largest`` of each together; alone where that is known not to work."""
        if self.largest == 1:  # of any kind of loop: a function's has no structure
            return [(k,) for k in members]
        groups: dict[Hashable, list[int]] = {}
        for k in members:
            groups.setdefault(structure(self.loops[k]), []).append(k)
        found: list[tuple[int, ...]] = []
        for shape, group in groups.items():
            size = 1 if shape in self.reasons else self.largest
            ordered = (
                sorted(group, key=lambda k: str(kind(self.loops[k]))) if size > 1 else group
            )  # one update for neighbours of a kind
            found += [tuple(ordered[start : start + size]) for start in range(0, len(group), size)]
        return found

    def _train(self, group: tuple[int, ...]) -> dict[int, Report] | None:
        """An epoch of a group; None where it has to be divided first, and is as before."""
        stack = self._stack(group)
        if stack is None:
            return {k: _epoch(self.loops[k]) for k in group}
        restore = stack.snapshot()
        try:
            return dict(zip(group, stack.train_epoch(), strict=True))
        except (
            Exception,
            SystemExit,
        ) as error:  # the user's task or model may raise anything; alone, its member will say so
            reason, failure = said(error), error.with_traceback(None)  # whose frames hold the memory
        restore()
        self._gives_way(group, failure, reason)
        return None

    def _gives_way(self, group: tuple[int, ...], error: BaseException, reason: str) -> None:
        """Smaller stacks where memory ran out; where anything else went wrong, no recorded steps, and if that does not help no stack.

        Members whose arithmetic is that of a stack are first tried each in a stack of its own: whose code raised will raise there again.
        """
        self.dissolve()
        if len(group) == 1:
            self.single.add(group[0])
        elif isinstance(error, torch.OutOfMemoryError):
            self.largest = max(1, len(group) // 2)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        elif self.capture is not None:
            self.capture = None
        else:
            self.reasons[structure(self.loops[group[0]])] = reason

    def _stack(self, group: tuple[int, ...]) -> Stack | None:
        """The stack of a group, or None where its members train one after another."""
        for other in [other for other in self.stacks if other != group and set(other) & set(group)]:
            self.stacks.pop(other).dissolve()
        if group in self.stacks:
            return self.stacks[group]
        loops = [self.loops[k] for k in group]
        if len(group) == 1 and (group[0] in self.single or not pinned(loops[0])):
            return None
        shape = structure(loops[0])
        if shape in self.single:
            return None
        moving = moving_buffers(loops)
        if isinstance(moving, str):
            self.reasons[shape] = moving
            self.single.add(shape)
            return None
        return self.stacks.setdefault(group, Stack(loops, moving, self.capture))


def structure(loop: TrainingLoop) -> Hashable:
    """What members of one stack have in common: all but their seeds, their variants and their numbers.

    Members of second order have their variant in common too.
    """
    settings = loop.settings
    shape: list[Any] = [
        id(loop.task),
        id(loop.data),
        loop.batch_size,
        loop.precision,
        loop.step,
        sorted(loop.model_settings.items()),
    ]
    shape.append(way(loop).__name__)
    if loop.second_order is not None:
        shape += [kind(loop), settings.curvature_every, settings.curvature_samples]
    return json.dumps(shape, default=repr)


def moving_buffers(loops: Sequence[TrainingLoop]) -> list[str] | str:
    """Names of the buffers that are each member's own, or why the loops cannot be stacked: found out on a few images.

    A stack of the first and last loop takes the gradient of one batch, which is held against theirs.
    """
    pair = [loops[0], loops[-1]]
    first = pair[0]
    params = dict(first.model.named_parameters())
    if len({(param.dtype, param.requires_grad) for param in params.values()}) != 1:
        return "its parameters are of several types, or some are not trained"
    if first.second_order is not None and way(first) is OneByOne:
        return "its optimizer takes curvature in parameter groups"
    if pinned(first):
        return []
    size = min(PROBE, first.batch_size, len(first.data.x_train))
    x, y = first.data.x_train[:size], first.data.y_train[:size]
    before = [cloned(dict(loop.model.named_buffers())) for loop in pair]
    devices = [x.device] if x.device.type == "cuda" else []
    try:
        with arithmetic(first.precision), torch.random.fork_rng(devices=devices):
            losses, alone = zip(*(_gradient(loop, x, y) for loop in pair), strict=True)
            after = [cloned(dict(loop.model.named_buffers())) for loop in pair]
            _restore(pair, before)
            unused = [name for name, each in zip(params, alone[0], strict=True) if each is None]
            if unused:
                return f"its loss does not depend on {unused[0]}"
            alone_flat = torch.stack(
                [torch.cat([each.reshape(-1) for each in found if each is not None]) for found in alone]
            )
            moving = [
                name
                for name in before[0]
                if not all(torch.equal(each[name], before[0][name]) for each in (*before[1:], *after))
            ]
            return (
                moving
                if (found := _differs(pair, moving, x, y, torch.stack(losses), alone_flat, after)) is None
                else found
            )
    except (Exception, SystemExit) as error:
        return said(error)
    finally:
        _restore(pair, before)
        for loop in pair:
            loop.model.eval()


def _differs(
    pair: list[TrainingLoop],
    moving: list[str],
    x: Tensor,
    y: Tensor,
    own: Tensor,
    alone: Tensor,
    after: list[dict[str, Tensor]],
) -> str | None:
    """What a stack computes differently from its members, or None."""
    stack = Stack(pair, moving)
    try:
        stack.model.train()
        shared = len(stack.lanes) == 1
        losses = stack.losses(
            x if shared else torch.stack([x, x]), y if shared else torch.stack([y, y]), shared=shared
        )
        together = stack.gradient(losses)
        close, far = CLOSE[pair[0].precision]
        finite = own.isfinite() & alone.isfinite().all(1)
        if bool((((losses - own).abs() > close * own.abs()) & finite).any()):
            return "its losses in a stack are not those of its members"
        apart = torch.linalg.vector_norm(together - alone, dim=1) > far * torch.linalg.vector_norm(
            alone, dim=1
        )
        if bool((apart & finite).any()):
            return "its gradients in a stack are not those of its members"
        for name in moving:
            for k in (0, 1):
                if not torch.allclose(
                    stack.moving[name][k].double(),
                    after[k][name].double(),
                    rtol=close,
                    atol=close,
                    equal_nan=True,
                ):
                    return f"its buffer {name} in a stack is not that of its members"
        return None
    finally:
        stack.dissolve()


def _gradient(loop: TrainingLoop, x: Tensor, y: Tensor) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    loop.model.train()
    loss = loop.loss(x, y)
    return loss.detach(), torch.autograd.grad(loss, list(loop.model.parameters()), allow_unused=True)


def _restore(loops: Sequence[TrainingLoop], buffers: Sequence[Mapping[str, Tensor]]) -> None:
    for loop, kept in zip(loops, buffers, strict=True):
        for name, buffer in loop.model.named_buffers():
            buffer.copy_(kept[name])


def _epoch(loop: TrainingLoop) -> Report:
    try:
        return loop.train_epoch()
    except (Exception, SystemExit) as error:
        return _failure(loop, error)


def _failure(loop: TrainingLoop, error: BaseException) -> Report:
    loop.status = "failed"
    return {"status": "failed", "error": said(error)}


def said(error: BaseException) -> str:
    """An exception in one line, with the place that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:LONGEST_REASON]} ({pathlib.Path(last.filename).name}:{last.lineno})"
