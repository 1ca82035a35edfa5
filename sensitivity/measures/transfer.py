"""Transfer between tasks: the use of results on one task for another."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.across_tasks import Shared, normalised, others, scores, shared
from sensitivity.measures.best_loss import best, best_draws
from sensitivity.measures.designs import joined, need_tasks, refuse_adaptive
from sensitivity.measures.losses import Array
from sensitivity.measures.magnitudes import exponent_of
from sensitivity.measures.resampling import interval, resampled
from trainables.names import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sensitivity.results.results import Results

ONE_TASK = "add trials of another task, or read excess_loss, which is about one"
ADAPTIVE = "its trials differ between tasks, so run a grid, random or sobol design"
ENOUGH = 0.95
MOST = 10
"""Most hyperparameters of which every subset is tried."""
DRAWS = 400
SUBSET_DRAWS = 200


def cross_task_sensitivity(
    results: Results, *, normalisation: str = "percentile", draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the loss of performance of a variant when one configuration must serve all tasks.

    .. math:: \Phi(w) = \frac{1}{|E|} \sum_e \max_h \Gamma(w, e, h)
        - \max_h \frac{1}{|E|} \sum_e \Gamma(w, e, h)

    with :math:`\Gamma` the performance normalised on each task
    (:func:`sensitivity.measures.across_tasks.normalised`), over the configurations that all tasks have.
    ``tuned`` is the first term, ``single`` the second, ``configuration`` its maximiser. With several seeds
    each part of them measures the choice of the other parts, so that luck is not counted; then the published
    maximum over means is slightly larger. The interval is a bootstrap over seeds; tasks, configurations and
    the ends of the normalisation stay fixed.

    Args:
        results: Results of a study.
        normalisation: ``percentile`` (as published), ``min_max``, or a column of the trials that is
            normalised already, higher better.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: for fewer than two tasks, an adaptive design or an unknown normalisation.

    Source: Adkins, Bowling & White, "A Method for Evaluating Hyperparameter Sensitivity in Reinforcement
    Learning", NeurIPS 2024 (arXiv:2412.07165).
    """
    rows = []
    for one, score, drawn in _scored(results, "cross_task_sensitivity", normalisation, draws, seed):
        keys = {"variant": one.variant, "n": one.trials, "note": one.note}
        (tuned,), (single,), _ = _terms(score[None])
        tuned_draws, single_draws, _ = _terms(drawn)
        low, high = interval(
            tuned_draws - single_draws - (tuned_draws - single_draws).mean() + tuned - single
        )
        value, winner = tuned - single, one.configurations[int(score.mean(axis=(0, 2)).argmax())]
        rows.append(
            keys
            | {
                "value": value,
                "low": min(low, value),
                "high": max(high, value),
                "tuned": tuned,
                "single": single,
                "configuration": winner,
            }
        )
    return pd.DataFrame(
        rows, columns=["variant", "value", "low", "high", "n", "note", "tuned", "single", "configuration"]
    )


def tuned_per_task(
    results: Results, *, normalisation: str = "percentile", draws: int = SUBSET_DRAWS, seed: int = 0
) -> pd.DataFrame:
    """Return the score with only some hyperparameters tuned for each task.

    The other hyperparameters are frozen at the best single configuration of all tasks. There is one row a
    subset of the hyperparameters (``hyperparameters``, ``size``): value is the mean over tasks of the best
    normalised score. The interval is that of :func:`cross_task_sensitivity`. The measure needs a fixed design
    such as a grid: in other designs no two configurations share a level.

    Args:
        results: Results of a study.
        normalisation: As for :func:`cross_task_sensitivity`.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: for another design, for more than :data:`MOST` hyperparameters; as
            :func:`cross_task_sensitivity`.

    Source: as :func:`cross_task_sensitivity`.
    """
    rows = []
    for one, value, drawn, subsets in _subsets(results, "tuned_per_task", normalisation, draws, seed):
        for i, names in enumerate(subsets):
            low, high = interval(drawn[:, i] - drawn[:, i].mean() + value[i])
            keys = {"variant": one.variant, "hyperparameters": " x ".join(names), "size": len(names)}
            ends = {"low": min(low, value[i]), "high": max(high, value[i])}
            rows.append(keys | {"value": float(value[i]), **ends, "n": one.trials, "note": one.note})
    return pd.DataFrame(
        rows, columns=["variant", "hyperparameters", "size", "value", "low", "high", "n", "note"]
    )


