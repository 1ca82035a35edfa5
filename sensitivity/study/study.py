"""The specification of a study: tasks x variants x design x seeds, validated."""

from __future__ import annotations

import hashlib
import json
import math
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from search_spaces.defaults import default_space, function_space
from search_spaces.designs import design_from_dict
from search_spaces.spaces import SearchSpace
from sensitivity.study import own_trainables
from sensitivity.study.checking import check
from sensitivity.study.planning import source_of
from sensitivity.text.truth_values import NOT_BOOLEAN
from sensitivity.text.yaml_text import read_yaml
from trainables import sources
from trainables.function_tasks import DIRECT
from trainables.named_variants import NAMED, VARIANTS
from trainables.names import InputError, unknown
from trainables.task_definition import Task
from trainables.tasks import default_batch_size, register_task, task_fingerprint
from trainables.torch_variants import TorchVariant
from trainables.variant_definition import Variant
from trainables.variants import register_variant, variant

if TYPE_CHECKING:
    from search_spaces.designs import Design

MOST_SEEDS = 100_000
EVERY = "*"
"""In ``spaces``: every variant."""


class Study(BaseModel):
    """A question in full: which variants, on which tasks, over which configurations, with which seeds.

    Args:
        name: what the store and the report call it. tasks, variants: names (``sensitivity tasks`` and ``variants`` list them).
        design: ``{"kind": "grid", "points": {"lr": 5, "mu": 2}}`` and the like, or a design of :mod:`search_spaces.designs`.
        designs: per variant a design instead of ``design``.
        spaces: per variant the search space instead of its default one: a :class:`SearchSpace`, or a list of dictionaries. What it does not
            name keeps the optimizer's default, so it has to name lr. space: the same for every variant.
        seeds: a list, or how many (``3`` means 0, 1, 2). epochs: of each trial. batch_size: the task's own when not given.
        limit: the first so many training (and test) images only. precision: ``float32``, ``tf32`` or ``bf16``.
        metric: one of :data:`METRICS`, or ``train_`` or ``test_`` with a metric of the task (``test_accuracy``), or whatever the trainable
            reports. direction: ``min`` or ``max``.
        cohort_size: trials that a worker trains before it asks for more; chosen by the number of trials when not given.
        trainable: a Ray Tune function or class of your own instead of tasks, or ``module:name`` of one. It gets one configuration with
            ``seed`` added (and ``variant``, where variants are given), and reports ``metric``; ``epochs`` reports end it, where given.

    Raises: InputError, in one line, for anything that cannot be run.

    >>> Study(name="lr", tasks=["autoencoder/digits"], variants=["adam"], design={"kind": "grid", "points": 3}, seeds=2, epochs=1).seeds
    (0, 1)
    """

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
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    cohort_size: Annotated[int | None, NOT_BOOLEAN] = Field(default=None, ge=1)
    trainable: str | None = None

    def __init__(self, **fields: Any) -> None:
        if "space" in fields:
            if "spaces" in fields:
                raise InputError("give space (of every variant) or spaces (by variant), not both")
            fields["spaces"] = {EVERY: fields.pop("space")}
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise _one_line(error) from None

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, given: Any) -> Any:
        """What follows from the rest: a trainable is its own task, and a function has no optimizer."""
        if not isinstance(given, Mapping):
            return given
        fields = {name: each for name, each in given.items() if each is not None or name not in ("tasks", "variants")}
        if fields.get("trainable") is not None:
            fields["trainable"] = own_trainables.name_of(fields["trainable"])
            short = own_trainables.short_name(fields["trainable"])
            if fields.get("tasks") not in (None, [own(short)], (own(short),)):
                raise InputError(f"a study has tasks or a trainable, not both; got tasks {fields['tasks']!r}")
            fields["tasks"] = (own(short),)
            fields.setdefault("variants", (short,))
        names = [getattr(each, "name", str(each)) for each in _listed(fields.get("tasks"))]
        if fields.get("trainable") is None and any(name.startswith("function/") for name in names):
            fields.setdefault("variants", (DIRECT,))
            fields.setdefault("epochs", 1)
        for field, name in (("tasks", _task_name), ("variants", _variant_name)):
            if field in fields:
                fields[field] = [name(each) for each in _listed(fields[field])]
        if isinstance(fields.get("spaces"), Mapping) and EVERY in fields["spaces"]:
            space = fields["spaces"][EVERY]
            fields["spaces"] = dict.fromkeys(_listed(fields.get("variants")), space)
        if "direction" not in fields and fields.get("trainable") is None and str(fields.get("metric", "")).endswith("accuracy"):
            fields["direction"] = "max"
        return fields

    @field_validator("tasks", "variants")
    @classmethod
    def _named_once(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return _distinct(str(info.field_name), names)

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_or_seeds(cls, given: Any) -> Any:
        if isinstance(given, int) and not isinstance(given, bool):
            if not 1 <= given <= MOST_SEEDS:
                raise InputError(f"seeds must be a list, or a number of seeds from 1 to {MOST_SEEDS:,}; got {given}")
            return tuple(range(given))
        return given

    @field_validator("seeds")
    @classmethod
    def _distinct_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        return _distinct("seeds", seeds)

    @field_validator("spaces", mode="before")
    @classmethod
    def _spaces_in_words(cls, given: Any) -> Any:
        return {name: _space_in_words(each) for name, each in given.items()} if isinstance(given, Mapping) else given

    @field_validator("designs", mode="before")
    @classmethod
    def _designs_in_words(cls, given: Any) -> Any:
        return {name: _design_in_words(each) for name, each in given.items()} if isinstance(given, Mapping) else given

    @field_validator("design", mode="before")
    @classmethod
    def _design_in_words(cls, given: Any) -> Any:
        return _design_in_words(given)

    @model_validator(mode="after")
    def _runnable(self) -> Study:
        check(self)
        return self

    @property
    def adaptive(self) -> bool:
        """Whether configurations are chosen while the study runs."""
        return bool(self.design) and self.design["kind"] == "adaptive"

    def rule(self, variant: str) -> Design:
        """The design of a variant as an object that picks configurations: its own of ``designs``, or ``design``."""
        return design_from_dict(self.designs.get(variant, self.design))

    def space(self, variant: str) -> SearchSpace:
        """The search space of a variant: its own of ``spaces``, or its default space."""
        own = self.spaces.get(variant)
        if own is not None:
            return SearchSpace.from_dict(own)
        return function_space(self.tasks[0]) if variant == DIRECT else default_space(variant)

    def batch(self, task: str) -> int:
        """Images a step on a task; 0 where there are none."""
        return 0 if self.trainable is not None else self.batch_size or default_batch_size(task)

    def fingerprint(self, task: str) -> str:
        """What results on a task depend on besides the trial's own settings."""
        return own_trainables.fingerprint(self.trainable) if self.trainable is not None else task_fingerprint(task, self.limit)

    def identity(self, name: str) -> str:
        """What a variant is to its trials: its name, and the source of an optimizer of the user's own."""
        if self.trainable is not None or name == DIRECT or name.startswith("torch.optim."):
            return name
        chosen = variant(name)
        if chosen in NAMED or (isinstance(chosen, Variant) and "-" in name):
            return name
        if isinstance(chosen, TorchVariant):
            content = sources.identity(chosen.make)
        else:
            fixed = getattr(chosen, "fixed", {})
            content = repr([sources.identity(type(chosen)), sorted((each, repr(source_of(each, value))) for each, value in fixed.items())])
        return f"{name}@{hashlib.sha256(content.encode()).hexdigest()[:8]}"

    def _repr_html_(self) -> str:
        from sensitivity.reporting.notebook import study_html

        return study_html(self)

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
        return cls._from_fields(read_yaml(text))

    @classmethod
    def _from_fields(cls, fields: Any) -> Study:
        if not isinstance(fields, dict):
            raise InputError(f"a study is a mapping of fields ({', '.join(cls.model_fields)}), got {type(fields).__name__}")
        return cls(**{str(name): each for name, each in fields.items()})

    @classmethod
    def stored(cls, text: str) -> Study:
        """Read :meth:`to_stored`: a study that has run is not held again against what is known here now."""
        fields = json.loads(text)
        for name in ("tasks", "variants", "seeds"):
            fields[name] = tuple(fields.get(name, cls.model_fields[name].default))
        return cls.model_construct(**fields)

    def to_stored(self) -> str:
        """The specification as JSON with the space of every variant, so that results can be read where a task or variant is unknown."""
        spaces = {name: self.space(name).to_dict() for name in self.variants}
        return json.dumps(_jsonable({**self.model_dump(mode="python", exclude_defaults=True), "spaces": spaces}), allow_nan=False)

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
        from sensitivity.study.presets import GROUPS, PRESETS

        if name in GROUPS:
            raise InputError(f"preset {name!r} is several studies; take one of {', '.join(GROUPS[name])}")
        if name not in PRESETS:
            raise unknown("preset", name, (*PRESETS, *GROUPS))
        return cls(name=name, **{key: each for key, each in PRESETS[name].items() if key != "description"})


def with_changes(study: Study, **changes: Any) -> Study:
    """The study with other fields, validated anew; a change that is None is none."""
    given = {name: each for name, each in changes.items() if each is not None}
    return Study(**{**study.model_dump(exclude_unset=True), **given}) if given else study


def own(name: str) -> str:
    """The task of a trainable of the user's own.

    >>> own("train")
    'trainable/train'
    """
    return f"trainable/{name}"


def _listed(given: Any) -> list[Any]:
    """One name or several, as a list."""
    if given is None or isinstance(given, (list, tuple)):
        return list(given or ())
    return [given]


def _task_name(given: Any) -> Any:
    """The name of a task; one that is given as an object is registered."""
    return register_task(given).name if isinstance(given, Task) else given


def _variant_name(given: Any) -> Any:
    """The name of a variant; an optimizer class or factory is known by its import path, a variant of one's own is registered."""
    if isinstance(given, str):
        return given
    chosen = variant(given)
    if not isinstance(chosen, TorchVariant):
        return register_variant(chosen).name
    VARIANTS[chosen.name] = chosen  # found there where its path cannot be imported: in a notebook, in a function
    return chosen.name


def _space_in_words(given: Any) -> Any:
    return given.to_dict() if isinstance(given, SearchSpace) else given


def _design_in_words(given: Any) -> Any:
    """A design as plain data, in which numbers are numbers."""
    return design_from_dict(given).to_dict() if isinstance(given, Mapping) and given else getattr(given, "to_dict", lambda: given)()


def _distinct(field: str, items: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(items)) < len(items):
        twice = next(item for position, item in enumerate(items) if item in items[:position])
        raise InputError(f"{field} names {twice!r} twice")
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
