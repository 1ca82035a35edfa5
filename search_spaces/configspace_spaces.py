"""Conversions between search spaces and ConfigSpace, which ``optimizer-sensitivity[configspace]`` installs.

ConfigSpace has conditions, constraints (forbidden clauses) and defaults. It has no log1m scale, so ``mu``
becomes ``1 - mu``, log-uniform; a float or integer with a step becomes an ordinal of its values, and a single
value a constant. The original hyperparameter is stored in ``meta``, so the way back restores it without loss.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

from search_spaces.combinations import MOST
from search_spaces.configspace_constraints import from_clause, to_clause
from search_spaces.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
from search_spaces.listing import condition
from search_spaces.reading import from_dict
from search_spaces.spaces import SearchSpace
from search_spaces.values import Scalar, position_of, python_value
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

COMPLEMENT = "1 - "
"""Prefix of the name of a log1m hyperparameter."""
META = "search_spaces"
"""Key of the original hyperparameter in ``meta``."""


def to_configspace(space: SearchSpace, *, seed: int | None = None) -> ConfigurationSpace:
    """Convert a space to a ConfigSpace with the same hyperparameters, defaults, conditions and constraints.

    :func:`configuration_from_configspace` reads the drawn configurations.

    Args:
        space: the search space.
        seed: seed of the ConfigSpace, at least 0; None for a random one.

    Raises:
        InputError: ConfigSpace is not installed, or cannot represent a hyperparameter: bounds that it rounds
            (to 9 decimals), choices that it considers equal (True and 1), a condition on a continuous
            hyperparameter, more than a million steps.
    """
    package = _package()
    converted = {}
    for position, hyperparameter in enumerate(space):
        name = hyperparameter.name
        meta = {META: {**hyperparameter.to_dict(), "when": {}}, "position": position}
        try:
            converted[name] = _to_native(package, hyperparameter, meta)
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{name} cannot be carried over: {error}") from None
    result = package.ConfigurationSpace(seed=seed)
    result.add(*converted.values())
    for hyperparameter in space.conditional:
        result.add(_condition(package, space, hyperparameter, converted))
    clauses = (to_clause(package, constraint, space, converted) for constraint in space.constraints)
    result.add(*(clause for clause in clauses if clause is not None))
    return result


def _condition(
    package: Any, space: SearchSpace, hyperparameter: Hyperparameter, converted: Mapping[str, Any]
) -> Any:
    """Return the conditions of a hyperparameter as one condition of ConfigSpace."""
    parts = []
    for parent, values in hyperparameter.when.items():
        if space[parent].cardinality is None:
            raise InputError(
                f"{hyperparameter.name} is active only when {condition(hyperparameter.when)}, but {parent} "
                "is continuous, which draws no such value"
            )
        pair = converted[hyperparameter.name], converted[parent]
        if len(values) == 1:
            parts.append(package.EqualsCondition(*pair, values[0]))
        else:
            parts.append(package.InCondition(*pair, list(values)))
    return parts[0] if len(parts) == 1 else package.AndConjunction(*parts)


def configuration_from_configspace(space: SearchSpace, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a configuration that ConfigSpace drew to a configuration of the space.

    Args:
        space: the space whose :func:`to_configspace` ConfigSpace drew from.
        configuration: the drawn configuration.

    Raises:
        InputError: a name is unknown, missing or inactive, or a value is outside its domain.
    """
    values: dict[str, Any] = {}
    for native_name, value in dict(configuration).items():
        name = native_name.removeprefix(COMPLEMENT)
        if name not in space or (native_name != name and native_name in space):
            name = native_name
        domain = space[name]
        if native_name != name and isinstance(domain, Float):
            value = min(max(1 - float(value), domain.low), domain.high)
        elif isinstance(domain, Float) and domain.step is None:
            value = domain.from_above_zero(min(max(float(value), domain.lowest), domain.high))
        values[name] = value
    return space.check(values)


