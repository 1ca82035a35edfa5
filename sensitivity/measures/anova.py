"""Functional ANOVA of a forest: main, pairwise and total effects of its trees, exactly, from the boxes of their leaves."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from sensitivity.measures.forest import Forest, Integers
from sensitivity.measures.losses import Array


@dataclass(frozen=True)
class Anova:
    """Variances of the effects of every tree, and the effects themselves at given points.

    variance: of the trees ``[trees]``. main: ``[trees, hyperparameters]``. pair: ``[trees, pairs]`` in the order of
    :func:`itertools.combinations`. main_at, pair_at: the effects at the points ``[hyperparameters or pairs, trees, points]``.
    """

    variance: Array
    main: Array
    pair: Array
    main_at: Array
    pair_at: Array


def anova(forest: Forest, *, pairs: bool = True, points: Array | None = None) -> Anova:
    r"""Effects of one and of two hyperparameters in every tree of a forest.

    With :math:`a_U(x_U) = \int f(x) \, dx_{\setminus U}`, every leaf adding its value times the volume of its other sides within its faces,

    .. math:: V_U = \int \Big( a_U(x_U) - \sum_{W \subsetneq U} g_W(x_W) \Big)^2 dx_U, \qquad g_j = a_j - a_\emptyset

    over the cells between the faces of all leaves along U: what each leaf adds is written down at its corners, and a cumulative sum gives
    the marginal in every cell.

    Args: pairs: whether to compute them. points: ``[points, hyperparameters]`` in the unit cube at which to evaluate the effects too.
    Source: Hutter, Hoos & Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014, section 3.
    """
    dimensions = forest.dimensions
    two = list(itertools.combinations(range(dimensions), 2)) if pairs else []
    places = np.zeros((0, dimensions)) if points is None else points
    made = Anova(
        np.zeros(forest.trees),
        np.zeros((forest.trees, dimensions)),
        np.zeros((forest.trees, len(two))),
        np.zeros((dimensions, forest.trees, len(places))),
        np.zeros((len(two), forest.trees, len(places))),
    )
    for tree in range(forest.trees):
        low, high, value = forest.leaves(tree)
        size = high - low
        volume = size.prod(axis=1)
        centred = value - volume @ value
        made.variance[tree] = volume @ centred**2
        axes = [_Axis.of(low[:, j], high[:, j], centred * np.delete(size, j, axis=1).prod(axis=1)) for j in range(dimensions)]
        cells = [axis.cell(places[:, j]) for j, axis in enumerate(axes)]
        for j, axis in enumerate(axes):
            made.main[tree, j] = axis.width @ axis.effect**2
            made.main_at[j, tree] = axis.effect[cells[j]]
        for place, (j, k) in enumerate(two):
            effect = _pair(axes[j], axes[k], centred * np.delete(size, (j, k), axis=1).prod(axis=1))
            made.pair[tree, place] = axes[j].width @ effect**2 @ axes[k].width
            made.pair_at[place, tree] = effect[cells[j], cells[k]]
    return made


@dataclass(frozen=True)
class _Axis:
    """The faces of a tree's leaves along one hyperparameter: where each leaf begins and ends, and the main effect between them."""

    cuts: Array
    width: Array
    first: Integers
    last: Integers
    effect: Array

    @classmethod
    def of(cls, low: Array, high: Array, part: Array) -> _Axis:
        cuts, place = np.unique(np.concatenate([low, high]), return_inverse=True)
        first, last = np.split(place.reshape(-1), 2)
        change = np.bincount(first, part, len(cuts)) - np.bincount(last, part, len(cuts))
        return cls(cuts, np.diff(cuts), first, last, np.cumsum(change)[:-1])

    def cell(self, units: Array) -> Integers:
        """In which cell each place is; a face belongs to the cell below it, as in a tree."""
        return np.clip(np.searchsorted(self.cuts, units) - 1, 0, len(self.width) - 1)


def _pair(a: _Axis, b: _Axis, part: Array) -> Array:
    """What two hyperparameters do together beyond what each does alone, in every cell of their plane."""
    rows, columns = len(a.cuts), len(b.cuts)
    change = np.bincount(
        np.concatenate([a.first * columns + b.first, a.last * columns + b.last, a.first * columns + b.last, a.last * columns + b.first]),
        np.concatenate([part, part, -part, -part]),
        rows * columns,
    ).reshape(rows, columns)
    effect = change.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
    effect -= a.effect[:, None]
    effect -= b.effect
    return effect


