"""Trials of one structure as one program: their parameters are the rows of one matrix, and a step moves all of them at once.

The forward pass is ``torch.func.vmap`` of the model over the rows, or on a CPU batched products (:mod:`trainables.member_rows`), with which
the numbers of a row are the same, bit by bit, for any number of rows. The losses are summed and differentiated once: rows do not depend on
each other, so row k of the gradient is the gradient of member k, and what is not finite in one row stays there.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vmap

from trainables.batch_norm import batch_statistics
from trainables.captured import Capture, Captured
from trainables.curvature import curvature
from trainables.layouts import Layout, flat
from trainables.member_rows import member_rows
from trainables.precision import arithmetic, autocast
from trainables.stacked_updates import kind, way
from trainables.training import EVALUATION_BATCH, Report, TrainingLoop, evaluation_pieces

ON_CUDA = 16_384
"""Images of all members that a GPU evaluates at once: what vmap costs Python, some milliseconds, is then less than the arithmetic."""


class Stack:
    """Loops of one structure (see :func:`trainables.cohorts.structure`) that are trained together, one epoch at a time.

    While a loop is in a stack its model's parameters and buffers are views of the stack's. :meth:`dissolve` gives them back, and with
    them everything that continuing alone or in another stack needs.

    Args: loops: at the same step, K of them; those of one kind (:func:`trainables.stacked_updates.kind`) that are neighbours are moved
        together. moving: names of the buffers that training changes. capture: records the training step, where that is possible, and the
        evaluation (:mod:`trainables.captured`); all is done anew every time when not given.
    """

    def __init__(
        self, loops: Sequence[TrainingLoop], moving: Sequence[str], capture: Capture | None = None
    ) -> None:
        first = loops[0]
        self.loops, self.model, self.task, self.data = list(loops), first.model, first.task, first.data
        self.places = _places(self.model, moving)
        self.params = [list(loop.model.parameters()) for loop in loops]
        self.layout = Layout(self.params[0])
        self.homes: list[tuple[Tensor, Tensor]] = []
        """Each tensor of a member that is a view for now, and where it lived."""
        self.by_rows = member_rows(self.task, self.model) if self.data.x_train.device.type == "cpu" else None
        """Model, loss and metrics for all members at once; None where vmap makes them."""
        buffers = [dict(loop.model.named_buffers()) for loop in loops]
        with torch.no_grad():
            self.theta = torch.stack([flat(params) for params in self.params])
            self.moving = {name: torch.stack([each[name] for each in buffers]) for name in moving}
        for k, params in enumerate(self.params):
            self._lend(params, self.layout.views(self.theta[k]))
            self._lend([buffers[k][name] for name in moving], [each[k] for each in self.moving.values()])
        self.stacked = [stacked.data.requires_grad_() for stacked in self.layout.stacked(self.theta)]
        """The parameters of all members, each ``[K, ...]``: the memory of theta, as leaves of a graph."""
        self.theta.requires_grad_()
        self.ones = torch.ones(len(loops), dtype=self.theta.dtype, device=self.theta.device)
        self.lanes, self.lane_of = _lanes([loop.seed for loop in loops], self.theta.device)
        self.sums = torch.zeros(3, len(loops), device=self.theta.device)
        self.loss_sums, self.norm_sums, self.fallen_sums = self.sums.unbind(0)
        self.totals = torch.zeros(len(loops), 1 + len(self.task.metrics), device=self.theta.device)
        self.updates = [
            (rows, way(loops[rows.start])(loops[rows], self.theta.detach()[rows], self.layout))
            for rows in _runs(loops)
        ]
        self.recorded: Callable[..., None] = self._take
        self.measured: Callable[..., None] = self._measure
        if capture is not None:
            self.measured = Captured(self._measure, capture)
            if (
                all(each.recordable for _, each in self.updates)
                and first.second_order is None
                and self.task.augment is None
            ):
                self.recorded = Captured(self._take, capture)

    # From members to rows and back.

    def _lend(self, tensors: Sequence[Tensor], views: Sequence[Tensor]) -> None:
        for tensor, view in zip(tensors, views, strict=True):
            self.homes.append((tensor, tensor.data))
            tensor.data = view.detach()

    def dissolve(self) -> None:
        """Give every member its own tensors again."""
        with torch.no_grad():
            for tensor, home in reversed(self.homes):
                tensor.data = home.copy_(tensor)
            for _, each in self.updates:
                each.dissolve()
        self.homes = []
        self.recorded, self.measured = (
            self._take,
            self._measure,
        )  # a recording refers back to the stack, and so would keep its memory

    # The forward pass of all members.

    def _output(self, theta: Tensor, moving: dict[str, Tensor], x: Tensor) -> Any:
        before = [home[name] for home, name, _ in self.places]
        tensors = [*self.layout.views(theta), *moving.values()]
        try:
            for home, name, i in self.places:
                home[name] = tensors[i]
            return self.model(x)
        finally:
            for (home, name, _), tensor in zip(self.places, before, strict=True):
                home[name] = tensor

    def _loss(self, theta: Tensor, moving: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        with autocast(self.loops[0].precision, x.device):
            return self.task.loss(self._output(theta, moving, x), x, y)

    def _measures(self, theta: Tensor, moving: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        with autocast(self.loops[0].precision, x.device):
            outputs = self._output(theta, moving, x)
            values = [measure(outputs, x, y) for measure in (self.task.loss, *self.task.metrics.values())]
        return torch.stack([value.float() for value in values])

    def losses(self, x: Tensor, y: Tensor, *, shared: bool, twice: bool = False) -> Tensor:
        """The loss of every member, ``[K]``.

        Args:
            x, y: a batch for all, or where not ``shared`` one for each: ``[K, batch, ...]``.
            twice: it will be differentiated twice, by theta.
        """
        if self.by_rows is not None:
            x, y = (x, y) if not shared else self._for_all(x, y)
            with autocast(self.loops[0].precision, x.device):
                return self.by_rows.loss(
                    self.layout.stacked(self.theta) if twice else self.stacked, x, y, twice=twice
                )
        batch = None if shared else 0
        found: Tensor = vmap(self._loss, in_dims=(0, 0, batch, batch))(self.theta, self.moving, x, y)
        return found

    def gradient(self, losses: Tensor) -> Tensor:
        """The gradient of every member's loss, ``[K, N]``."""
        if self.by_rows is None:
            return torch.autograd.grad(losses.sum(), self.theta)[0]
        found = torch.autograd.grad(losses, self.stacked, self.ones)
        return (
            torch.cat([gradient.reshape(len(losses), -1) for gradient in found], 1)
            if len(found) > 1
            else found[0]
        )

    def _for_all(self, *tensors: Tensor) -> list[Tensor]:
        """Tensors that all members share, as one for each: ``[K, ...]``."""
        return [tensor.expand(len(self.loops), *tensor.shape) for tensor in tensors]

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor, *, even: bool = False) -> list[dict[str, float]]:
        """Mean loss and metrics of every member over a part of the dataset, NaN over none; see :meth:`TrainingLoop.evaluate`."""
        names = ("loss", *self.task.metrics)
        if not len(x):
            return [dict.fromkeys(names, math.nan) for _ in self.loops]
        self.totals.zero_()
        # A GPU takes more at once than a CPU's cache; but batch norm's first loss depends on the pieces.
        size = (
            max(EVALUATION_BATCH, ON_CUDA // len(self.loops))
            if x.device.type == "cuda" and not even
            else EVALUATION_BATCH
        )
        for some_x, some_y in evaluation_pieces(x, y, even=even, size=size):
            whole = len(some_x) == size and not even
            (self.measured if whole else self._measure)(some_x, some_y)
        return [dict(zip(names, row, strict=True)) for row in (self.totals / len(x)).tolist()]

    def _measure(self, x: Tensor, y: Tensor) -> None:
        """Add what is measured of some images to the totals."""
        if self.by_rows is None:
            values = vmap(self._measures, in_dims=(0, 0, None, None))(self.theta, self.moving, x, y)
        else:
            some_x, some_y = self._for_all(x, y)
            with autocast(self.loops[0].precision, x.device):
                values = self.by_rows.measure(self.stacked, some_x, some_y)
        self.totals += values * len(x)

    @torch.no_grad()
    def initial_losses(self) -> list[float]:
        """The losses of evaluation before training; batch norm uses the statistics of batches, and keeps its running ones."""
        before = {name: each.clone() for name, each in self.moving.items()}
        with arithmetic(self.loops[0].precision), batch_statistics(self.model.eval()) as even:
            found = [each["loss"] for each in self.evaluate(self.data.x_train, self.data.y_train, even=even)]
        for name, each in before.items():
            self.moving[name].copy_(each)
        return found

    def snapshot(self) -> Callable[[], None]:
        """What puts the members back to where they are now, after an epoch that broke off."""
        kept = [(each, each.detach().clone()) for each in (self.theta, *self.moving.values())]
        streams = [(each, each.get_state()) for loop in self.loops for each in loop.streams.values()]
        others = [each.snapshot() for _, each in self.updates]

        def restore() -> None:
            with torch.no_grad():
                for tensor, value in kept:
                    tensor.copy_(value)
                for stream, state in streams:
                    stream.set_state(state)
                for other in others:
                    other()

        return restore

    # An epoch.

    def train_epoch(self) -> list[Report]:
        """Train one epoch and report it for every member: ``seconds`` is a member's share of the time."""
        first, members = self.loops[0], len(self.loops)
        with arithmetic(first.precision):
            began = time.perf_counter()
            self.model.train()
            sums = self._train()
            train_loss, grad_norm, fell_back = (
                sums / torch.tensor(self._counts, device=sums.device)[:, None]
            ).tolist()
            trained = time.perf_counter() - began
            self.model.eval()
            train = self.evaluate(self.data.x_train, self.data.y_train)
            test = self.evaluate(self.data.x_test, self.data.y_test)
            seconds = time.perf_counter() - began
        self._count_on()
        share = [None if first.second_order is None else each for each in fell_back]
        return [
            loop.conclude(
                train_loss[k], train[k], test[k], grad_norm[k], share[k], trained / members, seconds / members
            )
            for k, loop in enumerate(self.loops)
        ]

    def _train(self) -> Tensor:
        """The steps of an epoch. Returns: sums of losses, norms and shares that fell back, ``[3, K]``."""
        first, n = self.loops[0], len(self.data.x_train)
        device = self.theta.device
        orders = torch.stack(
            [
                torch.randperm(n, generator=loop.streams["shuffling"], device=device)
                for loop in self._leaders()
            ]
        )
        batches = torch.split(orders, first.batch_size, dim=1)
        curved = [
            first.second_order is not None and (first.step + i) % first.settings.curvature_every == 0
            for i in range(len(batches))
        ]
        self._counts = [n, len(batches), sum(curved) or math.nan]
        self.sums.zero_()
        numbers = [each.numbers(curved) for _, each in self.updates]
        for chosen, curves, *each in zip(batches, curved, *numbers, strict=True):
            if chosen.shape[1] == first.batch_size:
                self.recorded(chosen, each, curves)
            else:
                self._take(chosen, each, curves)
        return self.sums

    def _leaders(self) -> list[TrainingLoop]:
        return [self.loops[lane[0]] for lane in self.lanes]

    def _batch(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """The batch of every member, or one for all. Args: chosen: indices, a row for each seed."""
        if len(self.lanes) == 1 and self.task.augment is None:
            return self.data.x_train[chosen[0]], self.data.y_train[chosen[0]]
        x, y = self.data.x_train[chosen], self.data.y_train[chosen]
        if self.task.augment is not None:
            x = torch.stack(
                [
                    self.task.augment(each, loop.streams["augmentation"])
                    for each, loop in zip(x, self._leaders(), strict=True)
                ]
            )
        if len(self.lanes) == 1:
            return x[0], y[0]
        return (x, y) if len(self.lanes) == len(self.loops) else (x[self.lane_of], y[self.lane_of])

    def _take(self, chosen: Tensor, numbers: Sequence[Any], curved: bool) -> None:
        """One step of all members, added to the sums of their losses, of the norms of their gradients, and of the shares that fell back.

        Args: chosen: indices, a row for each seed. numbers: of the step, for each update.
        """
        losses = self.losses(*self._batch(chosen), shared=len(self.lanes) == 1, twice=curved)
        h: Tensor | None = None
        if curved:
            first = self.loops[0]
            streams, norm = (
                [loop.streams["curvature"] for loop in self.loops],
                float(first.optimizer.param_groups[0]["p"]),
            )
            found = curvature(
                losses.sum(), [self.theta], streams, samples=first.settings.curvature_samples, p=norm
            )
            (gradient,), (h,) = (
                [each for each in part if each is not None] for part in (found.gradient, found.h)
            )
            self.fallen_sums += found.fell_back
        else:
            gradient = self.gradient(losses)
        with torch.no_grad():
            norms = torch.linalg.vector_norm(gradient, dim=1)
            if len(self.updates) == 1:
                self.updates[0][1].step(gradient, norms, h, numbers[0])
            else:
                for (rows, update), each in zip(self.updates, numbers, strict=True):
                    update.step(gradient[rows], norms[rows], None if h is None else h[rows], each)
            self.loss_sums += losses.detach() * chosen.shape[1]
            self.norm_sums += norms

    def _count_on(self) -> None:
        """What an epoch leaves behind in the members."""
        for lane in self.lanes:
            leader = self.loops[lane[0]]
            for k in lane[1:]:
                for purpose in ("shuffling", "augmentation"):
                    self.loops[k].streams[purpose].set_state(leader.streams[purpose].get_state())
        _, steps, curved = self._counts
        for _, update in self.updates:
            update.count(int(steps), 0 if math.isnan(curved) else int(curved))


def _places(model: nn.Module, moving: Sequence[str]) -> list[tuple[dict[str, Any], str, int]]:
    """Where a model has its parameters, by dictionary, name and position, followed by the buffers that move. A tied one is in two places.

    ``torch.func.functional_call`` looks for them anew in every step, which is a sixth of the time of a small one.
    """
    buffers = dict(model.named_buffers())
    order = {
        id(tensor): i for i, tensor in enumerate([*model.parameters(), *(buffers[name] for name in moving)])
    }
    homes = [home for module in model.modules() for home in (module._parameters, module._buffers)]
    return [
        (home, name, order[id(tensor)])
        for home in homes
        for name, tensor in home.items()
        if id(tensor) in order
    ]


def _runs(loops: Sequence[TrainingLoop]) -> list[slice]:
    """The rows of neighbours of one kind."""
    ends = [k for k in range(1, len(loops)) if kind(loops[k]) != kind(loops[k - 1])]
    return [slice(start, stop) for start, stop in itertools.pairwise([0, *ends, len(loops)])]


def _lanes(seeds: Sequence[int], device: torch.device) -> tuple[list[list[int]], Tensor]:
    """The positions of the members of each seed, which see the same batches, and the lane of each member."""
    lanes: dict[int, list[int]] = {}
    for k, seed in enumerate(seeds):
        lanes.setdefault(seed, []).append(k)
    places = {seed: lane for lane, seed in enumerate(lanes)}
    return list(lanes.values()), torch.tensor([places[seed] for seed in seeds], device=device)
