"""AdaptiveDesign: configurations that a sampler chooses while the study runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.combinations import MOST
from search_spaces.planned import check_size
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace

SAMPLERS = ("tpe", "random", "qmc", "gp", "cmaes", "nsga2", "brute")
"""Names of Optuna's samplers that an adaptive design can use."""
SCHEDULERS = ("asha", "hyperband", "median")
"""Names of schedulers that stop trials early; others are written ``package.module:Class``."""


@dataclass(frozen=True)
class AdaptiveDesign:
    """``n`` configurations chosen by a sampler while the study runs, based on the results of earlier ones.

    The sampler searches for each variant's optimum, so the configurations concentrate there and do not
    represent the whole space.

    Args:
        n: number of configurations, at least 1.
        seed: seed of the sampler, at least 0.
        sampler: one of :data:`SAMPLERS`. ``brute`` tries every configuration of a space with finitely many
            configurations, and stops after the last.
        scheduler: one of :data:`SCHEDULERS`, or the dotted name of another, to stop trials early; None trains
            every trial to its last epoch.

    Raises:
        InputError: an argument is invalid.

    >>> AdaptiveDesign(50, sampler="gp").to_dict()
    {'kind': 'adaptive', 'n': 50, 'seed': 0, 'sampler': 'gp'}
    """

    n: int
    seed: int = 0
    sampler: str = "tpe"
    scheduler: str | None = None
    kind: ClassVar[str] = "adaptive"

    def __post_init__(self) -> None:
        check_size(self)
        if self.sampler not in SAMPLERS:
            raise unknown("sampler", self.sampler, SAMPLERS)
        if self.scheduler is not None and self.scheduler not in SCHEDULERS:
            pattern = r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*"
            if not (isinstance(self.scheduler, str) and re.fullmatch(pattern, self.scheduler)):
                raise unknown("scheduler", self.scheduler, (*SCHEDULERS, "package.module:Class"))

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Refuse to list the configurations.

        Raises:
            InputError: always, as the configurations are chosen while the study runs.
        """
        raise InputError(
            "an adaptive design chooses its configurations while the study runs; use grid, random or sobol "
            "to list them"
        )

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """Return ``n``, an upper bound: ``brute`` stops earlier if the space has fewer configurations."""
        return self.n

    def check_space(self, space: SearchSpace) -> None:
        """Check that the sampler can search a space.

        Raises:
            InputError: the space has constraints, or the sampler is ``brute`` and a hyperparameter is
                continuous.
        """
        for constraint in space.constraints:
            raise InputError(
                f"an adaptive design cannot keep to '{constraint}', of which its sampler does not know; use "
                "grid, random or sobol"
            )
        check_sampler(self.sampler, space)

    def check_names(self, names: Iterable[str]) -> None:
        """Accept any names, as this design names no hyperparameter."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON and YAML; :func:`search_spaces.designs.design_from_dict` reads it."""
        data = {"kind": self.kind, "n": self.n, "seed": self.seed, "sampler": self.sampler}
        return data if self.scheduler is None else {**data, "scheduler": self.scheduler}


def check_sampler(sampler: str, space: SearchSpace) -> None:
    """Check that a sampler can search a space.

    Args:
        sampler: one of :data:`SAMPLERS`.
        space: the search space.

    Raises:
        InputError: the sampler is ``brute`` and a hyperparameter is continuous.
    """
    for hyperparameter in space if sampler == "brute" else ():
        if hyperparameter.cardinality is None:
            raise InputError(
                f"a brute-force search needs finitely many values, but {hyperparameter.name} is continuous; "
                "give it a step or use a grid"
            )
