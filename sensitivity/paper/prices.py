"""What would decide a claim that is undecided: how many seeds, trials and hours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from search_spaces.paper import RATES
from sensitivity.paper.claims import AT_THE_END, CLAIMS, UNDECIDED
from sensitivity.paper.contrasts import Undecided
from sensitivity.paper.trials import as_list, pooled
from sensitivity.results.results import records
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.paper.claims import Claim
    from sensitivity.results.results import Results

TIMES = (2, 3, 5, 10, 20)
"""Multiples of the seeds that are tried."""
ONE_SEED = "one seed"
APART = 10**9
"""Distance between the seeds of a repetition and those before it."""


def prices(results: Results | Sequence[Results], claims: pd.DataFrame) -> list[str]:
    """Return what would decide each claim, in words; empty for a claim that is decided.

    An interval narrows as seeds are added. So the trials of a claim are repeated under new seeds, and the
    smallest multiple of :data:`TIMES` that decides is the price, if the means stay as they are. Its hours are
    of one core, at the mean duration of the trials in the store. Where the best learning rate is at the end
    of those that were run, the price is that of one more learning rate.

    Args:
        results: Results of one study or of several.
        claims: Table of :func:`sensitivity.paper.claims.claims` of these results.
    """
    trials, seconds = pooled(results), seconds_of(results)
    known = {claim.name: claim for claim in CLAIMS}
    return [
        _price(
            known[row["name"]], row, trials[trials["task"] == row["task"]], seconds.get(row["task"], math.nan)
        )
        if row["verdict"] == UNDECIDED
        else ""
        for row in records(claims)
    ]


def seconds_of(results: Results | Sequence[Results]) -> dict[str, float]:
    """Return the mean seconds of a completed trial by task."""
    tables = [
        one.usable.loc[one.usable["status"] == "completed", ["task", "seconds"]] for one in as_list(results)
    ]
    whole = pd.concat(tables) if tables else pd.DataFrame(columns=["task", "seconds"])
    return {str(task): float(part["seconds"].mean()) for task, part in whole.groupby("task")}


def _price(claim: Claim, row: dict[str, Any], trials: pd.DataFrame, seconds: float) -> str:
    if not row["n"] or not np.isfinite(row["value"]):
        return "two more seeds" if row["note"] == ONE_SEED else f"trials that were not run: {row['note']}"
    if AT_THE_END in row["note"]:
        return f"a learning rate beyond: {_cost(math.ceil(row['n'] / len(RATES['l2'])), seconds)}"
    seeds = trials["seed"].nunique()
    for times in TIMES:
        try:
            verdict = claim.verdict(claim.find(repeated(trials, times)))
        except (Undecided, InputError):
            continue
        if verdict != UNDECIDED:
            return f"{times * seeds} seeds, if the means stay: {_cost((times - 1) * row['n'], seconds)}"
    return f"more than {TIMES[-1] * seeds} seeds: it lies too near the edge of the claim"


def repeated(trials: pd.DataFrame, times: int) -> pd.DataFrame:
    """Return the trials several times, each time with other seeds.

    >>> list(repeated(pd.DataFrame({"seed": [0, 1]}), 2)["seed"])
    [0, 1, 1000000000, 1000000001]
    """
    again = [trials.assign(seed=trials["seed"].astype("int64") + i * APART) for i in range(times)]
    return pd.concat(again, ignore_index=True)


def _cost(more: int, seconds: float) -> str:
    hours = more * seconds / 3600
    if not math.isfinite(hours):
        return f"{more:,} more trials"
    return (
        f"{more:,} more trials, {hours:.1f} hours of a core"
        if hours >= 0.1
        else f"{more:,} more trials, minutes"
    )
