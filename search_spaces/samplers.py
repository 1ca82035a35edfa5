"""Optuna's samplers, by name."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

from search_spaces.adaptive_design import SAMPLERS
from trainables.names import unknown

if TYPE_CHECKING:
    import optuna


def make_sampler(name: str, seed: int, *, parallel: bool = False) -> optuna.samplers.BaseSampler:
    """Make an Optuna sampler.

    Args:
        name: one of :data:`search_spaces.adaptive_design.SAMPLERS`.
        seed: seed of the sampler, at least 0.
        parallel: True if several configurations are asked for before the first result is told.

    Raises:
        InputError: the name is unknown.
    """
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
        """Optuna's brute-force sampler for ask and tell, where ``study.stop`` would raise an error.

        The searcher counts the configurations and stops after the last.
        """

        def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
            """Skip the call of ``study.stop`` after the last configuration."""

    return BruteForce(seed=seed)


def finite_value(study: optuna.Study, value: float) -> float:
    """Return a value that a sampler can learn from.

    An infinite or NaN loss (a diverged trial without an initial loss to cap it at) becomes the largest finite
    value of the study so far; it is unchanged if there is none.

    Args:
        study: the Optuna study, to be minimized.
        value: loss of a configuration.
    """
    if math.isfinite(value):
        return value
    values = [trial.value for trial in study.get_trials(deepcopy=False) if trial.value is not None]
    return max((earlier for earlier in values if math.isfinite(earlier)), default=value)
