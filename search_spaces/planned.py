"""What all designs share: composition, sizes and seeds that are checked, plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.combinations import MOST, count, distinct
from search_spaces.values import whole
from trainables.names import InputError

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace


class FixedDesign:
    """A design whose configurations are known before the first trial runs. Each one is a frozen dataclass with its own fields."""

    kind: ClassVar[str]

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """The configurations of the space, in the design's order. Raises: InputError where the space does not suit the design."""
        raise NotImplementedError

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """How many configurations there are, equal ones counted each, without making one.

        Args: most: a size beyond it may be any number above it, so that what is too many is known at once.
        """
        raise NotImplementedError

    def check_names(self, names: Iterable[str]) -> None:
        """Nothing to check where a design names no hyperparameter."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`search_spaces.designs.design_from_dict` reads it."""
        return {"kind": self.kind, **{each.name: getattr(self, each.name) for each in fields(self)}}  # type: ignore[arg-type]

    def __add__(self, other: FixedDesign) -> Composed:
        """The configurations of both, each once."""
        if not isinstance(other, FixedDesign):
            raise InputError(
                f"a {self.kind} design can be joined with other designs that are known beforehand, got {other!r}"
            )
        return Composed((self, other))


@dataclass(frozen=True)
class Composed(FixedDesign):
    """The configurations of each part in turn, those that an earlier part has left out: ``Sobol(64) + OneAtATime(9)``.

    Args: parts: designs that are known beforehand, at least two; a composed one counts as its parts.
    Raises: InputError for other designs; for fewer than two.

    >>> from search_spaces import Float, Grid, SearchSpace
    >>> (Grid(3) + Grid(5)).configurations(SearchSpace(Float("x", 0, 1)))
    [{'x': 0.0}, {'x': 0.5}, {'x': 1.0}, {'x': 0.25}, {'x': 0.75}]
    """

    parts: tuple[FixedDesign, ...]
    kind: ClassVar[str] = "composed"

    def __post_init__(self) -> None:
        flat: list[FixedDesign] = []
        for each in self.parts:
            if not isinstance(each, FixedDesign):
                raise InputError(
                    f"parts of a composed design must be designs that are known beforehand, got {each!r}"
                )
            flat += each.parts if isinstance(each, Composed) else [each]
        if len(flat) < 2:
            raise InputError(f"parts of a composed design must be at least two, got {len(flat)}")
        object.__setattr__(self, "parts", tuple(flat))

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """The parts' configurations in order, each once."""
        return distinct(configuration for each in self.parts for configuration in each.configurations(space))

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """The sum of the parts'."""
        return sum(each.size(space, most) for each in self.parts)

    def check_names(self, names: Iterable[str]) -> None:
        """Raises: InputError as the parts."""
        known = list(names)
        for each in self.parts:
            each.check_names(known)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`search_spaces.designs.design_from_dict` reads it."""
        return {"kind": self.kind, "parts": [each.to_dict() for each in self.parts]}


def check_size(design: Any) -> None:
    """n and seed of a design as ints. Raises: InputError."""
    object.__setattr__(design, "n", count("n of a design", design.n))
    object.__setattr__(design, "seed", whole("seed of a design", design.seed, at_least=0))
