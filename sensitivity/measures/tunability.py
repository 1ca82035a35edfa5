"""Tunability: the gain from tuning over the defaults, of all hyperparameters, each alone, and each pair."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensitivity.measures import forest as forests
from sensitivity.measures.best import Best
from sensitivity.measures.cells import cells, settled
from sensitivity.measures.cross_task import cross_task_sensitivity
from sensitivity.measures.default_loss import default_loss
from sensitivity.measures.designs import joined, refuse_adaptive
from sensitivity.measures.estimates import estimate_of
from sensitivity.measures.losses import Array, Losses, groups, keeping_losses, note, row
from sensitivity.measures.magnitudes import exponent_of
from sensitivity.measures.parts import Part, part_of
from sensitivity.measures.resampling import DRAWS, interval
from trainables.names import unknown

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace
    from sensitivity.results.results import Results

TREES = 256
LINE, PLANE, CLOUD = 65, 17, 4096
"""Points that are searched along a hyperparameter, along each side of a pair, and in the whole space."""
AVERAGE = "best on average"
TOO_POOR = "too poor to believe"
"""Part of the note of a gain by a forest that explains less than half of the losses' variance."""
COLUMNS = ["task", "variant", "kind", "hyperparameters", "value", "low", "high", "n", "note", "configuration"]
Units = Array
_Sets = dict[tuple[str, tuple[str, ...]], Any]


