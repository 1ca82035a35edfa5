"""Function tasks: a trial evaluates a function instead of training, and reports as the training loop does."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from trainables.exact_sensitivities import KnownAnswer
from trainables.known_answers import Ishigami, LrValley, SobolG
from trainables.named_variants import DIRECT
from trainables.names import InputError
from trainables.outcomes import final_status
from trainables.task_definition import Task

if TYPE_CHECKING:
    from trainables.dataset import Dataset
    from trainables.variant_definition import Variant


class FunctionTask(Task):
    """A function with exact sensitivities as a task, without model and data.

    Args:
        name: ``function/...``.
        function: see :mod:`trainables.known_answers`.
        version: as for any task.
        description: as for any task.

    >>> round(FunctionTask("function/mine", Ishigami(a=5.0)).function.mean, 9)
    2.5
    """

    function: KnownAnswer

    def __init__(self, name: str, function: KnownAnswer, *, version: int = 1, description: str = "") -> None:
        super().__init__(
            name,
            "none",
            functools.partial(_no_model, function),
            _no_loss,
            batch_size=1,
            version=version,
            description=description,
        )
        object.__setattr__(self, "function", function)

    @property
    def hyperparameters(self) -> list[dict[str, Any]]:
        """Hyperparameters of the function as plain data: name, low, high, scale."""
        return self.function.hyperparameters

    @property
    def parameters(self) -> int | None:
        """None: a function has no trainable parameters."""
        return None

    def row(self) -> dict[str, Any]:
        """Return the task's row of a table."""
        return {**super().row(), "dataset": None, "images": None, "loss": None}

    def evaluate(self, configuration: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Return one trial as one report, of the form of :class:`trainables.training.TrainingLoop`.

        Every loss is the value of the function and ``initial_loss`` its ceiling; an infinite value has
        diverged.

        Raises:
            InputError: for a hyperparameter that is unknown, lacking or out of range.
        """
        began = time.perf_counter()
        loss = self.function(configuration, seed)
        force = {name: float(configuration.get(name, math.nan)) for name in ("lr", "mu", "nu")}
        return {
            "epoch": 1,
            "train_loss": loss,
            "train_loss_end": loss,
            "test_loss": loss,
            **force,
            "grad_norm": math.nan,
            "images_per_second": math.nan,
            "seconds": time.perf_counter() - began,
            "initial_loss": self.function.ceiling,
            "status": final_status(loss),
        }


def _no_model(*arguments: Any, **settings: Any) -> NoReturn:
    raise InputError("a function task has no model; FunctionLoop evaluates it")


def _no_loss(*arguments: Any) -> NoReturn:
    raise InputError("a function task has no loss; FunctionLoop evaluates it")


class FunctionLoop:
    """One trial of a function, with the interface of :class:`trainables.training.TrainingLoop`: every epoch
    reports the same value.

    The arguments are those of the training loop; ``variant`` must be ``direct``; ``data`` and ``batch_size``
    are not used.

    Raises:
        InputError: for another variant, for epochs below 1 and for a configuration that the function does not
            take.
    """

    def __init__(
        self,
        task: FunctionTask,
        variant: Variant | str,
        configuration: Mapping[str, Any],
        seed: int,
        *,
        data: Dataset | None = None,
        epochs: int = 1,
        batch_size: int | None = None,
    ) -> None:
        if epochs < 1:
            raise InputError(f"epochs must be at least 1, got {epochs}")
        name = variant if isinstance(variant, str) else variant.name
        if name != DIRECT:
            raise InputError(f"task {task.name!r} is a function, whose variant is {DIRECT!r}; got {name!r}")
        task.function.units(configuration)
        self.task, self.configuration, self.seed, self.epochs = task, dict(configuration), seed, epochs
        self.epoch = 0
        self.status = "running"
        self.initial_loss = task.function.ceiling

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while self.status == "running":
            yield self.train_epoch()

    def train_epoch(self) -> dict[str, Any]:
        """Evaluate the function and return the report."""
        report = self.task.evaluate(self.configuration, self.seed)
        self.epoch += 1
        if report["status"] == "diverged" or self.epoch >= self.epochs:
            self.status = report["status"]
        del report["initial_loss"]
        return {**report, "epoch": self.epoch, "status": self.status}

    def state_dict(self) -> dict[str, Any]:
        """Return the state that continuing needs besides the arguments of the constructor."""
        return {"epoch": self.epoch, "status": self.status, "initial_loss": self.initial_loss}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from the :meth:`state_dict` of a loop with the same arguments."""
        self.epoch, self.status, self.initial_loss = state["epoch"], state["status"], state["initial_loss"]


def function_tasks() -> list[FunctionTask]:
    """Return the function tasks of the package."""
    return [
        FunctionTask(
            "function/ishigami",
            Ishigami(),
            description="Ishigami's function: exact sensitivities, one interaction",
        ),
        FunctionTask(
            "function/sobol_g",
            SobolG(),
            description="Sobol's g-function: exact sensitivities from large to small",
        ),
        FunctionTask(
            "function/lr_valley",
            LrValley(),
            description="a loss U-shaped in log lr: exact sensitivities, nu without effect",
        ),
    ]
