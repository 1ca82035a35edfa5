"""Contests: variants of one task compared when each is tuned with the same number of configurations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.measures.budget import COLUMNS, INSTEAD, budgets_of, least_known, note_at
from sensitivity.measures.designs import refuse_adaptive
from sensitivity.measures.incumbents import (
    curve,
    curve_draws,
    drawn_losses,
    known,
    ordered,
    weights,
)
from sensitivity.measures.losses import Array, Losses, groups, row
from sensitivity.measures.resampling import DRAWS, interval

if TYPE_CHECKING:
    from sensitivity.results.results import Results


WIN_DRAWS = 200


def relative_performance(
    results: Results, k: int | Sequence[int] | None = None, *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the performance with k random configurations, as a share of the best variant's.

    .. math:: \frac{P_k(w)}{\max_{w'} P_k(w')}, \qquad P_k = \ell_0 - \hat L_k

    The performance P is the improvement over the initial loss, or over the worst trial where the metric is no
    loss; a metric that is maximised and nowhere negative, such as accuracy, is used unchanged (as published).
    1 is the best variant; 0 is a variant that has not learned. Only variants with at least k configurations
    have rows.

    Args:
        results: Results of a study.
        k: Budgets; None for 1, 2, 4 and so on, and the largest that every variant of the task has.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: as :func:`sensitivity.measures.budget.expected_best`.

    Source: Sivaprasad et al., ICML 2020 (arXiv:1910.11758).
    """
    refuse_adaptive(results, "relative_performance", INSTEAD)
    rows = []
    for contestants, budgets in _contests(results, k):
        zero = (
            0.0
            if results.direction == "max" and all(np.nanmax(group.loss) <= 0 for group in contestants)
            else contestants[0].initial
        )
        values = [zero - curve(group.loss[None], budgets)[0] for group in contestants]
        drawn = [zero - curve_draws(group, budgets, draws, seed + i) for i, group in enumerate(contestants)]
        for place, budget in enumerate(budgets):
            members = [i for i, group in enumerate(contestants) if known(group) >= budget]
            ratio = _over_best(np.array([values[i][place] for i in members])[:, None])[:, 0]
            ratios = _over_best(np.array([drawn[i][:, place] for i in members]))
            for i, value, again in zip(members, ratio, ratios, strict=True):
                low, high = interval(again)
                more = {"k": budget, "note": note_at(results, contestants[i], budget)}
                rows.append(row(contestants[i], float(value), min(low, value), max(high, value)) | more)
    return pd.DataFrame(rows, columns=COLUMNS)


