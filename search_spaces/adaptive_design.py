"""Adaptive: configurations that are chosen while the study runs."""

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
"""What an adaptive design can choose by: Optuna's samplers."""
SCHEDULERS = ("asha", "hyperband", "median")
"""What can stop a trial early, by name; any other scheduler of Ray Tune by its dotted name, ``package.module:Class``."""


@dataclass(frozen=True)
class AdaptiveDesign:
    """``n`` configurations that a sampler chooses while the study runs, each from the outcomes of those before it.

    It looks for each variant's optimum, so its configurations crowd there and are no fair sample of the space.

    Args: n: configurations, at least 1. seed: of the sampler, 0 or more. sampler: one of :data:`SAMPLERS`; ``brute`` tries every
        configuration of a space that has finitely many, and ends after the last. scheduler: one of :data:`SCHEDULERS` or the dotted name of
        another, to stop trials early; None trains every trial to its end.

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
            dotted = isinstance(self.scheduler, str) and re.fullmatch(
                r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", self.scheduler
            )
            if not dotted:
                raise unknown("scheduler", self.scheduler, (*SCHEDULERS, "package.module:Class"))

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Raises: InputError always, as they are not known beforehand."""
        raise InputError(
            "an adaptive design chooses its configurations while the study runs; use grid, random or sobol to list them"
        )

    def size(self, space: SearchSpace, most: int = MOST) -> int:
        """n configurations, or fewer where a space has fewer."""
        return self.n

    def check_space(self, space: SearchSpace) -> None:
        """Raises: InputError, naming the hyperparameter, for a brute-force search over a continuous one."""
        check_sampler(self.sampler, space)

    def check_names(self, names: Iterable[str]) -> None:
        """Nothing to check: this design names no hyperparameter."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`search_spaces.designs.design_from_dict` reads it."""
        data = {"kind": self.kind, "n": self.n, "seed": self.seed, "sampler": self.sampler}
        return data if self.scheduler is None else {**data, "scheduler": self.scheduler}


def check_sampler(sampler: str, space: SearchSpace) -> None:
    """The sampler suits the space. Raises: InputError, naming the hyperparameter, for brute force over a continuous one."""
    for each in space if sampler == "brute" else ():
        if each.cardinality is None:
            raise InputError(
                f"a brute-force search needs finitely many values, but {each.name} is continuous; give it a step or use a grid"
            )
