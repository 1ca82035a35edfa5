"""Sampled designs: n points of the unit cube, decoded to configurations of the space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.combinations import MOST, distinct
from search_spaces.planned import FixedDesign, check_size, check_unconstrained

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from search_spaces.spaces import SearchSpace


@dataclass(frozen=True)
class _Sampled(FixedDesign):
    """Base class of designs of ``n`` points."""

    n: int
    seed: int = 0

    def __post_init__(self) -> None:
        check_size(self)

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """Return ``n``."""
        return self.n


@dataclass(frozen=True)
class Random(_Sampled):
    """``n`` independent points, uniform on every scale; a larger design extends a smaller one.

    Args:
        n: number of points, at least 1; equal configurations (of discrete or inactive hyperparameters) are
            returned once.
        seed: seed of the random generator, at least 0.

    >>> from search_spaces import Float, SearchSpace
    >>> len(Random(8).configurations(SearchSpace(Float("lr", 0.01, 1, "log"))))
    8
    """

    kind: ClassVar[str] = "random"

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Return the configurations in the order of the draws, without duplicates."""
        return distinct(space.sample(self.n, self.seed))


@dataclass(frozen=True)
class Sobol(_Sampled):
    """``n`` points of a scrambled Sobol sequence, which covers the space more evenly than random points.

    A larger design begins with the points of a smaller one; powers of two are balanced, unless constraints
    leave points out.

    Args:
        n: number of points, at least 1; equal configurations (of discrete or inactive hyperparameters) are
            returned once.
        seed: seed of the scrambling, at least 0.

    Source: Owen, "Scrambling Sobol' and Niederreiter-Xing points" (1998), as in scipy.stats.qmc.

    >>> from search_spaces import Float, SearchSpace
    >>> space = SearchSpace(Float("lr", 0.01, 1, "log"))
    >>> Sobol(8).configurations(space)[:4] == Sobol(4).configurations(space)
    True
    """

    kind: ClassVar[str] = "sobol"

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Return the configurations in the order of the sequence, without duplicates."""
        if not len(space):
            return [{}]
        from scipy.stats import qmc

        sequence = qmc.Sobol(len(space), scramble=True, rng=self.seed)

        def draw(count: int) -> NDArray[np.float64]:
            # A power of two first: scipy warns about other lengths, as they are not balanced.
            first = not sequence.num_generated
            points: NDArray[np.float64] = (
                sequence.random_base2((count - 1).bit_length()) if first else sequence.random(count)
            )
            return points if space.constraints else points[:count]

        return distinct(space.allowed(self.n, draw))


@dataclass(frozen=True)
class LatinHypercube(_Sampled):
    """``n`` points, exactly one in each of ``n`` equal parts of every scale.

    Designs of different ``n`` do not contain each other.

    Args:
        n: number of points, at least 1; equal configurations (of discrete or inactive hyperparameters) are
            returned once.
        seed: seed of the random generator, at least 0.

    Source: McKay, Beckman & Conover, "A Comparison of Three Methods for Selecting Values of Input Variables",
    Technometrics 21 (1979).

    >>> from search_spaces import Float, SearchSpace
    >>> rows = LatinHypercube(4).configurations(SearchSpace(Float("x", 0, 1)))
    >>> sorted(int(4 * row["x"]) for row in rows)
    [0, 1, 2, 3]
    """

    kind: ClassVar[str] = "latin_hypercube"

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Return the configurations in the order of the draws, without duplicates."""
        if not len(space):
            return [{}]
        check_unconstrained(self.kind, space)
        from scipy.stats import qmc

        return distinct(space.decode(qmc.LatinHypercube(len(space), rng=self.seed).random(self.n)))
