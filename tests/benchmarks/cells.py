"""Simulated studies whose truth is known, a kind of study a cell, shared by all statistics."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.hyperparameters import Float
from search_spaces.spaces import SearchSpace
from sensitivity.measures.losses import Losses

Array = NDArray[np.float64]
INITIAL = 1.0
LR, MU, NU = Float("lr", 1e-3, 1.0, "log"), Float("mu", 0.5, 0.99, "log1m"), Float("nu", 0.9, 0.999, "log1m")
VARIANTS = ("adam", "sgd")
Surface = Callable[[Array, int], Array]


@dataclass(frozen=True)
class Cell:
    """A kind of study.

    Attributes:
        name: Name of the cell.
        levels: Levels of lr, mu and nu of a grid; one number a hyperparameter.
        mean: Mean loss of points of the unit cube ``[points, hyperparameters]`` by number of the variant.
        noise: Standard deviation of the noise of a seed at such points.
        heavy: True for noise of Student's t with three degrees of freedom.
        diverging: Chance to diverge at such points, or None.
        missing: Share of trials that are missing.
        uneven: True if configurations have unequal numbers of seeds.
        random: Number of random configurations, 0 for the grid.
    """

    name: str
    levels: tuple[int, ...]
    mean: Surface
    noise: Callable[[Array], Array] = field(default=lambda units: np.full(len(units), 0.02))
    heavy: bool = False
    diverging: Callable[[Array], Array] | None = None
    missing: float = 0.0
    uneven: bool = False
    random: int = 0

    @property
    def space(self) -> SearchSpace:
        return SearchSpace(*(LR, MU, NU)[: len(self.levels)])

    @property
    def results(self) -> Any:
        """What measures of one group read of results: the search spaces."""
        return self.results_of(VARIANTS)

    def results_of(self, variants: tuple[str, ...]) -> Any:
        """:attr:`results` of variants of these names."""
        return SimpleNamespace(spaces=dict.fromkeys(variants, self.space))

    def draw(
        self, seeds: int, number: int, variants: tuple[str, ...] = VARIANTS
    ) -> tuple[list[Losses], list[Array]]:
        """Return one study, as the losses of each variant, and the true capped mean losses."""
        rng = np.random.default_rng((number, seeds, *self.name.encode()))
        space, names = self.space, self.space.names
        groups, truths = [], []
        for place, variant in enumerate(variants):
            units = self._units(rng)
            mean = np.minimum(self.mean(units, place), INITIAL)
            shape = (len(units), seeds)
            normal = rng.standard_t(3, shape) / math.sqrt(3) if self.heavy else rng.standard_normal(shape)
            loss = np.minimum(mean[:, None] + self.noise(units)[:, None] * normal, INITIAL)
            truth = mean
            if self.diverging is not None:
                chance = self.diverging(units)
                loss = np.where(rng.random(shape) < chance[:, None], INITIAL, loss)
                truth = chance * INITIAL + (1 - chance) * mean
            loss[:, 1:][rng.random((len(units), seeds - 1)) < self.missing] = np.nan
            if self.uneven and seeds > 2:
                loss[::2, -1] = np.nan
            values = [
                [hyperparameter.from_unit(u) for u in column]
                for hyperparameter, column in zip(space, units.T, strict=True)
            ]
            configurations = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
            groups.append(
                Losses(
                    "task",
                    variant,
                    loss,
                    units,
                    np.array(values[0]),
                    configurations,
                    names,
                    not self.random,
                    INITIAL,
                )
            )
            truths.append(truth)
        return groups, truths

    def expected(self, place: int, truth: Array) -> float:
        """Return the true mean loss over the grid, or over the space where configurations are random."""
        if not self.random:
            return float(truth.mean())
        units = np.random.default_rng(1).random((200_000, len(self.levels)))
        mean = np.minimum(self.mean(units, place), INITIAL)
        if self.diverging is not None:
            chance = self.diverging(units)
            mean = chance * INITIAL + (1 - chance) * mean
        return float(mean.mean())

    def _units(self, rng: np.random.Generator) -> Array:
        if self.random:
            return rng.random((self.random, len(self.levels)))
        axes = [np.linspace(0, 1, count) for count in self.levels]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def valley(units: Array, place: int) -> Array:
    """A valley in lr, off the levels, with a slope in the second hyperparameter; the second variant is behind."""
    rest = 0.08 * units[:, 1] if units.shape[1] > 1 else 0.0
    return np.asarray(0.05 + 0.03 * place + (1.2 + 0.4 * place) * (units[:, 0] - 0.55) ** 2 + rest)


def cliff(units: Array, place: int) -> Array:
    below = 0.3 - 0.35 * units[:, 0] + 0.05 * units[:, 1] + 0.02 * place
    return np.asarray(np.where(units[:, 0] > 0.62, 0.95, below))


def three(units: Array, place: int) -> Array:
    return np.asarray(
        0.1 + 0.02 * place + 0.6 * np.abs(units[:, 0] - 0.5 * units[:, 1] - 0.2 * units[:, 2]) ** 1.5
    )


def steps(units: Array, place: int) -> Array:
    first = np.array([0.0, 0.1, 0.3, 0.02])[(units[:, 0] * 3).round().astype(int)]
    return np.asarray(
        0.2 + 0.02 * place + first + np.array([0.05, 0, 0.07])[(units[:, 1] * 2).round().astype(int)]
    )


def flat(units: Array, place: int) -> Array:
    return np.full(len(units), 0.2 + 0.01 * place)


def edge(units: Array, place: int) -> Array:
    return np.asarray(0.1 + 0.02 * place + 0.5 * units[:, 0] + 0.05 * units[:, 1])


def often(units: Array) -> Array:
    return np.where(units[:, 0] > 0.95, 0.95, np.where(units[:, 0] > 0.8, 0.45, 0.0))


def outside(units: Array) -> Array:
    """Every seed diverges outside a quarter of the decades of lr."""
    return np.where(np.abs(units[:, 0] - 0.55) < 0.125, 0.0, 1.0)


GRIDS = (
    Cell("equal noise", (8, 4), valley),
    Cell("unequal noise", (8, 4), valley, noise=lambda units: 0.004 + 0.1 * (units[:, 0] - 0.55) ** 2),
    Cell("heavy tails", (8, 4), valley, heavy=True),
    Cell("20% diverged", (8, 4), valley, diverging=often),
    Cell("77% diverged", (13, 4), valley, diverging=outside),
    Cell("77% diverged, 13 configurations", (13,), valley, diverging=outside),
    Cell("lr cliff", (8, 4), cliff),
    Cell("plateau of 8", (8,), flat),
    Cell("plateau of 20", (10, 2), flat),
    Cell("plateau of 100", (10, 10), flat),
    Cell("optimum at the edge", (8, 4), edge),
    Cell("8 configurations", (8,), valley),
    Cell("unequal seeds", (8, 4), valley, uneven=True),
    Cell("missing trials", (8, 4), valley, missing=0.15),
    Cell("three interacting", (8, 4, 3), three),
    Cell("discrete levels", (4, 3), steps),
)
RANDOM = tuple(
    Cell(
        f"{cell.name}, random",
        cell.levels,
        cell.mean,
        cell.noise,
        cell.heavy,
        cell.diverging,
        cell.missing,
        cell.uneven,
        40,
    )
    for cell in GRIDS
    if cell.name
    in (
        "equal noise",
        "unequal noise",
        "heavy tails",
        "20% diverged",
        "77% diverged",
        "lr cliff",
        "optimum at the edge",
    )
)
