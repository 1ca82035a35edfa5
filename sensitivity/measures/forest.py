"""A random forest as the boxes of its leaves, the surrogate of a functional ANOVA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.cells import Cell, inactive
from sensitivity.measures.losses import Array
from sensitivity.measures.magnitudes import exponent_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search_spaces.spaces import SearchSpace
    from sensitivity.measures.losses import Losses

TREES = 64
FEWEST = 8
"""Fewest configurations that a forest is fitted to."""
POOR = 0.5
"""Out-of-bag R2 below which the shares of a forest are unreliable."""
CACHED_NODES = 2_000_000
"""Most nodes of the cached forests, about 150 MB: 64 trees for each of 20,000 configurations."""
Integers = NDArray[np.int64]
_cache: dict[Any, tuple[list[Any], NDArray[np.bool_]]] = {}


@dataclass(frozen=True)
class Forest:
    """Piecewise constant functions on the unit cube, one a tree, as nodes with boxes.

    Attributes:
        left: Left child of each node, the node itself where it is a leaf.
        right: Right child of each node, the node itself where it is a leaf.
        feature: Hyperparameter that a node splits on, -1 in a leaf.
        threshold: Threshold of the split.
        value: Mean loss of the configurations of a node.
        tree: Tree that a node belongs to.
        low: Lower faces of the box of a node, ``[nodes, hyperparameters]``.
        high: Upper faces of the box of a node, ``[nodes, hyperparameters]``.
        roots: Root of each (cell, tree).
        trees: Number of trees.
        out: True for configurations outside the sample of a tree, ``[trees, configurations]``.
        predicted: Prediction of each tree for every configuration, ``[trees, configurations]``.
    """

    left: Integers
    right: Integers
    feature: Integers
    threshold: Array
    value: Array
    tree: Integers
    low: Array
    high: Array
    roots: Integers
    trees: int
    out: NDArray[np.bool_]
    predicted: Array

    @property
    def dimensions(self) -> int:
        """Number of hyperparameters."""
        return int(self.low.shape[1])

    def leaves(self, tree: int) -> tuple[Array, Array, Array]:
        """Return the boxes that a tree cuts the cube into, and their values.

        Returns:
            Lower and upper faces ``[leaves, hyperparameters]`` and values ``[leaves]``.
        """
        chosen = self._leaves[tree]
        return self.low[chosen], self.high[chosen], self.value[chosen]

    @property
    def _leaves(self) -> list[Integers]:
        leaves = self.__dict__.get("_leaves_of_trees")
        if leaves is None:
            places = np.flatnonzero((self.feature < 0) & (self.high > self.low).all(axis=1))
            places = places[np.argsort(self.tree[places], kind="stable")]
            leaves = np.split(places, np.searchsorted(self.tree[places], np.arange(1, self.trees)))
            object.__setattr__(self, "_leaves_of_trees", leaves)
        return list(leaves)

    def out_of_bag(self, drawn: Array) -> Array:
        """Return the mean over the trees that have not seen a configuration.

        Args:
            drawn: Predictions, ``[..., trees, configurations]``.

        Returns:
            ``[..., configurations]``.
        """
        return unseen(drawn, self.out)


def spread(group: Losses, space: SearchSpace, seed: int) -> Array:
    """Return the configurations as a forest is fitted to them: inactive hyperparameters at a random value.

    At 0.5, the value would reveal that the parents make it inactive, and a tree may split there instead of on
    the parents.
    """
    idle = inactive(group)
    units = group.units.copy()
    if idle.any():
        drawn = np.random.default_rng(seed).random(units.shape)
        for row, column in np.argwhere(idle):
            hyperparameter = space[group.names[column]]
            units[row, column] = hyperparameter.to_unit(hyperparameter.from_unit(drawn[row, column]))
    return units


def grow(
    units: Array,
    loss: Array,
    *,
    spread: Array | None = None,
    cells: Sequence[Cell] = (),
    trees: int = TREES,
    seed: int = 0,
) -> Forest:
    """Fit a forest and cut the cube into the boxes of its leaves.

    Args:
        units: Configurations, ``[configurations, hyperparameters]``, 0.5 where inactive.
        loss: Mean losses, ``[configurations]``.
        spread: The configurations from :func:`spread`, where some hyperparameter is inactive.
        cells: Cells of the conditions (:mod:`sensitivity.measures.cells`): in each, the forest is evaluated
            at 0.5 along every inactive hyperparameter.
        trees: Number of trees.
        seed: Seed of the forest.

    Source: Breiman, "Random Forests", Machine Learning 45 (2001); Hutter, Hoos & Leyton-Brown, ICML 2014,
    section 3.
    """
    parts, out = fitted(units if spread is None else spread, loss, trees=trees, seed=seed)
    sizes = np.array([part.node_count for part in parts])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    shift, nodes = np.repeat(starts, sizes), np.arange(sizes.sum())
    feature = np.concatenate([part.feature for part in parts]).astype(np.int64)
    left, right = (
        np.concatenate([getattr(part, f"children_{side}") for part in parts]) for side in ("left", "right")
    )
    leaf = feature < 0
    left, right, feature = (
        np.where(leaf, nodes, left + shift),
        np.where(leaf, nodes, right + shift),
        np.where(leaf, -1, feature),
    )
    threshold = np.concatenate([part.threshold for part in parts])
    cells = cells or (Cell.whole(units.shape[1]),)
    copies = [_without(cell, left, right, feature, threshold, starts) for cell in cells]
    width = len(nodes)
    forest = Forest(
        left=np.concatenate([copy[0] + i * width for i, copy in enumerate(copies)]),
        right=np.concatenate([copy[1] + i * width for i, copy in enumerate(copies)]),
        feature=np.tile(feature, len(cells)),
        threshold=np.tile(threshold, len(cells)),
        value=np.tile(np.concatenate([part.value[:, 0, 0] for part in parts]), len(cells)),
        tree=np.tile(np.repeat(np.arange(trees), sizes), len(cells)),
        low=np.zeros((width * len(cells), units.shape[1])),
        high=np.zeros((width * len(cells), units.shape[1])),  # nodes below no root have no volume
        roots=np.concatenate([copy[2] + i * width for i, copy in enumerate(copies)]),
        trees=trees,
        out=out,
        predicted=predictions(parts, units),
    )
    _box(forest, cells)
    return forest


def fitted(
    units: Array, loss: Array, *, trees: int = TREES, seed: int = 0
) -> tuple[list[Any], NDArray[np.bool_]]:
    """Return fully grown trees of scikit-learn, each on its bootstrap sample.

    Several measures need the same forest, so the last ones are cached (:data:`CACHED_NODES`).

    Returns:
        The trees; True for each configuration that a tree has not seen, ``[trees, configurations]``.
    """
    key = (units.tobytes(), units.shape, loss.tobytes(), trees, seed)
    entry = _cache.get(key)
    if entry is None:
        forests, seen = fit(units, loss, trees=trees, seed=seed)
        entry = _cache[key] = forests, seen == 0
        while (
            len(_cache) > 1
            and sum(forest.node_count for cached, _ in list(_cache.values()) for forest in cached)
            > CACHED_NODES
        ):
            _cache.pop(next(iter(_cache)), None)
    return entry


def forget() -> None:
    """Return empty the cache, so that the next forest is fitted again, for benchmarks."""
    _cache.clear()


def fit(units: Array, loss: Array, *, trees: int = TREES, seed: int = 0) -> tuple[list[Any], Array]:
    """Return the trees of :func:`fitted`, and the number of times that each has seen each configuration.

    The trees are those of scikit-learn's RandomForestRegressor, without the eighth of its time that goes into
    copying and checking settings (1,000 configurations of 4 hyperparameters: 97 ms, not 109).

    Returns:
        The trees, and counts ``[trees, configurations]``.
    """
    from sklearn import config_context
    from sklearn.tree import DecisionTreeRegressor

    count = len(loss)
    single = np.ascontiguousarray(units, dtype=np.float32)  # the type that trees compare in
    state, stream = np.random.RandomState(seed), np.random.RandomState()
    forests, seen = [], np.zeros((trees, count))
    with config_context(skip_parameter_validation=True, assume_finite=True):
        for tree in range(trees):
            tree_seed = int(state.randint(np.iinfo(np.int32).max))
            stream.seed(tree_seed)  # many times quicker than another generator
            seen[tree] = np.bincount(stream.randint(0, count, count, dtype=np.int32), minlength=count)
            stream.seed(tree_seed)
            grown = DecisionTreeRegressor(random_state=stream).fit(
                single, loss[:, None], sample_weight=seen[tree], check_input=False
            )
            forests.append(grown.tree_)
    return forests, seen


def predictions(trees: Sequence[Any], units: Array) -> Array:
    """Return the prediction of every tree at places of the unit cube, ``[trees, places]``."""
    single = np.ascontiguousarray(units, dtype=np.float32)
    return np.array([tree.predict(single)[:, 0] for tree in trees])


def unseen(drawn: Array, out: NDArray[np.bool_]) -> Array:
    """Return means over the trees that have not seen a configuration, NaN where all have.

    Args:
        drawn: Predictions, ``[..., trees, configurations]``.
        out: True for configurations that a tree has not seen, ``[trees, configurations]``.

    Returns:
        ``[..., configurations]``.
    """
    total = np.where(out, drawn, 0.0).sum(axis=-2)
    count = np.broadcast_to(out.sum(axis=0), total.shape)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def r_squared(loss: Array, predicted: Array) -> float:
    """Return the share of the variance of the losses that predictions explain; NaN without variance."""
    exponent = exponent_of(loss)
    loss, predicted = np.ldexp(loss, -exponent), np.ldexp(predicted, -exponent)
    known = np.isfinite(predicted)
    total = float(((loss[known] - loss[known].mean()) ** 2).sum()) if known.any() else 0.0
    return 1 - float(((loss[known] - predicted[known]) ** 2).sum()) / total if total > 0 else float("nan")


def surrogate_r_squared(group: Losses, space: SearchSpace, *, trees: int = TREES, seed: int = 0) -> float:
    """Return the out-of-bag R2 of the forest that a variant's effects are read from; NaN without a forest."""
    if not group.names or len(group.loss) < FEWEST or constant(group):
        return float("nan")
    forests, out = fitted(spread(group, space, seed), group.mean, trees=trees, seed=seed)
    return r_squared(group.mean, unseen(predictions(forests, group.units), out))


