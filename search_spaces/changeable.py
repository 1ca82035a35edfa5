"""Search spaces that differ from another: values fixed, hyperparameters removed, added, renamed or merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from search_spaces import changes
from search_spaces.constraints import of_names

if TYPE_CHECKING:
    from search_spaces.constraints import Constraint
    from search_spaces.hyperparameters import Hyperparameter


class Changeable:
    """Base class of :class:`search_spaces.spaces.SearchSpace`: the methods that return a changed space."""

    hyperparameters: tuple[Hyperparameter, ...]
    constraints: tuple[Constraint, ...]

    if TYPE_CHECKING:

        def __init__(self, *hyperparameters: Hyperparameter | Constraint) -> None: ...

        def __iter__(self) -> Iterator[Hyperparameter]: ...

        def __getitem__(self, name: str) -> Hyperparameter: ...

        def _check_names(self, names: Iterable[str]) -> None: ...

    def replace(self, hyperparameter: Hyperparameter) -> Self:
        """Return the space with another domain for a hyperparameter that the space has."""
        self[hyperparameter.name]
        changed = (hyperparameter if old.name == hyperparameter.name else old for old in self.hyperparameters)
        return type(self)(*changed, *self.constraints)

    def fix(self, **values: Any) -> Self:
        """Return the space with single values (``name=value``); configurations still contain them.

        Conditions on the fixed values are resolved: a condition that always holds is removed, and so is a
        hyperparameter that can never be active. A condition on a fixed parent that is itself conditional
        stays, since the parent is active in some configurations only.

        Raises:
            InputError: a name is unknown, a value is outside its domain, or the other values make a name
                inactive.

        >>> from search_spaces import Categorical, Float, SearchSpace
        >>> nu = Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"})
        >>> space = SearchSpace(Categorical("rule", ("sgd", "adam")), nu)
        >>> space.fix(rule="sgd").names, space.fix(rule="adam")["nu"]
        (('rule',), Float(name='nu', low=0.9, high=0.999, scale='log1m', default=None))
        """
        by_name = {hyperparameter.name: hyperparameter for hyperparameter in self}
        remaining = changes.fixed(by_name, values)
        names = {hyperparameter.name for hyperparameter in remaining}
        possible = [constraint for constraint in self.constraints if names.issuperset(constraint.names)]
        return type(self)(*remaining, *possible)

    def restrict(self, *names: str) -> Self:
        """Return the space of some hyperparameters only, in the order of this space.

        Raises:
            InputError: a name is unknown, or a condition or constraint names a hyperparameter that would be
                removed.
        """
        self._check_names(names)
        constraints = of_names(self.constraints, names)
        return type(self)(*changes.restricted(self.hyperparameters, names), *constraints)

    def extend(self, *hyperparameters: Hyperparameter | Constraint) -> Self:
        """Return the space with more hyperparameters or constraints at its end.

        InputError as for the space itself.
        """
        return type(self)(*self.hyperparameters, *self.constraints, *hyperparameters)

    def rename(self, **names: str) -> Self:
        """Return the space with other names (``old=new``), in its conditions too."""
        self._check_names(names)
        constraints = (constraint.renamed(names) for constraint in self.constraints)
        return type(self)(*changes.renamed(self.hyperparameters, names), *constraints)

    def merge(self, other: Self) -> Self:
        """Return this space, extended by the hyperparameters of another whose names are new.

        A name in both spaces must have the same domain, or InputError is raised.
        """
        return type(self)(*changes.merged(self, other), *self.constraints, *other.constraints)

    def compare(self, other: Self) -> list[str]:
        """Return one sentence for each difference between this space and another; empty if they are equal.

        >>> from search_spaces import Categorical, Float, SearchSpace
        >>> SearchSpace(Float("lr", 0, 1)).compare(SearchSpace(Float("lr", 0, 2), Float("mu", 0, 0.9)))
        ['lr: high is 1.0 in the first, 2.0 in the second', 'mu: only in the second']
        """
        sides = [[str(constraint) for constraint in space.constraints] for space in (self, other)]
        return [
            *changes.differences(self.hyperparameters, other.hyperparameters),
            *(f"'{text}': only in the first" for text in sides[0] if text not in sides[1]),
            *(f"'{text}': only in the second" for text in sides[1] if text not in sides[0]),
        ]
