"""Measures of the cost of tuning, based on the expected best of k random configurations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.best_loss import best
from sensitivity.measures.designs import UNEVEN, joined, refuse_adaptive
from sensitivity.measures.incumbents import (
    around,
    curve,
    curve_draws,
    drawn_losses,
    known,
    ordered,
    spaced,
    weights,
)
from sensitivity.measures.losses import Array, Losses, groups, note, row
from sensitivity.measures.resampling import DRAWS, interval
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

COLUMNS = ["task", "variant", "k", "value", "low", "high", "n", "note"]
INSTEAD = "its trials follow each other, so run a random design, or read best_loss"
POINTS = 30
"""Number of budgets of a curve."""
FINE = 300
"""Number of budgets of a curve that is searched."""
WIN_DRAWS = 200
WEIGHTS: dict[str, Callable[[Array, int], Array]] = {
    "uniform": lambda t, most: np.ones_like(t),
    "early": lambda t, most: most + 1 - t,
    "late": lambda t, most: t,
}
"""Weight of each budget t from 1 to ``most`` in :func:`budget_area`, up to a factor."""


def expected_best(
    results: Results, k: int | Sequence[int] | None = None, *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the expected loss after tuning with k random configurations.

    The configurations are drawn without replacement from those tried.

    .. math:: \hat L_k = \sum_{i=1}^{B} \frac{\binom{B-i}{k-1}}{\binom{B}{k}} \, \ell_{(i)}

    This is the mean over all subsets of k, hence unbiased for independent draws. With several seeds, each
    seed in turn measures the configurations that the other seeds rank best, as in
    :func:`sensitivity.measures.best_loss.best`, which is the value at k = B; with one seed it is the plain
    minimum. ``dodge`` is the estimate with replacement, :math:`\sum_i \ell_{(i)} [(\frac{B-i+1}{B})^k -
    (\frac{B-i}{B})^k]`, which is too high.

    Every design but an adaptive one is accepted: a random configuration is one of the design's. The interval
    is a bootstrap over configurations (where the design drew them) and seeds.

    Args:
        results: Results of a study.
        k: Budgets; None for about :data:`POINTS` from 1 to all. A budget above the number of configurations
            has no row.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: for an adaptive design; for a budget below 1 or above the trials of all variants.

    Sources: Tang et al., "Showing Your Work Doesn't Always Work", ACL 2020 (arXiv:2004.13705); Dodge et al.,
    "Show Your Work", EMNLP 2019 (arXiv:1909.03004), for ``dodge``.
    """
    refuse_adaptive(results, "expected_best", INSTEAD)
    every_group = groups(results)
    rows = []
    for group in every_group:
        budgets = _budgets(k, every_group, known(group))
        if not budgets:
            continue
        values = curve(group.loss[None], budgets)[0]
        dodge = curve(group.loss[None], budgets, replacement=True)[0]
        drawn = curve_draws(group, budgets, draws, seed)
        for i, budget in enumerate(budgets):
            low, high = around(float(values[i]), drawn[:, i], group)
            more = {"k": budget, "dodge": float(dodge[i]), "note": _note(results, group, budget)}
            rows.append(row(group, float(values[i]), low, high) | more)
    return pd.DataFrame(rows, columns=[*COLUMNS, "dodge"])


