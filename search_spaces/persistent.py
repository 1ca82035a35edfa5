"""Persistent: the Ray Tune searcher that reschedules the unfinished trials of a cohort whose worker died."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search_spaces.schedulers import Stateless

if TYPE_CHECKING:
    from search_spaces.adaptive import Adaptive, FixedSearcher

RETRIES = 3
"""Number of times that a trial is trained again after the loss of its worker."""


class Persistent(Stateless):
    """Reschedules the unfinished trials of a cohort whose worker died.

    A trial that repeatedly kills its worker is failed, and the rest of its cohort continues. Ray Tune's own
    retries are not enough: a reused worker that dies between two cohorts counts as an error at once (observed
    in Ray 2.60). A trainable whose config has an ``attempt`` above 1 reports every epoch of every member
    separately, so the first unfinished member is the one that killed the worker.

    Args:
        searcher: searcher that chooses the cohorts.
        finished_keys: keys of the members that need no more training; updated by the caller during the run.
        trainable_config: function from a cohort to the config that Ray Tune passes to the trainable.
        reports: function from a cohort and a Ray Tune result to the reports of the members.
        ending: function from a cohort and its last result to the reports that the end of the cohort adds.
        attempts: function from the id of a failed Ray Tune trial to the number of errors of its kind after
            which a member is given up; 1 gives up all unfinished members of the cohort at once.
        give_up: function that is called with the id of a Ray Tune trial and the keys of the members given up.
    """

    def __init__(
        self,
        searcher: Adaptive | FixedSearcher,
        finished_keys: set[str],
        *,
        trainable_config: Callable[[dict[str, Any]], dict[str, Any]] = lambda cohort: cohort,
        reports: Callable[
            [Mapping[str, Any], Mapping[str, Any]], Sequence[Mapping[str, Any]]
        ] = lambda cohort, result: result["reports"],
        ending: Callable[
            [Mapping[str, Any], Mapping[str, Any] | None], Sequence[Mapping[str, Any]]
        ] = lambda cohort, result: (),
        attempts: Callable[[str], int] = lambda trial_id: RETRIES + 1,
        give_up: Callable[[str, Sequence[str]], None] = lambda trial_id, keys: None,
    ) -> None:
        super().__init__()
        self._searcher, self._finished_keys = searcher, finished_keys
        self._trainable_config, self._reports, self._ending = trainable_config, reports, ending
        self._attempts, self._give_up = attempts, give_up
        self._blamed: Counter[tuple[str, int]] = Counter()
        self._running: dict[str, tuple[str, dict[str, Any]]] = {}
        self._lost: list[tuple[str, dict[str, Any]]] = []
        self.cohorts: dict[str, dict[str, Any]] = {}
        """Cohort of every Ray Tune trial so far, by the trial's id."""

    def suggest(self, trial_id: str) -> Any:
        """Return the config of the next cohort; FINISHED if no cohort is left or running."""
        if self._lost:
            owner, cohort = self._lost.pop()
        else:
            suggested = self._searcher.suggest(trial_id)
            if not isinstance(suggested, dict):
                return None if self._running else suggested
            owner, cohort = trial_id, {**suggested, "attempt": 1}
        self._running[trial_id] = owner, cohort
        self.cohorts[trial_id] = cohort
        return self._trainable_config(cohort)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Pass the reports of a cohort on to the searcher that chose the cohort."""
        owner, cohort = self._running[trial_id]
        self._searcher.on_trial_result(owner, {"reports": self._reports(cohort, result)})

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Pass the end of a cohort on, or reschedule its unfinished members after an error."""
        if trial_id not in self._running:  # Ray Tune may call this twice
            return
        owner, cohort = self._running.pop(trial_id)
        rest = self._unfinished(trial_id, cohort) if error else None
        if rest is not None:
            self._lost.append((owner, rest))
        else:
            reports: list[Mapping[str, Any]] = []
            if result and not error:
                reports = [*self._reports(cohort, result), *self._ending(cohort, result)]
            self._searcher.on_trial_complete(owner, {"reports": reports}, error)

    def _unfinished(self, trial_id: str, cohort: dict[str, Any]) -> dict[str, Any] | None:
        """Return the cohort of the unfinished members that are not given up; None if there are none."""
        left = [member for member in cohort["members"] if member["key"] not in self._finished_keys]
        attempts = self._attempts(trial_id)
        given_up = left if attempts == 1 else []
        if left and attempts > 1 and (cohort["attempt"] > 1 or len(cohort["members"]) == 1):
            blamed = left[0]["key"], attempts
            self._blamed[blamed] += 1
            given_up = left[:1] if self._blamed[blamed] >= attempts else []
        if given_up:
            self._give_up(trial_id, [member["key"] for member in given_up])
        rest = left[len(given_up) :]
        return {**cohort, "members": rest, "attempt": cohort["attempt"] + 1} if rest else None
