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
from sensitivity.measures.differences import Difference, differences
from sensitivity.measures.estimates import estimated, stakes_of
from sensitivity.measures.losses import Losses, groups
from sensitivity.measures.verdicts import (
    BETTER,
    BETTER_BY_MARGIN,
    EQUIVALENT,
    NEGLIGIBLE,
    leader,
    margin_of,
    primary_of,
    quantities,
    verdict_of,
)
from sensitivity.results.capping import INITIAL, cap_of
from sensitivity.results.rereading import judged_by, metrics_of

if TYPE_CHECKING:
    from sensitivity.results.results import Results

COLUMNS = ["task", "change", "leader", "reversed", "value", "low", "high", "n", "note"]
HALF = "with half the margin"
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
    common best; by the test loss where a training loss judges, or the other way round; and with half the
    margin. ``leader`` is the variant to use. ``value`` is the number of pairs whose verdict by the primary
    measure turns round, and ``reversed`` names them: pairs told apart before and after, in opposite
    directions, and, with half the margin, pairs that were equivalent or differed negligibly and now differ
    by more. ``low`` and ``high`` are empty: these are counts.

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
        whole, pairs, limit = _concluded(results, task, every, level)
        rows.append(_row(task, "as it is", whole, [], every))
        signs = {name: _sign(pair, level) for name, pair in pairs.items()}
        for change, changed in _changes(results, task, every):
            named, now, _ = _concluded(results, task, changed, level)
            turned = [name for name, pair in now.items() if _sign(pair, level) * signs.get(name, 0) < 0]
            rows.append(_row(task, change, named, turned, changed))
        if math.isfinite(limit):
            turned = [name for name, pair in pairs.items() if _matters_now(pair, limit, level)]
            rows.append(_row(task, HALF, whole, turned, every))
    return pd.DataFrame(rows, columns=COLUMNS)


def _sign(pair: Difference, level: float) -> int:
    """Return the sign of a difference that is told from 0; else 0."""
    return 0 if not pair.p <= 1 - level else 1 if pair.value > 0 else -1


def _matters_now(pair: Difference, limit: float, level: float) -> bool:
    """Return True where a difference is within the margin, and told from 0 and not within half of it."""
    within, half = (verdict_of(pair, margin, level) for margin in (limit, limit / 2))
    return within in (EQUIVALENT, NEGLIGIBLE) and half in (BETTER, BETTER_BY_MARGIN)


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
) -> tuple[str, dict[tuple[str, str], Difference], float]:
    """Return the variant to use, the difference of every pair by the primary measure, and the margin."""
    known = estimated(every, draws=DRAWS)
    goal = stakes_of(known, meaningful=cap_of(results, task) == INITIAL)
    found = quantities(results, known, goal, primary_of(results, known))
    seeds = min(group.loss.shape[1] for group in every)
    pairs = differences(found, seeds=seeds, level=level)
    named = leader(results, known, goal, level)
    return named, {(pair.a, pair.b): pair for pair in pairs}, margin_of(results, goal, None)


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