def budget_area(
    results: Results, budget: int | None = None, *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the area under the curve of :func:`expected_best`, over all tuning budgets up to T.

    .. math:: \sum_{t=1}^{T} \omega_t \hat L_t, \qquad \sum_t \omega_t = 1

    One row for each weighting: ``uniform`` :math:`\omega_t = 1 / T`, ``early`` proportional to :math:`T + 1 -
    t` (few trials are affordable), ``late`` proportional to :math:`t`.

    Args:
        results: Results of a study.
        budget: T; None for the smallest number of configurations of the task's variants, so that areas
            compare.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: as :func:`expected_best`.

    Source: Sivaprasad et al., "Optimizer Benchmarking Needs to Account for Hyperparameter Tuning", ICML 2020
    (arXiv:1910.11758).
    """
    refuse_adaptive(results, "budget_area", INSTEAD)
    every_group = groups(results)
    rows = []
    for group in every_group:
        most = (
            _least(every_group, group.task)
            if budget is None
            else _budgets(budget, every_group, known(group))[0]
            if known(group) >= budget
            else 0
        )
        if most < 1:
            continue
        chosen = spaced(most, FINE)
        values, drawn = (
            curve(group.loss[None], chosen.tolist())[0],
            curve_draws(group, chosen.tolist(), draws, seed),
        )
        times = np.arange(1, most + 1, dtype=float)
        for name, weighting in WEIGHTS.items():
            share = _on(chosen, times, weighting(times, most))
            value = float(values @ share)
            low, high = around(value, drawn @ share, group)
            rows.append(
                row(group, value, low, high) | {"weights": name, "k": most, "note": _note(results, group, 1)}
            )
    return pd.DataFrame(rows, columns=["task", "variant", "weights", *COLUMNS[2:]])


def budget_within(
    results: Results, share: float = 0.05, *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the number of random configurations whose expected best is within a share of the best tried.

    .. math:: \min \{ k : \hat L_k \le \ell^* + \text{share} \cdot |\ell^*| \}

    The number is exact to k = 10 and to 2% beyond. It is too small where few trials were run, as more trials
    could find a better best. It is 1 for a variant whose loss does not vary.

    Args:
        results: Results of a study.
        share: Share of the best loss.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: for an adaptive design, or a share that is not a positive number.

    Source: this package, from :func:`expected_best`.
    """
    refuse_adaptive(results, "budget_within", INSTEAD)
    if not 0 < share < np.inf:
        raise InputError(f"share must be a positive number, got {share!r}")
    rows = []
    for group in groups(results):
        budgets = spaced(known(group), FINE)
        values, drawn = (
            curve(group.loss[None], budgets.tolist()),
            curve_draws(group, budgets.tolist(), draws, seed),
        )
        needed = _first(values, budgets, best(group), share)
        low, high = interval(_first(drawn, budgets, drawn[:, -1:], share))
        remark = joined(note(group), _unevenly(results, group))
        rows.append(
            row(group, float(needed[0]), min(low, needed[0]), max(high, needed[0])) | {"note": remark}
        )
    return pd.DataFrame(rows, columns=["task", "variant", "value", "low", "high", "n", "note"])


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
        InputError: as :func:`expected_best`.

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
                more = {"k": budget, "note": _note(results, contestants[i], budget)}
                rows.append(row(contestants[i], float(value), min(low, value), max(high, value)) | more)
    return pd.DataFrame(rows, columns=COLUMNS)


def win_probability(
    results: Results, k: int | Sequence[int] | None = None, *, draws: int = WIN_DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the chance that a variant ends best when all variants are tuned with k random configurations.

    .. math:: \sum_x P(X_w = x) \int_0^1 \prod_{v \ne w} \left[ P(X_v > x) + t \, P(X_v = x) \right] dt

    with :math:`X_v` the loss of the best of k configurations of v, measured by one seed, as in
    :func:`expected_best`. The integral shares a tie equally among the tied variants, exactly. The chances at
    one k sum to 1. The interval is a bootstrap.

    Args:
        results: Results of a study.
        k: Budgets, as for :func:`relative_performance`.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: as :func:`expected_best`.

    Source: Sivaprasad et al., ICML 2020 (arXiv:1910.11758); the formula is this package's.
    """
    refuse_adaptive(results, "win_probability", INSTEAD)
    rows = []
    for contestants, budgets in _contests(results, k):
        values = [ordered(group.loss[None]) for group in contestants]
        again = [ordered(drawn_losses(group, draws, seed + i)) for i, group in enumerate(contestants)]
        for budget in budgets:
            members = [i for i, group in enumerate(contestants) if known(group) >= budget]
            chances = _wins([values[i][0] for i in members], budget)
            alike = all(
                (again[i] == again[i][:1]).all() for i in members
            )  # a grid with one seed has no noise
            drawn = np.array(
                [_wins([again[i][draw] for i in members], budget) for draw in range(1 if alike else draws)]
            )
            for place, i in enumerate(members):
                low, high = interval(drawn[:, place])
                value = float(chances[place])
                more = {"k": budget, "note": _note(results, contestants[i], budget)}
                rows.append(row(contestants[i], value, min(low, value), max(high, value)) | more)
    return pd.DataFrame(rows, columns=COLUMNS)


def _budgets(k: int | Sequence[int] | None, contestants: Iterable[Losses], most: int) -> list[int]:
    if k is None:
        return [int(budget) for budget in spaced(most, POINTS)]
    counts = [k] if isinstance(k, (int, np.integer)) else list(k)
    largest = max((known(group) for group in contestants), default=0)
    for count in counts:
        if isinstance(count, bool) or int(count) != count or not 1 <= count <= max(largest, 1):
            raise InputError(
                f"k must be a whole number from 1 to {largest}, the configurations tried, got {count!r}"
            )
    return [int(count) for count in counts if count <= most]


def _least(contestants: Iterable[Losses], task: str) -> int:
    return min(known(group) for group in contestants if group.task == task)


def _contests(results: Results, k: int | Sequence[int] | None) -> list[tuple[list[Losses], list[int]]]:
    """Return the variants that are compared on each task, and the budgets."""
    every_group = groups(results)
    contests = []
    for task in dict.fromkeys(group.task for group in every_group):
        members = [group for group in every_group if group.task == task]
        most = _least(members, task)
        budgets = sorted({2**i for i in range(most.bit_length())} | {most} - {0})
        contests.append(
            (
                members,
                budgets if k is None else _budgets(k, every_group, max(known(group) for group in members)),
            )
        )
    return contests


def _on(chosen: Any, times: Array, weight: Array) -> Array:
    """Return weights of all budgets as weights of the chosen ones, between which the curve is linear.

    The weights sum to 1.
    """
    place = np.clip(np.searchsorted(chosen, times, side="right") - 1, 0, max(len(chosen) - 2, 0))
    after = np.minimum(place + 1, len(chosen) - 1)
    width = np.maximum(chosen[after] - chosen[place], 1)
    part = np.where(after > place, (times - chosen[place]) / width, 0.0)
    share = np.bincount(place, weight * (1 - part), len(chosen)) + np.bincount(
        after, weight * part, len(chosen)
    )
    return np.asarray(share / share.sum())


def _first(curves: Array, budgets: Any, end: Any, share: float) -> Array:
    limit = end + share * np.abs(end) + 1e-12
    near = np.concatenate([curves[:, :-1] <= limit, np.ones((len(curves), 1), bool)], axis=1)
    places = np.asarray(budgets, dtype=np.float64)
    return np.asarray(places[near.argmax(axis=1)])


def _over_best(performance: Array) -> Array:
    top = performance.max(axis=0)
    return np.asarray(np.divide(performance, top, out=np.zeros_like(performance), where=top > 1e-12))


def _wins(losses: list[Array], budget: int) -> Array:
    """Return the chance of each variant to win.

    Args:
        losses: Losses of each variant in ascending order, ``[seeds, configurations]``.
        budget: Number of configurations that each variant is tuned with.
    """
    values, chances = [], []
    for sorts in losses:
        counts = np.isfinite(sorts).sum(axis=1).tolist()
        used = [seed for seed, count in enumerate(counts) if count]
        values.append(np.concatenate([sorts[seed, : counts[seed]] for seed in used]))
        chances.append(np.concatenate([_chances(counts[seed], budget) / len(used) for seed in used]))
    x, place = np.unique(np.concatenate(values), return_inverse=True)
    ends = np.cumsum([len(column) for column in values])[:-1]
    mass = np.array(
        [
            np.bincount(at, chance, len(x))
            for at, chance in zip(np.split(place.reshape(-1), ends), chances, strict=True)
        ]
    )
    above = np.maximum(0.0, mass.sum(axis=1, keepdims=True) - np.cumsum(mass, axis=1))
    nodes, share = _nodes(len(losses) // 2 + 1)
    terms = above[:, None] + (nodes[:, None] + 1) / 2 * mass[:, None]  # variants, nodes, x
    others = np.ones_like(terms)  # of each variant, the product over those before it and those after it
    for ahead in (range(1, len(terms)), range(len(terms) - 2, -1, -1)):
        step = ahead.step
        product = np.ones_like(terms[0])
        for i in ahead:
            product *= terms[i - step]
            others[i] *= product
    return np.asarray([mass[i] @ (share / 2 @ others[i]) for i in range(len(losses))])


@lru_cache(maxsize=64)
def _chances(count: int, budget: int) -> Array:
    """Return the chances of each rank to be the best; cached, since every bootstrap draw needs the same."""
    return np.asarray(weights(count, [budget])[0])


@lru_cache
def _nodes(count: int) -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(count)


def _unevenly(results: Results, group: Losses) -> str:
    kind = results.design_of(group.variant)
    return (
        f"of the configurations of the {kind} design, which are not spread evenly" if kind in UNEVEN else ""
    )


def _note(results: Results, group: Losses, budget: int) -> str:
    most = known(group)
    wide = not group.fixed and most > 1 and budget > max(1, most / 10)
    late = (
        f"k is more than a tenth of the {most} random configurations: the interval is too narrow"
        if wide
        else ""
    )
    return joined(note(group), late, _unevenly(results, group))
