"""Conversions between search spaces and Ray Tune's ``param_space``.

Ray Tune has no log1m scale, ordered levels, conditions or defaults. On request, a log1m or ordinal
hyperparameter is converted to a coordinate, under another name so that nobody takes the coordinate for the
value: ``1 - mu``, log-uniform, and ``level of p``, an index from 0. Conditions need
:func:`search_spaces.define_by_run`. Ray's domains are recognized by the names of their classes, so reading a
``param_space`` does not import Ray.
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

COMPLEMENT, LEVEL, ZERO = "1 - ", "level of ", "0 or "
"""Prefixes of the names of log1m and of ordinal hyperparameters in a transformed ``param_space``."""


def to_ray(space: SearchSpace, *, transformed: bool = False) -> dict[str, Any]:
    """Convert a space to Ray Tune's ``param_space``; :func:`configuration_from_ray` reads the drawn configs.

    A float becomes ``uniform``, ``loguniform`` or (with a step) ``quniform``; an integer ``randint``,
    ``lograndint`` or ``qrandint``; a categorical ``choice``. Ray draws the two bounds of a quantized domain
    half as often as the values between.

    Args:
        space: a space without conditions and constraints.
        transformed: True to convert log1m and ordinal hyperparameters to the coordinates of this module.

    Raises:
        InputError: the space has constraints; or a hyperparameter has conditions, is log1m or ordinal without
            ``transformed``, or has a lower bound that is not a multiple of its step, as Ray rounds to
            multiples of the step.
    """
    from search_spaces.schedulers import param_space

    for constraint in space.constraints:
        raise InputError(
            f"a param_space has no constraints, and the space requires '{constraint}'; use "
            "define_by_run(space)"
        )
    return param_space(dict(_call(hyperparameter, transformed) for hyperparameter in space))


def configuration_from_ray(space: SearchSpace, config: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a config that Ray Tune drew to a configuration.

    Args:
        space: the space whose :func:`to_ray` Ray Tune drew from, transformed or not.
        config: the drawn config.

    Raises:
        InputError: a name is unknown or missing, or a value is outside its domain.
    """
    values: dict[str, Any] = {}
    for hyperparameter in space:
        name = hyperparameter.name
        complement, level, zero = f"{COMPLEMENT}{name}", f"{LEVEL}{name}", f"{ZERO}{name}"
        if complement in config and isinstance(hyperparameter, Float):
            value = 1 - float(config[complement])
            values[name] = min(max(value, hyperparameter.low), hyperparameter.high)
        elif level in config and isinstance(hyperparameter, Ordinal):
            index, last = config[level], len(hyperparameter.levels) - 1
            if not 0 <= index <= last:
                raise InputError(f"level of {name} must be between 0 and {last}, got {index!r}")
            values[name] = hyperparameter.levels[int(index)]
        elif zero in config and isinstance(hyperparameter, Float):
            value = hyperparameter.from_above_zero(float(config[zero]))
            values[name] = min(value, hyperparameter.high)
        elif name in config:
            values[name] = _clipped(hyperparameter, config[name])
    known = {prefix + name for name in values for prefix in ("", COMPLEMENT, LEVEL, ZERO)}
    for name in config:
        if name not in known:
            raise unknown("hyperparameter", name, space.names)
    return space.check(values)


def space_from_ray(param_space: Mapping[str, Any]) -> SearchSpace:
    """Convert Ray Tune's ``param_space`` to a space.

    Supported are uniform, loguniform, quniform, randint, lograndint, qrandint, choice, grid_search and
    constants. The exclusive upper bound of integers in Ray (except in qrandint) becomes an inclusive one. A
    grid_search over numbers becomes an ordinal with increasing levels; a grid_search over other values, and a
    choice, become a categorical. A constant becomes a hyperparameter with a single value.

    Args:
        param_space: domains and constants by name.

    Raises:
        InputError: the ``param_space`` contains anything else: randn, sample_from, a quantized log scale, a
            nested dictionary.

    >>> print(space_from_ray({"batch_size": {"grid_search": [64, 32]}, "epochs": 3}))
    batch_size: 32, 64, ordinal
    epochs: 3, linear, default 3
    """
    if not isinstance(param_space, Mapping):
        raise InputError(
            f"a param_space must be a mapping of names to Ray Tune's domains, got {param_space!r}"
        )
    return SearchSpace(*(_hyperparameter(name, domain) for name, domain in param_space.items()))


