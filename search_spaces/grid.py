"""Grid: the full factorial design."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.combinations import MOST, combine, count, count_combinations
from search_spaces.hyperparameters import Hyperparameter
from search_spaces.planned import FixedDesign
from search_spaces.values import listed, write_value
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace


@dataclass(frozen=True)
class Grid(FixedDesign):
    """The full factorial design: every combination of a few levels of each hyperparameter.

    In a conditional space, only active hyperparameters are combined. One grid can serve several spaces: names
    that a space lacks are ignored, and :meth:`check_names` refuses names that no space has.

    Args:
        points: number of levels of each hyperparameter, equally spaced on its scale, at least 1; or a mapping
            of names to numbers of levels, where a hyperparameter that is not named has its default value
            only.
        levels: explicit levels by name; they take precedence over a single number of points.

    Raises:
        InputError: a number of points is below 1, a list of levels is empty, or a name has both.

    >>> from search_spaces import Float, SearchSpace
    >>> space = SearchSpace(Float("lr", 0.01, 1, "log"), Float("mu", 0, 0.99))
    >>> Grid(points=2, levels={"mu": [0.9]}).configurations(space)
    [{'lr': 0.01, 'mu': 0.9}, {'lr': 1.0, 'mu': 0.9}]
    """

    points: int | Mapping[str, int] = field(default=3, hash=False)
    levels: Mapping[str, Sequence[Any]] = field(default_factory=dict, hash=False)
    kind: ClassVar[str] = "grid"

    def __post_init__(self) -> None:
        if isinstance(self.points, Mapping):
            if not self.points and not self.levels:
                raise InputError("points of a grid must name at least one hyperparameter, got none")
            points = {name: count(f"points of {name}", number) for name, number in self.points.items()}
            object.__setattr__(self, "points", points)
        else:
            object.__setattr__(self, "points", count("points of a grid", self.points))
        if not isinstance(self.levels, Mapping):
            raise InputError(f"levels of a grid must be a mapping of names to lists, got {self.levels!r}")
        for name, values in self.levels.items():
            if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable) or not list(values):
                raise InputError(f"levels of {name} must be a list of at least one value, got {values!r}")
            if isinstance(self.points, Mapping) and name in self.points:
                raise InputError(f"a grid must give points or levels of {name}, got both")
        object.__setattr__(self, "levels", {name: tuple(values) for name, values in self.levels.items()})

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Return every allowed combination without duplicates, the last hyperparameter changing fastest.

        Raises:
            InputError: an explicit level is outside its domain, or there are too many combinations, or the
                constraints of the space allow none.
        """
        levels = {hyperparameter.name: self._levels(hyperparameter) for hyperparameter in space}
        combinations = list(filter(space.allows, combine(tuple(space), levels)))
        if not combinations:
            raise InputError(
                f"no combination of the grid fulfils {listed(list(map(str, space.constraints)))}"
            )
        return combinations

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """Return the number of allowed combinations of active hyperparameters.

        Args:
            space: the search space.
            most: limit at which counting stops; a result above it is any number above it.
        """
        size = count_combinations(tuple(space), self._size, self._levels, most)
        return len(self.configurations(space)) if space.constraints and size <= most else size

    def check_names(self, names: Iterable[str]) -> None:
        """Check the names in ``points`` and ``levels``.

        Args:
            names: names of the hyperparameters of all spaces of the study.

        Raises:
            InputError: no space contains a name of the grid; the message gives the nearest.
        """
        known = sorted(set(names))
        for name in (*(self.points if isinstance(self.points, Mapping) else ()), *self.levels):
            if name not in known:
                raise unknown("hyperparameter of the grid", name, known)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON and YAML; :func:`search_spaces.designs.design_from_dict` reads it."""
        points = dict(self.points) if isinstance(self.points, Mapping) else self.points
        data: dict[str, Any] = {"kind": self.kind, "points": points}
        if self.levels:
            data["levels"] = {
                name: [write_value(value) for value in values] for name, values in self.levels.items()
            }
        return data

    def _size(self, hyperparameter: Hyperparameter) -> int:
        name = hyperparameter.name
        if name in self.levels:
            return len(self.levels[name])
        points = self.points.get(name, 1) if isinstance(self.points, Mapping) else self.points
        return hyperparameter.grid_size(points)

    def _levels(self, hyperparameter: Hyperparameter) -> list[Any]:
        name = hyperparameter.name
        if name in self.levels:
            return [hyperparameter.check(level) for level in self.levels[name]]
        if not isinstance(self.points, Mapping):
            return list(hyperparameter.grid(self.points))
        if name in self.points:
            return list(hyperparameter.grid(self.points[name]))
        return [hyperparameter.default_value()]
