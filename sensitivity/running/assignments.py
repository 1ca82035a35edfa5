"""Assignments: a cohort's config for Ray Tune, and the reports in Ray Tune's results."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any

from sensitivity.running.channel import EPOCH
from sensitivity.running.programs import TRIAL
from sensitivity.study.planning import Cohort, trials_of
from sensitivity.study.trial import DONE, METRICS, Trial
from trainables.outcomes import Objective, final_status

if TYPE_CHECKING:
    from sensitivity.store.store import Store
    from sensitivity.study.study import Study

Report = Mapping[str, Any]
Outcome = tuple[str, float]
"""Status of a trial that ended, and its capped loss."""


@dataclass(frozen=True)
class Assignments:
    """The cohorts of a study of this project's tasks.

    Args:
        study: the specification.
        store: has the status of every trial.
        data: location of the datasets, as arguments of :func:`trainables.datasets.load`.
        device: ``cpu`` or ``cuda``.
        largest: number of trials in a cohort; if None, chosen by the plan, and on a GPU by the worker.
        stops_early: True if a scheduler may stop a trial before its last epoch.
        shipped: the user's tasks and variants (:func:`sensitivity.running.shipping.shipped`).
    """

    study: Study
    store: Store
    data: Mapping[str, Any]
    device: str
    largest: int | None = None
    stops_early: bool = False
    shipped: bytes | None = None

    def config(self, cohort: Cohort) -> dict[str, Any]:
        """What one cohort is, as the searchers pass it on."""
        return {
            **({"objective": asdict(self._objective)} if self.stops_early else {}),
            "task": cohort.task,
            "variant": cohort.variant,
            "limit": self.study.limit,
            "precision": self.study.precision,
            "data": dict(self.data),
            "device": self.device,
            "cohort_size": self.largest,
            "shipped": self.shipped,
            "members": [
                {
                    "key": trial.key,
                    "configuration": dict(trial.configuration),
                    "seed": trial.seed,
                    "epochs": trial.epochs,
                    "batch_size": trial.batch_size,
                }
                for trial in cohort.trials
            ],
        }

    def trainable_config(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return the config that Ray Tune passes to the trainable."""
        return config

    def reports(self, config: Mapping[str, Any], result: Mapping[str, Any]) -> list[Report]:
        """Return the reports in a result of Ray Tune."""
        return list(result.get("reports", ()))

    def ending(self, config: Mapping[str, Any], result: Mapping[str, Any] | None) -> list[Report]:
        """Return the final reports of a cohort: none, unless a scheduler stopped a trial early."""
        last = (result or {}).get("reports", ())[-1:]
        return [
            {**report, "status": "stopped"}
            for report in last
            if self.stops_early and report["status"] == "running"
        ]

    def outcome(self, report: Report) -> Outcome | None:
        """Status and capped loss of a member whose report is its last; None while it runs."""
        return self._objective.outcome(report)

    @property
    def _objective(self) -> Objective:
        study = self.study
        return Objective(study.metric, maximised=study.direction == "max", capped=study.metric in METRICS)

    def known(self, key: str) -> Outcome | None:
        """Return the outcome of a trial that the store has."""
        last = self.store.last_report(key)
        return self.outcome(last) if last is not None and last["status"] in DONE else None

    def labels(self) -> dict[str, tuple[str, str]]:
        """Return task and variant of each Optuna study, by label.

        A label contains a hash of every field of the study that changes the losses.
        """
        study = self.study
        without = {"name", "design", "cohort_size", "margin", "variants", "tasks", "default_setting"}
        same = study.model_dump(exclude=without)
        question = hashlib.sha256(
            json.dumps([same, "adaptive"], sort_keys=True, default=str).encode()
        ).hexdigest()[:8]
        return {
            f"{study.name}/{task}/{variant}/{question}": (task, variant)
            for task in study.tasks
            for variant in study.variants
        }

    def members(self, label: str, configuration: Mapping[str, Any]) -> list[Trial]:
        """Return the trials of one configuration, by the label of its Optuna study."""
        return trials_of(self.study, *self.labels()[label], configuration)

    def chosen(self, label: str, configurations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the cohort of configurations just proposed, after adding its trials to the store."""
        trials = [trial for configuration in configurations for trial in self.members(label, configuration)]
        self.store.add_study(self.study.name, self.study.to_stored(), trials)
        done = self.store.known(trial.key for trial in trials)
        return self.config(
            Cohort(*self.labels()[label], tuple(trial for trial in trials if done.get(trial.key) not in DONE))
        )


@dataclass(frozen=True)
class TrainableAssignments(Assignments):
    """The trials of a user's trainable: it gets one configuration, and each result is an epoch."""

    largest: int | None = field(default=1)

    def trainable_config(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return the configuration with the seed, and with the variant if the study has several."""
        (member,) = config["members"]
        several = {"variant": config["variant"]} if len(self.study.variants) > 1 else {}
        return {**member["configuration"], "seed": member["seed"], **several}

    def reports(self, config: Mapping[str, Any], result: Mapping[str, Any]) -> list[Report]:
        """Return the report of Tune's current epoch, with every number of the result."""
        (member,) = config["members"]
        if "training_iteration" not in result:
            return []
        measured = measured_numbers(result)
        timed = {
            "epoch": int(result["training_iteration"]),
            "seconds": float(result.get("time_this_iter_s", math.nan)),
        }
        return [{"key": member["key"], "status": "running", "initial_loss": math.nan, **measured, **timed}]

    def ending(self, config: Mapping[str, Any], result: Mapping[str, Any] | None) -> list[Report]:
        """Return the final report: completed or diverged by the last metric, else failed."""
        measured = measured_numbers(result or {})
        if self.study.metric not in measured:
            (member,) = config["members"]
            reason = (
                f"the trainable reported no number named {self.study.metric!r} (it reported: "
                f"{', '.join(measured) or 'nothing'})"
            )
            return [{"key": member["key"], "status": "failed", "error": reason}]
        (report,) = self.reports(config, result or {})
        if self.stops_early and report["epoch"] < (self.study.epochs or 0):
            return [{**report, "status": "stopped"}]
        return [{**report, "status": final_status(measured[self.study.metric])}]


@dataclass(frozen=True)
class ProgramAssignments(TrainableAssignments):
    """The trials of a program: it is told its trial, and says itself where in the trial a report stands."""

    def trainable_config(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return the configuration with seed, variant and the key of the trial."""
        (member,) = config["members"]
        return {**super().trainable_config(config), TRIAL: member["key"]}

    def reports(self, config: Mapping[str, Any], result: Mapping[str, Any]) -> list[Report]:
        """Return the report of a result, at the step that the program gave."""
        return [{**report, "epoch": int(result[EPOCH])} for report in super().reports(config, result)]


TUNES_OWN = frozenset(
    (
        EPOCH,
        "training_iteration", "time_this_iter_s", "time_total_s", "timestamp", "pid",
        "time_since_restore", "iterations_since_restore", "timesteps_since_restore", "timesteps_total",
        "episodes_total", "warmup_time", "config",
    )
)  # fmt: skip
"""Keys that Tune adds to a result."""


def measured_numbers(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that a trainable reported; nested names are ``outer/inner``."""
    numbers: dict[str, float] = {}
    for name, value in result.items():
        if name in TUNES_OWN or name.startswith("config/"):
            continue
        if isinstance(value, Mapping):
            numbers |= {f"{name}/{inner}": number for inner, number in measured_numbers(value).items()}
        elif isinstance(value, Real) and not isinstance(value, bool):
            numbers[name] = float(value)
    return numbers
