"""Trials of one structure as one program: their parameters are the rows of one matrix, and a step moves all of them at once.

The forward pass is ``torch.func.vmap`` of the model over the rows. The losses are summed and differentiated once: rows do not depend on
each other, so row k of the gradient is the gradient of member k, and what is not finite in one row stays there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.utils._pytree import tree_map

from trainables.batch_norm import batch_statistics
from trainables.captured import Capture, Captured
from trainables.curvature import curvature
from trainables.hyperalgorithm import Hyperalgorithm
from trainables.member_numbers import MemberNumbers
from trainables.precision import arithmetic, autocast
from trainables.training import EVALUATION_BATCH, Report, TrainingLoop, evaluation_pieces
from trainables.update_rule import Numbers, update

MOMENTS = ("m", "v", "root")
ON_CUDA = 16_384
"""Images of all members that a GPU evaluates at once: what vmap costs Python, some milliseconds, is then less than the arithmetic."""


class Stack:
    """Loops of one structure (see :func:`trainables.cohorts.structure`) that are trained together, one epoch at a time.

    While a loop is in a stack its model's parameters and buffers are views of the stack's. :meth:`dissolve` gives them back, and with
    them everything that continuing alone or in another stack needs.

    Args: loops: at the same step, K of them. moving: names of the buffers that training changes. capture: records the training step, where
        that is possible (:mod:`trainables.captured`); every step is taken anew when not given.
    """

    def __init__(self, loops: Sequence[TrainingLoop], moving: Sequence[str], capture: Capture | None = None) -> None:
        first = loops[0]
        self.loops, self.model, self.task, self.data = list(loops), first.model, first.task, first.data
        self.named = [name for name, _ in self.model.named_parameters()]
        self.shapes = [param.shape for param in self.model.parameters()]
        self.sizes = [shape.numel() for shape in self.shapes]
        self.params = [list(loop.model.parameters()) for loop in loops]
        self.homes: list[tuple[Tensor, Tensor]] = []
        """Each tensor of a member that is a view for now, and where it lived."""
        with torch.no_grad():
            self.theta = torch.stack([_flat(params) for params in self.params])
            buffers = [dict(loop.model.named_buffers()) for loop in loops]
            self.moving = {name: torch.stack([each[name] for each in buffers]) for name in moving}
        for k, params in enumerate(self.params):
            self._lend(params, self._views(self.theta[k]))
            self._lend([buffers[k][name] for name in moving], [each[k] for each in self.moving.values()])
        self.theta.requires_grad_()
        self.lanes, self.lane_of = _lanes([loop.seed for loop in loops], self.theta.device)
        self.sums = torch.zeros(3, len(loops), device=self.theta.device)
        self.together = steps_together(first)
        capturable = self.together and first.second_order is None and self.task.augment is None
        self.captured = Captured(self._take, capture) if capture is not None and capturable else None
        self.moments: dict[str, Tensor] = {}
        if self.together:
            self.numbers = MemberNumbers(loops, self.theta)
            self.updates = self._state(0).get("updates", 0)
            self.moments = {name: self._stacked_state(name) for name in MOMENTS if name in self._state(0)}
        else:
            self.gradient = torch.zeros_like(self.theta)
            for k, params in enumerate(self.params):
                for param, view in zip(params, self._views(self.gradient[k]), strict=True):
                    param.grad = view

    # From members to rows and back.

    def _views(self, row: Tensor) -> list[Tensor]:
        """The parameters that a row holds."""
        return [piece.view(shape) for piece, shape in zip(torch.split(row, self.sizes), self.shapes, strict=True)]

    def _lend(self, tensors: Sequence[Tensor], views: Sequence[Tensor]) -> None:
        for tensor, view in zip(tensors, views, strict=True):
            self.homes.append((tensor, tensor.data))
            tensor.data = view.detach()

    def _state(self, k: int) -> dict[str, Any]:
        """What the optimizer of a member keeps for its first parameter; all parameters have the same names there."""
        found: dict[str, Any] = self.loops[k].optimizer.state.get(self.params[k][0], {})
        return found

    def _stacked_state(self, name: str) -> Tensor:
        return torch.stack([_flat([loop.optimizer.state[p][name] for p in ps]) for loop, ps in zip(self.loops, self.params, strict=True)])

    def _publish(self) -> None:
        """The state of the members' optimizers as views of the stack's, for in_force, checkpoints and the time after."""
        for k, (loop, params) in enumerate(zip(self.loops, self.params, strict=True)):
            states = [loop.optimizer.state[param] for param in params]
            counts = {"step": loop.step, **({"updates": self.updates} if loop.second_order is not None else {})}
            for state in states:
                state.update(counts)
            for name, moment in self.moments.items():
                for state, view in zip(states, self._views(moment[k]), strict=True):
                    state[name] = view

    def dissolve(self) -> None:
        """Give every member its own tensors again."""
        with torch.no_grad():
            for tensor, home in reversed(self.homes):
                tensor.data = home.copy_(tensor)
            for loop, params in zip(self.loops, self.params, strict=True):
                for param in params:
                    param.grad = None
                    state = loop.optimizer.state.get(param, {})
                    for name in MOMENTS if self.together else ():
                        if name in state:
                            state[name] = torch.empty_like(param).copy_(state[name])
        self.homes = []
        self.captured = None  # which refers back to the stack, and so would keep its memory

    # The forward pass of all members.

    def _output(self, theta: Tensor, moving: dict[str, Tensor], x: Tensor) -> Any:
        named = dict(zip(self.named, self._views(theta), strict=True))
        return functional_call(self.model, {**named, **moving}, (x,))

    def _loss(self, theta: Tensor, moving: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        with autocast(self.loops[0].precision, x.device):
            return self.task.loss(self._output(theta, moving, x), x, y)

    def _measures(self, theta: Tensor, moving: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        with autocast(self.loops[0].precision, x.device):
            outputs = self._output(theta, moving, x)
            values = [measure(outputs, x, y) for measure in (self.task.loss, *self.task.metrics.values())]
        return torch.stack([value.float() for value in values])

    def losses(self, x: Tensor, y: Tensor, *, shared: bool) -> Tensor:
        """The loss of every member, ``[K]``. Args: x, y: a batch for all, or where not ``shared`` one for each: ``[K, batch, ...]``."""
        batch = None if shared else 0
        found: Tensor = vmap(self._loss, in_dims=(0, 0, batch, batch))(self.theta, self.moving, x, y)
        return found

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor, *, even: bool = False) -> list[dict[str, float]]:
        """Mean loss and metrics of every member over a part of the dataset, NaN over none; see :meth:`TrainingLoop.evaluate`."""
        names = ("loss", *self.task.metrics)
        if not len(x):
            return [dict.fromkeys(names, math.nan) for _ in self.loops]
        totals = torch.zeros(len(self.loops), len(names), device=x.device)
        measures = vmap(self._measures, in_dims=(0, 0, None, None))
        # A GPU takes more at once than a CPU's cache; but batch norm's first loss depends on the pieces.
        size = max(EVALUATION_BATCH, ON_CUDA // len(self.loops)) if x.device.type == "cuda" and not even else EVALUATION_BATCH
        for some_x, some_y in evaluation_pieces(x, y, even=even, size=size):
            totals += measures(self.theta, self.moving, some_x, some_y) * len(some_x)
        return [dict(zip(names, row, strict=True)) for row in (totals / len(x)).tolist()]

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
        kept = [(each, each.detach().clone()) for each in (self.theta, *self.moving.values(), *self.moments.values())]
        names = list(self.moments)
        loops = [(loop, loop.step, {purpose: each.get_state() for purpose, each in loop.streams.items()}) for loop in self.loops]
        optimizers = [] if self.together else [(loop.optimizer, cloned(loop.optimizer.state_dict())) for loop in self.loops]

        def restore() -> None:
            with torch.no_grad():
                for tensor, value in kept:
                    tensor.copy_(value)
            self.moments = {name: self.moments[name] for name in names}
            for loop, step, streams in loops:
                loop.step = step
                for purpose, state in streams.items():
                    loop.streams[purpose].set_state(state)
            for optimizer, state in optimizers:
                optimizer.load_state_dict(state)

        return restore

    # An epoch.

    def train_epoch(self) -> list[Report]:
        """Train one epoch and report it for every member: ``seconds`` is a member's share of the time."""
        first, members = self.loops[0], len(self.loops)
        with arithmetic(first.precision):
            began = time.perf_counter()
            self.model.train()
            sums = self._train()
            train_loss, grad_norm, fell_back = (sums / torch.tensor(self._counts, device=sums.device)[:, None]).tolist()
            trained = time.perf_counter() - began
            self.model.eval()
            train = self.evaluate(self.data.x_train, self.data.y_train)
            test = self.evaluate(self.data.x_test, self.data.y_test)
            seconds = time.perf_counter() - began
        self._count_on()
        share = [None if first.second_order is None else each for each in fell_back]
        return [
            loop.conclude(train_loss[k], train[k], test[k], grad_norm[k], share[k], trained / members, seconds / members)
            for k, loop in enumerate(self.loops)
        ]

    def _train(self) -> Tensor:
        """The steps of an epoch. Returns: sums of losses, norms and shares that fell back, ``[3, K]``."""
        first, n = self.loops[0], len(self.data.x_train)
        device = self.theta.device
        orders = torch.stack([torch.randperm(n, generator=loop.streams["shuffling"], device=device) for loop in self._leaders()])
        batches = torch.split(orders, first.batch_size, dim=1)
        curved = [first.second_order is not None and (first.step + i) % first.settings.curvature_every == 0 for i in range(len(batches))]
        self._counts = [n, len(batches), sum(curved) or math.nan]
        self.sums.zero_()
        if not self.together:
            for chosen in batches:
                self._take_each(chosen)
            return self.sums
        numbers = self.numbers.of_steps(curved, self.updates, tensors=self.captured is not None)
        for i, chosen in enumerate(batches):
            if self.captured is not None and chosen.shape[1] == first.batch_size:
                self.captured(chosen, numbers[i])
            else:
                self._take(chosen, numbers[i], curved=curved[i])
        return self.sums

    def _leaders(self) -> list[TrainingLoop]:
        return [self.loops[lane[0]] for lane in self.lanes]

    def _batch(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """The batch of every member, or one for all. Args: chosen: indices, a row for each seed."""
        x, y = self.data.x_train[chosen], self.data.y_train[chosen]
        if self.task.augment is not None:
            x = torch.stack([self.task.augment(each, loop.streams["augmentation"]) for each, loop in zip(x, self._leaders(), strict=True)])
        if len(self.lanes) == 1:
            return x[0], y[0]
        return (x, y) if len(self.lanes) == len(self.loops) else (x[self.lane_of], y[self.lane_of])

    def _take(self, chosen: Tensor, numbers: Numbers, *, curved: bool = False) -> None:
        """One step of all members, added to the sums of their losses, of the norms of their gradients, and of the shares that fell back."""
        losses = self.losses(*self._batch(chosen), shared=len(self.lanes) == 1)
        settings, second = self.loops[0].settings, self.loops[0].second_order is not None
        h: list[Tensor] | None = None
        if curved:
            streams = [loop.streams["curvature"] for loop in self.loops]
            found = curvature(losses.sum(), [self.theta], streams, samples=settings.curvature_samples, p=float(self.numbers.settings["p"]))
            (gradient,), h = ([each for each in part if each is not None] for part in (found.gradient, found.h))
            self.sums[2] += found.fell_back
        else:
            (gradient,) = torch.autograd.grad(losses.sum(), self.theta)
        with torch.no_grad():
            norms = torch.linalg.vector_norm(gradient, dim=1)
            if settings.clip_norm is not None:
                gradient = gradient * (self.numbers.clip / (norms + 1e-6)).clamp(max=1.0)[:, None]
            if self.numbers.decays and settings.weight_decay_kind == "coupled":
                gradient = gradient + self.numbers.decay.to(gradient.dtype) * self.theta
            elif self.numbers.decays:
                alpha = numbers.alpha[:, None] if isinstance(numbers.alpha, Tensor) else numbers.alpha
                self.theta *= (1 - alpha * self.numbers.decay).to(self.theta.dtype)
            if self.numbers.settings["maximize"]:
                gradient = -gradient
            update(self.numbers.settings, numbers, [self.theta.detach()], [gradient], h if second else [gradient], self._moments)
            self.sums[0] += losses.detach() * chosen.shape[1]
            self.sums[1] += norms

    def _moments(self, name: str) -> list[Tensor]:
        if name not in self.moments:
            self.moments[name] = torch.zeros_like(self.theta, requires_grad=False)
        return [self.moments[name]]

    def _take_each(self, chosen: Tensor) -> None:
        """One step by optimizers that know nothing of stacks, one after another."""
        losses = self.losses(*self._batch(chosen), shared=len(self.lanes) == 1)
        (gradient,) = torch.autograd.grad(losses.sum(), self.theta)
        self.gradient.copy_(gradient)
        norms = []
        for loop in self.loops:
            loop.step += 1
            loop.set_learning_rate()
            norms.append(loop.clip_and_decay())
            loop.optimizer.step()
        self.sums[0] += losses.detach() * chosen.shape[1]
        self.sums[1] += torch.stack(norms)

    # What an epoch leaves behind.

    def _count_on(self) -> None:
        """What an epoch leaves behind in the members."""
        steps = math.ceil(len(self.data.x_train) / self.loops[0].batch_size)
        for lane in self.lanes:
            leader = self.loops[lane[0]]
            for k in lane[1:]:
                for purpose in ("shuffling", "augmentation"):
                    self.loops[k].streams[purpose].set_state(leader.streams[purpose].get_state())
        if self.together:
            self.updates += 0 if math.isnan(self._counts[2]) else int(self._counts[2])
            for loop in self.loops:
                loop.step += steps
                loop.set_learning_rate()
            self._publish()


def cloned(state: Any) -> Any:
    """A state with tensors of its own: a saved view would take everything with it that it is a view of."""
    return tree_map(lambda each: each.detach().clone() if isinstance(each, Tensor) else each, state)


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([each.detach().reshape(-1) for each in tensors])


def _lanes(seeds: Sequence[int], device: torch.device) -> tuple[list[list[int]], Tensor]:
    """The positions of the members of each seed, which see the same batches, and the lane of each member."""
    lanes: dict[int, list[int]] = {}
    for k, seed in enumerate(seeds):
        lanes.setdefault(seed, []).append(k)
    places = {seed: lane for lane, seed in enumerate(lanes)}
    return list(lanes.values()), torch.tensor([places[seed] for seed in seeds], device=device)


def steps_together(loop: TrainingLoop) -> bool:
    """Whether the optimizer is the hyperalgorithm with the model's parameters as its only group, so that one update does for a stack."""
    groups = loop.optimizer.param_groups
    same = len(groups) == 1 and list(map(id, groups[0]["params"])) == list(map(id, loop.model.parameters()))
    return same and isinstance(loop.optimizer, Hyperalgorithm)
