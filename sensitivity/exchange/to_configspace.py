"""Results as a ConfigSpace with configurations and their losses, which HyperSHAP takes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.configspace_spaces import COMPLEMENT
from search_spaces.configspace_spaces import to_configspace as converted
from search_spaces.hyperparameters import Float, Hyperparameter
from search_spaces.spaces import SearchSpace
from sensitivity.exchange.to_optuna import chosen_group
from sensitivity.results.results import PREFIX, Results, active_values, records
from sensitivity.study.trial import DONE

if TYPE_CHECKING:
    from ConfigSpace import Configuration, ConfigurationSpace

DECIMALS = 9
"""To which ConfigSpace rounds bounds."""


def to_configspace(
    results: Results, *, task: str | None = None, variant: str | None = None
) -> tuple[ConfigurationSpace, list[tuple[Configuration, float]]]:
    """Return the space of one variant, and its trials on one task with their capped losses.

    log1m hyperparameters are ``1 - mu`` on a log scale (:mod:`search_spaces.configspace_spaces`). Seeds of a
    configuration come one by one. HyperSHAP maximises: pass it ``[(configuration, -loss) for configuration,
    loss in pairs]``.

    Args:
        results: of the study.
        task: may be None if the study has one task.
        variant: may be None if the study has one variant.

    Raises:
        InputError: several tasks or variants fit, or ConfigSpace cannot represent the space.
    """
    from ConfigSpace import Configuration

    task, variant = chosen_group(results, task, variant)
    whole = results.spaces[variant]
    space = SearchSpace(*map(_rounded_outwards, whole), *whole.constraints)
    native = converted(space, seed=0)
    pairs = []
    for row in records(results.group(task, variant)):
        values = active_values(space.names, [row[f"{PREFIX}{name}"] for name in space.names])
        values = native_values(native, _above_zero(space, values))
        pairs.append((Configuration(native, values=values), float(row["loss"])))
    assert len(pairs) == results.group(task, variant)["status"].isin(DONE).sum()
    return native, pairs


def native_values(native: ConfigurationSpace, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as values of the ConfigSpace built from its space."""
    values: dict[str, Any] = {}
    for name, value in configuration.items():
        if name not in native:
            name, value = f"{COMPLEMENT}{name}", 1 - value
        hyperparameter = native[name]
        if type(hyperparameter).__name__ == "UniformFloatHyperparameter":
            value = min(max(float(value), hyperparameter.lower), hyperparameter.upper)
        elif hasattr(hyperparameter, "sequence") or hasattr(hyperparameter, "choices"):
            known = list(getattr(hyperparameter, "sequence", ())) or list(hyperparameter.choices)
            value = next(one for one in known if one == value)
        elif type(hyperparameter).__name__ == "UniformIntegerHyperparameter":
            value = int(value)
        elif hasattr(hyperparameter, "value"):
            value = hyperparameter.value
        values[name] = value
    return values


def _above_zero(space: SearchSpace, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with what stands for 0 where 0 is a value beside a log scale."""
    return {
        name: domain.above_zero(value) if isinstance(domain := space[name], Float) and value == 0 else value
        for name, value in configuration.items()
    }


def _rounded_outwards(hyperparameter: Hyperparameter) -> Hyperparameter:
    """Round the bounds of a float outwards to nine decimals; bounds of random draws have more."""
    if (
        not isinstance(hyperparameter, Float)
        or hyperparameter.step is not None
        or hyperparameter.low == hyperparameter.high
    ):
        return hyperparameter
    if hyperparameter.scale == "log1m":
        low, high = 1 - _up(1 - hyperparameter.low), 1 - _down(1 - hyperparameter.high)
        return dataclasses.replace(hyperparameter, low=low, high=high if high < 1 else hyperparameter.high)
    low = _down(hyperparameter.low)
    return dataclasses.replace(
        hyperparameter,
        low=low if low > 0 or hyperparameter.scale == "linear" else hyperparameter.low,
        high=_up(hyperparameter.high),
    )


def _down(x: float) -> float:
    return x if round(x, DECIMALS) == x else math.floor(x * 10**DECIMALS) / 10**DECIMALS


def _up(x: float) -> float:
    return -_down(-x)
