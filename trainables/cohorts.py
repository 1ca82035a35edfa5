"""Cohorts: training loops of any kind, those of one structure trained as one program.

A member's history does not depend on its neighbours. On a CPU it is the same in every cohort, bit by bit, a
cohort of one included: for the dense models of this package (:mod:`trainables.member_rows`), and for each
model that does not train as one program there (:func:`trainables.cohort_sizes.pays`), such as those with
convolutions. Small dense models of a user's own, and all models on a GPU, agree to the rounding of their
precision.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import torch

from trainables.captured import Capture, cuda_graph
from trainables.cohort_sizes import pinned
from trainables.precision import pin_products
from trainables.row_states import RowsDifferError
from trainables.stackable import error_line, moving_buffers, structure
from trainables.stacked_updates import cloned, kind
from trainables.stacks import Stack
from trainables.training import Report, TrainingLoop

pin_products()  # on import: most programs load a dataset, and so compute a product, before they make a cohort


class CohortLoop:
    """Train loops together: iterating yields the reports of every epoch, by the position of the member.

    Members of one structure (:func:`trainables.stackable.structure`) and epoch, whatever their variants,
    train as one program (:class:`trainables.stacks.Stack`); members at an earlier epoch train first, so that
    members resumed from different epochs meet. Members that cannot be stacked train one after another, and
    :attr:`reason` names the reason. A single member is a stack too if its own loop would round differently. A
    member that has completed, diverged or failed leaves the stack with its final parameters.

    Args:
        loops: the members; those with ``initial_loss=math.nan`` are evaluated together.
        largest: the largest number of members of a stack. Running out of memory halves it and repeats the
            epoch.
        capture: records a stack's training step; default: CUDA graphs on CUDA.
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
        """Reasons for training the members of a structure one after another."""
        self.single: set[Hashable] = set()
        """Structures, and positions of members, that train by their own loops: even a stack of one fails."""
        self.stacks: dict[tuple[int, ...], Stack] = {}
        self.broken: dict[int, Report] = {}
        """Reports of members that failed in their first evaluation."""
        for group in self._groups([k for k, loop in enumerate(self.loops) if math.isnan(loop.initial_loss)]):
            self._evaluate(group)

    def _evaluate(self, group: tuple[int, ...]) -> None:
        """Compute the initial losses of a group."""
        stack = self._stack(group)
        if stack is not None:
            try:
                losses = stack.initial_losses()
            except (Exception, SystemExit) as error:
                self._gives_way(group, error, error_line(error))
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
        """True while any member has reports to come."""
        return bool(self.broken) or any(loop.status == "running" for loop in self.loops)

    @property
    def reason(self) -> str | None:
        """Reason for training members one after another; None if all are stacked, or if there is one member
        only.
        """
        return "; ".join(dict.fromkeys(self.reasons.values())) or None if len(self.loops) > 1 else None

    def __iter__(self) -> Iterator[dict[int, Report]]:
        while self.running:
            yield self.train_epoch()

    def train_epoch(self) -> dict[int, Report]:
        """Train the running members with the fewest epochs for one more epoch, and return their reports.

        A member whose code raises reports ``status="failed"`` with ``error``.
        """
        running = [k for k, loop in enumerate(self.loops) if loop.status == "running"]
        lowest = min((self.loops[k].epoch for k in running), default=0)
        reports, self.broken = self.broken, {}
        waiting = self._groups([k for k in running if self.loops[k].epoch == lowest])
        while waiting:
            group = waiting.pop(0)
            reported = self._train(group)
            if reported is None:
                waiting = self._groups([*group, *(k for later in waiting for k in later)])
            else:
                reports |= reported
        return reports

    def state_dict(self, k: int) -> dict[str, Any]:
        """Return the state of a member, as :meth:`TrainingLoop.state_dict` does; a member can continue alone
        or in another cohort.
        """
        state: dict[str, Any] = cloned(self.loops[k].state_dict())
        return state

    def load_state_dict(self, k: int, state: Mapping[str, Any]) -> None:
        """Continue a member from a state of :meth:`state_dict`."""
        self.dissolve()
        self.loops[k].load_state_dict(state)

    def dissolve(self) -> None:
        """Give every member its own tensors again, which frees the stacks' memory."""
        for stack in self.stacks.values():
            stack.dissolve()
        self.stacks = {}

    def _groups(self, members: Sequence[int]) -> list[tuple[int, ...]]:
        """Group members by structure, at most ``largest`` in a group; a structure that cannot be stacked has
        groups of one.
        """
        if self.largest == 1:  # of any kind of loop: a function's has no structure
            return [(k,) for k in members]
        groups: dict[Hashable, list[int]] = {}
        for k in members:
            groups.setdefault(structure(self.loops[k]), []).append(k)
        bounded: list[tuple[int, ...]] = []
        for shape, group in groups.items():
            size = 1 if shape in self.reasons else self.largest
            ordered = (
                sorted(group, key=lambda k: str(kind(self.loops[k]))) if size > 1 else group
            )  # one update for neighbours of a kind
            bounded += [tuple(ordered[start : start + size]) for start in range(0, len(group), size)]
        return bounded

    def _train(self, group: tuple[int, ...]) -> dict[int, Report] | None:
        """Train an epoch of a group; return None, with the group unchanged, if it has to be divided first."""
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
            reason, failure = error_line(error), error.with_traceback(None)  # whose frames hold the memory
        restore()
        self._gives_way(group, failure, reason)
        return None

    def _gives_way(self, group: tuple[int, ...], error: BaseException, reason: str) -> None:
        """Halve the stacks after running out of memory; after another error stop recording steps, then stop
        stacking.

        Members with the arithmetic of a stack are first tried in stacks of one: a member whose code raised
        will raise there again.
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
        elif isinstance(error, RowsDifferError):  # its class takes steps row after row from here on
            pass
        else:
            self.reasons[structure(self.loops[group[0]])] = reason

    def _stack(self, group: tuple[int, ...]) -> Stack | None:
        """Return the stack of a group; None if its members train one after another."""
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


def _epoch(loop: TrainingLoop) -> Report:
    try:
        return loop.train_epoch()
    except (Exception, SystemExit) as error:
        return _failure(loop, error)


def _failure(loop: TrainingLoop, error: BaseException) -> Report:
    loop.status = "failed"
    return {"status": "failed", "error": error_line(error)}
