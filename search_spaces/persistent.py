"""The Ray Tune searcher that gives out again what a lost worker left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from search_spaces.adaptive import Stateless

RETRIES = 3
"""Times that a trial is trained again when its worker is lost."""


class Persistent(Stateless):
    """Gives out again what a lost worker left, until it is clear which member loses its workers; that one is given up, the others go on.

    Tune's own retries are not enough: a reused worker that is lost between two cohorts counts as an error at once (seen in Ray 2.60).
    A trainable that is given an ``attempt`` above 1 reports every epoch by itself, so its first member without an end is the one to blame.

    Args:
        searcher: chooses the cohorts. ended: keys of the members that need not be trained again; the caller keeps it up to date.
        trainable_config: what the trainable is given of a cohort. reports: the reports in a result. ending: what the end of a cohort adds to them.
        attempts: how often a member may be to blame for an error like the one that ended a trial of Tune's, by its id; 1 fails all that is
        left of a cohort at once. give_up: called with that id and the keys of members that are not tried again.
    """

    def __init__(
        self,
        searcher: Stateless,
        ended: set[str],
        *,
        trainable_config: Callable[[dict[str, Any]], dict[str, Any]] = lambda config: config,
        reports: Callable[
            [Mapping[str, Any], Mapping[str, Any]], Sequence[Mapping[str, Any]]
        ] = lambda config, result: result["reports"],
        ending: Callable[
            [Mapping[str, Any], Mapping[str, Any] | None], Sequence[Mapping[str, Any]]
        ] = lambda config, result: (),
        attempts: Callable[[str], int] = lambda trial_id: RETRIES + 1,
        give_up: Callable[[str, Sequence[str]], None] = lambda trial_id, keys: None,
    ) -> None:
        super().__init__()
        self._searcher, self._ended = searcher, ended
        self._trainable_config, self._reports, self._ending = trainable_config, reports, ending
        self._attempts, self._give_up = attempts, give_up
        self._blamed: Counter[tuple[str, int]] = Counter()
        self._given: dict[str, tuple[str, dict[str, Any]]] = {}
        self._lost: list[tuple[str, dict[str, Any]]] = []
        self.cohorts: dict[str, dict[str, Any]] = {}
        """The cohort of every trial of Tune's so far."""

    def suggest(self, trial_id: str) -> Any:
        """What the trainable is given of the next cohort, FINISHED when none is left and none can come back."""
        if self._lost:
            owner, config = self._lost.pop()
        else:
            owner, config = trial_id, self._searcher.suggest(trial_id)
            if not isinstance(config, dict):
                return None if self._given else config
            config["attempt"] = 1
        self._given[trial_id] = owner, config
        self.cohorts[trial_id] = config
        return self._trainable_config(config)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Pass on what a cohort reports."""
        owner, config = self._given[trial_id]
        self._searcher.on_trial_result(owner, {"reports": self._reports(config, result)})

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Pass on the end of a cohort, or keep what a lost worker left."""
        if trial_id not in self._given:  # Tune may say it twice
            return
        owner, config = self._given.pop(trial_id)
        again = self._again(trial_id, config) if error else None
        if again is not None:
            self._lost.append((owner, again))
        else:
            last = (
                [*self._reports(config, result), *self._ending(config, result)]
                if result and not error
                else []
            )
            self._searcher.on_trial_complete(owner, {"reports": last}, error)

    def _again(self, trial_id: str, config: dict[str, Any]) -> dict[str, Any] | None:
        """What is left of a cohort that ended in an error, less what is given up; None when nothing is."""
        left = [member for member in config["members"] if member["key"] not in self._ended]
        attempts = self._attempts(trial_id)
        given_up = left if attempts == 1 else []
        if left and attempts > 1 and (config["attempt"] > 1 or len(config["members"]) == 1):
            blamed = left[0]["key"], attempts
            self._blamed[blamed] += 1
            given_up = left[:1] if self._blamed[blamed] >= attempts else []
        if given_up:
            self._give_up(trial_id, [member["key"] for member in given_up])
        rest = left[len(given_up) :]
        return {**config, "members": rest, "attempt": config["attempt"] + 1} if rest else None