def space_from_configspace(space: ConfigurationSpace) -> SearchSpace:
    """Convert a ConfigSpace to a space.

    Supported are uniform floats and integers, categoricals, ordinals, constants, conjunctions of conditions,
    and forbidden clauses.

    Args:
        space: the ConfigSpace.

    Raises:
        InputError: ConfigSpace is not installed, or the space contains anything else: other distributions,
            weights, a disjunction of conditions, a comparison with a continuous hyperparameter.
    """
    _package()
    native = {hyperparameter.name: hyperparameter for hyperparameter in space.values()}
    names = {
        name: name.replace(COMPLEMENT, "", 1) if _original(source).get("scale") == "log1m" else name
        for name, source in native.items()
    }
    waiting = sorted(native, key=lambda name: (native[name].meta or {}).get("position", len(native)))
    converted: dict[str, Hyperparameter] = {}
    while waiting:
        parents = {name: [parent.name for parent in space.parents_of[name]] for name in waiting}
        name = next(name for name in waiting if all(parent in converted for parent in parents[name]))
        waiting.remove(name)
        base = _from_native(native[name], names[name])
        when: dict[str, tuple[Scalar, ...]] = {}
        for clause in space.parent_conditions_of[name]:
            _add_condition(when, clause, base.name, converted, names)
        converted[name] = dataclasses.replace(base, when=when)
    result = SearchSpace(*converted.values())
    return result.extend(*(from_clause(clause, result, names) for clause in space.forbidden_clauses))


def _package() -> Any:
    try:
        import ConfigSpace
    except ImportError:
        raise InputError(
            "ConfigSpace is not installed; pip install optimizer-sensitivity[configspace]"
        ) from None
    return ConfigSpace


def _original(native: Any) -> Mapping[str, Any]:
    """Return the plain data of the hyperparameter that was converted; empty if ConfigSpace's user made it."""
    data: Mapping[str, Any] = (native.meta or {}).get(META, {})
    return data


def _to_native(package: Any, hyperparameter: Hyperparameter, meta: dict[str, Any]) -> Any:
    """Convert a hyperparameter, without its conditions, to one of ConfigSpace."""
    name = hyperparameter.name
    default, size = hyperparameter.default_value(), hyperparameter.cardinality
    options = {"default_value": default, "meta": meta}
    if size == 1:
        return package.Constant(name, default, meta=meta)
    if isinstance(hyperparameter, Categorical):
        return package.CategoricalHyperparameter(name, list(hyperparameter.choices), **options)
    if isinstance(hyperparameter, Ordinal):
        return package.OrdinalHyperparameter(name, list(hyperparameter.levels), **options)
    if hyperparameter.step is not None:
        if size is not None and size > MOST:
            raise InputError(
                f"{name} cannot be carried over: ConfigSpace lists every step, and there are {size:,}"
            )
        return package.OrdinalHyperparameter(name, list(hyperparameter.grid(size or 1)), **options)
    if isinstance(hyperparameter, Integer):
        log = hyperparameter.scale == "log"
        bounds = hyperparameter.low, hyperparameter.high
        return package.UniformIntegerHyperparameter(name, *bounds, log=log, **options)
    return _float_to_native(package, hyperparameter, meta)


def _float_to_native(package: Any, hyperparameter: Float, meta: dict[str, Any]) -> Any:
    """Convert a continuous float to one of ConfigSpace; log1m becomes 1 - x on a log scale, and 0 any
    number below ``low``."""
    name, low, high = hyperparameter.name, hyperparameter.low, hyperparameter.high
    log, default = hyperparameter.scale == "log", hyperparameter.above_zero(hyperparameter.default_value())
    if hyperparameter.zero is not None:
        low = round(hyperparameter.lowest, 9)
        if not 0 < low < hyperparameter.low:
            raise InputError(
                f"{name} cannot be carried over: ConfigSpace rounds bounds to 9 decimals, and 0 lies between "
                f"{hyperparameter.lowest!r} and {hyperparameter.low!r}"
            )
    if hyperparameter.scale == "log1m":
        name, low, high, log, default = f"{COMPLEMENT}{name}", 1 - high, 1 - low, True, 1 - default
    for bound in (low, high):
        if abs(round(bound, 9) - bound) > 1e-6 * abs(bound):
            raise InputError(
                f"{hyperparameter.name} cannot be carried over: ConfigSpace rounds bounds to 9 decimals, got "
                f"{bound!r}"
            )
    default = min(max(round(default, 9), round(low, 9)), round(high, 9))
    return package.UniformFloatHyperparameter(name, low, high, default_value=default, log=log, meta=meta)


