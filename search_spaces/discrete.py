"""Discrete hyperparameters: ordered levels (Ordinal) and unordered choices (Categorical)."""

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
    """A hyperparameter with ordered levels: all numbers (infinity included) or all strings.

    Args:
        name: key of the hyperparameter in configurations.
        levels: distinct levels, in order; numbers may be listed in any order.
        default: one of the levels, or None.
        when: conditions, as in :class:`search_spaces.numeric.Float`.

    Raises:
        InputError: there are no levels, a level is repeated, or a string reads as a number (YAML and CSV
            files cannot tell the two apart).

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
        has_bool = any(isinstance(level, bool) for level in self.levels)
        if has_bool or len({isinstance(level, str) for level in self.levels}) > 1:
            raise InputError(
                f"levels of {self.name} must be all numbers or all strings, got {listed(self.levels)}"
            )
        self._check_default()

    @property
    def cardinality(self) -> int:
        """Number of levels."""
        return len(self.levels)

    def check(self, value: object) -> Scalar:
        """Return the level that equals a value.

        Raises:
            InputError: no level equals the value.
        """
        return pick(self.name, value, self.levels)

    def to_unit(self, value: object) -> float:
        """Return the middle of a level's bin in [0, 1].

        Raises:
            InputError: no level equals the value.
        """
        return (self.levels.index(self.check(value)) + 0.5) / len(self.levels)

    def from_unit(self, u: float) -> Scalar:
        """Return the level whose bin contains ``u``, which is clipped to [0, 1].

        Raises:
            InputError: ``u`` is NaN.
        """
        return bin_of(self.levels, place(self.name, u))

    def grid(self, n: int) -> tuple[Scalar, ...]:
        """Return at most ``n`` levels, spread as evenly as possible, the first and the last included.

        For ``n`` = 1, return the default value.

        Raises:
            InputError: ``n`` is below 1.
        """
        last = len(self.levels) - 1
        return self._levels([self.levels[math.floor(u * last + 0.5)] for u in self._even(n)])

    def middle(self) -> Scalar:
        """Return the middle level; the later of two middle levels."""
        return self.from_unit(0.5)


@dataclass(frozen=True, repr=False)
class Categorical(Domain):
    """A hyperparameter with unordered choices.

    Args:
        name: key of the hyperparameter in configurations.
        choices: distinct strings, bools or numbers.
        default: one of the choices, or None.
        when: conditions, as in :class:`search_spaces.numeric.Float`.

    Raises:
        InputError: there are no choices, a choice is repeated, or a string reads as a number (YAML and CSV
            files cannot tell the two apart).

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
        """Number of choices."""
        return len(self.choices)

    def check(self, value: object) -> Scalar:
        """Return the choice that equals a value; True does not equal 1.

        Raises:
            InputError: no choice equals the value.
        """
        return pick(self.name, value, self.choices)

    def to_unit(self, value: object) -> float:
        """Return the middle of a choice's bin in [0, 1].

        Raises:
            InputError: no choice equals the value.
        """
        return (position_of(self.check(value), self.choices) + 0.5) / len(self.choices)

    def from_unit(self, u: float) -> Scalar:
        """Return the choice whose bin contains ``u``, which is clipped to [0, 1].

        Raises:
            InputError: ``u`` is NaN.
        """
        return bin_of(self.choices, place(self.name, u))

    def grid(self, n: int) -> tuple[Scalar, ...]:
        """Return every choice for any ``n`` above 1, as no choice lies between two others.

        For ``n`` = 1, return the default value.

        Raises:
            InputError: ``n`` is below 1.
        """
        return self.choices if self._even(n) else (self.default_value(),)

    def grid_size(self, n: int) -> int:
        """Return the number of choices; 1 if ``n`` is 1."""
        return 1 if n == 1 else len(self.choices)

    def middle(self) -> Scalar:
        """Return the first choice, as choices have no middle."""
        return self.choices[0]
