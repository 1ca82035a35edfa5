"""Outliers: trials that alone decide the variance of the losses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from sensitivity.measures.losses import Losses, scaled
from sensitivity.results.capping import WORST, cap_of
from sensitivity.results.results import IMPORTED
from sensitivity.text.wording import number, percent, setting, several

if TYPE_CHECKING:
    from sensitivity.results.results import Results

FEWEST = 8
"""Fewest trials that are judged: of fewer, one always has a large part of the variance."""
MOST, FAR = 0.5, 1e3
"""Largest share of the variance for a few trials; multiple of the 90% excess that makes a trial far out."""


def outliers(results: Results, groups: Iterable[Losses]) -> list[tuple[str, str, str]]:
    """Return task, variant and sentence where one trial, or a few far out, carry most of the variance.

    There is one sentence a task.
    """
    by_key: dict[str, list[tuple[float, int, Losses]]] = {}
    for group in groups:
        share, count = decisive(group)
        if count:
            by_key.setdefault(group.task, []).append((share, count, group))
    rows = []
    for task, part in by_key.items():
        part.sort(key=lambda row: -row[0])
        share, count, group = part[0]
        others = [other.variant for _, _, other in part[1:]]
        more = f" So do outliers of {several(others)}." if others else ""
        rows.append((task, "" if others else group.variant, f"{_words(results, group, share, count)}{more}"))
    return rows


def decisive(group: Losses) -> tuple[float, int]:
    """Return the share of the variance of the losses that a few trials carry, and their number; or 0, 0."""
    loss = scaled(group).loss
    loss = loss[np.isfinite(loss)]
    if len(loss) < FEWEST:
        return 0.0, 0
    squares = (loss - loss.mean()) ** 2
    total = float(squares.sum())
    if total <= 1e-24 * float((loss**2).sum()):
        return 0.0, 0
    if squares.max() > MOST * total:
        return float(squares.max() / total), 1
    excess = loss - loss.min()
    far = excess > FAR * float(np.quantile(excess, 0.9))
    share = float(squares[far].sum() / total)
    return (share, int(far.sum())) if share > MOST else (0.0, 0)


def _words(results: Results, group: Losses, share: float, count: int) -> str:
    distance = np.abs(scaled(group).loss - np.nanmean(scaled(group).loss))
    row, column = np.unravel_index(int(np.nanargmax(distance)), distance.shape)
    loss = float(group.loss[row, column])
    value = f"{results.metric} {number(-loss)}" if results.direction == "max" else f"loss {number(loss)}"
    configuration = setting(group.configurations[row])
    where = (
        f"{group.variant} on {group.task} "
        f"({'' if count == 1 else 'up to '}{value}{f', {configuration}' if configuration else ''})"
    )
    who = f"One trial of {where} carries" if count == 1 else f"{count} trials of {where} carry"
    is_free = (
        IMPORTED in results.spec and cap_of(results, group.task) == WORST and loss > np.nanmin(group.loss)
    )
    advice = f"; give initial_loss to cap {'it' if count == 1 else 'them'}" if is_free else ""
    return f"{who} {percent(share)} of the variance{advice}."
