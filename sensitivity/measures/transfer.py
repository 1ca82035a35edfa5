"""Transfer between tasks: the use of results on one task for another."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.measures.across_tasks import shared, shared_by_variant
from sensitivity.measures.designs import joined
from sensitivity.measures.losses import Array, keeping_losses
from sensitivity.measures.magnitudes import exponent_of
from sensitivity.measures.parts import Part, part_of
from sensitivity.measures.resampling import DRAWS, interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sensitivity.results.results import Results

RANK_DRAWS = 400


def rank_correlation(results: Results, *, draws: int = RANK_DRAWS, seed: int = 0) -> pd.DataFrame:
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
            if pair is None:
                continue
            rng = np.random.default_rng(seed)
            mean, drawn = pair.means(), pair.draws(draws, seed, noise)
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
    target has, :math:`\ell^*` is the loss that the target's best is expected to have on a rerun
    (:class:`sensitivity.measures.best.Best`). The interval is of draws that choose again on the source with
    new noise, and of the true losses of the target. With one seed of each configuration there is none.

    Args:
        results: Results of a study.
        draws: Number of draws.
        seed: Seed of the draws.

    Raises:
        InputError: for fewer than two tasks or an adaptive design.

    Source: as :func:`sensitivity.measures.excess.excess_loss`, at one configuration.
    """
    rows, results = [], keeping_losses(results)
    for one in shared_by_variant(results, "transfer_regret"):
        found = [part_of(results, group, draws=draws, seed=seed) for group in one.groups]
        for i, j in itertools.permutations(range(len(one.groups)), 2):
            pair = shared(results, one.variant, [one.groups[i].task, one.groups[j].task])
            if pair is None:
                continue
            (source, target), (there, target_rows) = pair.groups, pair.rows
            chosen = int(np.argmin(source.mean[there]))
            top = found[j].best.value
            value = float(max(0.0, target.mean[target_rows[chosen]] - top))
            low, high = interval(np.maximum(0.0, _regrets(found[i], found[j], there, target_rows)))
            gained = target.initial - top
            share = min(1.0, value / gained) if gained > 1e-12 else 0.0
            keys = {"variant": one.variant, "source": source.task, "target": target.task}
            more = {"share": share, "configuration": source.configurations[there[chosen]]}
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


def _regrets(source: Part, target: Part, there: NDArray[np.int64], rows: NDArray[np.int64]) -> Array:
    """Return draws of the regret of what the source would choose with new noise, ``[draws]``.

    Args:
        source: The variant on the source.
        target: The variant on the target.
        there: Shared configurations on the source.
        rows: The same configurations on the target.
    """
    known = source.whole.known
    if not (known.repeated and target.whole.known.repeated):
        return np.full(len(known.again), np.nan)
    choice = (known.observed[there] + known.again[:, there]).argmin(axis=1)
    losses = target.whole.known.observed - target.whole.known.noise
    return np.asarray(losses[np.arange(len(choice)), rows[choice]] - target.best.draws)


def _spearman(loss: Array) -> Array:
    """Return the rank correlation of ``[draws, 2, configurations]``; 0 where either is constant."""
    from scipy.stats import rankdata

    rank = rankdata(np.round(np.ldexp(loss, -exponent_of(loss)), 12), axis=2)
    rank = rank - rank.mean(axis=2, keepdims=True)
    size = np.sqrt((rank**2).sum(axis=2).prod(axis=1))
    return np.asarray(
        np.divide((rank[:, 0] * rank[:, 1]).sum(axis=1), size, out=np.zeros(len(loss)), where=size > 0)
    )
