"""Conversions between search spaces and Optuna's distributions or define-by-run functions."""

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
    r"""Convert a space to Optuna's distributions, in coordinates where the hyperparameters are uniform.

    A log1m hyperparameter x becomes :math:`t = -\log_{10}(1 - x)` on a linear scale, so .9, .99 and .999
    become 1, 2 and 3; an ordinal becomes the index of its level, from 0; a 0 on a log scale becomes the share
    of the range below ``low``; all others keep their values.
    Defaults and constraints are dropped, as distributions have none. :func:`configuration_from_optuna` reads
    the parameters of a trial.

    Args:
        space: a space without conditions.

    Raises:
        InputError: a hyperparameter has conditions; :func:`define_by_run` supports them.
    """
    for hyperparameter in space.conditional:
        raise InputError(
            f"{hyperparameter.name} is active only when {condition(hyperparameter.when)}; a dictionary of "
            "Optuna's has no conditions, use define_by_run(space)"
        )
    return {hyperparameter.name: distribution(hyperparameter) for hyperparameter in space}


def configuration_from_optuna(space: SearchSpace, params: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an Optuna trial's parameters to a configuration; rounding at bounds is undone.

    Args:
        space: the space whose :func:`to_optuna` or :func:`define_by_run` the trial used.
        params: the trial's parameters.

    Raises:
        InputError: a name is unknown, missing or inactive, or a value is NaN or outside its domain.
    """
    return space.check({name: value_of(space[name], value) for name, value in params.items()})


def space_from_optuna(distributions: Mapping[str, BaseDistribution]) -> SearchSpace:
    """Convert Optuna's distributions, or ``trial.distributions``, to a space without defaults.

    Floats and integers keep bounds, log scale and step; categoricals keep their choices.

    Args:
        distributions: distributions by name.

    Raises:
        InputError: a distribution is of another class, or a choice is not a string, bool or number.

    >>> from optuna.distributions import FloatDistribution
    >>> lr, dropout = FloatDistribution(1e-4, 1, log=True), FloatDistribution(0, 0.5, step=0.1)
    >>> print(space_from_optuna({"lr": lr, "dropout": dropout}))
    lr: 0.0001 to 1.0, log
    dropout: 0.0 to 0.5 by 0.1, linear
    """
    if not isinstance(distributions, Mapping):
        raise InputError(
            f"Optuna's distributions must be a mapping of names to distributions, got {distributions!r}"
        )
    return SearchSpace(*(_hyperparameter(name, source) for name, source in distributions.items()))


def define_by_run(space: SearchSpace) -> DefineByRun:
    """Return a function from an Optuna trial to a configuration of a space, conditions included.

    The function can be pickled, so Ray's ``OptunaSearch(define_by_run(space))`` can be saved and restored.

    >>> import optuna
    >>> from search_spaces import Categorical, Float
    >>> nu = Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"})
    >>> suggest = define_by_run(SearchSpace(Categorical("rule", ("sgd", "adam")), nu))
    >>> suggest(optuna.trial.FixedTrial({"rule": "adam", "nu": 2.0}))
    {'rule': 'adam', 'nu': 0.99}
    """
    return DefineByRun(space)


@dataclass(frozen=True)
class DefineByRun:
    """Function from an Optuna trial to a configuration of a space; made by :func:`define_by_run`."""

    space: SearchSpace

    def __call__(self, trial: optuna.trial.BaseTrial) -> dict[str, Any]:
        """Suggest a value of each active hyperparameter, in order, and return the configuration.

        Args:
            trial: Optuna trial; its parameters have the distributions of :func:`distribution`.

        Raises:
            optuna.TrialPruned: a constraint of the space forbids what the trial suggests.
        """
        configuration: dict[str, Any] = {}
        for hyperparameter in self.space:
            if holds(hyperparameter.when, configuration):
                value = value_of(hyperparameter, _suggest(trial, hyperparameter))
                configuration[hyperparameter.name] = hyperparameter.check(value)
        if not self.space.allows(configuration):
            from optuna import TrialPruned

            raise TrialPruned(f"{configuration!r} is forbidden by a constraint of the space")
        return configuration


def _suggest(trial: optuna.trial.BaseTrial, hyperparameter: Hyperparameter) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    name, target = hyperparameter.name, distribution(hyperparameter)
    if isinstance(target, FloatDistribution):
        return trial.suggest_float(name, target.low, target.high, step=target.step, log=target.log)
    if isinstance(target, IntDistribution):
        return trial.suggest_int(name, target.low, target.high, step=target.step, log=target.log)
    assert isinstance(target, CategoricalDistribution)
    return trial.suggest_categorical(name, target.choices)


def distribution(hyperparameter: Hyperparameter) -> BaseDistribution:
    """Convert a hyperparameter to Optuna's distribution; its conditions are ignored."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(hyperparameter, Ordinal):
        return IntDistribution(0, len(hyperparameter.levels) - 1)
    if isinstance(hyperparameter, Categorical):
        return CategoricalDistribution(hyperparameter.choices)
    log = hyperparameter.scale == "log"
    if isinstance(hyperparameter, Integer):
        step = hyperparameter.step or 1
        return IntDistribution(hyperparameter.low, hyperparameter.high, log=log, step=step)
    if hyperparameter.scale == "log1m":
        return FloatDistribution(_nines(hyperparameter.low), _nines(hyperparameter.high))
    return FloatDistribution(hyperparameter.lowest, hyperparameter.high, log=log, step=hyperparameter.step)


def value_of(hyperparameter: Hyperparameter, value: Any) -> Any:
    """Convert an Optuna parameter, distributed as by :func:`distribution`, to a value.

    Invalid numbers and choices are returned unchanged, as :meth:`SearchSpace.check` refuses them.

    Args:
        hyperparameter: the hyperparameter.
        value: the parameter's value, in Optuna's coordinate.

    Raises:
        InputError: the value is not the index of a level of an ordinal.
    """
    if isinstance(hyperparameter, Float):
        if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
            return value
        low, high, number = hyperparameter.low, hyperparameter.high, float(value)
        if hyperparameter.scale == "log1m":
            if number <= _nines(low):
                return low
            number = high if number >= _nines(high) else -math.expm1(-number * math.log(10))
        return hyperparameter.from_above_zero(min(max(number, hyperparameter.lowest), high))
    if isinstance(hyperparameter, Ordinal):
        last = len(hyperparameter.levels) - 1
        if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) <= last:
            raise InputError(f"level of {hyperparameter.name} must be between 0 and {last}, got {value!r}")
        return hyperparameter.levels[int(value)]
    return value


def _nines(x: float) -> float:
    """Return -log10(1 - x): 1 for .9, 2 for .99."""
    return -math.log1p(-x) / math.log(10) + 0.0


def _hyperparameter(name: str, source: Any) -> Hyperparameter:
    """Convert an Optuna distribution to a hyperparameter."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(source, FloatDistribution):
        return Float(name, source.low, source.high, "log" if source.log else "linear", step=source.step)
    if isinstance(source, IntDistribution):
        step = source.step if source.step > 1 else None
        return Integer(name, source.low, source.high, "log" if source.log else "linear", step=step)
    if isinstance(source, CategoricalDistribution):
        for choice in source.choices:
            if not isinstance(choice, (str, bool, Real)):
                raise InputError(f"choices of {name} must be strings, bools or numbers, got {choice!r}")
        return Categorical(name, source.choices)  # type: ignore[arg-type]
    raise InputError(
        f"{name} must be a FloatDistribution, IntDistribution or CategoricalDistribution, got {source!r}"
    )
