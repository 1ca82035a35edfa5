"""Early stopping of trials by Ray Tune's schedulers, within each variant."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ray.tune.schedulers import FIFOScheduler

from trainables.dotted import imported
from trainables.names import InputError


def _passed_on(method: str) -> Any:
    return lambda self, controller, trial, *result: getattr(self._of(trial), method)(
        controller, trial, *result
    )


class PerVariantScheduler(FIFOScheduler):
    """Early stopping within each variant on each task: a trial is compared with its like, so that no variant is stopped for another's sake.

    Args: make: a scheduler of Ray Tune's. kind: what a trial of Tune's belongs to.
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
        """Nothing: see :class:`search_spaces.adaptive.Stateless`."""
        return {}

    on_trial_add, on_trial_result, on_trial_complete, on_trial_error, on_trial_remove = map(
        _passed_on,
        ("on_trial_add", "on_trial_result", "on_trial_complete", "on_trial_error", "on_trial_remove"),
    )

    def choose_trial_to_run(self, controller: Any, **more: Any) -> Any:
        chosen = (each.choose_trial_to_run(controller, **more) for each in [*self._schedulers.values()])
        return next((trial for trial in chosen if trial is not None), None)


def early_stopping(name: str, metric: str, mode: str, epochs: int) -> Any:
    """A scheduler of Ray Tune's that stops trials which fall behind.

    Args: name: ``asha``, ``hyperband``, ``median``, or ``package.module:Class`` of another. metric, mode: what it compares. epochs: of a
        trial that is not stopped.
    Raises: InputError for a class that cannot be imported, or that does not take ``metric`` and ``mode``.
    """
    from ray.tune import schedulers

    known = {
        "asha": schedulers.ASHAScheduler,
        "hyperband": schedulers.HyperBandScheduler,
        "median": schedulers.MedianStoppingRule,
    }
    made = known[name] if name in known else imported(name, "scheduler")
    if not callable(made):
        raise InputError(f"scheduler {name!r} is a {type(made).__name__}, not a class of Ray Tune's")
    given = {"metric": metric, "mode": mode, "time_attr": "training_iteration", "max_t": epochs}
    if name == "median":
        given["grace_period"] = max(1, epochs // 4)  # its own default is a minute of epochs
    try:
        takes = inspect.signature(made).parameters
        return made(
            **{
                argument: each
                for argument, each in given.items()
                if argument in takes or argument in ("metric", "mode")
            }
        )
    except Exception as error:  # whatever a user's class raises
        raise InputError(f"scheduler {name!r} cannot be made: {type(error).__name__}: {error}") from None
