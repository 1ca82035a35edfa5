"""Tuning order: which hyperparameter to tune first, and what each further one buys."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensitivity.measures.cells import inactive
from sensitivity.measures.designs import joined, refuse_adaptive
from sensitivity.measures.estimates import Stakes, ends, stakes
from sensitivity.measures.losses import Array, Losses, keeping_losses, note
from sensitivity.measures.parts import Part, parts
from trainables.names import InputError

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace
    from sensitivity.results.results import Results

COLUMNS = [
    "task", "variant", "step", "effect", "value", "low", "high", "share", "remaining", "n", "note",
]  # fmt: skip
NO_GRID = "tunability models any design that no optimizer chose"


def tuning_order(results: Results, *, level: float = 0.95) -> pd.DataFrame:
    r"""Return the order in which to tune the hyperparameters of each variant, and what each step buys.

    .. math:: T_0 = \emptyset, \qquad i_k = \arg\min_{i \notin T_{k-1}} m(T_{k-1} \cup \{i\}), \qquad
        T_k = T_{k-1} \cup \{i_k\}, \qquad \text{value}_k = m(T_{k-1}) - m(T_k)

    with m(T) the best loss where the hyperparameters T are tuned together and all others stay at the default
    of the space, expected on a rerun (:class:`sensitivity.measures.best.Best`). The order is greedy: a pair
    that only helps together is found late. Where the default is not among the levels, the level nearest to it
    on the scale stands for it, which the note says.

    ``value`` is what the step buys, in units of the loss, not below 0, as the default is always available;
    ``share`` is that of what can be won, from the initial loss to the best of all variants, where that has a
    meaning. ``remaining`` is what tuning all others as well would still buy; values up to a step and what
    remains add up to the gain of tuning everything. The note names hyperparameters that might as well be
    tuned at this step: the difference is not told from 0.

    Args:
        results: Results of a study.
        level: Level of the intervals, between 0 and 1.

    Raises:
        InputError: for a design that is no full grid, or a level outside 0 to 1.

    Sources: Fawcett & Hoos, "Analysing Differences Between Algorithm Configurations Through Ablation",
    Journal of Heuristics 22 (2016), for the greedy path; Probst, Boulesteix & Bischl, "Tunability: Importance
    of Hyperparameters of Machine Learning Algorithms", JMLR 20 (2019), for gains over defaults.
    """
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level!r}")
    refuse_adaptive(results, "tuning_order", "its trials crowd near the best: run a grid")
    results = keeping_losses(results)
    rows: list[dict[str, Any]] = []
    every = parts(results)
    lattices = [_lattice(results, part.group) for part in every]
    goals = stakes(results)
    for part, lattice in zip(every, lattices, strict=True):
        rows += _rows(part, lattice, goals[part.group.task], level)
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass(frozen=True)
class _Lattice:
    """A full grid around the default.

    Attributes:
        names: Hyperparameters with two levels or more.
        off: True where a configuration's level is not the default's, ``[configurations, names]``.
        remark: Remark on levels and defaults; where the grid lacks configurations, the reason.
        missing: Number of configurations without a result.
    """

    names: tuple[str, ...]
    off: NDArray[np.bool_]
    remark: str
    missing: int = 0

    def members(self, tuned: tuple[str, ...]) -> NDArray[np.int64]:
        """Return the configurations that are at the default but for some hyperparameters."""
        others = [place for place, name in enumerate(self.names) if name not in tuned]
        return np.flatnonzero(~self.off[:, others].any(axis=1))


def _lattice(results: Results, group: Losses) -> _Lattice:
    """Return the grid of a group.

    Raises:
        InputError: if its configurations are no full grid.
    """
    space, kind = results.spaces[group.variant], results.design_of(group.variant)
    levels = [np.unique(np.round(group.units[:, place], 10)) for place in range(len(group.names))]
    cells = math.prod(map(len, levels))
    missing = cells - len(np.unique(np.round(group.units, 10), axis=0)) if group.names else 0
    if missing and kind != "grid":
        raise InputError(
            f"tuning_order needs a full grid, got {kind!r} with {len(group.loss)} configurations of "
            f"{group.variant}; {NO_GRID}"
        )
    if inactive(group).any():
        raise InputError(
            f"tuning_order needs a full grid, got conditional hyperparameters of {group.variant}; {NO_GRID}"
        )
    names = tuple(name for name, found in zip(group.names, levels, strict=True) if len(found) > 1)
    if missing:
        remark = f"no result of {missing} of {cells} configurations: finish the study"
        return _Lattice(names, np.zeros((0, len(names)), bool), remark, missing)
    remarks = [
        f"{name} has one level" for name, found in zip(group.names, levels, strict=True) if len(found) == 1
    ]
    off = np.zeros((len(group.loss), len(names)), bool)
    for column, name in enumerate(names):
        off[:, column], remark = _off_default(group, space, name)
        remarks.append(remark)
    return _Lattice(names, off, joined(*remarks))


def _off_default(group: Losses, space: SearchSpace, name: str) -> tuple[NDArray[np.bool_], str]:
    """Return True for each configuration that is not at the level nearest to the default, and a remark."""
    default = space.default().get(name, space[name].default_value())
    units = group.units[:, group.names.index(name)]
    distance = np.abs(units - space[name].to_unit(default))
    nearest = units[np.argmin(distance)]
    values = [configuration[name] for configuration in group.configurations]
    remark = ""
    if float(distance.min()) > 1e-9:
        stand_in = values[int(np.argmin(distance))]
        remark = (
            f"{name}: its default {_short(default)} is not among the levels, {_short(stand_in)} stands for it"
        )
    return np.abs(units - nearest) > 1e-10, remark


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class _Tuned:
    """Best loss with some hyperparameters tuned.

    Attributes:
        value: The loss, expected on a rerun.
        draws: Draws of the true loss, ``[draws]``.
    """

    value: float
    draws: Array

    def at_most(self, value: float) -> _Tuned:
        """Return the same where the loss is at most a value, or that value, with the draws moved alike."""
        return self if self.value <= value else _Tuned(value, self.draws + (value - self.value))


@dataclass(frozen=True)
class _Step:
    """One more hyperparameter that is tuned.

    Attributes:
        name: The hyperparameter.
        before: Best loss without it.
        after: Best loss with it.
        alternatives: Best loss with another one instead, by name.
    """

    name: str
    before: _Tuned
    after: _Tuned
    alternatives: dict[str, _Tuned]

    def undecided(self, level: float) -> list[str]:
        """Return the alternatives that are not told from the step."""
        found = []
        for name, other in self.alternatives.items():
            difference = other.draws - self.after.draws
            if np.isfinite(difference).all():
                low, high = np.quantile(difference, [(1 - level) / 2, (1 + level) / 2])
                found += [name] if low <= 0 <= high else []
        return found


def _steps(part: Part, lattice: _Lattice) -> list[_Step]:
    origin = lattice.members(())[0]
    current = _Tuned(float(part.group.mean[origin]), part.true_means[:, origin])
    chosen: tuple[str, ...] = ()
    steps = []
    while len(chosen) < len(lattice.names):
        found = {}
        for name in lattice.names:
            if name not in chosen:
                best = part.best_among(lattice.members((*chosen, name)))
                found[name] = _Tuned(best.value, best.draws)
        first = min(found, key=lambda name: found[name].value)
        step = _Step(first, current, found.pop(first).at_most(current.value), found)
        steps.append(step)
        chosen, current = (*chosen, first), step.after
    return steps


def _rows(part: Part, lattice: _Lattice, goal: Stakes, level: float) -> list[dict[str, Any]]:
    group = part.group
    row: dict[str, Any] = dict.fromkeys(COLUMNS, math.nan)
    row |= {"task": group.task, "variant": group.variant, "n": group.trials, "effect": ""}
    remark = joined(note(group), lattice.remark)
    if lattice.missing or not lattice.names:
        nothing = "" if lattice.missing else "no hyperparameter has two levels"
        return [row | {"note": joined(remark, nothing)}]
    steps = _steps(part, lattice)
    last = steps[-1].after.value
    rows = []
    for number, step in enumerate(steps, start=1):
        value = step.before.value - step.after.value
        low, high = ends(value, np.maximum(step.before.draws - step.after.draws, 0.0), level)
        alike = step.undecided(level)
        doubt = f"not told from {' or '.join(alike)}" if alike else ""
        more = {
            "step": number, "effect": step.name, "value": value, "low": low, "high": high,
            "share": math.nan if goal.refused else value / goal.unit,
            "remaining": step.after.value - last, "note": joined(remark, goal.refused, doubt),
        }  # fmt: skip
        rows.append(row | more)
    return rows
