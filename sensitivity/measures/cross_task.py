"""Tuning for each task against one configuration for all tasks."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.across_tasks import ONE_TASK, Shared
from sensitivity.measures.designs import joined, need_tasks
from sensitivity.measures.losses import Array
from sensitivity.measures.resampling import DRAWS, interval
from sensitivity.measures.scores import scored
from trainables.names import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sensitivity.results.results import Results


ENOUGH = 0.95
MOST = 10
"""Most hyperparameters of which every subset is tried."""
SUBSET_DRAWS = 200


def cross_task_sensitivity(
    results: Results, *, normalisation: str = "percentile", draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the loss of performance of a variant when one configuration must serve all tasks.

    .. math:: \Phi(w) = \frac{1}{|E|} \sum_e \max_h \Gamma(w, e, h)
        - \max_h \frac{1}{|E|} \sum_e \Gamma(w, e, h)

    with :math:`\Gamma` the performance normalised on each task
    (:func:`sensitivity.measures.across_tasks.normalised`). The first maximum is over all configurations of a
    task, the second over those that every task has: a configuration that failed on one task is no choice for
    all tasks, and remains one for the others. ``tuned`` is the first term, ``single`` the second,
    ``configuration`` its maximiser. All are less their optimism
    (:meth:`sensitivity.measures.scores.Scores.estimated`), so that luck in choosing is not counted; then the
    published maximum over means is slightly larger. The interval is of draws of the true means;
    tasks, configurations and the ends of the normalisation stay fixed. With one seed of each configuration
    there is none.

    Args:
        results: Results of a study.
        normalisation: ``percentile`` (as published), ``min_max``, or a column of the trials that is
            normalised already, higher better.
        draws: Number of draws.
        seed: Seed of the draws.

    Raises:
        InputError: for fewer than two tasks, an adaptive design or an unknown normalisation.

    Source: Adkins, Bowling & White, "A Method for Evaluating Hyperparameter Sensitivity in Reinforcement
    Learning", NeurIPS 2024 (arXiv:2412.07165).
    """
    need_tasks(results, "cross_task_sensitivity", ONE_TASK)
    rows = []
    for table in scored(results, "cross_task_sensitivity", normalisation, draws, seed):
        one = table.one
        (tuned, single, value), drawn = table.estimated(_terms)
        low, high = interval(drawn[:, 2])
        rows.append(
            {
                "variant": one.variant,
                "n": one.trials,
                "note": one.note,
                "value": value,
                "low": min(low, value),
                "high": max(high, value),
                "tuned": tuned,
                "single": single,
                "configuration": one.configurations[_winner(table.observed[None])[0]],
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
        draws: Number of draws.
        seed: Seed of the draws.

    Raises:
        InputError: for another design, for more than :data:`MOST` hyperparameters; as
            :func:`cross_task_sensitivity`.

    Source: as :func:`cross_task_sensitivity`.
    """
    rows = []
    for one, value, drawn, subsets in _subsets(results, "tuned_per_task", normalisation, draws, seed):
        for i, names in enumerate(subsets):
            low, high = interval(drawn[:, i])
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
        draws: Number of draws.
        seed: Seed of the draws.

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
        low, high = interval(np.where(np.isfinite(drawn[:, 0]), _dimension(drawn, sizes, enough)[0], np.nan))
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


def _terms(score: Array) -> Array:
    """Return the tuned term, the single term and their difference, ``[draws, 3]``.

    Args:
        score: Scores, ``[draws, tasks, configurations]``.
    """
    tuned, single = score.max(axis=2).mean(axis=1), score.mean(axis=1).max(axis=1)
    return np.stack([tuned, single, tuned - single], axis=1)


def _winner(score: Array) -> NDArray[np.int64]:
    """Return the best configuration for all tasks together, ``[draws]``."""
    return np.asarray(score.mean(axis=1).argmax(axis=1))


def _subsets(
    results: Results, measure: str, normalisation: str, draws: int, seed: int
) -> list[tuple[Shared, Array, Array, list[tuple[str, ...]]]]:
    need_tasks(results, measure, ONE_TASK)
    for variant in results.spaces:
        kind = results.design_of(variant)
        if kind not in ("grid", "explicit", "one_at_a_time", "adaptive"):
            raise InputError(
                f"{measure} needs a grid, got {kind!r}; its configurations share no levels, so use "
                "cross_task_sensitivity"
            )
        if len(results.varied(variant)) > MOST:
            raise InputError(
                f"{measure} tries every subset of at most {MOST} hyperparameters, got "
                f"{len(results.varied(variant))} of {variant}"
            )
    tables = []
    for table in scored(results, measure, normalisation, draws, seed):
        one, names = table.one, table.one.groups[0].names
        subsets = [subset for size in range(len(names) + 1) for subset in itertools.combinations(names, size)]
        frozen = [
            _alike(one.configurations, [name for name in names if name not in subset]) for subset in subsets
        ]
        tables.append((one, *table.estimated(partial(_subset_scores, frozen)), subsets))
    return tables


def _subset_scores(frozen: list[NDArray[np.int64]], score: Array) -> Array:
    """Return S of each subset, ``[draws, subsets]``.

    Args:
        frozen: Numbers that are equal for configurations whose frozen hyperparameters are equal, for each
            subset.
        score: Scores, ``[draws, tasks, configurations]``.
    """
    winner = _winner(score)
    found = []
    for number in frozen:
        open_ = number[None] == number[winner][:, None]  # draws, configurations
        found.append(np.where(open_[:, None], score, -np.inf).max(axis=2).mean(axis=1))
    return np.stack(found, axis=1)


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
