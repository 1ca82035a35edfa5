"""An axis: the values of one hyperparameter in a group, on the logarithm of its scale, and their levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sensitivity.measures.losses import Array, Losses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.results.results import Results


@dataclass(frozen=True)
class Axis:
    """A hyperparameter of one group.

    Attributes:
        domain: The hyperparameter.
        x: Place of each configuration on the logarithm of the scale, or among the levels.
    """

    domain: Hyperparameter
    x: Array

    @property
    def numeric(self) -> bool:
        return self.domain.scale in ("linear", "log", "log1m")

    def back(self, x: float) -> float:
        """Return the value at a place on the logarithm of the scale."""
        if self.domain.scale == "log":
            return float(10**x)
        return float(1 - 10**x) if self.domain.scale == "log1m" else float(x)


def axis_of(results: Results, group: Losses, name: str) -> Axis:
    """Return the axis of a hyperparameter; NaN where it is inactive, or 0 on a log scale: no factor away from
    anything."""
    domain = results.spaces[group.variant][name]
    values = [configuration.get(name, np.nan) for configuration in group.configurations]
    if domain.scale in ("ordinal", "categorical"):
        units = group.units[:, group.names.index(name)]
        return Axis(
            domain,
            np.array(
                [
                    u if name in configuration else np.nan
                    for u, configuration in zip(units, group.configurations, strict=True)
                ]
            ),
        )
    x = np.array(values, dtype=float)
    if domain.scale == "log":
        x[x == 0] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        return Axis(
            domain,
            np.log10(x) if domain.scale == "log" else np.log10(1 - x) if domain.scale == "log1m" else x,
        )


def levels_of(group: Losses, axis: Axis, bins: int) -> tuple[list[float], NDArray[np.int64]]:
    """Return the levels of an axis, and the level of each configuration, -1 where it has none.

    Many levels are replaced by the middles of ``bins`` equal parts.
    """
    active = np.isfinite(axis.x)
    levels, place = np.unique(np.round(axis.x[active], 10), return_inverse=True)
    places = np.full(len(axis.x), -1)
    if group.fixed or len(levels) <= bins:
        places[active] = place.reshape(-1)
        return levels.tolist(), places
    low, high = levels[0], levels[-1]
    places[active] = np.minimum(((axis.x[active] - low) / (high - low) * bins).astype(int), bins - 1)
    return (low + (np.arange(bins) + 0.5) * (high - low) / bins).tolist(), places
