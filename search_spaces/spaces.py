"""Search spaces: the hyperparameters of which a configuration gives one value to each that is active."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from search_spaces import activity, changes, combinations, listing
from search_spaces.conditions import holds
from search_spaces.hyperparameters import Hyperparameter
from search_spaces.reading import from_dict
from search_spaces.values import whole
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

_KINDS = get_args(Hyperparameter)


@dataclass(frozen=True, init=False, repr=False)
class SearchSpace:
    """Several hyperparameters, in order. A configuration is a mapping with one value for each that is active.

    A hyperparameter is active when all its conditions hold; when a parent is inactive, so is what depends on it.

    Args: hyperparameters: with names that differ, conditions naming earlier ones; none is a space whose only configuration is empty.
    Raises: InputError for a name given twice; for a condition on an unknown, later or its own name, in a circle, on a value outside the
    parent's domain, or that can never hold.

    >>> from search_spaces import Categorical, Float
    >>> space = SearchSpace(Categorical("rule", ("sgd", "adam")), Float("nu", 0.9, 0.999, "log1m", 0.99, when={"rule": "adam"}))
    >>> space.default(), space.complete({"rule": "adam"})
    ({'rule': 'sgd'}, {'rule': 'adam', 'nu': 0.99})
    >>> print(space)
    rule: sgd | adam, categorical
    nu: 0.9 to 0.999, log1m, default 0.99, when rule is 'adam'
    """

    hyperparameters: tuple[Hyperparameter, ...]

    def __init__(self, *hyperparameters: Hyperparameter) -> None:
        for each in hyperparameters:
            if not isinstance(each, _KINDS):
                raise InputError(
                    f"a search space must hold {', '.join(kind.__name__ for kind in _KINDS)}, got {each!r}"
                )
        names = [each.name for each in hyperparameters]
        for position, name in enumerate(names):
            if name in names[:position]:
                raise InputError(f"names of a search space must differ, got {name!r} twice")
        object.__setattr__(self, "hyperparameters", activity.checked_conditions(hyperparameters))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the hyperparameters, in order: the columns of :meth:`encode`."""
        return tuple(each.name for each in self.hyperparameters)

    @property
    def conditional(self) -> tuple[Hyperparameter, ...]:
        """The hyperparameters that have conditions."""
        return tuple(each for each in self.hyperparameters if each.when)

    @property
    def size(self) -> float:
        """How many configurations there are; infinity where a hyperparameter is continuous."""
        return activity.count(self.hyperparameters)

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
        return "\n".join(map(listing.line, self.hyperparameters))

    def table(self) -> list[dict[str, Any]]:
        """One row a hyperparameter for printing: hyperparameter, domain, scale, default and condition, all text."""
        return [listing.row(each) for each in self.hyperparameters]

    def default(self) -> dict[str, Any]:
        """The configuration of every default; the middle of the scale where there is none."""
        return self.complete({})

    def complete(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A configuration with these values; what they leave out has its default, and what they make inactive is left out.

        Raises: InputError for an unknown name, with the nearest; a value outside its domain.
        """
        self._check_names(values)
        made: dict[str, Any] = {}
        for each in self.hyperparameters:
            if holds(each.when, made):
                made[each.name] = (
                    each.check(values[each.name]) if each.name in values else each.default_value()
                )
        return made

    def reach(self, name: str, value: Any, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The configuration nearest to ``values`` (the defaults) in which a hyperparameter is active and has a value.

        Its ancestors keep their value where it is among those that the conditions need, and have the first of these otherwise.
        Raises: InputError as :meth:`complete`.
        """
        given = dict(values or {})
        for parent, needed in activity.requirements(name, {each.name: each for each in self}).items():
            start = given.get(parent, self[parent].default_value())
            given[parent] = start if start in needed else needed[0]
        return self.complete({**given, name: self[name].check(value)})

    def active(self, configuration: Mapping[str, Any]) -> tuple[str, ...]:
        """The names that are active, in order. Args: configuration: it may lack values that no condition asks for.

        Raises: InputError for an unknown name; where a value that a condition asks for is missing.
        """
        self._check_names(configuration)
        found: dict[str, Any] = {}
        for each in self.hyperparameters:
            if holds(each.when, found):
                found[each.name] = configuration.get(each.name)
            for parent in each.when:
                if parent in found and parent not in configuration:
                    raise InputError(
                        f"configuration {dict(configuration)!r} lacks {parent!r}, which decides whether {each.name} is active"
                    )
        return tuple(found)

    def check(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration in the order of the space, its values as the domains hold them (a float is a float, not 1).

        Raises: InputError for an unknown name, with the nearest; a missing one; an inactive one; a value outside its domain.
        """
        self._check_names(configuration)
        checked: dict[str, Any] = {}
        missing, idle = [], []
        for each in self.hyperparameters:
            if each.when and not holds(each.when, checked):
                if each.name in configuration:
                    idle.append(each)
            elif each.name in configuration:
                checked[each.name] = each.check(configuration[each.name])
            else:
                missing.append(each.name)
        if missing:
            raise InputError(f"configuration {dict(configuration)!r} lacks {', '.join(map(repr, missing))}")
        if idle:
            raise InputError(
                f"{idle[0].name} is inactive in {dict(configuration)!r}: {activity.unmet(idle[0].when, checked)}; leave it out"
            )
        return checked

    def encode(self, configurations: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        """The places in the unit cube, [configurations, hyperparameters]; NaN for what is inactive. Raises: as :meth:`check`."""
        import numpy as np

        rows = [self.check(configuration) for configuration in configurations]
        units = np.full((len(rows), len(self)), np.nan)
        for column, each in enumerate(self.hyperparameters):
            name, place = each.name, each.to_unit
            units[:, column] = [place(row[name]) if name in row else np.nan for row in rows]
        return units

    def decode(self, units: ArrayLike) -> list[dict[str, Any]]:
        """The configurations at places in the unit cube, the inverse of :meth:`encode`; places of what is inactive are ignored.

        Args: units: [configurations, hyperparameters]; below 0 and above 1 are taken as 0 and 1. Raises: InputError for another shape,
        or nan where a hyperparameter is active.
        """
        import numpy as np

        array = np.asarray(units, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != len(self):
            raise InputError(f"units must have shape [configurations, {len(self)}], got {list(array.shape)}")
        rows: list[dict[str, Any]] = [{} for _ in range(len(array))]
        for column, each in enumerate(self.hyperparameters):
            name, value, when = each.name, each.from_unit, each.when
            for row, u in zip(rows, array[:, column].tolist(), strict=True):
                if not when or holds(when, row):
                    row[name] = value(u)
        return rows

    def sample(self, n: int, seed: int) -> list[dict[str, Any]]:
        """``n`` independent configurations, uniform on every scale; equal ones are kept. Args: seed: 0 or more; the same gives the same."""
        import numpy as np

        n, seed = combinations.count("n of a sample", n), whole("seed of a sample", seed, at_least=0)
        return self.decode(np.random.default_rng(seed).random((n, len(self))))

    def enumerate(self, points: int) -> list[dict[str, Any]]:
        """Every combination of ``points`` levels of each active hyperparameter, each once, the last changing fastest.

        >>> from search_spaces import Categorical, Float
        >>> space = SearchSpace(Categorical("rule", ("sgd", "adam")), Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"}))
        >>> space.enumerate(2)
        [{'rule': 'sgd'}, {'rule': 'adam', 'nu': 0.9}, {'rule': 'adam', 'nu': 0.999}]
        """
        combinations.count("points", points)
        return combinations.combine(
            self.hyperparameters, {each.name: each.grid(points) for each in self.hyperparameters}
        )

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain data for JSON and YAML, one mapping a hyperparameter."""
        return [each.to_dict() for each in self.hyperparameters]

    @classmethod
    def from_dict(cls, data: Iterable[Mapping[str, Any]]) -> SearchSpace:
        """The inverse of :meth:`to_dict`; see :func:`search_spaces.reading.from_dict` for what a hyperparameter may say."""
        if isinstance(data, (str, Mapping)) or not isinstance(data, Iterable):
            raise InputError(f"a search space must be a list of hyperparameters, got {data!r}")
        return cls(*map(from_dict, data))

    def to_yaml(self) -> str:
        """The space as YAML, one line a hyperparameter where it fits; :meth:`from_yaml` reads it back."""
        return listing.to_yaml(self.to_dict())

    @classmethod
    def from_yaml(cls, text: str) -> SearchSpace:
        """Read :meth:`to_yaml`, or what a person wrote. Raises: InputError, with line and column for what is no YAML."""
        return cls.from_dict(listing.from_yaml(text))

    def replace(self, hyperparameter: Hyperparameter) -> SearchSpace:
        """The space with another domain for one name. Raises: InputError for a name that the space lacks."""
        self[hyperparameter.name]
        return SearchSpace(
            *(hyperparameter if each.name == hyperparameter.name else each for each in self.hyperparameters)
        )

    def fix(self, **values: Any) -> SearchSpace:
        """The space with a single value for each name given; configurations still hold it. Conditions that this decides are resolved.

        What can never be active any more is dropped; a condition that always holds is, too. A condition on a fixed parent that is itself
        conditional stays, as the parent, and what depends on it, is active in some configurations only.
        Raises: InputError as :meth:`check`; for a name that the other values make inactive.

        >>> from search_spaces import Categorical, Float
        >>> space = SearchSpace(Categorical("rule", ("sgd", "adam")), Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"}))
        >>> space.fix(rule="sgd").names, space.fix(rule="adam")["nu"]
        (('rule',), Float(name='nu', low=0.9, high=0.999, scale='log1m', default=None))
        """
        return SearchSpace(*changes.fixed({each.name: each for each in self}, values))

    def restrict(self, *names: str) -> SearchSpace:
        """The space of only these names, in the order of this space.

        Raises: InputError for a name that the space lacks, or one whose condition names what would be left out.
        """
        self._check_names(names)
        return SearchSpace(*changes.restricted(self.hyperparameters, names))

    def extend(self, *hyperparameters: Hyperparameter) -> SearchSpace:
        """The space with more hyperparameters at its end. Raises: InputError as the space."""
        return SearchSpace(*self.hyperparameters, *hyperparameters)

    def rename(self, **names: str) -> SearchSpace:
        """The space with other names, old = new, in its conditions too. Raises: InputError for an old name that the space lacks."""
        self._check_names(names)
        return SearchSpace(*changes.renamed(self.hyperparameters, names))

    def merge(self, other: SearchSpace) -> SearchSpace:
        """This space, then what another adds. Raises: InputError for a name that both have with different domains, saying what differs."""
        return SearchSpace(*changes.merged(self, other))

    def compare(self, other: SearchSpace) -> list[str]:
        """What differs between this space (the first) and another (the second), a sentence each; none when they are equal.

        >>> from search_spaces import Categorical, Float
        >>> SearchSpace(Float("lr", 0, 1)).compare(SearchSpace(Float("lr", 0, 2), Float("mu", 0, 0.9)))
        ['lr: high is 1.0 in the first, 2.0 in the second', 'mu: only in the second']
        """
        return changes.differences(self.hyperparameters, other.hyperparameters)

    def _check_names(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.names:
                raise unknown("hyperparameter", name, self.names)