def effective_dimensionality(
    results: Results,
    *,
    enough: float = ENOUGH,
    normalisation: str = "percentile",
    draws: int = SUBSET_DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Return the fewest hyperparameters to tune for each task that reach 95% of the score of tuning all.

    .. math:: d(w) = \min \{ |U| : \max_{|U|} S(U) \ge 0.95 \, S(\text{all}) \}

    with S of :func:`tuned_per_task`. ``interpolated`` is where the best score, linear between sizes, crosses
    the limit; ``hyperparameters`` is the subset. The interval is that of :func:`cross_task_sensitivity`.

    Args:
        results: Results of a study.
        enough: Share of the score to reach.
        normalisation: As for :func:`cross_task_sensitivity`.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: as :func:`tuned_per_task`.

    Source: as :func:`cross_task_sensitivity`.
    """
    if not 0 < enough <= 1:
        raise InputError(f"enough must be above 0 and at most 1, got {enough!r}")
    rows = []
    for one, value, drawn, subsets in _subsets(
        results, "effective_dimensionality", normalisation, draws, seed
    ):
        sizes = np.array([len(names) for names in subsets])
        least, part = _dimension(value[None], sizes, enough)
        low, high = interval(_dimension(drawn, sizes, enough)[0])
        chosen = max((i for i in range(len(subsets)) if sizes[i] == least[0]), key=lambda i: float(value[i]))
        remark = (
            ""
            if value[-1] > 0
            else "tuned for each task it is no better than the lower end of the normalisation"
        )
        more = {
            "n": one.trials,
            "note": joined(one.note, remark),
            "interpolated": float(part[0]),
            "hyperparameters": " x ".join(subsets[chosen]),
        }
        ends = {"low": min(low, least[0]), "high": max(high, least[0])}
        rows.append({"variant": one.variant, "value": float(least[0]), **ends, **more})
    return pd.DataFrame(
        rows, columns=["variant", "value", "low", "high", "n", "note", "interpolated", "hyperparameters"]
    )


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
    for one in _every(results, "rank_correlation"):
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
    for one in _every(results, "transfer_regret"):
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


def _every(results: Results, measure: str) -> list[Shared]:
    tasks = need_tasks(results, measure, ONE_TASK)
    refuse_adaptive(results, measure, ADAPTIVE)
    pairs = [
        shared(results, variant, tasks) for variant in dict.fromkeys(variant for _, variant in results.groups)
    ]
    return [one for one in pairs if one is not None and one.configurations]


def _scored(
    results: Results, measure: str, normalisation: str, draws: int, seed: int
) -> list[tuple[Shared, Array, Array]]:
    need_tasks(results, measure, ONE_TASK)
    judged, ends = normalised(results, normalisation)
    return [
        (one, scores(one, ends, one.losses()), scores(one, ends, one.draws(draws, seed)))
        for one in _every(judged, measure)
    ]


def _terms(score: Array) -> tuple[Array, Array, NDArray[np.int64]]:
    """Return the tuned and the single term, and the best configuration of each fold.

    Args:
        score: Scores, ``[draws, tasks, configurations, folds]``.
    """
    choosing = others(score)
    regret = np.take_along_axis(score, choosing.argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    winner = choosing.mean(axis=1).argmax(axis=1)
    single = np.take_along_axis(score.mean(axis=1), winner[:, None], axis=1)[:, 0]
    return regret.mean(axis=(1, 2)), single.mean(axis=1), winner


def _subsets(
    results: Results, measure: str, normalisation: str, draws: int, seed: int
) -> list[tuple[Shared, Array, Array, list[tuple[str, ...]]]]:
    for variant in results.spaces:
        kind = results.design_of(variant)
        if kind not in ("grid", "explicit", "one_at_a_time", "adaptive"):
            raise InputError(
                f"{measure} needs a grid, got {kind!r}; its configurations share no levels, so use "
                f"cross_task_sensitivity"
            )
        if len(results.varied(variant)) > MOST:
            raise InputError(
                f"{measure} tries every subset of at most {MOST} hyperparameters, got "
                f"{len(results.varied(variant))} of {variant}"
            )
    tables = []
    for one, score, drawn in _scored(results, measure, normalisation, draws, seed):
        names = one.groups[0].names
        subsets = [subset for size in range(len(names) + 1) for subset in itertools.combinations(names, size)]
        frozen = [
            _alike(one.configurations, [name for name in names if name not in subset]) for subset in subsets
        ]
        tables.append((one, _subset_scores(score[None], frozen)[0], _subset_scores(drawn, frozen), subsets))
    return tables


def _subset_scores(score: Array, frozen: list[NDArray[np.int64]]) -> Array:
    """Return S of each subset, ``[draws, subsets]``.

    Args:
        score: Scores, ``[draws, tasks, configurations, folds]``.
        frozen: Numbers that are equal for configurations whose frozen hyperparameters are equal, for each
            subset.
    """
    choosing, (_, _, winner) = others(score), _terms(score)
    scores = []
    for number in frozen:
        open_ = number[None, :, None] == number[winner][:, None]  # draws, configurations, folds
        chosen = np.where(open_[:, None], choosing, -np.inf).argmax(axis=2)
        scores.append(np.take_along_axis(score, chosen[:, :, None], axis=2)[:, :, 0].mean(axis=(1, 2)))
    return np.stack(scores, axis=1)


def _alike(configurations: list[dict[str, Any]], names: list[str]) -> NDArray[np.int64]:
    seen: dict[tuple[Any, ...], int] = {}
    return np.array(
        [
            seen.setdefault(tuple(configuration.get(name) for name in names), len(seen))
            for configuration in configurations
        ]
    )


def _dimension(value: Array, sizes: NDArray[np.int64], enough: float) -> tuple[Array, Array]:
    """Return d and its interpolation for each draw.

    Args:
        value: S of each subset, ``[draws, subsets]``.
        sizes: Number of hyperparameters of each subset.
        enough: Share of the score to reach.
    """
    top = np.stack([value[:, sizes == size].max(axis=1) for size in range(sizes.max() + 1)], axis=1)
    limit = np.minimum(enough * top[:, -1], top[:, -1])[
        :, None
    ]  # 95% of a negative score would be more than all of it
    least = np.argmax(top >= limit - 1e-12, axis=1)
    draws, before = np.arange(len(top)), np.maximum(least - 1, 0)
    step = top[draws, least] - top[draws, before]
    part = np.divide(
        limit[:, 0] - top[draws, before], step, out=np.ones(len(top)), where=(least > 0) & (step > 0)
    )
    return least.astype(float), np.where(least > 0, before + part, 0.0)


def _spearman(loss: Array) -> Array:
    """Return the rank correlation of ``[draws, 2, configurations]``; 0 where either is constant."""
    from scipy.stats import rankdata

    rank = rankdata(np.round(np.ldexp(loss, -exponent_of(loss)), 12), axis=2)
    rank = rank - rank.mean(axis=2, keepdims=True)
    size = np.sqrt((rank**2).sum(axis=2).prod(axis=1))
    return np.asarray(
        np.divide((rank[:, 0] * rank[:, 1]).sum(axis=1), size, out=np.zeros(len(loss)), where=size > 0)
    )
