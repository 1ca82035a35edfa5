"""Everything that a trial computes: optimizers, models, datasets and the training loop. Needs PyTorch, not
Ray.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainables.dataset import Dataset
    from trainables.function_tasks import FunctionLoop, FunctionTask
    from trainables.hyperalgorithm import Hyperalgorithm
    from trainables.lr_schedules import LR_SCHEDULES
    from trainables.models import ConvAutoencoder
    from trainables.named_variants import VARIANTS
    from trainables.precision import PRECISIONS
    from trainables.resnet import CifarResNet
    from trainables.schedules import DECAY_SCHEDULES
    from trainables.settings import accepted, check_configuration, route
    from trainables.task_checks import check_task
    from trainables.task_definition import Task
    from trainables.task_modules import load_task_module
    from trainables.tasks import register_task, seeded, task, task_names, task_rows
    from trainables.torch_variants import TORCH_DEFAULTS, TorchVariant
    from trainables.training import TrainingLoop
    from trainables.variant_definition import Variant
    from trainables.variant_names import all_variants
    from trainables.variants import register_variant, variant

__all__ = [
    "DECAY_SCHEDULES",
    "LR_SCHEDULES",
    "PRECISIONS",
    "TORCH_DEFAULTS",
    "VARIANTS",
    "CifarResNet",
    "ConvAutoencoder",
    "Dataset",
    "FunctionLoop",
    "FunctionTask",
    "Hyperalgorithm",
    "Task",
    "TorchVariant",
    "TrainingLoop",
    "Variant",
    "accepted",
    "all_variants",
    "check_configuration",
    "check_task",
    "load_task_module",
    "register_task",
    "register_variant",
    "route",
    "seeded",
    "task",
    "task_names",
    "task_rows",
    "variant",
]
PINNED = "MKL_CBWR" in os.environ or "torch" not in sys.modules
"""True if :func:`trainables.precision.pin_products` precedes the first matrix product of this process, as
PyTorch is imported after this package.
"""
if PINNED:
    os.environ.setdefault("MKL_CBWR", "AUTO")

_HOMES = {
    "Dataset": "dataset",
    "FunctionLoop": "function_tasks", "FunctionTask": "function_tasks",
    "Hyperalgorithm": "hyperalgorithm",
    "LR_SCHEDULES": "lr_schedules",
    "ConvAutoencoder": "models",
    "PRECISIONS": "precision",
    "CifarResNet": "resnet",
    "DECAY_SCHEDULES": "schedules",
    "accepted": "settings", "check_configuration": "settings", "route": "settings",
    "check_task": "task_checks",
    "load_task_module": "task_modules",
    "Task": "task_definition",
    "task": "tasks", "task_names": "tasks", "register_task": "tasks", "seeded": "tasks", "task_rows": "tasks",
    "TORCH_DEFAULTS": "torch_variants", "TorchVariant": "torch_variants",
    "TrainingLoop": "training",
    "all_variants": "variant_names",
    "VARIANTS": "named_variants", "Variant": "variant_definition",
    "variant": "variants", "register_variant": "variants",
}  # fmt: skip


def __getattr__(name: str) -> Any:  # torch is imported when something of it is first used
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"trainables.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
