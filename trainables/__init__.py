"""What one trial computes: the hyperalgorithm, the models and data it trains, and the loop around them. Needs PyTorch only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainables.datasets import Dataset
    from trainables.function_tasks import FunctionLoop, FunctionTask
    from trainables.hyperalgorithm import Hyperalgorithm
    from trainables.models import ConvAutoencoder
    from trainables.resnet import CifarResNet
    from trainables.task_checks import check_task
    from trainables.task_modules import load_task_module
    from trainables.tasks import Task, register_task, seeded, task, task_names, task_rows
    from trainables.training import TrainingLoop
    from trainables.variants import VARIANTS, Variant, variant

__all__ = [
    "VARIANTS",
    "CifarResNet",
    "ConvAutoencoder",
    "Dataset",
    "FunctionLoop",
    "FunctionTask",
    "Hyperalgorithm",
    "Task",
    "TrainingLoop",
    "Variant",
    "check_task",
    "load_task_module",
    "register_task",
    "seeded",
    "task",
    "task_names",
    "task_rows",
    "variant",
]
_HOMES = {
    "CifarResNet": "resnet", "ConvAutoencoder": "models", "Dataset": "datasets", "FunctionLoop": "function_tasks",
    "FunctionTask": "function_tasks", "Hyperalgorithm": "hyperalgorithm", "Task": "tasks", "TrainingLoop": "training",
    "VARIANTS": "variants", "Variant": "variants", "check_task": "task_checks", "load_task_module": "task_modules",
    "register_task": "tasks", "seeded": "tasks", "task": "tasks", "task_names": "tasks", "task_rows": "tasks", "variant": "variants",
}  # fmt: skip


def __getattr__(name: str) -> Any:  # torch is imported when something of it is first used
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"trainables.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
