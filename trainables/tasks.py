"""Tasks: what is trained, on what, and how well it is done. A task is named; its fingerprint says when two results are comparable."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trainables.losses import Measure, loss_of, metrics_of, reconstruction
from trainables.names import InputError, unknown
from trainables.sources import identity, title

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from trainables.datasets import Dataset

__all__ = [
    "Task",
    "reconstruction",
    "register_task",
    "seeded",
    "task",
    "task_fingerprint",
    "task_names",
    "task_rows",
]

AUGMENTED = "+augmented"
NAME = re.compile(r"[\w.-]+(/[\w.-]+)*")


@dataclass(frozen=True, init=False)
class Task:
    """Model, data and loss.

    Args:
        name: ``model/dataset``.
        dataset: name of the dataset (:func:`trainables.datasets.load`), or a callable without arguments that returns a ``Dataset``.
        model: makes a fresh model from a generator, which draws its weights, and the settings as keyword arguments. Wrap in
            :func:`seeded` what takes no generator.
        loss: ``(outputs, x, y)`` of a batch to a scalar, the mean over its images; or a name of :data:`trainables.losses.LOSSES`.
        metrics: further measures of the same form by name; or names of :data:`trainables.losses.METRICS`.
        settings: hyperparameters that the model takes, with their defaults.
        batch_size: images a step when a study says nothing else.
        version: raised when the numbers that the task gives change, so that old results are not mixed with new ones.
        description: one line.
        augment: a training batch and a generator on its device to the batch to train on, or None.
    Two tasks are equal when their callables have the same sources, not only when they are the same objects.

    Raises: InputError for a loss or metric that is not known, and for a batch size below 1.

    >>> from trainables.models import ConvAutoencoder
    >>> Task("mine/digits", "digits", ConvAutoencoder, "reconstruction").loss.__name__
    'reconstruction'
    """

    name: str
    dataset: str | Callable[[], Dataset]
    model: Callable[..., nn.Module] = field(repr=False, compare=False)
    loss: Measure = field(repr=False, compare=False)
    metrics: Mapping[str, Measure] = field(repr=False, compare=False)
    settings: Mapping[str, Any]
    batch_size: int
    version: int
    description: str
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = field(repr=False, compare=False)
    sources: tuple[str, ...] = field(init=False, repr=False)

    def __init__(
        self,
        name: str,
        dataset: str | Callable[[], Dataset],
        model: Callable[..., nn.Module],
        loss: Measure | str,
        metrics: Mapping[str, Measure] | Iterable[str] = (),
        settings: Mapping[str, Any] | None = None,
        batch_size: int = 64,
        version: int = 1,
        description: str = "",
        augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size of task {name!r} must be at least 1, got {batch_size}")
        values = {
            "name": name, "dataset": dataset, "model": model, "loss": loss_of(loss), "metrics": metrics_of(metrics),
            "settings": dict(settings or {}), "batch_size": batch_size, "version": version, "description": description, "augment": augment,
        }  # fmt: skip
        for key, value in values.items():
            object.__setattr__(self, key, value)
        # Taken here and not where they are needed: a task that travels to another machine takes them along, its source files it does not.
        callables = [
            self.model,
            self.loss,
            *self.metrics.values(),
            *([] if isinstance(dataset, str) else [dataset]),
            augment,
        ]
        object.__setattr__(self, "sources", tuple(identity(each) for each in callables))

    def fingerprint(self, limit: int | None = None) -> str:
        """What results of this task depend on besides the trial's own settings; equal fingerprints are comparable.

        For the tasks that come with the package: the name, the version, the limit. For a user's files also their content instead of their
        path, for a user's task the source of its callables and its settings.
        """
        content: list[Any] = [_without_path(self.name), self.version, limit]
        if not self._built_in():
            from trainables.datasets import KNOWN, summary

            data = self.dataset if isinstance(self.dataset, str) else ""  # a callable is one of the sources
            content += [self.sources, data if not data or data in KNOWN else summary(data).content]
            content += [sorted((key, identity(each)) for key, each in self.settings.items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]

    def _built_in(self) -> bool:
        """Whether this is the task that the package makes of this name, so that its name says all."""
        ours = _find(self.name, {})
        return ours is not None and ours._computed() == self._computed()

    def _computed(self) -> tuple[Any, ...]:
        """What it computes, as values that compare in another process too: a callable dataset is one of the sources."""
        return self.sources, self.settings, self.dataset if isinstance(self.dataset, str) else None

    @property
    def parameters(self) -> int | None:
        """How many numbers the model learns; None for a task without a model."""
        import torch

        model = self.model(torch.Generator().manual_seed(0), **self.settings)
        return sum(weights.numel() for weights in model.parameters())

    def _known_parameters(self) -> int | None:
        try:
            return self.parameters
        except Exception:  # one model that cannot be made does not hide the other tasks; a run of it says why
            return None

    def row(self) -> dict[str, Any]:
        """Its line in a table: name, model, parameters, dataset, images (train, test), loss, metrics, settings and description.

        What it does not have, or what is not known before its data are loaded, is None.
        """
        from trainables.datasets import KNOWN

        data = KNOWN.get(self.dataset) if isinstance(self.dataset, str) else None
        return {
            "name": self.name,
            "model": title(self.model),
            "parameters": self._known_parameters(),
            "dataset": self.dataset if isinstance(self.dataset, str) else title(self.dataset),
            "images": (data.train, data.test) if data is not None else None,
            "loss": title(self.loss),
            "metrics": tuple(self.metrics),
            "settings": dict(self.settings),
            "description": self.description,
        }


def seeded(factory: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """A model factory that takes a generator, from one that draws from the global generator, as ``nn.Module`` classes do.

    The global generator is as it was afterwards.   Args: factory: makes the model from the settings alone.

    >>> from torch import Generator, nn
    >>> make = seeded(lambda: nn.Linear(2, 1))
    >>> bool((make(Generator().manual_seed(0)).weight == make(Generator().manual_seed(0)).weight).all())
    True
    """
    return functools.partial(_seeded, factory)


def _seeded(factory: Callable[..., nn.Module], generator: torch.Generator, **settings: Any) -> nn.Module:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(0, 2**62, (), generator=generator)))
        return factory(**settings)


_REGISTERED: dict[str, Task] = {}


@functools.lru_cache(maxsize=1)
def _listed() -> dict[str, Task]:
    """The tasks that come with the package, in reading order."""
    from trainables.families import listed_tasks
    from trainables.function_tasks import function_tasks

    return {each.name: each for each in (*listed_tasks(), *function_tasks())}


def register_task(task: Task) -> Task:
    """Make a task known by its name, and return it. Registering the same task again changes nothing.

    Raises: InputError for a name that is not like ``model/dataset``, and for one that another task has.
    """
    if not NAME.fullmatch(task.name):
        raise InputError(
            f"a task's name is like 'model/dataset', of letters, digits, '_', '.' and '-'; got {task.name!r}"
        )
    known = _find(task.name, _REGISTERED)
    if known is None:
        _REGISTERED[task.name] = task
    elif (known._computed(), known.version, known.batch_size) != (
        task._computed(),
        task.version,
        task.batch_size,
    ):
        raise InputError(f"there is another task {task.name!r} already; give this one another name")
    return task


def task(name: str) -> Task:
    """The task of a name: one of :func:`task_names`, or a known model with any dataset that fits it, such as ``resnet/arrays:FILE.npz``.

    ``+augmented`` at the end crops and mirrors the training images (:func:`trainables.augmentation.crop_and_flip`).
    Raises: InputError with the nearest known name, for missing files, and for data that do not fit the model.
    """
    found = _find(name, _REGISTERED)
    if found is None:
        raise unknown("task", name, task_names())
    return found


def is_of_package(name: str) -> bool:
    """Return True if the package makes the task of this name: one that it lists, or a model of its own with any dataset.

    >>> is_of_package("mlp/digits"), is_of_package("mlp/arrays:gone.npz"), is_of_package("mine/digits")
    (True, True, False)
    """
    try:
        return _find(name, {}) is not None
    except InputError:  # its files are not on this machine
        return True


def augmented(plain: Task) -> Task:
    """The same task with its training images cropped and mirrored at random."""
    from trainables.augmentation import crop_and_flip
    from trainables.datasets import summary

    if isinstance(plain.dataset, str) and len(summary(plain.dataset).shape) != 3:
        raise InputError(f"task {plain.name!r} has no images to augment")
    return replace(
        plain,
        name=plain.name + AUGMENTED,
        augment=crop_and_flip,
        description=f"{plain.description}, cropped and mirrored at random",
    )


def _find(name: str, registered: Mapping[str, Task]) -> Task | None:
    """The task of a name among those registered, or the one that the package makes of it."""
    from trainables.families import compose

    if name in registered:
        return registered[name]
    if name.endswith(AUGMENTED):
        plain = _find(name.removesuffix(AUGMENTED), registered)
        return None if plain is None else augmented(plain)
    return _listed().get(name) or compose(name)


def _without_path(name: str) -> str:
    """A name with the content of its files instead of their path."""
    from trainables import file_datasets

    model, _, data = name.removesuffix(AUGMENTED).partition("/")
    kind = file_datasets.kind(data)
    if kind is None:
        return name
    return (
        f"{model}/{kind}:{file_datasets.summary(data).content}{AUGMENTED if name.endswith(AUGMENTED) else ''}"
    )


def task_names() -> tuple[str, ...]:
    """Every task that has a name of its own: those of the package, then those registered."""
    return (*_listed(), *_REGISTERED)


def task_rows() -> list[dict[str, Any]]:
    """The table of tasks, in the order of :func:`task_names`: :meth:`Task.row` of each."""
    return [task(name).row() for name in task_names()]


def task_fingerprint(name: str, limit: int | None = None) -> str:
    """:meth:`Task.fingerprint` by name."""
    return task(name).fingerprint(limit)


def default_batch_size(name: str) -> int:
    """Images a step when a study says nothing else."""
    return task(name).batch_size
