"""Search spaces to and from Optuna's distributions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from search_spaces.conditions import holds
from search_spaces.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
from search_spaces.listing import condition
from search_spaces.spaces import SearchSpace
from trainables.names import InputError

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution


def to_optuna(space: SearchSpace) -> dict[str, BaseDistribution]:
    r"""Optuna's distributions in the coordinate where they are uniform; :func:`configuration_from_optuna` reads what they give.

    log1m is linear in :math:`t = -\log_{10}(1 - x)`, so that .9, .99 and .999 are 1, 2 and 3; ordinal is the number of the level,
    from 0. Everything else is itself. A distribution has no default.

    Raises: InputError for a hyperparameter with conditions, which a dictionary cannot carry; a define-by-run function can.
    """
    for each in space.conditional:
        raise InputError(
            f"{each.name} is active only when {condition(each.when)}; a dictionary of Optuna's has no conditions, use define_by_run()"
        )
    return {each.name: distribution(each) for each in space}


def configuration_from_optuna(space: SearchSpace, params: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a trial that was asked with :func:`to_optuna` or by the space's define-by-run function.

    Rounding at a bound is undone. Raises: InputError for an unknown name, with the nearest; a missing or inactive one; a nan.
    """
    return space.check({name: value_of(space[name], value) for name, value in params.items()})


def space_from_optuna(distributions: Mapping[str, BaseDistribution]) -> SearchSpace:
    """The space of a dictionary of Optuna's distributions, or of ``trial.distributions``.

    Floats and integers keep their bounds, log scale and step; categories their choices. Defaults there are none.
    Raises: InputError, naming the hyperparameter, for another distribution, or a choice that is no string, bool or number.

    >>> from optuna.distributions import FloatDistribution
    >>> print(space_from_optuna({"lr": FloatDistribution(1e-4, 1, log=True), "dropout": FloatDistribution(0, 0.5, step=0.1)}))
    lr: 0.0001 to 1.0, log
    dropout: 0.0 to 0.5 by 0.1, linear
    """
    if not isinstance(distributions, Mapping):
        raise InputError(
            f"Optuna's distributions must be a mapping of names to distributions, got {distributions!r}"
        )
    return SearchSpace(*(_hyperparameter(name, each) for name, each in distributions.items()))


def distribution(hyperparameter: Hyperparameter) -> BaseDistribution:
    """Optuna's distribution of a hyperparameter, whatever its conditions."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(hyperparameter, Float):
        if hyperparameter.scale == "log1m":
            return FloatDistribution(_nines(hyperparameter.low), _nines(hyperparameter.high))
        return FloatDistribution(
            hyperparameter.low,
            hyperparameter.high,
            log=hyperparameter.scale == "log",
            step=hyperparameter.step,
        )
    if isinstance(hyperparameter, Integer):
        return IntDistribution(
            hyperparameter.low,
            hyperparameter.high,
            log=hyperparameter.scale == "log",
            step=hyperparameter.step or 1,
        )
    if isinstance(hyperparameter, Ordinal):
        return IntDistribution(0, len(hyperparameter.levels) - 1)
    return CategoricalDistribution(hyperparameter.choices)


def value_of(hyperparameter: Hyperparameter, value: Any) -> Any:
    """The hyperparameter's value of a parameter as :func:`distribution` gives it; what it cannot be is left to the space's check."""
    if isinstance(hyperparameter, Float):
        if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
            return value
        low, high, number = hyperparameter.low, hyperparameter.high, float(value)
        if hyperparameter.scale == "log1m":
            if number <= _nines(low):
                return low
            number = high if number >= _nines(high) else -math.expm1(-number * math.log(10))
        return min(max(number, low), high)
    if isinstance(hyperparameter, Ordinal):
        last = len(hyperparameter.levels) - 1
        if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) <= last:
            raise InputError(f"level of {hyperparameter.name} must be between 0 and {last}, got {value!r}")
        return hyperparameter.levels[int(value)]
    return value


def define_by_run(space: SearchSpace) -> DefineByRun:
    """Return a function from an Optuna trial to a configuration of a space, conditions included; it can be pickled."""
    return DefineByRun(space)


@dataclass(frozen=True)
class DefineByRun:
    """Suggests the active hyperparameters, in order, and gives the configuration in the space's own values.

    It can be pickled (unlike a lambda), so Ray's ``OptunaSearch(define_by_run(space))`` can save and restore it.

    >>> import optuna
    >>> from search_spaces import Categorical, Float, SearchSpace
    >>> space = SearchSpace(Categorical("rule", ("sgd", "adam")), Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"}))
    >>> define_by_run(space)(optuna.trial.FixedTrial({"rule": "adam", "nu": 2.0}))
    {'rule': 'adam', 'nu': 0.99}
    """

    space: SearchSpace

    def __call__(self, trial: optuna.trial.BaseTrial) -> dict[str, Any]:
        """The configuration of a trial; the trial's parameters are those of :func:`search_spaces.optuna_spaces.distribution`."""
        made: dict[str, Any] = {}
        for each in self.space:
            if holds(each.when, made):
                made[each.name] = each.check(value_of(each, _suggest(trial, each)))
        return made


def _suggest(trial: optuna.trial.BaseTrial, hyperparameter: Any) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    asked = distribution(hyperparameter)
    if isinstance(asked, FloatDistribution):
        return trial.suggest_float(hyperparameter.name, asked.low, asked.high, step=asked.step, log=asked.log)
    if isinstance(asked, IntDistribution):
        return trial.suggest_int(hyperparameter.name, asked.low, asked.high, step=asked.step, log=asked.log)
    assert isinstance(asked, CategoricalDistribution)
    return trial.suggest_categorical(hyperparameter.name, asked.choices)


def _nines(x: float) -> float:
    return -math.log1p(-x) / math.log(10) + 0.0


def _hyperparameter(name: str, given: Any) -> Hyperparameter:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(given, FloatDistribution):
        return Float(name, given.low, given.high, "log" if given.log else "linear", step=given.step)
    if isinstance(given, IntDistribution):
        return Integer(
            name,
            given.low,
            given.high,
            "log" if given.log else "linear",
            step=given.step if given.step > 1 else None,
        )
    if isinstance(given, CategoricalDistribution):
        for choice in given.choices:
            if not isinstance(choice, (str, bool, Real)):
                raise InputError(f"choices of {name} must be strings, bools or numbers, got {choice!r}")
        return Categorical(name, given.choices)  # type: ignore[arg-type]
    raise InputError(
        f"{name} must be a FloatDistribution, IntDistribution or CategoricalDistribution, got {given!r}"
    )
