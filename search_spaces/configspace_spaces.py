"""Search spaces to and from ConfigSpace, an optional extra: ``pip install optimizer-sensitivity[configspace]``.

ConfigSpace has conditions and defaults. It has no log1m scale, so ``mu`` becomes ``1 - mu``, log-uniform; a float or integer with a step
becomes an ordinal of its values, a single value a constant. What only we know goes along in ``meta``, so nothing is lost on the way back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

from search_spaces.combinations import MOST
from search_spaces.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
from search_spaces.listing import condition
from search_spaces.reading import from_dict
from search_spaces.spaces import SearchSpace
from search_spaces.values import Scalar, position_of, python_value
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

COMPLEMENT = "1 - "
"""Before the name of a log1m hyperparameter."""
META = "search_spaces"


def to_configspace(space: SearchSpace, *, seed: int | None = None) -> ConfigurationSpace:
    """A ConfigSpace with the same hyperparameters, defaults and conditions; :func:`configuration_from_configspace` reads what it draws.

    Raises: InputError, naming the hyperparameter, where ConfigSpace cannot carry it: bounds that it rounds (to 9 decimals), choices that it
    takes for equal (True and 1), a condition on a continuous hyperparameter, more than a million steps.
    """
    package = _package()
    made = {}
    for position, each in enumerate(space):
        try:
            made[each.name] = _to_native(
                package, each, {META: {**each.to_dict(), "when": {}}, "position": position}
            )
        except ValueError as error:
            raise (
                error
                if isinstance(error, InputError)
                else InputError(f"{each.name} cannot be carried over: {error}")
            ) from None
    result = package.ConfigurationSpace(seed=seed)
    result.add(*made.values())
    for each in space.conditional:
        parts = []
        for parent, values in each.when.items():
            if space[parent].cardinality is None:
                raise InputError(
                    f"{each.name} is active only when {condition(each.when)}, but {parent} is continuous, which draws no such value"
                )
            child, given = made[each.name], made[parent]
            parts.append(
                package.EqualsCondition(child, given, values[0])
                if len(values) == 1
                else package.InCondition(child, given, list(values))
            )
        result.add(parts[0] if len(parts) == 1 else package.AndConjunction(*parts))
    return result


def configuration_from_configspace(space: SearchSpace, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The space's configuration of one that :func:`to_configspace` drew. Raises: InputError as the space's check."""
    values: dict[str, Any] = {}
    for name, value in dict(configuration).items():
        own = name.removeprefix(COMPLEMENT)
        if own not in space or (name != own and name in space):
            own = name
        each = space[own]
        if name != own and isinstance(each, Float):
            value = min(max(1 - float(value), each.low), each.high)
        elif isinstance(each, Float) and each.step is None:
            value = min(max(float(value), each.low), each.high)
        values[own] = value
    return space.check(values)


def space_from_configspace(space: ConfigurationSpace) -> SearchSpace:
    """The space of a ConfigSpace: uniform floats and integers, categories, ordinals, constants, and conditions that all have to hold.

    Raises: InputError, naming the hyperparameter, for another distribution, weights, a condition that is an "or" or a comparison with a
    continuous hyperparameter, and forbidden combinations.
    """
    _package()
    native = {each.name: each for each in space.values()}
    if space.forbidden_clauses:
        raise InputError(
            f"forbidden combinations cannot be carried over, got {space.forbidden_clauses[0]}; use conditions"
        )
    names = {
        name: name.replace(COMPLEMENT, "", 1) if _ours(each).get("scale") == "log1m" else name
        for name, each in native.items()
    }
    waiting = sorted(native, key=lambda name: (native[name].meta or {}).get("position", len(native)))
    made: dict[str, Hyperparameter] = {}
    while waiting:
        parents = {name: [parent.name for parent in space.parents_of[name]] for name in waiting}
        name = next(each for each in waiting if all(parent in made for parent in parents[each]))
        waiting.remove(name)
        base = _from_native(native[name], names[name])
        when: dict[str, tuple[Scalar, ...]] = {}
        for each in space.parent_conditions_of[name]:
            _add_condition(when, each, base.name, made, names)
        made[name] = dataclasses.replace(base, when=when)
    return SearchSpace(*made.values())


def _package() -> Any:
    try:
        import ConfigSpace
    except ImportError:
        raise InputError(
            "ConfigSpace is not installed; pip install optimizer-sensitivity[configspace]"
        ) from None
    return ConfigSpace


