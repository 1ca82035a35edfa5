"""Optuna studies as Results."""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from search_spaces.hyperparameters import Float, Hyperparameter, Integer
from search_spaces.inferred import domain_of
from search_spaces.optuna_spaces import from_distributions, value_of
from search_spaces.spaces import SearchSpace
from sensitivity.imported import Direction, Imported, as_utf8, assemble
from sensitivity.imported_spaces import Spaces
from sensitivity.optuna_storage import studies_of
from sensitivity.results import Results
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

OURS = "sensitivity"
"""User attribute of a study that :meth:`Results.to_optuna` wrote."""
AS_IT_WAS = "value as it was"
"""User attribute of its trials: the metric before it was capped."""
STATES = {"COMPLETE": "completed", "PRUNED": "stopped", "FAIL": "failed", "RUNNING": "running", "WAITING": "pending"}
DESIGNS = {"RandomSampler": "random", "QMCSampler": "sobol", "GridSampler": "grid", "BruteForceSampler": "grid"}
"""Of samplers that do not look at results."""


def from_optuna(
    study: Any,
    *names: str,
    hyperparameters: Sequence[str] | None = None,
    metric: str | int | None = None,
    variant: str | None = None,
    task: str | None = None,
    seed: str | None = None,
    initial_loss: float | None = None,
    failed: Literal["failed", "diverged"] = "failed",
    scales: Mapping[str, str] | None = None,
    spaces: Spaces = None,
    design: str | None = None,
    study_name: str | None = None,
) -> Results:
    """Results of one Optuna study, or of several as the variants of one.

    A pruned trial is ``stopped`` early. One whose value, or last intermediate value, is NaN or infinite has diverged. Distributions keep
    their bounds, log scale and step; a parameter that only some trials have is given the condition that tells them from the others.

    Args:
        study: a Study or several, or the URL of a storage (``sqlite:///file.db``; a path to a SQLite file or a journal will do).
        names: of studies in the storage; not needed where it holds one. hyperparameters: parameters to look at, instead of all.
        metric: name or number of an objective, where there are several. variant, task, seed: parameters or user attributes of trials; a
            user attribute called ``seed`` is the seed. A parameter that chooses an optimizer, named as variant, gives each its own space.
        initial_loss: the value before training, which diverged trials count as. failed: what a failed trial is. Optuna also calls failed
            what returned NaN, and keeps no trace of which it was.
        scales: instead of what the distributions say, such as ``log1m``. spaces, design: as for
            :func:`sensitivity.from_tables.from_table`; a study's design is that of its sampler where it is given as an object with one that
            does not look at results, and else ``adaptive``. study_name: what the report calls it.

    Raises: InputError for a storage that cannot be read, an unknown study, a study without trials, several objectives and no metric.
    """
    hyperparameters = [hyperparameters] if isinstance(hyperparameters, str) else hyperparameters
    if failed not in ("failed", "diverged"):
        raise unknown("meaning of failed", failed, ("failed", "diverged"))
    studies, source = ([study], repr(study.study_name)) if hasattr(study, "trials") else studies_of(study, names)
    read = [_Read(each, metric, variant, task, seed, initial_loss, hyperparameters) for each in studies]
    metrics = {(each.metric, each.direction) for each in read}
    if len(metrics) > 1:
        raise InputError(f"the studies have different objectives: {', '.join(f'{name} ({way})' for name, way in sorted(metrics))}")
    if len({each.name for each in read}) < len(read):
        raise InputError(f"studies must have names that differ, got {', '.join(repr(each.name) for each in read)}")
    title = as_utf8(study_name or " and ".join(dict.fromkeys(each.title for each in read)))
    trials: list[Imported] = []
    known = {}
    for each in read:
        found = each.imported(failed, title, several=len(read) > 1)
        trials += found
        for name in dict.fromkeys(one.variant for one in found):
            known[name] = {key: one for key, one in each.domains.items() if key not in (scales or {})}
    if spaces is None and all(each.space is not None for each in read):
        spaces = {name: each.space for each in read if each.space for name in [each.default_variant]}
        spaces = spaces if {one.variant for one in trials} == set(spaces) and not scales and not hyperparameters else None
    notes = _notes(trials, read, design, failed)
    chosen = {each.design for each in read}
    return assemble(
        trials,
        source=source,
        study=title,
        metric=read[0].metric,
        direction=read[0].direction,
        names=[name for each in read for name in each.names],
        scales=scales,
        spaces=spaces,
        known=known,
        design=design or (chosen.pop() if len(chosen) == 1 else "adaptive"),
        notes=notes,
    )


