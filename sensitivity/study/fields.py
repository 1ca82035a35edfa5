"""The fields of a study, each checked by itself, and the objects behind their names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationInfo,
    field_validator,
    model_validator,
)

from search_spaces.designs import design_from_dict
from search_spaces.spaces import SearchSpace
from sensitivity.study import own_trainables
from sensitivity.study.margins import check_margin
from sensitivity.study.metric_names import direction_in
from sensitivity.study.resolved import ResolvedStudy
from sensitivity.text.truth_values import NOT_BOOLEAN
from trainables.named_variants import DIRECT, VARIANTS
from trainables.names import InputError
from trainables.variants import register_variant, variant

MOST_SEEDS = 100_000
EVERY = "*"
"""Key of ``spaces`` that stands for every variant."""


class StudyFields(BaseModel):
    """The fields of :class:`sensitivity.study.study.Study`, before they are checked against each other."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    tasks: tuple[str, ...] = Field(default=(), validate_default=True)
    variants: tuple[str, ...] = ()
    design: dict[str, Any] = {}
    designs: dict[str, dict[str, Any]] = {}
    spaces: dict[str, list[dict[str, Any]]] = {}
    seeds: tuple[Annotated[int, NOT_BOOLEAN, Field(ge=0, lt=2**63)], ...] = Field(default=(0,), min_length=1)
    epochs: Annotated[int | None, NOT_BOOLEAN] = Field(default=None, ge=1, le=10**6)
    batch_size: Annotated[int | None, NOT_BOOLEAN] = Field(default=None, ge=1, lt=2**31)
    limit: Annotated[int | None, NOT_BOOLEAN] = Field(default=None, ge=1, lt=2**31)
    metric: str = "train_loss_end"
    direction: Literal["min", "max"] = "min"
    margin: float | None = None
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    cohort_size: Annotated[int | None, NOT_BOOLEAN] = Field(default=None, ge=1)
    trainable: str | None = None
    default_setting: StrictBool = True

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, data: Any) -> Any:
        """Fill in fields that follow from others.

        A trainable is its own task, and a function needs no optimizer.
        """
        if not isinstance(data, Mapping):
            return data
        fields = {
            name: value
            for name, value in data.items()
            if value is not None or name not in ("tasks", "variants")
        }
        if fields.get("trainable") is not None:
            fields["trainable"] = own_trainables.name_of(fields["trainable"])
            short = own_trainables.short_name(fields["trainable"])
            if fields.get("tasks") not in (None, [trainable_task_name(short)], (trainable_task_name(short),)):
                raise InputError(f"a study has tasks or a trainable, not both; got tasks {fields['tasks']!r}")
            fields["tasks"] = (trainable_task_name(short),)
            fields.setdefault("variants", (short,))
        names = [getattr(task, "name", str(task)) for task in _listed(fields.get("tasks"))]
        if fields.get("trainable") is None and any(name.startswith("function/") for name in names):
            fields.setdefault("variants", (DIRECT,))
            fields.setdefault("epochs", 1)
        for field, name in (("tasks", _task_name), ("variants", _variant_name)):
            if field in fields:
                fields[field] = [name(value) for value in _listed(fields[field])]
        if isinstance(fields.get("spaces"), Mapping) and EVERY in fields["spaces"]:
            space = fields["spaces"][EVERY]
            fields["spaces"] = dict.fromkeys(_listed(fields.get("variants")), space)
        if fields.get("direction") is None and isinstance(fields.get("metric"), str):
            fields.pop("direction", None)
            stated = direction_in(fields["metric"])
            fields |= {"direction": stated} if stated is not None else {}
        return fields

    @field_validator("tasks", "variants")
    @classmethod
    def _named_once(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return _distinct(str(info.field_name), names)

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_or_seeds(cls, seeds: Any) -> Any:
        if isinstance(seeds, int) and not isinstance(seeds, bool):
            if not 1 <= seeds <= MOST_SEEDS:
                raise InputError(
                    f"seeds must be a list, or a number of seeds from 1 to {MOST_SEEDS:,}; got {seeds}"
                )
            return tuple(range(seeds))
        return seeds

    @field_validator("seeds")
    @classmethod
    def _distinct_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        return _distinct("seeds", seeds)

    @field_validator("margin", mode="before")
    @classmethod
    def _positive_margin(cls, margin: Any) -> Any:
        if margin is not None:
            check_margin(margin)
        return margin

    @field_validator("spaces", mode="before")
    @classmethod
    def _spaces_in_words(cls, spaces: Any) -> Any:
        return (
            {name: _space_in_words(space) for name, space in spaces.items()}
            if isinstance(spaces, Mapping)
            else spaces
        )

    @field_validator("designs", mode="before")
    @classmethod
    def _designs_in_words(cls, designs: Any) -> Any:
        return (
            {name: _design_in_words(design) for name, design in designs.items()}
            if isinstance(designs, Mapping)
            else designs
        )

    @field_validator("design", mode="before")
    @classmethod
    def _design_in_words(cls, design: Any) -> Any:
        return _design_in_words(design)

    @property
    def adaptive(self) -> bool:
        """True if configurations are chosen while the study runs."""
        return bool(self.design) and self.design["kind"] == "adaptive"

    @cached_property
    def resolved(self) -> ResolvedStudy:
        """The objects behind the names of the study."""
        fields = (
            self.tasks,
            self.trainable,
            self.spaces,
            self.design,
            self.designs,
            self.batch_size,
            self.limit,
        )
        return ResolvedStudy(*fields)

    def plain(self) -> dict[str, Any]:
        """Return the fields without defaults as plain data.

        The direction is among them where the metric's name does not state it.
        """
        fields = self.model_dump(mode="python", exclude_defaults=True)
        if direction_in(self.metric) != self.direction:
            fields["direction"] = self.direction
        plain: dict[str, Any] = plain_data(fields)
        return plain

    def __getstate__(self) -> dict[Any, Any]:
        """Leave out the objects behind the names, which another process looks up for itself."""
        state = super().__getstate__()
        fields = {name: value for name, value in state["__dict__"].items() if name != "resolved"}
        return {**state, "__dict__": fields}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the study; the copy resolves its names again, as ``update`` may change them."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("resolved", None)
        return copied

    def space(self, variant: str) -> SearchSpace:
        """Return the search space of a variant: the study's space for it, or the default space."""
        return self.resolved.space(variant)


def plain_data(value: Any) -> Any:
    """Return a value as JSON can hold it: lists for tuples, words for infinity and NaN.

    >>> plain_data({"p": (1, float("inf"))})
    {'p': [1, 'inf']}
    """
    if isinstance(value, Mapping):
        return {str(name): plain_data(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_data(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def trainable_task_name(name: str) -> str:
    """Return the task name of a user's trainable.

    >>> trainable_task_name("train")
    'trainable/train'
    """
    return f"trainable/{name}"


def _listed(value: Any) -> list[Any]:
    """Return one name or several as a list."""
    if value is None or isinstance(value, (list, tuple)):
        return list(value or ())
    return [value]


def _task_name(task: Any) -> Any:
    """Return the name of a task; a task object is registered first."""
    if isinstance(task, str):  # spares readers of results the import of torch
        return task
    from trainables.task_definition import Task
    from trainables.tasks import register_task

    return register_task(task).name if isinstance(task, Task) else task


def _variant_name(value: Any) -> Any:
    """Return the name of a variant.

    An optimizer class or factory is named by its import path; a variant object is registered first.
    """
    if isinstance(value, str):
        return value
    from trainables.torch_variants import TorchVariant

    chosen = variant(value)
    if not isinstance(chosen, TorchVariant):
        return register_variant(chosen).name
    # Register it: the import path of a class in a notebook or a function cannot be imported.
    VARIANTS[chosen.name] = chosen
    return chosen.name


def _space_in_words(space: Any) -> Any:
    return space.to_dict() if isinstance(space, SearchSpace) else space


def _design_in_words(design: Any) -> Any:
    """Return a design as plain data, with numbers as numbers."""
    return (
        design_from_dict(design).to_dict()
        if isinstance(design, Mapping) and design
        else getattr(design, "to_dict", lambda: design)()
    )


def _distinct(field: str, items: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(items)) < len(items):
        twice = next(item for position, item in enumerate(items) if item in items[:position])
        raise InputError(f"{field} names {twice!r} twice")
    return items
