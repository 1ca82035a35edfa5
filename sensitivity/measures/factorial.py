"""Exact analysis of variance of a full grid, with the seeds as replicates."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensitivity.measures.cells import inactive
from sensitivity.measures.components import (
    Simulated,
    grid_freedoms,
    shares,
    simulated_grid,
    simulated_means,
    squares,
)
from sensitivity.measures.losses import Array, Losses, losses, note, scaled
from sensitivity.measures.noise import NOISE, noise_of
from sensitivity.measures.resampling import DRAWS
from sensitivity.measures.variance_shares import INTERACTIONS
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

HIGHER, UNSEPARATED = "higher order", "unexplained (higher order or noise)"
"""Effects of more than two hyperparameters; the same where one seed cannot separate them from noise."""
EXTRA = ["eta_squared", "omega_squared", "partial_eta_squared", "partial_omega_squared", "df", "f", "p"]
COLUMNS = ["task", "variant", "effect", "order", "value", "low", "high", "n", "note", *EXTRA]


def factorial(results: Results, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    r"""Return the analysis of variance of the capped loss over a full grid.

    The rows are every hyperparameter, every pair, all higher orders together, and the seeds. With :math:`\bar
    y_U` the mean at the levels of the hyperparameters U, :math:`e_U = \sum_{W \subseteq U} (-1)^{|U| - |W|}
    \bar y_W`, MS = SS / df, C cells of S seeds, and :math:`s^2` the mean of the cells' variances,

    .. math:: SS_U = \sum e_U^2, \quad df_U = \prod_{j \in U} (m_j - 1), \quad F_U = MS_U / MS_E, \quad
              V_U = \frac{SS_U - df_U s^2}{C S}

    the sum over trials. ``value`` is the share of the variance of a single trial over the levels of this
    grid, each with equal weight: that of the seeds is :math:`N = s^2 / (s^2 + \max(0, \sum_U V_U))`, as in
    :func:`sensitivity.measures.noise.seed_noise`, and those of the effects are in proportion to
    :math:`\max(0, V_U)` and sum to 1 - N. The components :math:`V_U` are unbiased also where cells are not
    equally noisy (:func:`sensitivity.measures.components.grid_components`). The interval inverts a test in
    simulated studies (:meth:`sensitivity.measures.components.Simulated.interval`), with noise as in
    :class:`sensitivity.measures.trial_noise.TrialNoise`; it includes 0 where the F test does not reject.

    .. math:: \eta^2 = \frac{SS_U}{SS_T}, \quad \omega^2 = \frac{SS_U - df_U MS_E}{SS_T + MS_E}

    Eta squared counts noise as effect; omega squared does not. Partial ones leave the other effects out of
    the total. ``p`` is the p-value of "no effect".

    With one seed the higher orders stand for the error, as :data:`UNSEPARATED`; a single pair does where
    there are two hyperparameters. Then no effect can be told from noise where these matter, and a note says
    so. A constant loss gives zeros.

    Args:
        results: Results of a study.
        level: Level of the interval, between 0 and 1.
        draws: Number of simulated studies.
        seed: Seed of the simulated studies.

    Raises:
        InputError: if a variant's configurations are no full grid with all its seeds.

    Sources: Montgomery, "Design and Analysis of Experiments" (2017), chapter 5; Searle, Casella & McCulloch,
    "Variance Components" (1992), for the components; Olejnik & Algina, "Generalized Eta and Omega Squared
    Statistics", Psychological Methods 8 (2003).
    """
    table = with_interactions(results, level=level, draws=draws, seed=seed)
    return table[table["order"] != "pairs"].reset_index(drop=True)


def with_interactions(
    results: Results, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """Return :func:`factorial` with a row for all interactions together, of order ``pairs``."""
    rows: list[dict[str, Any]] = []
    for task, variant in results.groups:
        group = scaled(losses(results, task, variant))
        grid, places = _grid(group, results.design_of(variant))
        keys = {"task": task, "variant": variant, "n": group.trials}
        analysis = _Analysis(group, grid, places, level, draws, seed)
        rows += [{**keys, **effect_row} for effect_row in analysis.rows()]
    return pd.DataFrame(rows, columns=COLUMNS)


def is_replicated_grid(results: Results, task: str, variant: str) -> bool:
    """Return True if a variant's trials are a full grid with at least two seeds."""
    group = losses(results, task, variant)
    try:
        _grid(group, results.design_of(variant))
    except InputError:
        return False
    return bool(group.loss.shape[1] > 1)


@dataclass
class _Effect:
    effect: str
    order: str
    squares: float
    freedom: int
    members: NDArray[np.bool_]


def _grid(group: Losses, kind: str) -> tuple[Array, NDArray[np.int64]]:
    """Return losses as ``[levels of each hyperparameter ..., seeds]``, and the configuration of each cell."""
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
    numbers = np.empty(shape, np.int64)
    numbers[tuple(places.reshape(-1) for _, places in levels)] = np.arange(len(group.loss))
    return grid, numbers.reshape(-1)


