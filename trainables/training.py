"""The training loop of one trial, epoch by epoch. A loss that blows up is a result, not an error."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainables.names import InputError
from trainables.schedules import DECAY_SCHEDULES

if TYPE_CHECKING:
    from trainables.datasets import Dataset
    from trainables.tasks import Task
    from trainables.variants import Variant

Report = dict[str, Any]

SANE = 100.0
"""A training loss above this many times the initial loss counts as diverged."""
EVALUATION_BATCH = 256


class TrainingLoop:
    """One trial: iterate over it and it trains, yielding a report after every epoch.

    Args:
        task: what to train. data: its dataset, already on the device. variant: the optimizer. configuration: its hyperparameters.
        seed: names the initial weights and the shuffling. epochs: how many. batch_size: the task's own when not given.

    A report has ``epoch`` (from 1), ``train_loss`` (mean over the epoch's images as they were trained on), ``train_loss_end`` (over the
    training set after the epoch), ``test_loss``, ``lr``, ``mu`` and ``nu`` (in force at the last step, NaN where they take no part),
    ``grad_norm`` (mean over the steps), ``images_per_second`` (of training), ``seconds`` (evaluation included) and ``status``:
    ``running``, ``completed`` after the last epoch, or ``diverged``, which also ends the trial: the loss became non-finite or left the sane
    range (:data:`SANE` times the initial loss).

    Raises: InputError for a configuration that the variant does not take.
    """

    def __init__(
        self,
        task: Task,
        variant: Variant,
        configuration: Mapping[str, Any],
        seed: int,
        *,
        data: Dataset,
        epochs: int,
        batch_size: int | None = None,
    ) -> None:
        if epochs < 1:
            raise InputError(f"epochs must be at least 1, got {epochs}")
        if batch_size is not None and batch_size < 1:
            raise InputError(f"batch_size must be at least 1, got {batch_size}")
        self.task, self.data, self.epochs = task, data, epochs
        self.batch_size = batch_size if batch_size is not None else task.batch_size
        device = data.x_train.device
        # Channels last trains the autoencoder 1.5 times as fast on a CPU core (0.86 s against 1.32 s an epoch of digits).
        model = task.model(stream(seed, "weights")).to(device)
        self.model = model.to(memory_format=torch.channels_last)
        self.optimizer = variant.optimizer(self.model.parameters(), configuration)
        self.shuffling = stream(seed, "shuffling", device)
        self.epoch = 0
        self.status = "running"
        self.initial_loss = float(self._evaluate(data.x_train, data.y_train))

    def __iter__(self) -> Iterator[Report]:
        while self.status == "running":
            yield self.train_epoch()

    def train_epoch(self) -> Report:
        """Train one epoch and report it."""
        began = time.perf_counter()
        x, y = self.data.x_train, self.data.y_train
        order = torch.randperm(len(x), generator=self.shuffling, device=x.device)
        total, norms, steps = torch.zeros((), device=x.device), torch.zeros((), device=x.device), 0
        self.model.train()
        for chosen in torch.split(order, self.batch_size):
            self.optimizer.zero_grad(set_to_none=True)
            loss = self._loss(x[chosen], y[chosen])
            loss.backward()  # type: ignore[no-untyped-call]
            norms += self._gradient_norm()
            self.optimizer.step()
            total += loss.detach() * len(chosen)
            steps += 1
        train_loss, grad_norm = (total / len(x)).item(), (norms / steps).item()
        trained = time.perf_counter() - began
        train_loss_end = float(self._evaluate(x, y))
        test_loss = float(self._evaluate(self.data.x_test, self.data.y_test))
        self.epoch += 1
        sane = math.isfinite(train_loss) and train_loss_end <= SANE * self.initial_loss
        self.status = "diverged" if not sane else "completed" if self.epoch >= self.epochs else "running"
        return {
            "epoch": self.epoch,
            "train_loss": train_loss,
            "train_loss_end": train_loss_end,
            "test_loss": test_loss,
            **self._in_force(),
            "grad_norm": grad_norm,
            "images_per_second": len(x) / trained,
            "seconds": time.perf_counter() - began,
            "status": self.status,
        }

    @torch.no_grad()
    def _evaluate(self, x: Tensor, y: Tensor) -> Tensor:
        """Mean loss over a part of the dataset."""
        self.model.eval()
        total = torch.zeros((), device=x.device)
        # In pieces that fit the cache: the whole digits at once take 2.3 times as long on a CPU core.
        pieces = zip(torch.split(x, EVALUATION_BATCH), torch.split(y, EVALUATION_BATCH), strict=True)
        for some_x, some_y in pieces:
            total += self._loss(some_x, some_y) * len(some_x)
        return total / len(x)

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        return self.task.loss(self.model(x), x, y)

    def _gradient_norm(self) -> Tensor:
        gradients = [param.grad for param in self.model.parameters() if param.grad is not None]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        return norm

    def _in_force(self) -> dict[str, float]:
        """lr, mu and nu at the last step."""
        group = self.optimizer.param_groups[0]
        step = max(state["step"] for state in self.optimizer.state.values())
        used = {"mu": group["momentum"] != "none", "nu": group["adaptive"] != "none"}
        force = {"lr": float(group["lr"])}
        for name, takes_part in used.items():
            schedule = DECAY_SCHEDULES[group[f"{name}_schedule"]]
            force[name] = float(schedule(group[name], step, group["period"])) if takes_part else math.nan
        return force

    def state_dict(self) -> dict[str, Any]:
        """Everything that continuing exactly needs, besides the arguments of the constructor."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "shuffling": self.shuffling.get_state(),
            "epoch": self.epoch,
            "status": self.status,
            "initial_loss": self.initial_loss,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from :meth:`state_dict` of a loop made with the same arguments."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.shuffling.set_state(state["shuffling"])
        self.epoch, self.status, self.initial_loss = state["epoch"], state["status"], state["initial_loss"]


def stream(seed: int, purpose: str, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator of its own for every purpose of a seed, so that no two purposes share random numbers."""
    number = int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:8]) >> 1
    return torch.Generator(device).manual_seed(number)