def total_variances(forest: Forest) -> Array:
    r"""Variance of every tree in which each hyperparameter has a part, alone or with others. Shape ``[trees, hyperparameters]``.

    .. math:: V^T_j = \tfrac12 \sum_{l, m} |l_j| |m_j| \prod_{k \ne j} |l_k \cap m_k| \, (f_l - f_m)^2

    over pairs of leaves that a line along j crosses both; going down from the root with two nodes at a time finds just these.
    Source: Homma & Saltelli, "Importance measures in global sensitivity analysis of nonlinear models" (1996), for the total effect.
    """
    found = np.zeros((forest.trees, forest.dimensions))
    for j in range(forest.dimensions):
        others = [k for k in range(forest.dimensions) if k != j]
        for tree in range(forest.trees):
            roots = forest.roots[forest.tree[forest.roots] == tree]
            first, second = np.triu_indices(len(roots))
            a, b = roots[first], roots[second]
            keep = (np.minimum(forest.high[a], forest.high[b]) > np.maximum(forest.low[a], forest.low[b]))[:, others].all(axis=1)
            found[tree, j] = _crossed(forest, a[keep], b[keep], j, others)
    return found


def _crossed(forest: Forest, a: Integers, b: Integers, j: int, others: list[int]) -> float:
    total = 0.0
    while len(a):
        ends = (forest.feature[a] < 0) & (forest.feature[b] < 0)
        x, y = a[ends], b[ends]
        overlap = np.minimum(forest.high[x][:, others], forest.high[y][:, others])
        overlap -= np.maximum(forest.low[x][:, others], forest.low[y][:, others])
        sides = (forest.high[x, j] - forest.low[x, j]) * (forest.high[y, j] - forest.low[y, j])
        total += float((sides * overlap.prod(axis=1)) @ (forest.value[x] - forest.value[y]) ** 2)
        a, b = a[~ends], b[~ends]
        same = a == b
        once = a[same]  # a node with itself: its halves with themselves, and with each other where a line along j crosses both
        both = once[forest.feature[once] == j]
        next_a = [forest.left[once], forest.right[once], forest.left[both]]
        next_b = [forest.left[once], forest.right[once], forest.right[both]]
        a, b = a[~same], b[~same]
        swap = forest.feature[a] < 0
        a, b = np.where(swap, b, a), np.where(swap, a, b)
        split = forest.feature[a]
        for child in (forest.left[a], forest.right[a]):
            meet = np.minimum(forest.high[child, split], forest.high[b, split]) > np.maximum(forest.low[child, split], forest.low[b, split])
            keep = meet | (split == j)
            next_a.append(child[keep])
            next_b.append(b[keep])
        a, b = np.concatenate(next_a), np.concatenate(next_b)
    return total


def without(forest: Forest, points: Array, j: int) -> Array:
    """What each tree says at points, averaged over hyperparameter j. Shapes ``[points, hyperparameters]`` to ``[trees, points]``.

    A point goes down the tree, at splits on j both ways, until every part of its line along j has found its leaf.
    """
    count = len(points)
    found = np.zeros(forest.trees * count)
    inside = (points[None] > forest.low[forest.roots][:, None]) | (forest.low[forest.roots][:, None] == 0)
    inside &= points[None] <= forest.high[forest.roots][:, None]
    inside[:, :, j] = True
    root, point = np.nonzero(inside.all(axis=2))
    node = forest.roots[root]
    while len(node):
        ends = forest.feature[node] < 0
        leaf, at = node[ends], point[ends]
        share = (forest.high[leaf, j] - forest.low[leaf, j]) * forest.value[leaf]
        found += np.bincount(forest.tree[leaf] * count + at, share, len(found))
        node, point = node[~ends], point[~ends]
        split = forest.feature[node]
        along = split == j
        down = np.where(points[point, split] <= forest.threshold[node], forest.left[node], forest.right[node])
        node = np.concatenate([np.where(along, forest.left[node], down), forest.right[node[along]]])
        point = np.concatenate([point, point[along]])
    return found.reshape(forest.trees, count)
