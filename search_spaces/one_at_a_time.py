"""One at a time: every hyperparameter along its scale while the others stay at a center."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.combinations import MOST, count, distinct
from search_spaces.planned import FixedDesign
from search_spaces.values import write_value
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace


BEST = "best"


@dataclass(frozen=True)
class OneAtATime(FixedDesign):
    """Each hyperparameter at a few levels, the others at the center.

    Where a level makes others active, they have the center's value, or their default; where it makes others inactive, they are left out.
    A hyperparameter that is inactive at the center varies around the nearest configuration in which it is active.

    Args: points: levels of each, equally spaced on its scale; every choice of a categorical. center: a configuration around which to vary,
        or some values of one; what it leaves out has its default. A name that a space lacks is passed over. ``"best"`` is the best
        configuration of each variant that the store has when a study runs; by itself the design then varies around the default.

    Raises: InputError for less than one point; from :meth:`configurations` for a value of the center outside its domain.

    >>> from search_spaces import Float, SearchSpace
    >>> OneAtATime(2, {"x": 0.2}).configurations(SearchSpace(Float("x", 0, 1), Float("y", 0, 1)))
    [{'x': 0.2, 'y': 0.5}, {'x': 0.0, 'y': 0.5}, {'x': 1.0, 'y': 0.5}, {'x': 0.2, 'y': 0.0}, {'x': 0.2, 'y': 1.0}]
    """

    points: int = 9
    center: Mapping[str, Any] | str = field(default_factory=dict, hash=False)
    kind: ClassVar[str] = "one_at_a_time"

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", count("points of a one_at_a_time design", self.points))
        if self.center == BEST:
            return
        if not isinstance(self.center, Mapping):
            raise InputError(
                f"center of a one_at_a_time design must be {BEST!r} or a configuration such as {{lr: 0.01}}, got {self.center!r}"
            )
        object.__setattr__(self, "center", dict(self.center))

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """The center, then each hyperparameter's levels in order; what is equal is given once."""
        center = {name: value for name, value in self._center().items() if name in space}
        around = [space.reach(each.name, level, center) for each in space for level in each.grid(self.points)]
        return distinct([space.complete(center), *around])

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """The center and the levels of each."""
        return 1 + sum(each.grid_size(self.points) for each in space)

    def check_names(self, names: Iterable[str]) -> None:
        """Raises: InputError, with the nearest name, for a hyperparameter of the center that is none of ``names``."""
        known = sorted(set(names))
        for name in self._center():
            if name not in known:
                raise unknown("hyperparameter of the center", name, known)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`search_spaces.designs.design_from_dict` reads it."""
        center = (
            BEST
            if self.center == BEST
            else {name: write_value(value) for name, value in self._center().items()}
        )
        return {"kind": self.kind, "points": self.points, **({"center": center} if center else {})}

    def _center(self) -> Mapping[str, Any]:
        return self.center if isinstance(self.center, Mapping) else {}
