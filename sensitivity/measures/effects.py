"""Which hyperparameters matter: shares of the variance of the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.losses import DRAWS, Array, Losses, interval, losses, note
from sensitivity.results import records

if TYPE_CHECKING:
    from sensitivity.results import Results

TREES = 64
FEWEST = 8
"""Configurations below which a forest says nothing."""
INTERACTIONS, NOISE = "interactions", "seed noise"


def main_effects(results: Results, *, trees: int = TREES, seed: int = 0) -> pd.DataFrame:
    r"""Shares of the variance of the capped loss: each hyperparameter on its own, all interactions together, and seed noise. They sum to 1.

    A random forest is fitted to the mean loss of the configurations, in unit-cube coordinates of the declared scales, so that a
    share is over the
    range that was searched and on its own scale. With :math:`a_j(x_j)` the forest's average over all other coordinates,

    .. math:: S_j = (1 - N) \, \frac{\mathrm{Var}\, a_j(x_j)}{\mathrm{Var}\, f(x)}

    computed exactly from the leaves' boxes, N being :func:`seed_noise`. Intervals are percentiles over the trees, each of which
    sees a bootstrap sample of
    the configurations. A constant loss gives zeros.   Source: Hutter, Hoos & Leyton-Brown, "An Efficient Approach for Assessing
    Hyperparameter
    Importance", ICML 2014.
    """
    noises = {(row["task"], row["variant"]): row for row in records(seed_noise(results, seed=seed))}
    rows = []
    for task, variant in results.groups:
        group = losses(results, task, variant)
        noise = noises[task, variant]
        share = float(noise["value"]) if np.isfinite(noise["value"]) else 0.0
        remark = note(group)
        if len(group.loss) < FEWEST:
            remark = "; ".join(filter(None, [remark, f"{len(group.loss)} configurations are too few for a forest (at least {FEWEST})"]))
            shares = np.full((1, len(group.names) + 1), np.nan)
        else:
            shares = _shares(group, trees, seed) * (1 - share)
        effects = [(name, shares[:, i]) for i, name in enumerate((*group.names, INTERACTIONS))]
        for name, drawn in effects:
            low, high = interval(drawn)
            rows.append((task, variant, name, float(drawn.mean()), low, high, len(group.loss), remark))
        rows.append((task, variant, NOISE, noise["value"], noise["low"], noise["high"], len(group.loss), noise["note"]))
    return pd.DataFrame(rows, columns=["task", "variant", "effect", "value", "low", "high", "n", "note"])


def seed_noise(results: Results, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    r"""Share of the variance of the capped loss that the seed alone makes.

    .. math:: N = \frac{V_s}{V_s + V_c}, \quad V_s = \overline{s_c^2}, \quad V_c = \max(0, \mathrm{Var}\,\bar\ell_c -
    \overline{s_c^2 / S_c})

    with :math:`s_c^2` the unbiased variance between the :math:`S_c` seeds of configuration c: the one-way random-effects
    decomposition. Interval: bootstrap over
    configurations. NaN with fewer than two seeds.   Source: Searle, Casella & McCulloch, "Variance Components" (1992), section 3.6.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for task, variant in results.groups:
        group = losses(results, task, variant)
        repeated = np.isfinite(group.loss).sum(axis=1) >= 2
        remark = note(group)
        value, low, high = np.nan, np.nan, np.nan
        if repeated.sum() >= 2:
            loss = group.loss[repeated]
            within = np.nanvar(loss, axis=1, ddof=1)
            seeds = np.isfinite(loss).sum(axis=1)
            mean = np.nanmean(loss, axis=1)
            value = float(_noise_share(within[None], mean[None], seeds[None])[0])
            chosen = rng.integers(len(loss), size=(draws, len(loss)))
            low, high = interval(_noise_share(within[chosen], mean[chosen], seeds[chosen]))
        elif "one seed" not in remark:
            remark = "; ".join(filter(None, [remark, "too few configurations with two seeds"]))
        rows.append((task, variant, value, low, high, group.trials, remark))
    return pd.DataFrame(rows, columns=["task", "variant", "value", "low", "high", "n", "note"])


def _noise_share(within: Array, mean: Array, seeds: Any) -> Array:
    noise = within.mean(axis=1)
    between = np.maximum(0, mean.var(axis=1, ddof=1) - (within / seeds).mean(axis=1))
    total = noise + between
    return np.asarray(np.divide(noise, total, out=np.zeros_like(noise), where=total > 0))


def _shares(group: Losses, trees: int, seed: int) -> Array:
    """Shares of each hyperparameter and of all interactions, for each tree. Shape ``[trees, hyperparameters + 1]``."""
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(trees, random_state=seed, min_samples_leaf=1, n_jobs=1)
    forest.fit(group.units, group.mean)
    found = np.array([_tree_shares(estimator.tree_, group.units.shape[1]) for estimator in forest.estimators_])
    return np.column_stack([found, np.where(found.sum(axis=1) > 0, np.maximum(0, 1 - found.sum(axis=1)), 0)])


def _tree_shares(tree: Any, dimensions: int) -> Array:
    """Main-effect shares of a tree's piecewise constant function on the unit cube, exactly. Shape ``[dimensions]``."""
    low, high, value = _leaves(tree, dimensions)
    size = high - low
    volume = size.prod(axis=1)
    mean = float(volume @ value)
    total = float(volume @ (value - mean) ** 2)
    if total <= 1e-12 * max(1.0, mean**2):
        return np.zeros(dimensions)
    shares = np.empty(dimensions)
    for j in range(dimensions):
        cuts, place = np.unique(np.concatenate([low[:, j], high[:, j]]), return_inverse=True)
        # Each leaf adds its part to the average over the other coordinates from its lower to its upper face.
        part = (value - mean) * np.delete(size, j, axis=1).prod(axis=1)
        change = np.bincount(place.reshape(-1), np.concatenate([part, -part]), minlength=len(cuts))
        marginal = np.cumsum(change)[:-1]
        shares[j] = float(np.diff(cuts) @ marginal**2) / total
    return shares


def _leaves(tree: Any, dimensions: int) -> tuple[Array, Array, Array]:
    """Lower and upper faces ``[leaves, dimensions]`` and values ``[leaves]`` of a tree's leaves within the unit cube."""
    count = tree.node_count
    low, high = np.zeros((count, dimensions)), np.ones((count, dimensions))
    left, right, feature, threshold = tree.children_left, tree.children_right, tree.feature, tree.threshold
    for node in range(count):  # parents come before their children
        if left[node] < 0:
            continue
        for child in (left[node], right[node]):
            low[child], high[child] = low[node], high[node]
        high[left[node], feature[node]] = threshold[node]
        low[right[node], feature[node]] = threshold[node]
    leaf = left < 0
    return low[leaf], high[leaf], tree.value[leaf, 0, 0]
