"""Designs whose configurations are known before a study runs (FixedDesign), and their sum (Composed)."""

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
    """A design whose configurations are known before the first trial; subclasses are frozen dataclasses."""

    kind: ClassVar[str]

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Return the configurations of a space, in the design's order.

        Raises:
            InputError: the design cannot be applied to the space.
        """
        raise NotImplementedError

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """Return the number of configurations, duplicates included, without making the configurations.

        Args:
            space: the search space.
            most: limit at which counting may stop; a result above it may be any number above it.
        """
        raise NotImplementedError

    def check_names(self, names: Iterable[str]) -> None:
        """Check the names of hyperparameters that the design contains; the base class contains none.

        Args:
            names: names of the hyperparameters of all spaces of the study.

        Raises:
            InputError: no space contains a name of the design.
        """

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON and YAML; :func:`search_spaces.designs.design_from_dict` reads it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {"kind": self.kind, **values}

    def __add__(self, other: FixedDesign) -> Composed:
        """Return the design of the configurations of both, without duplicates."""
        if not isinstance(other, FixedDesign):
            raise InputError(
                f"a {self.kind} design can be joined with other designs that are known beforehand, got "
                f"{other!r}"
            )
        return Composed((self, other))


@dataclass(frozen=True)
class Composed(FixedDesign):
    """The configurations of several designs in order, without duplicates: ``Sobol(64) + OneAtATime(9)``.

    Args:
        parts: at least two designs whose configurations are known beforehand; a composed part is replaced by
            its own parts.

    Raises:
        InputError: a part is another kind of design, or there are fewer than two parts.

    >>> from search_spaces import Float, Grid, SearchSpace
    >>> (Grid(3) + Grid(5)).configurations(SearchSpace(Float("x", 0, 1)))
    [{'x': 0.0}, {'x': 0.5}, {'x': 1.0}, {'x': 0.25}, {'x': 0.75}]
    """

    parts: tuple[FixedDesign, ...]
    kind: ClassVar[str] = "composed"

    def __post_init__(self) -> None:
        flat: list[FixedDesign] = []
        for part in self.parts:
            if not isinstance(part, FixedDesign):
                raise InputError(
                    f"parts of a composed design must be designs that are known beforehand, got {part!r}"
                )
            flat += part.parts if isinstance(part, Composed) else [part]
        if len(flat) < 2:
            raise InputError(f"parts of a composed design must be at least two, got {len(flat)}")
        object.__setattr__(self, "parts", tuple(flat))

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Return the configurations of all parts in order, without duplicates."""
        return distinct(configuration for part in self.parts for configuration in part.configurations(space))

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """Return the sum of the sizes of the parts."""
        return sum(part.size(space, most) for part in self.parts)

    def check_names(self, names: Iterable[str]) -> None:
        """Check the names that the parts contain.

        Args:
            names: names of the hyperparameters of all spaces of the study.

        Raises:
            InputError: no space contains a name of a part.
        """
        known = list(names)
        for part in self.parts:
            part.check_names(known)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON and YAML; :func:`search_spaces.designs.design_from_dict` reads it."""
        return {"kind": self.kind, "parts": [part.to_dict() for part in self.parts]}


def check_unconstrained(kind: str, space: SearchSpace) -> None:
    """Check that a space has no constraints.

    Raises:
        InputError: it has one, and a design of this kind needs every point of the space.
    """
    for constraint in space.constraints:
        raise InputError(
            f"a {kind} design needs every point of the space, and '{constraint}' leaves some out; use grid, "
            "random or sobol"
        )


def check_size(design: Any) -> None:
    """Check the fields ``n`` and ``seed`` of a design and convert them to ints.

    Args:
        design: a frozen dataclass with ``n`` of at least 1 and ``seed`` of at least 0.

    Raises:
        InputError: ``n`` or ``seed`` is not an integer, or is out of range.
    """
    object.__setattr__(design, "n", count("n of a design", design.n))
    object.__setattr__(design, "seed", whole("seed of a design", design.seed, at_least=0))
