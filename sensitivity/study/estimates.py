"""The size of a study before it runs: its trials, and an estimate of their duration on this machine."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sensitivity.study.planning import trials
from sensitivity.study.timing import Stopwatch
from sensitivity.study.trial import Trial

if TYPE_CHECKING:
    from sensitivity.study.study import Study


def plan_rows(study: Study, recorded: Mapping[str, float] | None = None) -> list[dict[str, Any]]:
    """Return the plan of a study: one row a task and variant.

    A row has ``cells`` (configurations without their learning rate), ``configurations``, ``seeds``,
    ``trials``, ``stored`` (those of them that have ended), ``epochs`` and ``hours`` of the others: what the
    recorded trials of this task and variant took, else an estimate for one worker on this machine, from
    epochs of one batch of random data; None for a user's trainable, which cannot be estimated.

    Args:
        study: the specification.
        recorded: seconds of the trials that a store has, by key. The trials of an adaptive design are not
            known before they are chosen, so none counts as stored.
    """
    spent: dict[tuple[str, str], list[float]] = {}
    configurations: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    if study.adaptive:
        n = study.resolved.design(study.variants[0]).to_dict()["n"]
        counted = [((name, variant), n, n) for name in study.tasks for variant in study.variants]
        configurations = {pair: [_default(study, pair[1])] for pair, _, _ in counted}
    else:
        planned = trials(study)
        counted = _counted(planned)
        for trial in planned:
            configurations.setdefault((trial.task, trial.variant), []).append(trial.configuration)
            if recorded is not None and trial.key in recorded:
                spent.setdefault((trial.task, trial.variant), []).append(recorded[trial.key])
    timed, rows = Stopwatch(study), []
    for (name, variant), cells, settings in counted:
        count = settings * len(study.seeds)
        known = [number for number in spent.get((name, variant), ()) if number > 0]
        per_trial = (
            math.fsum(known) / len(known)
            if known
            else timed.trial(name, variant, configurations[name, variant])
        )
        stored = len(spent.get((name, variant), ()))
        rows.append(
            {
                "task": name,
                "variant": variant,
                "cells": cells,
                "configurations": settings,
                "seeds": len(study.seeds),
                "trials": count,
                "stored": stored,
                "epochs": study.epochs,
                "hours": None if per_trial is None else (count - stored) * per_trial / 3600,
            }
        )
    return rows


def _counted(planned: list[Trial]) -> list[tuple[tuple[str, str], int, int]]:
    """Return the numbers of cells and configurations of every task and variant."""
    configurations: dict[tuple[str, str], set[str]] = {}
    cells: dict[tuple[str, str], set[str]] = {}
    for trial in planned:
        kind = (trial.task, trial.variant)
        setting = sorted((name, repr(value)) for name, value in trial.configuration.items())
        configurations.setdefault(kind, set()).add(repr(setting))
        cells.setdefault(kind, set()).add(repr([pair for pair in setting if pair[0] != "lr"]))
    order = Counter((trial.task, trial.variant) for trial in planned)
    return [(kind, len(cells[kind]), len(configurations[kind])) for kind in order]


def trial_seconds(study: Study, name: str) -> float | None:
    """Estimate the seconds of one trial of a task on one core, by its first variant at its default setting.

    Returns:
        None for a user's trainable or data, which cannot be estimated.
    """
    return Stopwatch(study).trial(name, study.variants[0], [_default(study, study.variants[0])])


def _default(study: Study, variant: str) -> dict[str, Any]:
    return {} if study.trainable is not None else study.resolved.space(variant).default()


def plan_summary(rows: list[dict[str, Any]], cores: int | None) -> str:
    """Return the totals of a plan as a sentence.

    Args:
        rows: rows of :func:`plan_rows`.
        cores: cores of this machine, of which each trains by itself; None for the time of one worker.

    >>> row = {"cells": 2, "configurations": 6, "trials": 18, "stored": 3, "hours": 4.0}
    >>> plan_summary([row], 2)
    '2 cells, 6 configurations, 18 trials, 3 of them in the store: about 2.0 h on the 2 cores of this machine'
    >>> plan_summary([{**row, "hours": None}], None)
    '2 cells, 6 configurations, 18 trials, 3 of them in the store: time unknown'
    """
    columns = ("cells", "configurations", "trials", "stored")
    total = {column: sum(row[column] for row in rows) for column in columns}
    known = [row["hours"] for row in rows if row["hours"] is not None]
    where = f"on the {cores} cores of this machine" if cores is not None else "of one worker"
    time = f"about {duration(sum(known) / (cores or 1))} {where}" if known else "time unknown"
    there = f", {total['stored']} of them in the store" if total["stored"] else ""
    return (
        f"{total['cells']} cells, {total['configurations']} configurations, {total['trials']} trials"
        f"{there}: {time}"
    )


def duration(hours: float) -> str:
    """Return a rough time as text.

    >>> duration(0.02), duration(3.26), duration(100)
    ('1 min', '3.3 h', '4.2 days')
    """
    if hours < 1:
        return f"{max(1, math.ceil(hours * 60 - 0.5))} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