def _call(hyperparameter: Hyperparameter, transformed: bool) -> tuple[str, tuple[str, tuple[Any, ...]]]:
    """Return the name in the ``param_space``, and the function of ray.tune with its arguments."""
    name = hyperparameter.name
    if hyperparameter.when:
        raise InputError(
            f"{name} is active only when {condition(hyperparameter.when)}; a param_space has no conditions, "
            "use define_by_run(space)"
        )
    if isinstance(hyperparameter, Categorical):
        return name, ("choice", (list(hyperparameter.choices),))
    if isinstance(hyperparameter, Ordinal):
        if not transformed:
            raise InputError(
                f"{name} is ordinal, and Ray's choice has no order; use transformed=True, which draws "
                f"'{LEVEL}{name}'"
            )
        return f"{LEVEL}{name}", ("randint", (0, len(hyperparameter.levels)))
    if hyperparameter.scale == "log1m":
        if not transformed:
            raise InputError(
                f"{name} is on a log1m scale, which Ray lacks; use transformed=True, which draws "
                f"'{COMPLEMENT}{name}'"
            )
        return f"{COMPLEMENT}{name}", ("loguniform", (1 - hyperparameter.high, 1 - hyperparameter.low))
    if isinstance(hyperparameter, Float) and hyperparameter.zero is not None:
        if not transformed:
            raise InputError(
                f"{name} is 0 or on a log scale, which Ray lacks; use transformed=True, which draws "
                f"'{ZERO}{name}'"
            )
        return f"{ZERO}{name}", ("loguniform", (hyperparameter.lowest, hyperparameter.high))
    return name, _numeric_call(hyperparameter)


def _numeric_call(hyperparameter: Float | Integer) -> tuple[str, tuple[Any, ...]]:
    """Return the function of ray.tune, and its arguments, of a number on a linear or log scale."""
    low, high, step = hyperparameter.low, hyperparameter.high, hyperparameter.step
    is_float, log = isinstance(hyperparameter, Float), hyperparameter.scale == "log"
    if step is not None and (is_float or step > 1):  # Ray's qrandint excludes its upper bound if q is 1
        if not _is_multiple(low, step):
            raise InputError(
                f"low of {hyperparameter.name} must be a multiple of its step, as Ray has it, got low "
                f"{low!r} and step {step!r}"
            )
        return "quniform" if is_float else "qrandint", (low, high, step)
    if is_float:
        return "loguniform" if log else "uniform", (low, high)
    return "lograndint" if log else "randint", (low, high + 1)


def _hyperparameter(name: str, domain: Any) -> Hyperparameter:
    """Convert an entry of a ``param_space`` to a hyperparameter."""
    if isinstance(domain, Mapping):
        if set(domain) == {"grid_search"}:
            return _levels(name, domain["grid_search"])
        raise InputError(
            f"{name} is a dictionary; give its hyperparameters names of their own, got {dict(domain)!r}"
        )
    if hasattr(domain, "get_sampler") and hasattr(domain, "domain_str"):
        return _domain(name, domain)
    return _constant(name, python_value(domain))


def _domain(name: str, domain: Any) -> Hyperparameter:
    """Convert a Ray Tune domain to a hyperparameter."""
    kind, sampler = type(domain).__name__, domain.get_sampler()
    step = getattr(sampler, "q", None)
    drawn = type(sampler.get_sampler() if step is not None else sampler).__name__.strip("_")
    if kind == "Categorical":
        for choice in domain.categories:
            if not isinstance(python_value(choice), (str, bool, Real)):
                raise InputError(f"choices of {name} must be strings, bools or numbers, got {choice!r}")
        return Categorical(name, tuple(domain.categories))
    if kind not in ("Float", "Integer"):
        raise InputError(
            f"{name} must have a domain of its own, got sample_from; a condition or a fixed value may say "
            "the same"
        )
    if drawn not in ("Uniform", "LogUniform"):
        raise InputError(
            f"{name} must be uniform on a linear or log scale, got a {drawn.lower()} distribution"
        )
    scale: Any = "log" if drawn == "LogUniform" else "linear"
    if step is not None and scale == "log" and step != 1:
        raise InputError(
            f"{name} must not have a step on a log scale, got steps of {step!r}; an ordinal can list the "
            "levels"
        )
    if kind == "Float":
        return Float(name, domain.lower, domain.upper, scale, step=step)
    low, high = int(domain.lower), int(domain.upper)
    if step is None or step == 1:  # Ray excludes the upper bound if no rounding is needed
        return Integer(name, low, high - 1, scale)
    low, high = math.ceil(low / step) * step, math.floor(high / step) * step
    return Integer(name, low, high, scale, step=step)


def _levels(name: str, values: Any) -> Hyperparameter:
    """Convert the values of a grid_search to a hyperparameter."""
    if isinstance(values, (str, Mapping)) or not isinstance(values, Sequence):
        raise InputError(f"grid_search of {name} must be a list, got {values!r}")
    plain = [python_value(value) for value in values]
    for value in plain:
        if not isinstance(value, (str, bool, Real)):
            raise InputError(f"grid_search of {name} must hold strings, bools or numbers, got {value!r}")
    if all(isinstance(value, Real) and not isinstance(value, bool) for value in plain):
        return Ordinal(name, tuple(sorted(plain)))
    return Categorical(name, tuple(plain))


def _constant(name: str, value: Any) -> Hyperparameter:
    """Convert a constant to a hyperparameter with a single value."""
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


def _clipped(hyperparameter: Hyperparameter, value: Any) -> Any:
    """Undo the rounding of exp(log(bound)) at the bounds of a float."""
    if isinstance(hyperparameter, Float) and isinstance(value, (float, int)) and not isinstance(value, bool):
        low, high = hyperparameter.low, hyperparameter.high
        rounding = 1e-12 * max(abs(low), abs(high))
        if low - rounding <= value <= high + rounding:
            return min(max(float(value), low), high)
    return value
