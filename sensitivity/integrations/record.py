"""A callback of Ray Tune that keeps an experiment in a store while it runs."""

from __future__ import annotations

import hashlib
import logging
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sensitivity.exchange.ray_files import is_searched
from sensitivity.integrations.recorded_study import RecordedStudy
from sensitivity.running.callback import Callback
from trainables.names import InputError

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace

LOG = logging.getLogger(__name__)


class Record(Callback):
    """Keep every report of a Tune experiment in a store, as a study with the experiment's name.

    ``tune.RunConfig(callbacks=[sensitivity.Record("store.sqlite")])``; afterwards ``sensitivity report
    --store store.sqlite``, or the dashboard while the experiment runs. A restored experiment continues its
    study. A store that cannot be written is logged, and never ends the experiment.

    Args:
        store: a path of a SQLite file, or the URL of a database; created if missing.
        metric: as for ``tune.TuneConfig``; if None, the only number that is reported, or the one whose name
            says that it is a loss or a score.
        mode: ``min`` or ``max``; what the metric's name says if None.
        param_space: the Tuner's; without it, ranges are those of the trials.
        study: name in the store; the experiment's if None.
        seed: entry of the config that is the seed.

    Raises: InputError for a store that cannot be opened.
    """

    def __init__(
        self,
        store: str | pathlib.Path,
        *,
        metric: str | None = None,
        mode: str | None = None,
        param_space: Mapping[str, Any] | SearchSpace | None = None,
        study: str | None = None,
        seed: str = "seed",
    ) -> None:
        from sensitivity.store.store import Store

        self._place = str(store) if "://" in str(store) else str(pathlib.Path(store).absolute())
        self._options: dict[str, Any] = {
            "metric": metric,
            "mode": mode,
            "param_space": param_space,
            "seed": seed,
        }
        self._name = study
        self._studies: dict[str, RecordedStudy] = {}
        self._ends: dict[str, tuple[str, Any]] = {}
        Store(self._place).close()  # a place that cannot be written is an error before the experiment

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the open store, which a restored experiment opens again."""
        return {**vars(self), "_studies": {}, "_ends": {}}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Keep a report, before Tune asks the trial for the next."""
        self._attempt(lambda study: study.add(_key(trial), trial.config, result), trial)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Keep the end of a trial, unless only the whole experiment tells whether it was stopped early."""
        result = trial.last_result or {}
        # should_stop is true of every result that is done
        by_itself = not result.get("done") or trial.should_stop({**result, "done": False})
        self._attempt(lambda study: study.end(_key(trial), by_itself=by_itself), trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Keep the error of a trial."""
        text = ""
        if trial.error_file:
            lines = pathlib.Path(trial.error_file).read_text(errors="replace").strip().splitlines()
            text = lines[-1] if lines else ""
        reason = " ".join(text.split())[:500] or "the trial ended with an error"
        self._attempt(lambda study: study.fail(_key(trial), trial.config, reason), trial)

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """Keep which trials were stopped early: those that reported less often than others."""
        for study in self._studies.values():
            try:
                study.close()
            except InputError as error:
                LOG.warning("Record: %s", error)
        self._studies = {}

    def _attempt(self, act: Any, trial: Any) -> None:
        """Act on the study of a trial; an error of the store must not be the trial's."""
        try:
            study = self._study_of(trial)
            study.searched = study.searched or _is_searched(trial)
            act(study)
        except InputError as error:
            LOG.warning("Record: %s", error)

    def _study_of(self, trial: Any) -> RecordedStudy:
        name = self._name or str(trial.experiment_dir_name or trial.trainable_name)
        if name not in self._studies:
            self._studies[name] = RecordedStudy(self._place, name, **self._options)
        return self._studies[name]


def _key(trial: Any) -> str:
    """Return the key of a trial: the same in a restored experiment, another in every other experiment."""
    text = f"{trial.experiment_dir_name}/{trial.trial_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _is_searched(trial: Any) -> bool:
    """Return True for a trial of an experiment whose search algorithm wrote its state."""
    storage = getattr(trial, "storage", None)
    places = [
        getattr(storage, name, None) for name in ("experiment_driver_staging_path", "experiment_fs_path")
    ]
    return any(is_searched(pathlib.Path(place)) for place in places if place)
