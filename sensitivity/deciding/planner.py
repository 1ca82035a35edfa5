"""Plan a study: how many seeds, or configurations, decide between its variants, and what they cost."""

from __future__ import annotations

import math
import pathlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sensitivity.deciding.needs import APART, EQUAL, Goal, Need, need_of
from sensitivity.deciding.pilots import pilot_command, pilot_of, seconds_of
from sensitivity.deciding.task_noises import (
    TaskNoise,
    UnknownNoise,
    configurations,
    given_noises,
    is_fixed,
    pilot_noises,
)
from sensitivity.study.default_settings import default_setting
from sensitivity.study.study import NUMBERED
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results
    from sensitivity.store.store import Store
    from sensitivity.study.study import Study

SEEDS, CONFIGURATIONS = "seeds", "configurations"
MOST = {SEEDS: 1_000, CONFIGURATIONS: 100_000}
"""Numbers of units above which a plan does not search."""
BOTH = "both"


@dataclass(frozen=True)
class Row:
    """What one goal needs.

    Attributes:
        what: Goal in words.
        units: Seeds, or configurations of each variant; None where :data:`MOST` of them do not do.
        trials: Trials of the whole study with these units.
        hours: Hours of one worker; None where nothing tells how long a trial takes.
        power: Chance that the goal is reached for the noisiest pair.
        before: That chance with one unit fewer.
        task: Task that needs the most.
    """

    what: str
    units: int | None
    trials: int | None
    hours: float | None
    power: float
    before: float
    task: str


@dataclass(frozen=True)
class Plan:
    """What a study needs to decide between its variants.

    Attributes:
        study: Name of the study.
        unit: ``seeds``, or ``configurations`` of each variant where the design draws them.
        rows: A row for each goal, and a last one for all goals together.
        notes: What the plan rests on, in sentences.
        numbered: True if ``sensitivity run --configurations`` can set the number of configurations.
    """

    study: str
    unit: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    numbered: bool = False

    @property
    def units(self) -> int | None:
        """Units with which every goal is reached; None where the search ended before."""
        return self.rows[-1].units

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as plain data, with a column of the unit's name."""
        return [
            {
                "study": self.study,
                "what": row.what,
                self.unit: row.units,
                "trials": row.trials,
                "hours": row.hours,
                "power": row.power,
                "power_with_one_fewer": row.before,
                "task": row.task,
            }
            for row in self.rows
        ]


def plan(
    study: Study,
    *,
    tell_apart: float = 0.05,
    power: float = 0.8,
    pilot: Results | Store | str | pathlib.Path | None = None,
    noise: float | None = None,
) -> Plan:
    """Return how many seeds a study needs to decide, and what they cost; configurations where they are drawn.

    Two goals are planned, each with the stated power for any pair of variants, at an error of 5% over all
    pairs of a task: variants whose regret differs by ``tell_apart`` are told apart, and equal ones are shown
    to differ by less than the study's margin. The variance that a pilot finds is uncertain, so the plan takes
    its 80% upper confidence bound.

    Args:
        study: Study; its number of seeds, or of configurations, is what is planned.
        tell_apart: Difference in regret, as a share of what can be won.
        power: Chance that a goal is reached, between 0 and 1.
        pilot: Results that tell the noise; or a store, or its place, that has the study's name. If None,
            ``sensitivity.sqlite`` where it has results of the study.
        noise: Standard deviation of one seed as a share of what can be won, instead of a pilot; of one trial,
            over configurations and seeds, where the design draws its configurations.

    Raises:
        InputError: for an adaptive design, fewer than two variants, numbers out of range, or where neither
            pilot nor ``noise`` tells the noise.

    Source: Browne, "On the Use of a Pilot Sample for Sample Size Determination", Statistics in Medicine 14
    (1995), for the upper bound.
    """
    return planned(study, tell_apart=tell_apart, power=power, pilot=pilot, noise=noise, source="STUDY.yaml")


