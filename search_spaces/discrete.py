"""Discrete hyperparameters: levels that have an order, and choices that have none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from search_spaces.domains import ALWAYS, Domain
from search_spaces.scales import bin_of, place
from search_spaces.values import Scalar, distinct_values, listed, pick, position_of
from trainables.names import InputError


@dataclass(frozen=True, repr=False)
class Ordinal(Domain):
    """One of several levels that have an order: numbers (inf too) or strings, not both.

    Args:
        name: how configurations call it. levels: in order; numbers need not rise evenly, but each is given once.
        default: one of the levels, or None. when: as in :class:`search_spaces.numeric.Float`.

    Raises: InputError for no levels, a level given twice, or a string that reads as a number (files cannot tell the two apart).

    >>> Ordinal("p", (1, 2, float("inf"))).from_unit(0.9)
    inf
    """

    name: str
    levels: tuple[Scalar, ...]
    default: Scalar | None = None
    when: Any = field(default=ALWAYS, kw_only=True)
    scale: ClassVar[Literal["ordinal"]] = "ordinal"
    kind: ClassVar[str] = "ordinal"

    def __post_init__(self) -> None:
        self._check_name_and_condition()
        object.__setattr__(self, "levels", distinct_values(f"levels of {self.name}", self.levels))
        if (
            any(isinstance(each, bool) for each in self.levels)
            or len({isinstance(each, str) for each in self.levels}) > 1
        ):
            raise InputError(
                f"levels of {self.name} must be all numbers or all strings, got {listed(self.levels)}"
            )
        self._check_default()

    @property
    def cardinality(self) -> int:
        """How many levels there are."""
        return len(self.levels)

    def check(self, value: object) -> Scalar:
        """The level that equals the value. Raises: InputError when none does."""
        return pick(self.name, value, self.levels)

    def to_unit(self, value: object) -> float:
        """The middle of the level's bin. Raises: as :meth:`check`."""
        return (self.levels.index(self.check(value)) + 0.5) / len(self.levels)

    def from_unit(self, u: float) -> Scalar:
        """The level in whose bin u is, u below 0 and above 1 taken as 0 and 1. Raises: InputError for nan."""
        return bin_of(self.levels, place(self.name, u))

    def grid(self, n: int) -> tuple[Scalar, ...]:
        """At most ``n`` levels, the first and the last among them, as evenly spread as they can be.

        One level is the default, or the middle. Raises: InputError for n < 1.
        """
        last = len(self.levels) - 1
        return self._levels([self.levels[math.floor(u * last + 0.5)] for u in self._even(n)])

    def middle(self) -> Scalar:
        """The level in the middle; the later of two."""
        return self.from_unit(0.5)


@dataclass(frozen=True, repr=False)
class Categorical(Domain):
    """One of several choices without an order.

    Args:
        name: how configurations call it. choices: strings, bools or numbers, each given once. default: one of them, or None.
        when: as in :class:`search_spaces.numeric.Float`.

    Raises: InputError for no choices, a choice given twice, or a string that reads as a number (files cannot tell the two apart).

    >>> Categorical("nesterov", (False, True)).to_unit(True)
    0.75
    """

    name: str
    choices: tuple[Scalar, ...]
    default: Scalar | None = None
    when: Any = field(default=ALWAYS, kw_only=True)
    scale: ClassVar[Literal["categorical"]] = "categorical"
    kind: ClassVar[str] = "categorical"

    def __post_init__(self) -> None:
        self._check_name_and_condition()
        object.__setattr__(self, "choices", distinct_values(f"choices of {self.name}", self.choices))
        self._check_default()

    @property
    def cardinality(self) -> int:
        """How many choices there are."""
        return len(self.choices)

    def check(self, value: object) -> Scalar:
        """The choice that equals the value; True is not 1. Raises: InputError when none does."""
        return pick(self.name, value, self.choices)

    def to_unit(self, value: object) -> float:
        """The middle of the choice's bin. Raises: as :meth:`check`."""
        return (position_of(self.check(value), self.choices) + 0.5) / len(self.choices)

    def from_unit(self, u: float) -> Scalar:
        """The choice in whose bin u is, u below 0 and above 1 taken as 0 and 1. Raises: InputError for nan."""
        return bin_of(self.choices, place(self.name, u))

    def grid(self, n: int) -> tuple[Scalar, ...]:
        """Every choice, whatever ``n`` above 1 is, as no choice lies between others.

        One level is the default, or the middle. Raises: InputError for n < 1.
        """
        return self.choices if self._even(n) else (self.default_value(),)

    def grid_size(self, n: int) -> int:
        """Every choice, unless ``n`` is 1."""
        return 1 if n == 1 else len(self.choices)

    def middle(self) -> Scalar:
        """The first choice: categories have no middle."""
        return self.choices[0]
