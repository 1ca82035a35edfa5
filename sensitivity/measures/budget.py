"""Measures of the cost of tuning, based on the expected best of k random configurations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.designs import UNEVEN, joined, refuse_adaptive
from sensitivity.measures.incumbents import (
    around,
    curve,
    curve_draws,
    known,
    spaced,
)
from sensitivity.measures.losses import Array, Losses, groups, note, row
from sensitivity.measures.parts import parts
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
    seed in turn measures the configurations that the other seeds rank best, so that luck in choosing is not
    counted as merit; with one seed it is the plain minimum. ``dodge`` is the estimate with replacement,
    :math:`\sum_i \ell_{(i)} [(\frac{B-i+1}{B})^k - (\frac{B-i}{B})^k]`, which is too high.

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
        budgets = budgets_of(k, every_group, known(group))
        if not budgets:
            continue
        values = curve(group.loss[None], budgets)[0]
        dodge = curve(group.loss[None], budgets, replacement=True)[0]
        drawn = curve_draws(group, budgets, draws, seed)
        for i, budget in enumerate(budgets):
            low, high = around(float(values[i]), drawn[:, i], group)
            more = {"k": budget, "dodge": float(dodge[i]), "note": note_at(results, group, budget)}
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
            least_known(every_group, group.task)
            if budget is None
            else budgets_of(budget, every_group, known(group))[0]
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
                row(group, value, low, high)
                | {"weights": name, "k": most, "note": note_at(results, group, 1)}
            )
    return pd.DataFrame(rows, columns=["task", "variant", "weights", *COLUMNS[2:]])


def budget_within(
    results: Results, share: float = 0.05, *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Return the number of random configurations whose expected best is within a share of the best tried.

    .. math:: \min \{ k : \hat L_k \le \ell^* + \text{share} \cdot |\ell^*| \}

    :math:`\ell^*` is the loss that the best is expected to have on a rerun
    (:class:`sensitivity.measures.best.Best`). The number is exact to k = 10 and to 2% beyond. It is too small
    where few trials were run, as more trials could find a better best. It is 1 for a variant whose loss does
    not vary.

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
    for part in parts(results):
        group, end = part.group, part.best.value
        budgets = spaced(known(group), FINE)
        values, drawn = (
            curve(group.loss[None], budgets.tolist()),
            curve_draws(group, budgets.tolist(), draws, seed),
        )
        needed = _first(values, budgets, end, share)
        low, high = interval(_first(drawn, budgets, drawn[:, -1:] - values[:, -1:] + end, share))
        remark = joined(note(group), _unevenly(results, group))
        rows.append(
            row(group, float(needed[0]), min(low, needed[0]), max(high, needed[0])) | {"note": remark}
        )
    return pd.DataFrame(rows, columns=["task", "variant", "value", "low", "high", "n", "note"])


def budgets_of(k: int | Sequence[int] | None, contestants: Iterable[Losses], most: int) -> list[int]:
    """Return the budgets up to ``most``, checked; by default about :data:`POINTS`."""
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


def least_known(contestants: Iterable[Losses], task: str) -> int:
    """Return the smallest number of configurations with a result, of the variants of a task."""
    return min(known(group) for group in contestants if group.task == task)


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


def _unevenly(results: Results, group: Losses) -> str:
    kind = results.design_of(group.variant)
    return (
        f"of the configurations of the {kind} design, which are not spread evenly" if kind in UNEVEN else ""
    )


def note_at(results: Results, group: Losses, budget: int) -> str:
    """Return the limits of a value at a budget."""
    most = known(group)
    wide = not group.fixed and most > 1 and budget > max(1, most / 10)
    late = (
        f"k is more than a tenth of the {most} random configurations: the interval is too narrow"
        if wide
        else ""
    )
    return joined(note(group), late, _unevenly(results, group))