def win_probability(
    results: Results, k: int | Sequence[int] | None = None, *, draws: int = WIN_DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the chance that a variant ends best when all variants are tuned with k random configurations.

    .. math:: \sum_x P(X_w = x) \int_0^1 \prod_{v \ne w} \left[ P(X_v > x) + t \, P(X_v = x) \right] dt

    with :math:`X_v` the loss of the best of k configurations of v, measured by one seed, as in
    :func:`sensitivity.measures.budget.expected_best`. The integral shares a tie equally among the tied
    variants, exactly. The chances at one k sum to 1. The interval is a bootstrap.

    Args:
        results: Results of a study.
        k: Budgets, as for :func:`relative_performance`.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: as :func:`sensitivity.measures.budget.expected_best`.

    Source: Sivaprasad et al., ICML 2020 (arXiv:1910.11758); the formula is this package's.
    """
    refuse_adaptive(results, "win_probability", INSTEAD)
    rows = []
    for contestants, budgets in _contests(results, k):
        values = [ordered(group.loss[None]) for group in contestants]
        again = [ordered(drawn_losses(group, draws, seed + i)) for i, group in enumerate(contestants)]
        members_of = {
            budget: tuple(i for i, group in enumerate(contestants) if known(group) >= budget)
            for budget in budgets
        }
        chances: dict[int, Array] = {}
        drawn: dict[int, Array] = {}
        for members in dict.fromkeys(members_of.values()):
            among = [budget for budget in budgets if members_of[budget] == members]
            alike = all(
                (again[i] == again[i][:1]).all() for i in members
            )  # a grid with one seed has no noise
            measured = _wins([values[i][0] for i in members], among)
            simulated = np.array(
                [_wins([again[i][draw] for i in members], among) for draw in range(1 if alike else draws)]
            )
            for place, budget in enumerate(among):
                chances[budget], drawn[budget] = measured[place], simulated[:, place]
        for budget in budgets:
            for place, i in enumerate(members_of[budget]):
                low, high = interval(drawn[budget][:, place])
                value = float(chances[budget][place])
                more = {"k": budget, "note": note_at(results, contestants[i], budget)}
                rows.append(row(contestants[i], value, min(low, value), max(high, value)) | more)
    return pd.DataFrame(rows, columns=COLUMNS)


def _contests(results: Results, k: int | Sequence[int] | None) -> list[tuple[list[Losses], list[int]]]:
    """Return the variants that are compared on each task, and the budgets."""
    every_group = groups(results)
    contests = []
    for task in dict.fromkeys(group.task for group in every_group):
        members = [group for group in every_group if group.task == task]
        most = least_known(members, task)
        budgets = sorted({2**i for i in range(most.bit_length())} | {most} - {0})
        contests.append(
            (
                members,
                budgets if k is None else budgets_of(k, every_group, max(known(group) for group in members)),
            )
        )
    return contests


def _over_best(performance: Array) -> Array:
    top = performance.max(axis=0)
    return np.asarray(np.divide(performance, top, out=np.zeros_like(performance), where=top > 1e-12))


def _wins(losses: list[Array], budgets: Sequence[int]) -> Array:
    """Return the chance of each variant to win, ``[budgets, variants]``.

    Args:
        losses: Losses of each variant in ascending order, ``[seeds, configurations]``.
        budgets: Numbers of configurations that each variant is tuned with.
    """
    counts = [[count for count in np.isfinite(sorts).sum(axis=1).tolist() if count] for sorts in losses]
    values = [
        np.concatenate([row[: int(np.isfinite(row).sum())] for row in sorts if np.isfinite(row).any()])
        for sorts in losses
    ]
    x, place = np.unique(np.concatenate(values), return_inverse=True)
    places = np.split(place.reshape(-1), np.cumsum([len(column) for column in values])[:-1])
    wins = []
    for budget in budgets:
        chances = [
            np.concatenate([_chances(count, budget) / len(of_one) for count in of_one]) for of_one in counts
        ]
        mass = np.array([np.bincount(at, chance, len(x)) for at, chance in zip(places, chances, strict=True)])
        wins.append(_first(mass))
    return np.array(wins)


def _first(mass: Array) -> Array:
    """Return the chance of each variant to have the smallest loss, ties shared.

    Args:
        mass: Chance of each loss, ``[variants, losses]``, in ascending order of the losses.
    """
    above = np.maximum(0.0, mass.sum(axis=1, keepdims=True) - np.cumsum(mass, axis=1))
    nodes, share = _nodes(len(mass) // 2 + 1)
    terms = above[:, None] + (nodes[:, None] + 1) / 2 * mass[:, None]  # variants, nodes, x
    others = np.ones_like(terms)  # for each variant, the product over the variants before and after it
    for ahead in (range(1, len(terms)), range(len(terms) - 2, -1, -1)):
        step = ahead.step
        product = np.ones_like(terms[0])
        for i in ahead:
            product *= terms[i - step]
            others[i] *= product
    return np.asarray([mass[i] @ (share / 2 @ others[i]) for i in range(len(mass))])


@lru_cache(maxsize=64)
def _chances(count: int, budget: int) -> Array:
    """Return the chances of each rank to be the best; cached, since every bootstrap draw needs the same."""
    return np.asarray(weights(count, [budget])[0])


@lru_cache
def _nodes(count: int) -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(count)
