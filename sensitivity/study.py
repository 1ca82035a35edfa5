"""The specification of a study: tasks x variants x design x seeds, validated."""

from __future__ import annotations

import json
import math
import pathlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from search_spaces.defaults import default_space
from search_spaces.designs import AdaptiveDesign, design_from_dict
from search_spaces.spaces import SearchSpace
from trainables.names import InputError, unknown
from trainables.tasks import default_batch_size, task, task_fingerprint
from trainables.variants import variant

if TYPE_CHECKING:
    from search_spaces.designs import Design

METRICS = ("train_loss_end", "train_loss", "test_loss")
"""What a study can minimise: the loss over the training set after the epoch, during the epoch, and over the test set."""


class Study(BaseModel):
    """A question in full: which variants, on which tasks, over which configurations, with which seeds.

    Args:
        name: what the store and the report call it. tasks, variants: names (``sensitivity variants`` lists them).
        design: ``{"kind": "grid", "points": {"lr": 5, "mu": 2}}`` and the like: the fields of :mod:`search_spaces.designs`.
        spaces: per variant the search space instead of its default one: a :class:`SearchSpace`, or a list of dictionaries. What it does not
            name keeps the optimizer's default, so it has to name lr.
        seeds: a list, or how many (``3`` means 0, 1, 2). epochs: of each trial. batch_size: the task's own when not given.
        limit: the first so many training (and test) images only. metric: one of :data:`METRICS`. cohort_size: trials that a worker
            trains before it asks for more; chosen by the number of trials when not given.

    Raises: InputError, in one line, for anything that cannot be run.

    >>> Study(name="lr", tasks=["autoencoder/digits"], variants=["adam"], design={"kind": "grid", "points": 3}, seeds=2, epochs=1).seeds
    (0, 1)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    tasks: tuple[str, ...] = Field(min_length=1)
    variants: tuple[str, ...] = Field(min_length=1)
    design: dict[str, Any]
    spaces: dict[str, list[dict[str, Any]]] = {}
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    epochs: int = Field(ge=1)
    batch_size: int | None = Field(default=None, ge=1)
    limit: int | None = Field(default=None, ge=1)
    metric: Literal["train_loss_end", "train_loss", "test_loss"] = "train_loss_end"
    precision: Literal["float32"] = "float32"
    cohort_size: int | None = Field(default=None, ge=1)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise _one_line(error) from None

    @field_validator("tasks", "variants", mode="before")
    @classmethod
    def _one_or_many(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given

    @field_validator("tasks")
    @classmethod
    def _known_tasks(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            task(name)
        return _distinct("tasks", names)

    @field_validator("variants")
    @classmethod
    def _known_variants(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            variant(name)
        return _distinct("variants", names)

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_or_seeds(cls, given: Any) -> Any:
        if isinstance(given, int) and not isinstance(given, bool):
            if given < 1:
                raise InputError(f"seeds must be a list, or a number of seeds of at least 1; got {given}")
            return tuple(range(given))
        return given

    @field_validator("seeds")
    @classmethod
    def _distinct_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        return _distinct("seeds", seeds)

    @field_validator("spaces", mode="before")
    @classmethod
    def _written_out(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {name: each.to_dict() if isinstance(each, SearchSpace) else each for name, each in given.items()}

    @field_validator("design", mode="before")
    @classmethod
    def _design_in_words(cls, given: Any) -> Any:
        return given if isinstance(given, Mapping) or not hasattr(given, "to_dict") else given.to_dict()

    @model_validator(mode="after")
    def _runnable(self) -> Study:
        for name in self.spaces:
            if name not in self.variants:
                raise unknown("variant in spaces", name, self.variants)
        spaces = {name: self.space(name) for name in self.variants}
        for name, space in spaces.items():
            allowed = variant(name).accepts
            for hyperparameter in space.names:
                if hyperparameter not in allowed:
                    raise unknown(f"hyperparameter of {name}", hyperparameter, sorted(allowed))
            for hyperparameter in variant(name).needs:
                if hyperparameter not in space:
                    raise InputError(f"the space of {name} lacks {hyperparameter!r}, which has no default; add it (a single value will do)")
            _check_ends(name, space)
        design = self.rule
        design.check_names({hyperparameter for space in spaces.values() for hyperparameter in space.names})
        for space in spaces.values():
            if isinstance(design, AdaptiveDesign):
                design.check_space(space)
            else:
                design.configurations(space)
        return self

    @property
    def rule(self) -> Design:
        """The design as an object that picks configurations."""
        return design_from_dict(self.design)

    def space(self, name: str) -> SearchSpace:
        """The search space of a variant: its own of ``spaces``, or its default space."""
        own = self.spaces.get(name)
        return SearchSpace.from_dict(own) if own is not None else default_space(name)

    def batch(self, name: str) -> int:
        """Images a step on a task."""
        return self.batch_size or default_batch_size(name)

    def fingerprint(self, name: str) -> str:
        """What results on a task depend on besides the trial's own settings."""
        return task_fingerprint(name, self.limit)

    def to_json(self) -> str:
        """The specification as JSON; :meth:`from_json` reads it back."""
        return json.dumps(self._plain(), allow_nan=False)

    def to_yaml(self) -> str:
        """The specification as YAML; :meth:`from_yaml` reads it back."""
        return yaml.safe_dump(self._plain(), sort_keys=False, default_flow_style=None, width=120)

    def _plain(self) -> dict[str, Any]:
        fields = self.model_dump(mode="python", exclude_defaults=True)
        kept: dict[str, Any] = _jsonable(fields)
        return kept

    @classmethod
    def from_json(cls, text: str) -> Study:
        """Read :meth:`to_json`. Raises: InputError."""
        try:
            fields = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"not JSON: {error}") from None
        return cls._from_fields(fields)

    @classmethod
    def from_yaml(cls, text: str) -> Study:
        """Read :meth:`to_yaml`, or a file that a person wrote. Raises: InputError naming line and column."""
        try:
            fields = yaml.load(text, Loader=_Loader)
        except yaml.YAMLError as error:
            raise InputError("not YAML: " + " ".join(str(error).split())) from None
        return cls._from_fields(fields)

    @classmethod
    def _from_fields(cls, fields: Any) -> Study:
        if not isinstance(fields, dict):
            raise InputError(f"a study is a mapping of fields ({', '.join(cls.model_fields)}), got {type(fields).__name__}")
        return cls(**{str(name): each for name, each in fields.items()})

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Study:
        """A study from a ``.yaml``, ``.yml`` or ``.json`` file. Raises: InputError that names the file."""
        file = pathlib.Path(path)
        readers = {".yaml": cls.from_yaml, ".yml": cls.from_yaml, ".json": cls.from_json}
        if file.suffix not in readers:
            raise InputError(f"a study file ends with {', '.join(readers)}; got {str(path)!r}")
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read the study file {str(path)!r}: {error}") from None
        try:
            return readers[file.suffix](text)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    @classmethod
    def preset(cls, name: str) -> Study:
        """A study that comes with the package. Raises: InputError with the nearest known name."""
        from sensitivity.presets import PRESETS

        if name not in PRESETS:
            raise unknown("preset", name, PRESETS)
        return cls(name=name, **{key: each for key, each in PRESETS[name].items() if key != "description"})


