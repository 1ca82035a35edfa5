"""A Ray Tune experiment as a study of the store, which grows with the experiment."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from search_spaces.inferred import inferred_space
from search_spaces.spaces import SearchSpace
from search_spaces.values import choice_of
from sensitivity.exchange.from_ray import spaces_from
from sensitivity.exchange.imported_designs import is_grid
from sensitivity.exchange.ray_files import Experiment, Run
from sensitivity.exchange.ray_metrics import metric_of
from sensitivity.exchange.ray_reports import leaves
from sensitivity.exchange.trial import ENDED
from sensitivity.running.assignments import measured_numbers
from sensitivity.store.store import Store
from sensitivity.study.fields import plain_data, trainable_task_name
from sensitivity.study.metric_names import direction_in
from sensitivity.study.trial import Trial
from trainables.names import InputError
from trainables.outcomes import final_status

LOG = logging.getLogger(__name__)
PLAIN = (bool, int, float, str, type(None), list, tuple)
"""Types of the entries of a config that are hyperparameters."""


class RecordedStudy:
    """The study of an experiment: its trials, their reports, and the space that holds their configurations.

    Args:
        place: of the store.
        name: of the study.
        metric: what the trials are judged by; None to take it from the first report.
        mode: ``min`` or ``max``; None for what the metric's name says.
        param_space: of the Tuner; None for the ranges of the trials.
        seed: entry of the config that is the seed.
    """

    def __init__(
        self,
        place: str,
        name: str,
        *,
        metric: str | None = None,
        mode: str | None = None,
        param_space: Any = None,
        seed: str = "seed",
    ) -> None:
        self._store, self._name = Store(place), name
        self._metric, self._mode, self._param_space, self._seed = metric, mode, param_space, seed
        self._configurations: dict[str, dict[str, Any]] = {}
        self._last: dict[str, tuple[int, float]] = {}
        self._waiting: list[str] = []
        self.searched = False
        """True if a search algorithm chooses the configurations by the results of others."""

    def add(self, key: str, config: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Keep a report of a trial."""
        numbers = measured_numbers(result)
        self._add_trial(key, config, numbers)
        epoch = int(result.get("training_iteration", self._last.get(key, (0, 0.0))[0] + 1))
        if self._metric in numbers:
            self._last[key] = (epoch, numbers[self._metric])
        seconds = float(result.get("time_this_iter_s", float("nan")))
        self._store.keep([{**numbers, "key": key, "status": "running", "epoch": epoch, "seconds": seconds}])

    def end(self, key: str, *, by_itself: bool) -> None:
        """Keep the end of a trial.

        Args:
            key: of the trial.
            by_itself: False if a scheduler may have stopped it, which is told at the experiment's end.
        """
        if key not in self._last:
            self._store.keep(
                [{"key": key, "status": "failed", "error": f"it reported no {self._metric or 'metric'}"}]
            )
        elif by_itself or final_status(self._last[key][1]) == "diverged":
            self._store.end(key, final_status(self._last[key][1]))
        else:
            self._waiting.append(key)

    def fail(self, key: str, config: Mapping[str, Any], reason: str) -> None:
        """Keep the error of a trial."""
        self._add_trial(key, config, {})
        self._store.fail(key, reason)

    def close(self) -> None:
        """Keep which of the waiting trials were stopped early, and close the store."""
        most = max((epoch for epoch, _ in self._last.values()), default=0)
        for key in self._waiting:
            epoch, value = self._last[key]
            self._store.end(key, final_status(value) if epoch >= most else "stopped")
        self._waiting = []
        if self._configurations:
            self._store.add_study(self._name, self._spec(trainable_task_name(self._name)), [])
        self._store.close()

    def _add_trial(self, key: str, config: Mapping[str, Any], numbers: Mapping[str, float]) -> None:
        """Add a trial that is new to the study, and widen the study's space to hold it."""
        knows_metric = self._metric is not None
        self._choose_metric(key, numbers)
        if key in self._configurations and knows_metric == (self._metric is not None):
            return
        flat = leaves(config)
        seed = flat.pop(self._seed, 0)
        plain = {name: value for name, value in flat.items() if isinstance(value, PLAIN)}
        self._configurations[key] = {name: choice_of(value) for name, value in plain.items()}
        task = trainable_task_name(self._name)
        is_seed = isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0
        trial = Trial(
            key,
            task,
            self._name,
            self._configurations[key],
            seed if is_seed else 0,
            0,
            0,
            "float32",
            "recorded",
        )
        self._store.add_study(self._name, self._spec(task), [trial])

    def _choose_metric(self, key: str, numbers: Mapping[str, float]) -> None:
        if self._metric is None and numbers:
            run = Run(key, {}, ENDED, [dict(numbers)])
            try:
                self._metric, _ = metric_of(Experiment([run], "the experiment", self._name), None, None)
            except InputError:
                self._metric = next((name for name in numbers if direction_in(name)), next(iter(numbers)))
                LOG.warning(
                    "Record: study %r is judged by %r of %s; Record(metric=...) names another",
                    self._name,
                    self._metric,
                    ", ".join(numbers),
                )

    def _spec(self, task: str) -> str:
        """Return the specification of the study as far as it is known."""
        metric = self._metric or "loss"
        fields = {
            "name": self._name,
            "trainable": f"ray:{self._name}#recorded",
            "tasks": [task],
            "variants": [self._name],
            "design": self._design(),
            "metric": metric,
            "direction": self._mode or direction_in(metric) or "min",
            "spaces": {self._name: self._space().to_dict()},
            "default_setting": False,
        }
        return json.dumps(plain_data(fields), allow_nan=False)

    def _design(self) -> dict[str, Any]:
        """Return the design of the configurations: chosen by a search algorithm, a grid, or drawn."""
        if self.searched:
            return {"kind": "adaptive", "n": len(self._configurations)}
        space = self._space()
        rows = {
            tuple(configuration.get(name) for name in space.names)
            for configuration in self._configurations.values()
        }
        kind = "grid" if is_grid(rows, space) else "random"
        return {"kind": kind, **({"n": len(self._configurations)} if kind == "random" else {})}

    def _space(self) -> SearchSpace:
        configurations = list(self._configurations.values())
        names = list(dict.fromkeys(name for configuration in configurations for name in configuration))
        if self._param_space is not None:
            space = spaces_from(self._param_space, names, configurations)
            if isinstance(space, SearchSpace):
                return space
        try:
            return inferred_space(configurations)
        except InputError:  # a gap that no other hyperparameter explains
            whole = [name for name in names if all(name in one for one in configurations)]
            return inferred_space([{name: one[name] for name in whole} for one in configurations])
