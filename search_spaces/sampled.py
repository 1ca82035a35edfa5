"""Sampled designs: n points of the unit cube, mapped to the space. What a point has for an inactive hyperparameter is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.combinations import MOST, distinct
from search_spaces.planned import FixedDesign, check_size

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace


@dataclass(frozen=True)
class _Sampled(FixedDesign):
    """What designs of n points share."""

    n: int
    seed: int = 0

    def __post_init__(self) -> None:
        check_size(self)

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """n points."""
        return self.n


@dataclass(frozen=True)
class Random(_Sampled):
    """``n`` independent points, uniform on every scale. A larger n begins with the points of a smaller.

    Args: n: points, at least 1; configurations that discrete hyperparameters or conditions make equal are given once. seed: 0 or more.

    >>> from search_spaces import Float, SearchSpace
    >>> len(Random(8).configurations(SearchSpace(Float("lr", 0.01, 1, "log"))))
    8
    """

    kind: ClassVar[str] = "random"

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """In the order they were drawn."""
        return distinct(space.sample(self.n, self.seed))


@dataclass(frozen=True)
class Sobol(_Sampled):
    """``n`` points of a scrambled Sobol sequence, which fill the space more evenly than random ones.

    A larger n begins with the points of a smaller; powers of two are balanced. Source: Owen, "Scrambling Sobol' and
    Niederreiter-Xing points" (1998), as in scipy.stats.qmc.

    Args: n: points, at least 1; configurations that discrete hyperparameters or conditions make equal are given once. seed: 0 or more.

    >>> from search_spaces import Float, SearchSpace
    >>> space = SearchSpace(Float("lr", 0.01, 1, "log"))
    >>> Sobol(8).configurations(space)[:4] == Sobol(4).configurations(space)
    True
    """

    kind: ClassVar[str] = "sobol"

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """In the order of the sequence."""
        if not len(space):
            return [{}]
        from scipy.stats import qmc

        sequence = qmc.Sobol(len(space), scramble=True, rng=self.seed)
        # Whole powers of two only, so that scipy has no imbalance to warn of; n cuts the last one.
        return distinct(space.decode(sequence.random_base2((self.n - 1).bit_length())[: self.n]))


@dataclass(frozen=True)
class LatinHypercube(_Sampled):
    """``n`` points, of which each of n equal parts of every scale holds exactly one. Another n is another design: none contains another.

    Args: n: points, at least 1; configurations that discrete hyperparameters or conditions make equal are given once. seed: 0 or more.

    Source: McKay, Beckman & Conover, "A Comparison of Three Methods for Selecting Values of Input Variables", Technometrics 21 (1979).

    >>> from search_spaces import Float, SearchSpace
    >>> sorted(int(4 * each["x"]) for each in LatinHypercube(4).configurations(SearchSpace(Float("x", 0, 1))))
    [0, 1, 2, 3]
    """

    kind: ClassVar[str] = "latin_hypercube"

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """In the order they were drawn."""
        if not len(space):
            return [{}]
        from scipy.stats import qmc

        return distinct(space.decode(qmc.LatinHypercube(len(space), rng=self.seed).random(self.n)))
