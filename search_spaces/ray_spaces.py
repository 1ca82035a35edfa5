"""Search spaces to and from Ray Tune's ``param_space``.

Ray has no log1m scale, no order of levels, no conditions and no defaults. A log1m or ordinal hyperparameter is carried over in a
coordinate of another name, on request, so that nobody takes the coordinate for the value: ``1 - mu``, log-uniform, and
``level of p``, a whole number from 0. Conditions need a define-by-run function. The names of Ray's classes are read, not imported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from search_spaces.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
from search_spaces.listing import condition
from search_spaces.spaces import SearchSpace
from search_spaces.values import python_value
from trainables.names import InputError, unknown

COMPLEMENT, LEVEL = "1 - ", "level of "
"""Before the name of a log1m and of an ordinal hyperparameter in a transformed ``param_space``."""


def to_ray(space: SearchSpace, *, transformed: bool = False) -> dict[str, Any]:
    """Ray Tune's ``param_space``: what :func:`configuration_from_ray` turns back into configurations.

    A float is ``uniform``, ``loguniform`` or (with a step) ``quniform``, an integer ``randint``, ``lograndint`` or ``qrandint``, a
    categorical ``choice``. Ray draws the two ends of a quantised domain half as often as the values between.

    Args: transformed: log1m and ordinal hyperparameters are carried over as described above.
    Raises: InputError, naming the hyperparameter, for conditions; for log1m and ordinal without ``transformed``; for a step that low is no
    multiple of, as Ray rounds to multiples of the step.
    """
    from search_spaces.adaptive import param_space

    return param_space(dict(_call(each, transformed) for each in space))


def configuration_from_ray(space: SearchSpace, config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a config that Ray drew from :func:`to_ray`, transformed or not. Raises: InputError as the space's check."""
    values: dict[str, Any] = {}
    for each in space:
        name = each.name
        if f"{COMPLEMENT}{name}" in config and isinstance(each, Float):
            distance = config[f"{COMPLEMENT}{name}"]
            values[name] = min(max(1 - float(distance), each.low), each.high)
        elif f"{LEVEL}{name}" in config and isinstance(each, Ordinal):
            level = config[f"{LEVEL}{name}"]
            if not 0 <= level < len(each.levels):
                raise InputError(
                    f"level of {name} must be between 0 and {len(each.levels) - 1}, got {level!r}"
                )
            values[name] = each.levels[int(level)]
        elif name in config:
            values[name] = _inside(each, config[name])
    used = {prefix + name for name in values for prefix in ("", COMPLEMENT, LEVEL)}
    for name in config:
        if name not in used:
            raise unknown("hyperparameter", name, space.names)
    return space.check(values)


def space_from_ray(param_space: Mapping[str, Any]) -> SearchSpace:
    """The space of a ``param_space``: uniform, loguniform, quniform, randint, lograndint, qrandint, choice, grid_search and constants.

    Ray's upper bound of integers is exclusive (but of qrandint), ours inclusive. The numbers of a grid_search are the levels of an ordinal,
    in rising order; other values and every choice are categorical. A constant is a single value.

    Raises: InputError, naming the hyperparameter, for anything else: randn, sample_from, a quantised log scale, a nested dictionary.

    >>> print(space_from_ray({"batch_size": {"grid_search": [64, 32]}, "epochs": 3}))
    batch_size: 32, 64, ordinal
    epochs: 3, linear, default 3
    """
    if not isinstance(param_space, Mapping):
        raise InputError(
            f"a param_space must be a mapping of names to Ray Tune's domains, got {param_space!r}"
        )
    return SearchSpace(*(_hyperparameter(name, each) for name, each in param_space.items()))


