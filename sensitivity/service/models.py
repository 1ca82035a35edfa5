"""The answers of the service, as the OpenAPI document describes them."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sensitivity.store.annotations import LONGEST_NOTE, LONGEST_TAG, MOST_TAGS

Value = bool | int | float | str | None
State = Literal["queued", "running", "completed", "failed", "cancelled", "elsewhere"]
ENDED = ("completed", "failed", "cancelled", "elsewhere")


class Counts(BaseModel):
    """Number of trials of a study by status."""

    pending: int = 0
    running: int = 0
    completed: int = 0
    diverged: int = Field(
        default=0, description="A result: the loss became non-finite or left the sane range."
    )
    stopped: int = Field(default=0, description="Ended early by a scheduler.")
    failed: int = Field(default=0, description="Ended by an error.")


class Annotation(BaseModel):
    """The words of readers about a study or a trial."""

    note: str = ""
    tags: list[str] = []
    star: bool = False


class AnnotationChange(BaseModel):
    """A change of an annotation; what is not given stays."""

    model_config = ConfigDict(extra="forbid")
    note: str | None = Field(default=None, description=f"At most {LONGEST_NOTE:,} characters.")
    tags: list[str] | None = Field(
        default=None, description=f"At most {MOST_TAGS}, of at most {LONGEST_TAG} characters, without commas."
    )
    star: bool | None = None


class TrialAnnotation(Annotation):
    """The annotation of a trial."""

    key: str


class Extension(BaseModel):
    """More seeds for a study."""

    model_config = ConfigDict(extra="forbid")
    seeds: int = Field(
        ge=0, le=1_000, strict=True, description="How many more; with 0 it goes on where it was stopped."
    )


class NewName(BaseModel):
    """Another name for a study."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=200)


class PlanRow(BaseModel):
    """The trials of one task and variant."""

    task: str
    variant: str
    cells: int = Field(description="Configurations without their learning rate.")
    configurations: int
    seeds: int
    trials: int
    stored: int = Field(description="Trials that the store has already.")
    epochs: int | None
    hours: float | None = Field(description="Of one worker for the others; null where it cannot be told.")


class Plan(BaseModel):
    """The trials of a study before it is given, and about how long they take."""

    name: str
    trials: int
    stored: int
    hours: float | None = Field(description="Of one worker of this machine; null where it cannot be told.")
    summary: str
    rows: list[PlanRow]


class StudySummary(BaseModel):
    """A study and how far it is."""

    name: str
    state: State = Field(description="elsewhere: in the store, but not run by this service.")
    asked: datetime.datetime | None = Field(description="When it was given to the service.")
    error: str | None = Field(description="Why it failed, in one line.")
    trials: int = Field(description="How many it has in all.")
    counts: Counts
    waits_for: list[str] = Field(
        default=[], description="Studies that train or wait before it; none unless it is queued."
    )
    annotation: Annotation = Annotation()


class StudyDetails(StudySummary):
    """A study with its specification."""

    spec: dict[str, Any] | None = Field(description="As it was given; null for a study of elsewhere.")
    stored: dict[str, Any] | None = Field(
        description="As the store keeps it, with every space spelt out; null until it has begun."
    )
    runs: list[dict[str, Any]] = Field(
        description="What each of its runs trained on: workers, hosts and devices."
    )


class Trial(BaseModel):
    """One configuration with one seed.

    What is not known is null, infinity is a string.
    """

    key: str
    task: str
    variant: str
    seed: int
    epochs: int
    status: Literal["pending", "running", "completed", "diverged", "stopped", "failed"]
    initial_loss: Value
    epochs_done: int
    seconds: Value
    started: datetime.datetime | None
    finished: datetime.datetime | None
    configuration: dict[str, Value]
    value: Value = Field(description="The metric after the last epoch.")
    loss: Value = Field(description="Capped at the initial loss, which is what a diverged trial counts as.")
    error: str | None


class Trials(BaseModel):
    """One page of the trials of a study."""

    total: int = Field(description="How many match.")
    trials: list[Trial]


class Epochs(BaseModel):
    """The epochs of one trial, in order: ``epoch`` and everything that was measured."""

    key: str
    epochs: list[dict[str, Value]]


class Argument(BaseModel):
    """An argument of a measure.

    default: null for an argument without a default.
    """

    name: str
    required: bool
    default: str | None


class MeasureName(BaseModel):
    """A measure that can be asked for."""

    name: str
    what: str
    arguments: list[Argument]


class Measure(BaseModel):
    """The table of a measure: value, low, high and n of each row, and a note where something limits it."""

    name: str
    refused: str | None = Field(description="Why these results do not allow it; the table is then empty.")
    rows: list[dict[str, Any]]


class FigureName(BaseModel):
    """A figure of the questions.

    words: how to read the figure.
    """

    name: str
    question: str
    words: str
    task: str = Field(description="Figures are of one task; empty where it is of all together.")


class Figure(BaseModel):
    """A figure as Plotly reads it."""

    data: list[dict[str, Any]]
    layout: dict[str, Any]


class Miss(BaseModel):
    """What a learning rate wrong by a factor costs, as a share of what can be won.

    ``low`` and ``high`` are a 95% interval; where some trials diverge there and others do not they are
    bounds, and ``value`` is null.
    """

    factor: float
    value: float | None
    low: float | None
    high: float | None
    capped: float | None = Field(description="Share of trials that diverge there.")


class DefaultSetting(BaseModel):
    """What the default setting of a variant loses, as a share of what can be won, with a 95% interval."""

    configuration: dict[str, Any]
    value: float
    low: float | None
    high: float | None


class GoodRange(BaseModel):
    """Learning rates that lose at most a tenth of what can be won, the rest tuned at each.

    ``at_least`` is true where the range that was tried ends in them.
    """

    first: float
    last: float
    at_least: bool


class TaskVerdict(BaseModel):
    """The verdict of a study on one task; what is not known is null."""

    task: str
    metric: str
    direction: Literal["min", "max"]
    variant: str | None = Field(description="The variant to use.")
    configuration: dict[str, Any] | None
    value: float | None = Field(description="Mean of the metric that was measured there.")
    seeds: int | None
    good_range: GoodRange | None
    miss: Miss | None
    default: DefaultSetting | None = Field(description="Null where it was not trained.")
    level: str | None = Field(description="How often the intervals hold the truth.")
    pairs: int
    decided: int
    sentences: list[str]


class Verdict(BaseModel):
    """What a reader should know first."""

    study: str
    tasks: list[TaskVerdict]


class Pending(BaseModel):
    """It is being computed: ask again after the seconds of ``Retry-After``."""

    pending: Literal[True] = True


class Health(BaseModel):
    """State of the service."""

    status: Literal["ok", "degraded"] = "ok"
    degraded: list[str] | None = Field(
        default=None, description="Parts that do not work just now, each with the cause."
    )


class Variant(BaseModel):
    """A named optimizer variant."""

    variant: str
    hyperparameters: list[str]
    what: str
    source: str


class Task(BaseModel):
    """A task: model, data and loss."""

    name: str
    model: str | None
    description: str
    more: dict[str, Any]


class Space(BaseModel):
    """The default search space of a variant."""

    variant: str
    hyperparameters: list[dict[str, Any]]


class Preset(BaseModel):
    """A study that comes with the package."""

    preset: str
    what: str
    spec: dict[str, Any]
