"""The conclusion of a study against its own choices: what changes where one of them is made differently."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.designs import refuse_adaptive
from sensitivity.measures.differences import differences
from sensitivity.measures.estimates import estimated, stakes_of
from sensitivity.measures.losses import Losses, groups
from sensitivity.measures.verdicts import leader, primary_of, quantities
from sensitivity.results.capping import INITIAL, cap_of
from sensitivity.results.rereading import judged_by, metrics_of

if TYPE_CHECKING:
    from sensitivity.results.results import Results

COLUMNS = ["task", "change", "leader", "reversed", "value", "low", "high", "n", "note"]
DRAWS = 400
"""Number of draws of each changed study: enough to see a reversal, which needs no exact interval."""
OTHER_LOSS = {"train_loss_end": "test_loss", "train_loss": "test_loss", "test_loss": "train_loss_end"}
"""Loss by which a study might have been judged, by the one that judges it."""

Change = Callable[[Losses], Losses]


def conclusion_changes(results: Results, *, level: float = 0.95) -> pd.DataFrame:
    """Return what a study concludes where one of its own choices is made differently.

    The first row of each task is the study as it is. The changes are: without the lowest or the highest
    learning rate of each variant; without each of its seeds; with the configurations of the lower or the
    upper half of the range of lr counted twice, as another prior would; without the variant that sets the
    common best; and by the test loss where a training loss judges, or the other way round. ``leader`` is
    the variant to use. ``value`` is the number of pairs whose verdict by the primary measure points the
    other way (told apart before and after, in opposite directions), and ``reversed`` names them. ``low``
    and ``high`` are empty: these are counts.

    Args:
        results: Results of a study.
        level: Level of all verdicts of a task together, between 0 and 1.

    Raises:
        InputError: for an adaptive design.

    Source: Steegen et al., "Increasing Transparency Through a Multiverse Analysis", Perspectives on
    Psychological Science 11 (2016).
    """
    refuse_adaptive(results, "conclusion_changes", "its trials crowd where the optimizer looked")
    by_task: dict[str, list[Losses]] = {}
    for group in groups(results):
        by_task.setdefault(group.task, []).append(group)
    rows = []
    for task, every in by_task.items():
        whole, signs = _concluded(results, task, every, level)
        rows.append(_row(task, "as it is", whole, [], every))
        for change, changed in _changes(results, task, every):
            named, now = _concluded(results, task, changed, level)
            turned = [pair for pair, sign in now.items() if sign * signs.get(pair, 0) < 0]
            rows.append(_row(task, change, named, turned, changed))
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(
    task: str, change: str, named: str, turned: list[tuple[str, str]], every: list[Losses]
) -> dict[str, Any]:
    words = ", ".join(f"{a} against {b}" for a, b in turned)
    numbers = {"value": float(len(turned)), "low": math.nan, "high": math.nan}
    trials = sum(group.trials for group in every)
    return {
        "task": task,
        "change": change,
        "leader": named,
        "reversed": words,
        **numbers,
        "n": trials,
        "note": "",
    }


def _concluded(
    results: Results, task: str, every: list[Losses], level: float
) -> tuple[str, dict[tuple[str, str], int]]:
    """Return the variant to use, and the sign of every pair that the primary measure tells apart."""
    known = estimated(every, draws=DRAWS)
    goal = stakes_of(known, meaningful=cap_of(results, task) == INITIAL)
    found = quantities(results, known, goal, primary_of(results, known))
    seeds = min(group.loss.shape[1] for group in every)
    signs = {
        (pair.a, pair.b): 1 if pair.value > 0 else -1
        for pair in differences(found, seeds=seeds, level=level)
        if pair.p <= 1 - level
    }
    return leader(results, known, goal, level), signs


def _changes(results: Results, task: str, every: list[Losses]) -> Iterator[tuple[str, list[Losses]]]:
    for words, change in (
        ("without the lowest learning rate", partial(_without_end, last=False)),
        ("without the highest learning rate", partial(_without_end, last=True)),
        ("low learning rates count twice", partial(_weighted, upper=False)),
        ("high learning rates count twice", partial(_weighted, upper=True)),
    ):
        changed = [change(group) for group in every]
        if any(new is not old for new, old in zip(changed, every, strict=True)):
            yield words, changed
    seeds = min(group.loss.shape[1] for group in every)
    if seeds > 2:
        for seed in range(seeds):
            yield f"without seed number {seed + 1}", [_without_seed(group, seed) for group in every]
    other = OTHER_LOSS.get(results.metric, "")
    if other in metrics_of(results):
        judged = [group for group in groups(judged_by(results, other)) if group.task == task]
        if len(judged) == len(every):
            yield f"by {other}", judged
    if len(every) > 2:
        first = stakes_of(estimated(every, draws=DRAWS)).source
        yield f"without {first}", [group for group in every if group.variant != first]


def _without_end(group: Losses, *, last: bool) -> Losses:
    """Return a group without its lowest or highest learning rate, or the same where it has fewer than
    four."""
    levels = np.unique(group.lr)
    if not group.fixed or "lr" not in group.names or len(levels) < 4:
        return group
    return _only(group, np.flatnonzero(group.lr != levels[-1 if last else 0]))


def _weighted(group: Losses, *, upper: bool) -> Losses:
    """Return a group with the configurations of one half of the range of lr twice."""
    if "lr" not in group.names:
        return group
    place = group.units[:, group.names.index("lr")]
    half = np.flatnonzero(place > 0.5 if upper else place < 0.5)
    return _only(group, np.sort(np.concatenate([np.arange(len(group.loss)), half]))) if len(half) else group


def _without_seed(group: Losses, seed: int) -> Losses:
    loss = np.delete(group.loss, seed, axis=1)
    left = np.flatnonzero(np.isfinite(loss).any(axis=1))
    return _only(replace(group, loss=loss), left) if len(left) else group


def _only(group: Losses, chosen: Any) -> Losses:
    configurations = [group.configurations[place] for place in chosen]
    return replace(
        group,
        loss=group.loss[chosen],
        units=group.units[chosen],
        lr=group.lr[chosen],
        configurations=configurations,
    )