def _check_ends(name: str, space: SearchSpace) -> None:
    """The variant takes both ends of every hyperparameter, so a study that must fail is refused before it is written."""
    import torch

    for hyperparameter in space:
        for value in hyperparameter.grid(2):
            variant(name).optimizer([torch.zeros(1)], space.reach(hyperparameter.name, value))


def _distinct(field: str, items: tuple[Any, ...]) -> tuple[Any, ...]:
    for position, item in enumerate(items):
        if item in items[:position]:
            raise InputError(f"{field} names {item!r} twice")
    return items


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _jsonable(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _one_line(error: ValidationError) -> InputError:
    """The first of pydantic's findings as one line; our own errors are passed on as they are."""
    # A field that is unknown is the mistake; the field that lacks because of it is only its shadow.
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        return cause
    place = ".".join(str(each) for each in first["loc"])
    if first["type"] == "extra_forbidden":
        return unknown("field of a study", place, list(Study.model_fields))
    if first["type"] == "missing":
        return InputError(f"a study needs {place}")
    message = first["msg"][0].lower() + first["msg"][1:]
    return InputError(f"{place}: {message}, got {first['input']!r}")


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number, as in YAML 1.2 and as everybody expects."""


_Loader.yaml_implicit_resolvers = {first: list(rules) for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)
