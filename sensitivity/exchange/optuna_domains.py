"""The objective and the domains of an Optuna study, as its distributions have them."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from search_spaces.hyperparameters import Float, Hyperparameter, Integer
from search_spaces.inferred import domain_of
from search_spaces.optuna_spaces import space_from_optuna
from search_spaces.spaces import SearchSpace
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


def objective_of(study: optuna.Study, metric: str | int | None) -> tuple[int, str]:
    """Return the number and the name of the objective that is judged.

    Args:
        study: with one objective or several.
        metric: name or number of an objective; None where there is one.

    Raises:
        InputError: there are several and none is named, or none has that name.
    """
    import optuna

    count = len(study.directions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        named = study.metric_names
    names = named or (["value"] if count == 1 else [str(i) for i in range(count)])
    if metric is None and count > 1:
        raise InputError(
            f"Optuna study {study.study_name!r} has {count} objectives; name one with metric= (--metric): "
            f"{', '.join(names)}"
        )
    if metric is None or (count == 1 and not named):
        return 0, str(metric) if isinstance(metric, str) else names[0]
    if str(metric) in names:
        return names.index(str(metric)), str(metric)
    if str(metric).isdigit() and int(metric) < count:
        return int(metric), names[int(metric)]
    raise unknown("objective", metric, names)


def domain_in(name: str, trials: Sequence[FrozenTrial], space: SearchSpace | None) -> Hyperparameter:
    """Return the domain of a parameter, the union of its distributions in all trials.

    Args:
        name: of the parameter.
        trials: that decide, of which at least one has the parameter.
        space: that the study was written with, whose domain counts then.
    """
    if space is not None and name in space:
        return dataclasses.replace(space[name], when={})
    # By what they are written as: a storage gives choices that are lists back, which cannot be hashed.
    distributions = {
        repr(trial.distributions[name]): trial.distributions[name]
        for trial in trials
        if name in trial.distributions
    }
    domains = [_of_distribution(name, distribution) for distribution in distributions.values()]
    first = domains[0]
    if len(domains) == 1:
        return first
    if isinstance(first, (Float, Integer)) and all(type(domain) is type(first) for domain in domains):
        low, high = (
            end(getattr(domain, side) for domain in domains) for end, side in ((min, "low"), (max, "high"))
        )
        log = low > 0 and any(domain.scale == "log" for domain in domains)
        return type(first)(name, low, high, "log" if log else "linear")
    return domain_of(name, [trial.params[name] for trial in trials if name in trial.params])


def _of_distribution(name: str, distribution: BaseDistribution) -> Hyperparameter:
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        return domain_of(name, choices, "categorical")
    return next(iter(space_from_optuna({name: distribution})))
