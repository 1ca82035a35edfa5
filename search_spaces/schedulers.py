"""What Ray Tune calls: early stopping, separately for each variant; the base of a searcher; domains."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from trainables.dotted import imported
from trainables.names import InputError


class Stateless(Searcher):
    """A searcher without pickled state: Optuna's storage and the store hold all that a restart needs."""

    def __init__(self) -> None:
        super().__init__(metric="done", mode="max")  # Ray Tune requires a metric that every result contains

    def __getstate__(self) -> dict[str, Any]:
        """Return an empty state, as Ray Tune pickles its searcher regularly."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Save nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""


def _delegated(method: str) -> Any:
    """Return a method that calls the method of the same name of the trial's scheduler."""
    return lambda self, controller, trial, *result: getattr(self._of(trial), method)(
        controller, trial, *result
    )


class PerVariantScheduler(FIFOScheduler):
    """One early-stopping scheduler per task and variant, so trials compete only within their variant.

    Args:
        make: function that returns a new Ray Tune scheduler.
        kind: function that returns the group (task and variant) of a Ray Tune trial.
    """

    def __init__(self, make: Callable[[], Any], kind: Callable[[Any], Any]) -> None:
        super().__init__()
        self._make, self._kind = make, kind
        self._schedulers: dict[Any, Any] = {}

    def _of(self, trial: Any) -> Any:
        kind = self._kind(trial)
        if kind not in self._schedulers:
            self._schedulers[kind] = self._make()
        return self._schedulers[kind]

    def __getstate__(self) -> dict[str, Any]:
        """Return an empty state, as for :class:`Stateless`."""
        return {}

    on_trial_add, on_trial_result, on_trial_complete, on_trial_error, on_trial_remove = map(
        _delegated,
        ("on_trial_add", "on_trial_result", "on_trial_complete", "on_trial_error", "on_trial_remove"),
    )

    def choose_trial_to_run(self, controller: Any, **options: Any) -> Any:
        """Return the first trial that one of the schedulers wants to run; None if there is none."""
        candidates = (
            scheduler.choose_trial_to_run(controller, **options) for scheduler in [*self._schedulers.values()]
        )
        return next((trial for trial in candidates if trial is not None), None)


def early_stopping(
    name: str, metric: str, mode: str, epochs: int, counter: str = "training_iteration"
) -> Any:
    """Make a Ray Tune scheduler that stops trials with worse results than others.

    Args:
        name: ``asha``, ``hyperband``, ``median``, or ``package.module:Class`` of another scheduler.
        metric: name of the reported metric to compare.
        mode: ``min`` or ``max``.
        epochs: number of epochs of a trial that is not stopped.
        counter: name of what is reported as the number of epochs so far.

    Raises:
        InputError: the class cannot be imported, or does not accept ``metric`` and ``mode``.
    """
    from ray.tune import schedulers

    known = {
        "asha": schedulers.ASHAScheduler,
        "hyperband": schedulers.HyperBandScheduler,
        "median": schedulers.MedianStoppingRule,
    }
    kind = known[name] if name in known else imported(name, "scheduler")
    if not callable(kind):
        raise InputError(f"scheduler {name!r} is a {type(kind).__name__}, not a class of Ray Tune's")
    options = {"metric": metric, "mode": mode, "time_attr": counter, "max_t": epochs}
    if name == "median":
        options["grace_period"] = max(1, epochs // 4)  # the default of 60 is meant as seconds
    try:
        parameters = {*inspect.signature(kind).parameters, "metric", "mode"}
        return kind(**{option: value for option, value in options.items() if option in parameters})
    except Exception as error:  # a user's class can raise anything
        raise InputError(f"scheduler {name!r} cannot be made: {type(error).__name__}: {error}") from None


def param_space(calls: Mapping[str, tuple[str, tuple[Any, ...]]]) -> dict[str, Any]:
    """Make the domains of a Ray Tune ``param_space``.

    Args:
        calls: name of a function of ``ray.tune`` and its arguments, by name of the parameter, as
            :mod:`search_spaces.ray_spaces` makes them.
    """
    from ray import tune

    return {name: getattr(tune, function)(*arguments) for name, (function, arguments) in calls.items()}