def planned(
    study: Study,
    *,
    tell_apart: float,
    power: float,
    pilot: Results | Store | str | pathlib.Path | None,
    noise: float | None,
    source: str,
) -> Plan:
    """Return the plan of a study as :func:`plan` does, with errors that name the study as ``source``.

    Args:
        study: Study that is planned.
        tell_apart: Difference in regret, as a share of what can be won.
        power: Chance that a goal is reached.
        pilot: Results, a store or its place.
        noise: Standard deviation instead of a pilot.
        source: The study in the words of the command: a file, or ``--preset NAME``.

    Raises:
        InputError: as :func:`plan`.
    """
    _check(study, tell_apart, power, noise)
    fixed = is_fixed(study)
    found = pilot_of(study, pilot)
    if found is not None and found.usable.empty:
        found = None
    if noise is not None:
        tasks, notes = given_noises(study, noise, fixed=fixed)
    else:
        try:
            if found is None:
                raise UnknownNoise(f"there are no results of {study.name!r}")
            tasks, notes = pilot_noises(study, found, fixed=fixed)
        except UnknownNoise as reason:
            raise InputError(
                f"plan needs the noise, and {reason}: {pilot_command(source, fixed=fixed)}"
            ) from None
    unit = SEEDS if fixed else CONFIGURATIONS
    seconds = seconds_of(study, found)
    goals = {
        f"told apart where regrets differ by {_percent(tell_apart)}": [Goal(APART, tell_apart)] * len(tasks)
    }
    if all(math.isfinite(task.margin) for task in tasks):
        margins = sorted({_percent(task.margin) for task in tasks})
        goals[f"shown equal within {' or '.join(margins)}"] = [Goal(EQUAL, task.margin) for task in tasks]
    else:
        notes.append("Without a margin no pair is shown equal.")
    rows = [_row(study, what, tasks, every, power, unit, seconds) for what, every in goals.items()]
    if len(rows) > 1:
        needs_most = max(rows, key=lambda row: math.inf if row.units is None else row.units)
        rows.append(Row(BOTH, *list(vars(needs_most).values())[1:]))
    numbered = all(study.resolved.design(name).kind in NUMBERED for name in study.variants)
    return Plan(study.name, unit, tuple(rows), tuple(notes), numbered)


def _check(study: Study, tell_apart: float, power: float, noise: float | None) -> None:
    if len(study.variants) < 2:
        raise InputError(f"plan needs at least two variants to tell apart, got {len(study.variants)}")
    for name, value, allowed in (
        ("tell_apart", tell_apart, "above 0 and at most 1"),
        ("noise", noise, "above 0 and finite"),
    ):
        most = 1 if name == "tell_apart" else sys.float_info.max
        if value is not None and not (isinstance(value, int | float) and 0 < value <= most):
            raise InputError(f"{name} must be a share of what can be won, {allowed}; got {value!r}")
    if not (isinstance(power, int | float) and 0.05 < power < 1):
        raise InputError(f"power must be above 0.05 and below 1, got {power!r}")


def _row(
    study: Study,
    what: str,
    tasks: Sequence[TaskNoise],
    goals: Sequence[Goal],
    power: float,
    unit: str,
    seconds: Mapping[tuple[str, str], float],
) -> Row:
    """Return what a goal needs on the task that needs the most."""
    needs = [
        (need_of(goal, task.noises, power=power, most=MOST[unit]), task.task)
        for task, goal in zip(tasks, goals, strict=True)
    ]
    need, task = max(
        needs, key=lambda one: (math.inf if one[0].units is None else one[0].units, -one[0].power)
    )
    return Row(what, need.units, *_cost(study, need, unit, seconds), need.power, need.before, task)


def _cost(
    study: Study, need: Need, unit: str, seconds: Mapping[tuple[str, str], float]
) -> tuple[int | None, float | None]:
    """Return the trials of a study with so many units, and their hours on one worker."""
    if need.units is None:
        return None, None
    sizes = configurations(study) if unit == SEEDS else dict.fromkeys(study.variants, need.units)
    seeds = need.units if unit == SEEDS else len(study.seeds)
    more = {name: int(default_setting(study, name) is not None) for name in sizes}
    trials = {
        (task, name): (size + more[name]) * seeds for task in study.tasks for name, size in sizes.items()
    }
    hours = (
        sum(count * seconds[kind] for kind, count in trials.items()) / 3600
        if set(trials) <= set(seconds)
        else None
    )
    return sum(trials.values()), hours


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"
