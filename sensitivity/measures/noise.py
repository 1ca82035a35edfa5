"""Seed noise as a share of the variance of the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.losses import Array, Losses, groups, note, scaled
from sensitivity.measures.resampling import DRAWS, interval

if TYPE_CHECKING:
    from sensitivity.results.results import Results

NOISE = "seed noise"


def seed_noise(results: Results, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    r"""Return the share of the variance of the capped loss that is due to the seed alone.

    .. math:: N = \frac{V_s}{V_s + V_c}, \quad V_s = \overline{s_c^2}, \quad
        V_c = \max(0, \mathrm{Var}\,\bar\ell_c - \overline{s_c^2 / S_c})

    with :math:`s_c^2` the unbiased variance between the :math:`S_c` seeds of configuration c: the one-way
    random-effects decomposition. The interval is a bootstrap over configurations. The share is NaN with fewer
    than two seeds.

    Args:
        results: Results of a study.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Source: Searle, Casella & McCulloch, "Variance Components" (1992), section 3.6.
    """
    rows = []
    for group in groups(results):
        keys = {"task": group.task, "variant": group.variant}
        rows.append({**keys, **noise_of(group, draws=draws, seed=seed), "n": group.trials})
    return pd.DataFrame(rows, columns=["task", "variant", "value", "low", "high", "n", "note"])


def noise_of(group: Losses, *, draws: int = DRAWS, seed: int = 0) -> dict[str, Any]:
    """Return :func:`seed_noise` of one variant on one task: value, low, high and note."""
    value, drawn = noise_draws(group, draws=draws, seed=seed)
    remark = note(group)
    if not np.isfinite(value) and "one seed" not in remark:
        remark = "; ".join(filter(None, [remark, "too few configurations with two seeds"]))
    low, high = interval(drawn)
    return {"value": value, "low": low, "high": high, "note": remark}


def noise_draws(group: Losses, *, draws: int = DRAWS, seed: int = 0) -> tuple[float, Array]:
    """Return the share, and bootstrap draws of it, ``[draws]``.

    All are NaN with fewer than two configurations with two seeds.
    """
    group = scaled(group)
    rng = np.random.default_rng(seed)
    repeated = np.isfinite(group.loss).sum(axis=1) >= 2
    if repeated.sum() < 2:
        return float("nan"), np.full(draws, np.nan)
    loss = group.loss[repeated]
    within = np.nanvar(loss, axis=1, ddof=1)
    seeds = np.isfinite(loss).sum(axis=1)
    mean = np.nanmean(loss, axis=1)
    value = float(_noise_share(within[None], mean[None], seeds[None])[0])
    chosen = rng.integers(len(loss), size=(draws, len(loss)))
    return value, _noise_share(within[chosen], mean[chosen], seeds[chosen])


def _noise_share(within: Array, mean: Array, seeds: Any) -> Array:
    noise = within.mean(axis=1)
    between = np.maximum(0, mean.var(axis=1, ddof=1) - (within / seeds).mean(axis=1))
    total = noise + between
    return np.asarray(np.divide(noise, total, out=np.zeros_like(noise), where=total > 0))
