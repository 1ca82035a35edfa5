"""Search spaces: ordered hyperparameters with conditions and constraints; a configuration has a value of each
active one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from search_spaces import activity, combinations, listing
from search_spaces.changeable import Changeable
from search_spaces.conditions import holds
from search_spaces.constraints import (
    Constraint,
    allows,
    checked_constraints,
    constraint_from_dict,
    is_constraint,
)
from search_spaces.hyperparameters import Hyperparameter
from search_spaces.reading import from_dict
from search_spaces.values import whole
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

_KINDS = get_args(Hyperparameter)
_CONSTRAINTS = get_args(Constraint)


@dataclass(frozen=True, init=False, repr=False)
class SearchSpace(Changeable):
    """Ordered hyperparameters. A configuration is a mapping with one value of each active hyperparameter.

    A hyperparameter is active if all its conditions hold; if a parent is inactive, so are its children.

    Args:
        hyperparameters: hyperparameters with distinct names, parents before children; and constraints between
            them (:mod:`search_spaces.constraints`). A space without hyperparameters has one configuration,
            which is empty.

    Raises:
        InputError: a name is repeated; or a condition names an unknown or later hyperparameter or its own,
            is part of a cycle, requires a value outside the parent's domain, or can never hold; or a
            constraint does not fit the hyperparameters, or forbids the defaults that all of them declare.

    >>> from search_spaces import Categorical, Float
    >>> nu = Float("nu", 0.9, 0.999, "log1m", 0.99, when={"rule": "adam"})
    >>> space = SearchSpace(Categorical("rule", ("sgd", "adam")), nu)
    >>> space.default(), space.complete({"rule": "adam"})
    ({'rule': 'sgd'}, {'rule': 'adam', 'nu': 0.99})
    >>> print(space)
    rule: sgd | adam, categorical
    nu: 0.9 to 0.999, log1m, default 0.99, when rule is 'adam'
    """

    hyperparameters: tuple[Hyperparameter, ...]
    constraints: tuple[Constraint, ...]

    def __init__(self, *hyperparameters: Hyperparameter | Constraint) -> None:
        domains = [item for item in hyperparameters if isinstance(item, _KINDS)]
        constraints = [item for item in hyperparameters if isinstance(item, _CONSTRAINTS)]
        for item in hyperparameters:
            if not isinstance(item, (*_KINDS, *_CONSTRAINTS)):
                kinds = ", ".join(kind.__name__ for kind in (*_KINDS, *_CONSTRAINTS))
                raise InputError(f"a search space must hold {kinds}, got {item!r}")
        names = [domain.name for domain in domains]
        for position, name in enumerate(names):
            if name in names[:position]:
                raise InputError(f"names of a search space must differ, got {name!r} twice")
        object.__setattr__(self, "hyperparameters", activity.checked_conditions(domains))
        by_name = {domain.name: domain for domain in self.hyperparameters}
        object.__setattr__(self, "constraints", checked_constraints(constraints, by_name))
        if self.constraints and all(domain.default is not None for domain in self.hyperparameters):
            self.check_allowed(self.default())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the hyperparameters, in order; the columns of :meth:`encode`."""
        return tuple(hyperparameter.name for hyperparameter in self.hyperparameters)

    @property
    def conditional(self) -> tuple[Hyperparameter, ...]:
        """Hyperparameters that have conditions, in order."""
        return tuple(hyperparameter for hyperparameter in self.hyperparameters if hyperparameter.when)

    @property
    def size(self) -> float:
        """Number of configurations, also of forbidden ones; infinity if a hyperparameter is continuous."""
        return activity.count(self.hyperparameters)

    def __len__(self) -> int:
        return len(self.hyperparameters)

    def __iter__(self) -> Iterator[Hyperparameter]:
        return iter(self.hyperparameters)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Hyperparameter:
        for hyperparameter in self.hyperparameters:
            if hyperparameter.name == name:
                return hyperparameter
        raise unknown("hyperparameter", name, self.names)

    def __repr__(self) -> str:
        return f"SearchSpace({', '.join(map(repr, (*self.hyperparameters, *self.constraints)))})"

    def __str__(self) -> str:
        return "\n".join([*map(listing.line, self.hyperparameters), *map(str, self.constraints)])

    def table(self) -> list[dict[str, Any]]:
        """Return one row per hyperparameter: name, domain, scale, default and condition, all text."""
        return [listing.row(hyperparameter) for hyperparameter in self.hyperparameters]

    def default(self) -> dict[str, Any]:
        """Return the configuration of default values; the middle of the scale without a default."""
        return self.complete({})

    def complete(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration from some values; missing active hyperparameters get their default value.

        Args:
            values: values by name; values of hyperparameters that are inactive are dropped.

        Raises:
            InputError: a name is unknown, or a value is outside its domain.
        """
        self._check_names(values)
        configuration: dict[str, Any] = {}
        for hyperparameter in self.hyperparameters:
            name = hyperparameter.name
            if holds(hyperparameter.when, configuration):
                value = values[name] if name in values else hyperparameter.default_value()
                configuration[name] = hyperparameter.check(value)
        return configuration

    def reach(self, name: str, value: Any, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the configuration nearest to ``values`` in which a hyperparameter is active and has a value.

        An ancestor keeps its value if the conditions allow that value, and otherwise gets the first value
        that the conditions allow.

        Args:
            name: name of the hyperparameter.
            value: value of the hyperparameter.
            values: values of other hyperparameters by name; the default values if None.

        Raises:
            InputError: a name is unknown, or a value is outside its domain.
        """
        start = dict(values or {})
        by_name = {hyperparameter.name: hyperparameter for hyperparameter in self}
        for parent, needed in activity.requirements(name, by_name).items():
            current = start.get(parent, self[parent].default_value())
            start[parent] = current if current in needed else needed[0]
        return self.complete({**start, name: self[name].check(value)})

    def active(self, configuration: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the active hyperparameters, in order.

        Args:
            configuration: values by name; only values of parents are required.

        Raises:
            InputError: a name is unknown, or the value of an active parent is missing.
        """
        self._check_names(configuration)
        values: dict[str, Any] = {}
        for hyperparameter in self.hyperparameters:
            name = hyperparameter.name
            if holds(hyperparameter.when, values):
                values[name] = configuration.get(name)
            for parent in hyperparameter.when:
                if parent in values and parent not in configuration:
                    raise InputError(
                        f"configuration {dict(configuration)!r} lacks {parent!r}, which decides whether "
                        f"{name} is active"
                    )
        return tuple(values)

    def check(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration in the order of the space, with values in the domains' types.

        Args:
            configuration: values by name, exactly those of the active hyperparameters.

        Raises:
            InputError: a name is unknown, missing or inactive, or a value is outside its domain.
        """
        self._check_names(configuration)
        checked: dict[str, Any] = {}
        missing, inactive = [], []
        for hyperparameter in self.hyperparameters:
            name = hyperparameter.name
            if hyperparameter.when and not holds(hyperparameter.when, checked):
                if name in configuration:
                    inactive.append(hyperparameter)
            elif name in configuration:
                checked[name] = hyperparameter.check(configuration[name])
            else:
                missing.append(name)
        if missing:
            raise InputError(f"configuration {dict(configuration)!r} lacks {', '.join(map(repr, missing))}")
        if inactive:
            name, reason = inactive[0].name, activity.unmet(inactive[0].when, checked)
            raise InputError(f"{name} is inactive in {dict(configuration)!r}: {reason}; leave it out")
        self.check_allowed(checked)
        return checked

    def allows(self, configuration: Mapping[str, Any]) -> bool:
        """Return True if a configuration of the domains fulfils every constraint."""
        return allows(self.constraints, configuration)

    def check_allowed(self, configuration: Mapping[str, Any]) -> None:
        """Check that a configuration fulfils every constraint.

        Raises:
            InputError: it does not; the message names the constraint.
        """
        for constraint in self.constraints:
            if not constraint.allows(configuration):
                values = {name: configuration[name] for name in constraint.names}
                raise InputError(f"{values!r} is forbidden: the space requires '{constraint}'")

    def encode(self, configurations: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        """Return the unit-cube coordinates of configurations; inverse of :meth:`decode`.

        Returns:
            Array of shape [configurations, hyperparameters] in [0, 1]; NaN for inactive hyperparameters.
        """
        import numpy as np

        rows = [self.check(configuration) for configuration in configurations]
        units = np.full((len(rows), len(self)), np.nan)
        for column, hyperparameter in enumerate(self.hyperparameters):
            name, place = hyperparameter.name, hyperparameter.to_unit
            units[:, column] = [place(row[name]) if name in row else np.nan for row in rows]
        return units

    def decode(self, units: ArrayLike) -> list[dict[str, Any]]:
        """Return the configurations at points of the unit cube; inverse of :meth:`encode`.

        Args:
            units: coordinates of shape [configurations, hyperparameters], clipped to [0, 1]; coordinates of
                inactive hyperparameters are ignored.

        Raises:
            InputError: the array has another shape, or the coordinate of an active hyperparameter is NaN.
        """
        import numpy as np

        array = np.asarray(units, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != len(self):
            raise InputError(f"units must have shape [configurations, {len(self)}], got {list(array.shape)}")
        rows: list[dict[str, Any]] = [{} for _ in range(len(array))]
        for column, hyperparameter in enumerate(self.hyperparameters):
            name, value, when = hyperparameter.name, hyperparameter.from_unit, hyperparameter.when
            for row, u in zip(rows, array[:, column].tolist(), strict=True):
                if not when or holds(when, row):
                    row[name] = value(u)
        return rows

    def sample(self, n: int, seed: int) -> list[dict[str, Any]]:
        """Draw ``n`` independent configurations, uniform on every scale among those that constraints allow.

        Equal ones are not removed. A larger sample extends a smaller one.

        Args:
            n: number of configurations, at least 1.
            seed: seed of the random generator, at least 0.

        Raises:
            InputError: the constraints allow fewer than one in a thousand configurations.
        """
        import numpy as np

        n = combinations.count("n of a sample", n)
        random = np.random.default_rng(whole("seed of a sample", seed, at_least=0))
        return self.allowed(n, lambda count: random.random((count, len(self))))

    def allowed(self, n: int, draw: Callable[[int], ArrayLike]) -> list[dict[str, Any]]:
        """Return the first ``n`` configurations of a sequence of points that the constraints allow.

        Args:
            n: number of configurations.
            draw: function that returns the next points of the unit cube, by their number.

        Raises:
            InputError: the constraints allow fewer than one in a thousand configurations.
        """
        found: list[dict[str, Any]] = []
        drawn, most = 0, n if not self.constraints else 1000 * n
        while len(found) < n and drawn < most:
            found += filter(self.allows, self.decode(draw(n)))
            drawn += n
        if len(found) < n:
            limits = ", ".join(map(str, self.constraints))
            raise InputError(f"{limits}: fewer than one in a thousand configurations is allowed")
        return found[:n]

    def enumerate(self, points: int) -> list[dict[str, Any]]:
        """Return every combination of ``points`` levels of each active hyperparameter, without duplicates.

        The last hyperparameter changes fastest.

        >>> from search_spaces import Categorical, Float
        >>> nu = Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"})
        >>> SearchSpace(Categorical("rule", ("sgd", "adam")), nu).enumerate(2)
        [{'rule': 'sgd'}, {'rule': 'adam', 'nu': 0.9}, {'rule': 'adam', 'nu': 0.999}]
        """
        combinations.count("points", points)
        levels = {hyperparameter.name: hyperparameter.grid(points) for hyperparameter in self.hyperparameters}
        return list(filter(self.allows, combinations.combine(self.hyperparameters, levels)))

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the space as plain data for JSON and YAML: one mapping per hyperparameter or constraint."""
        return [item.to_dict() for item in (*self.hyperparameters, *self.constraints)]

    @classmethod
    def from_dict(cls, data: Iterable[Mapping[str, Any]]) -> SearchSpace:
        """Read a space from a list (:func:`search_spaces.reading.from_dict`,
        :func:`search_spaces.constraints.constraint_from_dict`); inverse of :meth:`to_dict`.
        """
        if isinstance(data, (str, Mapping)) or not isinstance(data, Iterable):
            raise InputError(f"a search space must be a list of hyperparameters, got {data!r}")
        return cls(*(constraint_from_dict(item) if is_constraint(item) else from_dict(item) for item in data))

    def to_yaml(self) -> str:
        """Return the space as YAML; inverse of :meth:`from_yaml`."""
        return listing.to_yaml(self.to_dict())

    @classmethod
    def from_yaml(cls, text: str) -> SearchSpace:
        """Read a space from YAML.

        Raises:
            InputError: the text is not YAML (the message gives line and column) or not a valid space.
        """
        return cls.from_dict(listing.from_yaml(text))

    def _check_names(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.names:
                raise unknown("hyperparameter", name, self.names)