def remark(r2: float) -> str:
    """Return a warning where a forest is a poor surrogate, else an empty text."""
    return f"out-of-bag R2 {r2:.2f} is under {POOR}: the forest is a poor surrogate" if r2 < POOR else ""


def constant(group: Losses) -> bool:
    """Return True if every configuration has the same mean loss, to rounding."""
    mean = group.mean
    return bool(np.ptp(mean) <= 1e-12 * max(1e-300, float(np.abs(mean).max())))


def _without(
    cell: Cell, left: Integers, right: Integers, feature: Integers, threshold: Array, roots: Integers
) -> tuple[Integers, Integers, Integers]:
    """Return children and roots of the trees without splits on the hyperparameters inactive in a cell.

    Every inactive hyperparameter is at 0.5.
    """
    inactive = (feature >= 0) & cell.inactive[feature]
    if not inactive.any():
        return left, right, roots
    onward = np.where(inactive, np.where(threshold >= 0.5, left, right), np.arange(len(feature)))
    while True:
        further = onward[onward]
        if (further == onward).all():
            return onward[left], onward[right], onward[roots]
        onward = further


def _box(forest: Forest, cells: Sequence[Cell]) -> None:
    """Fill in the boxes, level by level from the roots."""
    low, high = forest.low, forest.high
    nodes = forest.roots.reshape(len(cells), -1)
    for roots, cell in zip(nodes, cells, strict=True):
        low[roots], high[roots] = cell.low, cell.high
    level = forest.roots
    while True:
        level = level[forest.feature[level] >= 0]
        if not len(level):
            return
        split, left, right = forest.feature[level], forest.left[level], forest.right[level]
        below, above = low[level], high[level]
        row = np.arange(len(level))
        at = np.clip(forest.threshold[level], below[row, split], above[row, split])
        low[left], high[right] = below, above
        above[row, split] = at
        below[row, split] = at
        high[left], low[right] = above, below
        level = np.concatenate([left, right])