def tunability(
    results: Results,
    default: Mapping[str, Any] | str | None = None,
    *,
    trees: int = TREES,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Return the gain in loss from tuning over the default configuration :math:`\theta^*`.

    .. math:: d = R(\theta^*) - \min_\theta R(\theta), \qquad
        d_i = R(\theta^*) - \min_{\theta_i} R(\theta_i, \theta^*_{-i}), \qquad
        g_{ij} = \min(R_i, R_j) - R_{ij}

    The rows by ``kind`` are: ``overall``, d; ``single``, :math:`d_i`, one hyperparameter tuned and the others
    at their default; ``pair``, :math:`d_{ij}`; ``joint gain``, :math:`g_{ij}`, the gain of a pair over the
    better of the two alone. ``configuration`` is the tuned one.

    Where the design is fixed and has every configuration that this needs (a grid with the defaults among its
    levels), R is measured: the mean over seeds of the default, and the loss that the best of the others is
    expected to have on a rerun (:class:`sensitivity.measures.best.Best`). So is d where the default was
    trained beside the design with two seeds or more. Otherwise R is a random forest fitted to the
    configurations in unit coordinates of their scales, whose out-of-bag R2 the note gives (and whether it is
    :data:`TOO_POOR`); the interval is 1.96 standard errors by the infinitesimal jackknife. Gains are not
    below 0, as the default is always available.

    Args:
        results: Results of a study.
        default: Values that replace the defaults of the spaces, where a variant has them; or ``best on
            average``, the configuration of each variant with the best score over all tasks together
            (:func:`sensitivity.measures.cross_task.cross_task_sensitivity`).
        trees: Number of trees of the forest.
        draws: Number of draws of the true losses.
        seed: Seed of the forest and the draws.

    Raises:
        InputError: for an adaptive design, a value outside its domain, or ``best on average`` with fewer than
            two tasks.

    Sources: Probst, Boulesteix & Bischl, "Tunability: Importance of Hyperparameters of Machine Learning
    Algorithms", JMLR 20 (2019); Wager, Hastie & Efron, "Confidence Intervals for Random Forests", JMLR 15
    (2014), for the interval.
    """
    refuse_adaptive(
        results, "tunability", "its trials crowd near the best, so run a grid, random or sobol design"
    )
    starts = _starts(results, default)
    rows: list[dict[str, Any]] = []
    results = keeping_losses(results)
    for group in groups(results):
        space = results.spaces[group.variant]
        start = space.complete(
            {name: value for name, value in starts(group.variant).items() if name in space.names}
        )
        members = _on_the_grid(group, space, start) if group.fixed else None
        if members is not None:
            rows += _measured(part_of(results, group, draws=draws, seed=seed), members)
        else:
            modelled = _modelled(group, space, start, trees, seed)
            rows += modelled if default is not None else _with_trained_default(results, group, modelled)
    return pd.DataFrame(rows, columns=COLUMNS)


def believed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of :func:`tunability` that have a value from trials, or from a forest that fits."""
    return table[table["value"].notna() & ~table["note"].astype(str).str.contains(TOO_POOR, regex=False)]


def _with_trained_default(
    results: Results, group: Losses, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return rows of a model with the measured gain of tuning everything, where the default was trained."""
    whole = estimate_of(results, group.task, group.variant)
    trained, best = default_loss(results, whole), whole.best
    if trained is None or not group.names or not np.isfinite([trained.draws, best.draws]).all():
        return rows
    ends = interval(trained.draws - best.draws)
    winner = group.configurations[best.place]
    measured = _row(group, "overall", group.names, trained.mean - best.value, ends, winner)
    return [measured, *(row for row in rows if row["kind"] != "overall")]


def _starts(results: Results, default: Mapping[str, Any] | str | None) -> Callable[[str], Mapping[str, Any]]:
    """Return the values of each variant that replace its defaults."""
    if default is None or isinstance(default, Mapping):
        return lambda variant: default or {}
    if default != AVERAGE:
        raise unknown("default", default, [AVERAGE])
    table = cross_task_sensitivity(results)
    best: dict[str, Mapping[str, Any]] = dict(zip(table["variant"], table["configuration"], strict=True))
    return lambda variant: best.get(variant, {})


def _kinds(names: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    pairs = list(itertools.combinations(names, 2))
    return [("overall", names), *(("single", (name,)) for name in names), *(("pair", pair) for pair in pairs)]


def _on_the_grid(group: Losses, space: SearchSpace, start: Mapping[str, Any]) -> _Sets | None:
    """Return the configurations that differ from the default in some names only, for each kind.

    Returns:
        None where a level or pair of levels is missing.
    """
    levels = {
        name: len({configuration[name] for configuration in group.configurations if name in configuration})
        for name in group.names
    }
    usable: NDArray[np.bool_] = np.asarray(np.isfinite(group.loss).any(axis=1))
    changed = [
        {name for name in group.names if configuration.get(name) != start.get(name)}
        for configuration in group.configurations
    ]
    if not any(not changes and fine for changes, fine in zip(changed, usable.tolist(), strict=True)):
        return None
    sets: _Sets = {}
    for kind, names in _kinds(group.names):
        members = np.array([changes <= set(names) for changes in changed]) & usable
        if kind != "overall" and members.sum() != math.prod(levels[name] for name in names):
            return None
        sets[kind, names] = np.flatnonzero(members)
    sets["default", ()] = np.flatnonzero([not changes for changes in changed])
    return sets


def _measured(part: Part, sets: _Sets) -> list[dict[str, Any]]:
    group, origin = part.group, sets.pop(("default", ()))[0]
    untuned, untuned_draws = float(group.mean[origin]), part.true_means[:, origin]
    tuned: dict[tuple[str, ...], tuple[float, Array]] = {}
    bests: dict[bytes, Best] = {}
    rows = []
    for (kind, names), members in sets.items():
        best = bests.setdefault(members.tobytes(), part.best_among(members))  # levels may add nothing
        value, values, winner = best.value, best.draws, group.configurations[best.place]
        if kind == "overall":
            rows.append(_row(group, kind, names, untuned - value, interval(untuned_draws - values), winner))
            continue
        tuned[names] = value, values
        rows.append(_row(group, kind, names, untuned - value, interval(untuned_draws - values), winner))
        if kind == "pair":
            (a, a_draws), (b, b_draws) = tuned[names[:1]], tuned[names[1:]]
            gain, gains = min(a, b) - value, np.minimum(a_draws, b_draws) - values
            rows.append(_row(group, "joint gain", names, gain, interval(gains), winner))
    return rows


@dataclass(frozen=True)
class _Forest:
    """A forest, and the number of times that each of its trees saw each configuration.

    Attributes:
        model: The forest.
        seen: Counts, ``[configurations, trees]``.
        r2: Out-of-bag R2 of the forest.
    """

    model: list[Any]
    seen: Array
    r2: float

    def trees(self, units: Units) -> Array:
        """Return the predictions of each tree, ``[trees, points]``."""
        return forests.predictions(self.model, units)

    def error(self, differences: Array) -> float:
        r"""Return the standard error of a mean over trees, by the infinitesimal jackknife.

        It is :math:`\sum_i \mathrm{Cov}_b(N_{bi}, t_b)^2` less its Monte Carlo bias; at least the error of
        the trees.

        Args:
            differences: Values of the trees, ``[trees]``.
        """
        count, trees = self.seen.shape
        exponent = exponent_of(differences)
        if exponent:
            return math.ldexp(self.error(np.ldexp(differences, -exponent)), exponent)
        centred = differences - differences.mean()
        covariance = (self.seen - self.seen.mean(axis=1, keepdims=True)) @ centred / trees
        noise = float(centred @ centred) / trees
        return float(np.sqrt(max(float(covariance @ covariance) - count * noise / trees, noise / trees)))


def _forest(group: Losses, space: SearchSpace, trees: int, seed: int) -> _Forest:
    model, seen = forests.fit(forests.spread(group, space, seed), group.mean, trees=trees, seed=seed)
    r2 = forests.r_squared(group.mean, forests.unseen(forests.predictions(model, group.units), seen == 0))
    return _Forest(model, seen.T, r2 if np.isfinite(r2) else 0.0)


def _modelled(
    group: Losses, space: SearchSpace, start: dict[str, Any], trees: int, seed: int
) -> list[dict[str, Any]]:
    names = group.names
    if len(group.loss) < forests.FEWEST or not names:
        few = (
            f"{len(group.loss)} configurations are too few for a forest (at least {forests.FEWEST})"
            if names
            else "no hyperparameter varies"
        )
        return [_row(group, kind, of, np.nan, (np.nan, np.nan), start, few) for kind, of in _kinds(names)]
    forest = _forest(group, space, trees, seed)
    constant = float(np.ptp(group.mean)) <= 1e-12
    remark = (
        "constant loss"
        if constant
        else f"on a random forest with out-of-bag R2 {forest.r2:.2f}"
        + (f": {TOO_POOR}" if forest.r2 < forests.POOR else "")
    )
    columns = [space.names.index(name) for name in names]
    origin, parts = np.nan_to_num(space.encode([start])[0, columns], nan=0.5), cells(space, names)
    base = forest.trees(origin[None])[:, 0]
    tuned: dict[tuple[str, ...], Array] = {}
    tuned_sets: list[tuple[str, tuple[str, ...], Array, Array]] = []
    places: list[Units] = [origin]
    for kind, of in _kinds(names)[::-1]:  # the whole space last, so that it can reuse the best of its parts
        chosen = [names.index(name) for name in of]
        points = (
            np.vstack([*places, group.units, _cloud(len(names), seed)])
            if kind == "overall"
            else _points(origin, chosen)
        )
        points = settled(points, parts)  # inactive hyperparameters change nothing
        predicted = forest.trees(points)
        winner = int(np.argmin(predicted.mean(axis=0)))
        tuned[of] = predicted[:, winner]
        places.append(points[winner])
        tuned_sets.append((kind, of, predicted[:, winner], points[winner]))
    rows = []
    for kind, of, values, place in tuned_sets[::-1]:
        configuration = _decoded(space, columns, place, start)
        rows.append(_modelled_row(group, forest, kind, of, base - values, configuration, remark))
        if kind == "pair":
            alone = min((tuned[of[:1]], tuned[of[1:]]), key=lambda losses: float(losses.mean()))
            rows.append(_modelled_row(group, forest, "joint gain", of, alone - values, configuration, remark))
    return rows


def _modelled_row(
    group: Losses,
    forest: _Forest,
    kind: str,
    of: tuple[str, ...],
    gains: Array,
    configuration: dict[str, Any],
    remark: str,
) -> dict[str, Any]:
    value, half = float(gains.mean()), 1.96 * forest.error(gains)
    return _row(group, kind, of, value, (value - half, value + half), configuration, remark)


def _points(origin: Array, chosen: list[int]) -> Units:
    """Return a lattice along the chosen coordinates through the default, which is one of its points."""
    along = np.linspace(0, 1, LINE if len(chosen) == 1 else PLANE)
    axes = [np.append(along, origin[i]) for i in chosen]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(chosen))
    points = np.repeat(origin[None], len(lattice), axis=0)
    points[:, chosen] = lattice
    return points


def _cloud(dimensions: int, seed: int) -> Units:
    return np.random.default_rng(seed).random((CLOUD, dimensions))


def _decoded(space: SearchSpace, columns: list[int], place: Array, start: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration at a place of the varied hyperparameters."""
    units = np.full((1, len(space)), 0.5)
    units[0, columns] = place
    return {
        name: value for name, value in space.decode(units)[0].items() if space.names.index(name) in columns
    } or start


def _row(
    group: Losses,
    kind: str,
    names: tuple[str, ...],
    value: float,
    ends: tuple[float, float],
    winner: dict[str, Any],
    *remarks: str,
) -> dict[str, Any]:
    low, high = (max(0.0, end) if np.isfinite(end) else end for end in ends)
    more = {
        "kind": kind,
        "hyperparameters": " x ".join(names),
        "configuration": winner,
        "note": joined(note(group), *remarks),
    }
    return row(group, max(0.0, value) if np.isfinite(value) else value, low, high) | more
