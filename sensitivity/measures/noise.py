"""Seed noise as a share of the variance of the loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.components import Simulated, blocks
from sensitivity.measures.losses import Array, Losses, groups, note, scaled
from sensitivity.measures.resampling import DRAWS
from sensitivity.measures.trial_noise import TrialNoise

if TYPE_CHECKING:
    from sensitivity.results.results import Results

NOISE = "seed noise"


def seed_noise(results: Results, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    r"""Return the share of the variance of the capped loss that is due to the seed alone.

    .. math:: N = \frac{V_s}{V_s + \max(0, V_c)}, \quad V_s = \overline{s_c^2}, \quad
        V_c = \mathrm{Var}\,\bar\ell_c - \overline{s_c^2 / S_c}

    with :math:`s_c^2` the unbiased variance between the :math:`S_c` seeds of configuration c: the one-way
    random-effects decomposition, whose components are unbiased. Where the design chose the C configurations,
    :math:`V_c` is times :math:`(C - 1) / C`, the variance over these configurations: on a full grid, the sum
    of the components of :func:`sensitivity.measures.factorial.factorial`. A configuration with one seed
    counts with the mean variance of the others. The interval inverts a test in simulated studies
    (:meth:`sensitivity.measures.components.Simulated.interval`), whose configurations are drawn with
    replacement unless the design chose them. The share is NaN with fewer than two seeds.

    Args:
        results: Results of a study.
        draws: Number of simulated studies.
        seed: Seed of the simulated studies.

    Source: Searle, Casella & McCulloch, "Variance Components" (1992), section 3.6.
    """
    rows = []
    for group in groups(results):
        keys = {"task": group.task, "variant": group.variant}
        rows.append({**keys, **noise_of(group, draws=draws, seed=seed), "n": group.trials})
    return pd.DataFrame(rows, columns=["task", "variant", "value", "low", "high", "n", "note"])


def noise_of(group: Losses, *, draws: int = DRAWS, seed: int = 0, level: float = 0.95) -> dict[str, Any]:
    """Return :func:`seed_noise` of one variant on one task: value, low, high and note."""
    remark, group = note(group), _present(scaled(group))
    if not _known(group):
        if "one seed" not in remark:
            remark = "; ".join(filter(None, [remark, "too few configurations with two seeds"]))
        return {"value": np.nan, "low": np.nan, "high": np.nan, "note": remark}
    noise, between = (part[0] for part in _components(*_moments(group.loss[None]), fixed=group.fixed))
    value = float(_share(noise, between))
    if not noise > 1e-20 * between:  # also a constant loss: no noise to simulate
        return {"value": value, "low": value, "high": value, "note": remark}
    low, high = _interval(_Same(group), draws, seed, level)
    return {"value": value, "low": low, "high": high, "note": remark}


@dataclass(frozen=True, eq=False)
class _Same:
    """Losses that equal others of the same numbers: several measures need the noise of a variant."""

    group: Losses

    @cached_property
    def _content(self) -> tuple[Any, ...]:
        group = self.group
        return group.loss.tobytes(), group.loss.shape, group.units.tobytes(), group.fixed, group.initial

    def __hash__(self) -> int:
        return hash(self._content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._content == other._content


@lru_cache(maxsize=64)
def _interval(same: _Same, draws: int, seed: int, level: float) -> tuple[float, float]:
    """Return the interval of the share."""
    group = same.group
    noise, between = (part[0] for part in _components(*_moments(group.loss[None]), fixed=group.fixed))
    studies = _simulated(group, draws, seed)
    share = float(_share(noise, between))
    low, high = studies.interval(np.array([between]), np.array([True]), 1 - share, level)
    return 1 - high, 1 - low


def noise_draws(group: Losses, *, draws: int = DRAWS, seed: int = 0) -> tuple[float, Array]:
    """Return the share, and bootstrap draws of it over configurations, ``[draws]``.

    All are NaN with fewer than two configurations with two seeds.
    """
    group = _present(scaled(group))
    if not _known(group):
        return float("nan"), np.full(draws, np.nan)
    rng = np.random.default_rng(seed)
    within, mean, seeds = _moments(group.loss)
    value = _share(*_components(within[None], mean[None], seeds[None], fixed=group.fixed))
    chosen = rng.integers(len(mean), size=(draws, len(mean)))
    drawn = _share(*_components(within[chosen], mean[chosen], seeds[chosen], fixed=group.fixed))
    return float(value[0]), drawn


def _present(group: Losses) -> Losses:
    """Return the configurations with a trial."""
    some = np.isfinite(group.loss).any(axis=1)
    return group if some.all() else replace(group, loss=group.loss[some], units=group.units[some])


def _known(group: Losses) -> bool:
    return bool((np.isfinite(group.loss).sum(axis=1) >= 2).sum() >= 2)


def _moments(loss: Array) -> tuple[Array, Array, Array]:
    """Return variances between seeds (NaN with one seed), means and numbers of seeds, by configuration."""
    there = np.isfinite(loss)
    seeds = there.sum(axis=-1)
    mean = np.where(there, loss, 0.0).sum(axis=-1) / seeds
    within = np.where(there, (loss - mean[..., None]) ** 2, 0.0).sum(axis=-1)
    return np.where(seeds > 1, within / np.maximum(seeds - 1, 1), np.nan), mean, np.asarray(seeds, float)


def _components(within: Array, mean: Array, seeds: Array, *, fixed: bool) -> tuple[Array, Array]:
    """Return the variances of noise and of true means, ``[studies]``; 0 noise where no seed is repeated."""
    repeated = np.isfinite(within)
    noise = np.where(repeated, within, 0.0).sum(axis=1) / np.maximum(repeated.sum(axis=1), 1)
    filled = np.where(repeated, within, noise[:, None])
    count = mean.shape[1]
    between = mean.var(axis=1, ddof=1) - (filled / seeds).mean(axis=1)
    return noise, between * ((count - 1) / count if fixed else 1.0)


def _share(noise: Any, between: Any) -> Any:
    total = noise + np.maximum(0.0, between)
    return np.divide(noise, total, out=np.zeros_like(total), where=total > 0)


def _simulated(group: Losses, draws: int, seed: int) -> Simulated:
    """Return simulated studies, with the true means of all configurations as one effect."""
    rng = np.random.default_rng(seed)
    law, count = TrialNoise.of(group), len(group.loss)
    factor = (count - 1) / count if group.fixed else 1.0
    centred = group.mean - group.mean.mean()
    scale = float(np.sqrt((centred**2).sum() / (count - 1) * factor))
    direction = centred / scale if scale > 0 else centred
    parts = []
    for size in blocks(draws, group.loss.size):
        # One configuration that is chosen twice is two with noise of their own.
        chosen = None if group.fixed else rng.integers(count, size=(size, count))
        trials, variance = law.draw(size, rng, chosen)
        within, mean, seeds = _moments(trials)
        means = np.broadcast_to(direction, mean.shape)
        if chosen is not None:
            # A sample of a sample has 1 - 1 / count of its variance.
            means = direction[chosen] * np.sqrt(count / (count - 1))
        noise, rest = _components(within, mean, seeds, fixed=group.fixed)
        means = means - means.mean(axis=1, keepdims=True)
        square = (means**2).sum(axis=1) / (count - 1) * factor
        cross = (means * mean).sum(axis=1) / (count - 1) * factor
        truth = variance.mean(axis=1)
        parts.append(Simulated(truth, noise, square[:, None], cross[:, None], rest[:, None]))
    return Simulated.joined(parts)
