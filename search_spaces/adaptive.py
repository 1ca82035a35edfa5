"""Searchers of cohorts: those that Optuna chooses (Adaptive), and a fixed list (FixedSearcher)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search_spaces.adaptive_design import check_sampler
from search_spaces.optuna_spaces import configuration_from_optuna, define_by_run, to_optuna
from search_spaces.samplers import finite_value, make_sampler

if TYPE_CHECKING:
    import optuna

    from search_spaces.spaces import SearchSpace

Configuration = Mapping[str, Any]
Outcome = tuple[str, float]
"""Status of a trial (completed, stopped, diverged or failed) and its capped loss."""


FINISHED = "FINISHED"
"""What a searcher returns instead of a cohort when none is left, as Ray Tune's do."""


class Adaptive:
    """Asks Optuna for configurations, returns them as cohorts, and tells Optuna their results.

    The value of a configuration is the mean of its members' capped losses, so a diverged member counts as the
    initial loss. A configuration with a failed member is told as FAIL. Optuna trials that an interrupted run
    left RUNNING are told as FAIL, and their configurations are asked for again; :meth:`close` does the same,
    so no trial stays RUNNING.

    Args:
        spaces: search space of each sub-study, by label (such as ``quickstart/autoencoder/digits/adam``).
        n: number of configurations of each sub-study.
        sampler: one of :data:`search_spaces.designs.SAMPLERS`; ``brute`` stops after the last configuration.
        seed: seed of the sampler, at least 0.
        cohort_size: number of configurations asked for at once.
        cohort: function from a label and its configurations to the trainable's config, which also records the
            configurations as trials; each member of the config has a ``key``. It is called for configurations
            with known results too.
        members: function from a label and a configuration to the keys of the members (one per seed).
        known: function from a key to the outcome that an earlier run recorded, or None.
        outcome: function from a member's report to its outcome, or None while the member is running.
        storage: an Optuna storage or its URL; None stores in memory.
    """

    def __init__(
        self,
        spaces: Mapping[str, SearchSpace],
        *,
        n: int,
        sampler: str = "tpe",
        seed: int = 0,
        cohort_size: int = 1,
        cohort: Callable[[str, Sequence[Configuration]], dict[str, Any]],
        members: Callable[[str, Configuration], Sequence[str]],
        known: Callable[[str], Outcome | None],
        outcome: Callable[[Mapping[str, Any]], Outcome | None],
        storage: optuna.storages.BaseStorage | str | None = None,
    ) -> None:
        import optuna

        for space in spaces.values():
            check_sampler(sampler, space)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._spaces, self._n, self._cohort_size = dict(spaces), n, cohort_size
        self._cohort, self._members, self._known, self._outcome = cohort, members, known, outcome
        if storage is None:
            storage = optuna.storages.InMemoryStorage()
        backend = optuna.storages.get_storage(storage)
        self._studies = {
            label: optuna.create_study(
                study_name=label, storage=backend, direction="minimize", load_if_exists=True
            )
            for label in spaces
        }
        for position, study in enumerate(self._studies.values()):
            # A continued study must not repeat its draws: its seed depends on the number of trials so far.
            drawn = len(study.get_trials(deepcopy=False))
            study.sampler = make_sampler(sampler, seed + position + 7919 * drawn, parallel=cohort_size > 1)
        self._outcomes: dict[str, Outcome] = {}
        self._open: dict[str, list[tuple[str, optuna.trial.Trial, list[str]]]] = {}
        for study in self._studies.values():
            for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
                _release(study, trial.number, trial.params)
        wanted = {
            label: min(n, int(space.size)) if sampler == "brute" else n for label, space in spaces.items()
        }
        self._left = {label: wanted[label] - len(self._ended(label)) for label in spaces}

    def chosen(self) -> list[tuple[str, Configuration]]:
        """Return the configurations that earlier runs completed, each with its sub-study's label."""
        return [
            (label, configuration_from_optuna(self._spaces[label], trial.params))
            for label in self._studies
            for trial in self._ended(label)
        ]

    def _ended(self, label: str) -> list[optuna.trial.FrozenTrial]:
        """Return the Optuna trials of a sub-study that are complete or pruned."""
        import optuna

        states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
        return self._studies[label].get_trials(deepcopy=False, states=states)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return a cohort of the sub-study with the most configurations left; FINISHED if none is left."""
        while any(left > 0 for left in self._left.values()):
            label = max(self._left, key=lambda label: self._left[label])
            batch = [self._ask(label) for _ in range(min(self._cohort_size, self._left[label]))]
            self._left[label] -= len(batch)
            fresh = []
            for configuration, trial, keys in batch:
                if self._tell(label, trial, keys):
                    # Record trials that ended in an interrupted run before Optuna was told.
                    self._cohort(label, [configuration])
                    continue
                # Samplers repeat configurations of discrete spaces: wait for a running one.
                running = self._running_with(keys)
                if running is None:
                    fresh.append(configuration)
                self._open.setdefault(running or trial_id, []).append((label, trial, keys))
            if fresh:
                return self._cohort(label, fresh)
        return FINISHED

    def _running_with(self, keys: Sequence[str]) -> str | None:
        """Return the id of the running Ray Tune trial that trains the same members; None if there is none."""
        for trial_id, cohort in self._open.items():
            if any(keys == others for *_, others in cohort):
                return trial_id
        return None

    def _ask(self, label: str) -> tuple[Configuration, optuna.trial.Trial, list[str]]:
        space = self._spaces[label]
        if space.conditional:
            trial = self._studies[label].ask()
            configuration = define_by_run(space)(trial)
        else:  # multivariate samplers (GP, CMA-ES) need every hyperparameter from the first trial on
            trial = self._studies[label].ask(to_optuna(space))
            configuration = configuration_from_optuna(space, trial.params)
        keys = list(self._members(label, configuration))
        trial.set_user_attr("configuration", {name: _plain(value) for name, value in configuration.items()})
        trial.set_user_attr("trials", keys)
        return configuration, trial, keys

    def _tell(self, label: str, trial: optuna.trial.Trial, keys: Sequence[str]) -> bool:
        """Tell Optuna the result of a configuration; return False if a member is unfinished."""
        import optuna

        outcomes = [self._outcomes.get(key) or self._known(key) for key in keys]
        ended = [outcome for outcome in outcomes if outcome is not None]
        if len(ended) < len(keys):
            return False
        study = self._studies[label]
        if any(status == "failed" for status, _ in ended):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        elif any(status == "stopped" for status, _ in ended):
            trial.report(math.fsum(loss for _, loss in ended) / len(ended), step=0)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            trial.set_user_attr("diverged", sum(status == "diverged" for status, _ in ended))
            study.tell(trial, finite_value(study, math.fsum(loss for _, loss in ended) / len(ended)))
        return True

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Remember status and loss of each trial that ended in a result, until Optuna is told."""
        for report in result.get("reports", ()):
            outcome = self._outcome(report)
            if outcome is not None:
                self._outcomes[report["key"]] = outcome

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell Optuna the results of a cohort that ended; members without an outcome count as failed."""
        self.on_trial_result(trial_id, result or {})
        for label, trial, keys in self._open.pop(trial_id, ()):
            for key in keys:
                self._outcomes.setdefault(key, self._known(key) or ("failed", math.nan))
            self._tell(label, trial, keys)

    def close(self) -> None:
        """Tell open Optuna trials as FAIL and enqueue their configurations: no trial stays RUNNING."""
        for cohort in self._open.values():
            for label, trial, keys in cohort:
                if not self._tell(label, trial, keys):
                    _release(self._studies[label], trial.number, trial.params)
        self._open.clear()


class FixedSearcher:
    """Returns cohorts of a fixed list, in order.

    Args:
        configs: the trainable's config of each cohort.
    """

    def __init__(self, configs: Sequence[Mapping[str, Any]]) -> None:
        self._waiting = list(reversed(configs))

    def suggest(self, trial_id: str) -> Any:
        """Return the config of the next cohort; FINISHED after the last."""
        return dict(self._waiting.pop()) if self._waiting else FINISHED

    def close(self) -> None:
        """Close nothing, as no external study is open."""

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Ignore the result, as the cohorts do not depend on it."""

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Ignore the result, as the cohorts do not depend on it."""


def _release(study: optuna.Study, number: int, params: Mapping[str, Any]) -> None:
    """Tell an Optuna trial as FAIL and enqueue its parameters for the next trial."""
    import optuna

    study.tell(number, state=optuna.trial.TrialState.FAIL)
    if params:
        study.enqueue_trial(dict(params))


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, bool)) else float(value)