def _call(each: Hyperparameter, transformed: bool) -> tuple[str, tuple[str, tuple[Any, ...]]]:
    """The name in ``param_space``, the function of ray.tune and its arguments."""
    name = each.name
    if each.when:
        raise InputError(
            f"{name} is active only when {condition(each.when)}; a param_space has no conditions, use define_by_run()"
        )
    if isinstance(each, Categorical):
        return name, ("choice", (list(each.choices),))
    if isinstance(each, Ordinal):
        if not transformed:
            raise InputError(
                f"{name} is ordinal, and Ray's choice has no order; use transformed=True, which draws '{LEVEL}{name}'"
            )
        return f"{LEVEL}{name}", ("randint", (0, len(each.levels)))
    if each.scale == "log1m":
        if not transformed:
            raise InputError(
                f"{name} is on a log1m scale, which Ray lacks; use transformed=True, which draws '{COMPLEMENT}{name}'"
            )
        return f"{COMPLEMENT}{name}", ("loguniform", (1 - each.high, 1 - each.low))
    if each.step is not None and (
        isinstance(each, Float) or each.step > 1
    ):  # Ray's qrandint leaves its upper bound out when q is 1
        if not _is_multiple(each.low, each.step):
            raise InputError(
                f"low of {name} must be a multiple of its step, as Ray has it, got low {each.low!r} and step {each.step!r}"
            )
        return name, ("quniform" if isinstance(each, Float) else "qrandint", (each.low, each.high, each.step))
    if isinstance(each, Float):
        return name, ("loguniform" if each.scale == "log" else "uniform", (each.low, each.high))
    return name, ("lograndint" if each.scale == "log" else "randint", (each.low, each.high + 1))


def _hyperparameter(name: str, given: Any) -> Hyperparameter:
    if isinstance(given, Mapping):
        if set(given) == {"grid_search"}:
            return _levels(name, given["grid_search"])
        raise InputError(
            f"{name} is a dictionary; give its hyperparameters names of their own, got {dict(given)!r}"
        )
    if hasattr(given, "get_sampler") and hasattr(given, "domain_str"):
        return _domain(name, given)
    return _constant(name, python_value(given))


def _domain(name: str, given: Any) -> Hyperparameter:
    kind, sampler = type(given).__name__, given.get_sampler()
    step = getattr(sampler, "q", None)
    drawn = type(sampler.get_sampler() if step is not None else sampler).__name__.strip("_")
    if kind == "Categorical":
        for choice in given.categories:
            if not isinstance(python_value(choice), (str, bool, Real)):
                raise InputError(f"choices of {name} must be strings, bools or numbers, got {choice!r}")
        return Categorical(name, tuple(given.categories))
    if kind not in ("Float", "Integer"):
        raise InputError(
            f"{name} must have a domain of its own, got sample_from; a condition or a fixed value may say the same"
        )
    if drawn not in ("Uniform", "LogUniform"):
        raise InputError(
            f"{name} must be uniform on a linear or log scale, got a {drawn.lower()} distribution"
        )
    scale: Any = "log" if drawn == "LogUniform" else "linear"
    if step is not None and scale == "log" and step != 1:
        raise InputError(
            f"{name} must not have a step on a log scale, got steps of {step!r}; an ordinal can list the levels"
        )
    if kind == "Float":
        return Float(name, given.lower, given.upper, scale, step=step)
    low, high = int(given.lower), int(given.upper)
    if step is None or step == 1:  # Ray leaves out the upper bound when there is nothing to round
        return Integer(name, low, high - 1, scale)
    low, high = math.ceil(low / step) * step, math.floor(high / step) * step
    return Integer(name, low, high, scale, step=step)


def _levels(name: str, values: Any) -> Hyperparameter:
    if isinstance(values, (str, Mapping)) or not isinstance(values, Sequence):
        raise InputError(f"grid_search of {name} must be a list, got {values!r}")
    plain = [python_value(each) for each in values]
    for each in plain:
        if not isinstance(each, (str, bool, Real)):
            raise InputError(f"grid_search of {name} must hold strings, bools or numbers, got {each!r}")
    if all(isinstance(each, Real) and not isinstance(each, bool) for each in plain):
        return Ordinal(name, tuple(sorted(plain)))
    return Categorical(name, tuple(plain))


def _constant(name: str, value: Any) -> Hyperparameter:
    if isinstance(value, (str, bool)):
        return Categorical(name, (value,), value)
    if isinstance(value, Integral):
        return Integer(name, int(value), int(value), default=int(value))
    if isinstance(value, Real) and math.isfinite(value):
        return Float(name, float(value), float(value), default=float(value))
    raise InputError(
        f"{name} must be a domain of Ray Tune, a string, a bool or a finite number, got {value!r}"
    )


def _is_multiple(low: float, step: float) -> bool:
    return math.isclose(low / step, round(low / step))


def _inside(each: Hyperparameter, value: Any) -> Any:
    """The value with the rounding of exp(log(bound)) undone."""
    if isinstance(each, Float) and isinstance(value, (float, int)) and not isinstance(value, bool):
        rounding = 1e-12 * max(abs(each.low), abs(each.high))
        if each.low - rounding <= value <= each.high + rounding:
            return min(max(float(value), each.low), each.high)
    return value
