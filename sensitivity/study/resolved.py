"""The objects behind the names of a study, each looked up once.

Tasks are imported when the first one is looked up: a reader of results needs no torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from search_spaces.defaults import default_space, function_space
from search_spaces.designs import design_from_dict
from search_spaces.spaces import SearchSpace
from sensitivity.study import own_trainables
from sensitivity.study.trial import source_of
from trainables import sources
from trainables.named_variants import DIRECT, NAMED
from trainables.variant_definition import Variant
from trainables.variants import variant

if TYPE_CHECKING:
    from search_spaces.designs import Design
    from trainables.task_definition import Task
    from trainables.variant_definition import Optimizable

Object = TypeVar("Object")
CHANGED = {"torch.optim.Muon": 2}
"""Variants of PyTorch whose results differ from those of an earlier version of this package, with a number
that keeps their trials apart."""
ADAPTED = "adapted"
"""Part of the identity of optimizers that the loop calls by an adapter, as it once did not."""


class ResolvedStudy:
    """Tasks, variants, spaces and designs of a study, and the fingerprints of its trials.

    A name is looked up on first use; later uses return the same object.

    Args:
        tasks: names of the tasks.
        trainable: ``module:name`` of a user's trainable that replaces the tasks; None if the study has tasks.
        spaces: search spaces as plain data, by variant; a variant that is missing has its default space.
        design: the design of every variant that ``designs`` lacks, as plain data.
        designs: designs as plain data, by variant.
        batch_size: examples a step; None for each task's default.
        limit: number of examples used of the training and of the test set; None for all.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        trainable: str | None,
        spaces: Mapping[str, Sequence[Mapping[str, Any]]],
        design: Mapping[str, Any],
        designs: Mapping[str, Mapping[str, Any]],
        batch_size: int | None,
        limit: int | None,
    ) -> None:
        self._tasks, self._trainable, self._spaces = tuple(tasks), trainable, spaces
        self._design, self._designs, self._batch_size, self._limit = design, designs, batch_size, limit
        self._objects: dict[tuple[str, str], Any] = {}

    def _once(self, kind: str, name: str, look_up: Callable[[], Object]) -> Object:
        if (kind, name) not in self._objects:
            self._objects[kind, name] = look_up()
        looked_up: Object = self._objects[kind, name]
        return looked_up

    def task(self, name: str) -> Task:
        """Return a task of the study.

        Raises: InputError for an unknown name.
        """
        from trainables.tasks import task

        return self._once("task", name, lambda: task(name))

    def variant(self, name: str) -> Optimizable:
        """Return a variant of the study.

        Raises: InputError for an unknown name.
        """
        return self._once("variant", name, lambda: variant(name))

    def trainable(self) -> Any:
        """Return the user's trainable.

        Raises: InputError if it cannot be imported.
        """
        return self._once("trainable", "", lambda: own_trainables.resolve(self._trainable or ""))

    def design(self, variant: str) -> Design:
        """Return the design of a variant."""
        return self._once(
            "design", variant, lambda: design_from_dict(self._designs.get(variant, self._design))
        )

    def space(self, variant: str) -> SearchSpace:
        """Return the search space of a variant."""
        return self._once("space", variant, lambda: self._look_up_space(variant))

    def _look_up_space(self, variant: str) -> SearchSpace:
        if (data := self._spaces.get(variant)) is not None:
            return SearchSpace.from_dict(data)
        return function_space(self._tasks[0]) if variant == DIRECT else default_space(variant)

    def batch_size(self, task: str) -> int:
        """Return the number of examples a step on a task; 0 for a user's trainable."""
        if self._trainable is not None:
            return 0
        from trainables.tasks import default_batch_size

        return self._batch_size or self._once("batch size", task, lambda: default_batch_size(task))

    def fingerprint(self, task: str) -> str:
        """Return a hash of the task and its data: the part of a trial's key that is not in its settings."""
        if self._trainable is not None:
            name = self._trainable
            return self._once("fingerprint", "", lambda: own_trainables.fingerprint(name))
        from trainables.tasks import task_fingerprint

        return self._once("fingerprint", task, lambda: task_fingerprint(task, self._limit))

    def variant_id(self, variant: str) -> str:
        """Return a variant's name in trial keys; user-defined optimizers have a hash of their source."""
        if self._trainable is not None or variant == DIRECT:
            return variant
        if variant.startswith("torch.optim."):
            return f"{variant}@{CHANGED[variant]}" if variant in CHANGED else variant
        return self._once("variant id", variant, lambda: _variant_id(variant, self.variant(variant)))


def _variant_id(name: str, chosen: Optimizable) -> str:
    if chosen in NAMED or (isinstance(chosen, Variant) and "-" in name):
        return name
    from trainables.torch_variants import TorchVariant

    if isinstance(chosen, TorchVariant):
        content = sources.identity(chosen.make)
        if not chosen.adapter.plain:  # results of a loop without the adapter are of another trial
            content += ADAPTED
    else:
        fixed = getattr(chosen, "fixed", {})
        settings = sorted((setting, repr(source_of(setting, value))) for setting, value in fixed.items())
        content = repr([sources.identity(type(chosen)), settings])
    return f"{name}@{hashlib.sha256(content.encode()).hexdigest()[:8]}"
