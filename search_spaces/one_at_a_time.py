"""OneAtATime: the design that varies one hyperparameter along its scale while the others stay at a center."""

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
"""Center that stands for the best stored configuration of each variant."""


@dataclass(frozen=True)
class OneAtATime(FixedDesign):
    """A few levels of each hyperparameter in turn, with all other hyperparameters at the center.

    Hyperparameters that a level activates have the value of the center, or their default value; those that a
    level deactivates are left out. A hyperparameter that is inactive at the center is varied at the nearest
    configuration in which it is active.

    Args:
        points: number of levels of each hyperparameter, equally spaced on its scale, at least 1; a
            categorical has all its choices.
        center: values by name of the configuration to vary; a missing hyperparameter has its default value,
            and names that a space lacks are ignored. ``"best"`` is the best configuration of each variant in
            the store when a study runs; without a study, it means the default configuration.

    Raises:
        InputError: ``points`` is below 1, or ``center`` is not a mapping.

    >>> from search_spaces import Float, SearchSpace
    >>> for row in OneAtATime(2, {"x": 0.2}).configurations(SearchSpace(Float("x", 0, 1), Float("y", 0, 1))):
    ...     print(row)
    {'x': 0.2, 'y': 0.5}
    {'x': 0.0, 'y': 0.5}
    {'x': 1.0, 'y': 0.5}
    {'x': 0.2, 'y': 0.0}
    {'x': 0.2, 'y': 1.0}
    """

    points: int = 9
    center: Mapping[str, Any] | str = field(default_factory=dict, hash=False)
    kind: ClassVar[str] = "one_at_a_time"

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", count("points of a one_at_a_time design", self.points))
        if self.center == BEST:
            return
        if not isinstance(self.center, Mapping):
            example = f"{BEST!r} or a configuration such as {{lr: 0.01}}"
            raise InputError(f"center of a one_at_a_time design must be {example}, got {self.center!r}")
        object.__setattr__(self, "center", dict(self.center))

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Return the center, then the allowed levels of each hyperparameter in order, without duplicates.

        Raises:
            InputError: a value of the center is outside its domain, or a constraint forbids the center.
        """
        center = {name: value for name, value in self._center().items() if name in space}
        varied = [
            space.reach(hyperparameter.name, level, center)
            for hyperparameter in space
            for level in hyperparameter.grid(self.points)
        ]
        whole = space.complete(center)
        space.check_allowed(whole)
        return distinct([whole, *filter(space.allows, varied)])

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """Return 1 for the center plus the number of levels of all hyperparameters."""
        return 1 + sum(hyperparameter.grid_size(self.points) for hyperparameter in space)

    def check_names(self, names: Iterable[str]) -> None:
        """Check the names in ``center``.

        Args:
            names: names of the hyperparameters of all spaces of the study.

        Raises:
            InputError: no space contains a name of the center; the message gives the nearest.
        """
        known = sorted(set(names))
        for name in self._center():
            if name not in known:
                raise unknown("hyperparameter of the center", name, known)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON and YAML; :func:`search_spaces.designs.design_from_dict` reads it."""
        if self.center == BEST:
            center: Any = BEST
        else:
            center = {name: write_value(value) for name, value in self._center().items()}
        return {"kind": self.kind, "points": self.points, **({"center": center} if center else {})}

    def _center(self) -> Mapping[str, Any]:
        return self.center if isinstance(self.center, Mapping) else {}
