"""Lattices: integrals of the loss around the configurations of a full grid, linear between its levels."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.losses import Array


@dataclass(frozen=True)
class Lattice:
    """A full grid of configurations, some of which may lack a result.

    Attributes:
        places: Configuration of each cell, -1 where there is none, ``[levels, ...]``.
        shares: Weights of the two ends of each interval between levels in the neighbourhood of each level, of
            each axis, ``[levels, intervals, 2]``.
        inside: True for each level whose neighbourhood lies in the levels, of each axis, ``[levels]``.
    """

    places: NDArray[np.int64]
    shares: list[Array]
    inside: list[NDArray[np.bool_]]

    @property
    def weights(self) -> list[Array]:
        """Weights of the levels in the neighbourhood of each level, of each axis, ``[levels, levels]``."""
        return [
            np.pad(share[:, :, 0], ((0, 0), (0, 1))) + np.pad(share[:, :, 1], ((0, 0), (1, 0)))
            for share in self.shares
        ]

    def around(self, place: int, count: int) -> Array:
        """Return the weights of all configurations in the neighbourhood of one, ``[count]``."""
        product = np.ones(())
        for weight, level in zip(self.weights, np.argwhere(self.places == place)[0], strict=True):
            product = np.multiply.outer(product, weight[level])
        result = np.zeros(count)
        found = self.places >= 0
        result[self.places[found]] = product[found]
        return result

    def means(self, loss: Array, capped: NDArray[np.bool_], initial: float) -> tuple[Array, Array]:
        """Return the bounds of the mean loss of each cell's neighbourhood, NaN where they are not known.

        Args:
            loss: True mean losses, ``[configurations]``.
            capped: True for each configuration of which a trial is at the cap, ``[configurations]``.
            initial: Loss at the cap.
        """
        missing = self.places < 0
        known = np.where(missing, 0.0, loss[self.places])
        state = np.where(missing, False, capped[self.places])
        unknown = _contracted(missing.astype(float), self.weights) > 1e-12
        for axis, inside in enumerate(self.inside):
            unknown |= ~inside.reshape([-1 if other == axis else 1 for other in range(known.ndim)])
        mean = _contracted(known, self.weights)
        low, high = mean.copy(), mean.copy()
        if state.any() and not state[~missing].all():
            corners = list(itertools.product((0, 1), repeat=known.ndim))
            losses = np.stack([_corner(known, corner) for corner in corners])
            states = np.stack([_corner(state, corner) for corner in corners])
            mixed = states.any(axis=0) & ~states.all(axis=0)
            stable = np.where(states, np.inf, losses).min(axis=0)
            for corner, ends, at_cap in zip(corners, losses, states, strict=True):
                parts = [share[:, :, end] for share, end in zip(self.shares, corner, strict=True)]
                least = np.where(mixed & at_cap, np.minimum(stable, ends), ends)
                low += _contracted(np.where(mixed, least - ends, 0.0), parts)
                high += _contracted(np.where(mixed, initial - ends, 0.0), parts)
        low, high = np.minimum(low, mean), np.maximum(high, mean)
        close = high - low <= 1e-12 * np.abs(high)
        low, high = np.where(close, mean, low), np.where(close, mean, high)
        return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def _corner(cells: Any, corner: tuple[int, ...]) -> Any:
    """Return one corner of each interval between neighbouring cells."""
    return cells[tuple(slice(end, size - 1 + end) for end, size in zip(corner, cells.shape, strict=True))]


def _contracted(cells: Array, weights: Sequence[Array]) -> Array:
    """Return weighted sums along every axis, ``[levels, ...]``."""
    for axis, weight in enumerate(weights):
        cells = np.moveaxis(np.tensordot(weight, cells, axes=(1, axis)), 0, axis)
    return cells


def interval_shares(levels: Array, low: Array, high: Array) -> Array:
    """Return the weights that the values at levels have in means of a piecewise linear curve.

    Args:
        levels: Places of the known values on the curve's axis, increasing, ``[levels]``.
        low: Lower ends of the stretches over which the curve is averaged, ``[means]``; those below the first
            level begin there.
        high: Upper ends, ``[means]``; those above the last level end there.

    Returns:
        For each interval between two levels the weights of its lower and its upper level,
        ``[means, intervals, 2]``.
    """
    low, high = np.maximum(low, levels[0]), np.minimum(high, levels[-1])
    width = np.diff(levels)
    start = np.clip((low[:, None] - levels[:-1]) / width, 0, 1)
    end = np.clip((high[:, None] - levels[:-1]) / width, 0, 1)
    right = (end**2 - start**2) / 2
    shares = np.stack([end - start - right, right], axis=2) * width[:, None]
    return np.asarray(shares / (high - low)[:, None, None])
