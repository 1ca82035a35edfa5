"""Grid: the full factorial design."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.combinations import MOST, combine, count, count_combinations
from search_spaces.hyperparameters import Hyperparameter
from search_spaces.planned import FixedDesign
from search_spaces.values import write_value
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace


@dataclass(frozen=True)
class Grid(FixedDesign):
    """The full factorial: every combination of a few levels of each hyperparameter.

    In a conditional space, every combination of the active ones once. One grid serves spaces that differ: a name that a space lacks is
    passed over, and :meth:`check_names` finds names that all lack.

    Args:
        points: levels of each hyperparameter, equally spaced on its scale; or the levels of each by name, where a name left out keeps
            its default. levels: the levels themselves, by name; they go before points.

    Raises: InputError for less than one point, no levels, or a name with both; from :meth:`configurations` for a level outside its domain.

    >>> from search_spaces import Float, SearchSpace
    >>> Grid(points=2, levels={"mu": [0.9]}).configurations(SearchSpace(Float("lr", 0.01, 1, "log"), Float("mu", 0, 0.99)))
    [{'lr': 0.01, 'mu': 0.9}, {'lr': 1.0, 'mu': 0.9}]
    """

    points: int | Mapping[str, int] = field(default=3, hash=False)
    levels: Mapping[str, Sequence[Any]] = field(default_factory=dict, hash=False)
    kind: ClassVar[str] = "grid"

    def __post_init__(self) -> None:
        if isinstance(self.points, Mapping):
            if not self.points and not self.levels:
                raise InputError("points of a grid must name at least one hyperparameter, got none")
            object.__setattr__(
                self, "points", {name: count(f"points of {name}", each) for name, each in self.points.items()}
            )
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
        """Every combination of what is active, each once, the last hyperparameter changing fastest."""
        return combine(tuple(space), {each.name: self._levels(each) for each in space})

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """The product of the levels; in a conditional space, of those that are active, branch by branch."""
        return count_combinations(tuple(space), self._size, self._levels, most)

    def check_names(self, names: Iterable[str]) -> None:
        """Raises: InputError, with the nearest name, for a hyperparameter of this grid that is none of ``names``."""
        known = sorted(set(names))
        for name in (*(self.points if isinstance(self.points, Mapping) else ()), *self.levels):
            if name not in known:
                raise unknown("hyperparameter of the grid", name, known)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`design_from_dict` reads it."""
        data: dict[str, Any] = {
            "kind": self.kind,
            "points": dict(self.points) if isinstance(self.points, Mapping) else self.points,
        }
        if self.levels:
            data["levels"] = {
                name: [write_value(each) for each in values] for name, values in self.levels.items()
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
            return [hyperparameter.check(each) for each in self.levels[name]]
        if not isinstance(self.points, Mapping):
            return list(hyperparameter.grid(self.points))
        return (
            list(hyperparameter.grid(self.points[name]))
            if name in self.points
            else [hyperparameter.default_value()]
        )
