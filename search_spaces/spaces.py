"""Search spaces: the hyperparameters that a configuration gives one value each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, get_args

from search_spaces.hyperparameters import Float, Hyperparameter, Integer, Ordinal, default_value
from search_spaces.reading import from_dict
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray
    from optuna.distributions import BaseDistribution

_KINDS = get_args(Hyperparameter)


@dataclass(frozen=True, init=False, repr=False)
class SearchSpace:
    """Several hyperparameters, in order. A configuration is a mapping with one value for each.

    Args: hyperparameters: with names that differ; none is a space whose only configuration is empty.
    Raises: InputError for a name given twice.

    >>> space = SearchSpace(Float("lr", 1e-4, 1, "log"), Float("mu", 0.5, 0.99, "log1m", 0.9))
    >>> space.default()
    {'lr': 0.01, 'mu': 0.9}
    >>> print(space)
    lr: 0.0001 to 1.0, log
    mu: 0.5 to 0.99, log1m, default 0.9
    """

    hyperparameters: tuple[Hyperparameter, ...]

    def __init__(self, *hyperparameters: Hyperparameter) -> None:
        for each in hyperparameters:
            if not isinstance(each, _KINDS):
                raise InputError(f"a search space must hold {', '.join(kind.__name__ for kind in _KINDS)}, got {each!r}")
        names = [each.name for each in hyperparameters]
        for position, name in enumerate(names):
            if name in names[:position]:
                raise InputError(f"names of a search space must differ, got {name!r} twice")
        object.__setattr__(self, "hyperparameters", hyperparameters)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the hyperparameters, in order: the columns of :meth:`encode`."""
        return tuple(each.name for each in self.hyperparameters)

    def __len__(self) -> int:
        return len(self.hyperparameters)

    def __iter__(self) -> Iterator[Hyperparameter]:
        return iter(self.hyperparameters)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Hyperparameter:
        for each in self.hyperparameters:
            if each.name == name:
                return each
        raise unknown("hyperparameter", name, self.names)

    def __repr__(self) -> str:
        return f"SearchSpace({', '.join(map(repr, self.hyperparameters))})"

    def __str__(self) -> str:
        return "\n".join(map(_line, self.hyperparameters))

    def default(self) -> dict[str, Any]:
        """The configuration of every default; the middle of the scale where there is none."""
        return {each.name: default_value(each) for each in self.hyperparameters}

    def check(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration in the order of the space, its values as the domains hold them (a float is a float, not 1).

        Raises: InputError for an unknown name, with the nearest; a missing one; a value outside its domain.
        """
        for name in configuration:
            if name not in self.names:
                raise unknown("hyperparameter", name, self.names)
        missing = [name for name in self.names if name not in configuration]
        if missing:
            raise InputError(f"configuration {dict(configuration)!r} lacks {', '.join(map(repr, missing))}")
        return {each.name: each.check(configuration[each.name]) for each in self.hyperparameters}

    def encode(self, configurations: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        """The places in the unit cube, [configurations, hyperparameters]. Raises: as :meth:`check`."""
        import numpy as np

        rows = [self.check(configuration) for configuration in configurations]
        units = [[each.to_unit(row[each.name]) for each in self.hyperparameters] for row in rows]
        return np.array(units, dtype=np.float64).reshape(len(rows), len(self))

    def decode(self, units: ArrayLike) -> list[dict[str, Any]]:
        """The configurations at places in the unit cube, the inverse of :meth:`encode`.

        Args: units: [configurations, hyperparameters]; below 0 and above 1 are taken as 0 and 1. Raises: InputError for another shape.
        """
        import numpy as np

        array = np.asarray(units, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != len(self):
            raise InputError(f"units must have shape [configurations, {len(self)}], got {list(array.shape)}")
        return [{each.name: each.from_unit(u) for each, u in zip(self.hyperparameters, row, strict=True)} for row in array.tolist()]

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain data for JSON and YAML, one mapping a hyperparameter."""
        return [each.to_dict() for each in self.hyperparameters]

    @classmethod
    def from_dict(cls, data: Iterable[Mapping[str, Any]]) -> SearchSpace:
        """The inverse of :meth:`to_dict`; see :func:`search_spaces.hyperparameters.from_dict` for what a hyperparameter may say."""
        if isinstance(data, (str, Mapping)) or not isinstance(data, Iterable):
            raise InputError(f"a search space must be a list of hyperparameters, got {data!r}")
        return cls(*map(from_dict, data))

    def to_optuna(self) -> dict[str, BaseDistribution]:
        r"""Optuna's distributions in the coordinate where they are uniform; :meth:`from_optuna` reads what they give.

        log1m is linear in :math:`t = -\log_{10}(1 - x)`, so that .9, .99 and .999 are 1, 2 and 3; ordinal is the number of the level,
        from 0. Everything else is itself.
        """
        return {each.name: _distribution(each) for each in self.hyperparameters}

    def from_optuna(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration of a trial that was asked with :meth:`to_optuna`, rounding at a bound undone.

        Raises: InputError for an unknown name, with the nearest; a missing one; a number that is nan.
        """
        return self.check({name: _from_optuna(self[name], value) for name, value in params.items()})

    def replace(self, hyperparameter: Hyperparameter) -> SearchSpace:
        """The space with another domain for one name. Raises: InputError for a name that the space lacks."""
        self[hyperparameter.name]
        return SearchSpace(*(hyperparameter if each.name == hyperparameter.name else each for each in self.hyperparameters))

    def fix(self, **values: Any) -> SearchSpace:
        """The space with a single value for each name given; configurations still hold it. Raises: InputError as :meth:`check`.

        >>> SearchSpace(Float("lr", 1e-4, 1, "log"), Float("mu", 0.5, 0.99)).fix(mu=0.9).default()
        {'lr': 0.01, 'mu': 0.9}
        """
        single = {name: _single(self[name], value) for name, value in values.items()}
        return SearchSpace(*(single.get(each.name, each) for each in self.hyperparameters))

    def restrict(self, *names: str) -> SearchSpace:
        """The space of only these names, in the order of this space. Raises: InputError for a name that the space lacks."""
        for name in names:
            self[name]
        return SearchSpace(*(each for each in self.hyperparameters if each.name in names))


def _line(hyperparameter: Hyperparameter) -> str:
    if isinstance(hyperparameter, (Float, Integer)):
        domain = f"{hyperparameter.low} to {hyperparameter.high}" if hyperparameter.low < hyperparameter.high else f"{hyperparameter.low}"
    elif isinstance(hyperparameter, Ordinal):
        domain = ", ".join(map(str, hyperparameter.levels))
    else:
        domain = " | ".join(map(str, hyperparameter.choices))
    default = "" if hyperparameter.default is None else f", default {hyperparameter.default}"
    return f"{hyperparameter.name}: {domain}, {hyperparameter.scale}{default}"


def _single(hyperparameter: Hyperparameter, value: Any) -> Hyperparameter:
    value = hyperparameter.check(value)
    domain = {field.name for field in fields(hyperparameter)} & {"low", "high", "default"}
    changes: dict[str, Any] = dict.fromkeys(domain, value)
    if isinstance(hyperparameter, Ordinal):
        changes["levels"] = (value,)
    elif not isinstance(hyperparameter, (Float, Integer)):
        changes["choices"] = (value,)
    return replace(hyperparameter, **changes)


def _log1m(x: float) -> float:
    return -math.log1p(-x) / math.log(10) + 0.0


def _distribution(hyperparameter: Hyperparameter) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(hyperparameter, Float):
        if hyperparameter.scale == "log1m":
            return FloatDistribution(_log1m(hyperparameter.low), _log1m(hyperparameter.high))
        return FloatDistribution(hyperparameter.low, hyperparameter.high, log=hyperparameter.scale == "log")
    if isinstance(hyperparameter, Integer):
        return IntDistribution(hyperparameter.low, hyperparameter.high, log=hyperparameter.scale == "log")
    if isinstance(hyperparameter, Ordinal):
        return IntDistribution(0, len(hyperparameter.levels) - 1)
    return CategoricalDistribution(hyperparameter.choices)


def _from_optuna(hyperparameter: Hyperparameter, value: Any) -> Any:
    if isinstance(hyperparameter, Float):
        if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
            return value  # the space's own check says what is wrong
        low, high, number = hyperparameter.low, hyperparameter.high, float(value)
        if hyperparameter.scale == "log1m":
            if number <= _log1m(low):
                return low
            number = high if number >= _log1m(high) else -math.expm1(-number * math.log(10))
        return min(max(number, low), high)
    if isinstance(hyperparameter, Ordinal):
        last = len(hyperparameter.levels) - 1
        if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) <= last:
            raise InputError(f"level of {hyperparameter.name} must be between 0 and {last}, got {value!r}")
        return hyperparameter.levels[int(value)]
    return value
