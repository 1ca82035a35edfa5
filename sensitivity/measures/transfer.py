"""Transfer between tasks: the use of results on one task for another."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.measures.across_tasks import shared, shared_by_variant
from sensitivity.measures.cross_fitting import best, best_draws
from sensitivity.measures.designs import joined
from sensitivity.measures.losses import Array
from sensitivity.measures.magnitudes import exponent_of
from sensitivity.measures.resampling import interval, resampled

if TYPE_CHECKING:
    from sensitivity.results.results import Results

DRAWS = 400


def rank_correlation(results: Results, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Return Spearman's rank correlation of the losses of the configurations that two tasks share.

    A high correlation means that either task would choose the same configurations. There is one row a variant
    and pair of tasks, ``a`` and ``b``; ``n`` is configurations. The interval is a bootstrap over
    configurations (where the design drew them) and seeds. A constant loss has no ranking: the value is 0,
    with a note.

    Args:
        results: Results of a study.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: for fewer than two tasks or an adaptive design.

    Source: Spearman, "The Proof and Measurement of Association between Two Things" (1904).
    """
    rows = []
    for one in shared_by_variant(results, "rank_correlation"):
        noise: dict[tuple[str, int], Array] = {}
        for i, j in itertools.combinations(range(len(one.groups)), 2):
            pair = shared(results, one.variant, [one.groups[i].task, one.groups[j].task])
            if pair is None or not pair.configurations:
                continue
            rng = np.random.default_rng(seed)
            mean = pair.losses().mean(axis=2)
            drawn = pair.draws(draws, seed, noise).mean(axis=3)
            if not pair.groups[0].fixed:
                chosen = rng.integers(mean.shape[1], size=(draws, mean.shape[1]))
                drawn = np.stack([mean[task][chosen] for task in (0, 1)], axis=1)
            value = float(_spearman(mean[None])[0])
            low, high = interval(_spearman(drawn))
            flat = [
                group.task for group, loss in zip(pair.groups, mean, strict=True) if np.ptp(loss) <= 1e-12
            ]
            remark = joined(pair.note, f"no ranking: constant loss on {' and '.join(flat)}" if flat else "")
            keys = {"variant": one.variant, "a": pair.groups[0].task, "b": pair.groups[1].task}
            ends = {"value": value, "low": min(low, value), "high": max(high, value)}
            rows.append(keys | ends | {"n": mean.shape[1], "note": remark})
    return pd.DataFrame(rows, columns=["variant", "a", "b", "value", "low", "high", "n", "note"])


def transfer_regret(results: Results, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    r"""Return the cost of using one task's best configuration on another, in the loss of the latter.

    .. math:: \bar\ell_{\text{target}}(\arg\min_h \bar\ell_{\text{source}}(h)) - \ell^*_{\text{target}}

    There is one row a variant, source and target; ``share`` is the regret as a share of the gain of tuning on
    the target over the initial loss, in [0, 1]. The source's best is chosen among the configurations that the
    target has. The interval is a bootstrap over seeds that repeats the choice on both tasks.

    Args:
        results: Results of a study.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: for fewer than two tasks or an adaptive design.

    Source: as :func:`sensitivity.measures.excess.excess_loss`, at one configuration.
    """
    rows = []
    for one in shared_by_variant(results, "transfer_regret"):
        noise: dict[tuple[str, int], Array] = {}
        tops = [best_draws(group, resampled(group, draws=draws, seed=seed + 1)) for group in one.groups]
        for i, j in itertools.permutations(range(len(one.groups)), 2):
            pair = shared(results, one.variant, [one.groups[i].task, one.groups[j].task])
            if pair is None or not pair.configurations:
                continue
            (source, target), (there, target_rows) = pair.groups, pair.rows
            winner = (
                there[int(np.argmin(source.mean[there]))],
                target_rows[int(np.argmin(source.mean[there]))],
            )
            top = best(target)
            value = float(max(0.0, target.mean[winner[1]] - top))
            again = pair.draws(draws, seed, noise)
            choice = again[:, 0].mean(axis=2).argmin(axis=1)
            drawn = again[np.arange(draws), 1, choice].mean(axis=1) - tops[j]
            low, high = interval(np.maximum(0.0, drawn))
            gained = target.initial - top
            share = min(1.0, value / gained) if gained > 1e-12 else 0.0
            keys = {"variant": one.variant, "source": source.task, "target": target.task}
            more = {"share": share, "configuration": source.configurations[winner[0]]}
            ends = {"value": value, "low": min(low, value), "high": max(high, value)}
            rows.append(keys | ends | {"n": target.trials, "note": pair.note} | more)
    return pd.DataFrame(
        rows,
        columns=[
            "variant",
            "source",
            "target",
            "value",
            "low",
            "high",
            "n",
            "note",
            "share",
            "configuration",
        ],
    )


def _spearman(loss: Array) -> Array:
    """Return the rank correlation of ``[draws, 2, configurations]``; 0 where either is constant."""
    from scipy.stats import rankdata

    rank = rankdata(np.round(np.ldexp(loss, -exponent_of(loss)), 12), axis=2)
    rank = rank - rank.mean(axis=2, keepdims=True)
    size = np.sqrt((rank**2).sum(axis=2).prod(axis=1))
    return np.asarray(
        np.divide((rank[:, 0] * rank[:, 1]).sum(axis=1), size, out=np.zeros(len(loss)), where=size > 0)
    )
