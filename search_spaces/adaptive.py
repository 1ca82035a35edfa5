"""The Ray Tune searchers: cohorts that Optuna chooses, and cohorts that are known beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ray.tune.search import Searcher

from search_spaces.adaptive_design import check_sampler
from search_spaces.optuna_spaces import configuration_from_optuna, define_by_run, to_optuna
from search_spaces.samplers import finite_value, make_sampler

if TYPE_CHECKING:
    import optuna

    from search_spaces.spaces import SearchSpace

Configuration = Mapping[str, Any]
Outcome = tuple[str, float]
"""Status of a trial (completed, diverged or failed) and its capped loss."""


class Stateless(Searcher):
    """A searcher that is not restored from Tune's pickles: Optuna's storage and the store hold everything."""

    def __init__(self) -> None:
        super().__init__(metric="done", mode="max")  # Tune wants the name of something in every result

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles what it is given, to restore a run from."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class Adaptive(Stateless):
    """Asks Optuna for configurations, hands them out as cohorts, and tells it what came back.

    Args:
        spaces: the search space of each sub-study, by its label (such as ``quickstart/autoencoder/digits/adam``).
        n: configurations for each sub-study. sampler: one of :data:`search_spaces.designs.SAMPLERS`; ``brute`` ends when there are no more.
        seed: of the sampler.
        cohort_size: configurations asked for at once.
        cohort: makes the trainable's config of a label and its configurations, and notes them; each of its members has a ``key``. Also
            called for configurations whose results are known already.
        members: the keys of one configuration's members (one for each seed).
        known: the outcome of a key that an earlier run already has, or None.
        outcome: the outcome of a member's last report, or None while it runs.
        storage: one of Optuna's, or its URL; in memory when not given.

    A configuration's value is the mean of its members' capped losses, so a diverged member counts as the initial loss. A
    configuration with a
    failed member is told as FAIL. What a killed run left RUNNING is told as FAIL and its configuration asked again; :meth:`close`
    does the same, so none stays RUNNING.
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
        super().__init__()
        import optuna

        for space in spaces.values():
            check_sampler(sampler, space)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._spaces, self._n, self._cohort_size = dict(spaces), n, cohort_size
        self._cohort, self._members, self._known, self._outcome = cohort, members, known, outcome
        backend = optuna.storages.get_storage(
            storage if storage is not None else optuna.storages.InMemoryStorage()
        )
        self._studies = {
            label: optuna.create_study(
                study_name=label, storage=backend, direction="minimize", load_if_exists=True
            )
            for label in spaces
        }
        for position, study in enumerate(self._studies.values()):
            # A continued study must not draw again what it drew before.
            drawn = len(study.get_trials(deepcopy=False))
            study.sampler = make_sampler(sampler, seed + position + 7919 * drawn, parallel=cohort_size > 1)
        self._finished: dict[str, Outcome] = {}
        self._open: dict[str, list[tuple[str, optuna.trial.Trial, list[str]]]] = {}
        for study in self._studies.values():
            for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
                _release(study, trial.number, trial.params)
        wanted = {
            label: min(n, int(space.size)) if sampler == "brute" else n for label, space in spaces.items()
        }
        self._left = {label: wanted[label] - self._complete(label) for label in spaces}

    def chosen(self) -> list[tuple[str, Configuration]]:
        """Every configuration that an earlier run chose and saw to its end, with the label of its sub-study, in order."""
        import optuna

        ended = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
        return [
            (label, configuration_from_optuna(self._spaces[label], trial.params))
            for label, study in self._studies.items()
            for trial in study.get_trials(deepcopy=False, states=ended)
        ]

    def _complete(self, label: str) -> int:
        import optuna

        ended = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
        return len(self._studies[label].get_trials(deepcopy=False, states=ended))

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next cohort, from the sub-study with the most left; FINISHED when none has any."""
        while any(left > 0 for left in self._left.values()):
            label = max(self._left, key=lambda each: self._left[each])
            asked = [self._ask(label) for _ in range(min(self._cohort_size, self._left[label]))]
            self._left[label] -= len(asked)
            fresh = []
            for configuration, trial, keys in asked:
                if self._told(label, trial, keys):
                    self._cohort(
                        label, [configuration]
                    )  # notes the trials of a run that was killed before Optuna heard of their end
                    continue
                # Discrete spaces repeat themselves: what is being trained already is waited for, not trained twice.
                holder = next(
                    (
                        each
                        for each, cohort in self._open.items()
                        if any(keys == others for *_, others in cohort)
                    ),
                    None,
                )
                if holder is None:
                    fresh.append(configuration)
                self._open.setdefault(holder or trial_id, []).append((label, trial, keys))
            if fresh:
                return self._cohort(label, fresh)
        return str(Searcher.FINISHED)

    def _ask(self, label: str) -> tuple[Configuration, optuna.trial.Trial, list[str]]:
        space = self._spaces[label]
        if space.conditional:
            trial = self._studies[label].ask()
            configuration = define_by_run(space)(trial)
        else:  # samplers that learn jointly (GP, CMA-ES) see every hyperparameter from the first trial on
            trial = self._studies[label].ask(to_optuna(space))
            configuration = configuration_from_optuna(space, trial.params)
        keys = list(self._members(label, configuration))
        trial.set_user_attr("configuration", {name: _plain(each) for name, each in configuration.items()})
        trial.set_user_attr("trials", keys)
        return configuration, trial, keys

    def _told(self, label: str, trial: optuna.trial.Trial, keys: Sequence[str]) -> bool:
        """Tell Optuna of a configuration whose members have all ended; whether they had."""
        import optuna

        outcomes = [self._finished.get(key) or self._known(key) for key in keys]
        ended = [each for each in outcomes if each is not None]
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
        """Note the members that a result ends."""
        for report in result.get("reports", ()):
            ended = self._outcome(report)
            if ended is not None:
                self._finished[report["key"]] = ended

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell Optuna about a cohort that ended; what it left unfinished has failed."""
        self.on_trial_result(trial_id, result or {})
        for label, trial, keys in self._open.pop(trial_id, ()):
            for key in keys:
                self._finished.setdefault(key, self._known(key) or ("failed", math.nan))
            self._told(label, trial, keys)

    def close(self) -> None:
        """Leave no trial RUNNING: what is still open is told as FAIL and asked first when the study runs again."""
        for cohort in self._open.values():
            for label, trial, keys in cohort:
                if not self._told(label, trial, keys):
                    _release(self._studies[label], trial.number, trial.params)
        self._open.clear()


class FixedSearcher(Stateless):
    """Hands out cohorts that are known beforehand, in order."""

    def __init__(self, configs: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self._waiting = list(reversed(configs))

    def suggest(self, trial_id: str) -> Any:
        """The next cohort's config, FINISHED after the last."""
        return dict(self._waiting.pop()) if self._waiting else Searcher.FINISHED

    def close(self) -> None:
        """Nothing is open."""

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Nothing to learn from a result."""


def _release(study: optuna.Study, number: int, params: Mapping[str, Any]) -> None:
    import optuna

    study.tell(number, state=optuna.trial.TrialState.FAIL)
    if params:
        study.enqueue_trial(dict(params))


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, bool)) else float(value)


def param_space(calls: Mapping[str, tuple[str, tuple[Any, ...]]]) -> dict[str, Any]:
    """Ray Tune's domains. Args: calls: for each name the function of ``ray.tune`` and its arguments, as
    :mod:`search_spaces.ray_spaces` has them.
    """
    from ray import tune

    return {name: getattr(tune, function)(*arguments) for name, (function, arguments) in calls.items()}
