"""SALib's designs: Saltelli (for Sobol indices) and Morris (for elementary effects).

Both sample the unit cube, one column per hyperparameter. A hyperparameter that is inactive at a point is left
out of the configuration: the loss is a function on the cube that is constant along that column there, so the
indices stay exact for "this hyperparameter, where it is active". Discrete values and inactive columns can
make rows equal; equal rows are not removed, since row i of :meth:`configurations` belongs to row i of
:meth:`units`. A trial is identified by its configuration, so equal rows are one trial, trained once. To
analyse a study, look up the loss of every row's configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.combinations import MOST
from search_spaces.listing import condition
from search_spaces.planned import FixedDesign, check_size, check_unconstrained
from search_spaces.values import whole
from trainables.names import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from search_spaces.spaces import SearchSpace


@dataclass(frozen=True)
class _Screening(FixedDesign):
    """Base class of designs whose analysis depends on the order of the rows."""

    n: int
    seed: int = 0

    def units(self, space: SearchSpace) -> NDArray[np.float64]:
        """Return the rows in the unit cube, [rows, hyperparameters]: the argument X of SALib's analysis.

        Raises:
            InputError: the space has no hyperparameters or one that the design never activates, or there are
                too many rows.
        """
        self._check_space(space)
        rows = self.rows(len(space))
        if rows > MOST:
            raise InputError(
                f"a {self.kind} design must have at most {MOST:,} rows, got {rows:,}; use a smaller n"
            )
        return self._draw(self.problem(space))

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Return one configuration per row, in SALib's order, duplicates included.

        Raises:
            InputError: the space has no hyperparameters or one that the design never activates, or there are
                too many rows.
        """
        return space.decode(self.units(space))

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """Return the number of rows."""
        return self.rows(len(space))

    def problem(self, space: SearchSpace) -> dict[str, Any]:
        """Return SALib's problem dictionary: the hyperparameters as columns from 0 to 1."""
        return {"num_vars": len(space), "names": list(space.names), "bounds": [[0.0, 1.0]] * len(space)}

    def rows(self, hyperparameters: int) -> int:
        """Return the number of rows for a number of hyperparameters."""
        raise NotImplementedError

    def _draw(self, problem: dict[str, Any]) -> NDArray[np.float64]:
        raise NotImplementedError

    def _check_space(self, space: SearchSpace) -> None:
        if not len(space):
            raise InputError(f"a {self.kind} design needs a hyperparameter to vary, got a space without any")
        check_unconstrained(self.kind, space)
        for hyperparameter in space.conditional:
            name, when = hyperparameter.name, hyperparameter.when
            for parent in when:
                if space[parent].cardinality is None:
                    reason = f"{name} is active only when {condition(when)}, and {parent} is continuous"
                    raise InputError(
                        f"a {self.kind} design never varies {name}: {reason}; use a grid or give {parent} a "
                        "step"
                    )


@dataclass(frozen=True)
class Saltelli(_Screening):
    """Saltelli's extension of ``n`` scrambled Sobol points, for first-order and total indices.

    For d hyperparameters it has n (2 d + 2) rows, or n (d + 2) rows without second order: A, then A with one
    column of B at a time (then B with one column of A at a time), then B.

    Args:
        n: number of base points, a power of two.
        seed: seed of the scrambling, at least 0.
        second_order: True to allow indices of pairs to be estimated too.

    Raises:
        InputError: an argument is invalid.

    Source: Saltelli et al., "Variance based sensitivity analysis of model output", Computer Physics
    Communications 181 (2010), as in SALib.

    >>> from search_spaces import Float, SearchSpace
    >>> space = SearchSpace(Float("x", 0, 1), Float("y", 0, 1))
    >>> len(Saltelli(8).configurations(space)), len(Saltelli(8, second_order=False).configurations(space))
    (48, 32)
    """

    second_order: bool = True
    kind: ClassVar[str] = "saltelli"

    def __post_init__(self) -> None:
        check_size(self)
        if self.n & (self.n - 1):
            near = 1 << (self.n.bit_length() - 1)
            raise InputError(
                f"n of a saltelli design must be a power of two, got {self.n}; nearest {near} and {2 * near}"
            )
        if not isinstance(self.second_order, bool):
            raise InputError(
                f"second_order of a saltelli design must be true or false, got {self.second_order!r}"
            )

    def rows(self, hyperparameters: int) -> int:
        """Return the number of rows for a number of hyperparameters."""
        return self.n * ((2 * hyperparameters if self.second_order else hyperparameters) + 2)

    def _draw(self, problem: dict[str, Any]) -> NDArray[np.float64]:
        from SALib.sample import sobol

        units: NDArray[np.float64] = sobol.sample(
            problem, self.n, calc_second_order=self.second_order, seed=self.seed
        )
        return units


@dataclass(frozen=True)
class Morris(_Screening):
    """``n`` trajectories through a grid, each of which changes one hyperparameter at a time.

    For d hyperparameters a trajectory has d + 1 rows. A step is more than half of the scale, so it changes
    every hyperparameter with two or more values.

    Args:
        n: number of trajectories, at least 1.
        seed: seed of the random generator, at least 0.
        levels: number of levels of every scale, an even number of at least 2.

    Raises:
        InputError: an argument is invalid.

    Source: Morris, "Factorial Sampling Plans for Preliminary Computational Experiments", Technometrics 33
    (1991), as in SALib.

    >>> from search_spaces import Float, SearchSpace
    >>> len(Morris(10).configurations(SearchSpace(Float("x", 0, 1), Float("y", 0, 1))))
    30
    """

    levels: int = 4
    kind: ClassVar[str] = "morris"

    def __post_init__(self) -> None:
        check_size(self)
        object.__setattr__(self, "levels", whole("levels of a morris design", self.levels, at_least=2))
        if self.levels % 2:
            nearest = f"{self.levels - 1} and {self.levels + 1}"
            raise InputError(f"levels of a morris design must be even, got {self.levels}; nearest {nearest}")

    def rows(self, hyperparameters: int) -> int:
        """Return the number of rows for a number of hyperparameters."""
        return self.n * (hyperparameters + 1)

    def _draw(self, problem: dict[str, Any]) -> NDArray[np.float64]:
        from SALib.sample import morris

        units: NDArray[np.float64] = morris.sample(problem, self.n, num_levels=self.levels, seed=self.seed)
        return units
