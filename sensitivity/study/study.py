"""The specification of a study: tasks x variants x design x seeds, validated."""

from __future__ import annotations

import difflib
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml
from pydantic import ValidationError, model_validator

from sensitivity.study.checking import check, unknown_names
from sensitivity.study.fields import EVERY, StudyFields, plain_data
from sensitivity.text.notebook_views import notebook_view
from sensitivity.text.yaml_text import read_yaml
from trainables.names import InputError, unknown

BESIDE = "default_setting"
"""Field that stores of earlier versions lack."""
NUMBERED = ("random", "sobol", "latin_hypercube")
"""Kinds of designs that draw as many configurations as their field ``n`` says."""


class Study(StudyFields):
    """A study: optimizer variants, tasks, configurations and seeds, validated.

    Args:
        name: name in the store and the report.
        tasks: names of tasks (``sensitivity tasks`` lists them).
        variants: names of variants (``sensitivity variants`` lists them).
        design: ``{"kind": "grid", "points": {"lr": 5, "mu": 2}}`` and the like, or a design of
            :mod:`search_spaces.designs`.
        designs: designs by variant, instead of ``design``.
        spaces: search spaces by variant, instead of the default ones: a :class:`SearchSpace` or a list of
            dictionaries. Hyperparameters that a space lacks keep the optimizer's default, but every space
            must have lr.
        space: one search space for every variant.
        seeds: a list of seeds, or their number (``3`` means 0, 1, 2).
        epochs: number of epochs of a trial.
        batch_size: examples a step; the task's default if None.
        limit: number of examples used of the training and of the test set; None for all.
        precision: ``float32``, ``tf32`` or ``bf16``.
        metric: one of :data:`METRICS`, ``train_`` or ``test_`` with a metric of the task (``test_accuracy``),
            ``seconds_per_step``, ``optimizer_bytes``, or a metric that the trainable reports.
        direction: ``min`` or ``max``; what the name of the metric states if it is not given.
        margin: difference of the metric, in its unit, that counts as none; if None, 0.05 of what can be won
            where the metric is a loss, and no margin elsewhere. It changes verdicts, and no trial.
        cohort_size: number of trials that a worker trains before it asks for more; chosen from the number of
            trials if None.
        trainable: a Ray Tune function or class instead of tasks, or ``module:name`` of one. It receives one
            configuration with ``seed`` added (and ``variant`` if there are variants), and reports ``metric``;
            after ``epochs`` reports, if set, it is ended.
        default_setting: True to train each variant's default setting too, with every seed, False for the
            design alone; it is reported beside the design and kept out of its means. It applies where every
            hyperparameter that varies declares a default, to no adaptive design, and adds nothing where the
            design has the setting.

    Raises: InputError, in one line, for a study that cannot be run.

    >>> fields = dict(tasks=["autoencoder/digits"], variants=["adam"], design={"kind": "grid", "points": 3})
    >>> Study(name="lr", seeds=2, epochs=1, **fields).seeds
    (0, 1)
    """

    def __init__(self, **fields: Any) -> None:
        if "space" in fields:
            if "spaces" in fields:
                raise InputError("give space (of every variant) or spaces (by variant), not both")
            fields["spaces"] = {EVERY: fields.pop("space")}
        try:
            super().__init__(**fields)
        except ValidationError as error:
            names = [] if fields.get("trainable") else _names(fields)
            raise _one_line(error, names) from None

    @model_validator(mode="after")
    def _runnable(self) -> Study:
        check(self)
        if "metric" not in self.model_fields_set or "direction" in self.model_fields_set:
            return self
        raise InputError(
            f"is a lower or a higher {self.metric!r} better? Its name does not say; give direction: min or "
            "max"
        )

    def _repr_html_(self) -> str | None:
        return notebook_view(self)

    def to_json(self) -> str:
        """Return the specification as JSON; :meth:`from_json` reads it."""
        return json.dumps(self.plain(), allow_nan=False)

    def to_yaml(self) -> str:
        """Return the specification as YAML; :meth:`from_yaml` reads it."""
        return yaml.safe_dump(self.plain(), sort_keys=False, default_flow_style=None, width=120)

    @classmethod
    def from_json(cls, text: str, **beside: Any) -> Study:
        """Read the JSON of :meth:`to_json`, and further fields beside it.

        Raises: InputError.
        """
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"not JSON: {error}") from None
        return cls._from_fields(fields, beside)

    @classmethod
    def from_yaml(cls, text: str, **beside: Any) -> Study:
        """Read the YAML of :meth:`to_yaml`, or of a hand-written file, and further fields beside it.

        Raises: InputError naming line and column.
        """
        return cls._from_fields(read_yaml(text), beside)

    @classmethod
    def _from_fields(cls, fields: Any, beside: Mapping[str, Any]) -> Study:
        if not isinstance(fields, dict):
            raise InputError(
                f"a study is a mapping of fields ({', '.join(cls.model_fields)}), got {type(fields).__name__}"
            )
        for name in beside:
            if name in fields:
                raise InputError(f"{name} of this study is not a field of its file; got {fields[name]!r}")
        return cls(**{str(name): value for name, value in fields.items()}, **beside)

    @classmethod
    def from_stored(cls, text: str) -> Study:
        """Load without validation: a stored study may name tasks or variants that are not installed here.

        Args:
            text: JSON of :meth:`to_stored`.
        """
        fields = json.loads(text)
        for name in ("tasks", "variants", "seeds"):
            fields[name] = tuple(fields.get(name, cls.model_fields[name].default))
        fields.setdefault(BESIDE, False)  # a store of an earlier version is as complete as it was
        return cls.model_construct(**fields)

    def to_stored(self) -> str:
        """Return the specification as JSON with the search space of every variant.

        The spaces make results readable where a task or variant is not installed.
        """
        spaces = {name: self.space(name).to_dict() for name in self.variants}
        stored = {**self.plain(), "spaces": plain_data(spaces), BESIDE: self.default_setting}
        return json.dumps(stored, allow_nan=False)

    @classmethod
    def load(cls, path: str | pathlib.Path, **fields: Any) -> Study:
        """Read a study from a ``.yaml``, ``.yml`` or ``.json`` file.

        Args:
            path: of the file.
            fields: further fields, which the file must not have.

        Raises: InputError that names the file.
        """
        file = pathlib.Path(path)
        readers: dict[str, Callable[..., Study]]
        readers = {".yaml": cls.from_yaml, ".yml": cls.from_yaml, ".json": cls.from_json}
        if file.suffix not in readers:
            raise InputError(f"a study file ends with {', '.join(readers)}; got {str(path)!r}")
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read the study file {str(path)!r}: {error}") from None
        try:
            return readers[file.suffix](text, **fields)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    @classmethod
    def preset(cls, name: str) -> Study:
        """Return a study that comes with the package.

        Raises: InputError with the nearest known name.
        """
        from sensitivity.study.presets import GROUPS, PRESETS

        if name in GROUPS:
            raise InputError(f"preset {name!r} is several studies; take one of {', '.join(GROUPS[name])}")
        if name not in PRESETS:
            raise unknown("preset", name, (*PRESETS, *GROUPS))
        return cls(name=name, **{key: value for key, value in PRESETS[name].items() if key != "description"})