def _ours(native: Any) -> Mapping[str, Any]:
    known: Mapping[str, Any] = (native.meta or {}).get(META, {})
    return known


def _to_native(package: Any, each: Hyperparameter, meta: dict[str, Any]) -> Any:
    name, default = each.name, each.default_value()
    if each.cardinality == 1:
        return package.Constant(name, default, meta=meta)
    if isinstance(each, Categorical):
        return package.CategoricalHyperparameter(name, list(each.choices), default_value=default, meta=meta)
    if isinstance(each, Ordinal):
        return package.OrdinalHyperparameter(name, list(each.levels), default_value=default, meta=meta)
    if each.step is not None:
        if each.cardinality is not None and each.cardinality > MOST:
            raise InputError(
                f"{name} cannot be carried over: ConfigSpace lists every step, and there are {each.cardinality:,}"
            )
        return package.OrdinalHyperparameter(
            name, list(each.grid(each.cardinality or 1)), default_value=default, meta=meta
        )
    if isinstance(each, Integer):
        return package.UniformIntegerHyperparameter(
            name, each.low, each.high, default_value=default, log=each.scale == "log", meta=meta
        )
    low, high, log = each.low, each.high, each.scale == "log"
    if each.scale == "log1m":
        name, low, high, log, default = f"{COMPLEMENT}{name}", 1 - each.high, 1 - each.low, True, 1 - default
    for bound in (low, high):
        if abs(round(bound, 9) - bound) > 1e-6 * abs(bound):
            raise InputError(
                f"{each.name} cannot be carried over: ConfigSpace rounds bounds to 9 decimals, got {bound!r}"
            )
    default = min(max(round(default, 9), round(low, 9)), round(high, 9))
    return package.UniformFloatHyperparameter(name, low, high, default_value=default, log=log, meta=meta)


def _from_native(native: Any, name: str) -> Hyperparameter:
    kind = type(native).__name__
    if _ours(native):
        return dataclasses.replace(from_dict(_ours(native)), name=name)
    if kind == "UniformFloatHyperparameter":
        return Float(
            name, native.lower, native.upper, "log" if native.log else "linear", native.default_value
        )
    if kind == "UniformIntegerHyperparameter":
        return Integer(
            name, native.lower, native.upper, "log" if native.log else "linear", native.default_value
        )
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
        if isinstance(value, Real):
            return (
                Integer(name, int(value), int(value), default=int(value))
                if isinstance(value, int)
                else Float(name, value, value)
            )  # type: ignore[arg-type]
    raise InputError(f"{name} must be uniform, categorical, ordinal or constant, got {kind}")


def _add_condition(
    when: dict[str, tuple[Scalar, ...]],
    given: Any,
    child: str,
    made: Mapping[str, Hyperparameter],
    names: Mapping[str, str],
) -> None:
    kind = type(given).__name__
    if kind == "AndConjunction":
        for each in given.components:
            _add_condition(when, each, child, made, names)
        return
    if kind == "OrConjunction":
        raise InputError(
            f"condition of {child} cannot be carried over: one of several has to hold ({given}); all have to, here"
        )
    parent = made[given.parent.name]
    values = _values(kind, given, child, parent)
    before = when.get(names[given.parent.name], values)
    when[names[given.parent.name]] = tuple(each for each in before if position_of(each, values) >= 0)


def _values(kind: str, given: Any, child: str, parent: Hyperparameter) -> tuple[Scalar, ...]:
    """The values of the parent with which a condition holds."""
    if kind == "EqualsCondition":
        return (python_value(given.value),)
    if kind == "InCondition":
        return tuple(map(python_value, given.values))
    if kind not in ("NotEqualsCondition", "LessThanCondition", "GreaterThanCondition"):
        raise unknown(f"condition of {child}", kind, ("EqualsCondition", "InCondition", "AndConjunction"))
    if parent.cardinality is None or parent.cardinality > 1000 or parent.scale == "log":
        raise InputError(f"condition of {child} cannot be carried over: {given} has no list of values")
    every: tuple[Scalar, ...] = parent.grid(max(2, parent.cardinality))
    at = position_of(python_value(given.value), every)
    if kind == "NotEqualsCondition":
        return every[:at] + every[at + 1 :]
    return every[:at] if kind == "LessThanCondition" else every[at + 1 :]
