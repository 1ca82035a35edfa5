"""Stack: trials of one structure as one program; their parameters are the rows of one matrix.

The forward pass is ``torch.func.vmap`` of the model over the rows, or on a CPU batched products
(:mod:`trainables.member_rows`), with which the numbers of a row are the same, bit by bit, for any number of
rows. The losses are summed and differentiated once: rows do not depend on each other, so row k of the
gradient is the gradient of member k, and non-finite values stay in their row.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from trainables.batch_norm import batch_statistics
from trainables.captured import Capture, Captured
from trainables.compat import weighted_gradients
from trainables.curvature import curvature
from trainables.layouts import Layout, flat
from trainables.member_rows import member_rows
from trainables.precision import arithmetic, autocast, forward_pass
from trainables.stack_layout import lanes, places, runs
from trainables.stacked_updates import way
from trainables.training import EVALUATION_BATCH, Report, TrainingLoop, evaluation_pieces

ON_CUDA = 16_384
"""Images of all members that a GPU evaluates at once: what vmap costs Python, some milliseconds, is then less
than the arithmetic."""


class Stack:
    """Training loops of one structure (:func:`trainables.stackable.structure`) that train together.

    While a loop is in a stack its model's parameters and buffers are views of the stack's. :meth:`dissolve`
    gives them back, and with them everything that continuing alone or in another stack needs.

    Args:
        loops: K loops at the same step; those of one kind (:func:`trainables.stacked_updates.kind`) that are
            neighbours are updated together.
        moving: names of the buffers that training changes.
        capture: records the training step, where that is possible, and the evaluation
            (:mod:`trainables.captured`); None records nothing.
    """

    def __init__(
        self, loops: Sequence[TrainingLoop], moving: Sequence[str], capture: Capture | None = None
    ) -> None:
        first = loops[0]
        self.loops, self.model, self.task, self.data = list(loops), first.model, first.task, first.data
        self.places = places(self.model, moving)
        self.params = [list(loop.model.parameters()) for loop in loops]
        self.layout = Layout(self.params[0])
        self.homes: list[tuple[Tensor, Tensor]] = []
        """Tensors of members that are views of the stack's, each with its original storage."""
        self.by_rows = member_rows(self.task, self.model) if self.data.x_train.device.type == "cpu" else None
        """Model, loss and metrics for all members at once; None if vmap computes them."""
        buffers = [dict(loop.model.named_buffers()) for loop in loops]
        with torch.no_grad():
            self.theta = torch.stack([flat(params) for params in self.params])
            self.moving = {name: torch.stack([tensors[name] for tensors in buffers]) for name in moving}
        for k, params in enumerate(self.params):
            self._lend(params, self.layout.views(self.theta[k]))
            self._lend([buffers[k][name] for name in moving], [buffer[k] for buffer in self.moving.values()])
        self.stacked = [stacked.data.requires_grad_() for stacked in self.layout.stacked(self.theta)]
        """The parameters of all members, each ``[K, ...]``: the memory of theta, as leaves of a graph."""
        self.theta.requires_grad_()
        self.ones = torch.ones(len(loops), dtype=self.theta.dtype, device=self.theta.device)
        self.lanes, self.lane_of = lanes([loop.seed for loop in loops], self.theta.device)
        self.sums = torch.zeros(3, len(loops), device=self.theta.device)
        self.loss_sums, self.norm_sums, self.fallen_sums = self.sums.unbind(0)
        self.totals = torch.zeros(len(loops), 1 + len(self.task.metrics), device=self.theta.device)
        self.updates = [
            (rows, way(loops[rows.start])(loops[rows], self.theta.detach()[rows], self.layout))
            for rows in runs(loops)
        ]
        self.recorded: Callable[..., None] = self._take
        self.measured: Callable[..., None] = self._measure
        if capture is not None:
            self.measured = Captured(self._measure, capture)
            if (
                all(update.recordable for _, update in self.updates)
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
        """Give every member copies of its tensors."""
        with torch.no_grad():
            for tensor, home in reversed(self.homes):
                tensor.data = home.copy_(tensor)
            for _, update in self.updates:
                update.dissolve()
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
        first = self.loops[0]
        with forward_pass(first.precision, x.device, twice=first.second_order is not None, stacked=True):
            return self.task.loss(self._output(theta, moving, x), x, y)

    def _measures(self, theta: Tensor, moving: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        with forward_pass(self.loops[0].precision, x.device, twice=False, stacked=True):
            outputs = self._output(theta, moving, x)
            values = [measure(outputs, x, y) for measure in (self.task.loss, *self.task.metrics.values())]
        return torch.stack([value.float() for value in values])

    def losses(self, x: Tensor, y: Tensor, *, shared: bool, twice: bool = False) -> Tensor:
        """Return the loss of every member, ``[K]``.

        Args:
            x: a batch for all, or where not ``shared`` one for each: ``[K, batch, ...]``.
            y: a batch for all, or where not ``shared`` one for each: ``[K, batch, ...]``.
            twice: it will be differentiated twice, by theta.
        """
        if self.by_rows is not None:
            x, y = (x, y) if not shared else self._for_all(x, y)
            with autocast(self.loops[0].precision, x.device):
                return self.by_rows.loss(
                    self.layout.stacked(self.theta) if twice else self.stacked, x, y, twice=twice
                )
        batch = None if shared else 0
        losses: Tensor = vmap(self._loss, in_dims=(0, 0, batch, batch))(self.theta, self.moving, x, y)
        return losses

    def gradient(self, losses: Tensor) -> Tensor:
        """Return the gradient of every member's loss, ``[K, N]``."""
        if self.by_rows is None:
            return weighted_gradients(losses, [self.theta], self.ones)[0]
        gradients = weighted_gradients(losses, self.stacked, self.ones)
        return (
            torch.cat([gradient.reshape(len(losses), -1) for gradient in gradients], 1)
            if len(gradients) > 1
            else gradients[0]
        )

    def _for_all(self, *tensors: Tensor) -> list[Tensor]:
        """Return shared tensors expanded to one a member: ``[K, ...]``."""
        return [tensor.expand(len(self.loops), *tensor.shape) for tensor in tensors]

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor, *, even: bool = False) -> list[dict[str, float]]:
        """Return mean loss and metrics of every member over a part of the dataset; NaN without images."""
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
        """Add loss and metrics of some images to the totals."""
        if self.by_rows is None:
            values = vmap(self._measures, in_dims=(0, 0, None, None))(self.theta, self.moving, x, y)
        else:
            some_x, some_y = self._for_all(x, y)
            with autocast(self.loops[0].precision, x.device):
                values = self.by_rows.measure(self.stacked, some_x, some_y)
        self.totals += values * len(x)

    @torch.no_grad()
    def initial_losses(self) -> list[float]:
        """Return the losses before training; batch norm uses the statistics of batches, and its running
        statistics do not change.
        """
        before = {name: buffer.clone() for name, buffer in self.moving.items()}
        with arithmetic(self.loops[0].precision), batch_statistics(self.model.eval()) as even:
            losses = [
                measured["loss"]
                for measured in self.evaluate(self.data.x_train, self.data.y_train, even=even)
            ]
        for name, buffer in before.items():
            self.moving[name].copy_(buffer)
        return losses

    def snapshot(self) -> Callable[[], None]:
        """Return a function that restores the present state of the members after an interrupted epoch."""
        tensors = [(tensor, tensor.detach().clone()) for tensor in (self.theta, *self.moving.values())]
        streams = [(stream, stream.get_state()) for loop in self.loops for stream in loop.streams.values()]
        others = [update.snapshot() for _, update in self.updates]

        def restore() -> None:
            with torch.no_grad():
                for tensor, value in tensors:
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
            for loop in self.loops:
                loop.steps.train()
            sums = self._train()
            train_loss, grad_norm, fell_back = (
                sums / torch.tensor(self._counts, device=sums.device)[:, None]
            ).tolist()
            trained = time.perf_counter() - began
            self.model.eval()
            for loop in self.loops:
                loop.steps.eval()
            train = self.evaluate(self.data.x_train, self.data.y_train)
            test = self.evaluate(self.data.x_test, self.data.y_test)
            seconds = time.perf_counter() - began
        self._count_on()
        share = [None if first.second_order is None else share for share in fell_back]
        return [
            loop.conclude(
                train_loss[k], train[k], test[k], grad_norm[k], share[k], trained / members, seconds / members
            )
            for k, loop in enumerate(self.loops)
        ]

    def _train(self) -> Tensor:
        """Take the steps of an epoch.

        Returns:
            sums of losses, norms and shares that fell back, ``[3, K]``.
        """
        first, n = self.loops[0], len(self.data.x_train)
        device = self.theta.device
        streams = [loop.streams["shuffling"] for loop in self._leaders()]
        orders = torch.stack([torch.randperm(n, generator=stream, device=device) for stream in streams])
        batches = torch.split(orders, first.batch_size, dim=1)
        curved = [
            first.second_order is not None and (first.step + i) % first.settings.curvature_every == 0
            for i in range(len(batches))
        ]
        self._counts = [n, len(batches), sum(curved) or math.nan]
        self.sums.zero_()
        numbers = [update.numbers(curved) for _, update in self.updates]
        for chosen, curves, *step_numbers in zip(batches, curved, *numbers, strict=True):
            if chosen.shape[1] == first.batch_size:
                self.recorded(chosen, step_numbers, curves)
            else:
                self._take(chosen, step_numbers, curves)
        return self.sums

    def _leaders(self) -> list[TrainingLoop]:
        return [self.loops[lane[0]] for lane in self.lanes]

    def _batch(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Return the batch of every member, or one batch for all.

        Args:
            chosen: indices of images, a row for each seed.
        """
        if len(self.lanes) == 1 and self.task.augment is None:
            return self.data.x_train[chosen[0]], self.data.y_train[chosen[0]]
        x, y = self.data.x_train[chosen], self.data.y_train[chosen]
        if self.task.augment is not None:
            x = torch.stack(
                [
                    self.task.augment(images, loop.streams["augmentation"])
                    for images, loop in zip(x, self._leaders(), strict=True)
                ]
            )
        if len(self.lanes) == 1:
            return x[0], y[0]
        return (x, y) if len(self.lanes) == len(self.loops) else (x[self.lane_of], y[self.lane_of])

    def _take(self, chosen: Tensor, numbers: Sequence[Any], curved: bool) -> None:
        """Take one step of all members; add losses, gradient norms and shares that fell back to the sums.

        Args:
            chosen: indices, a row for each seed.
            numbers: of the step, for each update.
        """
        losses = self.losses(*self._batch(chosen), shared=len(self.lanes) == 1, twice=curved)
        h: Tensor | None = None
        if curved:
            first = self.loops[0]
            streams, norm = (
                [loop.streams["curvature"] for loop in self.loops],
                float(first.optimizer.param_groups[0]["p"]),
            )
            estimate = curvature(
                losses.sum(), [self.theta], streams, samples=first.settings.curvature_samples, p=norm
            )
            (gradient,), (h,) = (
                [tensor for tensor in part if tensor is not None] for part in (estimate.gradient, estimate.h)
            )
            self.fallen_sums += estimate.fell_back
        else:
            gradient = self.gradient(losses)
        with torch.no_grad():
            norms = torch.linalg.vector_norm(gradient, dim=1)
            if len(self.updates) == 1:
                self.updates[0][1].step(gradient, norms, h, numbers[0])
            else:
                for (rows, update), step_numbers in zip(self.updates, numbers, strict=True):
                    update.step(gradient[rows], norms[rows], None if h is None else h[rows], step_numbers)
            self.loss_sums += losses.detach() * chosen.shape[1]
            self.norm_sums += norms

    def _count_on(self) -> None:
        """Update the random streams and step counts of the members after an epoch."""
        for lane in self.lanes:
            leader = self.loops[lane[0]]
            for k in lane[1:]:
                for purpose in ("shuffling", "augmentation"):
                    self.loops[k].streams[purpose].set_state(leader.streams[purpose].get_state())
        _, steps, curved = self._counts
        for _, update in self.updates:
            update.count(int(steps), 0 if math.isnan(curved) else int(curved))
