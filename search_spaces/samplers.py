"""Optuna's samplers, by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from search_spaces.adaptive_design import SAMPLERS
from trainables.names import unknown

if TYPE_CHECKING:
    import optuna


def make_sampler(name: str, seed: int, *, parallel: bool = False) -> optuna.samplers.BaseSampler:
    """An Optuna sampler by name. Args: parallel: several configurations are asked before any is told."""
    import warnings

    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "tpe":
            return optuna.samplers.TPESampler(seed=seed, constant_liar=parallel)
        if name == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        if name == "qmc":
            return optuna.samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False)
        if name == "gp":
            return optuna.samplers.GPSampler(seed=seed)
        if name == "cmaes":
            return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        if name == "nsga2":
            return optuna.samplers.NSGAIISampler(seed=seed)
        if name == "brute":
            return _brute_force(seed)
    raise unknown("sampler", name, SAMPLERS)


def _brute_force(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    class BruteForce(optuna.samplers.BruteForceSampler):
        """Optuna's, which stops ``study.optimize`` after the last configuration; here nothing is optimizing, and the searcher counts."""

        def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
            """Nothing to stop."""

    return BruteForce(seed=seed)


def finite_value(study: optuna.Study, value: float) -> float:
    """A value to tell: what diverged and has no initial loss to be capped at counts as the worst that was told so far."""
    if math.isfinite(value):
        return value
    told = [
        each.value
        for each in study.get_trials(deepcopy=False)
        if each.value is not None and math.isfinite(each.value)
    ]
    return max(told, default=value)
