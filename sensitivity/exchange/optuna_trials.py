"""The trials of one Optuna study, as an import reads them."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search_spaces.optuna_spaces import value_of
from search_spaces.spaces import SearchSpace
from search_spaces.values import choice_of
from sensitivity.exchange.holes import DECISIVE
from sensitivity.exchange.optuna_domains import domain_in, objective_of
from sensitivity.exchange.trial import Direction, Imported
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

OURS = "sensitivity"
"""User attribute of a study that :meth:`Results.to_optuna` wrote."""
AS_IT_WAS = "value as it was"
"""User attribute of its trials: the metric before it was capped."""
STATES = {
    "COMPLETE": "completed",
    "PRUNED": "stopped",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "pending",
}
DESIGNS = {
    "RandomSampler": "random",
    "QMCSampler": "sobol",
    "GridSampler": "grid",
    "BruteForceSampler": "grid",
}
"""Of samplers that do not look at results."""
SEED = "seed"
"""A parameter or user attribute that is the seed where none is named."""


class OptunaTrials:
    """One Optuna study: its objective, its parameters with their domains, and its trials.

    Args:
        study: with at least one trial.
        metric: name or number of the objective.
        roles: parameter or user attribute that is the variant, the task and the seed, each or None.
        hyperparameters: parameters to look at, instead of all.
        ignore: parameters to leave out.
        initial_loss: the value before training.

    Raises:
        InputError: the study has no trials, or lacks a name.
    """

    def __init__(
        self,
        study: optuna.Study,
        metric: str | int | None,
        roles: Mapping[str, str | None],
        hyperparameters: Sequence[str] | None,
        ignore: Sequence[str],
        initial_loss: float | None,
    ) -> None:
        self.name, written = study.study_name, study.user_attrs.get(OURS)
        self.ours: Mapping[str, Any] | None = (
            written if isinstance(written, Mapping) and "space" in written else None
        )
        self.title = str(self.ours["study"]) if self.ours else self.name
        self.space = SearchSpace.from_dict(self.ours["space"]) if self.ours else None
        self.initial_loss = initial_loss
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Choices for a categorical distribution", UserWarning
            )  # such as lists, which are read
            trials = self._renamed(study.get_trials(deepcopy=False))
        if not trials:
            raise InputError(f"Optuna study {self.name!r} holds no trials")
        self.objective, self.metric = objective_of(study, metric)
        self.metric = str(self.ours["metric"]) if self.ours else self.metric
        self.direction: Direction = "max" if study.directions[self.objective].name == "MAXIMIZE" else "min"
        self.default_variant = str(self.ours["variant"]) if self.ours else self.name
        params = list(dict.fromkeys(name for trial in trials for name in trial.params))
        self.roles = self._roles(roles, hyperparameters, params, trials)
        for name in [*(hyperparameters or ()), *ignore]:
            if name not in params:
                raise unknown(f"parameter of Optuna study {self.name!r}", name, params)
        self.notes: list[str] = []
        self.trials = self._without_repeated(trials)
        deciding = [trial for trial in self.trials if STATES[trial.state.name] in DECISIVE] or self.trials
        names = [
            name
            for name in hyperparameters or params
            if name not in self.roles.values() and name not in ignore
        ]
        domains = {
            name: domain_in(name, deciding, self.space)
            for name in names
            if any(name in trial.distributions for trial in deciding)
        }
        self.domains = domains if hyperparameters or self.ours else self._varied(domains)
        self.names = list(self.domains)
        self.design = (
            str(self.ours["design"]) if self.ours else DESIGNS.get(type(study.sampler).__name__, "adaptive")
        )
        if any("grid_id" in trial.system_attrs for trial in trials):
            self.design = "grid"

    def _renamed(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Return the trials with the hyperparameters' names, where ours have those of coordinates."""
        names: Mapping[str, str] = (self.ours or {}).get("parameters", {})
        if all(coordinate == name for coordinate, name in names.items()):
            return list(trials)
        renamed = []
        for trial in trials:
            twin = copy.copy(trial)
            twin.params = {names.get(key, key): value for key, value in trial.params.items()}
            twin.distributions = {names.get(key, key): kind for key, kind in trial.distributions.items()}
            renamed.append(twin)
        return renamed

    def _roles(
        self,
        roles: Mapping[str, str | None],
        hyperparameters: Sequence[str] | None,
        params: Sequence[str],
        trials: Sequence[FrozenTrial],
    ) -> dict[str, str | None]:
        attributes = list(dict.fromkeys(name for trial in trials for name in trial.user_attrs))
        for role, name in roles.items():
            if name is not None and name not in params and name not in attributes:
                raise unknown(f"parameter or user attribute for {role}", name, [*params, *attributes])
        taken = {*roles.values(), *(hyperparameters or ())}
        has_seed = (
            SEED not in taken
            and SEED in (*params, *attributes)
            and not (self.space is not None and SEED in self.space)
        )
        return {**roles, "seed": roles["seed"] or (SEED if has_seed else None)}

    def _without_repeated(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Return the trials without those that failed and were run again, as Optuna's retry callback does."""
        ended = [trial for trial in trials if trial.state.is_finished()]
        again = {number for trial in ended for number in trial.system_attrs.get("retry_history") or ()}
        again |= {trial.system_attrs.get("failed_trial") for trial in ended}
        repeated = [trial for trial in trials if trial.number in again and trial.state.name == "FAIL"]
        if repeated:
            self.notes.append(
                f"Left out, having failed and been run again: {len(repeated)} of {len(trials)} trials."
            )
        return [trial for trial in trials if trial not in repeated] if repeated else list(trials)

    def _varied(self, domains: Mapping[str, Any]) -> dict[str, Any]:
        """Return the domains with more than one value; all where none has."""
        varied = {name: domain for name, domain in domains.items() if domain.cardinality != 1}
        constant = [name for name in domains if name not in varied]
        if constant and varied:
            self.notes.append(
                f"Left out, having a single value: {', '.join(constant)} (hyperparameters=, --hyperparameter "
                "names all)."
            )
        return varied or dict(domains)

    def imported(self, failed: str, title: str, *, several: bool) -> list[Imported]:
        """Return the trials that have a variant and a task.

        Args:
            failed: status of failed trials, ``failed`` or ``diverged``.
            title: of the results, which is the task where no other is named.
            several: the study is one of several, and its trials' keys begin with its name.
        """
        trials = []
        for role in ("variant", "task"):
            lacking = [trial for trial in self.trials if self.roles[role] and self._role(trial, role) is None]
            if lacking:
                states = ", ".join(dict.fromkeys(STATES[trial.state.name] for trial in lacking))
                self.notes.append(
                    f"Left out, having no {self.roles[role]}: {len(lacking)} of {len(self.trials)} trials "
                    f"({states})."
                )
                numbers = {trial.number for trial in lacking}
                self.trials = [trial for trial in self.trials if trial.number not in numbers]
        for trial in self.trials:
            trials.append(self._imported(trial, failed, title, several=several))
        return trials

    def _imported(self, trial: FrozenTrial, failed: str, title: str, *, several: bool) -> Imported:
        status, reports = self._outcome(trial, failed)
        first = 1 - min((step for step, _ in reports), default=1)  # steps count from 0 or from 1
        initial = self.initial_loss if self.initial_loss is not None else trial.user_attrs.get("initial_loss")
        task, variant, seed = (self._role(trial, role) for role in ("task", "variant", "seed"))
        return Imported(
            self._key(trial, several=several),
            {name: self._value(name, trial.params[name]) for name in self.names if name in trial.params},
            status,
            [(step + first, value) for step, value in reports],
            self.default_variant if variant is None else str(choice_of(variant[0])),
            str(choice_of(task[0]) if task is not None else self.ours["task"] if self.ours else title),
            None if seed is None else _seed(seed[0], trial.number, decides=status in DECISIVE),
            trial.duration.total_seconds() if trial.duration is not None else math.nan,
            float(initial) if isinstance(initial, (int, float)) else math.nan,
            _text(trial.user_attrs.get("error") or trial.system_attrs.get("fail_reason")),
        )

    def _outcome(self, trial: FrozenTrial, failed: str) -> tuple[str, list[tuple[int, float]]]:
        """Return the status and the reports of a trial.

        Reports are the intermediate values; the last report of a completed trial is its value.
        """
        reports = sorted(trial.intermediate_values.items())
        status = STATES[trial.state.name]
        if status == "completed" and trial.values is not None:
            value = trial.values[self.objective]
            if self.ours and isinstance(trial.user_attrs.get(AS_IT_WAS), (int, float)):
                value = float(trial.user_attrs[AS_IT_WAS])  # the study's is capped at the initial loss
            reports = [*reports[:-1], (reports[-1][0], value)] if reports else [(1, value)]
        is_infinite = bool(reports) and not math.isfinite(reports[-1][1])
        if trial.user_attrs.get("diverged") is True or (status in ("failed", "stopped") and is_infinite):
            status = "diverged"
        if status == "failed" and failed == "diverged":
            status = "diverged"
        if status == "diverged":
            reports = [*reports[:-1], (reports[-1][0] if reports else 1, math.nan)]
        return status, reports

    def _key(self, trial: FrozenTrial, *, several: bool) -> str:
        if several:
            return f"{self.name} {trial.number}"
        return str(trial.user_attrs.get("key", trial.number) if self.ours else trial.number)

    def _role(self, trial: FrozenTrial, role: str) -> tuple[Any] | None:
        """Return the value that a trial has in a role, which may be None; None where it has no value."""
        name = self.roles[role]
        source = next((values for values in (trial.params, trial.user_attrs) if name in values), None)
        return None if source is None or name is None else (source[name],)

    def _value(self, name: str, value: Any) -> Any:
        return (
            value_of(self.space[name], value)
            if self.space is not None and name in self.space
            else choice_of(value)
        )


def _seed(value: Any, number: int, *, decides: bool) -> int | None:
    try:
        if float(value).is_integer():
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    if not decides:
        return None
    raise InputError(f"seed must be a whole number, got {value!r} in trial {number}")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
