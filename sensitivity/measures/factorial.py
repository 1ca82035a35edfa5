"""Exact analysis of variance of a full grid, with the seeds as replicates."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.cells import inactive
from sensitivity.measures.losses import Array, Losses, losses, note, scaled
from sensitivity.measures.noise import NOISE
from sensitivity.measures.variance_shares import INTERACTIONS
from sensitivity.results.results import records
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

HIGHER, UNSEPARATED = "higher order", "unexplained (higher order or noise)"
"""Effects of more than two hyperparameters; the same where one seed cannot separate them from noise."""
EXTRA = ["omega_squared", "partial_eta_squared", "partial_omega_squared", "df", "f", "p"]
COLUMNS = ["task", "variant", "effect", "order", "value", "low", "high", "n", "note", *EXTRA]


def factorial(results: Results, *, level: float = 0.95) -> pd.DataFrame:
    r"""Return the analysis of variance of the capped loss over a full grid.

    The rows are every hyperparameter, every pair, all higher orders together, and the seeds. With :math:`\bar
    y_U` the mean at the levels of the hyperparameters U, :math:`e_U = \sum_{W \subseteq U} (-1)^{|U| - |W|}
    \bar y_W` and MS = SS / df,

    .. math:: SS_U = \sum e_U^2, \quad df_U = \prod_{j \in U} (m_j - 1), \quad F_U = MS_U / MS_E, \quad
              \eta^2 = \frac{SS_U}{SS_T}, \quad \omega^2 = \frac{SS_U - df_U MS_E}{SS_T + MS_E}

    the sum over trials. ``value`` is eta squared, a share of the variance over the levels of this grid, each
    with equal weight; with the seeds the shares sum to 1. Omega squared is the expectation of eta squared
    without the noise; partial ones leave the other effects out of the total. ``p`` is the p-value of "no
    effect". The interval of eta squared is from the F's noncentrality that the data allow.

    With one seed the higher orders stand for the error, as :data:`UNSEPARATED`; a single pair does where
    there are two hyperparameters. Then no effect can be told from noise where these matter, and a note says
    so. A constant loss gives zeros.

    Args:
        results: Results of a study.
        level: Level of the interval, between 0 and 1.

    Raises:
        InputError: if a variant's configurations are no full grid with all its seeds.

    Sources: Montgomery, "Design and Analysis of Experiments" (2017), chapter 5; Olejnik & Algina,
    "Generalized Eta and Omega Squared Statistics", Psychological Methods 8 (2003); Steiger, "Beyond the F
    Test", Psychological Methods 9 (2004), for the interval.
    """
    rows: list[dict[str, Any]] = []
    for task, variant in results.groups:
        group = scaled(losses(results, task, variant))
        keys = {"task": task, "variant": variant, "n": group.trials}
        rows += [
            {**keys, **effect_row}
            for effect_row in _table(group, _grid(group, results.design_of(variant)), level)
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass
class _Effect:
    effect: str
    order: str
    squares: float
    freedom: int


def _grid(group: Losses, kind: str) -> Array:
    """Return the losses as ``[levels of each hyperparameter ..., seeds]``."""
    missing = int((~np.isfinite(group.loss)).sum())
    levels = [np.unique(group.units[:, j], return_inverse=True) for j in range(len(group.names))]
    shape = [len(values) for values, _ in levels]
    if not shape or np.prod(shape) != len(group.loss) or inactive(group).any():
        raise InputError(
            f"factorial needs a full grid, got {kind!r} with {len(group.loss)} configurations; use "
            "variance_shares"
        )
    if missing:
        reason = f"{missing} of {group.loss.size} trials of {group.variant} missing"
        raise InputError(
            f"factorial needs every trial of the grid, got {reason}; finish the study or use variance_shares"
        )
    grid = np.full((*shape, group.loss.shape[1]), np.nan)
    grid[tuple(places.reshape(-1) for _, places in levels)] = group.loss
    if np.isnan(grid).any():
        raise InputError(
            f"factorial needs a full grid, got {kind!r} with some cells twice; use variance_shares"
        )
    return grid


def _table(group: Losses, y: Array, level: float) -> list[dict[str, Any]]:
    seeds = y.shape[-1]
    terms = _effects(group.names, y.mean(axis=-1), seeds)
    total = float(((y - y.mean()) ** 2).sum())
    if total <= 1e-24 * max(1e-300, float((y**2).sum())):
        total = 0.0
    within = float(((y - y.mean(axis=-1, keepdims=True)) ** 2).sum())
    error, freedom, remark = within, y[..., 0].size * (seeds - 1), note(group)
    if seeds == 1:
        last = terms[-1] if terms[-1].order != "main" else None
        error, freedom = (last.squares, last.freedom) if last else (float("nan"), 0)
        remark += f": {last.effect} taken as the error" if last else ": nothing to take as the error"
    rows = []
    for term in terms:
        judged = freedom > 0 and not (seeds == 1 and term is terms[-1])
        rows.append({**_judged(term, error, freedom, total, y.size, level, judged=judged), "note": remark})
    noise: dict[str, Any] = {
        "effect": NOISE,
        "order": "noise",
        "df": y[..., 0].size * (seeds - 1),
        "note": note(group),
    }
    noise["value"] = (within / total if total else 0.0) if seeds > 1 else float("nan")
    noise["low"], noise["high"] = _noise_interval(noise["value"], noise["df"], level)
    return [*rows, noise]


def _effects(names: tuple[str, ...], mean: Array, seeds: int) -> list[_Effect]:
    """Return sums of squares of every effect of one and of two hyperparameters, then of all higher orders.

    The higher orders are one effect, which exists for more than two hyperparameters.
    """
    axes = range(mean.ndim)
    centred = mean - mean.mean()
    alone = {j: centred.mean(axis=tuple(k for k in axes if k != j), keepdims=True) for j in axes}
    terms = []
    left, freedom = centred.copy(), mean.size - 1
    for chosen in [*itertools.combinations(axes, 1), *itertools.combinations(axes, 2)]:
        if len(chosen) == 1:
            effect = alone[chosen[0]]
        else:
            both = centred.mean(axis=tuple(k for k in axes if k not in chosen), keepdims=True)
            effect = both - alone[chosen[0]] - alone[chosen[1]]
        left = left - effect
        degrees = int(np.prod([mean.shape[j] - 1 for j in chosen]))
        freedom -= degrees
        squares = float((effect**2).mean()) * mean.size * seeds
        terms.append(
            _Effect(
                " x ".join(names[j] for j in chosen), "main" if len(chosen) == 1 else "pair", squares, degrees
            )
        )
    if mean.ndim > 2:
        terms.append(
            _Effect(HIGHER if seeds > 1 else UNSEPARATED, "rest", float((left**2).sum()) * seeds, freedom)
        )
    return terms


def together(table: pd.DataFrame, *, level: float = 0.95) -> dict[str, Any] | None:
    """Return all interactions of one variant's analysis as one effect, with its interval.

    Args:
        table: Table of :func:`factorial`.
        level: Level of the interval, between 0 and 1.

    Returns:
        The effect; None with one hyperparameter, or without an error term.
    """
    noise, part = table[table["order"] == "noise"], table[table["order"].isin(("pair", "rest"))]
    if part.empty or noise["value"].isna().any():
        return None
    error, freedom = float(noise["value"].iloc[0]), int(noise["df"].iloc[0])
    effect = _Effect(INTERACTIONS, "pairs", float(part["value"].sum()), int(part["df"].sum()))
    total = 1.0 if table["value"].sum() > 0 else 0.0
    row = _judged(effect, error, freedom, total, int(table["n"].iloc[0]), level, judged=True)
    return {**records(part)[0], **row}


def _judged(
    term: _Effect, error: float, freedom: int, total: float, n: int, level: float, *, judged: bool
) -> dict[str, Any]:
    from scipy.stats import f as f_distribution

    row: dict[str, Any] = {
        "effect": term.effect,
        "order": term.order,
        "df": term.freedom,
        **dict.fromkeys(("low", "high", *EXTRA[:3]), np.nan),
    }
    row |= {"value": term.squares / total if total else 0.0, "f": np.nan, "p": np.nan}
    if not total:
        return {**row, "low": 0.0, "high": 0.0, **dict.fromkeys(EXTRA[:3], 0.0), "p": 1.0}
    if not judged or not term.freedom:
        return row
    mean_error = error / freedom
    gain = term.squares - term.freedom * mean_error
    row["omega_squared"] = max(0.0, gain / (total + mean_error))
    row["partial_eta_squared"] = term.squares / (term.squares + error) if term.squares + error > 0 else 0.0
    rest = term.squares + (n - term.freedom) * mean_error
    row["partial_omega_squared"] = max(0.0, gain / rest) if rest > 0 else 0.0
    if mean_error <= 1e-20 * total:  # without noise every effect is certain
        certain = term.squares > 1e-20 * total
        return {
            **row,
            "low": row["value"],
            "high": row["value"],
            "f": np.inf if certain else np.nan,
            "p": 0.0 if certain else 1.0,
        }
    row["f"] = term.squares / term.freedom / mean_error
    row["p"] = float(f_distribution.sf(row["f"], term.freedom, freedom))
    low, high = (
        _noncentrality(row["f"], term.freedom, freedom, q) for q in ((1 + level) / 2, (1 - level) / 2)
    )
    # Noise biases eta squared upwards, so for an F far below 1 it can lie above the interval.
    return {
        **row,
        "low": min(1.0, low * mean_error / total),
        "high": min(1.0, max(row["value"], high * mean_error / total)),
    }


def _noncentrality(f: float, freedom: int, error_freedom: int, q: float) -> float:
    """Return the noncentrality at which a share q of F's are below f; 0 where even no effect gives less."""
    from scipy.optimize import brentq
    from scipy.special import ncfdtr

    def above(x: float) -> float:
        return float(ncfdtr(freedom, error_freedom, x, f)) - q

    if not above(1e-9) > 0:
        return 0.0
    upper = 4 * freedom * f + 40
    return float(brentq(above, 1e-9, upper)) if above(upper) < 0 else upper


def _noise_interval(share: float, freedom: int, level: float) -> tuple[float, float]:
    """Return the interval of a variance, from the chi-squared distribution."""
    from scipy.stats import chi2

    if not np.isfinite(share) or not freedom:
        return float("nan"), float("nan")
    low, high = (share * freedom / float(chi2.ppf(q, freedom)) for q in ((1 + level) / 2, (1 - level) / 2))
    return min(1.0, low), min(1.0, high)
