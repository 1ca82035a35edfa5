"""A search space as a define-by-run function: from an Optuna trial to a configuration, conditions included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces.conditions import holds

if TYPE_CHECKING:
    import optuna

    from search_spaces.spaces import SearchSpace


@dataclass(frozen=True)
class DefineByRun:
    """Suggests the active hyperparameters, in order, and gives the configuration in the space's own values.

    It can be pickled (unlike a lambda), so Ray's ``OptunaSearch(space.define_by_run())`` can save and restore it.

    >>> import optuna
    >>> from search_spaces import Categorical, Float, SearchSpace
    >>> space = SearchSpace(Categorical("rule", ("sgd", "adam")), Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"}))
    >>> space.define_by_run()(optuna.trial.FixedTrial({"rule": "adam", "nu": 2.0}))
    {'rule': 'adam', 'nu': 0.99}
    """

    space: SearchSpace

    def __call__(self, trial: optuna.trial.BaseTrial) -> dict[str, Any]:
        """The configuration of a trial; the trial's parameters are those of :func:`search_spaces.optuna_spaces.distribution`."""
        from search_spaces.optuna_spaces import value_of

        made: dict[str, Any] = {}
        for each in self.space:
            if holds(each.when, made):
                made[each.name] = each.check(value_of(each, _suggest(trial, each)))
        return made


def _suggest(trial: optuna.trial.BaseTrial, hyperparameter: Any) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    from search_spaces.optuna_spaces import distribution

    asked = distribution(hyperparameter)
    if isinstance(asked, FloatDistribution):
        return trial.suggest_float(hyperparameter.name, asked.low, asked.high, step=asked.step, log=asked.log)
    if isinstance(asked, IntDistribution):
        return trial.suggest_int(hyperparameter.name, asked.low, asked.high, step=asked.step, log=asked.log)
    assert isinstance(asked, CategoricalDistribution)
    return trial.suggest_categorical(hyperparameter.name, asked.choices)