class _Read:
    """What one study says."""

    def __init__(
        self,
        study: optuna.Study,
        metric: str | int | None,
        variant: str | None,
        task: str | None,
        seed: str | None,
        initial_loss: float | None,
        hyperparameters: Sequence[str] | None,
    ) -> None:
        self.name, self.ours = study.study_name, study.user_attrs.get(OURS)
        self.ours = self.ours if isinstance(self.ours, Mapping) and "space" in self.ours else None
        self.title = str(self.ours["study"]) if self.ours else self.name
        self.space = SearchSpace.from_dict(self.ours["space"]) if self.ours else None
        self.trials = study.get_trials(deepcopy=False)
        if not self.trials:
            raise InputError(f"Optuna study {self.name!r} holds no trials")
        self.objective, self.metric = _objective(study, metric)
        self.metric = str(self.ours["metric"]) if self.ours else self.metric
        self.direction: Direction = "max" if study.directions[self.objective].name == "MAXIMIZE" else "min"
        self.default_variant = str(self.ours["variant"]) if self.ours else self.name
        self.roles = {"variant": variant, "task": task, "seed": seed}
        self.initial_loss = initial_loss
        params = list(dict.fromkeys(name for each in self.trials for name in each.params))
        attributes = list(dict.fromkeys(name for each in self.trials for name in each.user_attrs))
        for role, name in self.roles.items():
            if name is not None and name not in params and name not in attributes:
                raise unknown(f"parameter or user attribute for {role}", name, [*params, *attributes])
        for name in hyperparameters or ():
            if name not in params:
                raise unknown(f"parameter of Optuna study {self.name!r}", name, params)
        if seed is None and "seed" in attributes and "seed" not in params:
            self.roles["seed"] = "seed"
        self.names = [name for name in hyperparameters or params if name not in self.roles.values()]
        self.domains = {name: _domain(name, self.trials, self.space) for name in self.names}
        self.design = str(self.ours["design"]) if self.ours else DESIGNS.get(type(study.sampler).__name__, "adaptive")
        if any("grid_id" in each.system_attrs for each in self.trials):
            self.design = "grid"

    def imported(self, failed: str, task: str, *, several: bool) -> list[Imported]:
        return [self._imported(each, failed, task, self.name if several else "") for each in self.trials]

    def _imported(self, trial: FrozenTrial, failed: str, title: str, study: str) -> Imported:
        reports = sorted(trial.intermediate_values.items())
        status = STATES[trial.state.name]
        if status == "completed" and trial.values is not None:
            value = trial.values[self.objective]
            if self.ours and isinstance(trial.user_attrs.get(AS_IT_WAS), (int, float)):
                value = float(trial.user_attrs[AS_IT_WAS])  # the study's is capped at the initial loss
            reports = [*reports[:-1], (reports[-1][0], value)] if reports else [(1, value)]
        bad = bool(reports) and not math.isfinite(reports[-1][1])
        if trial.user_attrs.get("diverged") is True or (status in ("failed", "stopped") and bad):
            status = "diverged"
        if status == "failed" and failed == "diverged":
            status = "diverged"
        if status == "diverged":
            reports = [*reports[:-1], (reports[-1][0] if reports else 1, math.nan)]
        first = 1 - min((step for step, _ in reports), default=1)  # steps count from 0 or from 1
        initial = self.initial_loss if self.initial_loss is not None else trial.user_attrs.get("initial_loss")
        task, variant, seed = (self._role(trial, role) for role in ("task", "variant", "seed"))
        return Imported(
            f"{study} {trial.number}".strip() if study else str(trial.user_attrs.get("key", trial.number)),
            {name: self._value(name, trial.params[name]) for name in self.names if name in trial.params},
            status,
            [(step + first, value) for step, value in reports],
            self.default_variant if variant is None else str(_scalar(variant[0])),
            str(_scalar(task[0]) if task is not None else self.ours["task"] if self.ours else title),
            None if seed is None else _seed(seed[0], trial.number),
            trial.duration.total_seconds() if trial.duration is not None else math.nan,
            float(initial) if isinstance(initial, (int, float)) else math.nan,
            _text(trial.user_attrs.get("error") or trial.system_attrs.get("fail_reason")),
        )

    def _role(self, trial: FrozenTrial, role: str) -> tuple[Any] | None:
        """What a trial has in a role, which may be None; None where it has nothing."""
        name = self.roles[role]
        held = next((each for each in (trial.params, trial.user_attrs) if name in each), None)
        return None if held is None or name is None else (held[name],)

    def _value(self, name: str, value: Any) -> Any:
        return value_of(self.space[name], value) if self.space is not None and name in self.space else _scalar(value)


