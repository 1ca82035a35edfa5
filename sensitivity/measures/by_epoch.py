"""Verdicts by epoch: what the same trials would have decided after a share of their training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.measures.designs import joined, refuse_adaptive
from sensitivity.measures.estimates import estimates, stakes
from sensitivity.measures.losses import keeping_losses
from sensitivity.measures.verdicts import UNDECIDED, leader, verdicts
from sensitivity.results.rereading import after_share
from sensitivity.results.results import records
from sensitivity.text.wording import several
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

SHARES = (0.25, 0.5, 1.0)
COLUMNS = ["task", "epochs", "share", "leader", "decided", "value", "reversed", "low", "high", "n", "note"]


def verdicts_by_epoch(
    results: Results, *, shares: Sequence[float] = SHARES, level: float = 0.95
) -> pd.DataFrame:
    """Return what the same trials would have decided after a share of their epochs.

    Every share has the :func:`sensitivity.measures.verdicts.verdicts` of the primary measure on the metric
    that the trials had by then: a trial that had diverged counts at the cap, and one that diverges later has
    the metric that it had. The best loss, the unit and a margin that the study does not state are those of
    the share too. ``epochs`` is the number of epochs, rounded up to a whole one; ``leader`` is the variant to
    use, ``decided`` the number of decided pairs. ``value`` is the number of pairs of which the other variant
    is better than at the end, and ``reversed`` names them. ``low`` and ``high`` are empty: these are counts.
    Trials that a scheduler stopped early are left out, as everywhere.

    A schedule that ends with the study (a cosine, a decay) has not ended by an earlier epoch, so a shorter
    study of such trials may decide otherwise.

    Args:
        results: Results of a study, with stored epochs.
        shares: Shares of the epochs, above 0 and at most 1; 1 is the end.
        level: Level of all verdicts of a task together, between 0 and 1.

    Raises:
        InputError: for an adaptive design, a share outside 0 to 1, or results without stored epochs before
            the last.

    Source: Dahl et al., "Benchmarking Neural Network Training Algorithms", arXiv:2306.07179, on training
    curves that cross.
    """
    chosen = _checked(shares)
    refuse_adaptive(results, "verdicts_by_epoch", "its trials crowd where the optimizer looked")
    results = keeping_losses(results)
    _check_epochs(results)
    end = _better(verdicts(results, level=level))
    rows = [row for share in chosen for row in _rows(results, share, end, level)]
    order = {task: place for place, task in enumerate(dict.fromkeys(task for task, _ in results.groups))}
    rows.sort(key=lambda row: order[row["task"]])
    return pd.DataFrame(rows, columns=COLUMNS)


def _checked(shares: Sequence[float] | float) -> list[float]:
    listed = [shares] if isinstance(shares, int | float) else list(shares)
    for share in listed:
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise InputError(f"shares must be above 0 and at most 1, got {share!r}")
    return [float(share) for share in listed]


def _check_epochs(results: Results) -> None:
    """Check that some trial has a stored epoch before its last.

    Raises:
        InputError: if none has.
    """
    trials = results.usable
    if trials.empty:
        return
    epochs = results.epochs
    if {"key", "epoch", results.metric} <= set(epochs.columns):
        length = epochs["key"].map(trials.drop_duplicates("key").set_index("key")["epochs"])
        if (epochs["epoch"] < length).any():
            return
    raise InputError(
        f"verdicts_by_epoch needs {results.metric} of earlier epochs, and only that of the last is stored; "
        "verdicts has what the study decides at its end"
    )


def _better(table: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    """Return the better variant of every pair, by task; the empty text where neither is."""
    return {(row["task"], row["a"], row["b"]): row["better"] for row in records(table)}


def _rows(
    results: Results, share: float, end: dict[tuple[str, str, str], str], level: float
) -> list[dict[str, Any]]:
    """Return a row a task for one share."""
    part = keeping_losses(after_share(results, share))
    table = verdicts(part, level=level)
    better, goals = _better(table), stakes(part)
    rows = []
    for task, every in estimates(part).items():
        pairs = records(table[table["task"] == task])
        turned = [
            f"{a} against {b}"
            for (of, a, b), name in better.items()
            if of == task and name and end.get((of, a, b), "") not in ("", name)
        ]
        trials = part.usable[part.usable["task"] == task]
        whole = int((results.usable["task"] == task).sum())
        rows.append(
            {
                "task": task,
                "epochs": int(trials["epochs"].max()),
                "share": share,
                "leader": leader(part, every, goals[task], level),
                "decided": sum(row["verdict"] != UNDECIDED for row in pairs),
                "value": float(len(turned)),
                "reversed": ", ".join(turned),
                "low": math.nan,
                "high": math.nan,
                "n": len(trials),
                "note": _note([one.variant for one in every], pairs, whole - len(trials), whole),
            }
        )
    return rows


def _note(variants: list[str], pairs: list[dict[str, Any]], missing: int, whole: int) -> str:
    """Return the limits of a row: variants that had not learned, trials without an epoch, one seed."""
    compared = {name for row in pairs for name in (row["a"], row["b"])}
    idle = [name for name in variants if name not in compared]
    return joined(
        f"not compared, having hardly learned: {several(idle)}" if idle and len(variants) > 1 else "",
        f"{missing} of {whole} trials have no stored epoch by then" if missing else "",
        *dict.fromkeys(row["note"] for row in pairs),
    )