def with_changes(study: Study, **changes: Any) -> Study:
    """Return the study with changed fields, validated again; a change of None is ignored."""
    changed = {name: value for name, value in changes.items() if value is not None}
    return Study(**{**study.model_dump(exclude_unset=True), **changed}) if changed else study


def with_configurations(study: Study, n: int | None) -> Study:
    """Return the study with ``n`` points of its design, or of each variant's; None changes nothing.

    Raises:
        InputError: for a design whose number of configurations is not a field of its own.
    """
    if n is None:
        return study
    every = {"design": study.design, **study.designs} if study.design else dict(study.designs)
    for name, design in every.items():
        if design["kind"] not in NUMBERED:
            where = "design" if name == "design" else f"design of {name}"
            raise InputError(
                f"configurations needs a design of {', '.join(NUMBERED)}; the {where} is {design['kind']!r}"
            )
    designs = {name: {**design, "n": n} for name, design in study.designs.items()}
    return with_changes(
        study, design={**study.design, "n": n} if study.design else None, designs=designs or None
    )


SYNONYMS = {
    "optimizers": "variants", "optimizer": "variants", "variant": "variants", "algorithms": "variants",
    "task": "tasks", "datasets": "tasks", "dataset": "tasks", "problems": "tasks",
    "search_space": "spaces", "search_spaces": "spaces", "param_space": "spaces",
    "hyperparameters": "spaces",
    "num_epochs": "epochs", "max_epochs": "epochs", "n_seeds": "seeds", "num_seeds": "seeds",
    "repeats": "seeds",
    "objective": "metric", "mode": "direction", "goal": "direction", "sampler": "design", "grid": "design",
}  # fmt: skip
"""Words of other tools, and the field of a study that each means."""


def _names(fields: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the names of tasks and variants, also under the names of fields that mean
    them."""
    meant = {SYNONYMS.get(name.casefold(), name): value for name, value in fields.items()}
    return unknown_names(meant.get("tasks"), meant.get("variants"))


def _one_line(error: ValidationError, names: Sequence[str] = ()) -> InputError:
    """Return all of pydantic's errors and the others in one line.

    An InputError that is alone is returned unchanged.
    """
    # Unknown fields first: a missing field is often their consequence (a misspelt name).
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    meant = {_nearest(problem) for problem in problems if problem["type"] == "extra_forbidden"}
    told = [problem for problem in problems if problem["type"] != "missing" or _place(problem) not in meant]
    errors = [_told(problem) for problem in told]
    texts = [str(one) for one in errors]
    texts += [text for text in names if text not in "; ".join(texts)]
    if len(texts) == 1:
        return errors[0]
    known = f" (known: {', '.join(Study.model_fields)})"
    last = max((place for place, text in enumerate(texts) if text.endswith(known)), default=-1)
    texts = [text if place == last else text.removesuffix(known) for place, text in enumerate(texts)]
    return InputError("; ".join(dict.fromkeys(texts)))


def _place(problem: Any) -> str:
    return ".".join(str(part) for part in problem["loc"])


def _nearest(problem: Any) -> str:
    """Return the field that an unknown one means, or the empty text."""
    place = _place(problem).casefold()
    near = difflib.get_close_matches(place, list(Study.model_fields), n=1)
    return SYNONYMS.get(place) or (near[0] if near else "")


def _told(problem: Any) -> InputError:
    cause, place = problem.get("ctx", {}).get("error"), _place(problem)
    if isinstance(cause, InputError):
        return cause
    if problem["type"] == "extra_forbidden":
        known, synonym = list(Study.model_fields), SYNONYMS.get(place.casefold())
        if synonym is None:
            return unknown("field of a study", place, known)
        return InputError(
            f"unknown field of a study {place!r}; did you mean {synonym!r}? (known: {', '.join(known)})"
        )
    if problem["type"] == "missing":
        return InputError(f"a study needs {place}")
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return InputError(f"{place}: {message}, got {problem['input']!r}")
