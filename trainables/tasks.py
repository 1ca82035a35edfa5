"""Task registry: tasks by name, and the fingerprint that tells which results of a task are comparable."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trainables import file_datasets, text_datasets
from trainables.datasets import KNOWN, summary
from trainables.families import FAMILIES, compose, listed_tasks
from trainables.function_tasks import function_tasks
from trainables.named_tasks import AUGMENTED, kind_of_files
from trainables.names import InputError, unknown
from trainables.sources import identity
from trainables.task_definition import Task, augmented

if TYPE_CHECKING:
    import torch
    from torch import nn

NAME = re.compile(r"[\w.-]+(/[\w.-]+)*")


def seeded(factory: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """Make a model factory take a generator.

    For factories that draw from PyTorch's global generator, as ``nn.Module`` classes do. A call of the
    wrapped factory leaves the state of the global generator unchanged.

    Args:
        factory: makes the model from the task's settings as keyword arguments.

    >>> from torch import Generator, nn
    >>> make = seeded(lambda: nn.Linear(2, 1))
    >>> bool((make(Generator().manual_seed(0)).weight == make(Generator().manual_seed(0)).weight).all())
    True
    """
    return functools.partial(_seeded, factory)


def _seeded(factory: Callable[..., nn.Module], generator: torch.Generator, **settings: Any) -> nn.Module:
    # The import path of this function is part of the fingerprints of users' tasks: after a move,
    # stored results would not be reused.
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(0, 2**62, (), generator=generator)))
        return factory(**settings)


_REGISTERED: dict[str, Task] = {}


@functools.lru_cache(maxsize=1)
def _listed() -> dict[str, Task]:
    """Return the package's tasks by name, in the order of the tables."""
    return {task.name: task for task in (*listed_tasks(), *function_tasks())}


def register_task(task: Task) -> Task:
    """Make a task known by its name, and return the task. Registering an equal task again changes nothing.

    Args:
        task: its name is like ``model/dataset``, of letters, digits, ``_``, ``.`` and ``-``.

    Raises:
        InputError: for a name of another form, and for the name of a different task.
    """
    if not NAME.fullmatch(task.name):
        raise InputError(
            f"a task's name is like 'model/dataset', of letters, digits, '_', '.' and '-'; got {task.name!r}"
        )
    known = _find(task.name, _REGISTERED)
    if known is None:
        _REGISTERED[task.name] = task
    elif (_computation(known), known.version, known.batch_size) != (
        _computation(task),
        task.version,
        task.batch_size,
    ):
        raise InputError(f"there is another task {task.name!r} already; give this one another name")
    return task


def task(name: str) -> Task:
    """Return the task of a name.

    Args:
        name: one of :func:`task_names`, or a model of :data:`trainables.families.FAMILIES` with any dataset
            that fits the model, such as ``resnet/arrays:FILE.npz``. ``+augmented`` at the end crops and
            mirrors the training images (:func:`trainables.augmentation.crop_and_flip`).

    Raises:
        InputError: with the nearest known name; for missing files; for data that do not fit the model.
    """
    known = _find(name, _REGISTERED)
    if known is None:
        raise unknown("task", name, task_names())
    return known


def task_names() -> tuple[str, ...]:
    """Return the names of the package's listed tasks, then of the registered ones."""
    return (*_listed(), *_REGISTERED)


def task_rows() -> list[dict[str, Any]]:
    """Return the table of tasks: one :meth:`trainables.task_definition.Task.row` a task, in the order of
    :func:`task_names`.
    """
    return [task(name).row() for name in task_names()]


def default_batch_size(name: str) -> int:
    """Return the images a step of a task when the study does not set a batch size."""
    return task(name).batch_size


def task_fingerprint(chosen: str | Task, limit: int | None = None) -> str:
    """Hash everything that a task's results depend on besides the trial's settings.

    Results of equal fingerprints are comparable.

    For a task of the package: its name, version and limit. For a user's data files: also the content of the
    files, instead of their path. For a user's task: also the source of its callables, and its settings.

    Args:
        chosen: a task, or its name.
        limit: training images that a study uses at most; None for all.

    Returns:
        12 hexadecimal digits.
    """
    subject = task(chosen) if isinstance(chosen, str) else chosen
    content: list[Any] = [_without_path(subject.name), subject.version, limit]
    if not is_built_in(subject):
        data = (
            subject.dataset if isinstance(subject.dataset, str) else ""
        )  # the source of a callable is in subject.sources
        content += [subject.sources, data if not data or data in KNOWN else summary(data).content]
        content += [sorted((name, identity(value)) for name, value in subject.settings.items())]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def is_built_in(chosen: Task) -> bool:
    """Return True if the package makes an equal task of this name, so that the name alone identifies the
    task.
    """
    built_in = _find(chosen.name, {})
    return built_in is not None and _computation(built_in) == _computation(chosen)


def _find(name: str, registered: Mapping[str, Task]) -> Task | None:
    """Return the registered task of a name, else the task that the package makes of the name, else None."""
    if name in registered:
        return registered[name]
    if name.endswith(AUGMENTED):
        plain = _find(name.removesuffix(AUGMENTED), registered)
        return None if plain is None else augmented(plain)
    return _listed().get(name) or compose(name)


def _computation(chosen: Task) -> tuple[Any, ...]:
    """Return the computation of a task as values that compare across processes."""
    return chosen.sources, chosen.settings, chosen.dataset if isinstance(chosen.dataset, str) else None


def _without_path(name: str) -> str:
    """Return a task's name with the hash of its data files in place of their path.

    The text that comes with Python is another one in another version, and so has its hash too.
    """
    model, _, data = name.removesuffix(AUGMENTED).partition("/")
    if data == "text" and model in FAMILIES:
        return f"{name}:{text_datasets.content()}"
    kind = kind_of_files(data)
    if kind is None:
        return name
    return (
        f"{model}/{kind}:{file_datasets.summary(data).content}{AUGMENTED if name.endswith(AUGMENTED) else ''}"
    )