@dataclass(frozen=True)
class _Analysis:
    group: Losses
    losses: Array
    places: NDArray[np.int64]
    level: float
    draws: int
    seed: int

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of all effects, of all interactions together, and of the seeds."""
        y = self.losses
        seeds, cells, remark = y.shape[-1], y[..., 0].size, note(self.group)
        terms = _effects(self.group.names, y.mean(axis=-1), seeds)
        total = float(((y - y.mean()) ** 2).sum())
        if total <= 1e-24 * max(1e-300, float((y**2).sum())):
            total = 0.0
        error, freedom = float(((y - y.mean(axis=-1, keepdims=True)) ** 2).sum()), cells * (seeds - 1)
        judged, last = terms, None
        if seeds == 1:
            last = terms[-1] if terms[-1].order != "main" else None
            error, freedom = (last.squares, last.freedom) if last else (0.0, 0)
            remark += f": {last.effect} taken as the error" if last else ": nothing to take as the error"
            judged = [term for term in terms if term is not last]
        components = np.array([term.squares for term in judged])
        if freedom:
            components -= np.array([term.freedom for term in judged]) * error / freedom
        components /= cells * seeds
        noise = error / freedom if freedom else 0.0
        studies = self._studies(noise) if total and freedom and error / freedom > 1e-20 * total else None
        share = shares(components[None], np.array([noise]))[0] * bool(total)
        if last is None:
            judged = [*judged, *_together(terms)]
        rows = []
        for term in judged:
            value = float(share[term.members].sum())
            row = _tested(term, error, freedom, total, y.size)
            row |= {"value": value, "low": value, "high": value, "note": remark}
            if not term.freedom:  # a hyperparameter with one level
                pass
            elif not freedom:
                row |= {"low": np.nan, "high": np.nan}
            elif studies is not None:
                row["low"], row["high"] = studies.interval(components, term.members, value, self.level)
                row["low"] = 0.0 if row["p"] > 1 - self.level else row["low"]
            rows.append(row)
        if last is not None:
            eta = last.squares / total if total else 0.0
            rows.append(
                {**_named(last), "value": float(1 - share.sum()) if total else 0.0, "eta_squared": eta}
            )
            rows[-1]["note"] = remark
        return [*rows, self._noise(error / total if total else 0.0)]

    def _studies(self, noise: float) -> Simulated:
        """Return simulated studies; with one seed the last effect, of variance ``noise``, is their error."""
        means = self.losses.mean(axis=-1)
        if self.losses.shape[-1] == 1:
            return simulated_means(means, noise, draws=self.draws, seed=self.seed)
        return simulated_grid(self.group, means, self.places, draws=self.draws, seed=self.seed)

    def _noise(self, eta: float) -> dict[str, Any]:
        """Return the row of the seeds."""
        seeds = self.losses.shape[-1]
        row = {"effect": NOISE, "order": "noise", "df": self.losses[..., 0].size * (seeds - 1)}
        noise = noise_of(self.group, draws=self.draws, seed=self.seed, level=self.level)
        return {**row, **noise, "eta_squared": eta if seeds > 1 else np.nan}


def _effects(names: tuple[str, ...], mean: Array, seeds: int) -> list[_Effect]:
    """Return sums of squares of every effect of one and of two hyperparameters, then of all higher orders.

    The higher orders are one effect, which exists for more than two hyperparameters.
    """
    pairs = list(itertools.combinations(names, 2))
    called = [*((name, "main") for name in names), *((" x ".join(pair), "pair") for pair in pairs)]
    if len(names) > 2:
        called.append((HIGHER if seeds > 1 else UNSEPARATED, "rest"))
    found = squares(mean[None], mean[None])[0] * mean.size * seeds
    freedoms = grid_freedoms(mean.shape)
    judged = len(called) - (seeds == 1 and called[-1][1] != "main")
    return [
        _Effect(effect, order, max(0.0, float(found[i])), int(freedoms[i]), np.arange(judged) == i)
        for i, (effect, order) in enumerate(called)
    ]


def _together(terms: list[_Effect]) -> list[_Effect]:
    """Return all interactions as one effect; none with one hyperparameter."""
    parts = [term for term in terms if term.order != "main"]
    if not parts:
        return []
    members = np.any([part.members for part in parts], axis=0)
    found = sum(part.squares for part in parts), sum(part.freedom for part in parts)
    return [_Effect(INTERACTIONS, "pairs", *found, members)]


def _named(term: _Effect) -> dict[str, Any]:
    unknown = dict.fromkeys(("value", "low", "high", *EXTRA), np.nan)
    return {**unknown, "effect": term.effect, "order": term.order, "df": term.freedom}


def _tested(term: _Effect, error: float, freedom: int, total: float, n: int) -> dict[str, Any]:
    """Return the row of an effect with its classical effect sizes and its F test, without its share.

    Args:
        term: The effect.
        error: Sum of squares of the error.
        freedom: Degrees of freedom of the error, 0 where there is none.
        total: Sum of squares of all trials.
        n: Number of trials.
    """
    from scipy.stats import f as f_distribution

    row = _named(term)
    if not total:
        return {**row, **dict.fromkeys(EXTRA[:4], 0.0), "p": 1.0}
    row["eta_squared"] = term.squares / total
    if not freedom or not term.freedom:
        return row
    mean_error = error / freedom
    gain = term.squares - term.freedom * mean_error
    row["omega_squared"] = max(0.0, gain / (total + mean_error))
    row["partial_eta_squared"] = term.squares / (term.squares + error) if term.squares + error > 0 else 0.0
    rest = term.squares + (n - term.freedom) * mean_error
    row["partial_omega_squared"] = max(0.0, gain / rest) if rest > 0 else 0.0
    if mean_error <= 1e-20 * total:  # without noise every effect is certain
        certain = term.squares > 1e-20 * total
        return {**row, "f": np.inf if certain else np.nan, "p": 0.0 if certain else 1.0}
    row["f"] = term.squares / term.freedom / mean_error
    row["p"] = float(f_distribution.sf(row["f"], term.freedom, freedom))
    return row
