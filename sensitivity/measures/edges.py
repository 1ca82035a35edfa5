"""Hyperparameters whose best value is at an end of the values tried, beyond noise, and the next range."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search_spaces.hyperparameters import Float
from sensitivity.measures.bounds import next_range
from sensitivity.measures.losses import Array, Losses, scaled
from sensitivity.measures.moderation import moderated
from sensitivity.results.results import PREFIX
from sensitivity.text.wording import listed, number

if TYPE_CHECKING:
    from sensitivity.results.results import Results

NEAR = 0.05
"""Part of a range, in unit coordinates, that counts as its end where the hyperparameter has no levels."""
LEVELS, BINS = 12, 5
"""Number of values up to which a hyperparameter has levels; number of equally filled parts of any other."""
FEWEST = 8
"""Fewest configurations for which advice is given."""
MOST_TASKS = 3
"""Most tasks that a sentence names."""


@dataclass(frozen=True)
class Edge:
    """The best value of a hyperparameter lies at an end of the values tried.

    Attributes:
        task: Task of the trials.
        variant: Variant of the trials.
        name: Name of the hyperparameter.
        best: Its best value.
        higher: True if the best value is at the upper end.
        gain: Advantage over the best value further inside, as a share of the range of the losses.
    """

    task: str
    variant: str
    name: str
    best: float
    higher: bool
    gain: float


def advice(results: Results, groups: Iterable[Losses]) -> list[tuple[str, str, str]]:
    """Return task, variant and sentence for every hyperparameter whose best value is at an end.

    There is one sentence a variant, the clearest first; the task is empty where the sentence is about
    several.
    """
    by_group: dict[tuple[str, str], list[Edge]] = {}
    judged: dict[str, list[str]] = {}
    for group in groups:
        judged.setdefault(group.variant, []).append(group.task)
        for edge in edges(results, group):
            by_group.setdefault((edge.variant, edge.name), []).append(edge)
    rows = []
    for part in sorted(by_group.values(), key=lambda part: -max(edge.gain for edge in part)):
        sentence = _sentence(results, part, judged[part[0].variant])
        if sentence:
            rows.append((part[0].task if len(part) == 1 else "", part[0].variant, sentence))
    return rows


def edges(results: Results, group: Losses) -> list[Edge]:
    """Return the hyperparameters of one variant on one task whose best value is at an end, beyond noise.

    The variant needs at least :data:`FEWEST` configurations, and a best value further inside that is worse by
    more than the two-sided 95% interval of the difference allows, with the seed noise of all configurations
    pooled. Without repeats and without levels, the loss must also fall towards the end: its best and its
    mean, over the last three levels, or over four levels of a single hyperparameter.
    """
    if np.isfinite(group.loss).any(axis=1).sum() < FEWEST:
        return []
    group = scaled(group)
    best = int(np.nanargmin(group.mean))
    result = []
    for column, name in enumerate(group.names):
        domain = results.spaces[group.variant][name]
        if domain.scale not in ("linear", "log", "log1m") or name not in group.configurations[best]:
            continue
        active = np.array([name in configuration for configuration in group.configurations]) & np.isfinite(
            group.mean
        )
        end = _end(group, group.units[:, column], active, best)
        if end is not None:
            higher, gain = end
            if not higher and isinstance(domain, Float) and domain.zero is not None:
                continue  # nothing lies below 0
            value = float(group.configurations[best][name])
            result.append(
                Edge(
                    group.task,
                    group.variant,
                    name,
                    value,
                    higher,
                    gain / float(np.nanmax(group.mean) - np.nanmin(group.mean)),
                )
            )
    return result


def _end(group: Losses, units: Array, active: NDArray[np.bool_], best: int) -> tuple[bool, float] | None:
    """Return the end at which the best is (True for the upper), and its advantage over inner values."""
    tried = np.unique(units[active])
    if len(tried) < 3:
        return None  # with two levels, the best is always at an end
    has_levels = group.fixed or len(tried) <= LEVELS
    near = 0.0 if has_levels else NEAR
    lowest, highest = units[best] <= tried[0] + near, units[best] >= tried[-1] - near
    inner = active & (units > tried[0] + near) & (units < tried[-1] - near)
    if not (lowest or highest) or not inner.any():
        return None
    rival = np.flatnonzero(inner)[int(np.argmin(group.mean[inner]))]
    gain = float(group.mean[rival] - group.mean[best])
    if gain <= _noise(group, rival, best) + 1e-9 * abs(group.mean[best]):
        return None
    repeated = (np.isfinite(group.loss).sum(axis=1) > 1).any()
    if (repeated and has_levels) or _falls(
        units[active], group.mean[active], higher=bool(highest), has_levels=has_levels
    ):
        return bool(highest), gain
    return None


def _noise(group: Losses, rival: int, best: int) -> float:
    """Return half the 95% interval of the difference of two means; 0 with one seed."""
    from scipy.stats import t

    deviation, freedom = moderated(group.loss)
    error = deviation / np.sqrt(np.maximum(np.isfinite(group.loss).sum(axis=1), 1))
    return float(t.ppf(0.975, freedom) * np.hypot(error[rival], error[best]))


def _falls(units: Array, mean: Array, *, higher: bool, has_levels: bool) -> bool:
    """Return True if the best and the mean loss fall towards the end.

    The fall is judged over the last levels, or over the last of :data:`BINS` parts.
    """
    if has_levels:
        parts = [mean[units == level] for level in np.unique(units)]
    else:
        parts = list(np.array_split(mean[np.argsort(units, kind="stable")], BINS))
    parts = parts[::-1] if higher else parts
    needed = 3 if len(mean) >= 2 * len(parts) else 4
    last = parts[:needed]
    profiles = np.array([[part.min() for part in last], [part.mean() for part in last]])
    return len(last) == needed and bool((np.diff(profiles, axis=1) > 0).all())


def _sentence(results: Results, part: Sequence[Edge], judged: Sequence[str]) -> str:
    """Return a sentence on the range to try next, for all tasks together.

    The sentence is empty where the bounds of the hyperparameter leave nothing to try.
    """
    variant, name = part[0].variant, part[0].name
    column = results.usable.loc[results.usable["variant"] == variant, f"{PREFIX}{name}"].dropna()
    tried = np.unique(column.to_numpy(float))
    called = "learning rate" if name == "lr" else name
    low, high = number(tried[0]), number(tried[-1])
    if len({edge.higher for edge in part}) > 1:
        below, above = ([edge.task for edge in part if edge.higher == higher] for higher in (False, True))
        return (
            f"{variant} does best at the low end of {called} ({low}) on {_tasks(below, judged)} and at the "
            f"high end ({high}) on {_tasks(above, judged)}: no one range suits all tasks; widen it on both "
            "sides."
        )
    higher = part[0].higher
    best = (max if higher else min)(edge.best for edge in part)
    further = next_range(results.spaces[variant][name], tried, best, higher=higher)
    if not further:
        return ""
    end, way = ("highest", "higher") if higher else ("lowest", "lower")
    at = "at" if best == (tried[-1] if higher else tried[0]) else "near"
    where = f"{variant} on {_tasks([edge.task for edge in part], judged)}"
    place = f"{at} the {end} {called} tried ({number(best)}, range {low} to {high})"
    return f"{where} does best {place}: its optimum may lie {way}; try {further}."


def _tasks(tasks: Sequence[str], judged: Sequence[str]) -> str:
    if len(tasks) <= MOST_TASKS:
        return listed(list(tasks))
    return f"all {len(tasks)} tasks" if len(tasks) == len(judged) else f"{len(tasks)} of {len(judged)} tasks"
