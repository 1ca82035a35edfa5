"""What one trial computes: the hyperalgorithm, the models and data it trains, and the loop around them. Needs PyTorch only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainables.hyperalgorithm import Hyperalgorithm
    from trainables.models import ConvAutoencoder
    from trainables.tasks import Task, task, task_names
    from trainables.training import TrainingLoop
    from trainables.variants import VARIANTS, Variant, variant

__all__ = [
    "VARIANTS",
    "ConvAutoencoder",
    "Hyperalgorithm",
    "Task",
    "TrainingLoop",
    "Variant",
    "task",
    "task_names",
    "variant",
]
_HOMES = {
    "Hyperalgorithm": "hyperalgorithm", "ConvAutoencoder": "models", "Task": "tasks", "task": "tasks", "task_names": "tasks",
    "TrainingLoop": "training", "VARIANTS": "variants", "Variant": "variants", "variant": "variants",
}  # fmt: skip


def __getattr__(name: str) -> Any:  # torch is imported when something of it is first used
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"trainables.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