def _from_native(native: Any, name: str) -> Hyperparameter:
    """Convert a hyperparameter of ConfigSpace, without its conditions."""
    kind = type(native).__name__
    if _original(native):
        return dataclasses.replace(from_dict(_original(native)), name=name)
    if kind == "UniformFloatHyperparameter":
        scale: Any = "log" if native.log else "linear"
        return Float(name, native.lower, native.upper, scale, native.default_value)
    if kind == "UniformIntegerHyperparameter":
        scale = "log" if native.log else "linear"
        return Integer(name, native.lower, native.upper, scale, native.default_value)
    if kind == "OrdinalHyperparameter":
        return Ordinal(name, native.sequence, python_value(native.default_value))
    if kind == "CategoricalHyperparameter":
        if native.weights is not None and len(set(native.weights)) > 1:
            raise InputError(f"{name} cannot be carried over: its choices have weights {native.weights!r}")
        return Categorical(name, native.choices, python_value(native.default_value))
    if kind == "Constant":
        value = python_value(native.value)
        if isinstance(value, (str, bool)):
            return Categorical(name, (value,), value)
        if isinstance(value, int):
            return Integer(name, value, value, default=value)
        if isinstance(value, Real):
            return Float(name, float(value), float(value))
    raise InputError(f"{name} must be uniform, categorical, ordinal or constant, got {kind}")


def _add_condition(
    when: dict[str, tuple[Scalar, ...]],
    clause: Any,
    child: str,
    converted: Mapping[str, Hyperparameter],
    names: Mapping[str, str],
) -> None:
    """Add a condition of ConfigSpace to ``when``.

    Args:
        when: valid values by name of the parent; extended in place.
        clause: the condition, or a conjunction of conditions.
        child: name of the hyperparameter with the condition.
        converted: parents by their names in ConfigSpace.
        names: names in the space by names in ConfigSpace.
    """
    kind = type(clause).__name__
    if kind == "AndConjunction":
        for part in clause.components:
            _add_condition(when, part, child, converted, names)
        return
    if kind == "OrConjunction":
        raise InputError(
            f"condition of {child} cannot be carried over: one of several has to hold ({clause}); a space "
            "needs all of them to hold"
        )
    values = _values(kind, clause, child, converted[clause.parent.name])
    parent = names[clause.parent.name]
    before = when.get(parent, values)
    when[parent] = tuple(value for value in before if position_of(value, values) >= 0)


def _values(kind: str, clause: Any, child: str, parent: Hyperparameter) -> tuple[Scalar, ...]:
    """Return the values of the parent for which a condition of ConfigSpace holds."""
    if kind == "EqualsCondition":
        return (python_value(clause.value),)
    if kind == "InCondition":
        return tuple(map(python_value, clause.values))
    if kind not in ("NotEqualsCondition", "LessThanCondition", "GreaterThanCondition"):
        raise unknown(f"condition of {child}", kind, ("EqualsCondition", "InCondition", "AndConjunction"))
    if parent.cardinality is None or parent.cardinality > 1000 or parent.scale == "log":
        raise InputError(f"condition of {child} cannot be carried over: {clause} has no list of values")
    every: tuple[Scalar, ...] = parent.grid(max(2, parent.cardinality))
    position = position_of(python_value(clause.value), every)
    if kind == "NotEqualsCondition":
        return every[:position] + every[position + 1 :]
    return every[:position] if kind == "LessThanCondition" else every[position + 1 :]