def _objective(study: optuna.Study, metric: str | int | None) -> tuple[int, str]:
    """The number and the name of the objective that is judged."""
    import optuna

    count = len(study.directions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        named = study.metric_names
    names = named or (["value"] if count == 1 else [str(i) for i in range(count)])
    if metric is None and count > 1:
        raise InputError(f"Optuna study {study.study_name!r} has {count} objectives; name one with metric= (--metric): {', '.join(names)}")
    if metric is None or (count == 1 and not named):
        return 0, str(metric) if isinstance(metric, str) else names[0]
    if str(metric) in names:
        return names.index(str(metric)), str(metric)
    if str(metric).isdigit() and int(metric) < count:
        return int(metric), names[int(metric)]
    raise unknown("objective", metric, names)


def _domain(name: str, trials: Iterable[FrozenTrial], space: SearchSpace | None) -> Hyperparameter:
    """The domain of a parameter: what its distributions span, where they differ from trial to trial."""
    if space is not None and name in space:
        return dataclasses.replace(space[name], when={})
    found = [each.distributions[name] for each in trials if name in each.distributions]
    domains = [_of_distribution(name, each) for each in dict.fromkeys(found)]
    first = domains[0]
    if len(domains) == 1:
        return first
    if isinstance(first, (Float, Integer)) and all(type(each) is type(first) for each in domains):
        low, high = (end(getattr(each, side) for each in domains) for end, side in ((min, "low"), (max, "high")))
        log = low > 0 and any(each.scale == "log" for each in domains)
        return type(first)(name, low, high, "log" if log else "linear")
    return domain_of(name, [_scalar(each.params[name]) for each in trials if name in each.params])


def _of_distribution(name: str, distribution: BaseDistribution) -> Hyperparameter:
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        return domain_of(name, map(_scalar, choices), "categorical")
    return next(iter(from_distributions({name: distribution})))


def _scalar(value: Any) -> Any:
    """A choice as a value of ours: None and tuples by what they are written as."""
    return (
        value if isinstance(value, (str, bool, int, float)) and value == value else json.dumps(value, default=repr).replace("null", "None")
    )


def _seed(given: Any, number: int) -> int:
    try:
        if float(given).is_integer():
            return int(given)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(f"seed must be a whole number, got {given!r} in trial {number}")


def _text(given: Any) -> str | None:
    return None if given is None else str(given)


def _notes(trials: Sequence[Imported], read: Sequence[_Read], design: str | None, failed: str) -> list[str]:
    notes = []
    lost = sum(each.status == "failed" for each in trials)
    if lost and failed == "failed" and not all(each.ours for each in read):
        notes.append(
            f"Failed in Optuna: {lost} of {len(trials)} trials. It calls failed what returned NaN, too, and keeps no trace of which it "
            'was; if they diverged, say failed="diverged" (--failed diverged).'
        )
    if design is None and any(each.design == "adaptive" and not each.ours for each in read):
        notes.append(
            'A study does not say how it sampled, so it is taken for an optimizer\'s; if it was at random, say design="random" '
            "(--design random)."
        )
    return notes
