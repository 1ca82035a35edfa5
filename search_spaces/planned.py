"""What all designs share: composition, sizes and seeds that are checked, plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.combinations import MOST
from trainables.names import InputError

if TYPE_CHECKING:
    from search_spaces.composed import Composed
    from search_spaces.spaces import SearchSpace


class Planned:
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

    def __add__(self, other: Planned) -> Composed:
        """The configurations of both, each once."""
        from search_spaces.composed import Composed

        if not isinstance(other, Planned):
            raise InputError(
                f"a {self.kind} design can be joined with other designs that are known beforehand, got {other!r}"
            )
        return Composed((self, other))


def count(name: str, value: object) -> int:
    """A whole number from 1 to :data:`search_spaces.combinations.MOST`. Raises: InputError."""
    number = whole(name, value, at_least=1)
    if number > MOST:
        raise InputError(f"{name} must be at most {MOST:,}, got {number:,}")
    return number


def whole(name: str, value: object, *, at_least: int) -> int:
    """A whole number that is large enough. Raises: InputError."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < at_least:
        raise InputError(f"{name} must be a whole number of at least {at_least}, got {value!r}")
    return int(value)


def check_size(design: Any) -> None:
    """n and seed of a design as ints. Raises: InputError."""
    object.__setattr__(design, "n", count("n of a design", design.n))
    object.__setattr__(design, "seed", whole("seed of a design", design.seed, at_least=0))
